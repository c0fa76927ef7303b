"""Methods by name. Names are known without loading any method's code."""

import sys
from functools import lru_cache
from importlib.metadata import EntryPoint, entry_points

from diffgauge.methods.method import Method
from diffgauge.records.errors import DiffgaugeError, unknown_name

__all__ = ["BUILT_IN", "GROUP", "method", "names"]

GROUP = "diffgauge.methods"
"""Entry point group: ``name = "package.module:Class"``, the class a `Method`."""

BUILT_IN = {
    "activation_analysis": "diffgauge.methods.activation_analysis.method:ActivationAnalysis",
    "activation_oracle": "diffgauge.methods.activation_oracle.method:ActivationOracle",
    "adl": "diffgauge.methods.adl.method:ADL",
    "amplification": "diffgauge.methods.amplification.method:WeightAmplification",
    "battery": "diffgauge.methods.battery.method:PromptBattery",
    "crosscoder": "diffgauge.methods.crosscoder.method:Crosscoder",
    "diff_mining": "diffgauge.methods.diff_mining.method:DiffMining",
    "kl": "diffgauge.methods.kl.method:KL",
    "llm_diff": "diffgauge.methods.llm_diff.method:LLMDiff",
    "pca": "diffgauge.methods.pca.method:PCA",
    "perplexity_diff": "diffgauge.methods.perplexity_diff.method:PerplexityDiff",
    "sae_difference": "diffgauge.methods.sae_difference.method:SAEDifference",
}
"""The same lines as in pyproject.toml, for a source tree that is not installed."""


def _entries() -> dict[str, EntryPoint]:
    found = {name: EntryPoint(name, value, GROUP) for name, value in BUILT_IN.items()}
    for entry in _registered(tuple(sys.path)):
        known = found.setdefault(entry.name, entry)
        if known.value != entry.value:
            raise DiffgaugeError(
                f"Two packages register the method {entry.name!r}: "
                f"{known.value} and {entry.value}.",
                advice="Uninstall one of them or rename its entry point.",
            )
    return found


@lru_cache(maxsize=4)
def _registered(path: tuple[str, ...]) -> tuple[EntryPoint, ...]:
    """Asks every installed package, once for each search path: that takes some milliseconds."""
    del path
    return tuple(entry_points(group=GROUP))


def names() -> list[str]:
    """Returns the names of all registered methods, sorted. Loads none of them."""
    return sorted(_entries())


def method(name: str) -> Method:
    """Loads a method.

    Args:
        name: As registered.

    Returns:
        A new instance.

    Raises:
        DiffgaugeError: No such method, or its package cannot be loaded or gives no method of
            that name.
    """
    entries = _entries()
    if name not in entries:
        raise unknown_name("method", name, entries)
    entry = entries[name]
    try:
        loaded = entry.load()
    except (ImportError, AttributeError) as error:
        raise DiffgaugeError(
            f"The method {name!r} is registered as {entry.value}, which cannot be loaded: {error}.",
            advice="Reinstall the package it comes from.",
        ) from error
    if not (isinstance(loaded, type) and issubclass(loaded, Method)):
        raise DiffgaugeError(
            f"The method {name!r} is registered as {entry.value}, which is no Method.",
            allowed="a subclass of diffgauge.methods.method.Method",
        )
    made = loaded()
    if made.name != name:
        raise DiffgaugeError(
            f"The method registered as {name!r} calls itself {made.name!r}.",
            advice="Give the entry point and the class one name.",
        )
    return made
