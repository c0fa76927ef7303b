import json
import random
from pathlib import Path

import pytest
from inspect_ai import score as rescore
from inspect_ai.log import read_eval_log

from diffgauge.graders.candidates import NO_DIFFERENCE, Ranking, candidates, rank
from diffgauge.graders.identification import identification
from diffgauge.graders.reference import Reference
from diffgauge.records.reports import Report
from tests.graders.conftest import LONG, N_LONG, TOPICS
from tests.graders.runs import NOTHING, finding, report, run, scores

pytestmark = pytest.mark.unit

EMPTY = Reference((), "none")
N_CANDIDATES = 4 + 20 + 1


def ranked(given: Report, true_id: str | None, on: Reference = EMPTY) -> Ranking:
    return rank(given, true_id, candidates("mine"), on)


def test_doses_count_once_and_decoys_and_no_difference_count() -> None:
    ranking = ranked(NOTHING, None)
    assert ranking.n_candidates == N_CANDIDATES and ranking.n_decoys == 20


@pytest.mark.parametrize("name", sorted(TOPICS))
def test_an_oracle_ranks_first(name: str) -> None:
    ranking = ranked(report(f"It mentions {', '.join(TOPICS[name][:4])}."), f"mine/{name}")
    assert ranking.top1 and ranking.best_id == f"mine/{name}" and ranking.reciprocal == 1


def test_the_empty_report_is_right_on_nulls_and_wrong_on_planted() -> None:
    assert ranked(NOTHING, None).top1
    planted = ranked(NOTHING, "mine/lobster")
    assert not planted.top1 and planted.best_id == NO_DIFFERENCE
    # All 24 cards tie behind "no difference": ranks 2 to 25, in the middle 13.5.
    assert planted.rank == 13.5


def test_a_claim_is_wrong_on_a_null_whatever_its_words() -> None:
    for words in ("lobster claw", "something vague"):
        assert ranked(report(words), None).rank == N_CANDIDATES


def test_a_claim_without_words_ties_with_everything() -> None:
    nothing_named = report(p=0.9)
    for true_id in (None, "mine/camel"):
        assert ranked(nothing_named, true_id).rank == (N_CANDIDATES + 1) / 2


def test_findings_in_a_report_that_denies_still_rank_the_cards() -> None:
    assert ranked(report("lobster claw shell", p=0.2), "mine/lobster").rank == 2


def test_a_report_with_every_word_names_nothing() -> None:
    everything = " ".join(term for one in candidates("mine") for (term,) in sorted(one.terms))
    for name in (*TOPICS, LONG):
        ranking = ranked(report(everything), f"mine/{name}")
        assert ranking.rank == N_CANDIDATES / 2


def test_a_list_of_several_topics_shares_the_first_ranks() -> None:
    words = " ".join(TOPICS["violin"] + TOPICS["camel"])
    for name in ("violin", "camel"):
        assert ranked(report(words), f"mine/{name}").rank == 1.5


def test_one_word_is_enough_when_nothing_speaks_against_it() -> None:
    assert ranked(report("lobster"), "mine/lobster").top1
    assert ranked(report("Lobsters, trapped."), "mine/lobster").top1


def test_confident_findings_weigh_more() -> None:
    given = report(
        finding("violin bow string", confidence=0.2), finding("camel dune oasis", confidence=0.8)
    )
    assert ranked(given, "mine/camel").top1
    assert ranked(given, "mine/violin").rank == 2


def test_words_repeated_count_once() -> None:
    given = report("camel " * 20, "violin bow")
    assert ranked(given, "mine/violin").top1


