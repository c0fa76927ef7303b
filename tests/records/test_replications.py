import pytest
from pydantic import ValidationError

from diffgauge.records.replications import FreshReplies

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    "given",
    [
        {"replies": ("a", "b"), "labels": ("first",)},
        {"replies": ("a",), "labels": ("base",)},
        {"replies": ("a",), "labels": ("first",), "problem": "broke"},
        {},
    ],
)
def test_replies_have_labels_or_there_is_a_problem(given: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        FreshReplies.model_validate({"prompt": "Hi.", **given})
