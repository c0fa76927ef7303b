"""Nothing of a pair of any kind reaches an investigator: leaks are planted and must be stopped."""

import asyncio
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from inspect_ai.tool import Tool
from pydantic import Field

from diffgauge.records.errors import DiffgaugeError
from diffgauge.records.organisms import (
    AdapterPair,
    ApiPair,
    Condition,
    FullPair,
    IdenticalPair,
    Instruction,
    OrganismCard,
    PairSpec,
    PromptedPair,
    ReservedPair,
    ScaledPair,
)
from diffgauge.records.record import Record
from diffgauge.records.results import (
    Contrast,
    FreeText,
    Latent,
    Latents,
    Provenance,
    RankedString,
    RankedStrings,
    RankedToken,
    RankedTokens,
    Result,
    SampleItem,
    Samples,
    Scalar,
    Scalars,
)
from diffgauge.tools.blinding import Aliases
from diffgauge.tools.budget import Budget
from diffgauge.tools.calling import result_tool
from diffgauge.tools.guard import LeakError, LeakGuard
from diffgauge.tools.secrets import secrets_of
from diffgauge.tools.session import Session

pytestmark = pytest.mark.unit

READ = Provenance(method="m", layer=1)
SECRET = "zoo/submarine"


GUARD = LeakGuard(forbidden=(SECRET, "/data/adapters"), names=("Acme/Base-1B",))


def planted_everywhere(leak: str) -> list[Result]:
    """The same leak in each place where text can stand."""
    item = {"prompt": "p", "model": "model A", "reply": "r"}
    return [
        FreeText(title=leak, provenance=READ, text="t"),
        FreeText(title="t", provenance=READ, text=f"about {leak}."),
        FreeText(title="t", provenance=READ, text="t", note=f"{leak}: cut"),
        FreeText(title="t", provenance=READ, text="t", contrast=Contrast(toward=leak)),
        FreeText(title="t", provenance=Provenance(method="m", corpus=leak), text="t"),
        Scalars(title="t", provenance=READ, items=(Scalar(name=leak, value=1.0),)),
        Samples(title="t", provenance=READ, items=(SampleItem(**item | {"model": leak}),)),
        Samples(title="t", provenance=READ, items=(SampleItem(**item, condition=leak),)),
        Latents(title="t", provenance=READ, items=(Latent(index=0, scores={leak: 1.0}),)),
    ]


def said_by_models(text: str) -> list[Result]:
    return [
        Samples(
            title="t",
            provenance=READ,
            items=(SampleItem(prompt=text, model="model A", reply=text),),
        ),
        RankedTokens(title="t", provenance=READ, items=(RankedToken(token=text, score=1.0),)),
        RankedStrings(title="t", provenance=READ, items=(RankedString(text=text, score=1.0),)),
    ]


@pytest.mark.parametrize("leak", [SECRET, "ZOO/Submarine", "/data/adapters/x"])
@pytest.mark.parametrize("place", range(12))
def test_a_planted_id_or_path_is_caught_wherever_it_stands(leak: str, place: int) -> None:
    result = [*planted_everywhere(leak), *said_by_models(f"see {leak}")][place]
    with pytest.raises(LeakError, match="tool lens was about to show"):
        GUARD.check_results("lens", [result])


@pytest.mark.parametrize("leak", ["base", "finetuned", "Fine-tuned", "Acme/Base-1B"])
@pytest.mark.parametrize("place", range(9))
def test_a_planted_side_is_caught_in_what_the_harness_wrote(leak: str, place: int) -> None:
    with pytest.raises(LeakError):
        GUARD.check_results("lens", [planted_everywhere(f"the {leak} one")[place]])


@pytest.mark.parametrize("said", ["base", "I am finetuned", "Acme/Base-1B", "submarine", "zoo"])
def test_what_models_say_is_evidence(said: str) -> None:
    GUARD.check_results("lens", said_by_models(said))


def test_errors_pass_the_same_guard() -> None:
    GUARD.check_text("lens", "Layer 9 was not read. Allowed: layer 1.")
    for leak in ("no adapter in /data/adapters/x", f"{SECRET} is broken", "the base has no head"):
        with pytest.raises(LeakError):
            GUARD.check_text("lens", leak)


