"""`diffgauge methods …`: which methods there are, and what their artifacts show."""

import json
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from diffgauge.cli.comparing import compare
from diffgauge.cli.computing import compute
from diffgauge.cli.evaluating import evaluate
from diffgauge.cli.method_laws import check
from diffgauge.cli.method_page import show
from diffgauge.cli.new_method import new
from diffgauge.cli.oracle import train_oracle

__all__ = ["app"]

app = typer.Typer(help="The diffing methods.", no_args_is_help=True)
app.command("check")(check)
app.command("compare")(compare)
app.command("compute")(compute)
app.command("evaluate")(evaluate)
app.command("new")(new)
app.command("show")(show)
app.command("train-oracle")(train_oracle)


@app.command("list")
def list_(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for scripts.")] = False,
) -> None:
    """Lists the methods with what each can take and its settings."""
    from diffgauge.methods import registry

    methods = [registry.method(name) for name in registry.names()]
    if as_json:
        described = [
            {
                "name": method.name,
                "version": method.version,
                "pair_kinds": sorted(method.pair_kinds),
                "sides_known": method.sides_known,
                "settings": method.settings.model_json_schema(),
            }
            for method in methods
        ]
        typer.echo(json.dumps(described, indent=2))
        return
    table = Table("method", "version", "pair kinds", "sides known", "settings")
    for method in methods:
        table.add_row(
            method.name,
            str(method.version),
            ", ".join(sorted(method.pair_kinds)),
            "yes" if method.sides_known else "no",
            ", ".join(method.settings.model_fields),
        )
    Console().print(table)
