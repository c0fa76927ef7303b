"""The `diffgauge` command: its tree of commands, and the border at which errors are shown."""

import sys

import typer

from diffgauge import __version__
from diffgauge.cli import (
    activations,
    artifacts,
    diffing,
    graders,
    hypotheses,
    logs,
    methods,
    organisms,
    planning,
    presets,
    redteam,
    regrading,
    runs,
    transcripts,
)
from diffgauge.records.errors import DiffgaugeError
from diffgauge.records.printing import neutralised

__all__ = ["app", "main"]

app = typer.Typer(
    name="diffgauge",
    help="Measures whether a model-diffing method helps to find out what a finetune changed.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.add_typer(organisms.app, name="organisms")
app.add_typer(methods.app, name="methods")
app.add_typer(artifacts.app, name="artifacts")
app.add_typer(activations.app, name="activations")
app.add_typer(graders.app, name="graders")
app.add_typer(hypotheses.app, name="hypotheses")
app.command("run")(runs.run)
app.command("presets")(presets.presets)
app.command("plan")(planning.plan)
app.command("demo")(runs.demo)
app.command("report")(logs.report)
app.command("rows")(logs.rows)
app.command("compare-transcripts")(transcripts.compare_transcripts)
app.command("regrade")(regrading.regrade)
app.command("redteam")(redteam.redteam)
app.command("diff")(diffing.diff)


def _version(asked: bool) -> None:
    if asked:
        typer.echo(__version__)
        raise typer.Exit


@app.callback()
def _root(
    version: bool = typer.Option(
        False, "--version", callback=_version, is_eager=True, help="Print the version and stop."
    ),
) -> None:
    del version


def main() -> None:
    """Runs the command line; an error a user can mend is one message and exit status 2."""
    try:
        app()
    except DiffgaugeError as error:
        sys.stderr.write(f"diffgauge: {neutralised(str(error))}\n")
        sys.exit(2)
