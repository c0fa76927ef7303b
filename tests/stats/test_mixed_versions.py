import pytest

from diffgauge.stats.mixed_versions import mixed_versions
from tests.stats.tables import row

pytestmark = pytest.mark.unit


def test_rows_made_alike_and_rows_that_do_not_say_are_not_held_against_each_other() -> None:
    said = row(task_version="1-A", diffgauge_version="1.0", prompt_hash="ab", rubric_hash="cd")
    assert mixed_versions([said, said, row()]) == []
    # Another task, another method and another family have versions and rubrics of their own.
    other = row(task="diffgauge/adl", task_version="2-A", family="taboo", rubric_hash="ef")
    assert mixed_versions([said, other]) == []


@pytest.mark.parametrize(
    ("column", "values", "told"),
    [
        ("task_version", ("1-A", "2-A"), "Mixed versions of the task diffgauge/blackbox: 1-A in 2"),
        ("diffgauge_version", ("1.0", "1.1"), "Mixed versions of diffgauge: 1.0 in 2 logs"),
        ("method_version", (3, 4), "Mixed versions of the method adl: 3 in 2 logs (a.eval, …)"),
        ("prompt_hash", ("ab", "cd"), "Mixed prompts for the investigator: ab in 2 logs"),
        ("rubric_hash", ("ab", "cd"), "Mixed rubrics for narrow: ab in 2 logs"),
        ("grader_prompt_hash", ("ab", "cd"), "Mixed prompts for the graders: ab in 2 logs"),
    ],
)
def test_what_varies_is_named_with_its_logs(
    column: str, values: tuple[object, object], told: str
) -> None:
    old, new = values
    given = [(old, "a.eval"), (old, "b.eval"), (new, "c.eval")]
    rows = [row(log=log, diff_method="adl", **{column: value}) for value, log in given]
    [note] = mixed_versions(rows)
    assert note.startswith(told) and f"{new} in 1 log (c.eval)" in note
    assert f"the column {column}" in note
