"""Artifacts on disk: safetensors, Parquet and a header, at an address made of all inputs."""

import errno
import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from diffgauge.records.artifacts import ArtifactHeader
from diffgauge.records.cache import cache_folder
from diffgauge.records.errors import DiffgaugeError
from diffgauge.records.ids import SEGMENT, path_inside

if TYPE_CHECKING:
    import torch

__all__ = ["Artifact", "ArtifactStore", "Table", "default_root", "told"]

Table = Sequence[Mapping[str, Any]]
"""Rows of one table; all have the same columns, each column one plain type or None."""

_FORMAT_VERSION = 1
_HEADER = "header.json"
_TENSORS = "tensors.safetensors"
_SPARE_BYTES = 16 * 2**20
"""Left free beside the artifact itself: checkpoints and headers."""


@dataclass(frozen=True)
class Artifact:
    """What a method computed from one pair.

    Attributes:
        header: What went in and what it took; `files` is filled when it is saved.
        tensors: Named arrays.
        tables: Named rows.
    """

    header: ArtifactHeader
    tensors: "Mapping[str, torch.Tensor]" = field(default_factory=dict)
    tables: Mapping[str, Table] = field(default_factory=dict)


def default_root() -> Path:
    """Returns where artifacts are kept: in ``DIFFGAUGE_CACHE``, else the user's cache folder."""
    return cache_folder() / "artifacts"


class ArtifactStore:
    """A folder of artifacts, each in a folder named by its key.

    A folder without a header is not an artifact: the header is written last, into a folder that
    gets its name only when it is complete.

    Args:
        root: Where they are kept; None is `default_root()`.
    """

    def __init__(self, root: Path | None = None) -> None:
        self.root = root if root is not None else default_root()

    def path(self, key: str) -> Path:
        """Returns the artifact's folder, whether or not it exists.

        Raises:
            DiffgaugeError: `key` is none.
        """
        if not SEGMENT.fullmatch(key):
            raise DiffgaugeError(f"{key!r} is not an artifact's key.", allowed="24 hex digits")
        return path_inside(self.root, key)

    def work(self, key: str) -> Path:
        """Returns the folder for checkpoints of an artifact that is being computed."""
        self.path(key)
        return self.root / ".work" / key

    def has(self, key: str) -> bool:
        """Returns whether a complete artifact stands there; `load` verifies its contents."""
        return (self.path(key) / _HEADER).is_file()

    def check_room(self, n_bytes: int) -> None:
        """Checks that so many bytes can be written, before any work is spent on them.

        Raises:
            DiffgaugeError: The folder cannot be made, or the disk lacks the room.
        """
        with told(self.root, "Artifacts"):
            self.root.mkdir(parents=True, exist_ok=True)
            probe = tempfile.TemporaryDirectory(prefix=".probe-", dir=self.root)
            probe.cleanup()
        free = shutil.disk_usage(self.root).free
        needed = n_bytes + _SPARE_BYTES
        if free < needed:
            raise DiffgaugeError(
                f"An artifact needs {_megabytes(needed)} in {self.root}, "
                f"where {_megabytes(free)} are free.",
                advice="Make room there, or set DIFFGAUGE_CACHE to a folder on another disk.",
            )

    def save(self, artifact: Artifact) -> Path:
        """Writes an artifact so that it is there completely or not at all.

        Args:
            artifact: With any `files` in its header; they are replaced.

        Returns:
            Its folder.

        Raises:
            DiffgaugeError: No room, or the folder cannot be written.
        """
        key = artifact.header.inputs.key()
        final = self.path(key)
        sizes = sum(t.numel() * t.element_size() for t in artifact.tensors.values())
        self.check_room(sizes)
        with told(self.root, "Artifacts"):
            made = Path(tempfile.mkdtemp(prefix=f".{key}-", dir=self.root))
            try:
                self._write(artifact, made)
                self._put(made, final)
            finally:
                shutil.rmtree(made, ignore_errors=True)
        return final

    def load(self, key: str) -> Artifact:
        """Reads an artifact and verifies every byte of it.

        Raises:
            DiffgaugeError: There is none, or it is incomplete, changed, of another key or of
                another format.
        """
        header = self.verified(key)
        folder = self.path(key)
        return Artifact(
            header=header, tensors=_tensors(folder, header), tables=_tables(folder, header)
        )

    def verified(self, key: str) -> ArtifactHeader:
        """Reads an artifact's header and verifies every byte of its files.

        Raises:
            DiffgaugeError: As `load`.
        """
        folder = self.path(key)
        header = self.header(key)
        for name, expected in header.files.items():
            if Path(name).name != name:
                raise _broken(folder, f"its header names a file outside of it, {name!r}")
            file = folder / name
            if not file.is_file():
                raise _broken(folder, f"{name} is missing")
            if _sha256(file) != expected:
                raise _broken(folder, f"{name} is not what was written")
        return header

    def header(self, key: str) -> ArtifactHeader:
        """Reads an artifact's header; what stands beside it is not looked at.

        Raises:
            DiffgaugeError: There is none, or it is damaged, of another key or another format.
        """
        folder = self.path(key)
        file = folder / _HEADER
        if not file.is_file():
            raise DiffgaugeError(
                f"There is no complete artifact {key} in {self.root}.", advice="Compute it first."
            )
        try:
            header = ArtifactHeader.model_validate_json(file.read_bytes())
        except ValidationError as error:
            raise _broken(folder, "its header cannot be read") from error
        if header.format_version != _FORMAT_VERSION:
            raise _broken(
                folder, f"its format is {header.format_version}, read here is {_FORMAT_VERSION}"
            )
        if header.inputs.key() != key:
            raise _broken(
                folder, f"it was made from other inputs, whose key is {header.inputs.key()}"
            )
        return header

    def adopt(self, folder: Path, key: str) -> None:
        """Puts a complete artifact's folder in its place; it stands on the same file system.

        Args:
            folder: The folder, verified; it is moved.
            key: The artifact's.

        Raises:
            DiffgaugeError: The store's folder cannot be written.
        """
        with told(self.root, "Artifacts"):
            self._put(folder, self.path(key))

    def remove(self, key: str) -> None:
        """Removes an artifact, and what is there of one that is being computed."""
        with told(self.root, "Artifacts"):
            folder = self.path(key)
            if folder.exists():
                # The header goes first: half of an artifact must not look like a whole one.
                (folder / _HEADER).unlink(missing_ok=True)
                shutil.rmtree(folder)
        self.clear_work(key)

    def n_bytes(self, key: str) -> int:
        """Returns the size of an artifact's files; 0 when there is none."""
        folder = self.path(key)
        files = list(folder.iterdir()) if folder.is_dir() else []
        return sum(file.stat().st_size for file in files if file.is_file())

    def clear_work(self, key: str) -> None:
        """Removes the checkpoints of an artifact that is complete."""
        shutil.rmtree(self.work(key), ignore_errors=True)

    def _write(self, artifact: Artifact, folder: Path) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq
        from safetensors.torch import save_file

        if artifact.tensors:
            save_file(
                {name: t.detach().cpu().contiguous() for name, t in artifact.tensors.items()},
                folder / _TENSORS,
            )
        for name, rows in artifact.tables.items():
            pq.write_table(
                pa.Table.from_pylist([dict(row) for row in rows]), folder / f"{name}.parquet"
            )
        files = {file.name: _sha256(file) for file in sorted(folder.iterdir())}
        header = artifact.header.model_copy(
            update={"files": files, "format_version": _FORMAT_VERSION}
        )
        with (folder / _HEADER).open("w", encoding="utf-8") as out:
            out.write(header.model_dump_json(indent=1))
            out.flush()
            os.fsync(out.fileno())

    def _put(self, made: Path, final: Path) -> None:
        if final.exists():
            # A folder cannot be renamed onto one that holds files. What stands there is either
            # the same artifact, saved by another process, or a broken one.
            aside = Path(tempfile.mkdtemp(prefix=".old-", dir=self.root))
            final.replace(aside)
            shutil.rmtree(aside, ignore_errors=True)
        made.replace(final)


