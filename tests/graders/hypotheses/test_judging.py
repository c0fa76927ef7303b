"""Verdicts: one row each whatever happens, blind to the models, and never paid for twice."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest
from inspect_ai.model import Model, get_model

from diffgauge.graders.hypotheses.evaluating import evaluated
from diffgauge.graders.hypotheses.judging import (
    BATCH,
    DrawnPair,
    judge,
    key_of,
    null_pairs,
    pairs_of,
)
from diffgauge.records.errors import DiffgaugeError
from diffgauge.records.hypotheses import Hypothesis, PairedReplies, VerdictRow
from tests.graders.hypotheses.stage import LONGER, PIRATE, Grader, by_ahoy, fitting, paired

pytestmark = pytest.mark.unit

BOTH = (PIRATE, LONGER)


def rows(
    pairs: Sequence[DrawnPair],
    model: Model,
    hypotheses: Sequence[Hypothesis] = BOTH,
    seed: int = 0,
) -> list[VerdictRow]:
    found: list[VerdictRow] = []
    asyncio.run(judge(hypotheses, pairs, [model], found.extend, seed=seed))
    return found


def offline() -> Model:
    return get_model("diffgauge/lexical", memoize=False)


def test_the_offline_grader_reads_words_and_styles_and_knows_no_model() -> None:
    found = rows(pairs_of(paired(12)), offline())
    assert {row.winner for row in found if row.hypothesis == "pirate"} == {"b"}
    assert {row.winner for row in found if row.hypothesis == "longer"} == {"a"}
    firsts = Counter(row.first for row in found)
    assert firsts["a"] and firsts["b"], "the order of the replies is drawn"


def test_exchanging_the_models_exchanges_every_verdict() -> None:
    straight = rows(pairs_of(paired(8)), offline())
    turned = [one.model_copy(update={"a": one.b, "b": one.a}) for one in paired(8)]
    other = {"a": "b", "b": "a"}
    mirrored = {key_of(row): row.winner for row in rows(pairs_of(turned), offline())}
    assert all(mirrored[key_of(row)] == other[row.winner or ""] for row in straight)


def test_batches_are_small_and_shuffled() -> None:
    many = [Hypothesis(id=str(at), text=f"Says word{at}.", predicted="a") for at in range(23)]
    grader = Grader(fitting(lambda *_: "neither"))
    found = rows(pairs_of(paired(3)), grader.model(), many)
    assert len(grader.prompts) == 3 * -(-23 // BATCH)
    assert len(found) == 3 * 23
    orders = [[row.hypothesis for row in found if row.prompt == f"Prompt {at}?"] for at in range(3)]
    assert orders[0] != orders[1] != orders[2]


@pytest.mark.parametrize(
    ("answer", "verdict"),
    [
        ("I cannot help with that.", "error"),
        ("", "error"),
        ('{"verdicts": [{"hypothesis": 3, "fits": "first"}]}', "error"),
        ('{"verdicts": [{"hypothesis": 1, "fits": "maybe"}]}', "error"),
    ],
)
def test_an_unreadable_answer_is_asked_once_more_and_kept(answer: str, verdict: str) -> None:
    grader = Grader(lambda _: answer)
    found = rows(pairs_of(paired(2)), grader.model())
    assert len(grader.prompts) == 2 * 2
    assert {row.verdict for row in found} == {verdict} and len(found) == 4
    assert all(row.problem and row.attempts == 2 for row in found)


def test_a_provider_that_fails_costs_its_rows_alone() -> None:
    def failing(prompt: str) -> str:
        if "Prompt 1?" in prompt:
            raise ConnectionError("429 rate limit")
        return fitting(by_ahoy)(prompt)

    found = rows(pairs_of(paired(3)), Grader(failing).model())
    failed = [row for row in found if row.verdict == "error"]
    assert {row.prompt for row in failed} == {"Prompt 1?"} and len(found) == 6


def test_nobody_is_asked_about_missing_and_identical_replies() -> None:
    grader = Grader(fitting(by_ahoy))
    pairs = [
        PairedReplies(prompt="gone", a="x", problem="the reply of model b is missing"),
        PairedReplies(prompt="same", a="Ahoy!", b="Ahoy!"),
    ]
    found = {(row.prompt, row.verdict) for row in rows(pairs_of(pairs), grader.model())}
    assert found == {("gone", "missing"), ("same", "neither")}
    assert not grader.prompts


def test_a_null_pairs_two_replies_of_one_model() -> None:
    assert null_pairs(paired(4)) == []
    drawn = null_pairs(paired(4, replies=3))
    assert Counter(one.drawn for one in drawn) == {"null:a": 4, "null:b": 4}
    for one in drawn:
        texts = (one.replies.a or "", one.replies.b or "")
        assert all(("Ahoy" in text) == (one.drawn == "null:b") for text in texts)
        assert texts[0] != texts[1]


def test_a_killed_evaluation_goes_on_and_asks_nothing_twice(tmp_path: Path) -> None:
    class Killed(BaseException):
        pass

    grader = Grader(fitting(by_ahoy))
    answered = grader._answer

    def dying(prompt: str) -> str:
        if len(grader.prompts) > 4:
            raise Killed
        return answered(prompt)

    grader._answer = dying
    with pytest.raises(BaseExceptionGroup):
        evaluated(BOTH, paired(10), [grader.model()], tmp_path, at_once=1)
    kept = (tmp_path / "verdicts.jsonl").read_text()
    # A torn line, as a power cut leaves it.
    (tmp_path / "verdicts.jsonl").write_text(kept + '{"hypothesis": "pir')
    again = Grader(fitting(by_ahoy))
    found = evaluated(BOTH, paired(10), [again.model()], tmp_path, at_once=1)
    assert len(found.verdicts) == 20 and len({key_of(row) for row in found.verdicts}) == 20
    assert len(again.prompts) == 6
    whole = evaluated(
        BOTH, paired(10), [Grader(fitting(by_ahoy)).model()], tmp_path / "whole", at_once=1
    )
    assert found.judged == whole.judged


def test_failures_are_asked_for_again_only_on_request(tmp_path: Path) -> None:
    evaluated(BOTH, paired(3), [Grader(lambda _: "?").model()], tmp_path)
    silent = Grader(fitting(by_ahoy))
    found = evaluated(BOTH, paired(3), [silent.model()], tmp_path)
    assert not silent.prompts and found.judged[0].n_error == 3
    found = evaluated(BOTH, paired(3), [silent.model()], tmp_path, retry=True)
    assert len(silent.prompts) == 3 and found.judged[0].n_error == 0


def test_a_folder_about_something_else_is_refused(tmp_path: Path) -> None:
    model = Grader(fitting(by_ahoy)).model()
    evaluated(BOTH, paired(2), [model], tmp_path)
    with pytest.raises(DiffgaugeError, match="other hypotheses"):
        evaluated([PIRATE], paired(2), [model], tmp_path)


def test_several_graders_decide_by_majority_and_ratings_are_kept(tmp_path: Path) -> None:
    graders = [
        get_model("diffgauge/lexical", memoize=False),
        Grader(fitting(by_ahoy)).model(),
    ]
    found = evaluated(BOTH, paired(6), graders, tmp_path, repeats=1)
    pirate, longer = found.judged
    assert (pirate.n_predicted, pirate.accepted) == (6, True)
    # One says the longer reply, the other neither: no majority.
    assert (longer.n_disputed, longer.accepted) == (6, False)
    # The offline grader rates nothing; the other's answers are no ratings.
    assert len(found.ratings) == 2 * 2
    assert all(one.problem is not None and not one.parts for one in found.ratings)
