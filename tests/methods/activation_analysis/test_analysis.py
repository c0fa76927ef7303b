"""The activation analysis against sums by hand, and on a pair with a known difference."""

import pytest
import torch

from diffgauge.methods import registry
from diffgauge.methods.activation_analysis.measures import MEASURES, measured
from diffgauge.methods.activation_analysis.operations import (
    OnTextParameters,
    PlacesParameters,
    TokensParameters,
    TopParameters,
    on_text,
    place_results,
    token_results,
    top_results,
)
from diffgauge.methods.activation_analysis.settings import AnalysisSettings
from diffgauge.methods.activation_analysis.totals import AnalysisTotals
from diffgauge.methods.activations.source import KINDS
from diffgauge.methods.artifacts import Artifact
from diffgauge.models.pair import ModelPair
from diffgauge.records.corpora import Corpus
from diffgauge.records.errors import DiffgaugeError
from diffgauge.records.results import RankedStrings, RankedTokens, Scalars
from diffgauge.records.subjects import ChatMessage
from tests.methods.activations.blocks import TEXT_TOKENS, block_of, drawn
from tests.methods.planted import PLANTED_LAYER, corpus

pytestmark = pytest.mark.tiny

SETTINGS = AnalysisSettings(n_texts=24, batch_texts=8, layer=PLANTED_LAYER, top_positions=10)
SCALE = 0.3
"""Length of the vector that was planted."""


def made(pair: ModelPair, texts: Corpus | None = None, **more: object) -> Artifact:
    settings = SETTINGS.model_copy(update=more)
    read = texts or corpus()
    return registry.method("activation_analysis").compute(pair, {"unrelated": read}, settings, 0)


@pytest.fixture(scope="module")
def found(pair: ModelPair) -> Artifact:
    return made(pair)


def summary(artifact: Artifact, measure: str, part: str = "train", group: str = "all") -> float:
    wanted = (measure, part, group)
    rows = artifact.tables["summary"]
    return float(next(r["mean"] for r in rows if (r["measure"], r["part"], r["group"]) == wanted))


def test_measures_of_vectors_one_can_draw() -> None:
    pairs = torch.tensor([[[3.0, 4.0], [0.0, 0.0]], [[1.0, 0.0], [0.0, 1.0]], [[2.0, 1.0]] * 2])
    values = measured(pairs)
    expected = [[5, 0.5, 1, 5, 0], [2**0.5, 1, 2**0.5 / 2, 1, 1], [0, 0, 0, 5**0.5, 5**0.5]]
    torch.testing.assert_close(values, torch.tensor(expected, dtype=torch.float64))
    assert values[2, :3].tolist() == [0, 0, 0]


def test_the_cosine_distance_keeps_its_digits() -> None:
    # One minus a cosine of 1 - 5e-13 would leave nothing of it in float32.
    turned = torch.tensor([[[1.0, 0.0], [1.0, 1e-6]]], dtype=torch.float64)
    assert float(measured(turned)[0, 1]) == pytest.approx(5e-13, rel=1e-3)


def test_totals_are_what_counting_gives() -> None:
    base = drawn(60, 4)
    block = block_of(base, base + drawn(60, 4, 1))
    totals = AnalysisTotals(AnalysisSettings(top_positions=5, positions_per_text=1), 10)
    totals.add("train", block)
    values = measured(block.activations)
    rows = {
        (row["group"], row["measure"]): row for row in totals.summary() if row["part"] == "train"
    }
    for column, measure in enumerate(MEASURES):
        row = rows["all", measure]
        assert row["mean"] == pytest.approx(float(values[:, column].mean()))
        assert row["largest"] == pytest.approx(float(values[:, column].max()))
        middle = float(values[:, column].sort().values[29])
        assert row["q0.5"] == pytest.approx(middle, rel=0.02)
        assert rows["text", measure]["mean"] == pytest.approx(row["mean"])
    assert not {group for group, _ in rows} & {"prompt", "reply", "special"}
    curve = list(totals.curve())
    assert [row["position"] for row in curve] == list(range(TEXT_TOKENS))
    assert curve[3]["norm"] == pytest.approx(float(values[3::TEXT_TOKENS, 0].mean()))
    largest = values[:, 0].view(-1, TEXT_TOKENS).max(1)
    kept = totals.spots["train", "norm"].kept
    best = largest.values.sort(descending=True)
    assert [spot.text for spot in kept] == best.indices[:5].tolist()
    assert [spot.position for spot in kept] == largest.indices[best.indices[:5]].tolist()


