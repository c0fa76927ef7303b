"""`diffgauge regrade`: finished logs graded anew, by graders alone."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from diffgauge.records.folders import check_writable
from diffgauge.records.printing import neutralised

__all__ = ["regrade"]


def regrade(
    logs: Annotated[list[str], typer.Argument(help="Log files or folders.")],
    scorer: Annotated[
        list[str] | None,
        typer.Option(help="For example key_facts; repeatable. Default: all of a task's."),
    ] = None,
    grader: Annotated[
        list[str] | None,
        typer.Option(help="Model, as Inspect names it; repeatable. Default: the log's own."),
    ] = None,
    repeats: Annotated[
        int | None, typer.Option(help="How often each applies the rubric. Default: the log's.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", help="Folder; default: next to each log.")
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Replace logs that were graded anew before.")
    ] = False,
) -> None:
    """Grades reports in finished logs anew; nothing is investigated, and the logs stay as they are.

    The new logs have the names of the old ones with `-regraded` at the end; a report over both
    counts each sample once, by its newest grades. A command that was cut off goes on.
    """
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    from diffgauge.evals.regrading import regrade as graded_anew
    from diffgauge.evals.scoring import SCORERS
    from diffgauge.evals.surroundings import model_named

    for name in grader or ():
        model_named(name)
    if out is not None:
        check_writable(out, "The new logs", "Name another folder with --out.")
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=Console(stderr=True)) as bars:
        bar = bars.add_task("grading", total=None)

        def told(at: int, of: int, log: Path) -> None:
            bars.update(bar, completed=at, total=of, description=neutralised(log.name))

        done = graded_anew(
            logs,
            names=scorer or SCORERS,
            graders=grader or (),
            repeats=repeats,
            out=out,
            force=force,
            told=told,
        )
        bars.update(bar, completed=len(done), total=len(done), description="graded")
    for one in done:
        ending = f": {one.out}" if one.out else f": {one.reason}"
        counted = f", {one.n_samples} samples" if one.n_samples else ""
        typer.echo(neutralised(f"{one.log}: {one.outcome}{counted}{ending}"))
    if all(one.outcome == "left out" for one in done):
        raise typer.Exit(1)
