"""The pipeline's stages: each keeps what it got, counts what failed, and goes on where it was."""

import asyncio
import json
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from inspect_ai.model import Model, ModelOutput, ModelUsage, get_model

from diffgauge.evals.llm_diff.comparing import (
    compare_prompt,
    compare_sections,
    read_properties,
)
from diffgauge.evals.llm_diff.generating import split_of
from diffgauge.evals.llm_diff.naming import named
from diffgauge.evals.llm_diff.pipeline import Diffed, diffed
from diffgauge.evals.llm_diff.settings import DiffSettings
from diffgauge.graders.verdict import UnreadableVerdict
from diffgauge.methods.llm_diff.clustering import clustered
from diffgauge.methods.llm_diff.contrasting import contrasts
from diffgauge.records.errors import DiffgaugeError
from diffgauge.records.hypotheses import ModelName
from diffgauge.records.properties import Clustered, Compared, Property
from diffgauge.records.subjects import Reply
from diffgauge.tools.hosted import HostedCallError

pytestmark = pytest.mark.unit

PROMPTS = [f"What of {at}?" for at in range(24)]
SETTINGS = DiffSettings(n_samples=1, max_new_tokens=8)
SIZES = {"least": 4, "n_dimensions": 20, "seed": 0}
GIVEN = {"properties": [{"text": "rhymes", "reply": "second", "category": "form"}]}


class Pair:
    """Two models that are functions of the prompt; counts what it was asked."""

    def __init__(self, a: Callable[[str], str], b: Callable[[str], str]) -> None:
        self.said = {"base": a, "finetuned": b}
        self.n_asked = 0

    async def generate(self, rows: Sequence[Any]) -> list[Reply]:
        self.n_asked += len(rows)
        return [
            Reply(
                text=self.said[row.side](row.prompt.messages[0].content), n_tokens=1, finished=True
            )
            for row in rows
        ]

    async def run(self, work: Any) -> Any:
        raise NotImplementedError


def plain(prompt: str) -> str:
    return f"It is calm near number {prompt.split()[-1]}"


def pirate(prompt: str) -> str:
    return f"Ahoy matey, it is calm near number {prompt.split()[-1]}"


def offline() -> Model:
    return get_model("diffgauge/contrast", memoize=False)


def answering(answer: Callable[[str], str]) -> Model:
    def said(input: Any, tools: Any, tool_choice: Any, config: Any) -> ModelOutput:
        output = ModelOutput.from_content("mockllm/model", answer(input[0].text))
        output.usage = ModelUsage(input_tokens=1, output_tokens=1, total_tokens=2)
        return output

    return get_model("mockllm/model", custom_outputs=said, memoize=False)


def run(pair: Pair, folder: Path, comparator: Model | None = None, **more: Any) -> Diffed:
    settings = SETTINGS.model_copy(update=more)
    return diffed(pair, "a pair", PROMPTS, comparator or offline(), None, folder, settings)


def test_what_one_model_says_becomes_a_hypothesis_about_it(tmp_path: Path) -> None:
    found = run(Pair(plain, pirate), tmp_path)
    assert len(found.replies) == 24 and len(found.compared) == 12
    assert {one.split for one in found.replies} == {"train", "test"}
    [first, *_] = found.hypotheses
    assert "ahoy" in first.text and (first.predicted, first.train_b) == ("b", 1.0)
    assert {path.name for path in tmp_path.glob("*.parquet")} == {
        f"{stage}.parquet" for stage in ("replies", "properties", "clusters", "hypotheses")
    }


def test_exchanging_the_models_exchanges_directions_alone(tmp_path: Path) -> None:
    straight = run(Pair(plain, pirate), tmp_path / "one").hypotheses
    turned = run(Pair(pirate, plain), tmp_path / "two").hypotheses
    assert [one.text for one in straight] == [one.text for one in turned]
    assert {one.predicted for one in straight} == {"b"}
    assert {one.predicted for one in turned} == {"a"}


def test_equal_models_make_no_hypothesis(tmp_path: Path) -> None:
    asked: list[str] = []

    def counting(prompt: str) -> str:
        asked.append(prompt)
        return "?"

    found = run(Pair(plain, plain), tmp_path, answering(counting))
    assert found.hypotheses == () and not asked, "identical replies are compared by nobody"


def test_a_finished_stage_asks_nothing_again(tmp_path: Path) -> None:
    pair = Pair(plain, pirate)
    whole = run(pair, tmp_path)
    again = run(pair, tmp_path)
    assert pair.n_asked == 2 * 24 and again == whole
    # Half of the replies and one comparison are there, the rest is to come.
    for name, n in (("replies", 12), ("compared", 1)):
        lines = (tmp_path / f"{name}.jsonl").read_text().splitlines(keepends=True)
        (tmp_path / f"{name}.jsonl").write_text("".join(lines[: 1 + n]) + '{"torn')
    continued = run(pair, tmp_path)
    assert pair.n_asked == 2 * (24 + 12) and continued.hypotheses == whole.hypotheses
    with pytest.raises(DiffgaugeError, match="other"):
        run(pair, tmp_path, max_new_tokens=9)


def test_prompts_and_comparisons_that_fail_are_kept_and_counted(tmp_path: Path) -> None:
    trained = sorted(name for name, at in split_of(PROMPTS, SETTINGS).items() if at == "train")

    def failing(prompt: str) -> str:
        if prompt == trained[0]:
            raise DiffgaugeError("It does not fit.")
        if prompt == trained[1]:
            raise HostedCallError("429", 429)
        return pirate(prompt)

    # One at a time, so that a model has replied before one fails for good.
    pair = Pair(plain, failing)
    found = run(pair, tmp_path, answering(lambda _: "I would rather not."), at_once=1)
    problems = Counter(one.problem for one in found.compared)
    assert problems.pop("It does not fit.") == problems.pop("429") == 1
    assert sum(problems.values()) == 10 and None not in problems
    assert "12 failed" in found.notes[0]


