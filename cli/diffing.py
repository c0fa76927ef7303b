"""`diffgauge diff`: what two models do differently, found and tested, without an organism."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from diffgauge.cli.hypotheses import finish
from diffgauge.records.folders import check_writable

__all__ = ["diff"]


def diff(
    first: Annotated[
        str, typer.Argument(help="A model, as Inspect names it, or an organism's id alone.")
    ],
    second: Annotated[str | None, typer.Argument(help="The other model.")] = None,
    prompts: Annotated[
        Path | None,
        typer.Option(help="Prompts: a line each, or .jsonl with prompt. Default: built-in."),
    ] = None,
    n_prompts: Annotated[int, typer.Option(min=2, help="Prompts asked, half held out.")] = 100,
    samples: Annotated[
        int, typer.Option(min=1, help="Replies of each model to each; from 2 on with a null.")
    ] = 2,
    max_tokens: Annotated[int, typer.Option(min=1, help="Replies are cut after so many.")] = 1024,
    comparator: Annotated[
        str, typer.Option(help="Compares replies, as Inspect names it.")
    ] = "diffgauge/contrast",
    namer: Annotated[str | None, typer.Option(help="Names clusters; default: top terms.")] = None,
    grader: Annotated[
        list[str] | None, typer.Option(help="Of the verdicts; repeatable. Default: lexical.")
    ] = None,
    rate: Annotated[float, typer.Option(min=0.0, max=1.0, help="False-discovery rate.")] = 0.05,
    connections: Annotated[int, typer.Option(min=1, help="Requests under way at once.")] = 64,
    seed: Annotated[int, typer.Option(min=0, help="Seeds samples, splits and orders.")] = 0,
    device: Annotated[str, typer.Option(help="Torch device of an organism's pair.")] = "auto",
    out: Annotated[Path, typer.Option("--out", help="Folder to write.")] = Path("reports/diff"),
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for scripts.")] = False,
) -> None:
    """Finds what two models do differently and tests it on held-out prompts.

    Nothing is blinded and no truth is needed. A command that was cut off goes on where it was.
    """
    from diffgauge.evals.llm_diff.pipeline import diffed
    from diffgauge.evals.llm_diff.settings import DiffSettings
    from diffgauge.evals.llm_diff.subjects import prompts_for, subjects
    from diffgauge.evals.surroundings import model_named
    from diffgauge.graders.hypotheses.evaluating import evaluated

    settings = DiffSettings(
        n_samples=samples, max_new_tokens=max_tokens, seed=seed, at_once=connections
    )
    # Everything is checked before anything is spent.
    check_writable(out, "The comparison's files", "Name another folder with --out.")
    comparing = model_named(comparator, connections)
    naming = None if namer is None else model_named(namer, connections)
    graders = [
        model_named(name, connections) for name in dict.fromkeys(grader or ["diffgauge/lexical"])
    ]
    asked = prompts_for(first if second is None else None, prompts, n_prompts, seed)
    service = subjects(first, second, device)
    console = Console(stderr=True)
    names = first if second is None else f"{first} | {second}"
    found = diffed(
        service, names, asked, comparing, naming, out / "stages", settings, console.print
    )
    console.print("judge")
    judged = evaluated(
        found.hypotheses,
        found.replies,
        graders,
        out / "judged",
        level=rate,
        seed=seed,
        at_once=connections,
    )
    about = {**judged.about, "models": {"a": first, "b": second}, "notes": list(found.notes)}
    finish(replace(judged, about=about), found.replies, out, as_json)
