"""The tasks. Literal functions, because Inspect lists no others; all of them thin.

A sample is one organism, an epoch one repeat. `inspect eval diffgauge/blackbox -T organism=zoo/dev
--model diffgauge/scripted` needs no network.
"""

import inspect
from collections.abc import Callable, Mapping
from typing import Any

from inspect_ai import Task, task

from diffgauge.evals.cells import ALL_ORGANISMS, DEFAULT_BUDGET, DEFAULT_TURNS
from diffgauge.evals.investigation import investigation
from diffgauge.evals.refusals import told_plainly
from diffgauge.records.errors import DiffgaugeError, unknown_name

__all__ = ["adl", "blackbox", "investigate"]


@task(method="none", tier="core")
def blackbox(
    organism: str | list[str] = ALL_ORGANISMS,
    agent: str = "blackbox",
    budget: int = DEFAULT_BUDGET,
    blind: bool = True,
    seed: int = 0,
    turns: int = DEFAULT_TURNS,
    dtype: str = "float32",
    device: str = "auto",
    dry_run: bool = False,
    **others: Any,
) -> Task:
    """Investigates a pair by asking both models, and by nothing else: the baseline.

    Args:
        organism: An id, a family, a suite (zoo, zoo/dev, zoo/held_out) or a list of these; left
            out, the whole zoo.
        agent: blackbox; this task has no other arm.
        budget: Model interactions: replies sampled from one of the two models.
        blind: Whether the investigator is kept from knowing which model is the finetuned one.
        seed: Seeds names and sampling; an epoch changes both.
        turns: Messages the investigator may send.
        dtype: Compute dtype of the pair: float32, bfloat16 or float16.
        device: Torch device of the pair; auto takes an accelerator where there is one.
        dry_run: Print what would be done and what it would take, and stop.
        others: None: a name that is not known is refused, where Inspect alone would ignore it.
    """
    _refuse(others, blackbox)
    if agent != "blackbox":
        with told_plainly():
            raise DiffgaugeError(
                f"The task blackbox was given the agent {agent!r}.",
                allowed="blackbox",
                advice="A method's task has the agent 'method', for example diffgauge/adl.",
            )
    return investigation(
        organism=organism,
        agent=agent,
        method=None,
        budget=budget,
        blind=blind,
        seed=seed,
        turns=turns,
        dtype=dtype,
        device=device,
        dry_run=dry_run,
    )


@task(method="adl", tier="core")
def adl(
    organism: str | list[str] = ALL_ORGANISMS,
    agent: str = "method",
    budget: int = DEFAULT_BUDGET,
    blind: bool = True,
    seed: int = 0,
    corpus: str = "unrelated",
    n_texts: int | None = None,
    texts: str | None = None,
    turns: int = DEFAULT_TURNS,
    dtype: str = "float32",
    device: str = "auto",
    dry_run: bool = False,
    **others: Any,
) -> Task:
    """Investigates a pair with the Activation Difference Lens, and by asking both models.

    Args:
        organism: As in blackbox.
        agent: method, or blackbox for the baseline.
        budget: As in blackbox; replies sampled to build the artifact are counted apart.
        blind: As in blackbox.
        seed: As in blackbox; also seeds what the artifact draws.
        corpus: Where the method reads: unrelated, chat, or domain (the organism's own text,
            recorded and reported apart).
        n_texts: Texts read; left out, the method's default.
        texts: A local .jsonl or .txt file that stands for the corpus.
        turns: As in blackbox.
        dtype: As in blackbox.
        device: As in blackbox.
        dry_run: As in blackbox.
        others: As in blackbox.
    """
    _refuse(others, adl)
    return investigation(
        organism=organism,
        agent=agent,
        method="adl",
        budget=budget,
        blind=blind,
        seed=seed,
        turns=turns,
        corpus=corpus,
        n_texts=n_texts,
        texts=texts,
        dtype=dtype,
        device=device,
        dry_run=dry_run,
    )


@task(method="any", tier="core")
def investigate(
    method: str | None = None,
    organism: str | list[str] = ALL_ORGANISMS,
    agent: str = "method",
    budget: int = DEFAULT_BUDGET,
    blind: bool = True,
    seed: int = 0,
    corpus: str = "unrelated",
    n_texts: int | None = None,
    texts: str | None = None,
    turns: int = DEFAULT_TURNS,
    dtype: str = "float32",
    device: str = "auto",
    dry_run: bool = False,
    **others: Any,
) -> Task:
    """Investigates a pair with any registered method, those of other packages among them.

    Args:
        method: Its registered name (diffgauge methods list).
        organism: As in adl, like everything below.
        agent: method, or blackbox for the baseline.
        budget: Model interactions.
        blind: Whether the sides are hidden; a method that cannot hide them is shown unblinded.
        seed: Seeds names, sampling and the artifact.
        corpus: unrelated, chat or domain.
        n_texts: Texts read.
        texts: A local file of texts.
        turns: Messages the investigator may send.
        dtype: Compute dtype of the pair.
        device: Torch device of the pair.
        dry_run: Print what would be done and what it would take, and stop.
        others: None: a name that is not known is refused, where Inspect alone would ignore it.
    """
    _refuse(others, investigate)
    return investigation(
        organism=organism,
        agent=agent,
        method=method,
        budget=budget,
        blind=blind,
        seed=seed,
        turns=turns,
        corpus=corpus,
        n_texts=n_texts,
        texts=texts,
        dtype=dtype,
        device=device,
        dry_run=dry_run,
    )


def _refuse(others: Mapping[str, Any], made: Callable[..., Task]) -> None:
    """Refuses arguments a task does not have: a slip must not run another grid than was meant."""
    with told_plainly():
        for name in others:
            known = [
                one.name
                for one in inspect.signature(made).parameters.values()
                if one.kind is not one.VAR_KEYWORD
            ]
            raise unknown_name("task argument", name, known)
