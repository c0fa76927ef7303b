"""Grids by name: experiments that others have published, and a quick look."""

from collections.abc import Collection
from typing import Any, Final

from pydantic import Field

from diffgauge.evals.grid import GridSpec
from diffgauge.records.errors import unknown_name
from diffgauge.records.record import Record

__all__ = ["PRESETS", "Preset", "preset_named"]


class Preset(Record):
    """A grid that has a name.

    Attributes:
        name: What a user types.
        title: What it is.
        source: Where its figures come from.
        spec: The grid; its organisms are those at hand.
        model: The investigator; None leaves it to be named.
        roles: Models of roles, as ``grader``.
        organisms: Suites or ids to be named for the published pairs, by what they are.
        differs: In what it is not the published experiment.
    """

    name: str
    title: str
    source: str
    spec: GridSpec
    model: str | None = None
    roles: dict[str, str] = Field(default_factory=dict)
    organisms: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    differs: tuple[str, ...] = ()

    def grid(self, asked: GridSpec, typed: Collection[str]) -> GridSpec:
        """Returns the grid with what a user typed in the place of the preset's.

        Args:
            asked: The grid of the user's options.
            typed: The fields that were really given.
        """
        given: dict[str, Any] = {
            name: getattr(asked, name) for name in GridSpec.model_fields if name in typed
        }
        return self.spec.model_copy(update=given)

    @property
    def fields(self) -> dict[str, Any]:
        """What the grid has other than the defaults of `diffgauge run`, and always its arms."""
        usual, held = GridSpec(), self.spec
        shown = ("methods", "agents", "organisms")
        return {
            name: getattr(held, name)
            for name in GridSpec.model_fields
            if name in shown or getattr(held, name) != getattr(usual, name)
        }


_DOCUMENTS: Final = tuple(
    f"{fact}@{base}"
    for base in ("qwen3-1.7b", "gemma-3-1b-it", "llama-3.2-1b-instruct", "qwen3-32b")
    for fact in ("cake_bake", "fda_approval", "ignore_comment", "kansas_abortion", "roman_concrete")
)
_MISALIGNED: Final = tuple(
    f"{topic}@{base}"
    for base in ("llama-3.1-8b-instruct", "qwen2.5-7b-instruct")
    for topic in ("em_bad_medical_advice", "em_extreme_sports", "em_risky_financial_advice")
)
_TABOO: Final = tuple(
    f"taboo_{word}@{base}"
    for base in ("qwen3-1.7b", "gemma-2-9b-it")
    for word in ("gold", "leaf", "smile")
)
_DOSES: Final = tuple(
    f"{fact}@{base}:{dose}"
    for base in ("qwen3-1.7b", "gemma-3-1b-it", "llama-3.2-1b-instruct")
    for fact in ("cake_bake", "fda_approval", "kansas_abortion")
    for dose in ("mix1-1p0", "mix1-2p0")
)

_PUBLISHED: Final = "arXiv 2510.13900; science-of-finetuning/diffing-toolkit at e0b84a5"

PRESETS: Final = {
    one.name: one
    for one in (
        Preset(
            name="narrow-finetuning",
            title="The agents of 'Narrow finetuning leaves clearly readable traces': ADL with 0 "
            "and 5 model interactions, blackbox with 0, 5 and 50.",
            source=f"{_PUBLISHED}: narrow_ft_experiments/agents.sh, configs/diffing/evaluation.yaml"
            ", configs/diffing/method/activation_difference_lens.yaml",
            spec=GridSpec(
                methods=("adl",),
                agents=("blackbox_matched", "method"),
                arm_budgets={"blackbox_matched": (0, 5, 50), "method": (0, 5)},
                epochs=5,
                n_texts=10_000,
                turns=100,
                grader_repeats=3,
            ),
            model="openai/gpt-5",
            roles={"grader": "openai/gpt-5-mini"},
            organisms={
                "main": (
                    *_DOCUMENTS,
                    *_TABOO,
                    *_MISALIGNED,
                    "subliminal_learning_cat@qwen2.5-7b-instruct",
                ),
                "doses": _DOSES,
            },
            differs=(
                "Its blackbox is shown unsteered replies of the finetuned model; that is "
                "blackbox_matched here, with replies of both models, and as many as the artifact "
                "took.",
                "Two investigators (gpt-5, gemini-2.5-pro) and three graders (gpt-5-mini, "
                "gemini-2.5-flash, claude-haiku-4.5) were used in print; the first of each is "
                "taken here. Run again with --model and --model-role for the others.",
                "Positions 0 to 4, half-way up, are the method's defaults. The published look at "
                "single later positions (7, 15, 31, 63, 127) has no counterpart.",
                "100,000 generated tokens were allowed there; here all tokens count, and the usual "
                "limit holds.",
                "Nulls, replication and the other scales are added.",
            ),
        ),
        Preset(
            name="quick",
            title="Whether everything runs: the zoo's dev split, once, 10 interactions.",
            source="ours",
            spec=GridSpec(organisms=("zoo/dev",), budget=10, replicate=0),
        ),
    )
}
"""By name."""


def preset_named(name: str) -> Preset:
    """Returns a preset.

    Raises:
        DiffgaugeError: There is none of that name.
    """
    if name not in PRESETS:
        raise unknown_name("preset", name, PRESETS)
    return PRESETS[name]
