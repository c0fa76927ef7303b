"""`diffgauge hypotheses …`: claims about two models, tested on replies nobody saw before."""

import json
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from diffgauge.records.errors import DiffgaugeError
from diffgauge.records.folders import check_writable

if TYPE_CHECKING:
    from diffgauge.graders.hypotheses.evaluating import Evaluation
    from diffgauge.records.hypotheses import PairedReplies

__all__ = ["app", "finish"]

app = typer.Typer(help="Hypotheses about two models and their evaluation.", no_args_is_help=True)

_LEXICAL = "diffgauge/lexical"


@app.callback()
def _root() -> None:
    """Hypotheses about two models and their evaluation."""


@app.command()
def evaluate(
    file: Annotated[
        Path,
        typer.Argument(help="Hypotheses (text, predicted: a or b) or a log with reports."),
    ],
    responses: Annotated[
        list[Path] | None,
        typer.Option(help="Replies: prompt, a, b, split; or two files of prompt, reply."),
    ] = None,
    verdicts: Annotated[
        Path | None, typer.Option(help="Verdicts that are there already; nobody is asked then.")
    ] = None,
    grader: Annotated[
        list[str] | None,
        typer.Option(help=f"A grader, as Inspect names it; repeatable. Default: {_LEXICAL}."),
    ] = None,
    rate: Annotated[float, typer.Option(min=0.0, max=1.0, help="False-discovery rate.")] = 0.05,
    null: Annotated[
        bool, typer.Option(help="Judge a model against itself where a prompt has two replies.")
    ] = True,
    ratings: Annotated[
        int, typer.Option(min=0, help="How often each grader rates interest and abstraction.")
    ] = 0,
    retry: Annotated[
        bool, typer.Option("--retry", help="Ask again for what failed before.")
    ] = False,
    connections: Annotated[int, typer.Option(min=1, help="Questions under way at once.")] = 64,
    seed: Annotated[int, typer.Option(help="Seeds the orders that replies are shown in.")] = 0,
    out: Annotated[Path, typer.Option("--out", help="Folder to write.")] = Path(
        "reports/hypotheses"
    ),
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for scripts.")] = False,
) -> None:
    """Tests which hypotheses hold on held-out prompts; a command that was cut off goes on there."""
    from diffgauge.evals.surroundings import model_named
    from diffgauge.graders.hypotheses.evaluating import counted, evaluated
    from diffgauge.graders.hypotheses.material import read_hypotheses, read_replies, read_verdicts

    if (verdicts is None) == (not responses):
        raise DiffgaugeError(
            "Hypotheses are tested on replies or by verdicts.",
            allowed="either --responses or --verdicts",
        )
    # Before a grader is paid, not after it.
    check_writable(out, "The evaluation's files", "Name another folder with --out.")
    hypotheses, replies = read_hypotheses(file), read_replies(responses) if responses else []
    if verdicts is not None:
        rows = read_verdicts(verdicts)
        about = {"graders": sorted({row.grader for row in rows}), "rate": rate}
        found = counted(hypotheses, rows, [], about, rate)
    else:
        found = evaluated(
            hypotheses,
            replies,
            [model_named(name, connections) for name in dict.fromkeys(grader or [_LEXICAL])],
            out,
            level=rate,
            seed=seed,
            null=null,
            repeats=ratings,
            retry=retry,
            at_once=connections,
        )
    finish(found, replies, out, as_json)


def finish(
    found: "Evaluation", replies: "Sequence[PairedReplies]", out: Path, as_json: bool
) -> None:
    """Writes an evaluation's files and prints its tables, or its JSON.

    Args:
        found: The evaluation.
        replies: From which examples are shown.
        out: Folder to write into.
        as_json: Whether JSON is printed.
    """
    from diffgauge.stats.hypotheses_page import HypothesesPage
    from diffgauge.stats.rendering import terminal_table

    page = HypothesesPage(
        found.hypotheses,
        found.judged,
        found.nulls,
        found.ratings,
        found.verdicts,
        found.about,
        replies,
    )
    command = shlex.join(["diffgauge", *sys.argv[1:]])
    written = page.write(command, out)
    if as_json:
        typer.echo(json.dumps(page.data(command), indent=2, allow_nan=False))
        return
    console = Console()
    for table in page.shown():
        console.print(terminal_table(table))
    console.print(f"hypotheses: {written[0]}", markup=False)
