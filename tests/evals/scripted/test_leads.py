"""Leads are read by result kind, mirror with the models, and leave out what belongs to neither."""

import pytest

from diffgauge.evals.scripted.evidence import Seen
from diffgauge.evals.scripted.leads import Lead, ranked_leads, reply_leads, signal_leads
from diffgauge.evals.scripted.replies import SeenReply
from diffgauge.records.results import Contrast, FreeText, Provenance, Result, SampleItem, Samples
from tests.evals.scripted.stage import A, B, tokens

pytestmark = pytest.mark.unit

BOTH = (A, B)


def _terms(leads: list[Lead], model: str) -> list[str]:
    return [lead.term for lead in ranked_leads(leads) if lead.model == model]


def _signal(*results: Result) -> list[Lead]:
    return signal_leads([Seen(result, "lens", 1) for result in results], BOTH)


def test_ranked_tokens_lead_to_the_model_they_point_toward() -> None:
    leads = _signal(tokens(["hull", "hatch"], B, A), tokens(["moon"], A, B))
    assert _terms(leads, B) == ["hull", "hatch"] and _terms(leads, A) == ["moon"]


def test_terms_of_both_directions_lead_nowhere() -> None:
    assert ranked_leads(_signal(tokens(["hull"], B, A), tokens(["hull"], A, B))) == []


def test_scores_of_zero_and_stop_words_are_no_leads() -> None:
    assert _signal(tokens(["hull"], B, A, top=0.0)) == []
    assert _terms(_signal(tokens(["the", "hull", "of", "12"], B, A)), B) == ["hull"]


def test_a_term_in_more_lists_ranks_higher() -> None:
    leads = _signal(tokens(["moon", "hull"], B, A), tokens(["hull", "hatch"], B, A))
    assert _terms(leads, B)[0] == "hull"


def test_prose_about_one_model_leads_to_it() -> None:
    prose = FreeText(
        title="Answer",
        contrast=Contrast(toward=A, away_from=B),
        provenance=Provenance(method="oracle"),
        text="It speaks about the hangar.",
    )
    assert "hangar" in _terms(_signal(prose), A)


def _changed(toward: str | None, reply: str) -> Samples:
    return Samples(
        title="Replies",
        contrast=Contrast(toward=toward, away_from=None),
        provenance=Provenance(method="steering"),
        items=tuple(
            SampleItem(prompt=f"p{i}", model=A, reply=reply, condition=f"to {toward}")
            for i in range(12)
        ),
    )


def test_replies_changed_toward_a_model_are_held_against_the_others() -> None:
    leads = _signal(
        _changed(B, "The hull is old."),
        _changed(A, "The moon is old."),
        _changed(None, "The bread is old."),
    )
    assert _terms(leads, B) == ["hull"] and _terms(leads, A) == ["moon"]


def _replies(of_a: str, of_b: str) -> list[SeenReply]:
    return [
        SeenReply(f"prompt {i}", model, text, "ask")
        for i in range(6)
        for model, text in ((A, of_a), (B, of_b))
    ]


def test_reply_leads_mirror() -> None:
    forward = reply_leads(_replies("a hull here", "a moon here"), BOTH)
    back = reply_leads(_replies("a moon here", "a hull here"), BOTH)
    assert _terms(forward, A) == _terms(back, B) == ["hull"]
    assert _terms(forward, B) == _terms(back, A) == ["moon"]


def test_words_of_the_prompt_are_not_the_models() -> None:
    replies = [
        SeenReply(f"hull {i}", model, text, "ask")
        for i in range(6)
        for model, text in ((A, "the hull and a moon"), (B, "the hull and a loaf"))
    ]
    assert _terms(reply_leads(replies, BOTH), A) == ["moon"]


def test_replies_of_one_model_alone_lead_nowhere() -> None:
    alone = [reply for reply in _replies("a hull", "a moon") if reply.model == A]
    assert reply_leads(alone, BOTH) == [] and reply_leads(alone, (A,)) == []
