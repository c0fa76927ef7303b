import itertools

import pytest

from diffgauge.records.errors import UnknownNameError
from diffgauge.records.organisms import AdapterPair, FullPair, IdenticalPair
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
from diffgauge.records.subjects import SIDES, other_side
from diffgauge.tools.blinding import Aliases, LeakError, LeakGuard

pytestmark = pytest.mark.unit

READ = Provenance(method="m", layer=1)
SECRET = "zoo/submarine"


def directions() -> list[Result]:
    return [
        RankedTokens(
            title="Tokens",
            contrast=Contrast(toward=side, away_from=other_side(side)),
            provenance=READ,
            items=(RankedToken(token=f"word of {index}", score=1.0),),
        )
        for index, side in enumerate(SIDES)
    ]


def replies() -> Samples:
    return Samples(
        title="Replies",
        provenance=READ,
        items=tuple(
            SampleItem(prompt=prompt, model=side, reply=f"{prompt} {index}", condition=condition)
            for prompt, condition, (index, side) in itertools.product(
                ("z", "a"), ("unsteered", "steered"), enumerate(SIDES)
            )
        ),
    )


def test_names_follow_the_material_and_either_way_is_as_likely() -> None:
    assert Aliases.for_run("1") == Aliases.for_run("1")
    first = [Aliases.for_run(str(index)).base for index in range(400)]
    assert set(first) == {"model A", "model B"}
    # Binomial(400, 1/2): outside 160..240 with probability below 1e-4
    assert 160 <= first.count("model A") <= 240


def test_an_open_run_says_which_is_which() -> None:
    aliases = Aliases.for_run("1", blind=False)
    assert aliases.as_json() == {"base": "base model", "finetuned": "finetuned model"}
    assert aliases.side("Finetuned  Model ") == "finetuned"


def test_names_and_sides_are_inverse() -> None:
    for material in "0123456789":
        aliases = Aliases.for_run(material)
        assert {aliases.side(aliases.of(side)) for side in SIDES} == set(SIDES)
        for side in SIDES:
            assert aliases.side(aliases.of(side)) == side


@pytest.mark.parametrize("asked", ["base", "finetuned", "C", ""])
def test_another_name_is_answered_with_the_two(asked: str) -> None:
    with pytest.raises(UnknownNameError, match="Allowed: model A, model B"):
        Aliases.for_run("1").side(asked)


def by_first_name() -> dict[str, Aliases]:
    return {a.base: a for a in (Aliases.for_run(str(index)) for index in range(20))}


@pytest.mark.parametrize("base_is", ["model A", "model B"])
def test_nothing_in_the_order_of_results_tells_the_sides(base_is: str) -> None:
    aliases = by_first_name()[base_is]
    shown = aliases.shown([*directions(), replies(), *directions()])
    named = [result.contrast.toward for result in shown]
    assert named == ["model A", "model B", None, "model A", "model B"]
    [samples] = [result for result in shown if isinstance(result, Samples)]
    assert [item.model for item in samples.items] == ["model A", "model B"] * 4
    assert [item.prompt for item in samples.items] == ["z"] * 4 + ["a"] * 4


@pytest.mark.parametrize("base_is", ["model A", "model B"])
def test_every_item_keeps_its_own_side(base_is: str) -> None:
    aliases = by_first_name()[base_is]
    for result in aliases.shown([*directions(), replies()]):
        if isinstance(result, RankedTokens):
            side = aliases.side(result.contrast.toward or "")
            assert result.items[0].token == f"word of {SIDES.index(side)}"
            assert result.contrast.away_from == aliases.of(other_side(side))
        if isinstance(result, Samples):
            for item in result.items:
                assert item.reply.endswith(str(SIDES.index(aliases.side(item.model))))


def test_scores_of_a_latent_are_named_too() -> None:
    latents = Latents(
        title="Latents",
        provenance=READ,
        items=(Latent(index=3, scores={"base": 1.0, "finetuned": 2.0, "firing": 0.1}),),
    )
    shown = Aliases.for_run("1").blind(latents)
    assert isinstance(shown, Latents)
    assert set(shown.items[0].scores) == {"model A", "model B", "firing"}


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


def test_the_guard_of_a_run_knows_its_ids_and_paths() -> None:
    local = LeakGuard.of(
        SECRET,
        AdapterPair(base="/opt/cache/zoo/base", adapter="/opt/cache/zoo/adapters/submarine"),
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
    hub = LeakGuard.of("cake", FullPair(base="Acme/Base-1B", finetuned="someone/cake-1b"))
    assert hub.forbidden == ("someone/cake-1b",)  # the bare id is a word
    assert hub.names == ("Acme/Base-1B",)
    zoo = LeakGuard.of(SECRET, IdenticalPair(base="zoo:base"))
    assert set(zoo.forbidden) == {SECRET, "zoo:base"}
