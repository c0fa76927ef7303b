import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from diffgauge.models.loading import load_pair
from diffgauge.records.artifacts import PairFingerprint
from diffgauge.records.organisms import AdapterPair, FullPair, IdenticalPair
from tests.models.tiny_pairs import TEMPLATE

pytestmark = pytest.mark.tiny

Folders = Callable[[str], dict[str, str]]


def moved(folders: Folders, tmp_path: Path) -> AdapterPair:
    """The same pair somewhere else."""
    found = folders("llama")
    for name in ("base", "adapter"):
        shutil.copytree(found[name], tmp_path / name)
    return AdapterPair(base=str(tmp_path / "base"), adapter=str(tmp_path / "adapter"))


def original(folders: Folders) -> PairFingerprint:
    found = folders("llama")
    return load_pair(AdapterPair(base=found["base"], adapter=found["adapter"])).fingerprint


def test_it_does_not_depend_on_where_the_files_lie(folders: Folders, tmp_path: Path) -> None:
    spec = moved(folders, tmp_path)
    config = tmp_path / "adapter" / "adapter_config.json"
    changed = json.loads(config.read_text()) | {"base_model_name_or_path": "/elsewhere"}
    config.write_text(json.dumps(changed))
    assert load_pair(spec).fingerprint == original(folders)


def test_sides_are_equal_for_identical_pairs_only(folders: Folders) -> None:
    found = folders("llama")
    identical = load_pair(IdenticalPair(base=found["base"])).fingerprint
    full = load_pair(FullPair(base=found["base"], finetuned=found["finetuned"])).fingerprint
    adapter = original(folders)
    assert identical.base == identical.finetuned == full.base == adapter.base
    assert len({adapter.base, adapter.finetuned, full.finetuned}) == 3


def _one_weight(root: Path) -> None:
    _nudge(root / "base" / "model.safetensors")


def _one_adapter_weight(root: Path) -> None:
    _nudge(root / "adapter" / "adapter_model.safetensors")


def _nudge(file: Path) -> None:
    tensors = load_file(file)
    first = sorted(tensors)[0]
    tensors[first].view(-1)[0] += 1e-3
    save_file(tensors, file, metadata={"format": "pt"})


def _adapter_strength(root: Path) -> None:
    config = root / "adapter" / "adapter_config.json"
    config.write_text(json.dumps(json.loads(config.read_text()) | {"lora_alpha": 9}))


def _template(root: Path) -> None:
    (root / "base" / "chat_template.jinja").write_text(TEMPLATE + "{# other #}")


def _end_token(root: Path) -> None:
    config = root / "base" / "generation_config.json"
    config.write_text(json.dumps(json.loads(config.read_text()) | {"eos_token_id": 3}))


@pytest.mark.parametrize(
    "change",
    [_one_weight, _one_adapter_weight, _adapter_strength, _template, _end_token],
)
def test_any_one_change_gives_another(
    folders: Folders, tmp_path: Path, change: Callable[[Path], None]
) -> None:
    spec = moved(folders, tmp_path)
    change(tmp_path)
    assert load_pair(spec).fingerprint != original(folders)


def test_the_compute_dtype_is_part_of_it(folders: Folders) -> None:
    spec = IdenticalPair(base=folders("llama")["base"])
    one, other = (load_pair(spec, dtype=d).fingerprint for d in ("float32", "bfloat16"))
    assert one != other
    assert one.model_copy(update={"dtype": "bfloat16"}) == other
    assert torch.get_default_dtype() == torch.float32
