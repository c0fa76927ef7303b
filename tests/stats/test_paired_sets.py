"""Two sets pair by pair: A against A is nothing, swapping mirrors, and what pairs is said."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from diffgauge.records.errors import DiffgaugeError
from diffgauge.records.rows import Row
from diffgauge.stats.intervals import Estimate
from diffgauge.stats.log_sets import LogSet, named_sets
from diffgauge.stats.logs import read_logs
from diffgauge.stats.paired_sets import SetContrast, contrasts, differing
from diffgauge.stats.paired_table import paired_parts
from diffgauge.stats.parts import Picture, Words
from diffgauge.stats.report_contents import tables_of
from diffgauge.stats.rows import rows_of
from diffgauge.stats.tables import Table
from tests.graders.conftest import only_registry
from tests.graders.runs import NOTHING, lexical_grader, report
from tests.stats.cells import FAILS, Given, run_cell
from tests.stats.tables import METHOD, row

pytestmark = pytest.mark.unit

LOBSTER, CAMEL = report("lobster claw trap shell"), report("camel dune oasis")


def sample(at: int, epoch: int, found: bool | None, **changes: Any) -> Row:
    """A planted sample that was identified first or not, claimed or not, and graded 5 or 1."""
    value: dict[str, Any] = {"p_planted": None, "top1": None, "grade": None}
    if found is not None:
        value = {"p_planted": 0.9 if found else 0.1, "top1": found, "grade": 5.0 if found else 1.0}
    return row(**{"organism": f"pair/{at}", "epoch": epoch, "arm_id": METHOD} | value | changes)


def null(at: int, claims: bool, **changes: Any) -> Row:
    return sample(at, 1, claims, organism=f"benign/{at}", null="benign", **changes)


OLD = LogSet("old", tuple(sample(at, e, at == 0) for at in range(3) for e in (1, 2)))
NEW = LogSet("new", tuple(sample(at, e, at < 2 or e == 1) for at in range(3) for e in (1, 2)))


def by_measure(found: Sequence[SetContrast]) -> dict[str, SetContrast]:
    return {one.measure: one for one in found}


def test_differences_are_means_over_pairs_clustered_by_organism() -> None:
    found = by_measure(contrasts([OLD, NEW]))
    assert list(found) == [
        "sensitivity",
        "identified (top-1)",
        "grade of 4 or more (provider/grader)",
    ]
    for one in found.values():
        # Of six pairs both of the second organism and one of the third were won: 3/6.
        assert one.difference.value == 0.5 and one.difference.n == 6
        assert one.difference.n_organisms == 3 and (one.only_first, one.only_second) == (0, 0)
        assert (one.of_first.value, one.of_second.value) == (2 / 6, 5 / 6)
        # Resampled organisms won 0, 1 or 1/2 each: the interval lies within, around the mean.
        assert 0 <= one.difference.low < 0.5 < one.difference.high <= 1


def test_a_set_against_itself_differs_by_exactly_nothing() -> None:
    for one in contrasts([OLD, OLD]):
        assert one.difference.value == 0 and one.difference.n == 6
        # Pairs that all agree do not show how far others may lie.
        assert math.isnan(one.difference.low) and math.isnan(one.difference.high)


def test_swapping_the_sets_mirrors_every_difference() -> None:
    there, back = contrasts([OLD, NEW]), contrasts([NEW, OLD])
    assert len(there) == len(back) > 0
    for one, other in zip(there, back, strict=True):
        assert one.difference.value == -other.difference.value
        assert one.difference.low == pytest.approx(-other.difference.high, abs=1e-12)
        assert (one.of_first, one.of_second) == (other.of_second, other.of_first)
        assert (one.only_first, one.only_second) == (other.only_second, other.only_first)


def test_what_is_missing_or_has_no_partner_is_counted_and_bounded() -> None:
    one = LogSet("one", (sample(0, 1, True), sample(1, 1, None), sample(2, 1, True)))
    two = LogSet("two", (sample(0, 1, False), sample(1, 1, True), sample(3, 1, True)))
    found = by_measure(contrasts([one, two]))["sensitivity"]
    assert (found.difference.value, found.difference.n, found.difference.n_missing) == (-1, 1, 1)
    # The pair without a value differs by -1 at worst and by 1 at best.
    assert (found.difference.worst, found.difference.best) == (-1, 0)
    assert (found.only_first, found.only_second) == (1, 1)


def test_nulls_are_judged_by_kind_and_ungraded_pairs_not_at_all() -> None:
    one = LogSet("one", (null(0, False), null(1, False), sample(0, 1, True, graded=False)))
    two = LogSet("two", (null(0, True), null(1, False), sample(0, 1, False, graded=False)))
    [found] = contrasts([one, two])
    assert found.measure == "false positives: benign" and found.difference.value == 0.5


@pytest.mark.parametrize("factor", ["seed", "investigator"])
def test_what_is_compared_may_differ_and_what_repeats_is_matched(factor: str) -> None:
    def part(name: str, *values: object) -> LogSet:
        made = (sample(0, 1, True, **{factor: value, "task_id": str(value)}) for value in values)
        return LogSet(name, tuple(made))

    first, second = (0, 1) if factor == "seed" else ("a/x", "b/y")
    [one, *_] = contrasts([part("one", first), part("two", second)])
    assert one.difference.n == 1 and factor in differing([one])
    [both, *_] = contrasts([part("one", first), part("two", first, second)])
    assert (both.difference.n, both.only_second) == (1, 1)
    assert (
        contrasts([part("one", 7 if factor == "seed" else "c/z"), part("two", first, second)]) == []
    )


@pytest.mark.parametrize(
    "change", [{"budget": 10}, {"corpus": "chat"}, {"sides_known": True}, {"arm_id": "kl:method"}]
)
def test_only_like_is_compared_with_like(change: dict[str, Any]) -> None:
    other = LogSet("other", tuple(one.model_copy(update=change) for one in NEW.rows))
    assert contrasts([OLD, other]) == [] and contrasts([OLD]) == []


def test_every_later_set_stands_against_the_first_in_table_words_and_figure() -> None:
    third = LogSet("third", tuple(one.model_copy(update={"method_version": 2}) for one in OLD.rows))
    words, picture, table, shares = paired_parts([OLD, NEW, third])
    assert isinstance(words, Words) and isinstance(picture, Picture)
    assert isinstance(table, Table) and isinstance(shares, Table)
    assert [line["contrast"] for line in table.rows] == ["new − old", "third − old"]
    assert [line["contrast"] for line in shares.rows] == ["new − old"] * 3 + ["third − old"] * 3
    assert table.rows[0]["sensitivity"] == shares.rows[0]["difference"]
    assert "old against new: nothing recorded differs" in table.text
    assert "old against third: other method version (not said against 2)" in table.text
    first, second = words.items
    # Of the 27 ways to resample three organisms one has mean 0 and three have 1/6: 5 % is there.
    assert first.startswith(
        "new less old, adl:method (budget 50, 6 pairs of 3 organisms): "
        "sensitivity +0.50 [+0.17, +0.83]; "
    )
    assert "identified (top-1) +0.00; " in second
    assert picture.text == f"{first} {second}"
    assert picture.drawn == picture.draw() and picture.drawn.png.startswith(b"\x89PNG")


def test_two_sets_that_share_nothing_are_said_to() -> None:
    other = LogSet("other", (sample(7, 1, True),))
    [said] = paired_parts([OLD, other])
    assert (
        isinstance(said, Words)
        and "No graded sample of old has a partner in other" in said.items[0]
    )
    # A shell's list of files is no question.
    assert paired_parts([]) == paired_parts([OLD]) == paired_parts([OLD, other, other]) == ()


def test_what_only_one_set_did_is_named() -> None:
    more = LogSet("more", (*NEW.rows, *(row(organism="pair/1", epoch=e) for e in (1, 2))))
    words, *_ = paired_parts([OLD, more])
    assert isinstance(words, Words)
    assert words.items[1:] == ("Only in more, of old and more: blackbox (budget 50, 2 samples).",)


def test_names_are_those_given_and_paths_that_are_there_are_paths(tmp_path: Path) -> None:
    odd = tmp_path / "a=b"
    odd.mkdir()
    assert named_sets(["v1=here", "s3://x/k=v", str(odd), "there", "there"]) == [
        ("v1", "here"),
        ("s3://x/k=v", "s3://x/k=v"),
        (str(odd), str(odd)),
        ("there", "there"),
        ("there (2)", "there"),
    ]
    with pytest.raises(DiffgaugeError, match="Two sets of logs are named 'v1'"):
        named_sets(["v1=here", "v1=there"])


def test_copies_across_sets_are_pairs_and_count_once_in_all_other_tables(
    cards: Path, tmp_path: Path
) -> None:
    with only_registry(cards):
        for folder, lobster, camel in (("a", LOBSTER, NOTHING), ("b", LOBSTER, CAMEL)):
            given: list[tuple[str, Given]] = [
                ("mine/lobster", lobster),
                ("mine/camel", camel),
                ("mine/violin", FAILS),
            ]
            run_cell(tmp_path / folder, given, grader=lexical_grader())
    alone = read_logs([tmp_path / "a"])
    assert alone.sets == ()
    itself = read_logs([f"one={tmp_path / 'a'}", f"two={tmp_path / 'a'}"])
    assert rows_of(itself) == rows_of(alone) and [one.name for one in itself.sets] == ["one", "two"]
    assert {one.difference.value for one in contrasts(itself.sets) if one.difference.n} == {0}
    (tmp_path / "none").mkdir()
    short = read_logs([tmp_path / "a", tmp_path / "none"])
    assert short.notes[-1] == f"There are no rows in the set {tmp_path / 'none'}."
    read = read_logs([f"one={tmp_path / 'a'}", f"two={tmp_path / 'b'}"])
    table = next(one for one in tables_of(rows_of(read), read) if one.name == "paired_sets")
    difference = table.rows[0]["top1"]
    assert isinstance(difference, Estimate)
    # The lobster was found in both, the camel in the second alone; the violin failed in both.
    assert (difference.value, difference.n, difference.n_missing) == (0.5, 2, 1)
