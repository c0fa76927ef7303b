"""Running a pair a little before it is used: is it what its card says?

Every check goes through the very path that methods and tools use: `logits`, `capture` and
`generate` of the loaded pair. What can be told from files alone (an adapter whose modules match
nothing, tokenizers or templates that differ) was refused when the pair was loaded.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from diffgauge.models.pair import Row
from diffgauge.records.preflight import Preflight, Verdict
from diffgauge.records.subjects import SIDES, ChatMessage, Prompt, Side

if TYPE_CHECKING:
    import torch

    from diffgauge.models.pair import ModelPair
    from diffgauge.records.organisms import OrganismCard

__all__ = ["preflight"]

_TEXTS = (
    "The",
    "There was a small house near the river.",
    "What is it? It is red, and it was there before the others came to see it.",
)
"""Plain words of several lengths, so that the shorter ones are padded."""

_PADDING_TOLERANCE = {"float32": 1e-3, "bfloat16": 6e-2, "float16": 1e-2}
"""Largest difference that padding may make, relative to the largest value."""

_RESERVED_TOLERANCE = 6e-2
"""Largest relative difference of a `reserved` null: one model stored or served in another way."""

_NOISE_MARGIN = 10.0
"""A planted difference of less than so many times the padding's is within the noise."""

_TINY = 1e-6
"""Keeps a model that gives nothing but zeros from dividing by zero."""

_NEW_TOKENS = 12


@dataclass
class _Findings:
    """Reasons so far, by the verdict they lead to."""

    figures: dict[str, float] = field(default_factory=dict)
    invalid: list[str] = field(default_factory=list)
    suspect: list[str] = field(default_factory=list)

    def record(self) -> Preflight:
        verdict: Verdict = "INVALID" if self.invalid else "SUSPECT" if self.suspect else "VALID"
        return Preflight(
            verdict=verdict, reasons=(*self.invalid, *self.suspect), figures=self.figures
        )


def preflight(card: OrganismCard, pair: ModelPair) -> Preflight:
    """Runs a pair on a few short texts and compares what comes out with what its card says.

    Planted and benign pairs must differ in logits and in activations, and are suspect when they
    differ by little more than padding alone does; an `identical` pair must differ in nothing,
    seeded replies included; a `reserved` one only within tolerance. Either side must equal itself
    exactly, and a text must give the same alone as in a padded batch. The result depends on the
    card's kind and the pair's fingerprint only.

    Args:
        card: Says what kind of pair it should be.
        pair: The loaded pair; to be called on the thread that runs it.

    Returns:
        The verdict with reasons and figures.
    """
    ids = [pair.tokenize(text) for text in _TEXTS]
    ids.append(pair.render(_prompts()[0]))
    findings = _Findings()
    logits = {side: pair.logits(side, ids) for side in SIDES}
    residuals = {side: _residuals(pair, side, ids) for side in SIDES}
    for side in SIDES:
        _check_repeats(pair, side, ids, logits[side], residuals[side], findings)
        _check_padding(pair, side, ids, logits[side], findings)
    findings.figures["logits"] = _largest(logits["finetuned"] - logits["base"])
    findings.figures["activations"] = _largest(residuals["finetuned"] - residuals["base"])
    for name, of in (("logits", logits["base"]), ("activations", residuals["base"])):
        findings.figures[f"{name}_relative"] = findings.figures[name] / max(_largest(of), _TINY)
    _check_replies(card, pair, findings)
    _check_difference(card, findings)
    return findings.record()


def _prompts() -> list[Prompt]:
    asked = ("What is it?", "Tell me something about a house near the river.")
    prompts = [
        Prompt(
            messages=(ChatMessage(role="user", content=text),), seed=i, max_new_tokens=_NEW_TOKENS
        )
        for i, text in enumerate(asked)
    ]
    return [*prompts, Prompt(text=_TEXTS[1], seed=2, max_new_tokens=_NEW_TOKENS)]


