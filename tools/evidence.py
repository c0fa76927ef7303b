"""Whether an excerpt stands in something that was shown."""

import json
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Literal

from diffgauge.records.json_strings import strings

__all__ = ["Shown", "Verdict"]

Verdict = Literal["verified", "elsewhere", "flagged"]


@dataclass
class Shown:
    """Every text shown so far, by tool.

    An excerpt counts as verbatim up to letter case and white space, quoted either from the JSON
    as it stands or from the strings inside it.
    """

    _texts: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))

    def add(self, tool: str, text: str) -> None:
        """Remembers one tool result.

        Args:
            tool: Which tool showed it.
            text: JSON.
        """
        inside = "\n".join(strings(json.loads(text)))
        self._texts[tool].append(f"{_normalised(text)}\n{_normalised(inside)}")

    def verdict(self, excerpt: str, tool: str) -> Verdict:
        """Says where an excerpt stands.

        Args:
            excerpt: As submitted.
            tool: Whose result it is said to be from.

        Returns:
            ``verified`` for a result of that tool, ``elsewhere`` for another tool's, ``flagged``
            for none; an excerpt without a letter or digit is flagged.
        """
        wanted = _normalised(excerpt)
        if not any(char.isalnum() for char in wanted):
            return "flagged"
        holders = {name for name, texts in self._texts.items() if any(wanted in t for t in texts)}
        if tool in holders:
            return "verified"
        return "elsewhere" if holders else "flagged"


def _normalised(text: str) -> str:
    return " ".join(text.split()).casefold()
