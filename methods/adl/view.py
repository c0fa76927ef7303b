"""An ADL artifact as operations and the overview look at it."""

from typing import TYPE_CHECKING, Any

from diffgauge.methods.artifacts import Artifact
from diffgauge.records.artifacts import hash_json
from diffgauge.records.errors import DiffgaugeError
from diffgauge.records.results import Provenance
from diffgauge.records.subjects import Side

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["IDENTICAL", "View"]

IDENTICAL = (
    "The two models' activations are identical here: their mean difference is exactly zero, "
    "so that there is nothing to decode and nothing to steer with."
)
NOISE = (
    "The mean difference here is not above the floor that noise alone would give, so that it is "
    "neither decoded nor used for steering."
)
_HASH_DIGITS = 12


class View:
    """Reads an artifact's tables by layer and position.

    Args:
        artifact: Of ADL.
    """

    def __init__(self, artifact: Artifact) -> None:
        self.artifact = artifact
        self.norms: list[dict[str, Any]] = [dict(row) for row in artifact.tables["norms"]]
        self.layers: list[int] = sorted({row["layer"] for row in self.norms})
        self.positions: list[str] = [
            row["position"] for row in self.norms if row["layer"] == self.layers[0]
        ]

    def default(self) -> tuple[int, str]:
        """Returns where one looks first: the widest range, at the layer furthest above floor."""
        position = self.positions[-1]

        def excess(layer: int) -> float:
            row = self.row(layer, position)
            return float(row["norm"] / row["floor"]) if row["floor"] else 0.0

        return max(self.layers, key=excess), position

    def slot(
        self, layer: int | None, position: int | str | None, *, steered: bool = False
    ) -> tuple[int, str]:
        """Returns the layer and position asked for, or the default ones for None.

        Args:
            layer: Block index.
            position: Position or the label of a range.
            steered: Whether replies must have been sampled there.

        Raises:
            DiffgaugeError: The artifact has none such; the allowed ones are named.
        """
        default_layer, default_position = self.default()
        chosen = default_layer if layer is None else layer
        label = default_position if position is None else str(position).strip()
        if chosen not in self.layers:
            raise DiffgaugeError(
                f"Layer {chosen} was not read.", allowed=f"layer {_listed(self.layers)}"
            )
        allowed = [default_position] if steered else self.positions
        if label not in allowed:
            what = "has no stored replies" if label in self.positions else "was not read"
            raise DiffgaugeError(
                f"Position {label} {what}.", allowed=f"position {_listed(allowed)}"
            )
        return chosen, label

    def row(self, layer: int, position: str) -> dict[str, Any]:
        """Returns the row of norms at one slot."""
        return next(r for r in self.norms if (r["layer"], r["position"]) == (layer, position))

    def nothing(self, layer: int, position: str) -> str | None:
        """Returns why there is nothing to show at a slot, or None when there is something."""
        row = self.row(layer, position)
        if row["identical"]:
            return IDENTICAL
        return NOISE if row["noise"] else None

    def usable(self) -> list[tuple[int, str]]:
        """Returns the slots whose difference is above its floor."""
        return [(row["layer"], row["position"]) for row in self.norms if not row["noise"]]

    def lens(self, layer: int, position: str, of: str, side: Side) -> list[dict[str, Any]]:
        """Returns the lens rows of one slot and direction, best first."""
        wanted = (layer, position, of, side)
        return [
            dict(row)
            for row in self.artifact.tables["lens"]
            if (row["layer"], row["position"], row["of"], row["side"]) == wanted
        ]

    def samples(self, layer: int, position: str) -> list[dict[str, Any]]:
        """Returns the unsteered replies and those steered from one slot."""
        return [
            dict(row)
            for row in self.artifact.tables["samples"]
            if row["toward"] is None or (row["layer"], row["position"]) == (layer, position)
        ]

    def prompts(self) -> list[str]:
        """Returns the prompts that were asked, in order."""
        return list(dict.fromkeys(row["prompt"] for row in self.artifact.tables["prompts"]))

    def vector(self, layer: int, position: str) -> "tuple[Tensor, float]":
        """Returns the mean difference (d_model) and the expected residual norm at a slot."""
        at = self.layers.index(layer), self.positions.index(position)
        return self.artifact.tensors["mean_difference"][at], float(
            self.row(layer, position)["scale"]
        )

    def provenance(self, layer: int | None, position: str | None) -> Provenance:
        """Returns the provenance of something read at a slot."""
        inputs = self.artifact.header.inputs
        return Provenance(
            method=inputs.method,
            layer=layer,
            position=int(position) if position is not None and position.isdigit() else position,
            corpus=str(inputs.settings["corpus"]),
            settings_hash=hash_json(inputs.settings)[:_HASH_DIGITS],
        )


def _listed(values: "list[int] | list[str]") -> str:
    return ", ".join(str(value) for value in values)
