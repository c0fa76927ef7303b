"""Rows on disk as they come in, so that nothing that was paid for is lost."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, Generic, TypeVar

from pydantic import ValidationError

from diffgauge.records.errors import DiffgaugeError
from diffgauge.records.record import Record

__all__ = ["Journal"]

R = TypeVar("R", bound=Record)

_ADVICE: Final = "Name another folder with --out, or remove this file."


class Journal(Generic[R]):
    """A file of records, one a line, behind a line that says what they are about.

    A process that is killed leaves at most one torn line, which is passed over and written again.

    Args:
        path: The file; made where it is not there.
        kind: Of the records.
        about: A hash of all that the records rest on.

    Raises:
        DiffgaugeError: The file is about something else, or holds a line that is no record.
    """

    def __init__(self, path: Path, kind: type[R], about: str) -> None:
        self._path, self._kind, self._about = path, kind, about
        self.rows: list[R] = self._read()

    def add(self, rows: Sequence[R]) -> None:
        """Writes rows behind the others; they are on disk when this returns."""
        text = "".join(f"{row.model_dump_json()}\n" for row in rows)
        with self._path.open("a", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        self.rows += rows

    def drop(self, dropped: Callable[[R], bool]) -> None:
        """Takes out rows, in one step."""
        self.rows = [row for row in self.rows if not dropped(row)]
        self._write()

    def _read(self) -> list[R]:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        lines = self._path.read_text(encoding="utf-8").split("\n") if self._path.exists() else []
        if not lines or not lines[0]:
            self.rows = []
            self._write()
            return []
        if lines[0] != self._first():
            raise DiffgaugeError(
                f"{self._path} is about other hypotheses, replies or settings.", advice=_ADVICE
            )
        # What stands behind the last line's end was torn off.
        whole, torn = lines[1:-1], lines[-1]
        try:
            rows = [self._kind.model_validate_json(line) for line in whole]
        except ValidationError as error:
            raise DiffgaugeError(
                f"{self._path} holds a line that is no {self._kind.__name__}.", advice=_ADVICE
            ) from error
        if torn:
            self.rows = rows
            self._write()
        return rows

    def _first(self) -> str:
        return json.dumps({"about": self._about, "kind": self._kind.__name__})

    def _write(self) -> None:
        partial = self._path.with_name(f".{self._path.name}.partial")
        lines = [self._first(), *(row.model_dump_json() for row in self.rows)]
        partial.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        partial.replace(self._path)
