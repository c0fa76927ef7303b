"""The arm `sham` for organisms as a user names them: whose artifact each is shown."""

import logging
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Final

from diffgauge.graders.shams import sham_of
from diffgauge.methods.method import Method
from diffgauge.records.errors import DiffgaugeError
from diffgauge.records.organisms import OrganismCard

__all__ = ["shams"]

_LISTED: Final = 5
_LOG: Final = logging.getLogger(__name__)


def shams(
    cards: Sequence[OrganismCard], method: Method, asked: str | Sequence[str]
) -> Mapping[str, str]:
    """Returns whose artifact is shown, by the organism that is investigated.

    Args:
        cards: Those asked for, of which the method takes each.
        method: Whose artifacts are shown.
        asked: As the user named them. What came in a suite or family and has no sham is left
            out, which is said once in a process; what was named by its own id must have one.

    Raises:
        DiffgaugeError: One was named that has none, or none has one.
    """
    found = {card.id: sham_of(card, method.pair_kinds) for card in cards}
    without = {id: sham.reason for id, sham in found.items() if sham.organism is None}
    names = {asked} if isinstance(asked, str) else set(asked)
    named = {part.strip() for name in names for part in name.split(",")}
    for id, reason in without.items():
        if id in named or len(without) == len(found):
            raise DiffgaugeError(
                f"No other organism's artifact can be shown for {id!r}: {reason}.",
                advice="Leave it out of the arm 'sham', or name another one.",
            )
    if without:
        told = [f"{id} ({reason})" for id, reason in list(without.items())[:_LISTED]]
        more = f" and {len(without) - _LISTED} more" if len(without) > _LISTED else ""
        _warn(f"No sham for {', '.join(told)}{more}: left out.")
    return {id: sham.organism.id for id, sham in found.items() if sham.organism is not None}


@lru_cache(maxsize=1024)
def _warn(text: str) -> None:
    _LOG.warning(text)
