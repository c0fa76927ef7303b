"""Card files on disk: YAML, read once for each change; mistakes named by file, line and field."""

from __future__ import annotations

import os
from collections.abc import Hashable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Final, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from diffgauge.records.errors import DiffgaugeError

__all__ = ["CardFile", "YamlFile", "card_files", "read_yaml", "roots", "validated"]

ENVIRONMENT: Final = "DIFFGAUGE_ORGANISMS"
"""Environment variable that names the user's folder of cards."""

_USER_FOLDER: Final = "organisms.d"
_PACKAGED: Final = Path(__file__).parent / "cards"
_LARGEST_BYTES: Final = 1_000_000
_PARTS: Final = frozenset({"public", "truth"})
_LOADER: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

_M = TypeVar("_M", bound=BaseModel)


@dataclass(frozen=True, eq=False)
class YamlFile:
    """One YAML document with the place of each of its nodes; equal to itself alone.

    Attributes:
        path: Where it stands.
        data: The document as plain Python values.
        node: Its node tree, kept for line numbers; None when the document is empty.
    """

    path: Path
    data: Any
    node: yaml.Node | None

    def line(self, where: tuple[int | str, ...]) -> int:
        """Returns the 1-based line of a field, or of its nearest ancestor that is there."""
        node, line = self.node, 1
        for step in where:
            child = _child(node, step)
            if child is None:
                break
            node, line = child
        return line


@dataclass(frozen=True)
class CardFile:
    """One organism's card: which file, below which root."""

    root: Path
    yaml: YamlFile

    @property
    def path(self) -> Path:
        """Where the card stands."""
        return self.yaml.path


def _child(node: yaml.Node | None, step: int | str) -> tuple[yaml.Node, int] | None:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if key.value == str(step):
                return value, key.start_mark.line + 1
    if isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
        return node.value[step], node.value[step].start_mark.line + 1
    return None


def _refuse_twins(path: Path, node: yaml.Node | None) -> None:
    """Refuses a mapping that gives one key twice: YAML would silently keep the last."""
    if isinstance(node, yaml.MappingNode):
        seen: set[Hashable] = set()
        for key, value in node.value:
            if key.value in seen:
                raise DiffgaugeError(
                    f"{path}, line {key.start_mark.line + 1}: "
                    f"the field {key.value!r} is given twice.",
                    advice="Keep one of them.",
                )
            seen.add(key.value)
            _refuse_twins(path, value)
    elif isinstance(node, yaml.SequenceNode):
        for value in node.value:
            _refuse_twins(path, value)


@lru_cache(maxsize=4096)
def _read(path: Path, stamp: tuple[int, int]) -> YamlFile:
    """Reads a file; `stamp` (modification time, size) makes an edited file be read anew."""
    if stamp[1] > _LARGEST_BYTES:
        raise DiffgaugeError(f"{path} has {stamp[1]} bytes; a card has {_LARGEST_BYTES} at most.")
    try:
        text = path.read_text(encoding="utf-8")
        node = yaml.compose(text, Loader=_LOADER)
        _refuse_twins(path, node)
        data = yaml.load(text, Loader=_LOADER)
    except (OSError, UnicodeDecodeError) as error:
        raise DiffgaugeError(f"{path} cannot be read: {error}.") from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f", line {mark.line + 1}" if mark is not None else ""
        problem = getattr(error, "problem", None) or str(error)
        raise DiffgaugeError(
            f"{path}{line}: not valid YAML: {problem}.", advice="Mend that line."
        ) from error
    return YamlFile(path, data, node)


def read_yaml(path: Path) -> YamlFile:
    """Reads one YAML document safely; an unchanged file is parsed once.

    Args:
        path: The file.

    Returns:
        The document with its line numbers.

    Raises:
        DiffgaugeError: The file is unreadable, too large, not YAML, or gives a field twice.
    """
    try:
        status = path.stat()
    except OSError as error:
        raise DiffgaugeError(f"{path} cannot be read: {error}.") from error
    return _read(path, (status.st_mtime_ns, status.st_size))


