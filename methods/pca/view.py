"""A PCA artifact as operations and the overview look at it."""

from typing import TYPE_CHECKING, Any

from diffgauge.methods.activations.source import Part
from diffgauge.methods.activations.view import DifferenceView
from diffgauge.methods.artifacts import Artifact
from diffgauge.methods.pca.settings import PCASettings
from diffgauge.methods.provenance import provenance
from diffgauge.records.errors import DiffgaugeError
from diffgauge.records.results import Provenance
from diffgauge.records.subjects import Side

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["View"]


class View(DifferenceView):
    """Reads an artifact's tables.

    Args:
        artifact: Of PCA.
    """

    def __init__(self, artifact: Artifact) -> None:
        self.settings = PCASettings.model_validate(artifact.header.inputs.settings)
        super().__init__(artifact, self.settings.layer)

    @property
    def n_components(self) -> int:
        """Components of the difference that were kept; 0 where it is noise."""
        return len(self.artifact.tensors["directions"])

    def checked(self, component: int) -> int:
        """Returns a component that is there; any, where there is nothing at all.

        Raises:
            DiffgaugeError: There are others, but not this one.
        """
        if self.n_components and component >= self.n_components:
            raise DiffgaugeError(
                f"There is no component {component}.",
                allowed=f"components 0 to {self.n_components - 1}",
            )
        return component

    def explained(self, part: Part, component: int) -> dict[str, Any] | None:
        """Returns what a component explains of a part, or None where that has no tokens."""
        return next(
            (
                dict(row)
                for row in self.artifact.tables["explained"]
                if (row["part"], row["component"]) == (part, component)
            ),
            None,
        )

    def lens(self, of: str, component: int, side: Side, k: int) -> list[dict[str, Any]]:
        """Returns tokens of a direction, best first."""
        wanted = (of, component, side)
        rows = [
            dict(row)
            for row in self.artifact.tables["lens"]
            if (row["of"], row["component"], row["side"]) == wanted
        ]
        return rows[:k]

    def exemplars(self, component: int, end: str, n: int) -> list[dict[str, Any]]:
        """Returns positions at one end of a component, the furthest first."""
        rows = [
            dict(row)
            for row in self.artifact.tables["exemplars"]
            if (row["component"], row["end"]) == (component, end)
        ]
        return rows[:n]

    def own(self, side: Side) -> list[dict[str, Any]]:
        """Returns the components of a model's own activations with their shares."""
        return [dict(row) for row in self.artifact.tables["own"] if row["side"] == side]

    def prompts(self) -> list[str]:
        """Returns the prompts kept for steering."""
        return [row["prompt"] for row in self.artifact.tables["prompts"]]

    def vector(self, component: int) -> "tuple[Tensor, float]":
        """Returns a component's direction (d_model) and the activations' mean norm."""
        return self.artifact.tensors["directions"][component], float(self.noise["scale"])

    def provenance(self, component: int | None = None) -> Provenance:
        """Returns the provenance of something that is said of a component, or of all."""
        position = None if component is None else f"component {component}"
        return provenance(self.artifact, layer=self.layer, position=position)
