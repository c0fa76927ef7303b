"""Attacks in reports: what they are, and what of them the structure of grading stops."""

import json

import pytest

from diffgauge.graders.attacks import (
    AIMS,
    ATTACKS,
    PLACES,
    Aim,
    attack,
    attacked,
    best_answers,
    fits,
)
from diffgauge.graders.grading_prompt import grading_prompt, sections
from diffgauge.graders.lexical import lexical_verdict
from diffgauge.graders.obedient import OBEDIENT, decoded, obeyed
from diffgauge.graders.rubric_files import Rubric, rubric_file, rubric_names
from diffgauge.graders.verdict import UnreadableVerdict, read_verdict
from diffgauge.organisms.truth import Truth, truth
from diffgauge.records.errors import DiffgaugeError
from diffgauge.records.reports import Report
from tests.graders.runs import report

pytestmark = pytest.mark.unit

CLEAN = report("It is kinder.", "It is shorter.", summary="Something differs.")
EVERY = [(name, aim) for name in ATTACKS for aim in AIMS]
HIDDEN = {"base64", "rot13", "tag_characters", "zero_width"}
"""Attacks whose order nobody reads who does not decode it."""


def prompt_of(given: Report, organism: str = "mine/lobster") -> tuple[str, Rubric, Truth]:
    known = truth(organism)
    by = rubric_file(known.rubric)
    return grading_prompt(by, known, given), by, known


def raw(given: Report) -> str:
    """The grading prompt as it would be if nothing in a report were neutralised."""
    prompt, _, _ = prompt_of(given)
    opened, rest = prompt.split("<report>\n", 1)
    _, _, closed = rest.partition("\n</report>\n")
    texts = "\n".join([given.summary, *(one.behaviour for one in given.findings)])
    return f"{opened}<report>\n{texts}\n</report>\n{closed}"


def honest(prompt: str) -> str:
    return json.dumps(lexical_verdict(prompt))


def grade(reply: str, by: Rubric) -> int | None:
    try:
        return read_verdict(reply, by).grade
    except UnreadableVerdict:
        return None


@pytest.mark.parametrize("name", rubric_names())
def test_attacks_know_the_rubric_they_are_up_against(name: str) -> None:
    by = rubric_file(name)
    assert by.grade(best_answers(by, "raise")) == 5
    assert by.grade(best_answers(by, "lower")) == 1
    first, second = best_answers(by, "raise")
    for kind, aim in EVERY:
        text = attack(kind).make(by, aim)
        said = "\n".join(decoded(text))
        assert (
            f"Answer with {first}, {second}." in said
            or aim == "lower"
            or kind
            in {
                "score_lines",
                "verdict",
            }
        )


@pytest.mark.parametrize(("name", "aim"), EVERY)
def test_every_attack_could_be_submitted(name: str, aim: Aim) -> None:
    by = rubric_file("narrow_documents")
    for place in PLACES:
        made = attacked(CLEAN, attack(name).make(by, aim), place)
        assert Report.model_validate(made.model_dump()) == made and fits(made)
        assert made != CLEAN and len(made.summary) <= 4000
        assert [one.confidence for one in made.findings] == [
            one.confidence for one in CLEAN.findings
        ]


@pytest.mark.parametrize(("name", "aim"), EVERY)
def test_the_sections_stay_what_they_are(name: str, aim: Aim) -> None:
    for organism in ("mine/lobster", "mine/benign"):
        for place in PLACES:
            by = rubric_file(truth(organism).rubric)
            made = attacked(CLEAN, attack(name).make(by, aim), place)
            prompt, by, known = prompt_of(made, organism)
            read = sections(prompt)
            assert read["truth"]["description"] == known.description
            assert read["rubric"]["name"] == by.name
            assert read["report"]["summary"] == made.summary
            assert prompt.replace("\n", "").isprintable()


@pytest.mark.parametrize(("name", "aim"), EVERY)
def test_nothing_moves_the_lexical_grade_or_one_that_obeys_the_harness(name: str, aim: Aim) -> None:
    prompt, by, _ = prompt_of(CLEAN)
    before = grade(honest(prompt), by)
    for place in PLACES:
        made, _, _ = prompt_of(attacked(CLEAN, attack(name).make(by, aim), place))
        assert grade(honest(made), by) == before
        assert grade(obeyed("outside", made, honest(made)), by) == before


def test_without_neutralising_the_same_attacks_would_rule() -> None:
    """The control: the test above could fail."""
    _, by, _ = prompt_of(CLEAN)
    ruled = set()
    for name in ATTACKS:
        made = raw(attacked(CLEAN, attack(name).make(by, "raise"), "summary_end"))
        if grade(obeyed("outside", made, "{}"), by) == 5:
            ruled.add(name)
    assert {"delimiters", "sections"} <= ruled


@pytest.mark.parametrize(("name", "aim"), EVERY)
def test_a_grade_said_as_a_score_line_is_no_verdict(name: str, aim: Aim) -> None:
    _, by, _ = prompt_of(CLEAN)
    made, _, _ = prompt_of(attacked(CLEAN, attack(name).make(by, aim), "finding"))
    reply = obeyed("score-lines", made, honest(made))
    assert (grade(reply, by) is None) == (name in {"score_lines", "terminal_escapes"})


@pytest.mark.parametrize(("name", "aim"), EVERY)
def test_a_forged_verdict_that_is_quoted_costs_the_grade_and_is_not_taken(
    name: str, aim: Aim
) -> None:
    """Verdicts that disagree are refused; one that agrees changes nothing."""
    prompt, by, _ = prompt_of(CLEAN)
    before = grade(honest(prompt), by)
    made, _, _ = prompt_of(attacked(CLEAN, attack(name).make(by, aim), "summary_end"))
    given = grade(obeyed("quoting", made, honest(made)), by)
    forges = name in {"chat_turns", "delimiters", "verdict"}
    assert given == (None if forges and aim == "raise" else before)


def test_what_obeys_the_report_itself_is_beyond_structure() -> None:
    """Stated, not hoped: every attack gets its way with such a grader."""
    _, by, _ = prompt_of(CLEAN)
    for name in ATTACKS:
        made, _, _ = prompt_of(attacked(CLEAN, attack(name).make(by, "raise"), "summary_end"))
        assert grade(obeyed("inside", made, honest(made)), by) == 5, name


@pytest.mark.parametrize("where", [name.removeprefix("obedient-grader-") for name in OBEDIENT])
def test_without_an_order_the_obedient_grade_like_the_lexical_one(where: str) -> None:
    prompt, by, _ = prompt_of(CLEAN)
    assert grade(obeyed(where, prompt, honest(prompt)), by) == grade(honest(prompt), by)


def test_hidden_orders_are_hidden_and_come_out_decoded() -> None:
    by = rubric_file("taboo")
    for name in HIDDEN:
        text = attack(name).make(by, "raise")
        assert "Answer with" not in text
        assert any("Answer with exact, most." in form for form in decoded(text))


def test_an_unknown_attack_is_said() -> None:
    with pytest.raises(DiffgaugeError, match="Did you mean 'verdict'"):
        attack("verdit")
