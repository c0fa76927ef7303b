"""Laws that every registered method obeys; a new method gets them for free."""

from collections.abc import Sequence
from pathlib import Path

import pytest
import torch

from diffgauge.methods import registry
from diffgauge.methods.artifacts import Artifact, ArtifactStore
from diffgauge.methods.computation import obtain
from diffgauge.methods.method import Method, MethodSettings
from diffgauge.models.pair import ModelPair
from diffgauge.records.corpora import Corpus
from diffgauge.records.errors import DiffgaugeError
from diffgauge.records.results import FreeText, RankedTokens, Result, Samples, Scalars
from diffgauge.records.subjects import Side, other_side
from tests.methods.planted import corpus

pytestmark = pytest.mark.tiny

NAMES = registry.names()
PROMPTS = ["what is the sea", "tell me of a boat", "and the wind"]
SMALL = {"n_texts": 24, "n_prompts": 2, "max_new_tokens": 8, "batch_texts": 8}


def small(method: Method, **more: object) -> MethodSettings:
    """Settings small enough for a test: those of `SMALL` that the method knows."""
    wanted = {**SMALL, **more}
    return method.settings.model_validate(
        {name: value for name, value in wanted.items() if name in method.settings.model_fields}
    )


def computed(method: Method, pair: ModelPair, **more: object) -> Artifact:
    settings = small(method, **more)
    corpora: dict[str, Corpus] = {name: corpus() for name in method.reads(settings)}
    return method.compute(pair, corpora, settings, 3, prompts=PROMPTS)


def everything_free(method: Method, artifact: Artifact) -> list[Result]:
    results = method.overview(artifact)
    for operation in method.operations(artifact):
        if not operation.paid:
            results += operation.run(artifact, operation.parameters())
    return results


def mirrored(result: Result) -> Result:
    """The same result about the pair with its sides exchanged."""

    def other(side: str | None) -> str | None:
        known: dict[str, Side] = {"base": "base", "finetuned": "finetuned"}
        return None if side is None else other_side(known[side])

    contrast = result.contrast.model_copy(
        update={
            "toward": other(result.contrast.toward),
            "away_from": other(result.contrast.away_from),
        }
    )
    changes: dict[str, object] = {"contrast": contrast}
    if isinstance(result, Samples):
        changes["items"] = tuple(
            item.model_copy(update={"model": other(item.model)}) for item in result.items
        )
    return result.model_copy(update=changes)


def in_order(results: Sequence[Result]) -> list[str]:
    """Results as text, without what depends on the order of sides."""

    def text(result: Result) -> str:
        if isinstance(result, Samples):
            ordered = sorted(result.items, key=lambda item: item.model_dump_json())
            result = result.model_copy(update={"items": tuple(ordered)})
        return result.model_dump_json()

    return sorted(text(result) for result in results)


@pytest.mark.parametrize("name", NAMES)
def test_an_identical_pair_shows_exactly_nothing(name: str, identical: ModelPair) -> None:
    method = registry.method(name)
    artifact = computed(method, identical)
    results = everything_free(method, artifact)
    assert results
    for result in results:
        if isinstance(result, Scalars):
            assert all(not item.value for item in result.items)
        elif not isinstance(result, FreeText):
            assert result.items == ()
            assert result.note is not None
    said = " ".join(result.text for result in results if isinstance(result, FreeText))
    assert "identical" in said
    for operation in method.operations(artifact):
        if operation.paid:
            with pytest.raises(DiffgaugeError):
                operation.cost(artifact, operation.parameters())


@pytest.mark.parametrize("name", NAMES)
def test_swapping_the_models_mirrors_every_result(
    name: str, pair: ModelPair, swapped: ModelPair
) -> None:
    method = registry.method(name)
    straight = everything_free(method, computed(method, pair))
    turned = everything_free(method, computed(method, swapped))
    assert in_order(straight) == in_order([mirrored(result) for result in turned])
    assert in_order(straight) != in_order(turned)  # or the law would hold of anything


