"""An artifact of LLM diffing as operations and the overview look at it."""

from typing import Any, Final

from diffgauge.methods.artifacts import Artifact
from diffgauge.methods.llm_diff.settings import LLMDiffSettings
from diffgauge.methods.paired_replies import none_differs, replies_by_pair
from diffgauge.methods.provenance import provenance
from diffgauge.records.results import Provenance
from diffgauge.records.subjects import SIDES, Side

__all__ = ["View"]

_NONE: Final = "Replies differ, but nothing that was seen of them makes a cluster."


class View:
    """Reads an artifact's tables.

    Args:
        artifact: Of LLM diffing.
    """

    def __init__(self, artifact: Artifact) -> None:
        self.artifact = artifact
        self.settings = LLMDiffSettings.model_validate(artifact.header.inputs.settings)
        self.held_out = [str(row["prompt"]) for row in artifact.tables["held_out"]]
        self.clusters: list[dict[str, Any]] = [dict(row) for row in artifact.tables["clusters"]]
        self._said = replies_by_pair(artifact.tables["samples"])

    @property
    def n_pairs(self) -> int:
        """Pairs of replies that were compared."""
        return len(self._said)

    @property
    def n_properties(self) -> int:
        """Properties that were seen in them."""
        return len(self.artifact.tables["properties"])

    @property
    def nothing(self) -> str | None:
        """Why there is no cluster, or None when there is one."""
        return none_differs(self._said) or (None if self.clusters else _NONE)

    def prompts(self) -> list[str]:
        """Returns the prompts that were asked, in order."""
        return list(dict.fromkeys(prompt for prompt, _ in self._said))

    def examples(self, cluster: int, n: int) -> list[tuple[str, dict[Side, str]]]:
        """Returns prompts with both replies of which the first n members of a cluster speak."""
        keys = dict.fromkeys(
            (row["prompt"], row["number"])
            for row in self.artifact.tables["properties"]
            if row["cluster"] == cluster
        )
        return [(key[0], {side: self._said[key][side] for side in SIDES}) for key in [*keys][:n]]

    def provenance(self) -> Provenance:
        """Returns the provenance of anything in the artifact; no corpus is read."""
        return provenance(self.artifact, corpus=False)
