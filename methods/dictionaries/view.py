"""An artifact of a dictionary as operations and the overview look at it."""

from collections.abc import Mapping
from typing import Any, Final, Literal

from torch import Tensor

from diffgauge.methods.artifacts import Artifact
from diffgauge.methods.dictionaries.dictionary import Dictionary
from diffgauge.methods.dictionaries.specificity import DEAD, SHARED
from diffgauge.methods.provenance import provenance
from diffgauge.methods.shortening import shortened, significant
from diffgauge.records.errors import DiffgaugeError
from diffgauge.records.results import Exemplar, Latent, Provenance
from diffgauge.records.subjects import SIDES, Side

__all__ = ["IDENTICAL", "SIGNED", "Kind", "Sort", "View"]

Kind = Literal["specific", "shared", "rejected", "all"]
Sort = Literal["effect", "specificity", "rate", "largest"]

IDENTICAL: Final = (
    "The two models' activations are identical on everything that was read: there is no "
    "difference to take apart, nothing was trained, and there are no latents."
)
SIGNED: Final = "signed"
"""Fact of dictionaries whose latents point from one model to the other, with the sign of that."""

_NO_SIGN: Final = 0.0
_ALIKE: Final = 0.5


class View:
    """Reads an artifact's tables.

    Args:
        artifact: Of a method that trains a dictionary.
    """

    def __init__(self, artifact: Artifact) -> None:
        self.artifact = artifact
        self.method = artifact.header.inputs.method
        self.settings: dict[str, Any] = artifact.header.inputs.settings
        self.facts: dict[str, float] = {
            row["name"]: row["value"] for row in artifact.tables["facts"]
        }
        self._rows: list[dict[str, Any]] = [dict(row) for row in artifact.tables["latents"]]
        self._tokens = _grouped(artifact, "tokens")
        self._exemplars = _grouped(artifact, "exemplars")

    @property
    def nothing(self) -> str | None:
        """Why there are no latents that fire, with numbers, or None when there are some."""
        if not self._rows:
            return IDENTICAL
        if any(row["kind"] != DEAD for row in self._rows):
            return None
        return (
            f"All {len(self._rows)} latents are dead: none fires on any of the "
            f"{self.facts['tokens']:.0f} positions that were read."
        )

    @property
    def signed(self) -> float:
        """The sign with which a latent's vector points toward the finetuned model; 0 for none."""
        return self.facts.get(SIGNED, _NO_SIGN)

    def ranked(self, side: Side, kind: Kind, sort: Sort, n: int) -> list[dict[str, Any]]:
        """Returns latents toward a model, best first; dead ones never.

        Args:
            side: Toward which.
            kind: ``specific``: this model's own. ``rejected``: this model's own by their norms
                and not by latent scaling. ``shared``: both models' alike. ``all``: of all those
                that are not more of the other model.
            sort: By which number.
            n: At most so many.
        """
        found = [row for row in self._rows if self._is(row, side, kind)]
        return sorted(found, key=lambda row: -self._number(row, side, sort))[:n]

    def _is(self, row: Mapping[str, Any], side: Side, kind: Kind) -> bool:
        if row["kind"] == DEAD:
            return False
        if kind == "all":
            return self.speaks_for(row, side)
        if kind == "shared":
            return bool(row["kind"] == SHARED)
        return bool(row[f"own_{side}"]) and bool(row["rejected"]) == (kind == "rejected")

    def _number(self, row: Mapping[str, Any], side: Side, sort: Sort) -> float:
        if sort == "specificity":
            return self.specificity(row, side)
        return float(row[{"effect": "effect", "rate": "rate", "largest": "peak"}[sort]])

    def specificity(self, row: Mapping[str, Any], side: Side) -> float:
        """Returns 1 for a latent of this model alone, 0.5 of both alike, 0 of the other alone."""
        return float(row[f"specificity_{side}"])

    def speaks_for(self, row: Mapping[str, Any], side: Side) -> bool:
        """Returns whether a latent is listed toward a model: unless it is more of the other."""
        return self.specificity(row, side) >= _ALIKE

    def is_listed(self, row: Mapping[str, Any]) -> bool:
        """Returns whether passages of a latent are kept."""
        return int(row["latent"]) in self._exemplars

    def passages(self, latent: int) -> list[str]:
        """Returns where a latent fires most, the largest activation first."""
        return [one["passage"] for one in self._exemplars.get(latent, ())]

    def sides(self, stored: Tensor) -> Tensor:
        """Returns what the dictionary encodes of both models' activations.

        Args:
            stored: float32 (token side d_model), base first.
        """
        if self.signed == _NO_SIGN:
            return stored
        return self.signed * (stored[:, 1:] - stored[:, :1])

    def row(self, latent: int) -> dict[str, Any]:
        """Returns the numbers of a latent.

        Raises:
            DiffgaugeError: There is no such latent.
        """
        if not 0 <= latent < len(self._rows):
            raise DiffgaugeError(
                f"There is no latent {latent}. {self.nothing or ''}".strip(),
                allowed=f"0 to {len(self._rows) - 1}" if self._rows else "none",
            )
        return self._rows[latent]

    def first(self) -> int:
        """Returns the latent to look at first.

        Raises:
            DiffgaugeError: None ever fired.
        """
        for kind in ("specific", "all"):
            best = [row for side in SIDES for row in self.ranked(side, kind, "effect", 1)]
            if best:
                return int(max(best, key=lambda row: row["effect"])["latent"])
        raise DiffgaugeError(
            f"There is no latent that fires. {self.nothing or ''}".strip(), allowed="none"
        )

    def shown(
        self,
        row: Mapping[str, Any],
        side: Side,
        n_tokens: int | None = None,
        n_exemplars: int | None = None,
        chars: int = 400,
    ) -> Latent:
        """Returns a latent as it is shown toward a model.

        Args:
            row: Its numbers.
            side: Toward which.
            n_tokens: Tokens shown; None shows all that are kept.
            n_exemplars: Passages shown; None likewise.
            chars: Longest passage.
        """
        latent = int(row["latent"])
        tokens = [one["token"] for one in self._tokens.get(latent, ()) if one["side"] == side]
        found = self._exemplars.get(latent, [])
        return Latent(
            index=latent,
            scores=self._scores(row, side),
            tokens=tuple(tokens[:n_tokens]),
            exemplars=tuple(
                Exemplar(
                    text=shortened(one["passage"], chars),
                    activation=significant(one["activation"]),
                )
                for one in found[:n_exemplars]
            ),
            label=_label(tokens, [one["passage"] for one in found]),
        )

    def _scores(self, row: Mapping[str, Any], side: Side) -> dict[str, float]:
        scores: dict[str, float] = {one: float(row[f"{one}_toward_{side}"]) for one in SIDES}
        scores |= {
            "specificity": self.specificity(row, side),
            "share of tokens": float(row["rate"]),
            "largest": float(row["peak"]),
            "effect": float(row["effect"]),
        }
        for of in ("error", "reconstruction"):
            if (name := f"{of}_{side}") in row:
                scores[f"{of} ratio"] = float(row[name])
        return {name: significant(value) for name, value in scores.items() if value == value}

    def vector(self, latent: int, side: Side) -> Tensor:
        """Returns what stands for a latent toward a model, float32 (d_model).

        Raises:
            DiffgaugeError: There is no such latent, or no decoder vector toward that model.
        """
        self.row(latent)
        decoder = self.artifact.tensors["decoder"]
        if self.signed != _NO_SIGN:
            toward = self.signed if side == "finetuned" else -self.signed
            return toward * decoder[0, latent]
        return decoder[SIDES.index(side), latent]

    def dictionary(self) -> Dictionary:
        """Returns the dictionary."""
        tensors = self.artifact.tensors
        top_k = self.facts.get("top_k")
        return Dictionary(
            encoder=tensors["encoder"],
            encoder_bias=tensors["encoder_bias"],
            decoder=tensors["decoder"],
            decoder_bias=tensors["decoder_bias"],
            threshold=tensors["threshold"],
            top_k=None if top_k is None else int(top_k),
        )

    @property
    def layer(self) -> int:
        """Block after which activations were read."""
        return int(self.facts["layer"])

    def prompts(self) -> list[str]:
        """Returns the prompts kept for steering."""
        return [row["prompt"] for row in self.artifact.tables["prompts"]]

    def provenance(self, *, corpus: bool = True) -> Provenance:
        """Returns the provenance of what was read in the corpus, or in given texts."""
        return provenance(self.artifact, layer=self.layer, corpus=corpus)


def _grouped(artifact: Artifact, table: str) -> dict[int, list[dict[str, Any]]]:
    found: dict[int, list[dict[str, Any]]] = {}
    for row in artifact.tables[table]:
        found.setdefault(int(row["latent"]), []).append(dict(row))
    return {latent: sorted(rows, key=lambda one: one["rank"]) for latent, rows in found.items()}


def _label(tokens: list[str], passages: list[str]) -> str | None:
    """Returns a label made of what a latent reads as and of the tokens on which it fires."""
    fired = [one[one.index("⟦") + 1 : one.rindex("⟧")] for one in passages if "⟦" in one]
    on = ", ".join(dict.fromkeys(token.strip() for token in fired[:3] if token.strip()))
    reads = ", ".join(tokens[:3])
    parts = [f"reads as {reads}" if reads else "", f"fires on {on}" if on else ""]
    return "; ".join(part for part in parts if part) or None