@contextmanager
def told(root: Path, what: str) -> Iterator[None]:
    """Turns what the file system refuses into words a user can act on.

    Args:
        root: Where it is written.
        what: What is, plural, capitalised.
    """
    try:
        yield
    except OSError as error:
        reasons = {
            errno.ENOSPC: "the disk is full",
            errno.EDQUOT: "the disk quota is used up",
            errno.EROFS: "it is read-only",
            errno.EACCES: "it may not be written",
            errno.EPERM: "it may not be written",
            errno.ENOENT: "that folder cannot be made there",
            errno.ENOTDIR: "a part of that path is a file",
            errno.EEXIST: "a file of that name stands there",
        }
        if error.errno not in reasons:
            raise
        raise DiffgaugeError(
            f"{what} cannot be kept in {root}: {reasons[error.errno]}.",
            advice="Set DIFFGAUGE_CACHE to a folder that can be written and has room.",
        ) from error


def _tensors(folder: Path, header: ArtifactHeader) -> "dict[str, torch.Tensor]":
    if _TENSORS not in header.files:
        return {}
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        loaded: dict[str, torch.Tensor] = load_file(folder / _TENSORS)
    except SafetensorError as error:
        raise _broken(folder, f"{_TENSORS} cannot be read ({error})") from error
    return loaded


def _tables(folder: Path, header: ArtifactHeader) -> dict[str, Table]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    found: dict[str, Table] = {}
    for name in header.files:
        if not name.endswith(".parquet"):
            continue
        try:
            found[name.removesuffix(".parquet")] = pq.read_table(folder / name).to_pylist()
        except pa.ArrowException as error:
            raise _broken(folder, f"{name} cannot be read ({error})") from error
    return found


def _broken(folder: Path, why: str) -> DiffgaugeError:
    return DiffgaugeError(
        f"The artifact in {folder} cannot be used: {why}.",
        advice="Remove that folder; it will be computed again.",
    )


def _sha256(file: Path) -> str:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def _megabytes(n_bytes: int) -> str:
    return f"{n_bytes / 2**20:,.0f} MiB"
