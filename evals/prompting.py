"""The prompt of every arm: one skeleton, filled alike, hashed into the log."""

from functools import cache
from pathlib import Path
from typing import Final

from diffgauge.evals.cells import Cell
from diffgauge.records.artifacts import hash_json
from diffgauge.tools.given import PREFIX

__all__ = [
    "SUBMIT",
    "named",
    "neutral_prompt",
    "overview_block",
    "overview_tool",
    "prompt_hash",
    "turn_text",
]

SUBMIT: Final = "submit_report"
_FOLDER: Final = Path(__file__).parent / "prompts"
_PIECES: Final = (
    "answers.md",
    "blackbox_matched.md",
    "investigator.md",
    "method.md",
    "overview.md",
    "turns.md",
)
_BLIND: Final = ("model A", "model B")
_TOLD: Final = ("the base model", "the finetuned model")
_HASH_DIGITS: Final = 16


@cache
def _piece(name: str) -> str:
    return (_FOLDER / name).read_text(encoding="utf-8")


def prompt_hash() -> str:
    """Returns a hash (16 hex digits) over every piece a prompt is made from."""
    return hash_json({name: _piece(name) for name in _PIECES})[:_HASH_DIGITS]


def named(blind: bool) -> tuple[str, str]:
    """Returns how the prompt speaks of the two models, in an order that tells nothing."""
    return _BLIND if blind else _TOLD


def overview_tool(prefix: str) -> str:
    """Returns the name of the tool that shows an overview."""
    return f"{prefix}_overview"


def neutral_prompt(cell: Cell) -> str:
    """Returns the first message of an investigation.

    Args:
        cell: Its arm decides one paragraph; budget, turns and blinding fill the slots. Nothing
            depends on the organism.

    Returns:
        Markdown. It presupposes no difference.
    """
    first, second = named(cell.blind)
    answers = _lines("answers.md")["one" if cell.arm == "single_model" else "both"]
    return (
        _piece("investigator.md")
        .format(
            first=first,
            second=second,
            budget=cell.budget,
            turns=cell.turns,
            submit=SUBMIT,
            answers=answers.format(first=first, second=second),
            arm=_of_arm(cell),
        )
        .rstrip("\n")
    )


def _of_arm(cell: Cell) -> str:
    """The paragraph that an arm alone has. A sham's is a method's: it must not tell."""
    if cell.method is None:
        return ""
    matched = cell.arm == "blackbox_matched"
    name, prefix = ("blackbox_matched.md", PREFIX) if matched else ("method.md", cell.method)
    return "\n" + _piece(name).format(prefix=f"{prefix}_").rstrip("\n")


def overview_block(prefix: str, overview: str) -> str:
    """Returns the overview as it stands at the end of the first message.

    Args:
        prefix: Of its tool's name: a method's, or that of given replies.
        overview: The JSON that the overview's tool returns.
    """
    head = _piece("overview.md").format(tool=overview_tool(prefix)).strip("\n")
    return f"\n\n{head}\n\n```json\n{overview}\n```"


def turn_text(name: str) -> str:
    """Returns what is said to the investigator between turns.

    Args:
        name: ``last``, ``idle``, ``spent`` or ``refused``.
    """
    return _lines("turns.md")[name].format(submit=SUBMIT)


def _lines(name: str) -> dict[str, str]:
    """A piece of one line each, by what stands before the colon."""
    return dict(line.split(": ", 1) for line in _piece(name).strip().splitlines())
