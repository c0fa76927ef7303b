"""A run killed without warning: the same command completes it, and nothing done is done again."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from zipfile import BadZipFile

import pytest
from inspect_ai.log import EvalLog, list_eval_logs, read_eval_log

from diffgauge.methods.artifacts import ArtifactStore
from diffgauge.records.stored import REPORT_KEY

pytestmark = pytest.mark.tiny

COMMAND = [
    *(sys.executable, "-c", "from diffgauge.cli.app import main; main()", "run"),
    *("--model", "diffgauge/scripted", "--organisms", "zoo/submarine,zoo/identical"),
    *("--agents", "method", "--n-texts", "40", "--budget", "4"),
    *("--display", "none", "--log-dir", "logs"),
]
N_CELLS = 2
PATIENCE = 300
GLANCE = 0.1
"""Seconds between two looks at the run."""


def started(folder: Path) -> "subprocess.Popen[bytes]":
    """Starts the run in its own process group, with places of its own for all it keeps."""
    places = {
        "DIFFGAUGE_CACHE": str(folder / "cache"),
        "XDG_DATA_HOME": str(folder / "data"),
        "OMP_NUM_THREADS": "1",
    }
    with (folder / "said").open("ab") as said:
        return subprocess.Popen(
            COMMAND,
            cwd=folder,
            env=os.environ | places,
            stdout=said,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def killed_when(true: Callable[[], bool], run: "subprocess.Popen[bytes]") -> None:
    """Kills a run the first time that something is true of it.

    It stands still while it is looked at: however slowly that goes on a busy machine, it gets no
    further meanwhile, and writes nothing.
    """
    end = time.monotonic() + PATIENCE
    try:
        while True:
            assert run.poll() is None, "the run ended before it could be killed"
            os.killpg(run.pid, signal.SIGSTOP)
            if true():
                return
            os.killpg(run.pid, signal.SIGCONT)
            assert time.monotonic() < end
            time.sleep(GLANCE)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(run.pid, signal.SIGKILL)
        run.wait()


def logs(folder: Path, *, whole: bool = False) -> list[EvalLog]:
    """The logs that can be read: one that was being written when its run was stopped cannot."""
    found = []
    for log in list_eval_logs(str(folder / "logs")):
        with suppress(BadZipFile, OSError, ValueError, KeyError):
            found.append(read_eval_log(log, header_only=not whole))
    return found


def finished(folder: Path) -> dict[str, str]:
    """Finished samples by uuid: which organism each is."""
    return {
        str(sample.uuid): str(sample.id)
        for log in logs(folder, whole=True)
        for sample in log.samples or []
        if sample.error is None and REPORT_KEY in sample.store
    }


def files(root: Path) -> dict[str, tuple[int, int]]:
    """What stands in the artifacts' folder, hidden work in progress left out."""
    return {
        str(path.relative_to(root)): (path.stat().st_ino, path.stat().st_mtime_ns)
        for path in root.rglob("*")
        if path.is_file() and not any(part.startswith(".") for part in path.relative_to(root).parts)
    }


def test_a_killed_run_is_completed_by_the_same_command(tmp_path: Path) -> None:
    store = ArtifactStore(tmp_path / "cache" / "artifacts")
    killed_when(lambda: any(log.status == "success" for log in logs(tmp_path)), started(tmp_path))
    before, kept = finished(tmp_path), files(store.root)
    assert 1 <= len(before) < N_CELLS, "killed in the middle"
    visible = [folder.name for folder in store.root.iterdir() if not folder.name.startswith(".")]
    for key in visible:
        assert store.load(key).header.files, "what is visible is whole"
    assert len(visible) >= 1

    again = started(tmp_path)
    assert again.wait(PATIENCE) == 0, (tmp_path / "said").read_text()
    after = finished(tmp_path)
    assert before.items() <= after.items(), "what was finished keeps its uuid"
    assert sorted(after.values()) == ["zoo/identical", "zoo/submarine"]
    now = files(store.root)
    assert kept.items() <= now.items(), "no artifact is written again"
    assert len({name.split("/")[0] for name in now}) == 2