def test_a_vector_added_everywhere_has_its_length_everywhere(found: Artifact) -> None:
    for part in ("train", "validation"):
        assert summary(found, "norm", part) == pytest.approx(SCALE, rel=1e-4)
    own = summary(found, "base") + summary(found, "finetuned")
    assert summary(found, "relative") == pytest.approx(SCALE / own, rel=0.2)
    tokens = {
        one.contrast.toward: [item.token for item in one.items]
        for one in token_results(found, TokensParameters())
        if isinstance(one, RankedTokens)
    }
    assert tokens["finetuned"][0] == "boat" and "boat" not in tokens["base"]


def test_positions_are_shown_once_and_read_both_ways(found: Artifact) -> None:
    shown = top_results(found, TopParameters(n=5, by="relative"))
    places = []
    for one in shown:
        assert isinstance(one, RankedStrings) and len(one.items) == 5
        places.append([item.text.split(" | ")[0] for item in one.items])
        scores = [item.score for item in one.items]
        assert scores == sorted(scores, reverse=True)
    assert places[0] == places[1]
    toward = next(one for one in shown if one.contrast.toward == "finetuned")
    assert isinstance(toward, RankedStrings)
    assert all("reads as: boat" in item.text for item in toward.items)


def test_conversations_are_told_by_kind_and_template_token(pair: ModelPair) -> None:
    said = "the sea is red and the boat is of the sea"
    turns = (ChatMessage(role="user", content=said), ChatMessage(role="assistant", content=said))
    texts = Corpus("unrelated", "turns", 24, lambda: iter([turns] * 24))
    artifact = made(pair, texts)
    tokens = {
        row["group"]: row["n_tokens"]
        for row in artifact.tables["summary"]
        if (row["part"], row["measure"]) == ("train", "norm")
    }
    # What was said is the prompt's once and the reply's once; special tokens are around it.
    assert tokens["prompt"] == tokens["reply"] and "text" not in tokens
    assert tokens["all"] == tokens["prompt"] + tokens["reply"] + tokens["special"]
    names = {row["token"] for row in artifact.tables["special"]}
    assert names == {"<|user|>", "<|assistant|>", "<|end|>"}
    [result] = place_results(artifact, PlacesParameters(place="kind"))
    assert isinstance(result, Scalars)
    assert [item.name.split()[0] for item in result.items] == list(KINDS[1:])


def test_texts_of_ones_own_are_read(pair: ModelPair, found: Artifact) -> None:
    outcome = on_text(pair, found, OnTextParameters(texts=("the boat is red",), k=2), 0)
    assert [result.cost for result in outcome.results] == [1, 1]
    for result in outcome.results:
        assert isinstance(result, RankedStrings)
        assert [item.score for item in result.items] == [pytest.approx(SCALE, rel=1e-2)] * 2


def test_an_identical_pair_is_at_zero_distance(identical: ModelPair) -> None:
    artifact = made(identical)
    for row in artifact.tables["summary"]:
        if row["measure"] in ("norm", "cosine", "relative"):
            assert row["mean"] == 0
    assert artifact.tables["positions"] == [] and artifact.tables["tokens"] == []
    with pytest.raises(DiffgaugeError, match="identical"):
        on_text(identical, artifact, OnTextParameters(), 0)


def test_what_is_below_the_floor_is_not_decoded(pair: ModelPair) -> None:
    share = 2 * SCALE / (summary(made(pair), "base") + summary(made(pair), "finetuned"))
    artifact = made(pair, reserved_floor=1.1 * share)
    assert artifact.tables["positions"] == []
    [first, _] = top_results(artifact, TopParameters())
    assert isinstance(first, RankedStrings)
    assert not first.items and first.note is not None and "not above" in first.note
    assert made(pair, reserved_floor=0.9 * share).tables["positions"]
