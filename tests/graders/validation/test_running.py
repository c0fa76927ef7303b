"""A grader held against the set through the real scorer, with human labels beside."""

import json
from pathlib import Path

import pytest
from inspect_ai.log import read_eval_log
from inspect_ai.model import Model, ModelOutput, get_model

from diffgauge.graders.grading_prompt import PROMPT_DIGEST, grading_prompt
from diffgauge.graders.lexical import lexical_verdict
from diffgauge.graders.rubric_files import rubric_file
from diffgauge.graders.validation.examples import Example, examples, n_words
from diffgauge.graders.validation.human import check_human_labels
from diffgauge.graders.validation.running import SCALES, rows_of, validated
from diffgauge.organisms.truth import truth
from diffgauge.records.errors import DiffgaugeError
from diffgauge.records.validations import ValidationRow
from tests.graders.runs import ScriptedGrader, lexical_grader

pytestmark = pytest.mark.unit


def graded(folder: Path, *graders: Model, human: Path | None = None) -> dict[str, ValidationRow]:
    found = validated(
        graders, human=None if human is None else str(human), log_dir=str(folder / "logs")
    )
    assert found.about["prompt_hash"] == PROMPT_DIGEST
    return {row.example: row for row in found.rows}


def test_grades_are_those_of_the_scorer_beside_what_is_deserved(
    few: tuple[Example, ...], tmp_path: Path
) -> None:
    rows = graded(tmp_path, lexical_grader())
    assert list(rows) and len(rows) == len(few)
    for one in few:
        known = truth(one.organism)
        by = rubric_file(known.rubric)
        verdict = lexical_verdict(grading_prompt(by, known, one.report))
        answers = (verdict[by.axes[0].name], verdict[by.axes[1].name])
        row = rows[one.id]
        assert row.grade == by.grade(answers) and row.problem is None
        assert row.label == one.labels.grade and row.labelled_by == "construction"
        assert (row.kind, row.twin, row.attack) == (one.kind, one.twin, one.attack)
        assert row.n_words == n_words(one.report) and row.human is None


def test_the_offline_grader_knows_words_and_nothing_else(
    few: tuple[Example, ...], tmp_path: Path
) -> None:
    """What the set says of it in one line: right on its own words, lost on the same in others."""
    rows = graded(tmp_path, lexical_grader())
    assert rows["zoo/camel-circuits good words"].grade == 5
    assert rows["zoo/camel-circuits good words long"].grade == 5
    assert rows["zoo/camel-circuits good other"].grade == 1
    clean, hit = rows["zoo/benign-05 assertion specific"], rows["zoo/benign-05 adversarial"]
    assert hit.twin == clean.example and hit.grade == clean.grade == 1


def test_what_has_no_grade_stays_a_row_with_its_reason(
    few: tuple[Example, ...], tmp_path: Path
) -> None:
    rows = graded(tmp_path, ScriptedGrader().model())
    assert len(rows) == len(few)
    for row in rows.values():
        assert row.grade is None and row.problem and "could not be asked" in row.problem


def test_a_key_in_a_graders_failure_reaches_no_row(
    few: tuple[Example, ...], tmp_path: Path
) -> None:
    def failing(*_: object) -> ModelOutput:
        raise RuntimeError("refused: key sk-canary-5137 is not valid")

    model = get_model("mockllm/model", custom_outputs=failing, memoize=False)
    rows = graded(tmp_path, model)
    assert all(row.problem and "RuntimeError" in row.problem for row in rows.values())
    assert not any("canary" in row.model_dump_json() for row in rows.values())


def test_several_graders_have_a_row_each(few: tuple[Example, ...], tmp_path: Path) -> None:
    failing = get_model("mockllm/model", custom_outputs=ScriptedGrader(), memoize=False)
    found = validated([lexical_grader(), failing], log_dir=str(tmp_path))
    assert len(found.rows) == 2 * len(few)
    by = {row.grader for row in found.rows}
    assert by == {"offline_test/lexical", "mockllm/model"} == set(found.about["graders"])
    assert sum(row.grade is None for row in found.rows) == len(few)


def test_labels_of_humans_come_in_through_precomputed_scores(
    few: tuple[Example, ...], tmp_path: Path
) -> None:
    labels = tmp_path / "labels.jsonl"
    given = {few[0].id: 4, few[3].id: 1.5}
    labels.write_text(
        "".join(json.dumps({"id": name, "value": value}) + "\n" for name, value in given.items())
    )
    rows = graded(tmp_path, lexical_grader(), human=labels)
    assert {name: row.human for name, row in rows.items() if row.human is not None} == given
    assert rows[few[0].id].label == few[0].labels.grade, "labels by construction stay"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[{"id": "zoo/volcano emty", "value": 1}]', "Did you mean 'zoo/volcano empty'"),
        ('[{"id": "zoo/volcano empty", "value": 0}]', "the label 0 is no grade. Allowed: 1 to 5"),
        ('[{"id": "zoo/volcano empty", "value": true}]', "the label True is no grade"),
        ('[{"id": "zoo/volcano empty", "value": NaN}]', "the label nan is no grade"),
        ('[{"id": "zoo/volcano empty"}]', "no `id` and `value`"),
        ('[{"id": "zoo/volcano empty", "value": 1}, {"id": "zoo/volcano empty", "value": 1}]', "2"),
        ('{"id": 1}', "holds no list"),
        ("[]", "holds no label"),
        ("nothing", "cannot be read"),
    ],
)
def test_labels_that_are_none_are_refused_before_a_grader_is_paid(
    text: str, said: str, tmp_path: Path
) -> None:
    path = tmp_path / "labels.json"
    path.write_text(text)
    with pytest.raises(DiffgaugeError) as refused:
        check_human_labels(path, {one.id for one in examples()})
    assert said in str(refused.value)


def test_a_log_of_another_set_is_refused(few: tuple[Example, ...], tmp_path: Path) -> None:
    found = validated([lexical_grader()], log_dir=str(tmp_path))
    log = read_eval_log(found.log)
    assert log.samples is not None
    log.samples[0].id = "zoo/volcano no such report"
    with pytest.raises(DiffgaugeError, match="which the set has not"):
        list(rows_of(log, ["any"]))


def test_every_scale_of_the_set_has_its_labels() -> None:
    assert set(SCALES) == {"rubric", "key_facts"}
    assert {one.labels.grade for one in examples()} == {1, 2, 3, 4, 5}
    assert any(one.labels.key_facts for one in examples())
