import math

import pandas as pd
import pytest

from diffgauge.stats.reliability import krippendorff_alpha, retest_alpha
from diffgauge.stats.rows import as_frame
from tests.stats.tables import row

pytestmark = pytest.mark.unit


def _graded(*grades: tuple[float | None, ...]) -> pd.DataFrame:
    """One report an organism, each graded by grader 0, 1, ...."""
    return as_frame(
        [
            row(organism=f"pair/{at}", grader=f"provider/{who}", grade=grade)
            for at, held in enumerate(grades)
            for who, grade in enumerate(held)
        ]
    )


def test_graders_who_agree_have_alpha_one() -> None:
    found = krippendorff_alpha(_graded((1, 1), (3, 3), (5, 5)))
    assert found.value == pytest.approx(1) and (found.n, found.n_organisms) == (3, 3)


def test_opposed_graders_fall_below_chance() -> None:
    # Two reports, graded 1 and 5 crosswise. Ordinal distance depends on rank sums alone here, every
    # pair within a report disagrees (Do = d) and 8 of 12 pairs overall do (De = 8/12 d): 1 - 12/8.
    assert krippendorff_alpha(_graded((1, 5), (5, 1))).value == pytest.approx(-0.5)


def test_what_cannot_disagree_or_has_one_coder_is_undefined() -> None:
    assert math.isnan(krippendorff_alpha(_graded((3, 3), (3, 3))).value)
    assert math.isnan(krippendorff_alpha(_graded((3,), (4,))).value)
    assert krippendorff_alpha(_graded((3, None), (None, 4))).n == 0


def test_one_grader_is_compared_with_itself_over_repeats() -> None:
    frame = pd.concat([_graded((1,), (5,)), _graded((1,), (5,))], ignore_index=True)
    assert retest_alpha(frame).value == pytest.approx(1)
    assert retest_alpha(_graded((1,), (5,))).n == 0
