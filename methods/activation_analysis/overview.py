"""What is shown of the activation analysis first: how far apart, where, and read as what."""

from diffgauge.methods.activation_analysis.operations import (
    TokensParameters,
    TopParameters,
    token_results,
    top_results,
)
from diffgauge.methods.activation_analysis.totals import QUANTILES
from diffgauge.methods.activation_analysis.view import View
from diffgauge.methods.activations.floors import IDENTICAL, NOISE
from diffgauge.methods.activations.source import KINDS
from diffgauge.methods.artifacts import Artifact
from diffgauge.methods.shortening import shortened, significant
from diffgauge.records.results import FreeText, RankedStrings, Result, Scalar, Scalars
from diffgauge.records.subjects import SIDES

__all__ = ["overview"]

_TOKENS = 12
_POSITIONS = 3
_LINE_CHARS = 220


def overview(artifact: Artifact) -> list[Result]:
    """Returns the overview; its JSON stays below 7,000 characters at default settings."""
    view = View(artifact)
    results: list[Result] = [_read(view), _sizes(view)]
    if view.identical:
        return results
    results += [_norms(view)]
    results += token_results(artifact, TokensParameters(k=_TOKENS))
    for one in top_results(artifact, TopParameters(n=_POSITIONS)):
        assert isinstance(one, RankedStrings)
        items = tuple(
            item.model_copy(update={"text": shortened(item.text, _LINE_CHARS)})
            for item in one.items
        )
        results.append(one.model_copy(update={"items": items}))
    return results


def _read(view: View) -> FreeText:
    header, settings = view.artifact.header, view.settings
    n_seen, n_dropped = header.n_texts[settings.corpus], header.n_dropped[settings.corpus]
    row = view.summary("train", "norm")
    assert row is not None, "a text was read"
    text = (
        f"Both models read the same {n_seen - n_dropped} texts (corpus {settings.corpus!r}; "
        f"{n_dropped} shorter ones left out; every {settings.validation_every}th held out), and "
        f"their activations after block {view.layer} were compared at {row['n_tokens']} tokens. "
    )
    if view.identical:
        text += IDENTICAL
    elif view.noise["noise"]:
        text += NOISE
    else:
        text += (
            "A difference says that the models differ; by itself it does not say how, nor that "
            "anything narrow was trained. Look at where it is large, and what it reads as there."
        )
    return FreeText(title="What was read", provenance=view.provenance(), text=text)


def _sizes(view: View) -> Scalars:
    train = view.summary("train", "relative")
    assert train is not None, "a text was read"
    scale = float(view.noise["scale"])
    floor = significant(float(view.noise["floor"]) / (2 * scale)) if scale else None
    items = [_mean("relative size, mean", train, floor)]
    items += [
        Scalar(
            name=f"relative size, {share:.0%} of tokens at or below",
            value=significant(train[f"q{share:g}"]),
        )
        for share in QUANTILES[2:]
    ]
    cosine, held_out = view.summary("train", "cosine"), view.summary("validation", "relative")
    items += [_mean("cosine distance, mean", cosine)] if cosine is not None else []
    if held_out is not None:
        items.append(_mean("relative size in held-out texts, mean", held_out, floor))
    for kind in KINDS[1:]:
        row = view.summary("train", "relative", kind)
        items += [_mean(f"relative size at {kind} tokens, mean", row)] if row is not None else []
    return Scalars(
        title="Difference of the two models' activations (relative size: its length over the sum "
        "of both lengths)",
        provenance=view.provenance(),
        items=tuple(items),
    )


def _norms(view: View) -> Scalars:
    """The models' own lengths; the difference's beside them."""
    rows = {side: view.summary("train", side) for side in SIDES}
    by_size = sorted((row for row in rows.values() if row is not None), key=lambda row: row["mean"])
    norm = view.summary("train", "norm")
    assert norm is not None, "a text was read"
    return Scalars(
        title="Mean lengths",
        provenance=view.provenance(),
        items=(
            _mean("of the difference", norm, significant(float(view.noise["floor"]))),
            *(
                _mean(f"of the {which} model's activations", row)
                for which, row in zip(("shorter", "longer"), by_size, strict=True)
            ),
        ),
    )


def _mean(name: str, row: dict[str, float | None], floor: float | None = None) -> Scalar:
    mean, error = row["mean"], row["standard_error"]
    assert mean is not None, "there were tokens"
    return Scalar(
        name=name,
        value=significant(mean),
        stderr=None if error is None else significant(error),
        floor=floor,
    )
