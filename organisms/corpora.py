"""Probe text by name: the zoo's own, built in, or a local file of texts."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Final, get_args

from diffgauge.organisms.registry import registry_of
from diffgauge.records.artifacts import hash_json
from diffgauge.records.corpora import Corpus, CorpusName
from diffgauge.records.errors import DiffgaugeError, unknown_name
from diffgauge.records.organisms import OrganismCard

__all__ = ["corpus"]

_ZOO: Final = "zoo"
_SUFFIXES: Final = (".jsonl", ".txt")
_CHUNK_BYTES: Final = 1 << 20


def corpus(
    card: OrganismCard, name: CorpusName, n_texts: int, seed: int, path: Path | None = None
) -> Corpus:
    """Returns probe text for one organism.

    Args:
        card: The organism; its own training text is what ``domain`` means.
        name: ``unrelated``, ``chat`` or ``domain``.
        n_texts: How many texts are wanted, at least 1.
        seed: Seeds the built-in generators; a file's texts are taken in their order.
        path: A local file instead of the built-in text: ``.jsonl`` with a field ``text`` on
            each line, or ``.txt`` with one text on each line.

    Returns:
        The corpus. From a file it holds the first `n_texts` texts, or all where there are fewer;
        `Corpus.n_texts` says how many.

    Raises:
        DiffgaugeError: The name is unknown, `n_texts` is below 1, there is no built-in text for
            this organism and no path, or the file is unreadable, malformed or holds no text.
    """
    if name not in get_args(CorpusName):
        raise unknown_name("corpus", name, get_args(CorpusName))
    if n_texts < 1:
        raise DiffgaugeError(f"{n_texts} texts were asked for.", allowed="1 or more")
    if path is not None:
        return _from_file(name, n_texts, Path(path))
    if registry_of(card.id) == _ZOO:
        return _from_zoo(card, name, n_texts, seed)
    raise DiffgaugeError(
        f"There is no built-in {name!r} text for the organism {card.id!r}.",
        advice="Give a local .jsonl or .txt file of texts.",
    )


def _from_zoo(card: OrganismCard, name: CorpusName, n_texts: int, seed: int) -> Corpus:
    from diffgauge.organisms.zoo.corpora import iterate_texts

    if name == "domain" and card.pair.kind == "identical":
        raise DiffgaugeError(
            f"The organism {card.id!r} was not trained on anything and has no domain text.",
            allowed="unrelated, chat",
        )
    # Only `domain` depends on the organism: the others are one and the same for the whole zoo.
    organism = card.id.removeprefix(f"{_ZOO}/") if name == "domain" else None

    def stream() -> Iterator[str]:
        return islice(iterate_texts(name, seed, organism), n_texts)

    # The texts themselves are hashed, not what they were asked for with: a change of the
    # generator then changes every key that depends on it, whether or not somebody said so.
    digest = hashlib.sha256(name.encode())
    try:
        for text in stream():
            data = text.encode()
            digest.update(len(data).to_bytes(8, "big"))
            digest.update(data)
    except (KeyError, ValueError) as error:
        raise DiffgaugeError(
            f"The zoo has no {name!r} text for the organism {card.id!r}: {error}.",
            advice="Give a local .jsonl or .txt file of texts.",
        ) from error
    return Corpus(name=name, fingerprint=digest.hexdigest(), n_texts=n_texts, stream=stream)


def _from_file(name: CorpusName, n_texts: int, path: Path) -> Corpus:
    if path.suffix not in _SUFFIXES:
        raise DiffgaugeError(
            f"The corpus {path} has another suffix.", allowed=" or ".join(_SUFFIXES)
        )
    digest = hashlib.sha256()
    try:
        with path.open("rb") as file:
            while chunk := file.read(_CHUNK_BYTES):
                digest.update(chunk)
        found = sum(1 for _ in islice(_texts(path), n_texts))
    except (OSError, UnicodeDecodeError) as error:
        raise DiffgaugeError(f"The corpus {path} cannot be read: {error}.") from error
    if found == 0:
        raise DiffgaugeError(f"The corpus {path} holds no text.")
    return Corpus(
        name=name,
        fingerprint=hash_json({"name": name, "file": digest.hexdigest(), "n_texts": found}),
        n_texts=found,
        stream=lambda: islice(_texts(path), n_texts),
    )


def _texts(path: Path) -> Iterator[str]:
    """Yields the texts of a file; blank ones are skipped."""
    with path.open(encoding="utf-8") as file:
        for number, line in enumerate(file, 1):
            if not line.strip():
                continue
            text = _text(path, number, line) if path.suffix == ".jsonl" else line.rstrip("\n")
            if text.strip():
                yield text


def _text(path: Path, number: int, line: str) -> str:
    try:
        entry = json.loads(line)
    except json.JSONDecodeError as error:
        raise DiffgaugeError(f"{path}, line {number}: not JSON: {error.msg}.") from error
    if not isinstance(entry, dict) or not isinstance(entry.get("text"), str):
        raise DiffgaugeError(
            f"{path}, line {number}, field 'text': every line is an object with a string 'text'."
        )
    text: str = entry["text"]
    return text
