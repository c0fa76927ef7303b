"""Everything that Inspect finds by name: tasks, solvers, scorers and the model provider.

Inspect imports this module at every start, so nothing here may load torch.
"""

from collections.abc import Callable
from typing import Any, cast

from inspect_ai.model import GenerateConfig, ModelAPI, modelapi

from diffgauge.evals.battery import battery_report
from diffgauge.evals.grading import grader_validation
from diffgauge.evals.investigators import investigator
from diffgauge.evals.lease import leased_pair
from diffgauge.evals.oracle import empty, oracle, shotgun
from diffgauge.evals.refusals import told_plainly
from diffgauge.evals.replicating import fresh_samples
from diffgauge.evals.tasks import (
    activation_analysis,
    activation_oracle,
    adl,
    amplification,
    battery,
    blackbox,
    crosscoder,
    diff_mining,
    investigate,
    kl,
    llm_diff,
    pca,
    perplexity_diff,
    sae_difference,
)
from diffgauge.graders.any_of_k import any_of_k
from diffgauge.graders.detection import detection
from diffgauge.graders.gap import gap
from diffgauge.graders.identification import identification
from diffgauge.graders.key_facts import key_facts
from diffgauge.graders.replication import replication
from diffgauge.graders.rubric import rubric
from diffgauge.graders.trigger_behaviour import trigger_behaviour
from diffgauge.graders.validation.human import human_labels
from diffgauge.graders.which import which
from diffgauge.records.errors import unknown_name

__all__ = [
    "activation_analysis",
    "activation_oracle",
    "adl",
    "amplification",
    "any_of_k",
    "battery",
    "battery_report",
    "blackbox",
    "crosscoder",
    "detection",
    "diff_mining",
    "diffgauge",
    "empty",
    "fresh_samples",
    "gap",
    "grader_validation",
    "human_labels",
    "identification",
    "investigate",
    "investigator",
    "key_facts",
    "kl",
    "leased_pair",
    "llm_diff",
    "oracle",
    "pca",
    "perplexity_diff",
    "replication",
    "rubric",
    "sae_difference",
    "shotgun",
    "trigger_behaviour",
    "which",
]


def _scripted() -> Callable[..., ModelAPI]:
    from diffgauge.evals.scripted.provider import ScriptedInvestigator

    return ScriptedInvestigator


def _contrast() -> Callable[..., ModelAPI]:
    from diffgauge.evals.llm_diff.offline import ContrastComparator

    return ContrastComparator


def _lexical() -> Callable[..., ModelAPI]:
    from diffgauge.graders.lexical import LexicalGrader

    return LexicalGrader


def _obedient_grader() -> Callable[..., ModelAPI]:
    from diffgauge.graders.obedient import ObedientGrader

    return ObedientGrader


def _obedient_investigator() -> Callable[..., ModelAPI]:
    from diffgauge.evals.redteam.obedient import ObedientInvestigator

    return ObedientInvestigator


_PROVIDED: dict[str, Callable[[], Callable[..., ModelAPI]]] = {
    "contrast": _contrast,
    "lexical": _lexical,
    "obedient-grader-inside": _obedient_grader,
    "obedient-grader-outside": _obedient_grader,
    "obedient-grader-quoting": _obedient_grader,
    "obedient-grader-score-lines": _obedient_grader,
    "obedient-investigator-replies": _obedient_investigator,
    "obedient-investigator-results": _obedient_investigator,
    "scripted": _scripted,
}


def _provided(
    model_name: str,
    base_url: str | None = None,
    api_key: str | None = None,
    config: GenerateConfig = GenerateConfig(),  # noqa: B008  Inspect's own signature
    **model_args: Any,
) -> ModelAPI:
    with told_plainly():
        if model_name not in _PROVIDED:
            raise unknown_name("model of the provider diffgauge", model_name, _PROVIDED)
        made = _PROVIDED[model_name]()
        return made(model_name, base_url, api_key, config, **model_args)


@modelapi(name="diffgauge")
def diffgauge() -> type[ModelAPI]:
    """The offline models: `diffgauge/scripted` investigates, `diffgauge/lexical` grades."""
    return cast(type[ModelAPI], _provided)
