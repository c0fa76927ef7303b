"""Published dictionaries, read from a local folder of one of the layouts in use.

| layout | files |
|---|---|
| dictionary_learning | ``ae.pt``, ``model.pt`` or ``model.safetensors`` |
| sparsify | ``sae.safetensors`` and ``cfg.json`` |
| plain | ``dictionary.safetensors``, the fields of `Dictionary` by name |

Of the first come BatchTopK and ReLU SAEs and crosscoders, with what normalises their activations;
of the second TopK SAEs.

A ``.pt`` file is read by `torch.load` with ``weights_only=True``, here and nowhere else.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import torch
from torch import Tensor

from diffgauge.methods.dictionaries.dictionary import Dictionary
from diffgauge.records.errors import DiffgaugeError

__all__ = ["fingerprint", "published"]

_PICKLED: Final = ("ae.pt", "model.pt")
_TENSORS: Final = "model.safetensors"
_SPARSIFY: Final = "sae.safetensors"
_CONFIG: Final = "cfg.json"
_PLAIN: Final = "dictionary.safetensors"
_FILES: Final = (_PLAIN, _SPARSIFY, *_PICKLED, _TENSORS)
_COMPILED: Final = "_orig_mod."
_AXES: Final = ("side", "latent", "d_model")
_CODE_CROSSCODER: Final = 1
"""Number of the code normalisation "activation times the sum of decoder norms"."""


def fingerprint(folder: Path) -> str:
    """Returns a hash of a published dictionary's files.

    Raises:
        DiffgaugeError: It holds none.
    """
    digest = hashlib.sha256()
    for file in [_file(folder), folder / _CONFIG]:
        if file.is_file():
            with file.open("rb") as opened:
                digest.update(hashlib.file_digest(opened, "sha256").digest())
    return digest.hexdigest()


def published(folder: Path) -> Dictionary:
    """Reads a published dictionary.

    Args:
        folder: Of one of the layouts above.

    Raises:
        DiffgaugeError: It holds none, or one of another kind.
    """
    file = _file(folder)
    tensors = _pickled(file) if file.suffix == ".pt" else _safe(file)
    if file.name == _PLAIN:
        return _plain(file, tensors)
    if file.name == _SPARSIFY:
        return _sparsify(folder, tensors)
    return _dictionary_learning(file, tensors)


def _file(folder: Path) -> Path:
    found = next((folder / name for name in _FILES if (folder / name).is_file()), None)
    if found is None:
        raise DiffgaugeError(
            f"The folder {str(folder)!r} holds no dictionary.", allowed=", ".join(_FILES)
        )
    return found


def _safe(file: Path) -> dict[str, Tensor]:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        loaded: dict[str, Tensor] = load_file(file)
    except SafetensorError as error:
        raise _refused(file, f"it is no safetensors file ({error})") from error
    return loaded


def _pickled(file: Path) -> dict[str, Tensor]:
    from pickle import UnpicklingError

    try:
        loaded = torch.load(file, map_location="cpu", weights_only=True)
    except (UnpicklingError, RuntimeError) as error:
        raise _refused(file, "it holds more than tensors, or is damaged") from error
    if not isinstance(loaded, dict):
        raise _refused(file, f"it holds a {type(loaded).__name__}")
    return {
        name.removeprefix(_COMPILED): value
        for name, value in loaded.items()
        if isinstance(value, Tensor)
    }


def _plain(file: Path, tensors: Mapping[str, Tensor]) -> Dictionary:
    names = ("encoder", "encoder_bias", "decoder", "decoder_bias", "threshold")
    missing = [name for name in names if name not in tensors]
    if missing:
        raise _refused(file, f"it lacks {', '.join(missing)}")
    encoder, encoder_bias, decoder, decoder_bias, threshold = (
        tensors[one].float() for one in names
    )
    return _checked(file, Dictionary(encoder, encoder_bias, decoder, decoder_bias, threshold))


def _sparsify(folder: Path, tensors: Mapping[str, Tensor]) -> Dictionary:
    file, config = folder / _SPARSIFY, folder / _CONFIG
    if not config.is_file():
        raise _refused(file, f"{_CONFIG} is missing beside it")
    settings: dict[str, Any] = json.loads(config.read_text(encoding="utf-8"))
    other = [name for name in ("transcode", "skip_connection") if settings.get(name)]
    if other or settings.get("activation", "topk") != "topk" or "W_dec" not in tensors:
        raise _refused(file, "it is no autoencoder with the activation topk")
    encoder, bias = tensors["encoder.weight"].float(), tensors["encoder.bias"].float()
    shift = tensors["b_dec"].float()
    _check_shape(file, "encoder", encoder, (len(bias), len(shift)))
    return _checked(
        file,
        Dictionary(
            encoder=encoder[None],
            encoder_bias=bias - encoder @ shift,
            decoder=tensors["W_dec"].float()[None],
            decoder_bias=shift[None],
            threshold=torch.zeros(len(bias)),
            top_k=int(settings["k"]),
        ),
    )


def _dictionary_learning(file: Path, tensors: Mapping[str, Tensor]) -> Dictionary:
    missing = [
        name for name in ("encoder.weight", "encoder.bias", "decoder.weight") if name not in tensors
    ]
    if missing:
        raise _refused(file, f"it lacks {', '.join(missing)}")
    values = {name: tensor.float() for name, tensor in tensors.items()}
    code = values.get("code_normalization_id")
    if code is not None and int(code) != _CODE_CROSSCODER:
        raise _refused(file, "its activations are not weighed by the sum of decoder norms")
    threshold = values.get("threshold", torch.zeros(()))
    if threshold.dim() or float(threshold) < 0:
        raise _refused(file, f"its threshold was not learned ({threshold.tolist()})")
    if values["encoder.weight"].dim() == 3:
        encoder, decoder = values["encoder.weight"].transpose(1, 2), values["decoder.weight"]
        bias, shift = values["encoder.bias"], values.get("decoder.bias")
    else:
        encoder, decoder = values["encoder.weight"][None], values["decoder.weight"].T[None]
        bias, shift = values["encoder.bias"], values.get("b_dec", values.get("bias"))
    if shift is None:
        raise _refused(file, "it lacks its decoder's bias")
    sides, latents, width = encoder.shape
    _check_shape(file, "encoder bias", bias, (latents,))
    _check_shape(file, "decoder", decoder, (sides, latents, width))
    _check_shape(file, "decoder bias", shift, (sides, width) if sides > 1 else (width,))
    if sides == 1:
        bias, shift = bias - encoder[0] @ shift, shift[None]
    weights = decoder.norm(dim=-1).sum(0) if sides > 1 else torch.ones(len(bias))
    made = _denormalised(Dictionary(encoder, bias, decoder, shift, threshold), values)
    bounds = threshold * made.weights() / weights.clamp(min=1e-30)
    return _checked(file, replace(made, threshold=bounds))


def _denormalised(made: Dictionary, values: Mapping[str, Tensor]) -> Dictionary:
    """Folds in what each side's activations were normalised by: less a mean, times one scale."""
    mean, scale = values.get("activation_mean"), values.get("activation_global_scale")
    if mean is None or scale is None or not bool(mean.isfinite().all() and scale.isfinite().all()):
        return replace(made, encoder=made.encoder.contiguous(), decoder=made.decoder.contiguous())
    center, scales = mean.reshape(made.decoder_bias.shape), scale.reshape(-1, 1)
    encoder = made.encoder * scales[:, None]
    return Dictionary(
        encoder=encoder,
        encoder_bias=made.encoder_bias - torch.einsum("sld,sd->l", encoder, center),
        decoder=(made.decoder / scales[:, None]).contiguous(),
        decoder_bias=made.decoder_bias / scales + center,
        threshold=made.threshold,
    )


