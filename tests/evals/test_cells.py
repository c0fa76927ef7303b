"""A cell's arguments: what is allowed, and what is said about the rest."""

from typing import Any

import pytest

from diffgauge.evals.cells import DEFAULT_REPLICATE, cell, cell_id, factors
from diffgauge.evals.readiness import corpora_of, settings_of
from diffgauge.methods import registry as methods
from diffgauge.records.artifacts import hash_json
from diffgauge.records.errors import DiffgaugeError
from tests.evals.runs import IDENTICAL, OTHER, PLANTED, Registry

pytestmark = pytest.mark.unit

BEFORE = """
organisms arm method budget blind seed corpus n_texts texts settings domain_data turns dtype device
graded allow_suspect trust_remote_code
"""
"""Fields of a cell that its id has counted from the first."""


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"organism": "tiny/planted-bout"}, "Did you mean 'tiny/planted-boat'"),
        ({"organism": []}, "No organism is named"),
        ({"organism": ""}, "No organism is named"),
        ({"organism": None}, "No organism is named"),
        ({"organism": "../planted"}, "is not an id"),
        ({"organism": 3}, "The argument organism was given as 3"),
        ({"agent": "blackbx"}, "Did you mean 'blackbox'"),
        ({"agent": None}, "Unknown agent 'None'"),
        ({"agent": "method"}, "needs a method. Allowed: "),
        ({"agent": "method", "method": "ald"}, "Unknown method 'ald'"),
        ({"agent": "method", "method": "adl", "corpus": "domin"}, "Did you mean 'domain'"),
        ({"agent": "method", "method": "adl", "n_texts": 1}, "n_texts was given as 1"),
        ({"agent": "method", "method": "adl", "n_texts": "many"}, "n_texts was given as 'many'"),
        ({"agent": "method", "method": "adl", "set": "layer=1"}, "Did you mean 'layers'"),
        ({"agent": "method", "method": "adl", "set": "n_positions=1"}, "from 2 to 64"),
        ({"agent": "method", "method": "adl", "texts": "hub:x"}, "names no dataset"),
        ({"agent": "method", "method": "adl", "texts": "no.txt"}, "'no.txt' is not there"),
        ({"budget": -1}, "budget was given as -1. Allowed: a whole number from 0"),
        ({"budget": 2.5}, "budget was given as 2.5"),
        ({"budget": True}, "budget was given as True"),
        ({"seed": -3}, "seed was given as -3"),
        ({"turns": 1}, "turns was given as 1. Allowed: a whole number from 2"),
        ({"blind": "yes"}, "blind was given as 'yes'. Allowed: true or false"),
        ({"blind": 1}, "blind was given as 1"),
        ({"dtype": "float31"}, "Did you mean 'float32'"),
        ({"device": ""}, "device was given as ''"),
        ({"grader_repeats": 0}, "grader_repeats was given as 0. Allowed: a whole number from 1"),
        ({"grader_repeats": "two"}, "grader_repeats was given as 'two'"),
        ({"replicate": -1}, "replicate was given as -1. Allowed: a whole number from 0"),
        ({"replicate": True}, "replicate was given as True"),
    ],
)
def test_what_is_not_allowed_is_refused_with_what_is(
    given: dict[str, Any], said: str, registry: Registry
) -> None:
    with pytest.raises(DiffgaugeError) as caught:
        cell(**{"organism": PLANTED, **given})
    assert said in str(caught.value)


def test_a_list_a_family_and_a_suite_name_organisms(registry: Registry) -> None:
    assert [card.id for card in cell(organism=[OTHER, PLANTED]).organisms] == [OTHER, PLANTED]
    assert [card.id for card in cell(organism="identical").organisms] == [IDENTICAL]
    assert len(cell(organism="tiny").organisms) == 3


def test_blackbox_takes_nothing_of_the_method_with_it(registry: Registry) -> None:
    plain = cell(organism=PLANTED)
    given = cell(organism=PLANTED, agent="blackbox", method="adl", corpus="chat", n_texts=9)
    assert given == plain
    assert plain.arm_id == "blackbox"
    assert cell(organism=PLANTED, agent="method", method="adl").arm_id == "adl:method"


