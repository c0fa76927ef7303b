"""Which engine fits: HiBayES where it can be had, else NumPyro directly."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from diffgauge.records.errors import unknown_name
from diffgauge.stats.answers import Engine
from diffgauge.stats.engines.direct import fit_directly
from diffgauge.stats.engines.hibayes import fit_by_hibayes, hibayes_command

__all__ = ["ENGINES", "Chosen", "EngineName", "choose"]

EngineName = Literal["auto", "direct", "hibayes"]

ENGINES: Final = ("auto", "direct", "hibayes")


@dataclass(frozen=True)
class Chosen:
    """An engine and why it was taken.

    Attributes:
        name: ``direct`` or ``hibayes``.
        fit: What fits.
        reason: In words, for the report.
    """

    name: str
    fit: Engine
    reason: str


def choose(name: str) -> Chosen:
    """Returns the engine asked for.

    Args:
        name: ``auto`` takes HiBayES where it is importable or its environment is set up.

    Raises:
        DiffgaugeError: There is no such engine, or HiBayES is asked for and is not there.
    """
    if name not in ENGINES:
        raise unknown_name("engine", name, ENGINES)
    if name == "direct":
        return Chosen("direct", fit_directly, "NumPyro directly, as asked")
    found = hibayes_command() if name == "auto" else hibayes_command(required=True)
    if found is None:
        return Chosen(
            "direct",
            fit_directly,
            "NumPyro directly, because HiBayES is not set up",
        )
    return Chosen("hibayes", fit_by_hibayes, "HiBayES in an environment of its own")
