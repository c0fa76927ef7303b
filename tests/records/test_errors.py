"""Messages of unknown names say what is allowed and what was probably meant."""

import pytest

from diffgauge.records.errors import unknown_name

pytestmark = pytest.mark.unit


def test_a_near_name_is_suggested_and_all_are_listed() -> None:
    text = str(unknown_name("organism", "zoo/submarin", ["zoo/submarine", "zoo/bakery"]))
    assert "Unknown organism 'zoo/submarin'" in text
    assert "zoo/bakery, zoo/submarine" in text
    assert "Did you mean 'zoo/submarine'?" in text


def test_long_lists_are_cut_and_say_so() -> None:
    text = str(unknown_name("organism", "q", [f"o{i:03}" for i in range(35)]))
    assert "and 5 more" in text
    assert "Did you mean" not in text
