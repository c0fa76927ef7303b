"""Artifacts without an investigation: computed here for tasks, for the command line, for others."""

import gc
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal
from weakref import WeakValueDictionary

from diffgauge.evals.cells import Cell
from diffgauge.evals.readiness import corpora_of, prompts_of, settings_of
from diffgauge.evals.vetting import check_room, refuse
from diffgauge.methods import registry as methods
from diffgauge.methods.artifacts import ArtifactStore
from diffgauge.methods.method import Method, Progress
from diffgauge.organisms import registry as organisms
from diffgauge.records.errors import DiffgaugeError
from diffgauge.records.organisms import ApiPair, OrganismCard, WeightsSpec
from diffgauge.records.record import Record

if TYPE_CHECKING:
    from diffgauge.methods.artifacts import Artifact
    from diffgauge.models.pair import ModelPair

__all__ = ["Computed", "Step", "artifact_of", "computed", "loaded", "teller"]


class Computed(Record):
    """What became of one organism's artifact.

    Attributes:
        organism: Its id.
        state: ``computed`` now, ``there`` already, or ``failed``.
        key: The artifact's; None when it failed.
        seconds: What computing it took, now or then; None when it failed.
        n_bytes: Its size on disk; None when it failed.
        reason: Why it failed; None when it did not.
    """

    organism: str
    state: Literal["computed", "there", "failed"]
    key: str | None = None
    seconds: float | None = None
    n_bytes: int | None = None
    reason: str | None = None


@dataclass(frozen=True)
class Step:
    """How far a command over several organisms is.

    Attributes:
        organism: Whose artifact is being made or read.
        at: Organisms that are done.
        of: Organisms in all.
        doing: What is being done with it; empty before that is said.
        done: Units of that which are done.
        units: Units in all; 0 where that is not known.
    """

    organism: str
    at: int
    of: int
    doing: str = ""
    done: int = 0
    units: int = 0


def loaded(card: OrganismCard, spec: WeightsSpec, cell: Cell, device: str) -> "ModelPair":
    """Loads an organism's pair, when there is room for it.

    Args:
        card: The organism's.
        spec: Its pair, resolved.
        cell: Dtype, and what may be run.
        device: A torch device.

    Raises:
        DiffgaugeError: It does not fit into memory, or cannot be loaded.
    """
    from diffgauge.models.loading import load_pair

    check_room(spec, cell.dtype, device)
    return load_pair(
        spec,
        dtype=cell.dtype,
        device=device,
        tokenizers=card.tokenizers,
        trust_remote_code=cell.trust_remote_code,
    )


def artifact_of(
    cell: Cell,
    card: OrganismCard,
    method: Method,
    pair: "ModelPair",
    progress: Progress | None = None,
    *,
    anew: bool = False,
) -> "Artifact":
    """Returns the artifact that a cell shows of an organism, computed where it is missing.

    Everybody who needs an artifact comes through here, so that all mean the same one. Blocks: to
    be called on the thread that runs the pair.

    Args:
        cell: What is asked.
        card: The organism.
        method: The cell's method.
        pair: The organism's pair.
        progress: Told what is done.
        anew: As in `computation.obtain`.

    Raises:
        DiffgaugeError: As `computation.obtain`, or there is no text.
    """
    from diffgauge.methods.computation import obtain

    store, settings = ArtifactStore(), settings_of(cell, method)
    corpora = corpora_of(cell, card, method, settings)
    prompts = prompts_of(cell, card, method, settings)
    inputs = method.inputs(pair, corpora, settings, cell.seed, prompts)
    if not anew and (held := _in_use(store, inputs.key())) is not None:
        return held
    artifact = obtain(
        store, method, pair, corpora, settings, cell.seed, progress, prompts=prompts, anew=anew
    )
    _IN_USE[_address(store, inputs.key())] = artifact
    return artifact


_IN_USE: "WeakValueDictionary[tuple[str, int], Artifact]" = WeakValueDictionary()
"""By folder and time of writing: artifacts that a running sample holds. Those that come after it
share its copy, instead of reading and verifying the same bytes anew and holding them twice."""


def _address(store: ArtifactStore, key: str) -> tuple[str, int]:
    return str(store.path(key)), store.path(key).stat().st_mtime_ns


def _in_use(store: ArtifactStore, key: str) -> "Artifact | None":
    return _IN_USE.get(_address(store, key)) if store.has(key) else None


def computed(
    cell: Cell, told: Callable[[Step], None] | None = None, *, anew: bool = False
) -> Iterator[Computed]:
    """Computes what is missing of a cell's artifacts, one pair in memory at a time.

    A task of the same arguments finds them and computes nothing. What is interrupted continues
    from its last checkpoint the next time.

    Args:
        cell: Method, organisms and all that goes into an artifact; checked before
            (`readiness.check_cell`).
        told: Called as it goes on.
        anew: Computes what is there as well.

    Yields:
        What became of each organism, as it ends. One that cannot be loaded, fails its preflight
        or cannot be computed does not stop the others.
    """
    assert cell.method is not None
    method = methods.method(cell.method)
    for at, card in enumerate(cell.organisms):
        hear = teller(told, card, at, len(cell.organisms))
        try:
            yield _computed(cell, card, method, hear, anew)
        except DiffgaugeError as error:
            yield Computed(organism=card.id, state="failed", reason=str(error))
    teller(told, cell.organisms[-1], len(cell.organisms), len(cell.organisms))


def _computed(
    cell: Cell, card: OrganismCard, method: Method, hear: Progress, anew: bool
) -> Computed:
    from diffgauge.models.loading import device_named
    from diffgauge.models.service import run_here
    from diffgauge.organisms.checking import check_pair

    spec = organisms.resolved(card)
    assert not isinstance(spec, ApiPair), "no method takes one: cells.cell"
    # The last pair is collected first, where two would not fit.
    gc.collect()
    hear("loading", 0, 0)
    pair = loaded(card, spec, cell, device_named(cell.device))
    n_told = 0

    def count(doing: str, done: int, units: int) -> None:
        nonlocal n_told
        n_told += 1
        hear(doing, done, units)

    with run_here(pair):
        hear("preflight", 0, 0)
        refuse(card, check_pair(card, pair), allow_suspect=cell.allow_suspect)
        artifact = artifact_of(cell, card, method, pair, count, anew=anew)
    key = artifact.header.inputs.key()
    return Computed(
        organism=card.id,
        # A method that computes says so; one that finds its artifact has nothing to say.
        state="computed" if n_told else "there",
        key=key,
        seconds=artifact.header.seconds,
        n_bytes=ArtifactStore().n_bytes(key),
    )


def teller(told: Callable[[Step], None] | None, card: OrganismCard, at: int, of: int) -> Progress:
    """Returns what a method tells its progress to, for one organism of several.

    Args:
        told: What is told of every step; None for nobody.
        card: The organism.
        at: Organisms that are done.
        of: Organisms in all.
    """

    def hear(doing: str, done: int, units: int) -> None:
        if told is not None:
            told(Step(card.id, at, of, doing, done, units))

    hear("", 0, 0)
    return hear