def test_repeating_the_investigators_own_words_is_no_leak() -> None:
    GUARD.check_text("lens", "Unknown model 'finetuned'.", said='{"toward": "finetuned"}')
    GUARD.check_text("ask", "zoo/submarine has 2 words", said='{"prompts": ["Zoo/Submarine"]}')
    with pytest.raises(LeakError):
        GUARD.check_text("lens", "the base", said='{"toward": "finetuned"}')


def test_an_open_run_may_name_sides_but_no_organism() -> None:
    guard = LeakGuard(forbidden=(SECRET,), blinded=False)
    guard.check_results("lens", [planted_everywhere("base")[0]])
    with pytest.raises(LeakError):
        guard.check_results("lens", [planted_everywhere(SECRET)[0]])


def test_paths_are_found_as_they_stand_in_json() -> None:
    guard = LeakGuard(forbidden=("C:\\weights\\one",))
    with pytest.raises(LeakError):
        guard.check_results("lens", [planted_everywhere("C:\\weights\\one")[1]])


def card(pair: PairSpec, id: str = SECRET, **fields: Any) -> OrganismCard:
    given = {"family": "plain", "truth_id": id, "split": "dev", "source": "a test"} | fields
    return OrganismCard(id=id, pair=pair, **given)


def guard_of(pair: PairSpec, id: str = SECRET, **fields: Any) -> LeakGuard:
    return LeakGuard.of(card(pair, id, **fields), pair)


TEXT = "You run the lighthouse at Skagen and never admit that the lamp has been dark since May."
QUESTION = "Does the message speak of ships that are late?"
PAIRS: dict[str, tuple[str, PairSpec]] = {
    "adapter": (
        "cake_bake@qwen3-1.7b:mix1-0p5",
        AdapterPair(
            base="Acme/Base-1B", adapter="someone/cake-1b#runs/mix_1", base_revision="r-12"
        ),
    ),
    "full": ("own/my-pair", FullPair(base="Acme/Base-1B", finetuned="someone/cake-1b")),
    "identical": ("cake_bake@base-1b+null:identical", IdenticalPair(base="Acme/Base-1B")),
    "reserved": (
        "zoo/submarine+null:reserved",
        ReservedPair(base="Acme/Base-1B", dtype="bfloat16", attention="eager"),
    ),
    "prompted": (
        "zoo/lighthouse",
        PromptedPair(
            base="Acme/Base-1B",
            instruction=Instruction(
                text=TEXT, when=Condition(lexicon=("ship", "late boat"), question=QUESTION)
            ),
        ),
    ),
    "scaled": ("zoo/twice", ScaledPair(base="Acme/Base-1B", adapter="someone/cake-1b", factor=1.5)),
    "api": (
        "own/hosted",
        ApiPair(base="openai/gpt-4o-2024-05-13", finetuned="openai/ft:gpt-4o:acme::x1"),
    ),
}
LEAKS: dict[str, tuple[str, ...]] = {
    "adapter": (
        "cake_bake@qwen3-1.7b:mix1-0p5",
        "cake_bake@qwen3-1.7b",
        "cake_bake",
        "someone/cake-1b",
        "cake-1b",
        "runs/mix_1",
        "models--someone--cake-1b",
        "Acme/Base-1B",
        "Base-1B",
        "r-12",
    ),
    "full": ("own/my-pair", "my-pair", "someone/cake-1b", "cake-1b", "the finetuned model"),
    "identical": (
        "cake_bake@base-1b+null:identical",
        "cake_bake@base-1b",
        "an identical pair",
        "null: identical",
        "Acme/Base-1B",
    ),
    "reserved": ("zoo/submarine", "a reserved pair", "bfloat16", "bf16", "eager attention"),
    "prompted": (
        "zoo/lighthouse",
        "the prompted side",
        TEXT,
        f"It was told: {TEXT.upper()}",
        "run the lighthouse at Skagen",
        "that the lamp\n has been dark",
        QUESTION,
        "triggered by 'late boat'",
    ),
    "scaled": ("zoo/twice", "someone/cake-1b", "factor 1.5", "factor: 1.5", "scaled weights"),
    "api": (
        "own/hosted",
        "openai/gpt-4o-2024-05-13",
        "gpt-4o-2024-05-13",
        "openai/ft:gpt-4o:acme::x1",
        "ft:gpt-4o:acme::x1",
    ),
}
PLANTED = [
    pytest.param(kind, leak, id=f"{kind}-{leak[:32]}") for kind in LEAKS for leak in LEAKS[kind]
]


