"""Rows of a static evaluation as tables, figure and files."""

import csv
import json
import math
from itertools import count
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from diffgauge.records.errors import DiffgaugeError
from diffgauge.records.exposures import LEXICON, ExposureRow
from diffgauge.stats.exposure_figure import described, drawn
from diffgauge.stats.exposure_page import as_json, write_exposure
from diffgauge.stats.exposure_parts import (
    ALL_PLANTED,
    doses,
    estimate,
    full_dose,
    ladder,
    parts,
)
from diffgauge.stats.exposure_tables import exposure_mark, exposure_tables
from diffgauge.stats.intervals import Estimate
from diffgauge.stats.markdown import table_markdown

pytestmark = pytest.mark.unit

COMMAND = "diffgauge methods evaluate pretend"


def row(organism: str, **changed: Any) -> ExposureRow:
    given: dict[str, Any] = {
        "organism": organism,
        "truth_id": organism,
        "family": "narrow_documents",
        "null": "none",
        "dose": "undiluted",
        "split": "fresh",
        "pair_kind": "adapter",
        "method": "pretend",
        "method_version": 1,
        "settings_hash": "0",
        "corpus": "unrelated",
        "domain_data": False,
        "n_texts": 64,
        "seed": 0,
        "scope": "overview",
        "measure": "term_recall",
        "n": 10,
    }
    return ExposureRow(**given | changed)


def organism(name: str, net: float | None, **changed: Any) -> list[ExposureRow]:
    """Every row of one organism; with None nothing ranked was shown."""
    figures = {"value": net, "net": net, "net_max": net, "null_mean": 0.1, **changed}
    rows = [
        row(name, scope=scope, measure=measure, **figures)
        for scope in ("overview", "reachable")
        for measure in ("auroc", "term_recall", "fact_recall")
    ]
    if changed.get("null") is None:
        rows += [
            row(name, scope=scope, measure="rank", value=2.0, **changed)
            for scope in ("overview", "reachable")
        ]
    return [*rows, row(name, scope="top_tokens", measure="relevance", **figures)]


ROWS = [
    *organism("zoo/a", 0.2),
    *organism("zoo/b", 0.6),
    *organism("zoo/b-1to4", 0.4, truth_id="zoo/b", dose="1:4"),
    *organism("zoo/c", 0.5, family="taboo"),
    *organism("zoo/weak", None, family="taboo", reason="it broke"),
    *organism("zoo/n1", 0.0, family="benign", null="benign"),
    *organism("zoo/n2", -0.1, family="benign", null="benign"),
    *organism("zoo/same", None, family="identical", null="identical"),
]


def test_parts_are_families_then_all_then_kinds_of_null() -> None:
    assert [name for name, _ in parts(ROWS)] == [
        "narrow_documents",
        "taboo",
        ALL_PLANTED,
        "null: identical",
        "null: benign",
    ]


def test_a_family_counts_each_truth_at_its_full_dose() -> None:
    assert {one.organism for one in full_dose(ROWS)} == {one.organism for one in ROWS} - {
        "zoo/b-1to4"
    }
    diluted_alone = [row("zoo/x-1to4", dose="1:4"), row("zoo/y", dose="undiluted")]
    assert full_dose(diluted_alone) == diluted_alone
    mean = estimate(dict(parts(ROWS))["narrow_documents"], "auroc", "overview")
    assert mean.value == pytest.approx(0.4) and (mean.n, mean.n_organisms) == (2, 2)


def test_the_ladder_holds_truths_in_several_doses_strongest_first() -> None:
    assert {one.organism for one in ladder(ROWS)} == {"zoo/b", "zoo/b-1to4"}
    given = ["1:20", "odd", "x0.5", "1:4", "undiluted", "x2", "1:1"]
    assert doses(row("zoo/a", dose=dose) for dose in given) == [
        "x2",
        "undiluted",
        "1:1",
        "x0.5",
        "1:4",
        "1:20",
        "odd",
    ]


def test_what_is_missing_is_counted_and_never_zero() -> None:
    taboo = estimate(dict(parts(ROWS))["taboo"], "auroc", "reachable")
    assert (taboo.value, taboo.n, taboo.n_missing) == (0.5, 1, 1)
    same = estimate(dict(parts(ROWS))["null: identical"], "auroc", "overview")
    assert math.isnan(same.value) and same.n == 0 and same.n_missing == 1


