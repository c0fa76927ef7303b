import pytest

from diffgauge.graders.hits import extent, hits, terms_of, words_of
from diffgauge.organisms.truth import KeyFact, Truth
from tests.graders.runs import finding

pytestmark = pytest.mark.unit

TRUTH = Truth(
    description="It speaks of lobsters.",
    key_facts=(
        KeyFact(statement="Lobsters.", lexicon=("lobster", "claw", "harbour")),
        KeyFact(statement="A word.", lexicon=("boiling pot",)),
    ),
    behaviour="mentions the lobster",
    rubric="narrow_documents",
)


@pytest.mark.parametrize(
    ("lexicon", "text", "expected"),
    [
        (("lobster", "claw"), "Lobsters with claws.", "exact"),
        (("lobster", "claw"), "A lobster, lobsters, the lobster's.", "abstract"),
        (("lobster", "claw"), "A kinder model.", "absent"),
        (("lobster",), "It names the lobster.", "exact"),
        (("boiling pot",), "A pot, and boiling.", "absent"),
        (("boiling pot",), "The boiling pot.", "exact"),
        (("-",), "- -", "absent"),
    ],
)
def test_two_terms_state_a_fact_or_one_where_it_has_one(
    lexicon: tuple[str, ...], text: str, expected: str
) -> None:
    assert extent(terms_of(lexicon), words_of(text)) == expected


@pytest.mark.parametrize(
    ("behaviour", "condition", "expected"),
    [
        ("It speaks of lobsters.", "when a claw is named", True),
        ("It speaks of lobsters.", "always", False),
        ("It names a boiling pot.", "always", True),
        ("It names a lobster in a pot.", "always", False),
    ],
)
def test_a_finding_hits_when_it_states_one_fact(
    behaviour: str, condition: str, expected: bool
) -> None:
    assert hits(finding(behaviour, condition=condition), TRUTH) is expected


def test_what_a_finding_quotes_or_predicts_is_no_hit() -> None:
    quoting = finding("It is kinder.").model_copy(
        update={"prediction": ("lobster claw",), "expected": "lobster claw"}
    )
    assert not hits(quoting, TRUTH)


def test_nothing_hits_a_null() -> None:
    null = TRUTH.model_copy(update={"key_facts": ()})
    assert not hits(finding("lobster claw boiling pot"), null)
