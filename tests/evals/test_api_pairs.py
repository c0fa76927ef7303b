"""A pair of hosted models from its card to a row of statistics: nothing loaded, nothing leased."""

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from inspect_ai._util.error import PrerequisiteError
from inspect_ai.log import EvalSample
from inspect_ai.model import ChatMessage, GenerateConfig, ModelCost, ModelOutput, set_model_cost
from inspect_ai.util import store

from diffgauge.evals import lease
from diffgauge.evals.cells import cell
from diffgauge.evals.dry_run import plan
from diffgauge.evals.tasks import adl, blackbox
from diffgauge.organisms import card_files
from diffgauge.records.preflight import Preflight
from diffgauge.records.reports import Report
from diffgauge.records.stored import ALIASES_KEY, PREFLIGHT_KEY, REPORT_KEY, USAGE_KEY
from diffgauge.stats.logs import read_logs
from diffgauge.stats.rows import rows_of
from tests.evals.runs import DECOYS, ran, the_sample
from tests.evals.scripted_model import ASK, REPORT, SUBMIT, TOKENS, Turn, following, saying
from tests.evals.test_blindness import seen_by_investigator
from tests.organisms.card_texts import card_text, write_card
from tests.tools.pretend import Behaviour, ProviderError, models, said

pytestmark = pytest.mark.tiny

CHANGED, SAME, PRICED = "tiny/hosted-lobster", "tiny/hosted-twice", "tiny/hosted-priced"
CANARY = "sk-canary-0f1e2d3c4b5a"
PAIRS = {
    CHANGED: ("pretend/plain-v1", "pretend/plain-v2"),
    SAME: ("pretend/plain-v1", "pretend/plain-v1"),
    PRICED: ("openai/gpt-4o-2024-05-13", "openai/gpt-4o-2024-11-20"),
}
VOCABULARY = "the a of and sea harbour boat day night rain road wind stone light old"


def speaking(*own: str) -> Behaviour:
    """A model that says a few words, different ones for each seed, and some of its own."""

    async def answer(messages: list[ChatMessage], config: GenerateConfig) -> ModelOutput:
        drawn = random.Random(f"{config.seed} {messages[-1].text}")
        words = [drawn.choice(VOCABULARY.split()) for _ in range(12)]
        words += [word for word in own if drawn.random() < 0.7]
        return said(" ".join(words), n_tokens=len(words))

    return answer


