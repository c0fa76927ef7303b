"""Logs wherever they lie: the same samples as Inspect reads, and an error that says what to do."""

import shutil
import tracemalloc
import zipfile
from collections.abc import Iterator
from pathlib import Path

import fsspec  # type: ignore[import-untyped]
import pytest
from inspect_ai.log import read_eval_log, read_eval_log_samples, write_eval_log

from diffgauge.records.errors import DiffgaugeError
from diffgauge.stats.log_files import log_files, opened_run, samples_in
from diffgauge.stats.logs import read_logs
from diffgauge.stats.rows import rows_of
from tests.graders.conftest import only_registry
from tests.graders.runs import NOTHING, lexical_grader, report
from tests.stats.cells import FAILS, Given, run_cell

pytestmark = pytest.mark.unit

UNREAD = {"messages", "events", "events_data", "attachments", "timelines"}
FOUND = report("lobster claw trap shell")


@pytest.fixture(scope="module")
def folder(cards: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("logs")
    given: list[tuple[str, list[Given]]] = [
        ("mine/lobster", [FOUND, None]),
        ("mine/camel", [FAILS, NOTHING]),
    ]
    with only_registry(cards):
        run_cell(made / "deep", given, grader=lexical_grader())
    return made


@pytest.fixture
def bucket(folder: Path) -> Iterator[str]:
    """The same logs in a file system that is no disk."""
    held = fsspec.filesystem("memory")
    for path in folder.rglob("*.eval"):
        held.pipe(f"/bucket/far/{path.name}", path.read_bytes())
    yield "memory://bucket/far"
    held.rm("/bucket", recursive=True)


def test_samples_are_those_of_inspects_own_reader(folder: Path) -> None:
    [address] = log_files(folder)
    with opened_run(address) as (run, stream):
        ours = dict(samples_in(stream))
    theirs = list(read_eval_log_samples(address, all_samples_required=False, exclude_fields=UNREAD))
    assert len(theirs) == 4 and run.attempted == 4
    for their in theirs:
        our = ours[f"samples/{their.id}_epoch_{their.epoch}.json"]
        assert not isinstance(our, Exception)
        # As text: what is unscored is NaN, which equals nothing.
        assert our.model_dump_json(exclude=UNREAD) == their.model_dump_json(exclude=UNREAD)
        assert not our.messages and not our.events


def test_an_address_is_read_like_a_folder(folder: Path, bucket: str) -> None:
    local, remote = read_logs([folder]), read_logs([bucket])
    assert rows_of(remote) == rows_of(local) and len(remote.samples) == 4
    [address] = log_files(bucket)
    assert address.startswith("memory://") and log_files(address) == [address]
    assert rows_of(read_logs([address])) == rows_of(local)


@pytest.mark.parametrize(
    ("address", "told"),
    [
        ("memory://nowhere", "There is no log at memory://nowhere"),
        ("unheard://of/it", "cannot be reached .*unheard.*copy the logs to a folder"),
        ("gs://bucket/logs", "needs a driver that is not installed: .*gcsfs"),
    ],
)
def test_an_address_that_does_not_do_says_what_would(address: str, told: str) -> None:
    with pytest.raises(DiffgaugeError, match=told):
        read_logs([address])


def test_a_log_cut_off_in_copying_is_named_and_the_others_count(
    folder: Path, tmp_path: Path
) -> None:
    [address] = log_files(folder)
    shutil.copy(address, tmp_path / "whole.eval")
    whole = Path(address).read_bytes()
    (tmp_path / "cut.eval").write_bytes(whole[: len(whole) // 2])
    read = read_logs([tmp_path])
    assert len(read.samples) == 4
    assert any(note.startswith("cut.eval cannot be read (BadZipFile)") for note in read.notes)


def test_a_sample_that_cannot_be_read_counts_as_not_run(folder: Path, tmp_path: Path) -> None:
    [address] = log_files(folder)
    held = read_eval_log(address)
    write_eval_log(held, str(tmp_path / "one.eval"))
    # The later of two members with one name is the one that counts.
    with zipfile.ZipFile(tmp_path / "one.eval", "a") as log, pytest.warns(UserWarning):
        log.writestr("samples/mine/lobster_epoch_1.json", '{"id": "mine/lobster", "epo')
    read = read_logs([tmp_path])
    assert len(read.samples) == 3 and sum(read.n_not_run.values()) == 1
    assert any("1 samples cannot be read and count as not run" in note for note in read.notes)


def test_transcripts_are_not_held(folder: Path, tmp_path: Path) -> None:
    """Twice the transcript makes a log twice as large and what is kept of it no larger."""
    [address] = log_files(folder)
    sizes = []
    for times in (1, 200):
        held = read_eval_log(address)
        assert held.samples is not None
        for sample in held.samples:
            sample.messages = [
                message.model_copy(update={"content": f"{at} {'long ' * 200}"})
                for at in range(times)
                for message in sample.messages
            ]
        path = tmp_path / str(times) / "one.eval"
        write_eval_log(held, str(path))
        read_logs([path])
        tracemalloc.start()
        read = read_logs([path])
        sizes.append(tracemalloc.get_traced_memory()[0])
        tracemalloc.stop()
        assert len(read.samples) == 4
    assert sizes[1] < 1.2 * sizes[0]
