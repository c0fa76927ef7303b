"""`diffgauge presets`: grids by name, shown in full."""

from collections.abc import Mapping
from typing import Annotated, Any

import typer

__all__ = ["presets"]


def presets(
    name: Annotated[str | None, typer.Argument(help="One of them; default: all.")] = None,
) -> None:
    """Shows what `diffgauge run --preset NAME` runs; options given there go before it."""
    from diffgauge.evals.presets import PRESETS, preset_named

    for one in [preset_named(name)] if name else PRESETS.values():
        typer.echo(f"{one.name}: {one.title}")
        typer.echo(f"  source: {one.source}")
        for field, value in one.fields.items():
            typer.echo(f"  {field}: {_text(value)}")
        typer.echo(f"  model: {one.model or 'to be named with --model'}")
        for role, model in one.roles.items():
            typer.echo(f"  model role {role}: {model}")
        for which, ids in one.organisms.items():
            typer.echo(f"  published organisms, {which}: {','.join(ids)}")
        for difference in one.differs:
            typer.echo(f"  differs: {difference}")
        typer.echo("")


def _text(value: Any) -> str:
    if isinstance(value, Mapping):
        return " ".join(f"{name}={_text(one)}" for name, one in value.items())
    return ",".join(map(str, value)) if isinstance(value, tuple) else str(value)
