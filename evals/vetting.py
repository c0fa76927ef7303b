"""Which pairs a run refuses: those without room, those that fail their check, suspect ones."""

from typing import TYPE_CHECKING, Final

from diffgauge.evals.cells import Cell, shown_cards
from diffgauge.models.pool import pool
from diffgauge.organisms import registry as organisms
from diffgauge.records.errors import DiffgaugeError
from diffgauge.records.organisms import ApiPair, OrganismCard, WeightsSpec

if TYPE_CHECKING:
    from diffgauge.records.checks import Checked
    from diffgauge.records.preflight import Preflight

__all__ = ["check_room", "check_rooms", "refuse"]

_INVALID: Final = "INVALID"
_SUSPECT: Final = "SUSPECT"


def check_room(spec: WeightsSpec, dtype: str, device: str) -> None:
    """Refuses a pair that does not fit into memory, once pairs that nobody uses were unloaded.

    Args:
        spec: The pair.
        dtype: Its compute dtype.
        device: A torch device, or ``auto``.

    Raises:
        DiffgaugeError: It does not fit; with both figures.
    """
    from diffgauge.organisms.checking import check_memory

    try:
        check_memory(spec, dtype, device)
    except DiffgaugeError:
        pool().clear()
        check_memory(spec, dtype, device)


def check_rooms(cell: Cell) -> None:
    """Refuses a cell with a pair that does not fit into memory, before anything is spent.

    Args:
        cell: The task's factors; its pairs are in memory one at a time, or more where they fit.

    Raises:
        DiffgaugeError: As `check_room`, with the organism's id. A pair that is not on this machine
            yet is checked when its sample is set up.
    """
    for card in dict.fromkeys((*cell.organisms, *shown_cards(cell))):
        pair = organisms.resolved(card)
        if isinstance(pair, ApiPair):
            continue
        try:
            check_room(pair, cell.dtype, cell.device)
        except DiffgaugeError as error:
            raise DiffgaugeError(f"{card.id!r}: {error}") from error


def refuse(card: OrganismCard, checked: "Preflight | Checked", *, allow_suspect: bool) -> None:
    """Refuses a pair that must not be used, or not without the user's leave.

    Args:
        card: Of the organism.
        checked: What its check found.
        allow_suspect: The user's leave.

    Raises:
        DiffgaugeError: The pair is ``INVALID``, or ``SUSPECT`` without leave; with the reasons.
    """
    reasons = "; ".join(checked.reasons)
    if checked.verdict == _INVALID:
        raise DiffgaugeError(
            f"The pair of {card.id!r} failed its preflight: {reasons}",
            advice="Nothing was asked of any model. Mend the pair or leave it out.",
        )
    if checked.verdict == _SUSPECT and not allow_suspect:
        raise DiffgaugeError(
            f"The pair of {card.id!r} is suspect: {reasons}",
            advice="Nothing was asked of any model. Mend the pair, leave it out, or run it all the "
            "same with allow_suspect=true (--allow-suspect), which the report will say.",
        )