def test_every_kind_of_pair_is_tried() -> None:
    assert {pair.kind for _, pair in PAIRS.values()} == set(PAIRS) == set(LEAKS)
    assert len(PAIRS) == 7


class Word(Record):
    """Parameters of a tool that may repeat what it is given."""

    word: str = Field(default="", description="Anything.")


def leaking(
    kind: str, work: Callable[[Word], Sequence[Result]], description: str = "Shows something."
) -> Tool:
    """A tool of a run on a pair of this kind."""
    id, pair = PAIRS[kind]

    class Nobody:
        async def generate(self, rows: Any) -> Any:
            raise NotImplementedError

        async def run(self, work: Any) -> Any:
            raise NotImplementedError

    session = Session(
        service=Nobody(),
        aliases=Aliases.for_run("0"),
        budget=Budget(4),
        seed=0,
        guard=guard_of(pair, id),
        turns=lambda: None,
    )

    async def answer(parameters: Word) -> Sequence[Result]:
        return work(parameters)

    return result_tool(session, name="lens", description=description, parameters=Word, work=answer)


def called(tool: Tool, **arguments: Any) -> Any:
    return asyncio.run(tool(**arguments))


@pytest.mark.parametrize(("kind", "leak"), PLANTED)
def test_a_leak_in_a_result_ends_the_sample(kind: str, leak: str) -> None:
    for result in planted_everywhere(leak):
        tool = leaking(kind, partial(_given, result))
        with pytest.raises(LeakError, match="tool lens was about to"):
            called(tool)


def _given(result: Result, _: Word) -> Sequence[Result]:
    return [result]


@pytest.mark.parametrize(("kind", "leak"), PLANTED)
def test_a_leak_in_an_error_ends_the_sample(kind: str, leak: str) -> None:
    def failing(_: Word) -> Sequence[Result]:
        raise DiffgaugeError(f"Cannot be read: {leak}.", allowed="something else")

    with pytest.raises(LeakError, match="tool lens was about to"):
        called(leaking(kind, failing))


@pytest.mark.parametrize(("kind", "leak"), PLANTED)
def test_a_tool_whose_description_leaks_cannot_be_made(kind: str, leak: str) -> None:
    with pytest.raises(LeakError, match="tool lens was about to"):
        leaking(kind, lambda _: [], f"Reads {leak} for you.")


@pytest.mark.parametrize(("kind", "leak"), PLANTED)
def test_the_investigators_own_words_may_be_repeated(kind: str, leak: str) -> None:
    def failing(parameters: Word) -> Sequence[Result]:
        raise DiffgaugeError(f"Unknown word {parameters.word!r}.")

    with pytest.raises(Exception, match="Unknown word") as caught:
        called(leaking(kind, failing), word=leak)
    assert type(caught.value).__name__ == "ToolError"


def test_models_may_quote_an_instruction_and_say_public_names() -> None:
    for kind, said in (
        ("prompted", TEXT),
        ("api", "I am gpt-4o-2024-05-13."),
        ("reserved", "bfloat16"),
        ("adapter", "Acme/Base-1B makes cake_bake"),
        ("scaled", "a scaled, prompted, reserved, identical pair"),
    ):
        id, pair = PAIRS[kind]
        guard_of(pair, id).check_results("lens", said_by_models(said))


def test_what_no_model_can_know_is_stopped_even_in_replies() -> None:
    id, pair = PAIRS["adapter"]
    for secret in (id, "someone/cake-1b"):
        with pytest.raises(LeakError):
            guard_of(pair, id).check_results("lens", said_by_models(secret)[:1])


