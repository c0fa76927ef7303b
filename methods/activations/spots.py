"""The tokens of largest value met so far, a fixed number of them, no two that read the same."""

from collections import Counter
from dataclasses import asdict, dataclass
from typing import Any

from torch import Tensor

from diffgauge.methods.activations.source import Block

__all__ = ["Spot", "Spots"]


@dataclass(frozen=True)
class Spot:
    """A token of large value.

    Attributes:
        value: The value, more than 0.
        text: Index of its text.
        position: In the text, from 0.
        ids: The text's tokens.
    """

    value: float
    text: int
    position: int
    ids: list[int]

    def read(self) -> tuple[int, ...]:
        """Returns what the models had read there: where it is the same, so is the value."""
        return tuple(self.ids[: self.position + 1])

    def order(self) -> tuple[float, int, int]:
        """Largest first; equal ones in the order of the corpus."""
        return -self.value, self.text, self.position


class Spots:
    """Keeps the largest; what is not above zero is never kept, nor the same beginning twice.

    Args:
        n_spots: Kept in all.
        per_text: At most so many of one text, which has to come in one block.
    """

    def __init__(self, n_spots: int, per_text: int) -> None:
        self._n_spots, self._per_text = n_spots, per_text
        self.kept: list[Spot] = []

    def add(self, block: Block, values: Tensor) -> None:
        """Adds a block's tokens.

        Args:
            block: Whole texts.
            values: (token).
        """
        full = len(self.kept) == self._n_spots
        least = self.kept[-1].value if full else 0.0
        found, of_text = dict[tuple[int, ...], Spot](), Counter[int]()
        for at in values.argsort(descending=True, stable=True).tolist():
            value, text = float(values[at]), int(block.text_index[at])
            if value <= 0 or value < least or len(found) == self._n_spots:
                break
            if of_text[text] < self._per_text:
                spot = Spot(value, text, int(block.position[at]), block.texts[text])
                if found.setdefault(spot.read(), spot) is spot:
                    of_text[text] += 1
        best: dict[tuple[int, ...], Spot] = {}
        for spot in sorted([*self.kept, *found.values()], key=Spot.order):
            best.setdefault(spot.read(), spot)
        self.kept = list(best.values())[: self._n_spots]

    def state(self) -> list[dict[str, Any]]:
        """Returns everything as plain JSON values."""
        return [asdict(spot) for spot in self.kept]

    def restore(self, state: list[dict[str, Any]]) -> None:
        """Takes over what `state` gave."""
        self.kept = [Spot(**spot) for spot in state]
