"""Presets are grids that can be run, and what is typed goes before them."""

import pytest

from diffgauge.evals.grid import GridSpec, grid_cells
from diffgauge.evals.presets import PRESETS, preset_named
from diffgauge.organisms.registry import select
from diffgauge.records.errors import DiffgaugeError
from tests.evals.runs import PLANTED, Registry

pytestmark = pytest.mark.tiny


def test_the_published_agents_have_the_published_budgets(registry: Registry) -> None:
    preset = preset_named("narrow-finetuning")
    asked = GridSpec(organisms=(PLANTED,), texts=str(registry.texts), n_texts=40)
    spec = preset.grid(asked, {"organisms", "texts", "n_texts"})
    [cells] = grid_cells(spec)
    assert {(one.arm_id, one.budget) for one in cells} == {
        ("adl:blackbox_matched", 0),
        ("adl:blackbox_matched", 5),
        ("adl:blackbox_matched", 50),
        ("adl:method_only", 0),
        ("adl:method", 5),
    }
    assert all(one.turns == 100 and one.grader_repeats == 3 for one in cells)
    assert (spec.epochs, spec.n_texts) == (5, 40)


def test_every_published_organism_of_a_preset_is_known() -> None:
    for preset in PRESETS.values():
        for ids in preset.organisms.values():
            assert [one.id for one in select(list(ids))] == list(ids)


def test_an_arm_has_its_own_budgets_and_the_others_the_usual(registry: Registry) -> None:
    spec = GridSpec(
        organisms=(PLANTED,),
        agents=("blackbox", "method"),
        budgets=(5,),
        arm_budgets={"blackbox": (0, 7)},
        texts=str(registry.texts),
        n_texts=40,
    )
    [cells] = grid_cells(spec)
    assert sorted((one.arm_id, one.budget) for one in cells) == [
        ("adl:method", 5),
        ("blackbox", 0),
        ("blackbox", 7),
    ]
    with pytest.raises(DiffgaugeError, match="Did you mean 'blackbox'"):
        grid_cells(spec.model_copy(update={"arm_budgets": {"blackbx": (1,)}}))


def test_an_unknown_preset_is_said() -> None:
    with pytest.raises(DiffgaugeError, match="Did you mean 'quick'"):
        preset_named("quik")
