"""A grid: organism by organism on one resident pair, each cell once, continued where it stopped."""

from pathlib import Path
from typing import Any

import pytest
from inspect_ai.log import list_eval_logs
from inspect_ai.model import Model

from diffgauge.evals import lease
from diffgauge.evals.arms import ARMS
from diffgauge.evals.grid import GridSpec, GridSummary, grid_cells, run_grid
from diffgauge.evals.surroundings import display_for
from diffgauge.methods.adl.method import ADL
from diffgauge.models.pool import PairPool
from diffgauge.records.errors import DiffgaugeError
from tests.evals.runs import IDENTICAL, OTHER, PLANTED, Registry
from tests.evals.scripted_model import ASK, SUBMIT, saying

pytestmark = pytest.mark.tiny


def spec(registry: Registry, **changed: Any) -> GridSpec:
    asked = {
        "organisms": (PLANTED, OTHER, IDENTICAL),
        "budget": 4,
        "texts": str(registry.texts),
        "n_texts": 40,
    }
    return GridSpec(**(asked | changed))


def run(grid: GridSpec, folder: Path, model: Model | None = None) -> GridSummary:
    chosen = model or saying([ASK], [SUBMIT])
    return run_grid(grid, model=chosen, log_dir=str(folder / "grid"), display="none")


def test_cells_are_organism_major_and_blackbox_stands_once(registry: Registry) -> None:
    rows = grid_cells(spec(registry, methods=("adl", "adl")))
    assert [[one.organisms[0].id for one in row] for row in rows] == [
        [PLANTED] * 2,
        [OTHER] * 2,
        [IDENTICAL] * 2,
    ]
    assert [one.arm_id for one in rows[0]] == ["blackbox", "adl:method"], "a method counts once"


def test_a_method_that_tells_the_sides_has_a_baseline_that_was_told(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ADL, "sides_known", True)
    [row] = grid_cells(spec(registry, organisms=(PLANTED,)))
    assert [(one.arm_id, one.blind) for one in row] == [
        ("blackbox", True),
        ("blackbox", False),
        ("adl:method", False),
    ]


def test_settings_go_to_the_method_they_are_of(registry: Registry) -> None:
    grid = spec(
        registry,
        methods=("adl", "kl"),
        organisms=(PLANTED,),
        settings={"adl.layers": "0.25", "kl.n_tokens": "64"},
    )
    [row] = grid_cells(grid)
    assert [(one.method, one.settings) for one in row] == [
        (None, None),
        ("adl", "depths=[0.25]"),
        ("kl", "n_tokens=64"),
    ]
    [_, alone] = grid_cells(
        spec(registry, methods=("kl",), organisms=(PLANTED,), settings={"n_tokens": 64})
    )[0]
    assert alone.settings == "n_tokens=64"


def test_a_grid_with_settings_runs_and_is_continued(
    registry: Registry, pool: PairPool, tmp_path: Path
) -> None:
    asked = {"methods": ("kl",), "agents": ("method",), "organisms": (PLANTED,)}
    grid = spec(registry, settings={"n_tokens": 48}, **asked)
    first = run(grid, tmp_path)
    assert first.complete
    assert [one.arm_id for one in first.cells] == ["kl(n_tokens=48):method"]
    before = {log.name for log in list_eval_logs(str(tmp_path / "grid"))}
    assert run(grid, tmp_path).complete
    assert {log.name for log in list_eval_logs(str(tmp_path / "grid"))} == before


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"organisms": ("tiny/nobody",)}, "Unknown organism"),
        ({"organisms": ()}, "No organism is named"),
        ({"methods": ("kll",)}, "Unknown method 'kll'"),
        ({"methods": ()}, "no methods"),
        ({"agents": ()}, "no agents"),
        ({"agents": ("blackbox", "methd")}, "Did you mean 'method'"),
        ({"epochs": 0}, "0 epochs"),
        ({"budget": -2}, "budget was given as -2"),
        ({"settings": {"layer": 3}}, "Did you mean 'layers'"),
        ({"settings": {"kl.n_tokens": 3}}, "of a method that does not run here"),
        ({"settings": {"n_tokens": 64}, "methods": ("adl", "kl")}, "adl.n_tokens=… or kl.n_tok"),
    ],
)
def test_a_bad_grid_is_refused_before_anything_runs(
    changed: dict[str, Any], said: str, registry: Registry, tmp_path: Path
) -> None:
    with pytest.raises(DiffgaugeError) as caught:
        run(spec(registry, **changed), tmp_path)
    assert said in str(caught.value)
    assert not (tmp_path / "grid").exists()


def test_an_unknown_model_is_said_in_words(registry: Registry, tmp_path: Path) -> None:
    with pytest.raises(DiffgaugeError, match="Did you mean 'scripted'"):
        run_grid(spec(registry), model="diffgauge/scriptd", log_dir=str(tmp_path / "grid"))


