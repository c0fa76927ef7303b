"""The validation set as it is packaged: reports with the labels their construction gives them."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Final, Literal

from pydantic import Field

from diffgauge.records.errors import DiffgaugeError, unknown_name
from diffgauge.records.record import Record
from diffgauge.records.reports import Report
from diffgauge.records.validations import Half, Labels, ReportKind, Wording

__all__ = ["HALVES", "PACKAGED", "Example", "as_lines", "digest", "examples", "n_words"]

PACKAGED: Final = Path(__file__).parents[1] / "data" / "validation.jsonl"

HALVES: Final = ("dev", "test", "all")
"""What can be asked for."""

_SHOWN: Final = 16


class Example(Record):
    """One report of the set.

    Attributes:
        id: Unique; human labels refer to it.
        organism: Against whose truth it is graded.
        truth_id: That truth; all reports about one truth are in one half.
        family: Of the organism.
        null: Kind of null, or ``none``.
        half: For choosing a grader and its prompt, or for saying how good it is.
        kind: What sort of report it is.
        wording: How it says what it says.
        attack: Kind of attack it holds; None without one.
        twin: Id of the report that differs in length or attack alone; None without one.
        position: Place of the first finding that says something true, from 1.
        labelled_by: Nobody: labels follow from construction.
        labels: What it deserves.
        report: What was submitted.
    """

    id: str
    organism: str
    truth_id: str
    family: str
    null: str
    half: Half
    kind: ReportKind
    wording: Wording
    attack: str | None = None
    twin: str | None = None
    position: int | None = Field(default=None, ge=1)
    labelled_by: Literal["construction"] = "construction"
    labels: Labels
    report: Report


def n_words(report: Report) -> int:
    """Returns the words of a report's summary and findings."""
    texts = [report.summary]
    texts += [f"{finding.behaviour} {finding.condition}" for finding in report.findings]
    return sum(len(text.split()) for text in texts)


def as_lines(made: Sequence[Example]) -> bytes:
    """Returns examples as the bytes of a file, one JSON object on each line."""
    return "".join(f"{one.model_dump_json()}\n" for one in made).encode()


def examples(half: str = "all", path: Path = PACKAGED) -> tuple[Example, ...]:
    """Returns the validation set, or one half of it.

    Args:
        half: ``dev``, ``test`` or ``all``.
        path: The file; the packaged one by default.

    Raises:
        DiffgaugeError: There is no such half, or the file is not there or malformed.
    """
    if half not in HALVES:
        raise unknown_name("split of the validation set", half, HALVES)
    return tuple(one for one in _read(path)[0] if half in ("all", one.half))


def digest(path: Path = PACKAGED) -> str:
    """Returns a hash (16 hex digits) of the file's bytes, which stands beside every figure.

    Raises:
        DiffgaugeError: As `examples`.
    """
    return _read(path)[1]


def _read(path: Path) -> tuple[tuple[Example, ...], str]:
    try:
        status = path.stat()
    except OSError as error:
        raise DiffgaugeError(
            f"The validation set is not at {path}.",
            advice="`diffgauge graders build` makes it.",
        ) from error
    return _loaded(path, status.st_mtime_ns, status.st_size)


@lru_cache(maxsize=4)
def _loaded(path: Path, changed_ns: int, n_bytes: int) -> tuple[tuple[Example, ...], str]:
    del changed_ns, n_bytes  # only there so that an edited file is read anew
    data = path.read_bytes()
    found = []
    for number, line in enumerate(data.decode().splitlines(), 1):
        try:
            found.append(Example.model_validate_json(line))
        except ValueError as error:
            raise DiffgaugeError(f"{path}, line {number}: no example: {error}") from error
    return tuple(found), hashlib.sha256(data).hexdigest()[:_SHOWN]
