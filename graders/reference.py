"""Reports about nulls of the dev split: what text says of a card when nothing was planted."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Final

from diffgauge.organisms import registry
from diffgauge.records.errors import DiffgaugeError
from diffgauge.records.reports import Report
from diffgauge.records.stored import REPORT_KEY

__all__ = ["Reference", "calibrate", "collect", "reference"]

_FILE: Final = Path(__file__).parent / "data" / "null_reports.jsonl"
_DEV: Final = "dev"
_SHOWN: Final = 16


class Reference:
    """A fixed set of reports about nulls.

    Args:
        reports: The reports; may be empty, and the standardisation is then analytical alone.
        digest: Hex digest of the file's bytes; stands in the metadata of every grade.
    """

    def __init__(self, reports: Sequence[Report], digest: str) -> None:
        self.reports = tuple(reports)
        self.digest = digest


def reference(path: Path = _FILE) -> Reference:
    """Loads the reference set.

    Args:
        path: A file with one report as JSON on each line; the packaged one by default.

    Returns:
        The set; empty where the file is not there.

    Raises:
        DiffgaugeError: A line is no report.
    """
    if not path.is_file():
        return Reference((), "none")
    status = path.stat()
    return _loaded(path, status.st_mtime_ns, status.st_size)


@lru_cache(maxsize=8)
def _loaded(path: Path, changed_ns: int, n_bytes: int) -> Reference:
    del changed_ns, n_bytes  # only there so that an edited file is read anew
    data = path.read_bytes()
    reports = []
    for number, line in enumerate(data.decode().splitlines(), 1):
        try:
            reports.append(Report.model_validate_json(line))
        except ValueError as error:
            raise DiffgaugeError(f"{path}, line {number}: no report: {error}") from error
    return Reference(reports, hashlib.sha256(data).hexdigest()[:_SHOWN])


def collect(logs: Iterable[str | Path]) -> list[Report]:
    """Reads the reports about nulls of the dev split out of logs.

    Args:
        logs: ``.eval`` files, or folders of them. Samples that errored, without a report, of
            planted organisms or of another split are left out.

    Returns:
        The distinct reports, in an order that does not depend on the logs' order. Arms are not
        kept apart: the reference says what reports contain, whoever wrote them.

    Raises:
        DiffgaugeError: A path is not there.
    """
    from inspect_ai.log import read_eval_log_samples

    held: dict[str, Report] = {}
    for path in _files(logs):
        for sample in read_eval_log_samples(path, all_samples_required=False):
            card = registry.cards().get(str((sample.metadata or {}).get("organism")))
            stored = sample.store.get(REPORT_KEY)
            if sample.error or stored is None or card is None:
                continue
            if card.null is None or card.split != _DEV:
                continue
            value = json.loads(stored) if isinstance(stored, str) else stored
            report = _bare(Report.model_validate_json(json.dumps(value)))
            held[report.model_dump_json()] = report
    return [held[text] for text in sorted(held)]


def _bare(report: Report) -> Report:
    """Keeps what is graded: no excerpts of tool results, no predictions."""
    findings = tuple(
        finding.model_copy(update={"evidence": (), "prediction": (), "expected": None})
        for finding in report.findings
    )
    return report.model_copy(update={"findings": findings})


def _files(logs: Iterable[str | Path]) -> list[str]:
    found: list[str] = []
    for entry in map(Path, logs):
        if entry.is_dir():
            found.extend(str(path) for path in sorted(entry.rglob("*.eval")))
        elif entry.is_file():
            found.append(str(entry))
        else:
            raise DiffgaugeError(f"There is no log at {entry}.")
    return found


def calibrate(logs: Iterable[str | Path], path: Path = _FILE) -> int:
    """Writes the reference set from logs, replacing the file in one step.

    Args:
        logs: As in `collect`.
        path: The file to write; the packaged one by default.

    Returns:
        How many distinct reports it holds.

    Raises:
        DiffgaugeError: The logs hold no report about a null of the dev split.
    """
    reports = collect(logs)
    if not reports:
        raise DiffgaugeError(
            "The logs hold no report about a null of the dev split.",
            advice="Run investigators on the nulls of 'zoo/dev' first.",
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    partial.write_text("".join(report.model_dump_json() + "\n" for report in reports))
    partial.replace(path)
    return len(reports)


def main() -> None:
    """Builds the packaged reference: ``python -m diffgauge.graders.reference LOGS…``."""
    import sys

    if len(sys.argv) < 2:
        raise SystemExit("usage: python -m diffgauge.graders.reference LOGS…")
    sys.stdout.write(f"{calibrate(sys.argv[1:])} reports written to {_FILE}\n")


if __name__ == "__main__":
    main()
