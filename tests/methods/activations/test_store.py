"""Activations on disk and live: the same tokens, resumed and refused as they must be."""

import shutil
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path

import pytest
import torch

from diffgauge.methods import passes
from diffgauge.methods.activations.files import shard_name
from diffgauge.methods.activations.folder import StoreFolder, check_made_from
from diffgauge.methods.activations.header import stored_inputs, token_bytes
from diffgauge.methods.activations.live import LiveActivations
from diffgauge.methods.activations.settings import ActivationSettings
from diffgauge.methods.activations.source import (
    PARTS,
    Block,
    PairedActivations,
    Part,
    differences,
    part_of,
)
from diffgauge.methods.activations.store import ActivationStore
from diffgauge.methods.activations.writing import collect, most_bytes
from diffgauge.models.pair import ModelPair
from diffgauge.records.errors import DiffgaugeError
from diffgauge.records.subjects import SIDES
from tests.methods.planted import corpus
from tests.models.tiny_pairs import D_MODEL

pytestmark = pytest.mark.tiny

LAYER = 1
SETTINGS = ActivationSettings(
    n_texts=24, n_tokens=40, batch_texts=8, layer=LAYER, validation_every=4, buffer_tokens=100
)
HALF_ULP = 2.0**-8
"""Of bfloat16, relative to a value: 8 bits of significand."""


class Killed(Exception):
    pass


@pytest.fixture(scope="module")
def stored(pair: ModelPair, tmp_path_factory: pytest.TempPathFactory) -> ActivationStore:
    folder = StoreFolder(tmp_path_factory.mktemp("stores"))
    return collect(pair, corpus(), SETTINGS, [LAYER], folder=folder)[LAYER]


@pytest.fixture(scope="module")
def live(pair: ModelPair) -> LiveActivations:
    return LiveActivations(pair, corpus(), SETTINGS)


@pytest.fixture(params=["stored", "live"])
def source(request: pytest.FixtureRequest) -> PairedActivations:
    found: PairedActivations = request.getfixturevalue(request.param)
    return found


def whole(blocks: Iterator[Block], name: str) -> torch.Tensor:
    return torch.cat([getattr(block, name) for block in blocks])


@pytest.mark.parametrize("part", PARTS)
def test_stored_and_live_activations_are_the_same_tokens(
    stored: ActivationStore, live: LiveActivations, part: Part
) -> None:
    for name in ("token_ids", "text_index", "position", "kind"):
        assert torch.equal(whole(stored.in_order(part), name), whole(live.in_order(part), name))
    exact = whole(live.in_order(part), "activations")
    rounded = whole(stored.in_order(part), "activations").float()
    assert torch.all((rounded - exact).abs() <= exact.abs() * HALF_ULP)
    texts = {at: ids for block in stored.in_order(part) for at, ids in block.texts.items()}
    assert texts == {at: ids for block in live.in_order(part) for at, ids in block.texts.items()}


def test_what_is_stored_is_what_the_models_say(stored: ActivationStore, pair: ModelPair) -> None:
    block = next(stored.in_order("train"))
    text = int(block.text_index[0])
    mine = block.text_index == text
    for number, side in enumerate(SIDES):
        said = pair.capture(side, [block.texts[text]], [LAYER])[LAYER][0, 1:]
        assert torch.equal(block.activations[mine][:, number], said.bfloat16())
    assert block.position[mine].tolist() == list(range(1, len(block.texts[text])))
    assert block.token_ids[mine].tolist() == block.texts[text][1:]


def test_parts_are_told_by_text(source: PairedActivations) -> None:
    for part in PARTS:
        indices = set(whole(source.in_order(part), "text_index").tolist())
        assert indices and all(part_of(index, 4) == part for index in indices)
    assert part_of(3, 4) == "validation" and part_of(4, 4) == "train"


@pytest.mark.parametrize("part", PARTS)
def test_an_epoch_gives_every_token_once(source: PairedActivations, part: Part) -> None:
    rows = whole(source.in_order(part), "activations").float()
    drawn = torch.cat(list(source.batches(1, 5, part=part))).float()
    assert drawn.shape == rows.shape
    # Tokens told apart by the sum of their entries; texts run in other batches round otherwise.
    sums, others = (values.sum(-1).sort(0).values for values in (drawn, rows))
    torch.testing.assert_close(sums, others, rtol=0, atol=1e-4)


