"""Log files wherever they lie: which there are, what their headers say, one sample at a time."""

from __future__ import annotations

import gc
import hashlib
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from inspect_ai._util.file import file as opened
from inspect_ai._util.file import filesystem
from inspect_ai.log import EvalLog, EvalSample, EvalSpec, read_eval_log
from pydantic_core import SchemaValidator, core_schema

from diffgauge.records.errors import DiffgaugeError
from diffgauge.records.printing import neutralised

if TYPE_CHECKING:
    from typing import BinaryIO

__all__ = [
    "Run",
    "digest_of",
    "investigator_of",
    "log_files",
    "opened_run",
    "samples_in",
    "uncollected",
]

_SUFFIX: Final = ".eval"
_SCHEME: Final = "://"
_FORMS: Final = "a .eval file, a folder, or an address such as s3://bucket/folder"
_OFFLINE: Final = "diffgauge/"
_INVESTIGATOR: Final = "diffgauge/investigator"
_UNREAD: Final = {"messages", "events", "events_data", "attachments", "timelines"}
_LINE: Final = 300
_BLOCK: Final = 2**20

_KEPT: Final = SchemaValidator(
    core_schema.typed_dict_schema(
        {
            name: core_schema.typed_dict_field(core_schema.any_schema(), required=False)
            for name in EvalSample.model_fields
            if name not in _UNREAD
        },
        extra_behavior="ignore",
    )
)
"""Parses a sample's JSON and makes no Python object of the transcript, which is most of it."""


@dataclass(frozen=True)
class Run:
    """One log file.

    Attributes:
        address: The file: a path, or an address with its scheme.
        header: Inspect's header, without samples and results.
        changed: When the file was last written, in milliseconds; 0 where nobody says.
    """

    address: str
    header: EvalLog
    changed: float = 0.0

    @property
    def name(self) -> str:
        """The file's name without its folder."""
        return self.address.replace("\\", "/").rpartition("/")[2]

    @property
    def attempted(self) -> int:
        """Samples × epochs the run set out to do."""
        ids = self.header.eval.dataset.sample_ids or []
        return len(ids) * (self.header.eval.config.epochs or 1)


def log_files(entry: str | Path) -> list[str]:
    """Returns the log files of a file, a folder or an address, folders searched.

    Args:
        entry: A path, or an address that `fsspec` understands.

    Returns:
        Existing files, sorted; none for a folder without any.

    Raises:
        DiffgaugeError: A path is not there, an address cannot be reached, or its driver is not
            installed.
    """
    return sorted(_remote(str(entry)) if _SCHEME in str(entry) else _local(Path(entry)))


def _local(entry: Path) -> Iterator[str]:
    if entry.is_dir():
        yield from map(str, entry.rglob(f"*{_SUFFIX}"))
    elif entry.is_file():
        yield str(entry)
    else:
        raise DiffgaugeError(f"There is no log at {entry}.", allowed=_FORMS)


def _remote(address: str) -> list[str]:
    try:
        held = filesystem(address)
        if not held.exists(address):
            raise DiffgaugeError(f"There is no log at {address}.", allowed=_FORMS)
        if held.info(address).type != "directory":
            return [address]
        return [one.name for one in held.ls(address, recursive=True) if one.name.endswith(_SUFFIX)]
    except DiffgaugeError:
        raise
    except ImportError as error:
        raise DiffgaugeError(
            f"{address} needs a driver that is not installed: {_first_line(error)}.",
            advice="Install it into the environment of diffgauge, or copy the logs to a folder.",
        ) from error
    except Exception as error:
        # Drivers' failures (no such protocol, no credentials, no network) share no type.
        raise DiffgaugeError(
            f"{address} cannot be reached ({type(error).__name__}: {_first_line(error)}).",
            allowed=_FORMS,
            advice="Give its driver credentials as usual, or copy the logs to a folder.",
        ) from error


def _first_line(error: Exception) -> str:
    return neutralised(next(iter(str(error).splitlines()), "no reason given"))[:_LINE].rstrip(".")


@contextmanager
def opened_run(address: str) -> Iterator[tuple[Run, BinaryIO]]:
    """Opens a log and reads its header.

    Args:
        address: One of `log_files`.

    Yields:
        The run, and the open file for `samples_in`. Whatever is wrong with the file raises as the
        reader of its format has it.
    """
    with opened(address, "rb") as stream:
        header = read_eval_log(stream, header_only=True, format="eval")
        # Metrics of every scorer would make thousands of headers heavy, and rows need none.
        header.results = header.reductions = None
        yield Run(address, header, filesystem(address).info(address).mtime or 0.0), stream


def digest_of(run: Run) -> str:
    """Returns the SHA-256 (hex) of a log's bytes."""
    made = hashlib.sha256()
    with opened(run.address, "rb") as stream:
        while block := stream.read(_BLOCK):
            made.update(block)
    return made.hexdigest()


@contextmanager
def uncollected() -> Iterator[None]:
    """Keeps Python's collector of cycles off within; where it was off, it stays so.

    It would walk all that is kept again and again while samples, which hold no cycles, come and go.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def samples_in(stream: BinaryIO) -> Iterator[tuple[str, EvalSample | Exception]]:
    """Yields each finished sample of an open log without its transcript, one at a time.

    Inspect's own reader of single samples parses event by event in Python, an order of magnitude
    slower; `tests/stats/test_log_files.py` holds the two to the same samples.

    Args:
        stream: Of `opened_run`.

    Yields:
        (name within the log, the sample or what is wrong with it).
    """
    with zipfile.ZipFile(stream) as held:
        # A sample that was run again stands there twice; its name gives the later one.
        for name in dict.fromkeys(held.namelist()):
            if not (name.startswith("samples/") and name.endswith(".json")):
                continue
            try:
                yield name, EvalSample.model_validate(_KEPT.validate_json(held.read(name)))
            except Exception as error:
                yield name, error


def investigator_of(spec: EvalSpec) -> str:
    """Returns who wrote the reports: the model, or the solver named to run in its place.

    A solver of ours such as `diffgauge/oracle` asks no model, whichever stands in the command;
    somebody else's may, and is named with it.
    """
    if spec.solver in (None, _INVESTIGATOR):
        return spec.model
    return spec.solver if spec.solver.startswith(_OFFLINE) else f"{spec.solver} on {spec.model}"
