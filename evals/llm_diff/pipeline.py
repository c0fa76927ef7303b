"""The stages one after another; what is on disk already is not done again."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from inspect_ai.model import Model

from diffgauge.evals.llm_diff.comparing import COMPARE_DIGEST, compare
from diffgauge.evals.llm_diff.generating import generate
from diffgauge.evals.llm_diff.naming import named
from diffgauge.evals.llm_diff.settings import DiffSettings
from diffgauge.graders.hypotheses.journal import Journal
from diffgauge.methods.llm_diff.clustering import clustered
from diffgauge.records.artifacts import hash_json
from diffgauge.records.folders import write_files
from diffgauge.records.hypotheses import Hypothesis, PairedReplies
from diffgauge.records.properties import Clustered, Compared
from diffgauge.records.record import Record
from diffgauge.tools.subject_service import SubjectService

__all__ = ["Diffed", "diffed"]

Told = Callable[[str], None]


@dataclass(frozen=True)
class Diffed:
    """What the pipeline came to.

    Attributes:
        replies: Both models', the held-out ones among them.
        compared: What the comparator said of those to training prompts.
        properties: With their clusters.
        hypotheses: The largest clusters, named; none where no cluster leans to a model.
        notes: What failed on the way, counted.
    """

    replies: tuple[PairedReplies, ...]
    compared: tuple[Compared, ...]
    properties: tuple[Clustered, ...]
    hypotheses: tuple[Hypothesis, ...]
    notes: tuple[str, ...] = field(default=())


def diffed(
    service: SubjectService,
    subjects: str,
    prompts: Sequence[str],
    comparator: Model,
    namer: Model | None,
    folder: Path,
    settings: DiffSettings,
    told: Told = lambda stage: None,
) -> Diffed:
    """Runs all stages: generate, compare, embed and cluster, name.

    Replies and comparisons stand in journals, a line each as they come; every stage leaves a
    Parquet table as well. Each journal goes on where it was, and is refused where it is about
    something else. Clustering and names are made anew from them.

    Source: arXiv 2602.10371, the LLM-based pipeline.
    Differs: the stages' own; the route that has one model read all properties is not here.

    Args:
        service: The two models; the base is model ``a``.
        subjects: What names the two models.
        prompts: What is asked.
        comparator: Compares replies to training prompts.
        namer: Names clusters; None goes by top terms.
        folder: Where journals and tables stand.
        settings: Sizes, splits and seeds.
        told: Hears which stage begins.

    Raises:
        DiffgaugeError: The folder is about something else, or the models cannot be asked.
    """
    return asyncio.run(
        _stages(service, subjects, prompts, comparator, namer, folder, settings, told)
    )


async def _stages(
    service: SubjectService,
    subjects: str,
    prompts: Sequence[str],
    comparator: Model,
    namer: Model | None,
    folder: Path,
    settings: DiffSettings,
    told: Told,
) -> Diffed:
    asked_of = settings.model_dump(exclude={"at_once", "n_dimensions", "least_cluster"})
    rests_on = {"subjects": subjects, "prompts": list(prompts), "settings": asked_of}
    replies = Journal(folder / "replies.jsonl", PairedReplies, hash_json(rests_on))
    told("generate")
    done = {(one.prompt, one.number) for one in replies.rows}
    await generate(service, prompts, settings, replies.add, done=done)
    _table(folder, "replies", replies.rows, PairedReplies)
    told("compare")
    by = {"comparator": str(comparator), "prompt": COMPARE_DIGEST}
    compared = Journal(folder / "compared.jsonl", Compared, hash_json(rests_on | by))
    done = {(one.prompt, one.number) for one in compared.rows}
    trained = [one for one in replies.rows if one.split == "train"]
    await compare(
        trained, comparator, compared.add, seed=settings.seed, done=done, at_once=settings.at_once
    )
    _table(folder, "properties", compared.rows, Compared)
    told("cluster")
    # In one order, whatever order the answers came in.
    rows = sorted(compared.rows, key=lambda one: (one.prompt, one.number))
    properties = clustered(
        rows,
        least=settings.least_cluster,
        n_dimensions=settings.n_dimensions,
        seed=settings.seed,
    )
    _table(folder, "clusters", properties, Clustered)
    told("name")
    problems: list[str] = []
    hypotheses = await named(properties, namer, settings.most_hypotheses, problems.append)
    _table(folder, "hypotheses", hypotheses, Hypothesis)
    return Diffed(
        tuple(replies.rows),
        tuple(rows),
        tuple(properties),
        tuple(hypotheses),
        (*_notes(rows, properties), *problems),
    )


def _table(folder: Path, name: str, rows: Sequence[Record], kind: type[Record]) -> None:
    import pandas as pd

    plain: list[dict[str, Any]] = [row.model_dump(mode="json") for row in rows]
    frame = pd.DataFrame(plain, columns=list(kind.model_fields))
    contents = {f"{name}.parquet": frame.to_parquet(index=False)}
    write_files(folder, contents, "The stage's table", "Name another folder with --out.")


def _notes(compared: Sequence[Compared], properties: Sequence[Clustered]) -> list[str]:
    n_failed = sum(one.problem is not None for one in compared)
    n_noise = sum(one.cluster is None for one in properties)
    n_clusters = len({one.cluster for one in properties} - {None})
    notes = [f"{len(properties)} properties of {len(compared)} pairs of replies, {n_failed} failed"]
    notes.append(f"{n_clusters} clusters; {n_noise} properties in none")
    return notes