def _residuals(pair: ModelPair, side: Side, ids: list[list[int]]) -> torch.Tensor:
    """(layer, batch, pos, d_model) at the first, the middle and the last block."""
    import torch

    layers = sorted({0, pair.n_layers // 2, pair.n_layers - 1})
    found = pair.capture(side, ids, layers)
    return torch.stack([found[layer] for layer in layers]).float()


def _largest(values: torch.Tensor) -> float:
    """The largest magnitude, padding (NaN) left out; NaN where a model gave nothing finite."""
    import torch

    if bool(torch.isinf(values).any()):
        return float("nan")
    return float(values.nan_to_num(nan=0.0).abs().max())


def _check_repeats(
    pair: ModelPair,
    side: Side,
    ids: list[list[int]],
    logits: torch.Tensor,
    residuals: torch.Tensor,
    findings: _Findings,
) -> None:
    """A side against itself, after the other side has run in between."""
    import torch

    for name, first, second in (
        ("logits", logits, pair.logits(side, ids)),
        ("activations", residuals, _residuals(pair, side, ids)),
    ):
        findings.figures[f"{name}_{side}_against_itself"] = _largest(second - first)
        if not torch.equal(first.nan_to_num(), second.nan_to_num()):
            findings.invalid.append(
                f"The {side} model does not give the same {name} twice: other weights leak in."
            )


def _check_padding(
    pair: ModelPair, side: Side, ids: list[list[int]], logits: torch.Tensor, findings: _Findings
) -> None:
    """Each text alone against the same text in a padded batch."""
    import torch

    differences = []
    for row, text in enumerate(ids):
        alone = pair.logits(side, [text])[0]
        together = logits[row, : len(text)]
        if not bool(torch.isfinite(alone).all() & torch.isfinite(together).all()):
            findings.invalid.append(f"The {side} model gives logits that are not finite.")
            return
        differences.append(_largest(alone - together))
    found = max(differences) / max(_largest(logits), _TINY)
    findings.figures[f"padding_{side}"] = max(differences)
    if not found <= _PADDING_TOLERANCE[pair.dtype]:
        findings.invalid.append(
            f"Padding changes the {side} model's logits by {found:.2g} of the largest."
        )


def _check_replies(card: OrganismCard, pair: ModelPair, findings: _Findings) -> None:
    """Seeded replies: in a batch as alone, and the same from both sides when identical."""
    rows = [Row(side, prompt) for prompt in _prompts() for side in SIDES]
    together = pair.generate(rows)
    alone = [pair.generate([row])[0] for row in rows]
    n_changed = sum(a != b for a, b in zip(together, alone, strict=True))
    findings.figures["replies"] = float(len(rows))
    findings.figures["replies_changed_by_batch"] = float(n_changed)
    if n_changed:
        # Below float32, rounding alone can flip a draw; more than that is an error of padding.
        where = findings.invalid if pair.dtype == "float32" else findings.suspect
        where.append(f"{n_changed} of {len(rows)} seeded replies differ in a batch and alone.")
    n_differing = sum(
        base != finetuned for base, finetuned in zip(together[::2], together[1::2], strict=True)
    )
    findings.figures["replies_differing"] = float(n_differing)
    if card.null == "identical" and n_differing:
        findings.invalid.append(
            f"{n_differing} of {len(rows) // 2} seeded replies differ in an identical pair."
        )


def _check_difference(card: OrganismCard, findings: _Findings) -> None:
    """The difference between the sides against what the card's kind allows."""
    figures = findings.figures
    for name in ("logits", "activations"):
        found, relative = figures[name], figures[f"{name}_relative"]
        if card.null == "identical":
            if found != 0:
                findings.invalid.append(f"An identical pair differs in {name} by {found:.3g}.")
        elif card.null == "reserved":
            if not relative <= _RESERVED_TOLERANCE:
                findings.invalid.append(
                    f"A reserved null differs in {name} by {relative:.2g} of the largest."
                )
        elif not found > 0:
            findings.invalid.append(
                f"The two models do not differ in {name}: the finetuning is not in effect."
            )
    noise = max(figures.get("padding_base", 0.0), figures.get("padding_finetuned", 0.0))
    if card.null not in ("identical", "reserved") and 0 < figures["logits"] < _NOISE_MARGIN * noise:
        findings.suspect.append(
            f"The two models' logits differ by {figures['logits']:.3g} only, and padding alone "
            f"changes them by {noise:.3g}."
        )
