"""Ids keep to their grammar and never leave their root (pitfall 23)."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from diffgauge.records.errors import DiffgaugeError
from diffgauge.records.ids import check_id, path_inside

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    "value", ["zoo/submarine", "cake_bake@qwen3-1.7b:mix1-0p5", "a+null:identical", "x"]
)
def test_well_formed_ids_pass_unchanged(value: str) -> None:
    assert check_id(value) == value


@pytest.mark.parametrize(
    "value", ["", "../x", "zoo/../x", "/etc", "zoo//x", "Zoo", "a b", ".hidden", "zoo/", "a" * 201]
)
def test_malformed_ids_are_refused(value: str) -> None:
    with pytest.raises(DiffgaugeError, match="not an id"):
        check_id(value)


@given(st.text(max_size=60))
def test_no_text_resolves_outside_its_root(value: str) -> None:
    root = Path("/srv/root")
    try:
        path = path_inside(root, value, ".yaml")
    except DiffgaugeError:
        return
    assert path.resolve().is_relative_to(root)


def test_a_link_out_of_the_root_is_refused(tmp_path: Path) -> None:
    root = tmp_path / "root"
    root.mkdir()
    (root / "out").symlink_to(tmp_path)
    with pytest.raises(DiffgaugeError, match="outside"):
        path_inside(root, "out/x")