def test_the_last_smaller_batch_is_dropped_in_training_alone(source: PairedActivations) -> None:
    batches = list(source.batches(50, 5))
    assert len(batches) == source.n_tokens // 50
    assert all(batch.shape == (50, 2, D_MODEL) for batch in batches)
    n_held_out = len(whole(source.in_order("validation"), "kind"))
    sizes = [len(batch) for batch in source.batches(50, 5, part="validation")]
    assert sizes[:-1] == [50] * (n_held_out // 50) and sizes[-1] == n_held_out % 50


def test_the_order_is_the_seeds_and_is_taken_up_anywhere(source: PairedActivations) -> None:
    every = list(source.batches(64, 5, epochs=3))
    assert not torch.equal(every[0], next(source.batches(64, 6)))
    assert not torch.equal(every[0], every[len(every) // 3])
    for start in (1, len(every) // 3, len(every) - 2):
        rest = list(source.batches(64, 5, epochs=3, start=start))
        assert len(rest) == len(every) - start
        assert all(map(torch.equal, rest, every[start:]))
    endless = list(islice(source.batches(64, 5, epochs=None), len(every)))
    assert all(map(torch.equal, endless, every))


def test_moments_are_those_of_the_training_tokens(source: PairedActivations) -> None:
    moments, rows = source.moments(), whole(source.in_order("train"), "activations").double()
    delta = differences(rows).double()
    assert moments.n == source.n_tokens == len(rows)
    torch.testing.assert_close(moments.mean("base"), rows[:, 0].mean(0), rtol=1e-2, atol=1e-3)
    torch.testing.assert_close(moments.mean(), delta.mean(0), rtol=1e-2, atol=1e-2)
    spread = delta.var(0, correction=0)
    torch.testing.assert_close(moments.variance(), spread, rtol=5e-2, atol=1e-3)
    norm = float(rows[:, 1].norm(dim=-1).mean())
    assert moments.mean_norm("finetuned") == pytest.approx(norm, rel=1e-2)


def test_the_difference_alone_takes_half_and_is_finer(pair: ModelPair, tmp_path: Path) -> None:
    folder = StoreFolder(tmp_path)
    held = collect(pair, corpus(), SETTINGS, [LAYER], held="difference", folder=folder)[LAYER]
    assert token_bytes(64, "difference") == 2 * 64 + 5
    assert token_bytes(64, "pair") == 4 * 64 + 5
    exact = differences(
        whole(LiveActivations(pair, corpus(), SETTINGS).in_order("train"), "activations")
    )
    found = whole(held.in_order("train"), "activations")
    assert torch.equal(found[:, 0], exact.bfloat16())
    with pytest.raises(DiffgaugeError, match="'base'"):
        held.moments().mean("base")


def test_a_killed_collection_ends_the_same(
    pair: ModelPair, stored: ActivationStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(passes, "WINDOW_TEXTS", 8)
    whole_one = collect(pair, corpus(), SETTINGS, [LAYER, 0], folder=StoreFolder(tmp_path / "one"))
    told = list[int]()

    def kill(what: str, done: int, of: int) -> None:
        told.append(done)
        if len(told) == 3:
            raise Killed

    folder = StoreFolder(tmp_path / "two")
    with pytest.raises(Killed):
        collect(pair, corpus(), SETTINGS, [0, LAYER], progress=kill, folder=folder)
    assert not list(folder.stores()) and len(folder.unfinished()) == 1
    rest = list[int]()
    found = collect(
        pair,
        corpus(),
        SETTINGS,
        [0, LAYER],
        progress=lambda what, done, of: rest.append(done),
        folder=folder,
    )
    assert min(rest) > told[0], "what was written before the kill was read again"
    assert not folder.unfinished()
    for layer, one in found.items():
        assert one.header.files == whole_one[layer].header.files
        for name in one.header.files:
            assert (one.folder / name).read_bytes() == (whole_one[layer].folder / name).read_bytes()
        assert torch.equal(one.moments().sums, whole_one[layer].moments().sums)


def test_what_is_there_is_not_collected_again(pair: ModelPair, stored: ActivationStore) -> None:
    folder = StoreFolder(stored.folder.parent)

    def never(what: str, done: int, of: int) -> None:
        raise AssertionError("collected a second time")

    again = collect(pair, corpus(), SETTINGS, [LAYER], progress=never, folder=folder)[LAYER]
    assert again.header == stored.header
    other_batch = SETTINGS.model_copy(update={"batch_texts": 3, "buffer_tokens": 9})
    collect(pair, corpus(), other_batch, [LAYER], progress=never, folder=folder)


@pytest.mark.parametrize(
    "change", [{"n_tokens": 39}, {"validation_every": 5}, {"skip_positions": 2}, {"min_tokens": 9}]
)
def test_any_other_input_is_another_store(pair: ModelPair, change: dict[str, int]) -> None:
    def key(settings: ActivationSettings, layer: int = LAYER) -> str:
        return stored_inputs(pair, corpus(), settings, layer, "pair").key()

    changed = SETTINGS.model_copy(update=change)
    assert key(changed) != key(SETTINGS)
    assert key(SETTINGS, 0) != key(SETTINGS)
    assert stored_inputs(pair, corpus(), SETTINGS, LAYER, "difference").key() != key(SETTINGS)


class TestRefused:
    """A store that is not what was asked for, or no longer what was written."""

    @pytest.fixture
    def copy(self, pair: ModelPair, tmp_path: Path) -> ActivationStore:
        return collect(pair, corpus(), SETTINGS, [LAYER], folder=StoreFolder(tmp_path))[LAYER]

    def test_a_truncated_shard(self, copy: ActivationStore) -> None:
        shard = copy.folder / "train" / shard_name(0)
        size = shard.stat().st_size
        with shard.open("r+b") as out:
            out.truncate(size - 2)
        with pytest.raises(DiffgaugeError, match=f"{size - 2:,} bytes, {size:,} were written"):
            ActivationStore(copy.folder)
        shard.unlink()
        with pytest.raises(DiffgaugeError, match="is missing"):
            ActivationStore(copy.folder)

    def test_activations_that_are_not_finite(self, copy: ActivationStore) -> None:
        shard = copy.folder / "train" / shard_name(0)
        with shard.open("r+b") as out:
            out.write(b"\xff\x7f")
        with pytest.raises(DiffgaugeError, match="not finite"):
            list(ActivationStore(copy.folder).batches(16, 0))
        with pytest.raises(DiffgaugeError, match="not finite"):
            list(ActivationStore(copy.folder).in_order("train"))

    def test_a_header_that_is_missing_or_unreadable(self, copy: ActivationStore) -> None:
        (copy.folder / "header.json").write_text("{")
        with pytest.raises(DiffgaugeError, match="header cannot be read"):
            ActivationStore(copy.folder)
        (copy.folder / "header.json").unlink()
        with pytest.raises(DiffgaugeError, match="no complete activations"):
            ActivationStore(copy.folder)

    def test_another_pair_or_layer(
        self, copy: ActivationStore, swapped: ModelPair, pair: ModelPair
    ) -> None:
        other = stored_inputs(swapped, corpus(), SETTINGS, LAYER, "pair")
        with pytest.raises(DiffgaugeError, match="another pair"):
            check_made_from(copy, other)
        layer = stored_inputs(pair, corpus(), SETTINGS, 0, "pair")
        with pytest.raises(DiffgaugeError, match=r"'layer': 1.*'layer': 0"):
            check_made_from(copy, layer)

    def test_a_disk_that_lacks_the_bytes_stated(
        self, pair: ModelPair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        # Per token two vectors of two bytes an entry, four bytes of id and one of kind.
        n_bytes = most_bytes(corpus(), SETTINGS, D_MODEL, 2, "pair")
        assert n_bytes == 2 * 24 * 39 * (2 * D_MODEL * 2 + 5)
        usage = shutil.disk_usage(tmp_path)
        monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=n_bytes))
        with pytest.raises(DiffgaugeError, match=f"{n_bytes:,} bytes .*{4 * D_MODEL + 5:,} for"):
            collect(pair, corpus(), SETTINGS, [0, 1], folder=StoreFolder(tmp_path))

    def test_more_tokens_in_a_batch_than_there_are(self, source: PairedActivations) -> None:
        with pytest.raises(DiffgaugeError, match=f"{source.n_tokens} tokens"):
            next(source.batches(source.n_tokens + 1, 0, epochs=None))

    def test_activations_are_refused_when_a_model_is_broken(
        self, pair: ModelPair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        plain = pair.capture

        def broken(*args: object, **kwargs: object) -> dict[int, torch.Tensor]:
            return {layer: found / 0 for layer, found in plain(*args, **kwargs).items()}  # type: ignore[arg-type]

        monkeypatch.setattr(pair, "capture", broken)
        with pytest.raises(DiffgaugeError, match="not finite"):
            collect(pair, corpus(), SETTINGS, [LAYER], folder=StoreFolder(tmp_path))


def test_a_store_is_removed_by_the_beginning_of_its_key(pair: ModelPair, tmp_path: Path) -> None:
    folder = StoreFolder(tmp_path)
    collect(pair, corpus(), SETTINGS, [LAYER], folder=folder)
    [(key, _)] = folder.stores()
    folder.remove(folder.key_named(key[:6]))
    assert not list(folder.stores()) and not folder.has(key)
    with pytest.raises(DiffgaugeError, match="activation store"):
        folder.key_named(key)


def test_texts_that_are_never_read_run_no_model(pair: ModelPair) -> None:
    read = list[int]()

    class Counting(LiveActivations):
        def _read(self, texts):  # type: ignore[no-untyped-def]
            read.extend(row.index for row in texts)
            return super()._read(texts)

    counting = Counting(pair, replace(corpus()), SETTINGS)
    n_batches = counting.n_tokens // 16
    list(counting.batches(16, 1, start=n_batches - 1))
    assert 0 < len(set(read)) < 18