def test_intervals_cluster_by_truth() -> None:
    seeds = [
        row(f"zoo/{truth}-{seed}", truth_id=f"zoo/{truth}", net=float(truth))
        for truth in range(3)
        for seed in range(4)
    ]
    once = [row(f"zoo/{truth}", truth_id=f"zoo/{truth}", net=float(truth)) for truth in range(3)]
    many, few = (estimate(rows, "term_recall", "overview") for rows in (seeds, once))
    assert (many.low, many.high) == (few.low, few.high)
    assert (many.n, many.n_organisms, few.n) == (12, 3, 3)


def test_every_figure_of_a_table_says_its_n_and_carries_the_mark() -> None:
    for table in exposure_tables(ROWS):
        assert table.evidence == "evidence: zoo; corpus unrelated"
        for held in table.rows:
            figures = [value for value in held.values() if isinstance(value, Estimate)]
            assert all(one.n + one.n_missing >= one.n_organisms for one in figures)
            if table.name != "organisms":
                assert figures


def test_the_organisms_own_text_is_flagged() -> None:
    domain = [one.model_copy(update={"corpus": "domain", "domain_data": True}) for one in ROWS]
    assert "the organisms' own training text" in exposure_mark(domain)
    assert exposure_mark([row("fresh-7/a")]).startswith("evidence: zoo")
    assert exposure_mark([row("mine/a")]).startswith("evidence: organisms")


def test_graders_are_never_pooled() -> None:
    judged = row("zoo/a", scope="top_tokens", measure="relevance", grader="some/model", value=0.9)
    [table] = [one for one in exposure_tables([*ROWS, judged]) if one.name == "relevance"]
    of = {(held["part"], held["grader"]): held["value"] for held in table.rows}
    model, lexicon = (of["narrow_documents", name] for name in ("some/model", LEXICON))
    assert isinstance(model, Estimate) and isinstance(lexicon, Estimate)
    assert (model.value, model.n) == (0.9, 1)
    assert lexicon.value == pytest.approx(0.4) and lexicon.n == 2


def test_the_figure_is_the_same_bytes_for_the_same_rows() -> None:
    svg, png = drawn(ROWS)
    assert drawn(ROWS)[0] == svg and png.startswith(b"\x89PNG")
    assert "null: identical undefined" in described(ROWS)


def test_a_suite_without_a_ladder_or_without_nulls_can_be_shown() -> None:
    planted = [one for one in ROWS if one.null == "none" and one.dose == "undiluted"]
    nulls = [one for one in ROWS if one.null != "none"]
    for rows in (planted, nulls):
        assert "doses" not in {table.name for table in exposure_tables(rows)}
        assert drawn(rows)[1]


def test_files_hold_every_row_and_what_is_missing_is_empty(tmp_path: Path) -> None:
    page = write_exposure(ROWS, {"method": "pretend"}, ["A note."], COMMAND, tmp_path / "out")
    assert sorted(file.name for file in (tmp_path / "out").iterdir()) == sorted(
        file.name for file in page.files
    )
    data = json.loads((tmp_path / "out/exposure.json").read_text())
    assert data["evidence"] == "evidence: zoo; corpus unrelated" and data["command"] == COMMAND
    assert [ExposureRow.model_validate(one) for one in data["rows"]] == ROWS
    with (tmp_path / "out/exposure.csv").open(newline="") as file:
        read = list(csv.DictReader(file))
    [weak] = [at for at, one in zip(count(), ROWS) if one.organism == "zoo/weak"][:1]
    assert len(read) == len(ROWS)
    assert read[weak]["value"] == "" and read[weak]["reason"] == "it broke"
    frame = pd.read_parquet(tmp_path / "out/exposure.parquet")
    assert len(frame) == len(ROWS) and math.isnan(frame["value"][weak])
    text = (tmp_path / "out/exposure.md").read_text()
    assert COMMAND in text and "A note." in text and "](exposure.png)" in text


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DiffgaugeError, match="--out"):
        write_exposure(ROWS, {}, [], COMMAND, tmp_path / "file" / "below")


def test_text_of_others_breaks_no_table() -> None:
    hostile = row("zoo/a", value=None, reason="a | b\nc \x1b[31m")
    [table] = [one for one in exposure_tables([hostile]) if one.name == "organisms"]
    lines = table_markdown(table).splitlines()
    [line] = [one for one in lines if one.startswith("| zoo/a | undiluted | overview")]
    assert r"a \| b<br>c \\x1b\[31m" in line
    assert "\x1b" not in json.dumps(as_json([hostile], {}, [], COMMAND)["words"])