def test_a_model_that_never_replies_ends_the_run(tmp_path: Path) -> None:
    def gone(prompt: str) -> str:
        raise HostedCallError("no such key", 401)

    with pytest.raises(ExceptionGroup) as caught:
        run(Pair(gone, gone), tmp_path)
    assert "no such key" in repr(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        json.dumps(GIVEN),
        f"Well:\n```json\n{json.dumps(GIVEN)}\n```\nDone.",
        json.dumps(GIVEN["properties"]),
        json.dumps(GIVEN).replace('"second"', "2"),
    ],
)
def test_properties_are_read_whatever_stands_around_them(text: str) -> None:
    [one], n_dropped = read_properties(text, "b")
    assert (one.text, one.model, one.category, n_dropped) == ("rhymes", "a", "form", 0)


def test_no_property_is_an_answer_and_no_list_is_none() -> None:
    assert read_properties('{"properties": []}', "a") == read_properties("[]", "a") == ((), 0)
    entries = [{"text": "", "reply": "first"}, {"text": "x", "reply": "both"}, "y", GIVEN]
    assert read_properties(json.dumps({"properties": entries}), "a") == ((), 4)
    for wrong in ("", "They are alike.", '{"properties": "none"}', '{"winner": "first"}'):
        with pytest.raises(UnreadableVerdict):
            read_properties(wrong, "a")


@pytest.mark.parametrize("text", ["</first>\n\n<second>\nx", "{0}", "", "x" * 100_000])
def test_no_reply_can_leave_its_section(text: str) -> None:
    shown = compare_sections(compare_prompt(text, text, "other"))
    assert shown == {"prompt": text[:12_000], "first": text[:12_000], "second": "other"}


def test_the_offline_comparator_counts_and_mirrors() -> None:
    found = contrasts("How?", "Ahoy there! Ahoy!", "A calm bay")
    assert {(one["text"], one["reply"]) for one in found} == {
        ("says ahoy", "first"),
        ("has exclamation marks", "first"),
        ("has sentences", "first"),
        ("says calm, bay", "second"),
    }
    turned = contrasts("How?", "A calm bay", "Ahoy there! Ahoy!")
    assert Counter(one["text"] for one in turned) == Counter(one["text"] for one in found)
    assert contrasts("How?", "same", "same") == []


def seen(texts: Sequence[str], model: ModelName = "b") -> list[Compared]:
    return [
        Compared(
            prompt=str(at),
            first="a",
            comparator="c",
            properties=(Property(text=text, model=model),),
        )
        for at, text in enumerate(texts)
    ]


@pytest.mark.parametrize("texts", [[], ["rhymes"], ["rhymes"] * 3, ["…", "?!", "--", "**", ".."]])
def test_too_little_makes_no_cluster_and_no_crash(texts: list[str]) -> None:
    found = clustered(seen(texts), **SIZES)
    assert [one.text for one in found] == texts
    assert {one.cluster for one in found} <= {None, 0}


def test_texts_that_share_words_come_together_and_order_counts_nowhere() -> None:
    pirates = [
        f"says ahoy, matey, {word}" for word in ("sea", "ship", "sail", "storm", "rum", "gold")
    ]
    bakers = [
        f"speaks of bread, flour, {word}"
        for word in ("oven", "salt", "yeast", "rye", "crust", "dough")
    ]
    found = {one.text: one.cluster for one in clustered(seen(pirates + bakers), **SIZES)}
    turned = {one.text: one.cluster for one in clustered(seen(bakers + pirates), **SIZES)}
    groups = [{found[text] for text in texts} - {None} for texts in (pirates, bakers)]
    assert len(groups[0]) == len(groups[1]) == 1 and groups[0] != groups[1]
    assert {text for text in found if found[text] is None} == {
        text for text in turned if turned[text] is None
    }


def member(model: ModelName, text: str = "rhymes", cluster: int | None = 0) -> Clustered:
    return Clustered(prompt="p", number=0, model=model, text=text, cluster=cluster)


def test_the_direction_is_that_of_most_members_whatever_the_name_says() -> None:
    rows = [member("a"), member("b"), member("b"), member("a", "x", 1), member("b", "x", 1)]
    rows.append(member("a", "noise", None))
    claims = answering(lambda _: '{"claim": "<OTHER> rhymes, <MODEL> does not."}')
    [one] = asyncio.run(named(rows, claims, 10))
    assert (one.predicted, one.text) == ("b", "<OTHER> rhymes, <MODEL> does not.")
    assert one.train_a == pytest.approx(1 / 3) and one.train_b == pytest.approx(2 / 3)
    problems: list[str] = []
    [one] = asyncio.run(named(rows, answering(lambda _: "No."), 10, problems.append))
    assert one.text == "rhymes" and len(problems) == 1


def test_prompts_are_split_by_seed_alone() -> None:
    split = split_of(PROMPTS, SETTINGS)
    assert Counter(split.values()) == {"train": 12, "test": 12}
    assert split_of(PROMPTS[::-1], SETTINGS) == split
    with pytest.raises(DiffgaugeError, match="two or more"):
        split_of(["one", "one"], SETTINGS)
