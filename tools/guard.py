"""The guard on everything an investigator is shown."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Final

from diffgauge.records.organisms import OrganismCard, PairSpec
from diffgauge.records.results import (
    FreeText,
    Latents,
    RankedStrings,
    RankedTokens,
    Result,
    Samples,
    Scalars,
)
from diffgauge.tools.secrets import secrets_of

__all__ = ["LeakError", "LeakGuard"]

_SIDE_WORDS: Final = re.compile(r"(?<![^\W_])(base|fine-?tuned)(?![^\W_])", re.IGNORECASE)
_KIND_WORDS: Final = re.compile(
    r"(?<![^\W_])(prompted|scaled|reserved|benign"
    # Activations may be found to be identical; a pair may not be called so.
    r"|identical[\W_]{1,3}(?:pairs?|nulls?|organisms?|models?|sides?)"
    r"|(?:kind|null|pair)[\W_]{1,4}identical)(?![^\W_])",
    re.IGNORECASE,
)
_WINDOW: Final = 24
"""Letters and digits, blanks between words counted, that make a quotation."""

_APART: Final = re.compile(r"[\W_]+")


class LeakError(RuntimeError):
    """Something was about to be shown that tells what must stay hidden: a bug of ours.

    Not an error of the investigator: it is never converted into a tool error, and ends the
    sample.
    """


@dataclass(frozen=True)
class LeakGuard:
    """Passes or stops whatever a tool is about to show.

    A word that the investigator itself said in the call is not a leak. Words for the kind of a
    pair may never occur in text that the harness wrote.

    Attributes:
        forbidden: May occur nowhere, whatever the case of its letters: ids and paths. Bare
            words do not belong here: the word an organism is about is legitimate evidence when
            a lens or a reply shows it.
        names: May not occur in text that the harness wrote; models may say them.
        quotes: Texts that may not stand there either, nor any run of 24 characters of them.
        blinded: Whether words for the sides may not occur in such text either.
    """

    forbidden: Sequence[str] = ()
    names: Sequence[str] = ()
    quotes: Sequence[str] = ()
    blinded: bool = True

    @classmethod
    def of(cls, card: OrganismCard, pair: PairSpec, *, blinded: bool = True) -> "LeakGuard":
        """Returns the guard of a run.

        Args:
            card: The organism.
            pair: Its pair as it is loaded.
            blinded: Whether the run hides which model is which.
        """
        secrets = secrets_of(card, pair)
        return cls(secrets.forbidden, secrets.names, secrets.quotes, blinded)

    def also(self, other: "LeakGuard") -> "LeakGuard":
        """Returns a guard that stops whatever this one stops, and the other's secrets too."""
        return replace(
            self,
            forbidden=(*self.forbidden, *other.forbidden),
            names=(*self.names, *other.names),
            quotes=(*self.quotes, *other.quotes),
        )

    def check_results(self, tool: str, results: Sequence[Result], said: str = "") -> None:
        """Checks results before they are shown.

        Args:
            tool: Whose results.
            results: Under the run's names.
            said: The investigator's own words in this call.

        Raises:
            LeakError: One of them tells.
        """
        for result in results:
            self._check_anywhere(tool, result.model_dump_json(), said)
            for text in _authored(result):
                self._check_authored(tool, text, said)

    def check_text(self, tool: str, text: str, said: str = "") -> None:
        """Checks text that the harness wrote: errors, descriptions. Arguments as above.

        Raises:
            LeakError: It tells.
        """
        self._check_anywhere(tool, text, said)
        self._check_authored(tool, text, said)

    def _check_anywhere(self, tool: str, text: str, said: str) -> None:
        self._find(tool, self.forbidden, text, said)

    def _check_authored(self, tool: str, text: str, said: str) -> None:
        self._find(tool, self.names, text, said)
        self._find_quote(tool, text, said)
        self._find_word(tool, _KIND_WORDS, "a kind of pair", text, said)
        if self.blinded:
            self._find_word(tool, _SIDE_WORDS, "a side", text, said)

    def _find_word(
        self, tool: str, words: re.Pattern[str], what: str, text: str, said: str
    ) -> None:
        for match in words.finditer(text):
            if match.group().casefold() not in said.casefold():
                raise LeakError(f"The tool {tool} was about to name {what}: {match.group()!r}.")

    def _find(self, tool: str, forbidden: Sequence[str], text: str, said: str) -> None:
        heard, spoken = text.casefold(), said.casefold()
        for secret in forbidden:
            written = json.dumps(secret.casefold(), ensure_ascii=False)[1:-1]
            forms = {secret.casefold(), written}
            if any(form in heard and form not in spoken for form in forms):
                raise LeakError(f"The tool {tool} was about to show {secret!r}.")

    def _find_quote(self, tool: str, text: str, said: str) -> None:
        if not self.quotes:
            return
        heard, spoken = _plain(text), _plain(said.replace("\\n", " "))
        for short in self._short_quotes:
            if short in heard and short not in spoken:
                raise LeakError(f"The tool {tool} was about to quote {short.strip()!r}.")
        for found in _windows(heard) & self._quoted:
            if found not in spoken:
                raise LeakError(f"The tool {tool} was about to quote {found!r}.")

    @cached_property
    def _quoted(self) -> frozenset[str]:
        """Every run of the guard's length in the longer quotes."""
        return frozenset(run for quote in self.quotes for run in _windows(_plain(quote)))

    @cached_property
    def _short_quotes(self) -> tuple[str, ...]:
        """Quotes below that length, found as whole words."""
        plain = map(_plain, self.quotes)
        return tuple(quote for quote in plain if quote.strip() and len(quote) < _WINDOW)


def _plain(text: str) -> str:
    """Words alone, in small letters, with one blank around each."""
    return f" {_APART.sub(' ', text.casefold()).strip()} "


def _windows(plain: str) -> set[str]:
    return {plain[start : start + _WINDOW] for start in range(len(plain) - _WINDOW + 1)}


def _authored(result: Result) -> Iterator[str]:
    """Yields the parts of a result that the harness wrote, not a model or an investigator."""
    yield result.title
    yield from filter(None, [result.note, result.contrast.toward, result.contrast.away_from])
    yield from _strings(result.provenance.model_dump())
    if isinstance(result, FreeText):
        yield result.text
    elif isinstance(result, Scalars):
        yield from (item.name for item in result.items)
    elif isinstance(result, Samples):
        yield from (item.model for item in result.items)
        yield from (item.condition for item in result.items if item.condition)
    elif isinstance(result, Latents):
        yield from (name for item in result.items for name in item.scores)
    else:
        # What ranked tokens and strings hold was all said by models or read in texts.
        assert isinstance(result, RankedTokens | RankedStrings)


def _strings(values: Mapping[str, Any]) -> Iterator[str]:
    yield from (value for value in values.values() if isinstance(value, str))
