"""Putting a PEFT adapter on a base, and proving that all of it arrived."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from diffgauge.models.sources import read_json
from diffgauge.models.weights import AdapterWeights
from diffgauge.records.errors import DiffgaugeError

if TYPE_CHECKING:
    import torch

    from diffgauge.models.architecture import Architecture

__all__ = ["inject_adapter", "stored_tensors"]

_ADAPTER = "default"
_INITIALISATIONS = (True, False, "gaussian", None)
"""Others rewrite the base's weights when the adapter is made, so that there is no base left."""


def inject_adapter(architecture: Architecture, folder: Path, name: str) -> AdapterWeights:
    """Injects an adapter into the base's modules in place.

    Args:
        architecture: The base's parts; the same modules serve both sides afterwards.
        folder: A checked adapter folder.
        name: What the user called the adapter, for errors.

    Returns:
        The weights of both sides.

    Raises:
        DiffgaugeError: The adapter is of a kind that cannot be switched off exactly, its modules
            or shapes are not the base's, or a tensor of its file did not arrive.
    """
    from peft import PeftModel
    from safetensors import SafetensorError

    config = read_json(folder / "adapter_config.json", name)
    _refuse(config, name)
    stored = stored_tensors(folder, name)
    try:
        peft_model = PeftModel.from_pretrained(
            architecture.model, str(folder), adapter_name=_ADAPTER, is_trainable=False
        )
    except (ValueError, RuntimeError, KeyError, TypeError, OSError, SafetensorError) as error:
        reason = str(error).strip().splitlines()
        raise DiffgaugeError(
            f"The adapter {name!r} does not fit the base: {' '.join(reason)[:400]}.",
            advice=f"It was made for {config.get('base_model_name_or_path')!r}: load it on that.",
        ) from error
    _check_arrived(peft_model, stored, name)
    peft_model.requires_grad_(False)
    mixed = not (
        config.get("use_dora")
        or config.get("modules_to_save")
        or config.get("trainable_token_indices")
    )
    return AdapterWeights(architecture, _ADAPTER, mixed)


def stored_tensors(folder: Path, name: str) -> dict[str, torch.Tensor]:
    """Reads an adapter's tensors.

    Args:
        folder: A checked adapter folder.
        name: What the user called the adapter, for errors.

    Returns:
        All of them by name.

    Raises:
        DiffgaugeError: One of them holds numbers that are not finite.
    """
    from safetensors.torch import load_file

    stored: dict[str, torch.Tensor] = load_file(folder / "adapter_model.safetensors")
    broken = sorted(key for key, tensor in stored.items() if not bool(tensor.isfinite().all()))
    if broken:
        raise DiffgaugeError(
            f"The adapter {name!r} is damaged: {len(broken)} of its tensors hold numbers that are "
            f"not finite, first {broken[0]!r}.",
            advice="Fetch it again, or train it again if it was saved like this.",
        )
    return stored


def _refuse(config: dict[str, Any], name: str) -> None:
    """Raises for adapters whose base cannot be had back exactly by switching them off."""
    reason = None
    if config.get("peft_type") != "LORA":
        reason = f"is of type {config.get('peft_type')!r}"
    elif config.get("bias", "none") != "none":
        reason = f"changes biases of the base (bias={config['bias']!r})"
    elif config.get("init_lora_weights", True) not in _INITIALISATIONS:
        reason = f"rewrites the base when it is loaded ({config['init_lora_weights']!r})"
    elif config.get("alora_invocation_tokens"):
        reason = "is switched on by tokens of the prompt (aLoRA)"
    if reason is not None:
        raise DiffgaugeError(
            f"The adapter {name!r} {reason}, so that base and finetuned cannot share one copy of "
            "the weights.",
            allowed="LoRA adapters (DoRA, rank-stabilised and `modules_to_save` among them) "
            "without biases",
            advice="Merge it into a copy of its base and use a pair of kind `full`.",
        )


def _check_arrived(peft_model: Any, stored: dict[str, Any], name: str) -> None:
    """Compares the adapter as it now sits in the model with its file, tensor by tensor."""
    import torch
    from peft import get_peft_model_state_dict

    loaded = get_peft_model_state_dict(
        peft_model, adapter_name=_ADAPTER, save_embedding_layers=False
    )
    unmatched = sorted(set(stored) - set(loaded))
    unfilled = sorted(set(loaded) - set(stored))
    changed = sorted(
        key
        for key in set(stored) & set(loaded)
        if not torch.equal(stored[key].to(loaded[key]), loaded[key])
    )
    for keys, what in (
        (unmatched, "has tensors that match no module of the base"),
        (unfilled, "lacks tensors for modules it names"),
        (changed, "has tensors that arrived changed"),
    ):
        if keys:
            raise DiffgaugeError(
                f"The adapter {name!r} {what} ({len(keys)}, first {keys[0]!r}): run like this, "
                "the finetuned side would be partly the base.",
                advice="Load it on the base it was made for, with the PEFT version that saved it.",
            )
