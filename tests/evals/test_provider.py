"""The offline models by name, and a start that loads nothing heavy."""

import subprocess
import sys
from typing import Any

import pytest
from inspect_ai._util.error import PrerequisiteError
from inspect_ai.model import get_model

from diffgauge.evals import _registry
from diffgauge.evals.scripted.provider import ScriptedInvestigator
from diffgauge.graders.lexical import LexicalGrader

pytestmark = pytest.mark.unit


def test_each_name_gives_its_model() -> None:
    assert isinstance(get_model("diffgauge/scripted").api, ScriptedInvestigator)
    assert isinstance(get_model("diffgauge/lexical").api, LexicalGrader)
    assert str(get_model("diffgauge/scripted")) == "diffgauge/scripted"


@pytest.mark.parametrize(
    ("name", "arguments", "said"),
    [
        ("diffgauge/scriptd", {}, "Did you mean 'scripted'"),
        ("diffgauge/gpt", {}, "Allowed: contrast, lexical, "),
        ("diffgauge/scripted", {"sed": 1}, "Did you mean 'seed'"),
    ],
)
def test_a_wrong_name_is_told(name: str, arguments: dict[str, Any], said: str) -> None:
    with pytest.raises(PrerequisiteError) as caught:
        get_model(name, memoize=False, **arguments)
    assert said in str(caught.value.message)


def test_everything_named_is_registered() -> None:
    for name in (
        "adl",
        "blackbox",
        "investigate",
        "identification",
        "which",
        "detection",
        "replication",
    ):
        assert hasattr(_registry, name)


def test_the_registry_is_light() -> None:
    code = (
        "import sys, diffgauge.evals._registry; "
        "print(sorted({'torch', 'transformers', 'peft', 'nnsight', 'pandas', 'pyarrow'}"
        " & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
