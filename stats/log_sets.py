"""Sets of logs that stand against each other: two versions of a method, two investigators."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from diffgauge.records.errors import DiffgaugeError
from diffgauge.records.folders import is_there
from diffgauge.records.printing import neutralised
from diffgauge.records.rows import Row

__all__ = ["LogSet", "named_sets"]

_NAMED: Final = re.compile(r"([\w.+-]+)=(.+)", re.DOTALL)


@dataclass(frozen=True)
class LogSet:
    """The rows of what one name or address stands for; copies within it count once.

    Attributes:
        name: As the user gave it, else the address.
        rows: Each sample's.
    """

    name: str
    rows: tuple[Row, ...]


def named_sets(logs: Sequence[str | Path]) -> list[tuple[str, str]]:
    """Returns (name, address) of each entry.

    Args:
        logs: Paths and addresses, or ``NAME=PATH``. A path that is there is no name, whatever
            it looks like. An address without a name is its own; the same one again is numbered.

    Raises:
        DiffgaugeError: Two entries were given one name.
    """
    named: list[tuple[str, str]] = []
    for entry in map(str, logs):
        found = None if is_there(entry) else _NAMED.fullmatch(entry)
        name, address = (found[1], found[2]) if found else (neutralised(entry), entry)
        taken = [one for one, _ in named]
        if name in taken:
            if found:
                raise DiffgaugeError(
                    f"Two sets of logs are named {name!r}.", advice="Give each its own name."
                )
            name = next(
                made for n in range(2, 2 + len(taken)) if (made := f"{name} ({n})") not in taken
            )
        named.append((name, address))
    return named
