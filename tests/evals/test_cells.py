"""A cell's arguments: what is allowed, and what is said about the rest."""

from typing import Any

import pytest

from diffgauge.evals.cells import cell, cell_id, factors
from diffgauge.records.errors import DiffgaugeError
from tests.evals.runs import IDENTICAL, OTHER, PLANTED, Registry

pytestmark = pytest.mark.unit


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
        ({"agent": "method"}, "needs a method. Allowed: adl"),
        ({"agent": "method", "method": "ald"}, "Unknown method 'ald'"),
        ({"agent": "method", "method": "adl", "corpus": "domin"}, "Did you mean 'domain'"),
        ({"agent": "method", "method": "adl", "n_texts": 1}, "n_texts was given as 1"),
        ({"agent": "method", "method": "adl", "n_texts": "many"}, "n_texts was given as 'many'"),
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
        {"turns": 9},
        {"dtype": "bfloat16"},
        {"device": "cpu"},
    ]
    ids = {cell_id(cell(**(plain | change))) for change in changes}
    assert len(ids) == len(changes)