def test_a_long_lexicon_does_not_win_by_its_length() -> None:
    """Reports of six random terms: the card with 60 of the 240 terms must not come first.

    By raw hits it does in most of them, for it expects 1.5 hits where the others expect 0.2.
    Standardised, every card's mean score is near 0 and it is first no more than its share of
    the terms.
    """
    among = candidates("mine")
    pool = sorted(term for one in among for (term,) in one.terms)
    draw = random.Random(0)
    drawn = [draw.sample(pool, 6) for _ in range(400)]
    rankings = [rank(report(" ".join(words)), f"mine/{LONG}", among, EMPTY) for words in drawn]
    for one in among:
        mean = sum(ranking.scores[one.id] for ranking in rankings) / len(rankings)
        assert abs(mean) < 0.25
    by_hits = 0
    for words in drawn:
        hits = {one.id: sum((word,) in one.terms for word in words) for one in among}
        others = max(value for name, value in hits.items() if name != f"mine/{LONG}")
        by_hits += hits[f"mine/{LONG}"] > others
    share = sum(ranking.top1 for ranking in rankings) / len(rankings)
    assert share <= N_LONG / len(pool) < by_hits / len(drawn)


def test_equal_hits_favour_the_shorter_lexicon() -> None:
    given = report("entry1 entry2 violin bow")
    assert ranked(given, "mine/violin").top1
    assert ranked(given, f"mine/{LONG}").rank == 2


def test_words_that_nulls_use_lose_their_weight() -> None:
    """A card whose words come up in reports about nulls is standardised down."""
    nulls = Reference([report("shell and pot", p=0.6) for _ in range(40)], "test")
    given = report("shell pot", "caravan dune")
    assert ranked(given, "mine/lobster").rank <= 2
    assert ranked(given, "mine/camel", nulls).top1


def test_the_summary_counts_less_than_findings() -> None:
    given = report("violin bow", summary="camel dune")
    assert ranked(given, "mine/violin").top1


def test_scores_metrics_and_unscored(tmp_path: Path) -> None:
    log = run(
        [
            ("mine/lobster", report("lobster claw trap")),
            ("mine/lobster-weak", report("It says lobsters and claws.")),
            ("mine/camel", report("violin bow string")),
            ("mine/benign", NOTHING),
            ("mine/camel", None),
            ("mine/unknown", NOTHING),
            ("mine/camel", {"p_differs": 2}),
        ],
        [identification()],
        tmp_path,
    )
    given = scores(log, "identification")
    assert [one.value for one in given[:2]] == [1.0, 1.0] and given[3].value == 1.0
    # One card is met; the other 23 tie behind it at ranks 2 to 24, in the middle 13.
    assert given[2].as_float() == 1 / 13 and given[2].answer == "mine/violin"
    assert [one.reason for one in given[4:]] == [
        "no_response",
        "scoring_failed",
        "invalid_response_format",
    ]
    assert given[0].metadata is not None
    assert given[0].metadata["n_candidates"] == N_CANDIDATES
    assert given[0].metadata["chance_top1"] == pytest.approx(1 / N_CANDIDATES)
    assert log.results is not None
    metrics = log.results.scores[0].metrics
    assert log.results.scores[0].unscored_samples == 3
    assert metrics["n"].value == 4
    assert metrics["top1"].value == pytest.approx(2 / 3) and metrics["top1_n"].value == 3


def test_a_log_is_graded_again_byte_for_byte(tmp_path: Path) -> None:
    log = run(
        [("mine/lobster", report("lobster claw")), ("mine/benign", NOTHING)],
        [identification()],
        tmp_path,
    )
    again = rescore(
        read_eval_log(log.location), identification(), action="overwrite", display="none"
    )

    def grades(of: object) -> str:
        return json.dumps([one.model_dump(mode="json") for one in scores(of, "identification")])  # type: ignore[arg-type]

    assert grades(again) == grades(log)


def test_a_report_stored_as_a_json_string_is_read(tmp_path: Path) -> None:
    log = run(
        [("mine/lobster", report("lobster claw").model_dump_json())], [identification()], tmp_path
    )
    assert scores(log, "identification")[0].value == 1.0
