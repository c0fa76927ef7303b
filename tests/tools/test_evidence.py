import json

import pytest

from diffgauge.tools.evidence import Shown

pytestmark = pytest.mark.unit


@pytest.fixture
def shown() -> Shown:
    made = Shown()
    made.add("ask_models", json.dumps({"reply": 'He said "Ahoy",\nthen left.', "n": 3}))
    made.add("lens", json.dumps({"items": [{"token": "hangar", "score": 7.25}]}))
    return made


@pytest.mark.parametrize(
    ("excerpt", "tool", "verdict"),
    [
        ('He said "Ahoy", then left.', "ask_models", "verified"),
        ('he SAID \\"ahoy\\"', "ask_models", "verified"),
        ('{"token": "hangar", "score": 7.25}', "lens", "verified"),
        ("hangar", "lens", "verified"),
        ("hangar", "ask_models", "elsewhere"),
        ("hangar", "no_such_tool", "elsewhere"),
        ("drydock", "lens", "flagged"),
        ("He left", "ask_models", "flagged"),
        ("", "lens", "flagged"),
        ("  ... ", "lens", "flagged"),
    ],
)
def test_an_excerpt_is_looked_for_in_what_was_shown(
    shown: Shown, excerpt: str, tool: str, verdict: str
) -> None:
    assert shown.verdict(excerpt, tool) == verdict


def test_an_excerpt_cannot_span_two_results(shown: Shown) -> None:
    shown.add("lens", json.dumps({"items": [{"token": "drydock"}]}))
    assert shown.verdict("hangar drydock", "lens") == "flagged"


def test_nothing_is_verified_before_anything_was_shown() -> None:
    assert Shown().verdict("hangar", "lens") == "flagged"
