"""Reading the residual stream through plain forward hooks: for the hot loop over a corpus.

The same residuals as `tracing` gives, bit for bit, without an interpreter between the blocks.
`benchmarks/capture.py` shows what that saves, and the tests hold both to each other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

    from diffgauge.models.architecture import Architecture

__all__ = ["hooked_residuals"]


class _Enough(Exception):
    """Leaves the forward pass after the last block that is needed."""


def hooked_residuals(
    architecture: Architecture, layers: Sequence[int], inputs: Mapping[str, Any]
) -> dict[int, torch.Tensor]:
    """Runs the decoder up to the last layer asked for and returns the residuals on the way.

    Args:
        architecture: The model's parts.
        layers: 0-based block indices, at least one, in any order.
        inputs: Keyword arguments of the decoder.

    Returns:
        (batch, pos, d_model) after each block, by layer. No block above the last one runs.
    """
    last = max(layers)
    found: dict[int, torch.Tensor] = {}

    def keep(layer: int) -> Any:
        def hook(_module: Any, _inputs: Any, output: Any) -> None:
            found[layer] = output[0] if isinstance(output, tuple) else output
            if layer == last:
                raise _Enough

        return hook

    handles = [
        architecture.blocks[layer].register_forward_hook(keep(layer)) for layer in set(layers)
    ]
    try:
        architecture.decoder(**inputs)
    except _Enough:
        pass
    finally:
        for handle in handles:
            handle.remove()
    return {layer: found[layer] for layer in layers}
