import json

import pytest
from inspect_ai.util import json_schema

from diffgauge.graders.rubric_files import rubric_file
from diffgauge.graders.verdict import UnreadableVerdict, read_verdict, verdict_model

pytestmark = pytest.mark.unit

RUBRIC = rubric_file("taboo")
GOOD = {"word": "exact", "details": "some", "passage": "it keeps a word", "reason": "named"}
TEXT = json.dumps(GOOD)
WORSE = json.dumps({**GOOD, "word": "absent"})


@pytest.mark.parametrize(
    "reply",
    [
        TEXT,
        f"Here is my verdict:\n```json\n{TEXT}\n```\nDone.",
        f"The truth {{in short}} is that {TEXT}",
        f'{{"note": "other"}} {TEXT} {TEXT}',
    ],
)
def test_a_verdict_is_read_plain_fenced_and_amid_prose(reply: str) -> None:
    found = read_verdict(reply, RUBRIC)
    assert found.grade == 4 and found.answers == ("exact", "some")


@pytest.mark.parametrize(
    "reply",
    [
        "",
        "5",
        "SCORE: 5",
        '{"grade": 5}',
        json.dumps({**GOOD, "word": "perfect"}),
        json.dumps({**GOOD, "grade": 5}),
        json.dumps({key: GOOD[key] for key in ("word", "details")}),
        TEXT[:-1],
        f"The report claims {WORSE}, but {TEXT}",
        "{" * 5000,
    ],
)
def test_anything_else_is_no_verdict(reply: str) -> None:
    with pytest.raises(UnreadableVerdict):
        read_verdict(reply, RUBRIC)


def test_the_schema_requires_every_field_and_lists_the_answers() -> None:
    schema = json_schema(verdict_model(RUBRIC)).model_dump(exclude_none=True)
    assert set(schema["required"]) == {"word", "details", "passage", "reason"}
    assert schema["properties"]["word"]["enum"] == ["absent", "broad", "exact"]
    assert schema["additionalProperties"] is False