def validated(model: type[_M], source: YamlFile, where: tuple[int | str, ...]) -> _M:
    """Builds a record from one part of a document.

    Args:
        model: The record's type.
        source: The document.
        where: Path of keys and indices to the part.

    Returns:
        The record.

    Raises:
        DiffgaugeError: A field is missing, unknown or malformed; the message names the file, the
            line and the field.
    """
    part = source.data
    for step in where:
        part = part[step]
    try:
        return model.model_validate(part, strict=False)
    except ValidationError as error:
        first = error.errors()[0]
        raise DiffgaugeError(_complaint(source, where, first, error.error_count())) from error
    except DiffgaugeError as error:
        # An id's own check speaks of the value alone; the field is the one that holds it.
        held = [key for key, value in part.items() if repr(value) in str(error)]
        place = (*where, *held[:1])
        field = ".".join(str(step) for step in place)
        raise DiffgaugeError(
            f"{source.path}, line {source.line(place)}, field {field!r}: {error}"
        ) from error


def _complaint(source: YamlFile, where: tuple[int | str, ...], first: Any, n_errors: int) -> str:
    # A discriminated union puts its tag into the location; the file has no such key.
    inside = tuple(
        step
        for at, step in enumerate(first["loc"])
        if not (at and step in ("adapter", "full", "identical") and first["loc"][at - 1] == "pair")
    )
    place = (*where, *inside)
    message = str(first["msg"]).removeprefix("Value error, ")
    field = ".".join(str(step) for step in place)
    more = f" ({n_errors - 1} more problems in this file)" if n_errors > 1 else ""
    return f"{source.path}, line {source.line(place)}, field {field!r}: {message}.{more}"


def roots() -> list[Path]:
    """Returns the folders that hold cards: the package's, then the user's.

    Returns:
        The packaged folder where there is one; then the folder named by `DIFFGAUGE_ORGANISMS`,
        or ``./organisms.d`` where the variable is not set and that folder exists.

    Raises:
        DiffgaugeError: `DIFFGAUGE_ORGANISMS` names something that is not a folder.
    """
    found = [_PACKAGED] if _PACKAGED.is_dir() else []
    named = os.environ.get(ENVIRONMENT, "").strip()
    if named:
        folder = Path(named).expanduser()
        if not folder.is_dir():
            raise DiffgaugeError(
                f"{ENVIRONMENT} names {named!r}, which is not a folder.",
                advice="Make the folder, or unset the variable.",
            )
        return [*found, folder]
    own = Path(_USER_FOLDER)
    return [*found, own] if own.is_dir() else found


def card_files() -> Iterator[CardFile]:
    """Yields every card file below the roots, sorted; names that begin with ``_`` are skipped.

    Raises:
        DiffgaugeError: A file is not a mapping with the parts ``public`` and ``truth``.
    """
    for root in roots():
        for path in sorted(root.rglob("*.yaml")):
            if path.name.startswith(("_", ".")):
                continue
            # Only a link can lead out of the folder it was found in.
            if path.is_symlink() and not path.resolve().is_relative_to(root.resolve()):
                raise DiffgaugeError(f"{path} leads outside {root}.", advice="Copy the card there.")
            source = read_yaml(path)
            data = source.data
            if not isinstance(data, dict) or not isinstance(data.get("public"), dict):
                raise DiffgaugeError(
                    f"{path}, line 1, field 'public': a card is a mapping with the parts 'public' "
                    "and 'truth'.",
                    advice="A file that is no card is skipped when its name begins with '_'.",
                )
            for part in data:
                if part not in _PARTS:
                    raise DiffgaugeError(
                        f"{path}, line {source.line((part,))}: unknown part {part!r}.",
                        allowed="public, truth",
                    )
            yield CardFile(root, source)
