"""Whether a folder takes files, asked before anything is spent on what will be written there."""

import tempfile
from pathlib import Path

from diffgauge.records.errors import DiffgaugeError

__all__ = ["check_writable"]


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
