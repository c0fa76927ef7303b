from collections.abc import Iterator
from pathlib import Path

import pytest

from diffgauge.graders.validation import running, task
from diffgauge.graders.validation.examples import Example, examples

FEW = (
    "zoo/camel-circuits good words",
    "zoo/camel-circuits good words long",
    "zoo/camel-circuits good other",
    "zoo/camel-circuits wrong",
    "zoo/volcano partial words",
    "zoo/volcano empty",
    "zoo/benign-05 denial",
    "zoo/benign-05 assertion specific",
    "zoo/benign-05 adversarial",
)
"""Reports of every grade that the offline grader can give, and a pair of twins of each kind."""


@pytest.fixture(autouse=True)
def registry() -> Iterator[None]:
    """The packaged registry, which the set is about, in place of the folder's."""
    yield


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> tuple[Example, ...]:
    """The validation set cut down to a few reports."""
    held = {one.id: one for one in examples()}
    chosen = tuple(held[name] for name in FEW)

    def cut(half: str = "all", path: Path | None = None) -> tuple[Example, ...]:
        return chosen

    for module in (running, task):
        monkeypatch.setattr(module, "examples", cut)
    return chosen
