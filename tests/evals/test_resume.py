"""A run that broke off is continued by Inspect's own retry: nothing that was done is done again."""

from pathlib import Path
from typing import Any

import pytest
from inspect_ai import eval_retry

from diffgauge.evals.scripted.provider import ScriptedInvestigator
from diffgauge.evals.tasks import adl
from diffgauge.methods.adl.method import ADL
from diffgauge.models.pool import PairPool
from diffgauge.records.stored import REPORT_KEY
from tests.evals.runs import OTHER, PLANTED, Registry, ran

pytestmark = pytest.mark.tiny

N_TURNS = 5
"""More than one investigation of the scripted policy takes at this budget, fewer than two."""


def test_a_broken_run_is_continued_and_its_artifacts_are_kept(
    registry: Registry, pool: PairPool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    n_computed, n_asked = 0, 0
    true = ADL.compute

    def counted(self: ADL, *args: Any, **kwargs: Any) -> Any:
        nonlocal n_computed
        n_computed += 1
        return true(self, *args, **kwargs)

    monkeypatch.setattr(ADL, "compute", counted)

    true_turn = ScriptedInvestigator.generate

    async def breaking(self: ScriptedInvestigator, *args: Any, **kwargs: Any) -> Any:
        nonlocal n_asked
        n_asked += 1
        if n_asked > N_TURNS:
            raise RuntimeError("the connection broke")
        return await true_turn(self, *args, **kwargs)

    task = adl(organism=[PLANTED, OTHER], texts=str(registry.texts), n_texts=40, budget=2)
    with monkeypatch.context() as patched:
        patched.setattr(ScriptedInvestigator, "generate", breaking)
        first = ran(task, "diffgauge/scripted", tmp_path, max_samples=1)
    assert first.status == "error"
    assert first.samples is not None
    done = [sample for sample in first.samples if REPORT_KEY in sample.store]
    assert len(done) == 1
    assert n_computed == 2
    [second] = eval_retry(first, log_dir=str(tmp_path / "logs"), display="none")
    assert second.status == "success", second.error
    assert second.samples is not None
    assert {str(sample.id) for sample in second.samples} == {PLANTED, OTHER}
    assert all(REPORT_KEY in sample.store for sample in second.samples)
    kept = {sample.uuid for sample in second.samples}
    assert done[0].uuid in kept, "what was finished is not done again"
    assert n_computed == 2, "artifacts outlive the run that made them"
