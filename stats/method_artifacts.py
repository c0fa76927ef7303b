"""A method's settings and artifacts, as the logs name them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from diffgauge.records.artifacts import ArtifactInputs
from diffgauge.records.rows import Row
from diffgauge.stats.evidence import mark
from diffgauge.stats.logs import Logs
from diffgauge.stats.method_logs import artifact_of
from diffgauge.stats.parts import Listing, Part, Words
from diffgauge.stats.tables import Column, Table, Value

__all__ = ["artifact_tables"]

_DIGITS: Final = 12
_SHAM: Final = "sham"


def artifact_tables(rows: Sequence[Row], read: Logs) -> tuple[Part, ...]:
    """Returns a line for each artifact, and the settings they were computed with.

    Args:
        rows: Of one method; those of the arm ``sham``, which show another organism's artifact,
            are passed over.
        read: The logs they come from.
    """
    found: dict[str, tuple[Row, Mapping[str, Any]]] = {}
    seen: set[tuple[str, str, int | None, str]] = set()
    for row in rows:
        key = row.organism, row.arm_id.split(":")[0], row.seed, row.corpus
        if row.arm == _SHAM or key in seen:
            continue
        header = artifact_of(row, read)
        if header is not None:
            seen.add(key)
            found.setdefault(_key(header), (row, header))
    if not found:
        return (Words(("The logs name no artifact.",)),)
    return _artifacts(found, mark(rows)), _settings(found)


def _key(header: Mapping[str, Any]) -> str:
    """Returns the address of an artifact; of a header of another version, its pair's hash."""
    try:
        return ArtifactInputs.model_validate_json(json.dumps(header["inputs"])).key()
    except ValueError:
        return json.dumps(header["inputs"], sort_keys=True)[:_DIGITS]


def _settings(found: Mapping[str, tuple[Row, Mapping[str, Any]]]) -> Listing:
    """Every setting with its values: usually one, several where artifacts differ in it."""
    values: dict[str, set[str]] = {}
    for _, header in found.values():
        inputs = header["inputs"]
        named = {"method version": inputs.get("method_version"), "seed": inputs.get("seed")}
        for name, value in (named | (inputs.get("settings") or {})).items():
            values.setdefault(str(name), set()).add(json.dumps(value))
    lines = [f"{name} = {' or '.join(sorted(held))}" for name, held in values.items()]
    return Listing("Settings, which docs/methods explains", "\n".join(lines))


def _artifacts(found: Mapping[str, tuple[Row, Mapping[str, Any]]], evidence: str) -> Table:
    rows: list[dict[str, Value]] = []
    for key, (row, header) in sorted(found.items(), key=lambda one: (one[1][0].organism, one[0])):
        inputs = header["inputs"]
        n_texts, sources = header.get("n_texts") or {}, header.get("sources") or {}
        corpora = inputs.get("corpora") or {}
        rows.append(
            {
                "organism": row.organism,
                "key": key,
                "corpus": "; ".join(
                    f"{name}: {n_texts.get(name, '?')} texts"
                    f"{f', {sources[name]}' if name in sources else ''}, {str(digest)[:_DIGITS]}"
                    for name, digest in corpora.items()
                ),
                "interactions": header.get("precompute_interactions"),
                "seconds": header.get("seconds"),
                "finetuned": str((inputs.get("pair") or {}).get("finetuned"))[:_DIGITS],
            }
        )
    return Table(
        "artifacts",
        "Artifacts",
        "One for each organism and set of settings. The same key is the same artifact: pair, "
        "settings, texts and seed.",
        (
            Column("organism", "organism", "The pair."),
            Column("key", "artifact key", "'diffgauge artifacts list' names it too."),
            Column(
                "corpus",
                "read",
                f"Texts, where from, first {_DIGITS} digits of their hash.",
            ),
            Column("interactions", "precompute interactions", "Replies sampled to build it."),
            Column("seconds", "seconds", "Its computation took, on whatever machine that was."),
            Column("finetuned", "finetuned side", f"First {_DIGITS} digits of its weights' hash."),
        ),
        tuple(rows),
        evidence,
    )
