"""Model text cannot steer a terminal (pitfall 24)."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from diffgauge.records.printing import neutralised

pytestmark = pytest.mark.unit


@given(st.text())
def test_no_control_or_format_character_is_left(text: str) -> None:
    shown = neutralised(text)
    left = {char for char in shown if unicodedata.category(char) in {"Cc", "Cf"}}
    assert left <= {"\n", "\t"}


@given(st.text(alphabet=st.characters(categories=["L", "N", "P", "Zs"])))
def test_ordinary_text_is_unchanged(text: str) -> None:
    assert neutralised(text) == text


def test_an_escape_sequence_is_shown() -> None:
    assert neutralised("a\x1b[2J") == "a\\x1b[2J"
