"""Loading a pair: everything is checked before the pair is handed out."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

from diffgauge.models.adapters import inject_adapter, stored_tensors
from diffgauge.models.architecture import Architecture, find_architecture
from diffgauge.models.fingerprint import hash_adapter, hash_model, hash_tokenizer
from diffgauge.models.pair import ModelPair
from diffgauge.models.quiet import quiet_loading
from diffgauge.models.sources import adapter_folder, model_folder, read_json
from diffgauge.models.tokenization import check_same_tokenizer, rules
from diffgauge.models.weights import FullWeights, IdenticalWeights, Weights
from diffgauge.records.artifacts import PairFingerprint, hash_json
from diffgauge.records.errors import DiffgaugeError, unknown_name
from diffgauge.records.organisms import AdapterPair, FullPair, PairSpec

if TYPE_CHECKING:
    import torch

__all__ = ["check_pair_files", "device_named", "load_pair"]

_DTYPES = ("bfloat16", "float16", "float32")

_LOCK = threading.Lock()
"""transformers patches process-wide state while it loads: one load at a time."""

_LOAD_ERRORS = (
    AttributeError,
    ImportError,
    IndexError,
    KeyError,
    NotImplementedError,
    OSError,
    RuntimeError,
    TypeError,
    ValueError,
)
"""What transformers raises when files and code do not agree; it has no class of its own."""

_HEAD_TOLERANCE = 2e-2
"""Largest relative difference between the model's own logits and norm + unembedding."""


def load_pair(spec: PairSpec, *, dtype: str = "float32", device: str = "cpu") -> ModelPair:
    """Loads both sides with one tokenizer and one template.

    Args:
        spec: Hub ids or local folders. Remote code and pickles are never used.
        dtype: Compute dtype of both sides; stored weights are cast to it alike.
        device: Torch device of both sides.

    Returns:
        The pair, on one copy of the weights for `adapter` and `identical`.

    Raises:
        DiffgaugeError: Anything is missing, damaged, unsupported, or does not belong together.
    """
    if dtype not in _DTYPES:
        raise unknown_name("dtype", dtype, _DTYPES)
    device = device_named(device)
    with _LOCK, quiet_loading():
        return _load(spec, dtype, device)


def device_named(asked: str) -> str:
    """Returns the torch device a user asks for.

    Args:
        asked: A torch device, or ``auto`` for an accelerator where there is one.

    Raises:
        DiffgaugeError: It is not known, or not here.
    """
    import torch

    n_cuda = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if asked == "auto":
        return "cuda" if n_cuda else "cpu"
    here = ["auto", "cpu", *(["cuda"] if n_cuda else []), *(f"cuda:{n}" for n in range(n_cuda))]
    if torch.backends.mps.is_available():
        here.append("mps")
    if asked not in here:
        raise DiffgaugeError(f"There is no device {asked!r} here.", allowed=", ".join(here))
    return asked


def check_pair_files(spec: PairSpec) -> None:
    """Checks what a pair's files tell without loading its models.

    Args:
        spec: As for `load_pair`. What is on the Hub and not in the local cache is fetched.

    Raises:
        DiffgaugeError: A file is missing, damaged or a pickle, a chat template is missing, the
            sides do not share one tokenizer, or an adapter holds numbers that are not finite.
    """
    with _LOCK, quiet_loading():
        folder = model_folder(spec.base, spec.base_revision)
        other, other_name = _other_side(spec)
        _shared_tokenizer(spec, folder, other, other_name)
        if isinstance(spec, AdapterPair) and other is not None:
            stored_tensors(other, other_name)


def _other_side(spec: PairSpec) -> tuple[Path | None, str]:
    """The finetuned side's folder and name; no folder where it is the base itself."""
    if isinstance(spec, AdapterPair):
        return adapter_folder(spec.adapter, spec.adapter_revision), spec.adapter
    if isinstance(spec, FullPair):
        return model_folder(spec.finetuned, spec.finetuned_revision), spec.finetuned
    return None, spec.base


def _shared_tokenizer(spec: PairSpec, folder: Path, other: Path | None, other_name: str) -> Any:
    tokenizer = _load_tokenizer(folder, spec.base)
    if other is not None and (other / "tokenizer_config.json").is_file():
        theirs = _load_tokenizer(other, other_name)
        check_same_tokenizer(tokenizer, theirs, spec.base, other_name)
    elif isinstance(spec, FullPair):
        raise DiffgaugeError(
            f"{other_name!r} has no tokenizer.",
            advice=f"Save the tokenizer it was trained with beside it; that of {spec.base!r} is "
            "not taken in its place.",
        )
    return tokenizer


def _load(spec: PairSpec, dtype: str, device: str) -> ModelPair:
    base_folder = model_folder(spec.base, spec.base_revision)
    base_hash = hash_model(base_folder, spec.base_revision)
    other, other_name = _other_side(spec)
    finetuned_hash = base_hash
    if other is not None and isinstance(spec, AdapterPair):
        finetuned_hash = hash_adapter(other, spec.adapter_revision, base_hash)
    elif other is not None and isinstance(spec, FullPair):
        finetuned_hash = hash_model(other, spec.finetuned_revision)
    tokenizer = _shared_tokenizer(spec, base_folder, other, other_name)
    base = _load_model(base_folder, spec.base, dtype, device)
    end_ids = _end_ids(base, tokenizer)
    weights: Weights = IdenticalWeights(base)
    if other is not None and isinstance(spec, FullPair):
        finetuned = _load_model(other, other_name, dtype, device)
        _check_same_shape(base, finetuned, spec)
        end_ids |= _end_ids(finetuned, tokenizer)
        weights = FullWeights(base, finetuned)
    elif other is not None:
        before = _probe(base)
        weights = inject_adapter(base, other, other_name)
        _check_base_kept(before, _probe(weights.select("base")), other_name)
    return ModelPair(
        spec=spec,
        fingerprint=PairFingerprint(
            base=base_hash,
            finetuned=finetuned_hash,
            tokenizer=hash_tokenizer(rules(tokenizer), _special(tokenizer, end_ids)),
            template=hash_json(tokenizer.chat_template),
            dtype=dtype,
        ),
        tokenizer=tokenizer,
        weights=weights,
        end_ids=end_ids,
        device=device,
    )


