"""Tables as two files: a page in Markdown and its twin in JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from diffgauge.records.errors import DiffgaugeError
from diffgauge.records.folders import check_writable
from diffgauge.records.printing import neutralised
from diffgauge.stats.markdown import table_markdown
from diffgauge.stats.rendering import table_json
from diffgauge.stats.tables import Table

__all__ = ["page_data", "page_markdown", "write_page"]


def page_markdown(
    title: str, lead: Sequence[str], command: str, tables: Sequence[Table], notes: Sequence[str]
) -> str:
    """Returns a page: title, what it says and does not say, the command, tables, notes.

    Args:
        title: Heading.
        lead: Paragraphs above the tables.
        command: The command that does it again.
        tables: In order.
        notes: What a reader should know beside.
    """
    parts = [
        f"# {neutralised(title)}",
        *map(neutralised, lead),
        f"```\n{neutralised(command)}\n```",
    ]
    parts += [table_markdown(table) for table in tables]
    if notes:
        listed = "\n".join(f"- {' '.join(neutralised(one).split())}" for one in notes)
        parts.append(f"## Notes\n\n{listed}")
    return "\n\n".join(parts) + "\n"


def page_data(
    evidence: str,
    lead: Sequence[str],
    command: str,
    about: Mapping[str, Any],
    tables: Sequence[Table],
    notes: Sequence[str],
    rows: Sequence[Mapping[str, Any]],
) -> dict[str, Any]:
    """Returns the same as plain JSON values, with the rows it rests on; what is missing is null.

    Args: As in `page_markdown`, beside the mark, what was run, and the rows.
    """
    return {
        "evidence": evidence,
        "caution": list(lead),
        "command": command,
        "about": dict(about),
        "notes": list(notes),
        "tables": {table.name: table_json(table) for table in tables},
        "rows": [dict(row) for row in rows],
    }


def write_page(out: Path, name: str, markdown: str, data: Mapping[str, Any]) -> tuple[Path, Path]:
    """Writes a page and its twin; each is there completely or not at all.

    Args:
        out: Folder; made where it is not there.
        name: Of both files, without ending.
        markdown: The page.
        data: The twin.

    Returns:
        Where they stand.

    Raises:
        DiffgaugeError: The folder cannot be written.
    """
    advice = "Name another folder with --out."
    check_writable(out, "The page", advice)
    contents = {
        out / f"{name}.md": markdown,
        out / f"{name}.json": json.dumps(data, indent=1, allow_nan=False) + "\n",
    }
    try:
        for path, content in contents.items():
            partial = path.with_name(f".{path.name}.partial")
            partial.write_text(content, encoding="utf-8")
            partial.replace(path)
    except OSError as error:
        raise DiffgaugeError(
            f"The page cannot be written to {out}: {error.strerror or error}.", advice=advice
        ) from error
    page, twin = contents
    return page, twin
