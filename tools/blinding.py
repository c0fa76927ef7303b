"""Names under which an investigator sees the two models, and the guard on everything shown."""

import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import PurePath
from typing import Any

from diffgauge.records.errors import unknown_name
from diffgauge.records.organisms import PairSpec
from diffgauge.records.results import (
    Contrast,
    FreeText,
    Latents,
    RankedStrings,
    RankedTokens,
    Result,
    SampleItem,
    Samples,
    Scalars,
)
from diffgauge.records.subjects import SIDES, Side

__all__ = ["Aliases", "LeakError", "LeakGuard"]

_BLIND = ("model A", "model B")
_OPEN = {"base": "base model", "finetuned": "finetuned model"}
_SIDE_WORDS = re.compile(r"\b(base|fine-?tuned)\b", re.IGNORECASE)
_SEPARATORS = "/\\@:"


@dataclass(frozen=True)
class Aliases:
    """The run's names of the two models.

    Attributes:
        base: Name of the base.
        finetuned: Name of the finetuned side.
        blinded: Whether the names hide which is which.
    """

    base: str
    finetuned: str
    blinded: bool

    @classmethod
    def for_run(cls, seed_material: str, blind: bool = True) -> "Aliases":
        """Draws the names of a run.

        Args:
            seed_material: Everything that tells this run from others; the same material gives
                the same names, and either assignment is equally likely.
            blind: Whether to hide which model is which.
        """
        if not blind:
            return cls(_OPEN["base"], _OPEN["finetuned"], blinded=False)
        digest = hashlib.sha256(f"diffgauge aliases\0{seed_material}".encode()).digest()
        first = digest[0] % 2
        return cls(_BLIND[first], _BLIND[1 - first], blinded=True)

    @property
    def labels(self) -> tuple[str, str]:
        """Both names in an order that says nothing."""
        first, second = sorted((self.base, self.finetuned))
        return first, second

    def of(self, side: Side) -> str:
        """Returns the name of a side."""
        return self.base if side == "base" else self.finetuned

    def side(self, alias: str) -> Side:
        """Returns the side a name stands for; case and outer blanks do not matter.

        Raises:
            UnknownNameError: No such name; the two that there are are listed.
        """
        asked = " ".join(alias.split()).casefold()
        for side in SIDES:
            if self.of(side).casefold() == asked:
                return side
        raise unknown_name("model", alias, self.labels)

    def as_json(self) -> dict[str, str]:
        """Returns the names by side."""
        return {side: self.of(side) for side in SIDES}

    def blind(self, result: Result) -> Result:
        """Returns a result with the run's names in the place of sides.

        Replies are put in the order of names within each prompt and condition, because a fixed
        order of sides would tell them apart.
        """
        changes: dict[str, Any] = {"contrast": self._contrast(result.contrast)}
        if isinstance(result, Samples):
            changes["items"] = self._samples(result.items)
        elif isinstance(result, Latents):
            changes["items"] = tuple(
                item.model_copy(
                    update={"scores": {self._name(k): v for k, v in item.scores.items()}}
                )
                for item in result.items
            )
        return result.model_copy(update=changes)

    def shown(self, results: Sequence[Result]) -> list[Result]:
        """Returns results under the run's names, in an order that tells no side.

        Neighbours that differ in their contrast only (the two directions of one thing) are put
        in the order of names.
        """
        ordered: list[Result] = []
        for _, group in groupby(map(self.blind, results), key=_twins):
            ordered += sorted(group, key=lambda result: result.contrast.toward or "")
        return ordered

    def _name(self, value: str) -> str:
        return self.as_json().get(value, value)

    def _contrast(self, contrast: Contrast) -> Contrast:
        return Contrast(
            toward=None if contrast.toward is None else self._name(contrast.toward),
            away_from=None if contrast.away_from is None else self._name(contrast.away_from),
        )

    def _samples(self, items: Sequence[SampleItem]) -> tuple[SampleItem, ...]:
        prompts = list(dict.fromkeys(item.prompt for item in items))
        conditions = list(dict.fromkeys(item.condition for item in items))
        named = [item.model_copy(update={"model": self._name(item.model)}) for item in items]
        return tuple(
            sorted(
                named,
                key=lambda item: (
                    prompts.index(item.prompt),
                    conditions.index(item.condition),
                    item.model,
                ),
            )
        )


def _twins(result: Result) -> tuple[str, str, str]:
    return result.kind, result.title, result.provenance.model_dump_json()


class LeakError(RuntimeError):
    """Something was about to be shown that tells what must stay hidden: a bug of ours.

    Not an error of the investigator: it is never converted into a tool error, and ends the
    sample.
    """


@dataclass(frozen=True)
class LeakGuard:
    """Passes or stops whatever a tool is about to show.

    A word that the investigator itself said in the call is not a leak.

    Attributes:
        forbidden: May occur nowhere, whatever the case of its letters: ids and paths. Bare
            words do not belong here: the word an organism is about is legitimate evidence when
            a lens or a reply shows it.
        names: May not occur in text that the harness wrote; models may say them.
        blinded: Whether words for the sides may not occur in such text either.
    """

    forbidden: Sequence[str] = ()
    names: Sequence[str] = ()
    blinded: bool = True

    @classmethod
    def of(cls, organism: str, pair: PairSpec, *, blinded: bool = True) -> "LeakGuard":
        """Returns the guard of a run.

        Args:
            organism: Its id; forbidden where it has more than one segment.
            pair: Its references and, of local folders, their parents and last two segments,
                are forbidden; the base's public name may be said by models.
            blinded: Whether the run hides which model is which.
        """
        references = {"base": pair.base}
        if pair.kind == "adapter":
            references["adapter"] = pair.adapter
        elif pair.kind == "full":
            references["finetuned"] = pair.finetuned
        forbidden = {organism}
        names: set[str] = set()
        for role, reference in references.items():
            local = PurePath(reference).is_absolute() or ":" in reference
            if role == "base" and not local:
                names.add(reference)
                continue
            path = PurePath(reference)
            forbidden |= {reference, "/".join(path.parts[-2:])}
            if path.is_absolute() and len(path.parts) > 3:
                forbidden.add(str(path.parent))
        return cls(
            forbidden=tuple(sorted(text for text in forbidden if _separated(text))),
            names=tuple(sorted(names)),
            blinded=blinded,
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
        if not self.blinded:
            return
        for match in _SIDE_WORDS.finditer(text):
            if match.group().casefold() not in said.casefold():
                raise LeakError(f"The tool {tool} was about to name a side: {match.group()!r}.")

    def _find(self, tool: str, forbidden: Sequence[str], text: str, said: str) -> None:
        heard, spoken = text.casefold(), said.casefold()
        for secret in forbidden:
            written = json.dumps(secret.casefold(), ensure_ascii=False)[1:-1]
            forms = {secret.casefold(), written}
            if any(form in heard and form not in spoken for form in forms):
                raise LeakError(f"The tool {tool} was about to show {secret!r}.")


def _separated(text: str) -> bool:
    return any(separator in text.strip("/") for separator in _SEPARATORS)


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