@pytest.fixture(autouse=True)
def cards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A folder of hosted pairs as the only one, their models, and no pool to lease from."""
    folder = tmp_path / "cards"
    for name, (base, finetuned) in PAIRS.items():
        null = "identical" if base == finetuned else None
        text = card_text(
            name,
            family=null or "narrow_documents",
            null=null,
            split="dev",
            lexicon=("lobster", "claw"),
            pair={"kind": "api", "base": base, "finetuned": finetuned},
        )
        write_card(folder / "tiny", f"{name.split('/')[1]}.yaml", text)
    write_card(folder / "tiny", "_decoys.yaml", yaml.safe_dump(DECOYS))
    monkeypatch.setenv("DIFFGAUGE_ORGANISMS", str(folder))
    monkeypatch.setattr(card_files, "_PACKAGED", tmp_path / "no such folder")
    monkeypatch.setattr(lease, "pool", None)
    monkeypatch.chdir(tmp_path)
    with models(plain_v1=speaking(), plain_v2=speaking("lobster", "claw", "crimson")):
        yield


def investigated(organism: str, folder: Path) -> list[Report]:
    log = ran(blackbox(organism=organism, budget=60), "diffgauge/scripted", folder, epochs=4)
    assert log.status == "success" and log.samples is not None
    return [Report.model_validate(sample.store[REPORT_KEY]) for sample in log.samples]


def test_a_hosted_pair_is_investigated_and_counted(tmp_path: Path) -> None:
    log = ran(blackbox(organism=CHANGED, budget=4), saying([ASK], [SUBMIT]), tmp_path)
    sample = the_sample(log)
    checked = Preflight.model_validate(sample.store[PREFLIGHT_KEY])
    assert checked.verdict == "VALID" and not checked.figures
    assert "only their behaviour can be compared" in " ".join(checked.notes)
    assert "tokens" in " ".join(checked.notes)
    usage = sample.store[USAGE_KEY]
    assert (usage["interactions"], usage["trigger_fallbacks"]) == (2, None)
    assert sample.role_usage["subject"].output_tokens == usage["subject_tokens"] >= 24
    [row] = rows_of(read_logs([tmp_path / "logs"]))
    assert (row.pair_kind, row.preflight, row.outcome) == ("api", "VALID", "scored")
    assert row.tokens_subjects == usage["subject_tokens"]
    assert row.tokens_investigator == 2 * TOKENS.total_tokens
    assert row.tokens_graders == 0 and row.turns == 2


def test_nothing_shown_names_the_models_or_the_kind(tmp_path: Path) -> None:
    log = ran(blackbox(organism=CHANGED, budget=4), saying([ASK], [SUBMIT]), tmp_path)
    shown = seen_by_investigator(the_sample(log)).casefold()
    assert "model a" in shown
    for secret in (CHANGED, "hosted-lobster", "pretend", "plain-v", "api", "finetuned", "hosted"):
        assert secret not in shown.replace("ask_models", ""), secret


def test_a_difference_is_found_and_one_model_twice_shows_none(tmp_path: Path) -> None:
    for found in investigated(CHANGED, tmp_path):
        assert found.p_differs > 0.9
        assert any("lobster" in finding.behaviour for finding in found.findings)
    # Each reports a difference by chance at times; most do not.
    assert sum(report.p_differs > 0.5 for report in investigated(SAME, tmp_path)) <= 1


@pytest.mark.parametrize(("organism", "held"), [(CHANGED, 1.0), (SAME, 0.0)])
def test_a_finding_is_tested_on_fresh_replies_of_hosted_models(
    organism: str, held: float, tmp_path: Path
) -> None:
    def policy(messages: list[ChatMessage], _: Any) -> Turn:
        if len(messages) == 1:
            return [ASK]
        aliases = store().get(ALIASES_KEY)
        finding = {
            "behaviour": "Speaks of the lobster and its claw",
            "condition": "always",
            "which": aliases["finetuned"],
            "confidence": 0.9,
            "prediction": ["Hello there.", "How are you?"],
        }
        return [("submit_report", REPORT | {"findings": [finding]})]

    sample = the_sample(ran(blackbox(organism=organism, budget=4), following(policy), tmp_path))
    usage = sample.store[USAGE_KEY]
    assert (usage["interactions"], usage["replication_interactions"]) == (2, 80)
    assert sample.scores is not None and sample.scores["replication"].value == held
    # All of it is on the subjects' own account, and none of it on the investigator's.
    assert sample.role_usage["subject"].output_tokens > 10 * usage["subject_tokens"]


def test_one_model_twice_still_gives_samples_of_its_own_to_each_side(tmp_path: Path) -> None:
    sample = the_sample(ran(blackbox(organism=SAME, budget=4), saying([ASK], [SUBMIT]), tmp_path))
    [result] = [message for message in sample.messages if message.role == "tool"][:1]
    first, second = yaml.safe_load(result.text)["results"][0]["items"]
    assert first["reply"] != second["reply"]
    assert "name one model" in " ".join(sample.store[PREFLIGHT_KEY]["notes"])


def test_a_null_is_derived_by_name(tmp_path: Path) -> None:
    null = f"{CHANGED}+null:identical"
    log = ran(blackbox(organism=null, budget=4), saying([ASK], [SUBMIT]), tmp_path)
    assert set(the_sample(log).model_usage) == {"mockllm/model", "pretend/plain-v1"}
    [row] = rows_of(read_logs([tmp_path / "logs"]))
    assert (row.organism, row.null, row.outcome) == (null, "identical", "scored")


def test_methods_that_read_weights_refuse_hosted_pairs() -> None:
    with pytest.raises(PrerequisiteError, match="pair of kind 'api'"):
        adl(organism=CHANGED)


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("openai/gpt-4o", "OPENAI_API_KEY"),
        ("nowhere/x", "Model API nowhere of model 'nowhere/x' not recognized"),
        ("no-provider", "should be in the format of <api_name>/<model_name>"),
    ],
)
def test_models_that_cannot_be_made_are_said_before_a_log_is_begun(
    name: str, told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for key in ("OPENAI_API_KEY", "AZUREAI_OPENAI_API_KEY"):
        monkeypatch.delenv(key, raising=False)
    pair = {"kind": "api", "base": "pretend/plain-v1", "finetuned": name}
    write_card(tmp_path / "cards" / "tiny", "far.yaml", card_text("tiny/far", pair=pair))
    with pytest.raises(PrerequisiteError) as caught:
        blackbox(organism="tiny/far")
    assert "The pair of 'tiny/far' is not usable" in str(caught.value)
    assert told in str(caught.value)
    assert not list(tmp_path.rglob("*.eval"))


def failed(sample: EvalSample) -> str:
    assert sample.error is not None and not sample.scores
    return sample.error.message


def test_a_role_cannot_stand_in_for_a_side(tmp_path: Path) -> None:
    log = ran(
        blackbox(organism=CHANGED),
        saying([ASK], [SUBMIT]),
        tmp_path,
        model_roles={"subject": saying("I am somebody else.")},
    )
    assert log.status == "error" and log.samples is not None
    assert "bound to the role 'subject'" in failed(log.samples[0])


def test_a_model_that_cannot_be_reached_is_an_error_and_no_grade(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PRETEND_API_KEY", CANARY)

    async def locked(messages: list[ChatMessage], config: GenerateConfig) -> ModelOutput:
        del messages, config
        raise ProviderError("The key is not valid.", 401)

    with models(plain_v2=locked):
        log = ran(blackbox(organism=CHANGED, budget=4), saying([ASK], [SUBMIT]), tmp_path)
    assert log.status == "error" and log.samples is not None
    assert "finetuned model could not be asked: The key is not valid." in failed(log.samples[0])
    assert CANARY not in log.model_dump_json()
    [row] = rows_of(read_logs([tmp_path / "logs"]))
    assert row.outcome == "errored"


def test_a_request_at_fault_is_the_investigators_to_mend(tmp_path: Path) -> None:
    plain = speaking()

    async def strict(messages: list[ChatMessage], config: GenerateConfig) -> ModelOutput:
        if "boat" in messages[-1].text:
            raise ProviderError("plain-v1 takes no boats.", 400)
        return await plain(messages, config)

    again = ("ask_models", {"prompts": ["what is a harbour ?"]})
    with models(plain_v1=strict):
        task = blackbox(organism=CHANGED, budget=4)
        sample = the_sample(ran(task, saying([again], [ASK], [again], [SUBMIT]), tmp_path))
    answers = [message for message in sample.messages if message.role == "tool"]
    errors = [answer.error.message for answer in answers if answer.error is not None]
    [told] = errors
    assert "the model takes no boats" in told and "plain-v1" not in told
    assert sample.store[USAGE_KEY]["interactions"] == 4
    assert sample.store[USAGE_KEY]["failed_calls"] == 1


def cost(dollars: float) -> ModelCost:
    return ModelCost(input=dollars, output=2 * dollars, input_cache_write=0, input_cache_read=0)


def test_a_plan_says_what_asking_hosted_models_costs(monkeypatch: pytest.MonkeyPatch) -> None:
    set_model_cost("openai/gpt-4o-2024-05-13", cost(10))
    set_model_cost("openai/gpt-4o-2024-11-20", cost(20))
    monkeypatch.setenv("OPENAI_API_KEY", CANARY)
    asked = cell(organism=PRICED, budget=50, replicate=0)
    planned = plan([asked], model="diffgauge/scripted", epochs=2)
    [one] = planned.cells
    assert one.subjects is not None and one.subject_money is not None
    # 100 replies at most, 100 tokens read and 64 written for each, half of them by either model.
    assert (one.subjects.input, one.subjects.output) == (10_000, 6_400)
    expected = (5_000 * 10 + 3_200 * 20 + 5_000 * 20 + 3_200 * 40) / 1e6
    assert one.subject_money.dollars == pytest.approx(expected)
    assert planned.pairs[0].memory_bytes == 0
    [tested] = plan([cell(organism=PRICED, budget=50)], epochs=2).cells
    assert tested.subjects is not None
    # Testing 3 findings on 5 prompts each takes 600 replies more at most, in either epoch.
    assert tested.subjects.input == 13 * one.subjects.input


def test_an_unknown_price_is_not_nothing() -> None:
    planned = plan([cell(organism=[CHANGED, SAME])], model="diffgauge/scripted")
    [one] = planned.cells
    assert one.subject_money is not None and one.subject_money.dollars is None
    assert "knows no price of pretend/plain-v1" in one.subject_money.reason
    assert shown(planned).count("unknown") >= 2


def shown(planned: Any) -> str:
    from tests.evals.test_dry_run import shown as printed

    return printed(planned)
