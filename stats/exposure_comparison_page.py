"""Evaluations of several methods as one page: read from their folders, written beside them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError

from diffgauge.records.errors import DiffgaugeError
from diffgauge.records.exposures import ExposureRow
from diffgauge.records.folders import write_files
from diffgauge.stats.exposure_comparison import check_comparable, comparison_tables, method_names
from diffgauge.stats.exposure_comparison_figure import comparison_described, comparison_drawn
from diffgauge.stats.exposure_tables import exposure_mark
from diffgauge.stats.markdown import table_markdown
from diffgauge.stats.rendering import table_json

__all__ = ["EXPOSURE_FILE", "evaluated", "write_comparison"]

EXPOSURE_FILE: Final = "exposure.json"
"""What `diffgauge methods evaluate` leaves in a folder."""

_CAUTION: Final = (
    "These figures say what stands in artifacts, by words; methods stand in the order of their "
    "names. That an investigator finds it, or that a method does as well on larger models, they do "
    "not say: on the zoo they are no ranking."
)


def evaluated(folders: Sequence[Path]) -> tuple[list[ExposureRow], list[str]]:
    """Reads evaluations.

    Args:
        folders: Each holds an evaluation, or folders that do.

    Returns:
        All rows, and the commands that made them.

    Raises:
        DiffgaugeError: A folder holds none, or one cannot be read.
    """
    rows: list[ExposureRow] = []
    commands: list[str] = []
    for file in [file for folder in folders for file in _files(folder)]:
        try:
            held: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
            rows += [ExposureRow.model_validate(one) for one in held["rows"]]
            commands.append(str(held["command"]))
        except (OSError, ValueError, KeyError, TypeError, ValidationError) as error:
            raise DiffgaugeError(
                f"{file} holds no evaluation that can be read: {type(error).__name__}.",
                advice="Make it again with: diffgauge methods evaluate METHOD --out FOLDER",
            ) from error
    return rows, commands


def _files(folder: Path) -> list[Path]:
    direct = folder / EXPOSURE_FILE
    found = [direct] if direct.is_file() else sorted(folder.glob(f"*/{EXPOSURE_FILE}"))
    if not found:
        raise DiffgaugeError(
            f"{folder} holds no evaluation.",
            allowed=f"folders with a file {EXPOSURE_FILE}, or with folders that have one",
            advice="Make one with: diffgauge methods evaluate METHOD --organism SUITE",
        )
    return found


def write_comparison(
    rows: Sequence[ExposureRow], commands: Sequence[str], out: Path
) -> tuple[Path, ...]:
    """Writes the page; each file is there completely or not at all.

    Args:
        rows: Of several methods on the same organisms.
        commands: What made them.
        out: Folder to write into; made where it is not there.

    Returns:
        ``comparison.md``, ``.json``, ``.png`` and ``.svg``.

    Raises:
        DiffgaugeError: The rows are no comparison (`check_comparable`), or `out` cannot be written.
    """
    check_comparable(rows)
    tables = comparison_tables(rows)
    svg, png = comparison_drawn(rows)
    described = comparison_described(rows)
    data = {
        "evidence": exposure_mark(rows),
        "caution": _CAUTION,
        "commands": list(commands),
        "methods": method_names(rows),
        "tables": {table.name: table_json(table) for table in tables},
        "figure": {"file": "comparison.svg", "text": described},
    }
    page = [
        f"# What the artifacts of {len(method_names(rows))} methods show",
        f"`{exposure_mark(rows)}`",
        _CAUTION,
        "```\n" + "\n".join(commands) + "\n```",
        f"![{described}](comparison.png)",
        *(table_markdown(table) for table in tables),
    ]
    contents = {
        "comparison.md": ("\n\n".join(page) + "\n").encode(),
        "comparison.json": (json.dumps(data, indent=1, allow_nan=False) + "\n").encode(),
        "comparison.png": png,
        "comparison.svg": svg.encode(),
    }
    return tuple(write_files(out, contents, "The comparison", "Name another folder with --out."))
