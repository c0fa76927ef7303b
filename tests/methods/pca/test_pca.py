"""PCA of differences: a planted direction is found, and turns round with the models."""

from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.decomposition import PCA as SklearnPCA

from diffgauge.methods import registry
from diffgauge.methods.activations.folder import StoreFolder
from diffgauge.methods.artifacts import Artifact
from diffgauge.methods.pca.components import Products
from diffgauge.methods.pca.operations import ComponentParameters, component_results
from diffgauge.methods.pca.projections import Projections
from diffgauge.methods.pca.settings import PCASettings
from diffgauge.methods.pca.steering import SteerParameters, steer, steer_cost
from diffgauge.models.pair import ModelPair
from diffgauge.records.errors import DiffgaugeError
from diffgauge.records.results import RankedStrings, RankedTokens, Samples, Scalars
from tests.methods.activations.blocks import block_of, drawn
from tests.methods.planted import PLANTED_LAYER, PROMPTS, corpus, save_planted

pytestmark = pytest.mark.tiny

N_TOKENS = 2000
WIDTH = 16
SETTINGS = PCASettings(
    n_texts=24, batch_texts=8, layer=PLANTED_LAYER, n_components=4, max_new_tokens=12
)


def gathered(base: torch.Tensor, finetuned: torch.Tensor) -> Products:
    products = Products(base.shape[1], own=True)
    for start in range(0, len(base), 500):
        part = slice(start, start + 500)
        products.add("train", block_of(base[part], finetuned[part]))
    return products


def made(pair: ModelPair, **more: object) -> Artifact:
    settings = SETTINGS.model_copy(update=more)
    return registry.method("pca").compute(
        pair, {"unrelated": corpus()}, settings, 0, prompts=PROMPTS
    )


@pytest.fixture(scope="module")
def found(pair: ModelPair) -> Artifact:
    return made(pair)


def test_a_direction_that_is_rarely_there_is_the_first_component() -> None:
    base = drawn(N_TOKENS, WIDTH)
    direction = torch.nn.functional.normalize(drawn(1, WIDTH, 1)[0], dim=0)
    fires = (torch.arange(N_TOKENS) % 10 == 0).float()[:, None]
    products = gathered(base, base + 3 * fires * direction)
    components = products.components("difference", 2, centred=False)
    assert float(components.directions[0] @ direction) > 0.999
    # Rounding of float32 sums alone is left to the others.
    assert float(components.shares[0]) == pytest.approx(1.0, abs=1e-5)
    turned = gathered(base + 3 * fires * direction, base).components("difference", 2, centred=False)
    assert torch.equal(turned.directions[0], -components.directions[0])


def test_what_noise_hides_is_found_by_its_size() -> None:
    # A direction of variance s^2 p among entries of variance 1 explains (1 + s^2 p) of the whole.
    base, noise = drawn(N_TOKENS, WIDTH), drawn(N_TOKENS, WIDTH, 2)
    direction = torch.nn.functional.normalize(drawn(1, WIDTH, 1)[0], dim=0)
    fires = (torch.arange(N_TOKENS) % 5 == 0).float()[:, None]
    size, share = 5.0, 0.2
    components = gathered(base, base + noise + size * fires * direction).components(
        "difference", 1, centred=False
    )
    assert float(components.directions[0] @ direction) > 0.98
    expected = (1 + size**2 * share) / (WIDTH + size**2 * share)
    assert float(components.shares[0]) == pytest.approx(expected, rel=0.1)


def test_centred_components_are_those_of_scikit_learn() -> None:
    base, difference = drawn(N_TOKENS, WIDTH), drawn(N_TOKENS, WIDTH, 3)
    difference = difference * torch.arange(1, WIDTH + 1) + 4
    components = gathered(base, base + difference).components("difference", 3, centred=True)
    reference = SklearnPCA(n_components=3).fit(difference.double().numpy())
    cosines = np.abs(np.sum(components.directions.numpy() * reference.components_, axis=1))
    assert cosines.min() > 0.9999
    np.testing.assert_allclose(
        components.shares.numpy(), reference.explained_variance_ratio_, rtol=1e-3
    )


def test_equal_activations_have_no_components() -> None:
    base = drawn(N_TOKENS, WIDTH)
    products = gathered(base, base.clone())
    components = products.components("difference", 2, centred=False)
    assert components.shares.isnan().all()
    along = Projections(components, PCASettings())
    along.add("train", block_of(base, base.clone()))
    assert not any(spots.kept for spots in along.spots.values())
    assert [row["share"] for row in along.rows()] == [None, None]


