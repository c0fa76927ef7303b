"""Folders a user names: whether one is there, and whether it takes files."""

import tempfile
from collections.abc import Mapping
from pathlib import Path

from diffgauge.records.errors import DiffgaugeError

__all__ = ["check_writable", "folder_named", "is_there", "write_files"]


def folder_named(text: str, root: Path | None = None) -> Path | None:
    """Returns the folder a text names.

    Args:
        text: A path, ``~`` allowed; any text at all may be given.
        root: What a relative path is relative to; None is the working directory.

    Returns:
        The resolved folder; None where there is none, or the text can be no path (no such home,
        a NUL, a name too long).
    """
    try:
        path = Path(text).expanduser()
        found = path if root is None else root / path
        return found.resolve() if found.is_dir() else None
    except (OSError, RuntimeError, ValueError):
        return None


def is_there(text: str) -> bool:
    """Says whether a text is the path of anything at all; any text may be given."""
    try:
        return Path(text).expanduser().exists()
    except (OSError, RuntimeError, ValueError):
        return False


def check_writable(folder: Path, what: str, advice: str) -> None:
    """Makes a folder where it is not there, and checks that files can be written into it.

    Args:
        folder: Where something will be written.
        what: That something, plural, capitalised, e.g. "Logs".
        advice: What to do when it cannot be.

    Raises:
        DiffgaugeError: The folder cannot be made or written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryDirectory(prefix=".probe-", dir=folder).cleanup()
    except OSError as error:
        raise DiffgaugeError(
            f"{what} cannot be written to {folder}: {error.strerror or error}.", advice=advice
        ) from error


def write_files(folder: Path, contents: Mapping[str, bytes], what: str, advice: str) -> list[Path]:
    """Writes files into a folder; each is there completely or not at all.

    Args:
        folder: Where; made where it is not there.
        contents: By name; ``folder/name`` stands in a folder below.
        what: What they are, capitalised, e.g. "The evaluation".
        advice: What to do when they cannot be written.

    Returns:
        The files, in the order given.

    Raises:
        DiffgaugeError: The folder cannot be made or written.
    """
    check_writable(folder, what, advice)
    try:
        for name, content in contents.items():
            path = folder / name
            path.parent.mkdir(exist_ok=True)
            partial = path.with_name(f".{path.name}.partial")
            partial.write_bytes(content)
            partial.replace(path)
    except OSError as error:
        raise DiffgaugeError(
            f"{what} cannot be written to {folder}: {error.strerror or error}.", advice=advice
        ) from error
    return [folder / name for name in contents]
