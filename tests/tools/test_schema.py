from typing import Any

import pytest
from pydantic import Field

from diffgauge.records.errors import DiffgaugeError
from diffgauge.records.record import Record
from diffgauge.records.subjects import Side
from diffgauge.tools.blinding import Aliases
from diffgauge.tools.schema import parsed, side_fields, tool_params
from diffgauge.tools.submit import ReportParameters

pytestmark = pytest.mark.unit

ALIASES = Aliases("model B", "model A", blinded=True)


class Example(Record):
    toward: Side | None = Field(default=None, description="Which model.")
    whose: Side = Field(default="base", description="Whose.")
    k: int = Field(default=3, ge=1, le=9, description="How many.")
    position: int | str | None = Field(default=None, description="Where.")


def test_models_are_shown_by_name_and_understood_as_sides() -> None:
    assert side_fields(Example) == ["toward", "whose"]
    schema = tool_params(Example, ALIASES).model_dump(exclude_none=True)
    text = str(schema)
    assert "base" not in text and "finetuned" not in text
    assert schema["properties"]["toward"]["enum"] == ["model A", "model B"]
    assert [kind["type"] for kind in schema["properties"]["position"]["anyOf"]] == [
        "integer",
        "string",
    ]
    assert schema["required"] == []
    assert parsed(Example, {"toward": "model A"}, ALIASES).toward == "finetuned"
    assert parsed(Example, {"toward": "Model b"}, ALIASES).toward == "base"
    assert parsed(Example, {"toward": None}, ALIASES).toward is None
    assert parsed(Example, {}, ALIASES) == Example()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"toward": "finetuned"}, "Unknown model 'finetuned'. Allowed: model A, model B"),
        ({"k": 10}, "k: Input should be less than or equal to 9"),
        ({"k": 1.5}, "k: Input should be a valid integer"),
        ({"kk": 1}, "kk: Extra inputs are not permitted"),
        ({"k": 0, "position": []}, "k: Input should be greater than or equal to 1; position"),
    ],
)
def test_arguments_that_do_not_fit_are_named_with_what_does(
    arguments: dict[str, Any], said: str
) -> None:
    with pytest.raises(DiffgaugeError) as caught:
        parsed(Example, arguments, ALIASES)
    assert said in str(caught.value)


def test_nested_types_are_written_out() -> None:
    schema = tool_params(ReportParameters, ALIASES).model_dump(exclude_none=True)
    assert "$ref" not in str(schema)
    finding = schema["properties"]["findings"]["items"]
    assert set(finding["required"]) == {"behaviour", "condition", "which", "confidence"}
    evidence = finding["properties"]["evidence"]["items"]
    assert evidence["required"] == ["excerpt", "tool"]
    assert all(inner["description"] for inner in finding["properties"].values())
