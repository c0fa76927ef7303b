"""Which artifacts a store holds, without reading what is in them."""

from collections.abc import Sequence
from dataclasses import dataclass

from diffgauge.methods.artifacts import ArtifactStore
from diffgauge.methods.keys import one_key, unfinished_bytes
from diffgauge.records.artifacts import ArtifactHeader
from diffgauge.records.errors import DiffgaugeError
from diffgauge.records.ids import SEGMENT

__all__ = ["Entry", "Unfinished", "inventory", "key_named", "unfinished"]


@dataclass(frozen=True)
class Entry:
    """One artifact.

    Attributes:
        key: Its address.
        header: What went in; None where that cannot be read.
        n_bytes: Of all its files.
        written: When it was saved, seconds since 1970.
        broken: Why it cannot be used, as far as its header tells; None when nothing is wrong.
    """

    key: str
    header: ArtifactHeader | None
    n_bytes: int
    written: float
    broken: str | None = None


@dataclass(frozen=True)
class Unfinished:
    """Checkpoints of an artifact that is not complete: the same command goes on from there."""

    key: str
    n_bytes: int


def inventory(store: ArtifactStore, method: str | None = None) -> list[Entry]:
    """Returns the artifacts in a store, the latest first.

    Args:
        store: The store.
        method: Only those of one method; None is all. Broken ones belong to none.
    """
    found = []
    for header in store.root.glob("*/header.json"):
        key = header.parent.name
        if not SEGMENT.fullmatch(key):
            continue
        broken, read = None, None
        try:
            read = store.header(key)
        except DiffgaugeError as error:
            broken = error.what
        if method is None or (read is not None and read.inputs.method == method):
            written = header.stat().st_mtime
            found.append(Entry(key, read, store.n_bytes(key), written, broken))
    return sorted(found, key=lambda one: (-one.written, one.key))


def unfinished(store: ArtifactStore) -> list[Unfinished]:
    """Returns what is left of computations that were cut off, sorted by key."""
    return [Unfinished(key, size) for key, size in unfinished_bytes(store.root).items() if size]


def key_named(store: ArtifactStore, asked: str, entries: Sequence[Entry] | None = None) -> str:
    """Returns the key that a user means.

    Args:
        store: The store.
        asked: A key, or its first digits where they fit one artifact alone.
        entries: The store's inventory, where it was taken already.

    Raises:
        DiffgaugeError: There is none, or several.
    """
    keys = [one.key for one in (inventory(store) if entries is None else entries)]
    return one_key(asked, keys, kind="artifact", several="artifacts")