def test_projections_are_told_apart_by_part_and_end() -> None:
    base = torch.zeros(40, 3)
    difference = torch.zeros(40, 3)
    difference[:, 0] = 2.0
    difference[5, 0], difference[17, 0] = 9.0, -4.0
    components = gathered(base, base + difference).components("difference", 1, centred=False)
    along = Projections(components, PCASettings(exemplars=2))
    along.add("train", block_of(base, difference))
    along.add("validation", block_of(base[:10], difference[:10] + torch.tensor([0.0, 2.0, 0.0])))
    [train, held_out] = along.rows()
    assert train["share"] == pytest.approx(1.0)
    # Along the component 9 times 4 and once 81, across it 4 at each of 10 tokens.
    assert held_out["share"] == pytest.approx((9 * 4 + 81) / (9 * 4 + 81 + 40))
    first, last = along.spots[0, "along"].kept[0], along.spots[0, "against"].kept[0]
    assert (first.text, first.position) == (0, 5) and first.value == pytest.approx(9.0)
    assert (last.text, last.position) == (1, 7) and last.value == pytest.approx(4.0)


def test_the_planted_vector_is_the_first_component_of_a_real_pair(
    found: Artifact, tmp_path: Path
) -> None:
    _, vector = save_planted(tmp_path, 0.3)
    unit = vector / vector.norm()
    assert float(found.tensors["directions"][0] @ unit) > 0.999
    shares = {
        row["part"]: row["share"] for row in found.tables["explained"] if row["component"] == 0
    }
    assert min(shares.values()) > 0.999
    shown = component_results(found, ComponentParameters())
    tokens = {
        one.contrast.toward: [item.token for item in one.items]
        for one in shown
        if isinstance(one, RankedTokens)
    }
    assert tokens["finetuned"][0] == "boat" and "boat" not in tokens["base"]


def test_a_mean_that_is_taken_away_is_not_seen(pair: ModelPair) -> None:
    centred = made(pair, centred=True)
    assert float(centred.tensors["mean"].norm()) == pytest.approx(0.3, rel=1e-3)
    along = [row for row in centred.tables["explained"] if row["part"] == "train"]
    assert max(row["deviation"] for row in along) < 1e-3


def test_a_store_gives_what_live_passes_give(
    pair: ModelPair, found: Artifact, empty_cache: Path
) -> None:
    stored = made(pair, store="disk")
    # Entries are rounded to bfloat16, of states some ten times as long as the difference.
    cosine = float(stored.tensors["directions"][0] @ found.tensors["directions"][0])
    assert cosine > 0.999
    for one, other in zip(stored.tables["explained"], found.tables["explained"], strict=True):
        assert one["mean"] == pytest.approx(other["mean"], rel=2e-2, abs=2e-3)
    analysis = registry.method("activation_analysis")
    settings = analysis.settings.model_validate(
        {"n_texts": 24, "layer": PLANTED_LAYER, "store": "disk"}
    )
    told = list[str]()
    analysis.compute(pair, {"unrelated": corpus()}, settings, 0, lambda what, *_: told.append(what))
    assert set(told) == {"stored tokens"}, "one store serves both methods"
    assert len(list(StoreFolder().stores())) == 1


def test_an_identical_pair_has_nothing_to_show_or_to_steer_with(identical: ModelPair) -> None:
    artifact = made(identical)
    for result in component_results(artifact, ComponentParameters(i=40)):
        assert isinstance(result, Scalars | RankedTokens | RankedStrings)
        assert not result.items and result.note is not None and "identical" in result.note
    with pytest.raises(DiffgaugeError, match="identical"):
        steer_cost(artifact, SteerParameters())


def test_steering_moves_replies_toward_the_planted_token(pair: ModelPair, found: Artifact) -> None:
    asked = SteerParameters(prompts=PROMPTS, n=4, strength=1.0, model="base")
    outcome = steer(pair, found, asked, 5)
    assert steer_cost(found, asked) == sum(result.cost for result in outcome.results)
    boats = {}
    for result in outcome.results:
        assert isinstance(result, Samples)
        boats[result.contrast.toward] = sum(item.reply.count("boat") for item in result.items)
    assert boats["finetuned"] > boats["base"]


def test_a_component_that_is_not_there_is_named(found: Artifact) -> None:
    for ask in (
        lambda: component_results(found, ComponentParameters(i=4)),
        lambda: steer_cost(found, SteerParameters(i=4)),
    ):
        with pytest.raises(DiffgaugeError, match="components 0 to 3"):
            ask()