def test_texts_stand_for_the_corpus_that_is_read(registry: Registry) -> None:
    path = str(registry.texts)

    def texts(given: Any, corpus: str = "unrelated") -> Any:
        return cell(
            organism=PLANTED, agent="method", method="adl", corpus=corpus, texts=given
        ).texts

    assert texts(None) is None
    assert texts(path) == texts([path]) == {"unrelated": path}
    assert texts(path, "domain") == {"domain": path}
    both = {"unrelated": path, "chat": path}
    assert texts([path, f"chat={path}"]) == texts(both) == both
    for given, said in (
        ([path, path], "given twice"),
        ({"chatt": path}, "Did you mean 'chat'"),
        (f"chat={path}x", "is not there"),
        (7, "given as 7"),
    ):
        with pytest.raises(DiffgaugeError, match=said):
            texts(given)


def test_the_organisms_own_text_is_told_wherever_it_is_read(registry: Registry) -> None:
    def told(**given: Any) -> Any:
        made = cell(organism=PLANTED, agent="method", method="adl", **given)
        return factors(made, made.organisms[0])["domain_data"]

    assert told(corpus="domain") is True
    assert told(set="similarity_texts=20") is True
    assert told() is told(corpus="chat") is False


def test_a_second_corpus_is_not_read_from_the_texts_of_the_first(registry: Registry) -> None:
    path = str(registry.texts)
    made = cell(
        organism=PLANTED, agent="method", method="adl", texts=path, set="chat_texts=5 n_prompts=0"
    )
    method = methods.method("adl")
    with pytest.raises(DiffgaugeError, match="no built-in 'chat' text"):
        corpora_of(made, made.organisms[0], method, settings_of(made, method))


def test_settings_are_one_however_they_were_typed(registry: Registry) -> None:
    typed: list[Any] = [
        "layers=0.25 n_positions=8",
        ["n_positions=8", "depths=0.25"],
        {"layers": [0.25], "n_positions": "8"},
    ]
    made = [cell(organism=PLANTED, agent="method", method="adl", set=one) for one in typed]
    assert len({cell_id(one) for one in made}) == 1
    assert made[0].settings == "depths=[0.25] n_positions=8"
    assert made[0].arm_id == "adl(depths=[0.25] n_positions=8):method"
    assert factors(made[0], made[0].organisms[0])["settings"] == made[0].settings
    default = cell(organism=PLANTED, agent="method", method="adl", set="n_positions=5")
    assert default == cell(organism=PLANTED, agent="method", method="adl")
    many = cell(organism=PLANTED, agent="method", method="adl", set={"layers": list(range(40))})
    assert len(many.arm_id) < 30


def test_factors_are_flat_scalars_and_say_what_does_not_apply(registry: Registry) -> None:
    for chosen in (cell(organism="tiny"), cell(organism="tiny", agent="method", method="adl")):
        for card in chosen.organisms:
            told = factors(chosen, card)
            assert all(isinstance(value, str | int | bool) for value in told.values())
            assert told["organism"] == card.id
            assert told["null"] == ("identical" if card.id == IDENTICAL else "none")
    assert factors(cell(organism=PLANTED), card)["diff_method"] == "none"
    told_too = factors(cell(organism=PLANTED, blind=False), card)
    assert told_too["sides_known"] is True
    assert told_too["blind"] is False


def test_every_argument_tells_cells_apart(registry: Registry) -> None:
    plain: dict[str, Any] = {"organism": PLANTED, "agent": "method", "method": "adl"}
    changes: list[dict[str, Any]] = [
        {},
        {"organism": OTHER},
        {"agent": "blackbox"},
        {"budget": 5},
        {"blind": False},
        {"seed": 1},
        {"corpus": "chat"},
        {"n_texts": 7},
        {"texts": str(registry.texts)},
        {"set": "n_positions=8"},
        {"turns": 9},
        {"dtype": "bfloat16"},
        {"device": "cpu"},
    ]
    ids = {cell_id(cell(**(plain | change))) for change in changes}
    assert len(ids) == len(changes)


def test_an_argument_that_came_later_leaves_the_ids_of_before(registry: Registry) -> None:
    plain = cell(organism=PLANTED)
    assert (
        cell_id(plain) == hash_json(plain.model_dump(mode="json", include=set(BEFORE.split())))[:16]
    )
    assert cell_id(plain) == cell_id(cell(organism=PLANTED, replicate=DEFAULT_REPLICATE))
    assert cell_id(plain) != cell_id(cell(organism=PLANTED, replicate=0))
