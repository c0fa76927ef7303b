"""Loading without what libraries print: pairs load inside other programs' displays."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["quiet_loading"]

_PEFT_ASKS = ".*is_gradient_checkpointing.*"
"""An attribute that PEFT reads and transformers has renamed: nothing a user could mend."""


@contextmanager
def quiet_loading() -> Iterator[None]:
    """Keeps transformers' progress bars and one warning off stderr, within it alone.

    What a user has set for warnings and bars stands again afterwards. Filters of warnings belong
    to the process: loads that may run at the same time take turns (`loading.load_pair` does).
    """
    from transformers.utils import logging

    shown = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", _PEFT_ASKS, FutureWarning)
            yield
    finally:
        if shown:
            logging.enable_progress_bar()
