import pytest
from hypothesis import given
from hypothesis import strategies as st
from inspect_ai.tool import ToolError

from diffgauge.records.errors import DiffgaugeError
from diffgauge.tools.budget import Budget

pytestmark = pytest.mark.unit


@given(st.integers(0, 60), st.lists(st.integers(0, 30), max_size=20))
def test_no_sequence_of_calls_spends_more_than_the_budget(total: int, costs: list[int]) -> None:
    budget = Budget(total)
    paid = 0
    for cost in costs:
        before = budget.left
        try:
            budget.charge(cost)
        except ToolError:
            assert cost > before
            assert budget.left == before  # a refused call costs nothing
        else:
            paid += cost
    assert budget.spent == paid <= total


def test_a_refusal_says_what_is_left_and_what_would_fit() -> None:
    budget = Budget(50)
    budget.charge(38)
    with pytest.raises(ToolError) as caught:
        budget.charge(40, "3 prompts with n=2")
    assert str(caught.value) == (
        "This call costs 40 model interactions and 12 of 50 are left. Nothing was spent. "
        "Allowed: calls that cost at most 12, for example 3 prompts with n=2."
    )
    assert budget.refused == 1


def test_a_spent_budget_leaves_what_is_free() -> None:
    with pytest.raises(ToolError, match="tools that cost nothing, and submit_report"):
        Budget(0).charge(1)


def test_what_sampled_nothing_is_given_back() -> None:
    budget = Budget(5)
    budget.charge(4)
    budget.refund(4)
    assert budget.left == 5


def test_a_negative_budget_is_refused() -> None:
    with pytest.raises(DiffgaugeError, match="0 or more"):
        Budget(-1)
