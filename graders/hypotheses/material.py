"""Doors for what exists already: hypotheses, replies of two models, verdicts."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError

from diffgauge.records.errors import DiffgaugeError
from diffgauge.records.hypotheses import (
    MODELS,
    SPLITS,
    Hypothesis,
    ModelName,
    PairedReplies,
    Split,
    VerdictRow,
)
from diffgauge.records.reports import Report
from diffgauge.records.stored import ALIASES_KEY, REPORT_KEY

__all__ = ["read_hypotheses", "read_replies", "read_verdicts"]

_KINDS: Final = ".jsonl, .csv or .parquet"
_BROKEN: Final = "_broken"
"""Stands in the place of a row that could not be read, with the reason."""


def read_hypotheses(path: Path) -> list[Hypothesis]:
    """Reads hypotheses.

    Args:
        path: A table with the columns ``text`` and ``predicted`` (``a`` or ``b``), and as it may
            be ``id``, ``origin``, ``train_a``, ``train_b``; or an Inspect log, whose reports'
            findings are taken, with the base as model ``a``.

    Raises:
        DiffgaugeError: There is no such file, nothing in it, a row is no hypothesis, or two have
            one id.
    """
    if path.suffix == ".eval":
        found = list(_of_log(path))
    else:
        found = [_hypothesis(path, at, row) for at, row in enumerate(_table(path), 1)]
    if not found:
        raise DiffgaugeError(f"There is no hypothesis in {path}.")
    seen: set[str] = set()
    for one in found:
        if one.id in seen:
            raise DiffgaugeError(
                f"Two hypotheses in {path} have the id {one.id!r}.", allowed="ids of their own"
            )
        seen.add(one.id)
    return found


def read_replies(paths: Sequence[Path]) -> list[PairedReplies]:
    """Reads both models' replies.

    Args:
        paths: One table with the columns ``prompt``, ``a``, ``b`` and as it may be ``split``
            (``train`` or ``test``, the default); or two, of model ``a`` and of model ``b``, with
            ``prompt``, ``reply`` and ``split``. A prompt that stands there several times has as
            many replies of each model.

    Returns:
        One for each pair of replies; what is missing or broken in a row is its problem.

    Raises:
        DiffgaugeError: There is no such file, or no row in it, or it is one of three.
    """
    if len(paths) not in (1, 2):
        raise DiffgaugeError(
            f"{len(paths)} files of replies were given.",
            allowed="one of both models (prompt, a, b), or one of each (prompt, reply)",
        )
    tables = [list(_table(path)) for path in paths]
    rows = tables[0] if len(tables) == 1 else _joined(*tables)
    if not rows:
        raise DiffgaugeError(f"There are no replies in {' and '.join(map(str, paths))}.")
    counted: dict[str, int] = {}
    found = []
    for at, row in enumerate(rows, 1):
        one = _pair(at, row)
        number = counted.get(one.prompt, 0)
        counted[one.prompt] = number + 1
        found.append(one.model_copy(update={"number": number}))
    return found


def read_verdicts(path: Path) -> list[VerdictRow]:
    """Reads verdicts that are there already, with the columns of `VerdictRow`.

    Raises:
        DiffgaugeError: There is no such file, or a row is no verdict.
    """
    found = []
    for at, row in enumerate(_table(path), 1):
        known = {name: value for name, value in row.items() if value not in (None, "")}
        try:
            found.append(VerdictRow.model_validate(known))
        except ValidationError as error:
            raise _refused(path, at, "verdict", error) from error
    return found


def _table(path: Path) -> Iterator[dict[str, Any]]:
    if not path.is_file():
        raise DiffgaugeError(f"There is no file {path}.", allowed=f"{_KINDS} files")
    if path.suffix not in (".jsonl", ".csv", ".parquet"):
        raise DiffgaugeError(f"The kind of {path} is not known.", allowed=_KINDS)
    if path.suffix == ".parquet":
        import pyarrow as arrow
        import pyarrow.parquet as parquet

        try:
            yield from parquet.read_table(path).to_pylist()
        except (OSError, arrow.ArrowException) as error:
            raise DiffgaugeError(f"{path} cannot be read: {error}.") from error
        return
    text = path.read_text(encoding="utf-8-sig", errors="replace")
    if path.suffix == ".csv":
        yield from csv.DictReader(io.StringIO(text, newline=""))
        return
    for line in text.split("\n"):
        if line.strip():
            yield _line(line)


def _line(line: str) -> dict[str, Any]:
    try:
        row = json.loads(line)
    except ValueError:
        return {_BROKEN: "the line is no JSON"}
    return row if isinstance(row, dict) else {_BROKEN: "the line is no JSON object"}


def _refused(path: Path, at: int, what: str, error: ValidationError) -> DiffgaugeError:
    problem = error.errors()[0]
    where = ".".join(map(str, problem["loc"])) or "the row"
    return DiffgaugeError(f"Row {at} of {path} is no {what}: {where}: {problem['msg']}.")


def _hypothesis(path: Path, at: int, row: Mapping[str, Any]) -> Hypothesis:
    if _BROKEN in row:
        raise DiffgaugeError(f"Row {at} of {path} is no hypothesis: {row[_BROKEN]}.")
    fields = Hypothesis.model_fields
    known = {name: row[name] for name in fields if row.get(name) not in (None, "")}
    predicted = str(known.get("predicted", "")).strip().casefold()
    try:
        return Hypothesis.model_validate(
            known | {"id": str(known.get("id", at)), "predicted": predicted}
        )
    except ValidationError as error:
        raise _refused(path, at, "hypothesis", error) from error


def _of_log(path: Path) -> Iterator[Hypothesis]:
    from inspect_ai.log import read_eval_log

    if not path.is_file():
        raise DiffgaugeError(f"There is no log {path}.")
    for sample in read_eval_log(path).samples or []:
        stored, names = sample.store.get(REPORT_KEY), sample.store.get(ALIASES_KEY) or {}
        if stored is None:
            continue
        sides: dict[str, ModelName] = {
            str(names.get("base")).casefold(): "a",
            str(names.get("finetuned")).casefold(): "b",
        }
        report = Report.model_validate_json(json.dumps(stored))
        for at, finding in enumerate(report.findings, 1):
            predicted = sides.get(" ".join(finding.which.split()).casefold())
            if predicted is not None:
                name = f"{sample.id} {sample.epoch} {at}"
                text = f"{finding.behaviour} When: {finding.condition}"
                yield Hypothesis(id=name, text=text, predicted=predicted, origin=path.name)


def _joined(
    of_a: Sequence[Mapping[str, Any]], of_b: Sequence[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """Pairs the n-th reply of one model to a prompt with the n-th of the other."""
    found: dict[tuple[str, int], dict[str, Any]] = {}
    for model, rows in zip(MODELS, (of_a, of_b), strict=True):
        counted: dict[str, int] = {}
        for row in rows:
            prompt = str(row.get("prompt", ""))
            number = counted.get(prompt, 0)
            counted[prompt] = number + 1
            pair = found.setdefault((prompt, number), {"prompt": prompt})
            pair[model] = row.get("reply")
            pair["split"] = pair.get("split") or row.get("split")
            if _BROKEN in row:
                pair[_BROKEN] = row[_BROKEN]
    return list(found.values())


def _pair(at: int, row: Mapping[str, Any]) -> PairedReplies:
    prompt, split = row.get("prompt"), row.get("split") or "test"
    problems = [str(row[_BROKEN])] if _BROKEN in row else []
    if not isinstance(prompt, str) and not problems:
        problems.append("there is no prompt")
    if split not in SPLITS:
        problems.append(f"the split {split!r} is none of {', '.join(SPLITS)}")
    texts = {model: row.get(model) for model in MODELS}
    problems += [
        f"the reply of model {model} is missing" if text is None else f"{model} is no text"
        for model, text in texts.items()
        if not isinstance(text, str) and not problems
    ]
    of_split: Split = "train" if split == "train" else "test"
    named = prompt if isinstance(prompt, str) else f"(row {at})"
    if problems:
        return PairedReplies(prompt=named, split=of_split, problem="; ".join(problems))
    return PairedReplies(prompt=named, split=of_split, a=str(texts["a"]), b=str(texts["b"]))