@pytest.mark.parametrize("name", NAMES)
def test_a_planted_difference_is_found_in_its_direction(name: str, pair: ModelPair) -> None:
    method = registry.method(name)
    ranked = [
        result
        for result in method.overview(computed(method, pair))
        if isinstance(result, RankedTokens) and result.contrast.away_from is not None
    ]
    toward = [result for result in ranked if result.contrast.toward == "finetuned"]
    against = [result for result in ranked if result.contrast.toward == "base"]
    assert toward and against
    assert all(result.items[0].token == "boat" for result in toward)
    assert all("boat" not in {item.token for item in result.items} for result in against)


@pytest.mark.parametrize("name", NAMES)
def test_the_batch_size_changes_nothing(name: str, pair: ModelPair) -> None:
    method = registry.method(name)
    one = computed(method, pair, batch_texts=5)
    many = computed(method, pair, batch_texts=24)
    assert one.tensors.keys() == many.tensors.keys()
    for key, tensor in one.tensors.items():
        torch.testing.assert_close(tensor, many.tensors[key], rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("name", NAMES)
def test_an_artifact_says_the_same_after_a_round_trip(
    name: str, pair: ModelPair, tmp_path: Path
) -> None:
    method = registry.method(name)
    artifact = computed(method, pair)
    store = ArtifactStore(tmp_path)
    store.save(artifact)
    loaded = store.load(artifact.header.inputs.key())
    assert everything_free(method, loaded) == everything_free(method, artifact)


@pytest.mark.parametrize("name", NAMES)
def test_the_same_seed_gives_the_same_bytes(name: str, pair: ModelPair, tmp_path: Path) -> None:
    method = registry.method(name)
    files = []
    for folder in ("first", "second"):
        store = ArtifactStore(tmp_path / folder)
        store.save(computed(method, pair))
        [key] = [path.name for path in store.root.iterdir()]
        files.append(store.load(key).header.files)
    assert files[0] == files[1]


@pytest.mark.parametrize("name", NAMES)
def test_operations_can_be_called_bare_and_describe_every_parameter(
    name: str, pair: ModelPair
) -> None:
    method = registry.method(name)
    artifact = computed(method, pair)
    for operation in method.operations(artifact):
        assert operation.name.startswith(f"{name}_")
        assert all(info.description for info in operation.parameters.model_fields.values())
        bare = operation.parameters()
        if operation.paid:
            cost = operation.cost(artifact, bare)
            outcome = operation.run(pair, artifact, bare, 1)
            assert cost > 0
            assert sum(result.cost for result in outcome.results) == cost
            again = operation.run(pair, artifact, bare, 1)
            fresh = operation.run(pair, artifact, bare, 2)
            assert again.results == outcome.results != fresh.results
        else:
            assert operation.run(artifact, bare)


@pytest.mark.parametrize("name", NAMES)
def test_obtaining_computes_once_and_then_loads(name: str, pair: ModelPair, tmp_path: Path) -> None:
    method, store, told = registry.method(name), ArtifactStore(tmp_path), list[str]()
    settings = small(method)
    corpora: dict[str, Corpus] = {read: corpus() for read in method.reads(settings)}
    for _ in range(2):
        artifact = obtain(
            store,
            method,
            pair,
            corpora,
            settings,
            3,
            lambda what, done, of: told.append(f"{what} {done}/{of}"),
            prompts=PROMPTS,
        )
    assert artifact.header.inputs.key() == method.inputs(pair, corpora, settings, 3, PROMPTS).key()
    assert len(told) == len(set(told)) > 0
    assert not store.work(artifact.header.inputs.key()).exists()


@pytest.mark.parametrize("name", NAMES)
def test_a_corpus_that_was_not_given_is_named(name: str, pair: ModelPair) -> None:
    method = registry.method(name)
    if not method.reads(method.settings()):
        pytest.fail("then this law needs a condition of its own")
    with pytest.raises(DiffgaugeError, match="'unrelated', which was not given"):
        method.inputs(pair, {}, method.settings(), 0)
