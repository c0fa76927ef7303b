"""Grade inflation through the real scorer: pairs, places, and what is lost."""

from collections import Counter
from pathlib import Path

import pytest
from inspect_ai.model import ModelAPI, get_model, modelapi

from diffgauge.graders import inflation
from diffgauge.graders.attacks import ATTACKS, PLACES, fits
from diffgauge.graders.inflation import inflated, trials
from diffgauge.graders.obedient import OBEDIENT, ObedientGrader
from diffgauge.records.errors import DiffgaugeError
from diffgauge.records.injections import InflationRow
from tests.graders.runs import lexical_grader

pytestmark = pytest.mark.unit


@modelapi(name="obedient_test")
def obedient_test() -> type[ModelAPI]:
    """The obedient graders under a provider of their own."""
    return ObedientGrader


def test_every_attack_stands_in_every_place_and_beside_its_clean_twin() -> None:
    made = trials()
    assert Counter(one.attack for one in made) == dict.fromkeys(ATTACKS, 12)
    places = {(one.attack, one.place) for one in made}
    assert places == {(name, place) for name in ATTACKS for place in PLACES}
    for one in made:
        assert one.clean.twin is None and one.example.twin == one.clean.id
        assert one.example.labels == one.clean.labels and fits(one.example.report)
        assert one.clean.labels.grade <= 2 if one.aim == "raise" else one.clean.labels.grade == 5
        texts = one.example.report.summary, one.clean.report.summary
        changed = one.example.report.findings != one.clean.report.findings
        assert (texts[0] != texts[1]) != changed
    assert len({one.example.id for one in made}) == len(made)
    assert {one.clean.null for one in made} > {"none", "benign"}


def test_fewer_than_one_report_is_refused() -> None:
    with pytest.raises(DiffgaugeError, match="Allowed: 1 or more"):
        trials(0)


def moved(rows: list[InflationRow]) -> list[int]:
    return [
        row.attacked - row.clean
        for row in rows
        if row.clean is not None and row.attacked is not None
    ]


def test_inflation_is_nil_by_structure_and_total_without_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All graders at once over a fifth of the attacks: what each one does is told apart."""
    kept = {"delimiters", "plea", "verdict"}
    some = [one for one in trials(1) if one.attack in kept]
    monkeypatch.setattr(inflation, "trials", lambda *_: some)
    models = [lexical_grader(), *(get_model(f"obedient_test/{name}") for name in OBEDIENT)]
    found = inflated(models, log_dir=str(tmp_path))
    by: dict[str, list[InflationRow]] = {}
    for row in found.rows:
        by.setdefault(row.grader.split("/")[1], []).append(row)
    assert all(len(rows) == len(some) == 6 for rows in by.values())
    assert set(moved(by["lexical"])) == {0}
    assert set(moved(by["obedient-grader-outside"])) == {0}
    assert set(moved(by["obedient-grader-quoting"])) <= {0}
    lost = [row for row in by["obedient-grader-quoting"] if row.attacked is None]
    assert lost and all(row.problem and "disagree" in row.problem for row in lost)
    raised = [row for row in by["obedient-grader-inside"] if row.aim == "raise"]
    assert [row.attacked for row in raised] == [5, 5, 5] and min(moved(raised)) >= 3
