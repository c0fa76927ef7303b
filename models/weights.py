"""One copy of the weights, two models: which side the next forward pass runs."""

from __future__ import annotations

import itertools
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from diffgauge.models.tracing import Tracer

if TYPE_CHECKING:
    from diffgauge.models.architecture import Architecture
    from diffgauge.records.subjects import Side

__all__ = ["AdapterWeights", "FullWeights", "IdenticalWeights", "Weights"]


class Weights(ABC):
    """Both sides' weights. Every method is for the one thread that runs the pair.

    Attributes:
        mixed: Whether rows of both sides may travel in one batch.
    """

    mixed: bool = False

    def __init__(self, architecture: Architecture) -> None:
        self._architecture = architecture
        self._tracers: dict[int, Tracer] = {}

    @abstractmethod
    def select(self, side: Side) -> Architecture:
        """Makes every following forward pass run one side.

        Args:
            side: Which of the two.

        Returns:
            The parts to run. They may be the other side's very modules, switched.
        """

    @contextmanager
    def rows(self, sides: list[Side]) -> Iterator[Architecture]:
        """Within it, row `i` of every batch runs `sides[i]`.

        Args:
            sides: One for each row; when rows leave the batch, the caller deletes them from this
                very list. Both sides occur only where `mixed` is set.

        Yields:
            The parts to run.
        """
        assert len(set(sides)) == 1
        yield self.select(sides[0])

    def n_bytes(self) -> int:
        """Returns the memory both sides' parameters and buffers take; shared ones count once."""
        return _n_bytes(self._architecture)

    def tracer(self, architecture: Architecture) -> Tracer:
        """Returns the nnsight view of the parts, made at its first use."""
        key = id(architecture)
        if key not in self._tracers:
            self._tracers[key] = Tracer(architecture)
        return self._tracers[key]


def _n_bytes(architecture: Architecture) -> int:
    model = architecture.model
    return sum(
        tensor.numel() * tensor.element_size()
        for tensor in itertools.chain(model.parameters(), model.buffers())
    )


class IdenticalWeights(Weights):
    """One model, twice."""

    mixed = True

    def select(self, side: Side) -> Architecture:
        """Returns the one model's parts."""
        return self._architecture

    @contextmanager
    def rows(self, sides: list[Side]) -> Iterator[Architecture]:
        """Both sides are the same model, so that every batch may be mixed."""
        yield self._architecture


class FullWeights(Weights):
    """Two whole models."""

    def __init__(self, base: Architecture, finetuned: Architecture) -> None:
        super().__init__(base)
        self._finetuned = finetuned

    def select(self, side: Side) -> Architecture:
        """Returns that side's parts."""
        return self._architecture if side == "base" else self._finetuned

    def n_bytes(self) -> int:
        """Returns the memory of both models."""
        return _n_bytes(self._architecture) + _n_bytes(self._finetuned)


class AdapterWeights(Weights):
    """A base with one PEFT adapter injected; base rows never touch the adapter.

    Args:
        architecture: The base's parts, the adapter's modules among them.
        adapter: The adapter's name in PEFT.
        mixed: Whether PEFT can run the adapter on some rows of a batch only.
    """

    def __init__(self, architecture: Architecture, adapter: str, mixed: bool) -> None:
        from peft.tuners.tuners_utils import BaseTunerLayer
        from peft.utils.other import AuxiliaryTrainingWrapper

        super().__init__(architecture)
        self.mixed = mixed
        self._adapter = adapter
        self._layers: list[Any] = [
            module
            for module in architecture.model.modules()
            if isinstance(module, BaseTunerLayer | AuxiliaryTrainingWrapper)
        ]
        self._selected: Side | None = None

    def select(self, side: Side) -> Architecture:
        """Switches the adapter on or off in place."""
        if side != self._selected:
            # An exception half-way must not leave the old side's name on mixed weights.
            self._selected = None
            for layer in self._layers:
                layer.enable_adapters(side == "finetuned")
            self._selected = side
        return self._architecture

    @contextmanager
    def rows(self, sides: list[Side]) -> Iterator[Architecture]:
        """Mixed batches run once, with the adapter on the finetuned rows only."""
        if len(set(sides)) == 1:
            yield self.select(sides[0])
            return
        self.select("finetuned")

        def named(_module: Any, args: Any, kwargs: dict[str, Any]) -> Any:
            return args, kwargs | {"adapter_names": self._names(sides)}

        handles = [
            layer.register_forward_pre_hook(named, with_kwargs=True) for layer in self._layers
        ]
        try:
            yield self._architecture
        finally:
            for handle in handles:
                handle.remove()

    def _names(self, sides: Sequence[Side]) -> list[str]:
        """The adapter of each row in PEFT's words."""
        return [self._adapter if side == "finetuned" else "__base__" for side in sides]
