"""Rows for other programs: Parquet with the columns' own types, or CSV that runs nothing."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from types import NoneType
from typing import TYPE_CHECKING, Any, Final, get_args

from diffgauge.records.errors import DiffgaugeError
from diffgauge.records.folders import write_files
from diffgauge.records.rows import Row
from diffgauge.stats.rows import as_frame
from diffgauge.stats.spreadsheets import csv_safe

if TYPE_CHECKING:
    from pandas import DataFrame

__all__ = ["check_form", "csv_bytes", "parquet_bytes", "typed_frame", "write_rows"]

_TYPES: Final = {bool: "boolean", int: "Int64", float: "Float64"}


def typed_frame(rows: Sequence[Row]) -> DataFrame:
    """Returns rows as a table whose columns have the types of `Row`, whatever is missing.

    A column without any value keeps its type, and a missing number is `NA`, no NaN: tables of
    other logs can be put below it.
    """
    types = {name: _type(field.annotation) for name, field in Row.model_fields.items()}
    return as_frame(rows).astype(types)


def _type(annotation: Any) -> str:
    parts = {one for one in get_args(annotation) if one is not NoneType} or {annotation}
    return next((name for kind, name in _TYPES.items() if parts == {kind}), "string")


def parquet_bytes(rows: Sequence[Row]) -> bytes:
    """Returns rows as a Parquet file."""
    made: bytes = typed_frame(rows).to_parquet(index=False, compression="zstd")
    return made


def csv_bytes(rows: Sequence[Row]) -> bytes:
    """Returns rows as CSV; text that a spreadsheet would run is quoted (`csv_safe`)."""
    return typed_frame(rows).map(csv_safe).to_csv(index=False).encode()


_FORMS: Final = {".parquet": parquet_bytes, ".csv": csv_bytes}


def check_form(out: Path) -> None:
    """Checks before anything is read that a file's ending names a form.

    Raises:
        DiffgaugeError: It does not.
    """
    if out.suffix not in _FORMS:
        raise DiffgaugeError(
            f"Rows cannot be written as {out.name}.", allowed=" or ".join(f"*{e}" for e in _FORMS)
        )


def write_rows(rows: Sequence[Row], out: Path) -> None:
    """Writes rows into a file, completely or not at all.

    Args:
        rows: The rows.
        out: ``*.parquet`` or ``*.csv``; replaced where it is there.

    Raises:
        DiffgaugeError: The ending is another one, or the file cannot be written.
    """
    check_form(out)
    contents = {out.name: _FORMS[out.suffix](rows)}
    write_files(out.parent, contents, "The rows", "Name another file with --out.")
