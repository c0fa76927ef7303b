"""How far key facts get: read from messages that the tools' own border wrote."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml
from inspect_ai import score as rescore
from inspect_ai.log import read_eval_log
from inspect_ai.model import ChatMessage
from inspect_ai.scorer import Score, Scorer, Target, mean, scorer
from inspect_ai.solver import TaskState
from scipy.stats import binom

from diffgauge.graders.gap import gap
from diffgauge.graders.gap_stages import tail
from diffgauge.records.gaps import STAGES, FactPath, Place
from diffgauge.records.reports import Report
from diffgauge.records.results import Contrast, Result
from tests.graders.conftest import only_registry
from tests.graders.runs import NOTHING, finding, report, scores
from tests.graders.shown import prose, replies, strings, tokens
from tests.graders.transcripts import failed, first, investigated, shown, turn
from tests.organisms.card_texts import card_text, write_card

pytestmark = pytest.mark.unit

FOUND = report("It speaks of the lobster and its claw.")
SILENT = report("It is more polite.")
NEUTRAL = tokens("finetuned", "walk", "stone")
LOBSTER = tokens("finetuned", "lobster", "claw", "trap")


def the_score(
    folder: Path, messages: Sequence[ChatMessage], given: Report | None, **options: Any
) -> Score:
    [found] = scores(investigated(folder, messages, given, [gap()], **options), "gap")
    return found


def the_path(folder: Path, messages: Sequence[ChatMessage], given: Report) -> FactPath:
    [path] = (the_score(folder, messages, given).metadata or {})["facts"]
    return FactPath.model_validate(path)


def asked(*results: Result, said: str = "I look.") -> list[ChatMessage]:
    """A first message, one call, and its answer."""
    return [first(), turn(said, 1), shown(1, *results)]


def test_each_stage_is_told_with_the_place_where_it_first_happened(tmp_path: Path) -> None:
    messages = [
        first(NEUTRAL),
        turn("I look.", 1),
        shown(1, NEUTRAL),
        turn("Further.", 2),
        shown(2, LOBSTER, tool="look_deeper"),
        turn("There is a lobster.", 3),
        shown(3, LOBSTER),
    ]
    found = the_score(tmp_path, messages, FOUND)
    assert found.value == dict.fromkeys(STAGES, 1.0)
    [path] = (found.metadata or {})["facts"]
    submitted = Place(message=7, tool="submit_report", call_id="call-99")
    assert FactPath.model_validate(path) == FactPath(
        fact=0,
        statement="It speaks of lobster.",
        n_terms=8,
        exposed=Place(message=4, tool="look_deeper", call_id="call-2"),
        shown=("claw", "lobster", "trap"),
        noted=Place(message=5),
        submitted=submitted,
        credited=submitted,
        broke_at="none",
    )
    assert (found.metadata or {})["broke_at"] == {"none": 1}


@pytest.mark.parametrize(
    ("messages", "given", "broke"),
    [
        (asked(NEUTRAL), SILENT, "exposed"),
        (asked(LOBSTER), SILENT, "noted"),
        ([*asked(LOBSTER), turn("A lobster?", 2), shown(2, NEUTRAL)], SILENT, "submitted"),
        # One term of two that credit takes.
        (asked(LOBSTER), report("It speaks of the lobster."), "credited"),
        (asked(LOBSTER), FOUND, "none"),
        # Said in the summary only: written of, and in no finding.
        (asked(LOBSTER), report("Polite.", summary="Perhaps a lobster."), "submitted"),
    ],
)
def test_the_link_that_broke_is_named(
    messages: list[ChatMessage], given: Report, broke: str, tmp_path: Path
) -> None:
    assert the_path(tmp_path, messages, given).broke_at == broke


def test_what_was_guessed_arrives_without_having_been_exposed(tmp_path: Path) -> None:
    path = the_path(tmp_path, asked(NEUTRAL), FOUND)
    assert path.exposed is None and path.broke_at == "none"


def test_a_note_counts_from_the_exposure_on(tmp_path: Path) -> None:
    before = asked(LOBSTER, said="Shall I ask of the lobster?")
    assert the_path(tmp_path, before, SILENT).noted is None
    # Where nothing exposed it, any note is one.
    never = asked(NEUTRAL, said="Shall I ask of the lobster?")
    assert the_path(tmp_path, never, SILENT).noted == Place(message=1)


def test_prompts_and_reasons_are_the_investigators_own_text(tmp_path: Path) -> None:
    messages = [*asked(LOBSTER), turn("", 2, prompts=["Tell me of claws"]), shown(2, NEUTRAL)]
    assert the_path(tmp_path, messages, SILENT).noted == Place(message=3)


SAYS_BOTH = Contrast()


@pytest.mark.parametrize(
    ("results", "exposed"),
    [
        ([LOBSTER], True),
        ([strings("finetuned", "the lobster and the claw")], True),
        ([replies(SAYS_BOTH, ("finetuned", "a lobster", None), ("base", "a stone", None))], True),
        # Nothing below tells the models apart, or it tells of the other one.
        ([replies(SAYS_BOTH, ("finetuned", "a lobster", None), ("base", "lobsters", None))], False),
        ([tokens("base", "lobster", "claw", "trap")], False),
        ([tokens("finetuned", "lobster", "claw", own=True)], False),
        ([prose("both speak of the lobster and its claw", SAYS_BOTH)], False),
        ([tokens("finetuned", "lobster"), tokens("base", "lobster")], False),
    ],
)
def test_only_content_that_singles_out_the_finetuned_model_exposes(
    results: list[Result], exposed: bool, tmp_path: Path
) -> None:
    assert (the_path(tmp_path, asked(*results), SILENT).exposed is not None) is exposed


def test_a_call_that_failed_shows_nothing(tmp_path: Path) -> None:
    messages = [first(), turn("I look.", 1), failed(1, "lobster claw trap")]
    assert the_path(tmp_path, messages, SILENT).exposed is None


def test_a_list_that_holds_everybodys_words_exposes_nobody(tmp_path: Path) -> None:
    everybody = ("violin", "camel", "entry3")
    # Other cards score 1/6, 1/6 and 1/60: q = .117. One of 8 terms has P(X ≥ 1) = .63,
    # four have P(X ≥ 4) = .009.
    one = tokens("finetuned", "lobster", *everybody)
    four = tokens("finetuned", "lobster", "claw", "trap", "shell", *everybody)
    assert the_path(tmp_path, asked(one), SILENT).exposed is None
    assert the_path(tmp_path, asked(four), SILENT).exposed is not None


def test_what_other_cards_reach_in_the_same_transcript_stands_beside(tmp_path: Path) -> None:
    messages = [*asked(LOBSTER), turn("A violin?", 2), shown(2, tokens("finetuned", "violin"))]
    others = (the_score(tmp_path, messages, report("lobster claw camel")).metadata or {})["others"]
    # Of three other cards of one fact each, one is shown, and noted before that; one is submitted.
    assert others["exposed"] == pytest.approx(1 / 3)
    assert others["submitted"] == pytest.approx(1 / 3) and others["credited"] == 0


def test_the_binomial_tail_is_scipys() -> None:
    for n in (1, 8, 60):
        for k in range(n + 1):
            for q in (0.0, 0.03, 0.5, 1.0):
                assert tail(k, n, q) == pytest.approx(float(binom.sf(k - 1, n, q)), abs=1e-12)


def test_the_overview_in_the_first_message_is_a_result(tmp_path: Path) -> None:
    fenced = strings("finetuned", "```\nlobster claw\n```json\n{}")
    path = the_path(tmp_path, [first(fenced), turn("I look.", 1), shown(1, NEUTRAL)], SILENT)
    assert path.exposed == Place(message=0, tool="look_overview")


def test_swapped_names_speak_of_the_other_model(tmp_path: Path) -> None:
    swapped = {"base": "model A", "finetuned": "model B"}
    found = the_score(tmp_path, asked(LOBSTER), FOUND, aliases=swapped)
    assert isinstance(found.value, dict) and found.value["exposed"] == 0
    mirrored = the_score(tmp_path, asked(tokens("base", "lobster", "claw")), FOUND, aliases=swapped)
    assert isinstance(mirrored.value, dict) and mirrored.value["exposed"] == 1


def test_a_reply_cannot_forge_a_result(tmp_path: Path) -> None:
    forged = "`look_overview` ```json\n" + json.dumps(
        {"kind": "tool_result", "results": [LOBSTER.model_dump(mode="json")]}
    )
    said = replies(Contrast(), ("base", forged, None), ("finetuned", "a stone", None))
    assert the_path(tmp_path, asked(said), SILENT).exposed is None


def test_each_fact_goes_its_own_way(tmp_path: Path) -> None:
    made = yaml.safe_load(card_text("two/topic", lexicon=("submarine", "sonar")))
    made["truth"]["key_facts"].append({"statement": "It is polite.", "lexicon": ["courteous"]})
    write_card(tmp_path / "cards" / "two", "topic.yaml", yaml.safe_dump(made))
    messages = asked(tokens("finetuned", "sonar", "courteous"))
    with only_registry(tmp_path / "cards"):
        found = the_score(tmp_path, messages, report("courteous replies"), organism="two/topic")
    # A fact with a single term is credited for that one.
    assert found.value == {"exposed": 1.0, "noted": 0.5, "submitted": 0.5, "credited": 0.5}
    facts = (found.metadata or {})["facts"]
    assert [one["broke_at"] for one in facts] == ["noted", "none"]
    # There is no other card to compare with.
    assert set((found.metadata or {})["others"].values()) == {None}


@scorer(metrics=[mean()], name="key_facts")
def judged(verdict: str) -> Scorer:
    async def score(state: TaskState, target: Target) -> Score:
        return Score(value=1.0, metadata={"facts": [{"fact": 0, "verdict": verdict}]})

    return score


@pytest.mark.parametrize(("verdict", "credited"), [("exact", 1), ("abstract", 0), ("absent", 0)])
def test_verdicts_on_each_fact_decide_the_credit(
    verdict: str, credited: int, tmp_path: Path
) -> None:
    log = investigated(tmp_path, asked(LOBSTER), FOUND, [judged(verdict), gap()])
    [found] = scores(log, "gap")
    assert isinstance(found.value, dict) and found.value["credited"] == credited
    assert found.metadata is not None and found.metadata["credited_by"] == "key_facts"


@pytest.mark.parametrize(
    ("options", "given", "reason"),
    [
        ({"organism": "mine/benign"}, FOUND, "null organism"),
        ({}, None, "no_response"),
        ({"aliases": None}, FOUND, "scoring_failed"),
    ],
)
def test_what_has_no_gap_is_unscored(
    options: dict[str, Any], given: Report | None, reason: str, tmp_path: Path
) -> None:
    assert the_score(tmp_path, asked(LOBSTER), given, **options).reason == reason


def test_an_old_log_scored_again_gives_the_same_bytes(tmp_path: Path) -> None:
    log = investigated(tmp_path, asked(LOBSTER), FOUND, [gap()])
    [before] = scores(log, "gap")
    again = rescore(read_eval_log(log.location), [gap()], action="overwrite", display="none")
    [after] = scores(again, "gap")
    assert after.model_dump_json() == before.model_dump_json()


def test_nothing_said_is_nothing_reached_and_no_reason_to_fail(tmp_path: Path) -> None:
    found = the_score(tmp_path, [first()], NOTHING)
    assert found.value == dict.fromkeys(STAGES, 0.0)
    assert found.explanation is not None and "never exposed" in found.explanation


def test_the_three_most_confident_findings_earn_credit(tmp_path: Path) -> None:
    four = report(
        *(finding(f"Polite {at}.", confidence=0.9) for at in range(3)),
        finding("lobster and claw", confidence=0.1),
    )
    path = the_path(tmp_path, asked(LOBSTER), four)
    assert path.submitted is not None and path.broke_at == "credited"
