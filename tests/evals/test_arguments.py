"""What tasks take, and what Inspect lists, records and replays of it."""

import inspect
import json
from pathlib import Path

import pytest
from inspect_ai import Task, list_tasks
from inspect_ai._util.error import PrerequisiteError
from inspect_ai._util.registry import registry_info

from diffgauge.evals import tasks
from diffgauge.evals.arguments import OF_METHODS, arguments
from diffgauge.evals.battery import OF_AGENTS
from diffgauge.evals.cells import cell
from diffgauge.evals.tasks import blackbox, investigate, kl, task_of
from diffgauge.methods import registry as methods
from diffgauge.methods.registry import BUILT_IN
from tests.evals.runs import PLANTED, Registry, ran, the_sample
from tests.evals.scripted_model import SUBMIT, saying

pytestmark = pytest.mark.tiny

ROOT = Path(__file__).parents[2]
ALL = [name for name in tasks.__all__ if name != "task_of"]
WITHOUT_AGENT = ["battery"]
OF_A_METHOD = sorted(set(ALL) - {"blackbox", "investigate", *WITHOUT_AGENT})
PAGE = ROOT / "docs" / "tasks.md"


def test_every_built_in_method_has_a_task_of_its_name_and_no_other_has() -> None:
    assert sorted(BUILT_IN) == sorted([*OF_A_METHOD, *WITHOUT_AGENT])
    for name in OF_A_METHOD:
        made = task_of(name)
        info = registry_info(made)
        assert info.name == f"diffgauge/{name}"
        assert info.metadata["attribs"]["method"] == name


@pytest.mark.parametrize("name", ["somebodys_own", *WITHOUT_AGENT])
def test_agents_get_other_methods_in_the_generic_task(name: str) -> None:
    made = task_of(name)
    assert inspect.unwrap(made.func) is inspect.unwrap(investigate)  # type: ignore[attr-defined]
    assert made.keywords == {"method": name}  # type: ignore[attr-defined]


def test_inspect_lists_every_task_with_its_attributes() -> None:
    listed = {one.name: one.attribs for one in list_tasks("evals", root_dir=ROOT)}
    assert set(listed) == {*ALL, "grader_validation"}
    assert {listed[one]["tier"] for one in ALL} == {"core"}
    assert listed["kl"]["method"] == "kl"


@pytest.mark.parametrize("name", ALL)
def test_a_task_shows_its_arguments_with_their_defaults(name: str) -> None:
    made = getattr(tasks, name)
    without = {
        "battery": OF_AGENTS,
        "blackbox": ("method", *OF_METHODS),
        "investigate": (),
    }.get(name, ("method",))
    agent = "blackbox" if name == "blackbox" else "method"
    shown = inspect.signature(made).parameters
    expected = arguments(*without, agent=agent)
    assert {one: shown[one].default for one in expected} == {
        one: parameter.default for one, parameter in expected.items()
    }
    assert [one for one in shown if one not in expected] == ["others"]
    text = made.__doc__ or ""
    assert all(f"    {one}: " in text for one in expected)
    assert all(f"    {one}: " not in text for one in without)


def test_arguments_are_those_of_a_cell_and_the_dry_run() -> None:
    assert set(arguments()) == {*inspect.signature(cell).parameters, "dry_run"}


def test_the_page_of_tasks_tells_of_every_argument() -> None:
    rows = [line for line in PAGE.read_text().splitlines() if line.startswith("| `")]
    told = [row.split("`")[1] for row in rows]
    assert set(arguments()) <= set(told)
    assert set(ALL) <= set(told)


def test_inspect_records_what_was_given_and_what_was_left_out(
    registry: Registry, tmp_path: Path
) -> None:
    given = {
        "organism": PLANTED,
        "texts": str(registry.texts),
        "n_texts": 40,
        "budget": 2,
        "set": "n_tokens=32",
    }
    log = ran(kl(**given), saying([SUBMIT]), tmp_path)
    assert log.status == "success", log.error
    assert log.eval.task_args_passed == given
    expected = {one.name: one.default for one in arguments("method", agent="method").values()}
    assert log.eval.task_args == expected | given
    assert the_sample(log).metadata["settings"] == "n_tokens=32"
    assert the_sample(log).metadata["arm_id"] == "kl(n_tokens=32):method"


def test_a_task_is_made_again_from_what_was_recorded(registry: Registry) -> None:
    """As `inspect eval-retry` does: every recorded argument is taken."""
    asked = {name: one.default for name, one in arguments("method", agent="method").items()}
    made = kl(**asked | {"organism": PLANTED, "texts": str(registry.texts), "n_texts": 40})
    assert isinstance(made, Task)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("orgnism", "Did you mean 'organism'"),
        ("n_tokens", "-T set='n_tokens=…'"),
        ("method", "Unknown task argument 'method'"),
    ],
)
def test_an_argument_that_is_not_known_is_refused(name: str, said: str) -> None:
    with pytest.raises(PrerequisiteError) as caught:
        kl(**{name: 3})
    assert said in str(caught.value.message)


def test_the_baseline_takes_nothing_of_a_method() -> None:
    for name in OF_METHODS:
        with pytest.raises(PrerequisiteError, match=f"Unknown task argument '{name}'"):
            blackbox(**{name: "x"})


def test_settings_reach_the_artifact(registry: Registry, tmp_path: Path) -> None:
    from diffgauge.records.stored import ARTIFACT_KEY

    task = kl(
        organism=PLANTED,
        texts=str(registry.texts),
        n_texts=40,
        budget=0,
        set={"n_tokens": 32, "top_texts": 5},
    )
    header = the_sample(ran(task, saying([SUBMIT]), tmp_path)).store[ARTIFACT_KEY]
    assert header["inputs"]["settings"]["n_tokens"] == 32
    assert header["inputs"]["settings"]["top_texts"] == 5
    assert header["sources"] == {"unrelated": "the file texts.txt"}
    json.dumps(header)


def test_methods_are_known_by_name_without_loading_them() -> None:
    assert set(OF_A_METHOD) <= set(methods.names())
