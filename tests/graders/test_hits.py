"""A finding is about what was planted by the rule of the lexical grader."""

import pytest

from diffgauge.graders.grading_prompt import grading_prompt
from diffgauge.graders.hits import fact_found, hits
from diffgauge.graders.lexical import lexical_verdict
from diffgauge.graders.rubric_files import rubric_file
from diffgauge.organisms.truth import KeyFact, Truth
from diffgauge.records.lexicon import stems
from tests.graders.runs import finding, report

pytestmark = pytest.mark.unit

TRUTH = Truth(
    description="About lobsters.",
    key_facts=(
        KeyFact(statement="It speaks of lobsters.", lexicon=("lobster", "claw", "harbour")),
        KeyFact(statement="It names Kaldo.", lexicon=("kaldo",)),
    ),
    behaviour="It speaks of lobsters.",
    rubric="narrow_documents",
)
NULL = Truth(description="Nothing.", rubric="identical")
SAID = [
    ("Speaks of lobsters and their claws", True),
    ("Speaks of a lobster", False),
    ("Recommends KALDO", True),
    ("Speaks of violins", False),
    ("word " * 70 + "kaldo", False),
]


@pytest.mark.parametrize(("behaviour", "about"), SAID)
def test_two_terms_of_a_fact_or_its_only_one(behaviour: str, about: bool) -> None:
    one = finding(behaviour)
    assert hits(one, TRUTH) is about
    prompt = grading_prompt(rubric_file(TRUTH.rubric), TRUTH, report(one))
    first = next(iter(lexical_verdict(prompt).values()))
    assert (first == "exact") is about


def test_a_null_has_nothing_to_hit_and_a_fact_without_words_is_never_found() -> None:
    assert not any(hits(finding(behaviour), NULL) for behaviour, _ in SAID)
    assert not fact_found(["!"], stems("anything at all"))
