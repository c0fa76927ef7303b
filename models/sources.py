"""From what the user typed to a complete local folder, checked before anything is loaded."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from diffgauge.records.errors import DiffgaugeError

__all__ = ["adapter_folder", "local_folder", "model_folder", "read_json", "weight_files"]

_REPOSITORY = re.compile(r"[A-Za-z0-9][\w.-]*(/[\w.-]+)?")
_WANTED = ["*.json", "*.safetensors", "*.jinja", "*.model", "*.txt"]
_PICKLES = (".bin", ".pt", ".pth", ".ckpt", ".pkl")
_INDEX = "model.safetensors.index.json"


def local_folder(reference: str, revision: str | None) -> Path:
    """Finds the folder a reference means, downloading from the Hub what is not cached.

    Args:
        reference: A local folder or a Hub id.
        revision: Git revision on the Hub; None is the default branch.

    Returns:
        A folder on this machine.

    Raises:
        DiffgaugeError: Neither a folder nor an id, a revision of a local folder, or the Hub has
            no such thing, refuses it, or cannot be reached.
    """
    folder = Path(reference).expanduser()
    if folder.is_dir():
        if revision is not None:
            raise DiffgaugeError(
                f"{reference!r} is a local folder and has no revision {revision!r}.",
                advice="Leave the revision out, or name a Hub id.",
            )
        return folder
    if folder.exists() or not _REPOSITORY.fullmatch(reference):
        raise DiffgaugeError(
            f"There is no folder {reference!r}.", allowed="a local folder or a Hub id (owner/name)"
        )
    return _download(reference, revision)


def _download(repository: str, revision: str | None) -> Path:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import (
        GatedRepoError,
        LocalEntryNotFoundError,
        OfflineModeIsEnabled,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    asked = repository if revision is None else f"{repository} at revision {revision}"
    try:
        return Path(
            snapshot_download(
                repository, revision=revision, allow_patterns=_WANTED, ignore_patterns=["*/*"]
            )
        )
    except GatedRepoError as error:
        what, advice = "is gated", "Accept its terms on the Hub, then log in (`hf auth login`)."
        cause: Exception = error
    except RevisionNotFoundError as error:
        what, advice, cause = "does not exist", "Check the revision.", error
    except RepositoryNotFoundError as error:
        what = "was not found on the Hub, and there is no local folder of that name"
        advice, cause = "Check the id; private ones need a login (`hf auth login`).", error
    except (LocalEntryNotFoundError, OfflineModeIsEnabled) as error:
        what = "is not in the local cache, and the Hub cannot be reached"
        advice = f"Go online and run `hf download {repository}` once, or name a local folder."
        cause = error
    except (OSError, ValueError) as error:
        what, cause = f"could not be fetched from the Hub ({type(error).__name__}: {error})", error
        advice = "Try again, or name a local folder."
    raise DiffgaugeError(f"{asked!r} {what}.", advice=advice) from cause


def read_json(path: Path, name: str) -> dict[str, Any]:
    """Reads a JSON object that must be there.

    Args:
        path: The file.
        name: What the user called the model, for errors.

    Returns:
        Its object.

    Raises:
        DiffgaugeError: The file is missing or holds no JSON object.
    """
    if not path.is_file():
        raise DiffgaugeError(
            f"{name!r} has no {path.name}.",
            advice="Name a folder written by `save_pretrained`, or a Hub id.",
        )
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise DiffgaugeError(f"{path.name} of {name!r} is not JSON: {error}.") from error
    if not isinstance(value, dict):
        raise DiffgaugeError(f"{path.name} of {name!r} holds no JSON object.")
    return value


def weight_files(folder: Path, stem: str, name: str) -> list[Path]:
    """Lists a folder's safetensors and checks that each is there, whole and readable.

    Args:
        folder: Where they are.
        stem: ``model`` or ``adapter_model``.
        name: What the user called it, for errors.

    Returns:
        The files, sorted by name.

    Raises:
        DiffgaugeError: Only pickles, nothing at all, a missing shard, or a damaged file.
    """
    index = folder / _INDEX
    whole = folder / f"{stem}.safetensors"
    # The order in which transformers looks, so that what is hashed is what is loaded.
    if stem == "model" and not whole.is_file() and index.is_file():
        shards = read_json(index, name).get("weight_map")
        if not isinstance(shards, dict) or not all(isinstance(s, str) for s in shards.values()):
            raise DiffgaugeError(f"{_INDEX} of {name!r} names no shards.")
        files = sorted({folder / Path(shard).name for shard in shards.values()})
    else:
        files = [whole]
    missing = [file.name for file in files if not file.is_file()]
    if missing:
        raise _missing(folder, missing, name)
    for file in files:
        _check_whole(file, name)
    return files


def _missing(folder: Path, missing: list[str], name: str) -> DiffgaugeError:
    pickles = sorted(file.name for file in folder.iterdir() if file.suffix in _PICKLES)
    if pickles:
        return DiffgaugeError(
            f"{name!r} has its weights as a pickle only ({', '.join(pickles[:3])}), which runs "
            "code when it is read.",
            allowed="safetensors",
            advice="Look for a revision with safetensors, or convert it once on a machine you can "
            "afford to lose: load it with transformers or PEFT there and call `save_pretrained`.",
        )
    return DiffgaugeError(
        f"{name!r} has no {', '.join(missing[:3])}.",
        advice="The download or copy is incomplete: fetch it again.",
    )


def _check_whole(file: Path, name: str) -> None:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(file, framework="pt") as tensors:
            n_tensors = len(tensors.keys())
    except (SafetensorError, OSError) as error:
        raise DiffgaugeError(
            f"{file.name} of {name!r} is damaged: {error}.", advice="Fetch it again."
        ) from error
    if n_tensors == 0:
        raise DiffgaugeError(f"{file.name} of {name!r} holds no tensors.")


def model_folder(reference: str, revision: str | None) -> Path:
    """Finds a whole model's folder and refuses what cannot or must not be loaded.

    Args:
        reference: A local folder or a Hub id.
        revision: Git revision on the Hub; None is the default branch.

    Returns:
        A folder with a configuration and whole safetensors.

    Raises:
        DiffgaugeError: As `local_folder` and `weight_files`, an adapter where a model was asked
            for, or a model that brings its own code.
    """
    from transformers.models.auto.configuration_auto import CONFIG_MAPPING_NAMES

    folder = local_folder(reference, revision)
    if not (folder / "config.json").is_file() and (folder / "adapter_config.json").is_file():
        raise DiffgaugeError(
            f"{reference!r} is an adapter, not a whole model.",
            advice="Use a pair of kind `adapter` and name its base.",
        )
    config = read_json(folder / "config.json", reference)
    kind = config.get("model_type")
    if kind not in CONFIG_MAPPING_NAMES:
        own = " and brings its own code, which is never run" if "auto_map" in config else ""
        raise DiffgaugeError(
            f"{reference!r} has the model type {kind!r}, which the installed transformers does "
            f"not know{own}.",
            allowed="architectures that are part of transformers",
        )
    weight_files(folder, "model", reference)
    return folder


def adapter_folder(reference: str, revision: str | None) -> Path:
    """Finds an adapter's folder; raises as `model_folder` does.

    Args:
        reference: A local folder or a Hub id.
        revision: Git revision on the Hub; None is the default branch.

    Returns:
        A folder with an adapter configuration and whole safetensors.

    Raises:
        DiffgaugeError: It is missing, incomplete, damaged, a pickle, or no adapter.
    """
    folder = local_folder(reference, revision)
    if not (folder / "adapter_config.json").is_file() and (folder / "config.json").is_file():
        raise DiffgaugeError(
            f"{reference!r} is a whole model, not an adapter.", advice="Use a pair of kind `full`."
        )
    read_json(folder / "adapter_config.json", reference)
    weight_files(folder, "adapter_model", reference)
    return folder