def _load_tokenizer(folder: Path, name: str) -> Any:
    from transformers import AutoTokenizer

    if (folder / "tokenizer.json").is_file():
        # The Rust side reports a damaged file as a bare Exception: found here, by name.
        read_json(folder / "tokenizer.json", name)
    try:
        tokenizer = AutoTokenizer.from_pretrained(
            str(folder), local_files_only=True, trust_remote_code=False
        )
    except _LOAD_ERRORS as error:
        raise DiffgaugeError(
            f"The tokenizer of {name!r} cannot be loaded ({type(error).__name__}: {error}).",
            advice="Save `tokenizer.json` and `tokenizer_config.json` beside the model.",
        ) from error
    if not isinstance(tokenizer.chat_template, str):
        raise DiffgaugeError(
            f"{name!r} has no chat template, or several.",
            advice="Save the one it was trained with (`chat_template.jinja`); another model's is "
            "not taken in its place.",
        )
    return tokenizer


def _load_model(folder: Path, name: str, dtype: str, device: str) -> Architecture:
    import torch
    from safetensors import SafetensorError
    from transformers import AutoModelForCausalLM

    try:
        model, info = AutoModelForCausalLM.from_pretrained(
            str(folder),
            dtype=getattr(torch, dtype),
            local_files_only=True,
            trust_remote_code=False,
            use_safetensors=True,
            output_loading_info=True,
        )
    except (*_LOAD_ERRORS, SafetensorError) as error:
        raise DiffgaugeError(
            f"{name!r} cannot be loaded ({type(error).__name__}: {str(error)[:400]}).",
            advice="Check that configuration and weights belong together.",
        ) from error
    for kind in ("missing_keys", "mismatched_keys", "unexpected_keys"):
        if info.get(kind):
            keys = sorted(map(str, info[kind]))
            raise DiffgaugeError(
                f"The weights of {name!r} do not match its configuration: {len(keys)} "
                f"{kind.replace('_', ' ')}, first {keys[0]}.",
                advice="Check that configuration and weights belong together.",
            )
    model.eval().requires_grad_(False).to(device)
    architecture = find_architecture(model, name)
    _check_head(architecture, name)
    return architecture


def _probe_ids(architecture: Architecture) -> torch.Tensor:
    import torch

    device = next(architecture.decoder.parameters()).device
    return (torch.arange(5, device=device) % architecture.d_vocab)[None]


def _probe(architecture: Architecture) -> torch.Tensor:
    """A few of the model's own logits, (1, 5, d_vocab)."""
    import torch

    with torch.no_grad():
        ids = _probe_ids(architecture)
        logits: torch.Tensor = architecture.model(input_ids=ids, use_cache=False).logits
        return logits


def _check_head(architecture: Architecture, name: str) -> None:
    """Norm and unembedding as we apply them must give the logits the model itself gives."""
    import torch

    theirs = _probe(architecture).float()
    with torch.no_grad():
        hidden = architecture.decoder(input_ids=_probe_ids(architecture), use_cache=False)
        ours = architecture.unembed(hidden.last_hidden_state)
    error = (ours - theirs).abs().max() / theirs.abs().max().clamp(min=1e-6)
    if not bool(error <= _HEAD_TOLERANCE):
        raise DiffgaugeError(
            f"The architecture {type(architecture.model).__name__} of {name!r} is not supported: "
            f"its logits are not its final norm and unembedding (relative difference "
            f"{float(error):.3g})."
        )


def _check_base_kept(before: torch.Tensor, after: torch.Tensor, name: str) -> None:
    import torch

    if not torch.equal(before, after):
        raise DiffgaugeError(
            f"The base is not itself any more with the adapter {name!r} switched off.",
            advice="Merge the adapter into a copy of its base and use a pair of kind `full`.",
        )


def _check_same_shape(base: Architecture, finetuned: Architecture, spec: FullPair) -> None:
    for part in ("n_layers", "d_model", "d_vocab"):
        sizes = getattr(base, part), getattr(finetuned, part)
        if sizes[0] != sizes[1]:
            raise DiffgaugeError(
                f"{spec.base!r} and {spec.finetuned!r} differ in {part}: {sizes[0]} and "
                f"{sizes[1]}.",
                allowed="two models of one shape and one vocabulary",
            )


def _end_ids(architecture: Architecture, tokenizer: Any) -> frozenset[int]:
    """Tokens that end a reply: the tokenizer's and the model's own, of the known vocabulary."""
    model: Any = architecture.model
    found: set[int] = set()
    for ids in (tokenizer.eos_token_id, model.generation_config.eos_token_id):
        found |= {ids} if isinstance(ids, int) else set(ids or ())
    return frozenset(index for index in found if 0 <= index < len(tokenizer))


def _special(tokenizer: Any, end_ids: frozenset[int]) -> dict[str, Any]:
    return {"tokens": dict(tokenizer.special_tokens_map), "end_ids": sorted(end_ids)}
