"""Grades in the published layout: shares over thresholds, lexical grades apart."""

import pytest

from diffgauge.stats.intervals import Estimate
from diffgauge.stats.logs import Logs
from diffgauge.stats.published_layout import published_table
from diffgauge.stats.report_contents import tables_of
from tests.stats.tables import row

pytestmark = pytest.mark.unit


def _value(one: object) -> tuple[float, int, int, int]:
    assert isinstance(one, Estimate)
    return one.value, one.n, one.n_organisms, one.n_missing


def test_shares_count_grades_and_pairs_count_their_means() -> None:
    method = {"arm": "method", "arm_id": "adl:method", "diff_method": "adl", "budget": 5}
    rows = [
        row(organism=organism, epoch=epoch, grade=grade, **method)
        for organism, grades in (("pair/a", (5.0, 3.0)), ("pair/b", (1.0, 2.0)))
        for epoch, grade in enumerate(grades, 1)
    ]
    rows += [row(organism="pair/b", epoch=3, grade=None, grade_reason="refused", **method)]
    rows += [row(organism="pair/a", null="identical", grade=5.0, **method)]
    table = published_table(rows)
    assert table is not None
    [one] = table.rows
    assert one["published"] == "ADL, i = 5"
    assert _value(one["share_2"]) == (0.75, 4, 2, 1)
    assert _value(one["share_4"]) == (0.25, 4, 2, 1)
    assert _value(one["mean"])[0] == 2.75
    # Means 4 and 1.5.
    assert _value(one["pairs_4"])[:2] == (0.5, 2) and _value(one["pairs_2"])[:2] == (0.5, 2)


def test_lexical_grades_are_never_pooled_and_ungraded_rows_make_no_table() -> None:
    both = [row(grade=5.0), row(grade=1.0, grader="diffgauge/lexical")]
    table = published_table(both)
    assert table is not None
    assert {str(one["graders"]): _value(one["share_2"])[0] for one in table.rows} == {
        "model": 1.0,
        "lexical": 0.0,
    }
    assert "published" in [one.name for one in tables_of(both, Logs())]
    assert published_table([row(grader=None, grade=None)]) is None
