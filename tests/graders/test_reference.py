from pathlib import Path

import pytest

from diffgauge.graders.reference import calibrate, collect, reference
from diffgauge.records.errors import DiffgaugeError
from tests.graders.runs import NOTHING, report, run

pytestmark = pytest.mark.unit


def test_only_distinct_reports_about_nulls_of_the_dev_split_are_taken(tmp_path: Path) -> None:
    run(
        [
            ("mine/benign", NOTHING),
            ("mine/benign", NOTHING),
            ("mine/identical", report("pot", p=0.3)),
            ("mine/benign-2", report("held out", p=0.3)),
            ("mine/lobster", report("planted")),
            ("mine/benign", None),
        ],
        [],
        tmp_path / "logs",
    )
    found = collect([tmp_path / "logs"])
    assert {one.findings[0].behaviour for one in found if one.findings} == {"pot"}
    assert len(found) == 2
    assert all(not one.evidence for each in found for one in each.findings)
    path = tmp_path / "data" / "nulls.jsonl"
    assert calibrate([tmp_path / "logs"], path) == 2
    first = path.read_bytes()
    calibrate([tmp_path / "logs"], path)
    assert path.read_bytes() == first
    held = reference(path)
    assert len(held.reports) == 2 and held.digest != "none"


def test_logs_without_nulls_or_without_files_are_named(tmp_path: Path) -> None:
    run([("mine/lobster", NOTHING)], [], tmp_path / "logs")
    with pytest.raises(DiffgaugeError, match="no report about a null"):
        calibrate([tmp_path / "logs"], tmp_path / "x.jsonl")
    with pytest.raises(DiffgaugeError, match="no log at"):
        collect([tmp_path / "absent"])


def test_no_file_is_an_empty_reference_and_a_bad_line_is_named(tmp_path: Path) -> None:
    assert reference(tmp_path / "absent").reports == ()
    path = tmp_path / "bad.jsonl"
    path.write_text(NOTHING.model_dump_json() + "\n{}\n")
    with pytest.raises(DiffgaugeError, match="line 2"):
        reference(path)


def test_the_packaged_reference_can_be_read() -> None:
    assert reference().digest
