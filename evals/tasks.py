"""The tasks. Literal functions, because Inspect lists no others; all of them thin.

A sample is one organism, an epoch one repeat. `inspect eval diffgauge/blackbox -T organism=zoo/dev
--model diffgauge/scripted` needs no network. Their arguments are those of `cells.cell`
(docs/tasks.md); a method's own settings stand in `set`.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, Final

from inspect_ai import Task, task

from diffgauge.evals.arguments import OF_METHODS, taking
from diffgauge.evals.arms import ARMS, WITH_METHOD
from diffgauge.evals.battery import OF_AGENTS, battery_task
from diffgauge.evals.investigation import investigation
from diffgauge.evals.refusals import told_plainly
from diffgauge.records.errors import DiffgaugeError

__all__ = [
    "activation_analysis",
    "activation_oracle",
    "adl",
    "amplification",
    "battery",
    "blackbox",
    "crosscoder",
    "diff_mining",
    "investigate",
    "kl",
    "llm_diff",
    "pca",
    "perplexity_diff",
    "sae_difference",
    "task_of",
]


@task(method="none", tier="core")
@taking("method", *OF_METHODS)
def blackbox(**asked: Any) -> Task:
    """Investigates a pair by asking, and by nothing else: the baseline."""
    if str(asked["agent"]) in WITH_METHOD:
        with told_plainly():
            raise DiffgaugeError(
                f"The task blackbox was given the agent {asked['agent']!r}.",
                allowed=", ".join(sorted(set(ARMS) - WITH_METHOD)),
                advice="Others belong to a method's task, for example diffgauge/adl.",
            )
    return investigation(**asked)


@task(method="adl", tier="core")
@taking("method", agent="method")
def adl(**asked: Any) -> Task:
    """Investigates a pair with the Activation Difference Lens, and by asking both models."""
    return investigation(method="adl", **asked)


@task(method="kl", tier="core")
@taking("method", agent="method")
def kl(**asked: Any) -> Task:
    """Investigates a pair with the divergence of next tokens, and by asking both models."""
    return investigation(method="kl", **asked)


@task(method="diff_mining", tier="core")
@taking("method", agent="method")
def diff_mining(**asked: Any) -> Task:
    """Investigates a pair with the tokens one model raises, and by asking both models."""
    return investigation(method="diff_mining", **asked)


@task(method="activation_oracle", tier="core")
@taking("method", agent="method")
def activation_oracle(**asked: Any) -> Task:
    """Investigates a pair with a model that reads activations, and by asking both models."""
    return investigation(method="activation_oracle", **asked)


@task(method="amplification", tier="core")
@taking("method", agent="method")
def amplification(**asked: Any) -> Task:
    """Investigates a pair with the change of its weights amplified, and by asking both models."""
    return investigation(method="amplification", **asked)


@task(method="perplexity_diff", tier="core")
@taking("method", agent="method")
def perplexity_diff(**asked: Any) -> Task:
    """Investigates a pair with what one model says that the other would not, and by asking both."""
    return investigation(method="perplexity_diff", **asked)


@task(method="activation_analysis", tier="core")
@taking("method", agent="method")
def activation_analysis(**asked: Any) -> Task:
    """Investigates a pair with where activations differ most, and by asking both models."""
    return investigation(method="activation_analysis", **asked)


@task(method="pca", tier="core")
@taking("method", agent="method")
def pca(**asked: Any) -> Task:
    """Investigates a pair with main directions of the difference, and by asking both models."""
    return investigation(method="pca", **asked)


@task(method="sae_difference", tier="core")
@taking("method", agent="method")
def sae_difference(**asked: Any) -> Task:
    """Investigates a pair with latents of the difference of activations, and by asking both."""
    return investigation(method="sae_difference", **asked)


@task(method="crosscoder", tier="core")
@taking("method", agent="method")
def crosscoder(**asked: Any) -> Task:
    """Investigates a pair with latents of both models' activations, and by asking both models."""
    return investigation(method="crosscoder", **asked)


@task(method="llm_diff", tier="core")
@taking("method", agent="method")
def llm_diff(**asked: Any) -> Task:
    """Investigates a pair with clusters of what replies differ in, and by asking both models."""
    return investigation(method="llm_diff", **asked)


@task(method="battery", tier="core")
@taking(*OF_AGENTS)
def battery(**asked: Any) -> Task:
    """Reports what fixed statistics find in replies to fixed prompts; no agent investigates."""
    return battery_task(**asked)


@task(method="any", tier="core")
@taking(agent="method")
def investigate(**asked: Any) -> Task:
    """Investigates a pair with any registered method, those of other packages among them."""
    return investigation(**asked)


_OF_METHOD: Final[dict[str, Callable[..., Task]]] = {
    "activation_analysis": activation_analysis,
    "activation_oracle": activation_oracle,
    "adl": adl,
    "amplification": amplification,
    "crosscoder": crosscoder,
    "diff_mining": diff_mining,
    "kl": kl,
    "llm_diff": llm_diff,
    "pca": pca,
    "perplexity_diff": perplexity_diff,
    "sae_difference": sae_difference,
}


def task_of(method: str) -> Callable[..., Task]:
    """Returns the task a user would type for a method: its own, or `investigate`."""
    return _OF_METHOD.get(method) or partial(investigate, method=method)
