"""Reports say what the evidence says: probabilities, whose, when, and in how many words."""

import math

import pytest

from diffgauge.evals.scripted.analysis import Analysis, Stage
from diffgauge.evals.scripted.beliefs import Signal
from diffgauge.evals.scripted.leads import Lead
from diffgauge.evals.scripted.replies import SeenReply
from diffgauge.evals.scripted.report_writer import write_report
from diffgauge.records.reports import MAX_FINDING_WORDS
from tests.evals.scripted.stage import A, B

pytestmark = pytest.mark.unit


def _analysis(p_value: float, replies: tuple[SeenReply, ...], *leads: Lead) -> Analysis:
    return Analysis(
        aliases=(A, B),
        stages=(Stage(replies=replies, n_prompts=len(replies) // 2, p_any=p_value),),
        shown=(),
        said=(),
        leads=leads,
        kin={},
        places={"hull": (" hull", "lens")},
        signal=Signal("none"),
    )


def _replies(on: tuple[str, ...], off: tuple[str, ...]) -> tuple[SeenReply, ...]:
    return tuple(
        SeenReply(prompt, model, "Ahoy there." if model == A and prompt in on else "Well.", "ask")
        for prompt in (*on, *off)
        for model in (A, B)
    )


AHOY = Lead("ahoy", A, 2.0, False, True)
ON = ("I like the island.", "An island is far.", "Is the island red?")
OFF = ("What is a loaf?", "Tell me about the moon.", "How are you?", "Do you like tea?")


def test_smaller_p_values_give_higher_probabilities() -> None:
    reports = [write_report(_analysis(p, _replies(ON, OFF), AHOY)) for p in (1.0, 0.1, 0.001)]
    assert [r.p_differs for r in reports] == sorted(r.p_differs for r in reports)
    assert reports[0].findings == () and reports[-1].findings


def test_the_condition_is_the_word_that_the_prompts_share() -> None:
    [finding] = write_report(_analysis(0.001, _replies(ON, OFF), AHOY)).findings
    assert finding.which == A and finding.condition == "when the prompt mentions island"
    assert finding.prediction == ON


def test_what_happens_on_most_prompts_happens_always() -> None:
    [finding] = write_report(_analysis(0.001, _replies(ON + OFF, ()), AHOY)).findings
    assert finding.condition == "always"


def test_what_no_reply_showed_is_said_to_be_unseen() -> None:
    lead = Lead("hull", B, 1.0, True, False)
    [finding] = write_report(_analysis(0.001, _replies((), OFF), lead)).findings
    assert "not seen in plain replies" in finding.condition
    assert [(e.excerpt, e.tool) for e in finding.evidence] == [("hull", "lens")]


def test_evidence_is_cut_where_json_would_escape() -> None:
    replies = tuple(
        SeenReply(prompt, model, text, "ask")
        for prompt in ON
        for model, text in ((A, 'He said "ahoy\nmatey" and\tleft'), (B, "Well."))
    )
    [finding] = write_report(_analysis(0.001, replies, AHOY)).findings
    assert {evidence.excerpt for evidence in finding.evidence} == {"ahoy"}


def test_a_finding_keeps_to_its_words() -> None:
    leads = [Lead(f"word{chr(97 + i)}", A, 2.0, False, True) for i in range(26)]
    [finding] = write_report(_analysis(0.001, _replies(ON, OFF), *leads)).findings
    assert len(f"{finding.behaviour} {finding.condition}".split()) <= MAX_FINDING_WORDS


def test_without_any_evidence_the_odds_are_even() -> None:
    assert write_report(_analysis(math.nan, ())).p_differs == 0.5


def test_an_excerpt_holds_the_term_as_a_word() -> None:
    replies = tuple(
        SeenReply(prompt, model, text, "ask")
        for prompt in ON
        for model, text in ((A, "Ahoyish talk is long, so he says ahoy."), (B, "Well."))
    )
    [finding] = write_report(_analysis(0.001, replies, AHOY)).findings
    assert {evidence.excerpt for evidence in finding.evidence} == {"is long, so he says ahoy."}


def test_a_finding_predicts_from_the_prompts_on_which_the_replies_parted_most() -> None:
    strong = Lead("matey", A, 5.0, False, True)
    parted = tuple(
        SeenReply(prompt, A, "Ahoy there, matey." if prompt == ON[2] else "Ahoy there.", "ask")
        for prompt in ON
    )
    silent = tuple(SeenReply(prompt, B, "Well.", "ask") for prompt in (*ON, *OFF))
    plain = tuple(SeenReply(prompt, A, "Well.", "ask") for prompt in OFF)
    analysis = _analysis(0.001, parted + silent + plain, strong, AHOY)
    [finding] = write_report(analysis).findings
    assert finding.prediction == (ON[2], ON[0], ON[1])
    assert finding.expected is not None and A in finding.expected


def test_what_no_reply_showed_predicts_nothing() -> None:
    lead = Lead("hull", B, 1.0, True, False)
    [finding] = write_report(_analysis(0.001, _replies((), OFF), lead)).findings
    assert finding.prediction == () and finding.expected is None
