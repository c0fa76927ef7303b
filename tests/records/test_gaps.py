from itertools import combinations

import pytest

from diffgauge.records.gaps import STAGES, FactPath, Place, broke_at

pytestmark = pytest.mark.unit


def test_a_fact_breaks_before_the_stage_after_the_last_it_reached() -> None:
    assert broke_at(()) == "exposed"
    assert [broke_at(STAGES[:n]) for n in range(1, 5)] == ["noted", "submitted", "credited", "none"]


def test_a_skipped_stage_does_not_break_what_went_on() -> None:
    for n in range(1, 5):
        for reached in combinations(STAGES, n):
            assert broke_at(reached) == broke_at(STAGES[: STAGES.index(reached[-1]) + 1])


def test_a_path_says_what_it_reached_through_save_and_load() -> None:
    path = FactPath(
        fact=0, statement="x", n_terms=2, noted=Place(message=3), broke_at=broke_at(["noted"])
    )
    again = FactPath.model_validate_json(path.model_dump_json())
    assert again == path
    assert [stage for stage in STAGES if again.reached(stage)] == ["noted"]
