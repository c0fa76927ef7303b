"""What artifacts of activation differences have in common when they are looked at."""

from typing import Any

from diffgauge.methods.activations.floors import IDENTICAL, NOISE
from diffgauge.methods.artifacts import Artifact

__all__ = ["DifferenceView"]


class DifferenceView:
    """Reads the noise that an artifact records, in its table of that name.

    Args:
        artifact: Of activation differences at one layer.
        layer: Which, settled.
    """

    def __init__(self, artifact: Artifact, layer: int | None) -> None:
        assert layer is not None, "settled"
        self.artifact = artifact
        self.layer = layer
        self.noise: dict[str, Any] = dict(artifact.tables["noise"][0])

    @property
    def identical(self) -> bool:
        """Whether every difference is exactly zero."""
        return bool(self.noise["identical"])

    @property
    def nothing(self) -> str | None:
        """Why there is nothing to list, or None when there is something."""
        if self.identical:
            return IDENTICAL
        return NOISE if self.noise["noise"] else None
