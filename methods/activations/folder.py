"""The folder of all activation stores: each at an address made of everything that went in."""

import os
import shutil
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Final

from safetensors.torch import save_file

from diffgauge.methods.activations.header import StoreHeader
from diffgauge.methods.activations.moments import Moments
from diffgauge.methods.activations.store import HEADER, MOMENTS, ActivationStore, broken
from diffgauge.methods.artifacts import told
from diffgauge.methods.keys import one_key, unfinished_bytes
from diffgauge.records.artifacts import ArtifactInputs
from diffgauge.records.cache import cache_folder
from diffgauge.records.errors import DiffgaugeError
from diffgauge.records.ids import SEGMENT, path_inside

__all__ = ["StoreFolder", "check_made_from"]

_SPARE_BYTES: Final = 64 * 2**20
"""Left free beside the activations: texts, checkpoints, headers."""


class StoreFolder:
    """Stores by key; what is half written is never taken for a store.

    Args:
        root: Where they are kept; None is the cache.
    """

    def __init__(self, root: Path | None = None) -> None:
        self.root = root if root is not None else cache_folder() / "activations"

    def path(self, key: str) -> Path:
        """Returns a store's folder, whether or not it exists."""
        return path_inside(self.root, key)

    def work(self, name: str) -> Path:
        """Returns the folder of a collection that is under way."""
        return self.root / ".work" / name

    def told(self) -> AbstractContextManager[None]:
        """Turns what the file system refuses into words a user can act on."""
        return told(self.root, "Activations")

    def has(self, key: str) -> bool:
        """Returns whether a complete store stands there."""
        return (self.path(key) / HEADER).is_file()

    def check_room(self, n_bytes: int, token_bytes: int) -> None:
        """Checks that a collection can be written, before any work is spent on it.

        Args:
            n_bytes: The most it can take.
            token_bytes: Of these, for each token and layer.

        Raises:
            DiffgaugeError: The folder cannot be made, or the disk lacks the room.
        """
        with self.told():
            self.root.mkdir(parents=True, exist_ok=True)
            free = shutil.disk_usage(self.root).free
        if free < n_bytes + _SPARE_BYTES:
            raise DiffgaugeError(
                f"Activations of up to {n_bytes:,} bytes ({token_bytes:,} for each token and "
                f"layer) were asked for; {self.root} has {free:,} bytes free.",
                advice="Read fewer texts or layers, keep the difference alone, read live "
                "(store=live), or set DIFFGAUGE_CACHE to a folder on another disk.",
            )

    def adopt(self, made: Path, header: StoreHeader, moments: Moments) -> None:
        """Completes a folder that a collection wrote, and puts it in its place."""
        save_file(moments.tensors(), made / MOMENTS)
        with (made / HEADER).open("w", encoding="utf-8") as out:
            out.write(header.model_dump_json(indent=1))
            out.flush()
            os.fsync(out.fileno())
        final = self.path(header.inputs.key())
        if final.exists():
            # Without a header: what `remove` was killed over.
            shutil.rmtree(final)
        made.replace(final)

    def opened(self, inputs: ArtifactInputs) -> ActivationStore:
        """Opens the store of these inputs.

        Raises:
            DiffgaugeError: There is none, it is damaged, or it was made from other inputs.
        """
        folder = self.path(inputs.key())
        store = ActivationStore(folder)
        check_made_from(store, inputs)
        return store

    def stores(self) -> Iterator[tuple[str, ActivationStore | DiffgaugeError]]:
        """Yields every store by key, sorted; what is wrong with it where it cannot be opened."""
        for header in sorted(self.root.glob(f"*/{HEADER}")):
            key = header.parent.name
            if not SEGMENT.fullmatch(key):
                continue
            try:
                yield key, ActivationStore(header.parent)
            except DiffgaugeError as error:
                yield key, error

    def unfinished(self) -> dict[str, int]:
        """Returns collections that were cut off, with the bytes they hold."""
        return unfinished_bytes(self.root)

    def key_named(self, asked: str) -> str:
        """Returns the key of a store, or of a collection that was cut off, that a user means.

        Raises:
            DiffgaugeError: There is none, or several.
        """
        keys = [*(header.parent.name for header in self.root.glob(f"*/{HEADER}"))]
        keys += self.unfinished()
        return one_key(asked, keys, kind="activation store", several="stores")

    def remove(self, key: str) -> None:
        """Removes a store, or a collection that was cut off."""
        with self.told():
            folder = self.path(key)
            if folder.exists():
                # The header goes first: half of a store must not look like a whole one.
                (folder / HEADER).unlink(missing_ok=True)
                shutil.rmtree(folder)
            shutil.rmtree(self.work(key), ignore_errors=True)


def check_made_from(store: ActivationStore, inputs: ArtifactInputs) -> None:
    """Checks that a store was made from these inputs.

    Raises:
        DiffgaugeError: It was not; what differs is named.
    """
    found, asked = store.header.inputs.model_dump(), inputs.model_dump()
    differing = [name for name in asked if found[name] != asked[name]]
    for name in differing:
        was, wanted = _differing(found[name], asked[name])
        raise broken(
            store.folder, f"they were made from another {name}: {was}; asked for was {wanted}"
        )


def _differing(found: Any, asked: Any) -> tuple[Any, Any]:
    """Returns of two mappings what differs."""
    if not isinstance(found, dict):
        return found, asked
    names = sorted(name for name in {*found, *asked} if found.get(name) != asked.get(name))
    return {name: found.get(name) for name in names}, {name: asked.get(name) for name in names}