def _checked(file: Path, made: Dictionary) -> Dictionary:
    """Checks that the parts fit each other, and are finite."""
    if made.encoder.dim() != len(_AXES):
        raise _refused(file, f"its encoder has the shape {tuple(made.encoder.shape)}, not {_AXES}")
    sides, latents, width = made.encoder.shape
    parts = {
        "encoder": (made.encoder, (sides, latents, width)),
        "encoder bias": (made.encoder_bias, (latents,)),
        "decoder": (made.decoder, (sides, latents, width)),
        "decoder bias": (made.decoder_bias, (sides, width)),
        "threshold": (made.threshold, (latents,)),
    }
    for name, (tensor, wanted) in parts.items():
        _check_shape(file, name, tensor, wanted)
        if not bool(tensor.isfinite().all()):
            raise _refused(file, f"its {name} is not finite")
    return made


def _check_shape(file: Path, name: str, tensor: Tensor, wanted: tuple[int, ...]) -> None:
    if tuple(tensor.shape) != wanted:
        raise _refused(file, f"its {name} has the shape {tuple(tensor.shape)}, not {wanted}")


def _refused(file: Path, why: str) -> DiffgaugeError:
    return DiffgaugeError(
        f"{file.name} cannot be used as a dictionary: {why}.",
        allowed="an SAE or a crosscoder as dictionary_learning or sparsify saves it, or "
        f"{_PLAIN} with the fields of a Dictionary",
    )
