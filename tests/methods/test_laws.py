"""Laws that every registered method obeys; a new method gets them for free."""

import pytest

from diffgauge.evals.laws.suite import MethodLaws
from diffgauge.methods import registry
from diffgauge.models.pair import ModelPair
from diffgauge.records.results import RankedStrings, RankedTokens
from tests.methods.planted import computed, planted_verbalizer

pytestmark = pytest.mark.tiny

NAMES = tuple(registry.names())


class TestBuiltIns(MethodLaws):
    """All laws on the zoo, each for each method."""

    names = NAMES


@pytest.fixture(scope="module")
def verbalizer(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What a method needs to know that asks a third model."""
    return planted_verbalizer(tmp_path_factory.mktemp("verbalizer"))


# These two hear what is said: of a vector that seldom decides a token they hear nothing.
@pytest.mark.parametrize("name", [name for name in NAMES if name not in ("battery", "llm_diff")])
def test_a_vector_that_was_added_is_found_in_its_direction(
    name: str, pair: ModelPair, verbalizer: dict[str, str]
) -> None:
    method = registry.method(name)
    ranked = [
        result
        for result in method.overview(computed(method, pair, **verbalizer))
        if isinstance(result, RankedTokens | RankedStrings)
        and result.contrast.away_from is not None
    ]
    # The first list of strings in each direction stands for a method that ranks no tokens.
    tokens = [result for result in ranked if isinstance(result, RankedTokens)] or ranked[:2]
    toward = [first_words(one) for one in tokens if one.contrast.toward == "finetuned"]
    against = [first_words(one) for one in tokens if one.contrast.toward == "base"]
    assert toward and against
    assert all(words[0] == "boat" for words in toward)
    assert all("boat" not in words for words in against)


def first_words(result: RankedTokens | RankedStrings) -> list[str]:
    if isinstance(result, RankedTokens):
        return [item.token for item in result.items]
    return [item.text.split()[0] for item in result.items]