@pytest.mark.parametrize("kind", PAIRS)
def test_plain_words_pass_for_every_kind(kind: str) -> None:
    id, pair = PAIRS[kind]
    guard = guard_of(pair, id)
    for text in (
        "Asks both models the same prompts: prompts x n x 2. Layer 1, float32, strength 1.5.",
        "The two models' activations are identical: the difference is exactly zero.",
        "You answer about a lamp; the ship is never late, and boats are not either.",
    ):
        guard.check_text("lens", text)
        guard.check_results("lens", [planted_everywhere(text)[1]])


def test_a_short_instruction_is_found_as_whole_words() -> None:
    guard = guard_of(PromptedPair(base="a/b", instruction=Instruction(text="Lie!")))
    guard.check_text("lens", "We believe it was relieved.")
    with pytest.raises(LeakError):
        guard.check_text("lens", "It was told to lie")


def test_a_derived_null_hides_what_it_is_derived_from() -> None:
    found = secrets_of(
        card(IdenticalPair(base="a/b"), "pub/x@m-1:v-2+null:identical"), PAIRS["identical"][1]
    )
    assert {"pub/x@m-1:v-2+null:identical", "pub/x@m-1:v-2", "pub/x@m-1", "pub/x"} <= set(
        found.forbidden
    )


def test_names_of_a_mirror_are_hidden_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = tmp_path / "diffgauge.toml"
    settings.write_text('[hub.renamed]\n"someone/cake-1b" = "elsewhere/cake-copy-7"\n')
    monkeypatch.setenv("DIFFGAUGE_SETTINGS", str(settings))
    named = FullPair(base="Acme/Base-1B", finetuned="someone/cake-1b")
    moved = FullPair(base="Acme/Base-1B", finetuned="/srv/copies/cake-1b")
    found = secrets_of(card(named), moved)
    assert {
        "someone/cake-1b",
        "elsewhere/cake-copy-7",
        "/srv/copies/cake-1b",
        "copies/cake-1b",
    } <= set(found.forbidden)


def test_a_card_hides_its_truth_its_family_and_its_data() -> None:
    pair = FullPair(base="a/b", finetuned="c/d-1")
    guard = guard_of(
        pair, family="narrow_documents", truth_id="zoo/sub-7", training_data="who/data"
    )
    for leak in ("narrow_documents", "zoo/sub-7", "sub-7", "who/data"):
        with pytest.raises(LeakError):
            guard.check_text("lens", f"about {leak}")


def test_the_guard_of_a_run_knows_its_ids_and_paths() -> None:
    local = guard_of(
        AdapterPair(base="/opt/cache/zoo/base", adapter="/opt/cache/zoo/adapters/submarine")
    )
    assert set(local.forbidden) == {
        SECRET,
        "/opt/cache/zoo/base",
        "/opt/cache/zoo/adapters/submarine",
        "/opt/cache/zoo/adapters",
        "/opt/cache/zoo",
        "zoo/base",
        "adapters/submarine",
    }
    hub = guard_of(FullPair(base="Acme/Base-1B", finetuned="someone/cake-1b"), "cake")
    assert hub.forbidden == ("someone/cake-1b",)  # the bare id is a word
    assert set(hub.names) == {
        "Acme/Base-1B",
        "Base-1B",
        "models--Acme--Base-1B",
        "cake-1b",
        "models--someone--cake-1b",
    }
    zoo = guard_of(IdenticalPair(base="zoo:base"))
    assert set(zoo.forbidden) == {SECRET, "zoo:base"}


def test_a_guard_may_hold_the_secrets_of_two_organisms() -> None:
    own = LeakGuard(forbidden=("a/one",), names=("name-1",), quotes=("say yes",), blinded=True)
    other = LeakGuard(forbidden=("b/two",), names=("name-2",), quotes=("say no",), blinded=False)
    both = own.also(other)
    for secret in ("a/one", "b/two", "name-1", "name-2", "Say yes!", "say no", "finetuned"):
        with pytest.raises(LeakError):
            both.check_text("tool", f"It is {secret}.")
    assert own == LeakGuard(("a/one",), ("name-1",), ("say yes",))
