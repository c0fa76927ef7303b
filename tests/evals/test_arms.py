"""Arms as cells: what each needs, what makes it another, and what a grid makes of them."""

import logging
from typing import Any

import pytest

from diffgauge.evals import shams
from diffgauge.evals.arms import ARMS, WITH_METHOD
from diffgauge.evals.cells import DEFAULT_TOKENS, Cell, as_json, cell, cell_id, factors
from diffgauge.evals.dry_run import plan
from diffgauge.evals.grid import GridSpec, grid_cells
from diffgauge.methods.adl.method import ADL
from diffgauge.records.artifacts import hash_json
from diffgauge.records.errors import DiffgaugeError
from tests.evals.runs import IDENTICAL, OTHER, PLANTED, STANDS_IN, Registry
from tests.organisms.card_texts import untold_card_text, write_card

pytestmark = pytest.mark.unit

FIRST_FIELDS = (
    "organisms",
    "arm",
    "method",
    "budget",
    "blind",
    "seed",
    "corpus",
    "n_texts",
    "texts",
    "settings",
    "domain_data",
    "turns",
    "dtype",
    "device",
    "graded",
    "allow_suspect",
    "trust_remote_code",
)
"""Fields of a cell when the first logs were written; their hash is in those logs."""


def adl(agent: str, **more: Any) -> Cell:
    return cell(**({"organism": PLANTED, "agent": agent, "method": "adl"} | more))


def test_every_arm_has_a_name_of_its_own_in_statistics(two_families: Registry) -> None:
    assert {arm: adl(arm).arm_id for arm in ARMS} == {
        "blackbox": "blackbox",
        "single_model": "single_model",
        **{arm: f"adl:{arm}" for arm in WITH_METHOD},
    }
    assert len({cell_id(adl(arm)) for arm in ARMS}) == len(ARMS)
    for arm in ARMS:
        told = factors(adl(arm), adl(arm).organisms[0])
        assert told["arm"] == arm
        assert told["diff_method"] == ("adl" if arm in WITH_METHOD else "none")


def test_a_method_without_interactions_is_one_cell(registry: Registry) -> None:
    ways = [adl("method_only"), adl("method_only", budget=0), adl("method", budget=0)]
    assert len({cell_id(one) for one in ways}) == 1
    assert (ways[0].arm, ways[0].budget) == ("method_only", 0)
    assert cell(organism=PLANTED, budget=0).arm == "blackbox"


def test_cells_of_before_keep_their_ids(registry: Registry) -> None:
    for one in (cell(organism=PLANTED), adl("method"), adl("method", set="n_positions=8")):
        held = one.model_dump(mode="json")
        assert cell_id(one) == hash_json({name: held[name] for name in FIRST_FIELDS})[:16]
        assert set(as_json(one)) == set(FIRST_FIELDS)
        assert Cell.model_validate(as_json(one)) == one


def test_every_limit_and_agent_tells_cells_apart_and_stands_in_the_metadata(
    two_families: Registry,
) -> None:
    changes: list[dict[str, Any]] = [
        {},
        {"tokens": 9000},
        {"money": 2.5},
        {"investigator": "react"},
    ]
    made = [cell(organism=PLANTED, **change) for change in changes]
    assert len({cell_id(one) for one in made}) == len(made)
    assert all(Cell.model_validate(as_json(one)) == one for one in made)
    told = [factors(one, one.organisms[0]) for one in made]
    assert [one["token_budget"] for one in told] == [DEFAULT_TOKENS, 9000] + [DEFAULT_TOKENS] * 2
    assert [one["money_budget"] for one in told] == ["none", "none", 2.5, "none"]
    assert [one["agent_name"] for one in told] == ["diffgauge/react"] * 3 + ["react"]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"agent": "shamm"}, "Did you mean 'sham'"),
        ({"agent": ["blackbox"]}, "Unknown agent"),
        ({"agent": "blackbox_matched"}, "The agent 'blackbox_matched' needs a method"),
        ({"agent": "sham"}, "The agent 'sham' needs a method"),
        ({"agent": "method_only"}, "The agent 'method_only' needs a method"),
        ({"agent": "method_only", "method": "adl", "budget": 7}, "Leave the budget out"),
        ({"agent": "blackbox_matched", "method": "kl"}, "samples no replies for its artifact"),
        ({"agent": "blackbox_matched", "method": "kl"}, "Run the agent 'blackbox'"),
        ({"agent": "sham", "method": "adl"}, "can be shown for 'tiny/planted-boat': no organism"),
        ({"budget": -5}, "budget was given as -5"),
        ({"budget": float("nan")}, "budget was given as nan"),
        ({"tokens": 10}, "tokens was given as 10"),
        ({"tokens": -1}, "tokens was given as -1"),
        ({"tokens": None}, "tokens was given as None"),
        ({"money": 0}, "money was given as 0. Allowed: US dollars above 0"),
        ({"money": -2}, "money was given as -2"),
        ({"money": float("nan")}, "money was given as nan"),
        ({"money": float("inf")}, "money was given as inf"),
        ({"money": "2"}, "money was given as '2'"),
        ({"money": True}, "money was given as True"),
        ({"investigator": "reakt"}, "Did you mean 'react'"),
        (
            {"investigator": "nowhere/nobody"},
            "Unknown agent of Inspect 'nowhere/nobody'. Allowed: ",
        ),
        ({"investigator": 3}, "Unknown agent of Inspect '3'"),
        ({"investigator": "human_cli"}, "takes no tools"),
    ],
)
def test_what_is_not_allowed_is_refused_with_what_is(
    given: dict[str, Any], said: str, registry: Registry
) -> None:
    with pytest.raises(DiffgaugeError) as caught:
        cell(**{"organism": PLANTED, **given})
    assert said in str(caught.value)