def test_a_missing_key_is_said_before_anything_is_loaded(
    registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("OPENAI_API_KEY", "AZUREAI_OPENAI_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(lease, "_load", None)
    with pytest.raises(DiffgaugeError, match="OPENAI_API_KEY"):
        run_grid(spec(registry), model="openai/gpt-4o", log_dir=str(tmp_path / "grid"))


def test_one_pair_is_resident_and_its_cells_run_at_the_same_time(
    registry: Registry, pool: PairPool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loads: list[str] = []
    true_load = lease._load

    def load(card: Any, given: Any, cell: Any, device: str) -> Any:
        loads.append(lease.pair_key(given, cell.dtype, device))
        return true_load(card, given, cell, device)

    monkeypatch.setattr(lease, "_load", load)
    running: dict[str, int] = {}
    most: dict[str, int] = {}
    residents: set[int] = set()
    true_lease, true_release = pool.lease, pool.release

    async def take(key: str, given: Any) -> Any:
        service = await true_lease(key, given)
        running[key] = running.get(key, 0) + 1
        most[key] = max(most.get(key, 0), running[key])
        residents.add(len(pool.resident()))
        return service

    def give(key: str) -> None:
        running[key] -= 1
        true_release(key)

    monkeypatch.setattr(pool, "lease", take)
    monkeypatch.setattr(pool, "release", give)
    summary = run(spec(registry, organisms=(PLANTED, OTHER), epochs=2), tmp_path)
    assert summary.complete
    assert residents == {1}, "never a second pair beside the first"
    assert len(loads) == 2 and len(set(loads)) == 2, "each pair is loaded once"
    assert set(most.values()) == {4}, "two cells with two repeats ran side by side"
    assert [(one.organism, one.arm_id, one.n_completed) for one in summary.cells] == [
        (name, arm, 2) for name in (PLANTED, OTHER) for arm in ("blackbox", "adl:method")
    ]


def test_a_grid_is_continued_and_grown_without_running_cells_again(
    registry: Registry, pool: PairPool, tmp_path: Path
) -> None:
    first = run(spec(registry, organisms=(PLANTED,)), tmp_path)
    assert first.complete and len(first.cells) == 2
    before = {log.name for log in list_eval_logs(str(tmp_path / "grid"))}
    again = run(spec(registry, organisms=(PLANTED,)), tmp_path)
    assert again.complete
    assert {log.name for log in list_eval_logs(str(tmp_path / "grid"))} == before
    grown = run(spec(registry, organisms=(PLANTED, OTHER)), tmp_path)
    after = {log.name for log in list_eval_logs(str(tmp_path / "grid"))}
    assert before < after and len(after) == 4
    assert [cell.organism for cell in grown.cells] == [PLANTED, PLANTED, OTHER, OTHER]
    shrunk = run(spec(registry, organisms=(OTHER,), agents=("blackbox",)), tmp_path)
    assert shrunk.complete and len(shrunk.cells) == 1


def test_a_failing_cell_does_not_stop_the_others_and_is_run_again(
    registry: Registry, pool: PairPool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    true_load = lease._load

    def failing(card: Any, given: Any, cell: Any, device: str) -> Any:
        if given.kind == "adapter":
            raise RuntimeError("broken today")
        return true_load(card, given, cell, device)

    grid = spec(registry, organisms=(OTHER, PLANTED), agents=("blackbox",))
    with monkeypatch.context() as patched:
        patched.setattr(lease, "_load", failing)
        summary = run(grid, tmp_path)
    assert not summary.complete
    assert {cell.organism: cell.status for cell in summary.cells} == {
        OTHER: "error",
        PLANTED: "success",
    }
    assert [cell.error and "broken today" in cell.error for cell in summary.cells] == [True, None]
    mended = run(grid, tmp_path)
    assert mended.complete
    assert [cell.n_completed for cell in mended.cells] == [1, 1]


@pytest.mark.slow
def test_a_grid_of_all_arms_runs_and_is_continued(
    two_families: Registry, pool: PairPool, tmp_path: Path
) -> None:
    grid = spec(
        two_families,
        organisms=(PLANTED,),
        agents=ARMS,
        budgets=(0, 2),
        settings={"n_prompts": 2, "max_new_tokens": 8},
    )
    first = run(grid, tmp_path)
    assert first.complete
    expected = [one.arm_id for row in grid_cells(grid) for one in row]
    assert [one.arm_id for one in first.cells] == expected
    before = {log.name for log in list_eval_logs(str(tmp_path / "grid"))}
    assert len(before) == len(expected)
    assert run(grid, tmp_path).complete
    assert {log.name for log in list_eval_logs(str(tmp_path / "grid"))} == before


def test_many_tasks_are_told_in_lines_unless_a_display_is_asked_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("INSPECT_DISPLAY", raising=False)
    assert display_for(None, 580) == "plain"
    assert display_for(None, 2) is None
    assert display_for("rich", 580) == "rich"
    monkeypatch.setenv("INSPECT_DISPLAY", "rich")
    assert display_for(None, 580) is None
