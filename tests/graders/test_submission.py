import pytest
from inspect_ai.model import ModelName
from inspect_ai.scorer import Score
from inspect_ai.solver import TaskState

from diffgauge.graders.submission import Submission, submission
from diffgauge.organisms import registry
from diffgauge.records.organisms import OrganismCard
from diffgauge.records.reports import Report
from diffgauge.records.stored import ALIASES_KEY, REPORT_KEY
from tests.graders.runs import ALIASES, NOTHING, report

pytestmark = pytest.mark.unit

FOUND = report("lobster claw")


def state_of(given: Report | None, organism: str = "mine/lobster") -> TaskState:
    state = TaskState(
        model=ModelName("mockllm/model"),
        sample_id="1",
        epoch=1,
        input="Investigate.",
        messages=[],
        metadata={"organism": organism},
    )
    if given is not None:
        state.store.set(REPORT_KEY, given.model_dump(mode="json"))
        state.store.set(ALIASES_KEY, dict(ALIASES))
    return state


@pytest.fixture
def looked_up(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The organisms whose cards were looked for."""
    true, found = registry.card, []

    def card(id: str) -> OrganismCard:
        found.append(id)
        return true(id)

    monkeypatch.setattr(registry, "card", card)
    return found


def read(state: TaskState) -> Submission:
    found = submission(state)
    assert isinstance(found, Submission)
    return found


def test_all_scorers_of_a_sample_read_it_once(looked_up: list[str]) -> None:
    state = state_of(FOUND)
    assert read(state) is read(state) and looked_up == ["mine/lobster"]
    assert read(state_of(FOUND)) == read(state) and len(looked_up) == 2


def test_what_changed_is_read_again(looked_up: list[str]) -> None:
    state = state_of(FOUND)
    assert read(state).report == FOUND
    state.store.set(REPORT_KEY, NOTHING.model_dump(mode="json"))
    assert read(state).report == NOTHING
    # Also where the values were changed in their place.
    state.store.get(ALIASES_KEY)["base"] = "model Z"
    aliases = read(state).aliases
    assert aliases is not None and aliases["base"] == "model Z" and len(looked_up) == 3


def test_what_is_unscored_is_a_score_of_its_own_each_time() -> None:
    for state in (state_of(None), state_of(FOUND, "mine/unknown")):
        one, other = submission(state), submission(state)
        assert isinstance(one, Score) and isinstance(other, Score)
        assert one.reason == other.reason and one is not other
