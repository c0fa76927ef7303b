"""The border to Inspect's command line: a mistake a user can mend is a message, not a traceback."""

from collections.abc import Iterator
from contextlib import contextmanager

from inspect_ai._util.error import PrerequisiteError
from rich.markup import escape

from diffgauge.records.errors import DiffgaugeError
from diffgauge.records.printing import neutralised

__all__ = ["told_plainly"]


@contextmanager
def told_plainly() -> Iterator[None]:
    """Turns a `DiffgaugeError` into the one exception that Inspect prints without a traceback.

    Raises:
        PrerequisiteError: With the same words.
    """
    try:
        yield
    except DiffgaugeError as error:
        # Escaped, because Inspect prints it as markup, and what a user typed may hold brackets.
        raise PrerequisiteError(escape(neutralised(str(error)))) from error
