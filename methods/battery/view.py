"""A battery artifact as operations and the overview look at it."""

from typing import Any

from diffgauge.methods.artifacts import Artifact
from diffgauge.methods.battery.settings import BatterySettings
from diffgauge.methods.paired_replies import none_differs, replies_by_pair
from diffgauge.methods.provenance import provenance
from diffgauge.records.results import Provenance
from diffgauge.records.subjects import Side, other_side

__all__ = ["View"]


class View:
    """Reads an artifact's tables.

    Args:
        artifact: Of the battery.
    """

    def __init__(self, artifact: Artifact) -> None:
        self.artifact = artifact
        self.settings = BatterySettings.model_validate(artifact.header.inputs.settings)
        [test] = artifact.tables["test"]
        self.p_value: float = test["p_value"]
        self.n_shown: int = test["n_shown"]
        self.n_tested: int = test["n_tested"]
        self.n_prompts: int = test["n_prompts"]

    @property
    def nothing(self) -> str | None:
        """Why there is nothing to list, or None when there is something."""
        return none_differs(replies_by_pair(self.artifact.tables["samples"]))

    @property
    def caution(self) -> str | None:
        """What a list has to say beside, where no difference is shown by the test."""
        if self.n_shown:
            return None
        return (
            "Ranked all the same, but the test shows no difference "
            f"(p = {self.p_value:.2g}): this may be chance."
        )

    def terms(self, side: Side, n: int) -> list[dict[str, Any]]:
        """Returns the first n words that lean to one model, best first."""
        rows = [dict(row) for row in self.artifact.tables["terms"] if row["side"] == side]
        return sorted(rows, key=lambda row: int(row["rank"]))[:n]

    def styles(self, side: Side) -> list[dict[str, Any]]:
        """Returns what one model has more of, most surely different first.

        Columns: ``name own other stderr corrected``.
        """
        rows = [
            {
                "name": row["name"],
                "own": row[side],
                "other": row[other_side(side)],
                "stderr": row["stderr"],
                "corrected": row["corrected"],
            }
            for row in self.artifact.tables["styles"]
            if row[side] > row[other_side(side)]
        ]
        return sorted(rows, key=lambda row: (row["corrected"], row["name"]))

    def prompts(self) -> list[str]:
        """Returns the prompts that were asked, in order."""
        return list(dict.fromkeys(str(row["prompt"]) for row in self.artifact.tables["samples"]))

    def replies(self, side: Side, prompt: str) -> list[str]:
        """Returns one model's replies to a prompt."""
        return [
            str(row["reply"])
            for row in self.artifact.tables["samples"]
            if (row["model"], row["prompt"]) == (side, prompt)
        ]

    def provenance(self) -> Provenance:
        """Returns the provenance of anything in the artifact; no corpus is read."""
        return provenance(self.artifact, corpus=False)
