import errno
import math
import os
import shutil
from collections import namedtuple
from pathlib import Path
from typing import Any

import pytest
import torch

from diffgauge.methods.artifacts import Artifact, ArtifactStore, default_root
from diffgauge.records.artifacts import ArtifactHeader, ArtifactInputs, PairFingerprint
from diffgauge.records.errors import DiffgaugeError

pytestmark = pytest.mark.unit

FINGERPRINT = PairFingerprint(base="b", finetuned="f", tokenizer="t", template="c", dtype="float32")
INPUTS = ArtifactInputs(
    method="adl",
    method_version=1,
    pair=FINGERPRINT,
    settings={"layers": [1]},
    corpora={"unrelated": "u"},
    seed=0,
)
KEY = INPUTS.key()
Usage = namedtuple("Usage", "total used free")


def example(inputs: ArtifactInputs = INPUTS) -> Artifact:
    return Artifact(
        header=ArtifactHeader(inputs=inputs, n_texts={"unrelated": 3}, precompute_interactions=7),
        tensors={"mean": torch.arange(6.0).reshape(2, 3)},
        tables={
            "rows": [
                {"layer": 1, "cosine": None, "norm": 0.5, "text": "a\x1b[31m"},
                {"layer": 2, "cosine": math.nan, "norm": -0.0, "text": "ü\n"},
            ],
            "empty": [],
        },
    )


@pytest.fixture
def store(tmp_path: Path) -> ArtifactStore:
    return ArtifactStore(tmp_path / "artifacts")


def test_what_was_saved_is_loaded(store: ArtifactStore) -> None:
    saved = example()
    store.save(saved)
    loaded = store.load(KEY)
    assert torch.equal(loaded.tensors["mean"], saved.tensors["mean"])
    assert loaded.tables["empty"] == []
    first, second = loaded.tables["rows"]
    assert dict(first) == saved.tables["rows"][0]
    assert math.isnan(second["cosine"])  # undefined stays undefined, missing stays missing
    assert loaded.header.model_copy(update={"files": {}}) == saved.header
    assert store.has(KEY)


def test_saving_again_replaces(store: ArtifactStore) -> None:
    store.save(example())
    store.save(example())
    assert store.load(KEY)
    assert [path.name for path in store.root.iterdir()] == [KEY]


def test_only_plain_formats_are_written(store: ArtifactStore) -> None:
    folder = store.save(example())
    assert {path.suffix for path in folder.iterdir()} == {".json", ".parquet", ".safetensors"}


@pytest.mark.parametrize(
    "changes",
    [
        {"method": "kl"},
        {"method_version": 2},
        {"settings": {"layers": [2]}},
        {"settings": {"layers": [1], "k": None}},
        {"corpora": {"unrelated": "v"}},
        {"corpora": {"unrelated": "u", "prompts": "p"}},
        {"seed": 1},
        *(
            {"pair": FINGERPRINT.model_copy(update={name: "x"})}
            for name in PairFingerprint.model_fields
        ),
    ],
    ids=str,
)
def test_any_other_input_gives_another_key(changes: dict[str, Any]) -> None:
    assert INPUTS.model_copy(update=changes).key() != KEY


def test_every_input_is_in_that_list() -> None:
    assert set(ArtifactInputs.model_fields) == {
        "method",
        "method_version",
        "pair",
        "settings",
        "corpora",
        "seed",
    }


def test_an_artifact_that_is_not_there_is_said_to_be_missing(store: ArtifactStore) -> None:
    assert not store.has(KEY)
    with pytest.raises(DiffgaugeError, match="no complete artifact"):
        store.load(KEY)


@pytest.mark.parametrize("name", ["tensors.safetensors", "rows.parquet"])
def test_a_truncated_file_is_found(store: ArtifactStore, name: str) -> None:
    file = store.save(example()) / name
    file.write_bytes(file.read_bytes()[:-1])
    with pytest.raises(DiffgaugeError, match=f"{name} is not what was written"):
        store.load(KEY)


def test_a_missing_file_is_found(store: ArtifactStore) -> None:
    (store.save(example()) / "rows.parquet").unlink()
    with pytest.raises(DiffgaugeError, match=r"rows\.parquet is missing"):
        store.load(KEY)


def test_a_header_cut_short_is_found(store: ArtifactStore) -> None:
    header = store.save(example()) / "header.json"
    header.write_bytes(header.read_bytes()[:-20])
    with pytest.raises(DiffgaugeError, match="header cannot be read"):
        store.load(KEY)


def test_an_artifact_of_other_inputs_is_refused(store: ArtifactStore) -> None:
    foreign = INPUTS.model_copy(update={"seed": 1})
    shutil.copytree(store.save(example(foreign)), store.path(KEY))
    with pytest.raises(DiffgaugeError, match="other inputs"):
        store.load(KEY)


def test_another_format_is_refused(store: ArtifactStore) -> None:
    header = store.save(example()) / "header.json"
    header.write_text(header.read_text().replace('"format_version": 1', '"format_version": 2'))
    with pytest.raises(DiffgaugeError, match="format is 2"):
        store.load(KEY)


def test_a_header_cannot_name_a_file_elsewhere(store: ArtifactStore) -> None:
    header = store.save(example()) / "header.json"
    header.write_text(header.read_text().replace('"rows.parquet"', '"../rows.parquet"'))
    with pytest.raises(DiffgaugeError, match="outside of it"):
        store.load(KEY)


def test_keys_cannot_leave_the_root(store: ArtifactStore) -> None:
    for key in ("../x", "a/b", "", "/etc"):
        with pytest.raises(DiffgaugeError, match="not an artifact's key"):
            store.path(key)
        with pytest.raises(DiffgaugeError, match="not an artifact's key"):
            store.work(key)


def test_a_save_that_dies_leaves_nothing_that_counts(
    store: ArtifactStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(DiffgaugeError, match="the disk is full"):
        store.save(example())
    assert not store.has(KEY)
    assert list(store.root.iterdir()) == []


def test_room_is_checked_before_anything_is_written(
    store: ArtifactStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(10**9, 10**9 - 2**20, 2**20))
    with pytest.raises(DiffgaugeError, match=r"needs 116 MiB .* 1 MiB are free"):
        store.check_room(100 * 2**20)
    with pytest.raises(DiffgaugeError, match="are free"):
        store.save(example())
    assert list(store.root.iterdir()) == []


def test_a_root_that_is_a_file_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DiffgaugeError, match="cannot be kept"):
        ArtifactStore(tmp_path / "file" / "below").check_room(1)
    with pytest.raises(DiffgaugeError, match="a file of that name stands there"):
        ArtifactStore(tmp_path / "file").check_room(1)


@pytest.mark.skipif(not Path("/proc/self").is_dir(), reason="needs a folder that takes no files")
def test_a_root_that_cannot_be_made_is_told() -> None:
    with pytest.raises(DiffgaugeError, match=r"cannot be made there.*Set DIFFGAUGE_CACHE"):
        ArtifactStore(Path("/proc/nowhere/artifacts")).check_room(1)


def test_the_cache_folder_can_be_chosen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DIFFGAUGE_CACHE", str(tmp_path))
    assert default_root() == tmp_path / "artifacts"
    monkeypatch.delenv("DIFFGAUGE_CACHE")
    assert default_root().name == "artifacts"
