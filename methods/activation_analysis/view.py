"""An artifact of the activation analysis as operations and the overview look at it."""

from collections.abc import Sequence
from typing import Any

from diffgauge.methods.activation_analysis.settings import AnalysisSettings
from diffgauge.methods.activation_analysis.totals import ALL
from diffgauge.methods.activations.source import Part
from diffgauge.methods.activations.view import DifferenceView
from diffgauge.methods.artifacts import Artifact
from diffgauge.methods.given_texts import MAX_CHARS
from diffgauge.methods.provenance import provenance
from diffgauge.records.results import Provenance

__all__ = ["View"]


class View(DifferenceView):
    """Reads an artifact's tables.

    Args:
        artifact: Of the activation analysis.
    """

    def __init__(self, artifact: Artifact) -> None:
        self.settings = AnalysisSettings.model_validate(artifact.header.inputs.settings)
        super().__init__(artifact, self.settings.layer)

    def summary(self, part: Part, measure: str, group: str = ALL) -> dict[str, Any] | None:
        """Returns a row of the summary, or None where no such token was met."""
        wanted = (part, measure, group)
        return next(
            (
                dict(row)
                for row in self.artifact.tables["summary"]
                if (row["part"], row["measure"], row["group"]) == wanted
            ),
            None,
        )

    def rows(self, table: str, **where: str) -> Sequence[dict[str, Any]]:
        """Returns the rows of a table with these values, in order."""
        return [
            dict(row)
            for row in self.artifact.tables[table]
            if all(row[name] == value for name, value in where.items())
        ]

    def stored_texts(self) -> list[str]:
        """Returns the texts of the largest differences; none where nothing differs."""
        found = dict.fromkeys(row["text"] for row in self.artifact.tables["texts"])
        return [text for text in found if text.strip() and len(text) <= MAX_CHARS]

    def provenance(self, *, corpus: bool = True) -> Provenance:
        """Returns the provenance of what was read in the corpus, or in given texts."""
        return provenance(self.artifact, layer=self.layer, corpus=corpus)