def test_one_model_is_asked_by_name(registry: Registry) -> None:
    one = cell(organism=PLANTED, agent="single_model", blind=True)
    assert factors(one, one.organisms[0])["sides_known"] is True
    assert one == cell(organism=PLANTED, agent="single_model", blind=False, method="adl")


def test_a_sham_shows_another_family_and_says_so(two_families: Registry) -> None:
    made = adl("sham", organism="tiny")
    shown = {card.id: factors(made, card)["shown_organism"] for card in made.organisms}
    assert shown[PLANTED] == shown[OTHER] == STANDS_IN
    assert shown[STANDS_IN] in (PLANTED, OTHER)
    assert shown[IDENTICAL] in (PLANTED, OTHER, STANDS_IN)
    assert all(factors(made, card)["shown_truth_id"] == shown[card.id] for card in made.organisms)
    plain = adl("method")
    assert factors(plain, plain.organisms[0])["shown_organism"] == "none"
    assert factors(plain, plain.organisms[0])["shown_truth_id"] == "none"


def test_a_suite_leaves_out_who_has_no_sham_and_says_so(
    registry: Registry, caplog: pytest.LogCaptureFixture
) -> None:
    """All that is planted has one family: nothing can stand in for it, it can for the null."""
    shams._warn.cache_clear()
    with caplog.at_level(logging.WARNING):
        made = adl("sham", organism="tiny")
    assert [card.id for card in made.organisms] == [IDENTICAL]
    assert f"No sham for {OTHER}" in caplog.text and PLANTED in caplog.text
    with pytest.raises(DiffgaugeError, match="No other organism's artifact"):
        adl("sham", organism=f"tiny,{PLANTED}")


def test_a_pair_without_a_truth_has_no_sham(two_families: Registry) -> None:
    text = untold_card_text("tiny/untold")
    write_card(two_families.cards / "tiny", "untold.yaml", text)
    with pytest.raises(DiffgaugeError, match="its card has no truth"):
        adl("sham", organism="tiny/untold")


def grid(registry: Registry, **changed: Any) -> list[list[tuple[str, int, bool]]]:
    asked: dict[str, Any] = {
        "organisms": (PLANTED,),
        "agents": ARMS,
        "texts": str(registry.texts),
        "n_texts": 40,
    }
    rows = grid_cells(GridSpec(**(asked | changed)))
    return [[(one.arm_id, one.budget, one.blind) for one in row] for row in rows]


def test_a_grid_of_all_arms_and_budgets_holds_each_cell_once(two_families: Registry) -> None:
    [row] = grid(two_families, budgets=(0, 5, 5, 10))
    assert len(set(row)) == len(row)
    assert {(arm, budget) for arm, budget, _ in row} == {
        ("adl:method_only", 0),
        *((f"adl:{arm}", budget) for arm in ("blackbox_matched", "sham") for budget in (0, 5, 10)),
        *(("adl:method", budget) for budget in (5, 10)),
        *((arm, budget) for arm in ("blackbox", "single_model") for budget in (0, 5, 10)),
    }
    blind = {arm: {one for name, _, one in row if name == arm} for arm, _, _ in row}
    assert blind["single_model"] == {False}
    assert blind["blackbox"] == {True, False}, "one is the baseline of who was told the sides"
    assert all(blind[arm] == {True} for arm in blind if arm.startswith("adl"))


def test_blackbox_stands_for_a_matched_arm_that_would_be_it(registry: Registry) -> None:
    [row] = grid(registry, methods=("kl",), agents=("blackbox_matched", "method"))
    assert row == [("blackbox", 50, True), ("kl:method", 50, True)]


def test_a_matched_baseline_is_told_the_sides_like_its_method(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ADL, "sides_known", True)
    [row] = grid(registry, agents=("blackbox_matched", "method"))
    assert row == [("adl:blackbox_matched", 50, False), ("adl:method", 50, False)]


def test_a_grid_leaves_out_who_has_no_sham(registry: Registry) -> None:
    rows = grid(registry, organisms=("tiny",), agents=("method", "sham"))
    assert [[arm for arm, _, _ in row] for row in rows] == [
        ["adl:method"],
        ["adl:method", "adl:sham"],
        ["adl:method"],
    ]
    with pytest.raises(DiffgaugeError, match="No other organism's artifact"):
        grid(registry, agents=("method", "sham"))


def test_one_model_alone_needs_no_method(registry: Registry) -> None:
    assert grid(registry, agents=("single_model",), methods=()) == [[("single_model", 50, False)]]


def test_a_plan_counts_what_is_given_and_what_is_shown(two_families: Registry) -> None:
    most = ADL().precompute_interactions(ADL.settings())
    told = {"texts": str(two_families.texts), "n_texts": 40, "budget": 10}
    made = [adl(arm, **told) for arm in ("blackbox_matched", "method", "sham")]
    planned = plan(made, epochs=2)
    assert {one.arm_id: one.interactions for one in planned.cells} == {
        "adl:blackbox_matched": 2 * (10 + most),
        "adl:method": 20,
        "adl:sham": 20,
    }
    assert sorted(one.organism for one in planned.artifacts) == sorted([PLANTED, STANDS_IN])
    assert sorted(one.organism for one in planned.pairs) == sorted([PLANTED, STANDS_IN])
