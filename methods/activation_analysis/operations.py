"""What an investigator may do with the analysis: three drill-downs and one interaction."""

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from diffgauge.methods.activation_analysis.measures import ORDERS, measured
from diffgauge.methods.activation_analysis.view import View
from diffgauge.methods.activations.capture import PairedCapture
from diffgauge.methods.activations.decoding import read_as
from diffgauge.methods.activations.source import KINDS, differences
from diffgauge.methods.artifacts import Artifact
from diffgauge.methods.contexts import HERE, passage
from diffgauge.methods.directions import contrast, directions
from diffgauge.methods.given_texts import GivenTexts, given_rows, reading_cost
from diffgauge.methods.method import FreeOperation, Operation, Outcome, PaidOperation
from diffgauge.methods.shortening import significant
from diffgauge.methods.vocabulary import readable_tokens
from diffgauge.records.record import Record
from diffgauge.records.results import (
    RankedString,
    RankedStrings,
    RankedToken,
    RankedTokens,
    Result,
    Scalar,
    Scalars,
)
from diffgauge.records.subjects import SIDES, Side

if TYPE_CHECKING:
    from diffgauge.models.pair import ModelPair

__all__ = ["TokensParameters", "TopParameters", "operations", "token_results", "top_results"]

Order = Literal["norm", "cosine", "relative"]

_ORDER = (
    "norm: length of the difference. cosine: cosine distance. relative: length of the difference "
    "over the sum of both lengths."
)
_PART = "Texts that were read, or those of them that were held out."
_TOWARD = "Show only the direction toward this model; omit for both."
_PLACES = 24


class TokensParameters(Record):
    """Parameters of the tokens that differences read as."""

    k: int = Field(default=20, ge=1, le=100, description="Tokens for each direction.")
    toward: Side | None = Field(default=None, description=_TOWARD)


class TopParameters(Record):
    """Parameters of the largest positions."""

    by: Order = Field(default="norm", description=_ORDER)
    n: int = Field(default=10, ge=1, le=100, description="Positions.")
    part: Literal["train", "validation"] = Field(default="train", description=_PART)
    toward: Side | None = Field(default=None, description=_TOWARD)


class PlacesParameters(Record):
    """Parameters of the means by place."""

    place: Literal["position", "kind", "template_token"] = Field(
        default="position",
        description="position: place in the text. kind: raw text, prompt, reply, special. "
        "template_token: which mark of the chat format.",
    )
    by: Order = Field(default="relative", description=_ORDER)
    part: Literal["train", "validation"] = Field(default="train", description=_PART)


class OnTextParameters(GivenTexts):
    """Parameters of the reading of given texts."""

    by: Order = Field(default="norm", description=_ORDER)
    k: int = Field(default=10, ge=1, le=50, description="Positions shown of each text.")


def operations(artifact: Artifact) -> list[Operation]:
    """Returns the operations on an artifact of the analysis."""
    stored = View(artifact).stored_texts()
    price = f" With its defaults it costs {2 * len(stored)}." if stored else ""
    return [
        FreeOperation(
            name="activation_analysis_top",
            description="Positions in the texts where the two models' activations differ most, "
            "with what stands around them and the tokens that the difference there reads as. "
            "Free.",
            parameters=TopParameters,
            run=top_results,
        ),
        FreeOperation(
            name="activation_analysis_tokens",
            description="Tokens that the activation differences at the largest positions read as "
            "together, in both directions. Free.",
            parameters=TokensParameters,
            run=token_results,
        ),
        FreeOperation(
            name="activation_analysis_places",
            description="Mean activation difference by place in the text, kind of token, or "
            "mark of the chat format. Free.",
            parameters=PlacesParameters,
            run=place_results,
        ),
        PaidOperation(
            name="activation_analysis_on_text",
            description="Reads texts of your own with both models and shows where their "
            "activations differ most. Costs one model interaction for each text and model: "
            "texts x 2." + price,
            parameters=OnTextParameters,
            cost=lambda made, asked: reading_cost(asked, View(made).stored_texts()),
            run=on_text,
            deterministic=True,
        ),
    ]


def top_results(artifact: Artifact, parameters: TopParameters) -> list[Result]:
    """Returns the largest positions, once for each direction asked for."""
    view = View(artifact)
    rows = view.rows("positions", part=parameters.part, order=parameters.by)[: parameters.n]
    note = view.nothing or (None if rows else "No text was held out.")
    return [
        RankedStrings(
            title=f"Positions where the activations differ most ({parameters.by}; {HERE}), and "
            "tokens that the difference reads as toward this model",
            contrast=contrast(side),
            provenance=view.provenance(),
            note=note,
            items=tuple(
                RankedString(text=_line(row["passage"], row[side]), score=significant(row["value"]))
                for row in rows
            ),
        )
        for side in directions(parameters.toward)
    ]


def token_results(artifact: Artifact, parameters: TokensParameters) -> list[Result]:
    """Returns one list of tokens for each direction asked for."""
    view = View(artifact)
    return [
        RankedTokens(
            title="Tokens that the differences at the largest positions read as, toward this "
            "model (standard deviations above the mean token)",
            contrast=contrast(side),
            provenance=view.provenance(),
            note=view.nothing,
            items=tuple(
                RankedToken(token=row["token"], score=round(row["score"], 2))
                for row in view.rows("tokens", side=side)[: parameters.k]
            ),
        )
        for side in directions(parameters.toward)
    ]


def place_results(artifact: Artifact, parameters: PlacesParameters) -> list[Result]:
    """Returns the means of one measure by place."""
    view = View(artifact)
    by, part = parameters.by, parameters.part
    if parameters.place == "position":
        rows = view.rows("curve", part=part)
        items = [(f"position {row['position']}", row[by], None) for row in rows]
    elif parameters.place == "template_token":
        rows = view.rows("special", part=part)
        items = [(f"{row['token']} ({row['n']} times)", row[by], None) for row in rows]
    else:
        kinds = [(kind, view.summary(part, by, kind)) for kind in KINDS]
        items = [
            (f"{kind} ({row['n_tokens']} tokens)", row["mean"], row["standard_error"])
            for kind, row in kinds
            if row is not None
        ]
    shown = items[:_PLACES] if parameters.place == "position" else items
    return [
        Scalars(
            title=f"Mean activation difference ({by}) by {parameters.place.replace('_', ' ')}",
            provenance=view.provenance(),
            note=view.nothing or (None if shown else "No such token was read."),
            truncated=len(shown) < len(items),
            items=tuple(
                Scalar(
                    name=name,
                    value=significant(value),
                    stderr=None if error is None else significant(error),
                )
                for name, value, error in shown
            ),
        )
    ]


def on_text(
    pair: "ModelPair", artifact: Artifact, parameters: OnTextParameters, seed: int
) -> Outcome:
    """Reads given texts: one result for each text and direction, its largest positions first.

    Raises:
        DiffgaugeError: As `given_texts`, or a text that does not fit the models.
    """
    view = View(artifact)
    rows = given_rows(pair, parameters, view.stored_texts())
    block = PairedCapture(pair, [view.layer], 0).blocks(rows)[view.layer]
    every = measured(block.activations)
    values, loud = every[:, ORDERS.index(parameters.by)], every[:, 0] > view.noise["floor"]
    names = readable_tokens(pair.tokenizer, pair.d_vocab)
    results: list[Result] = []
    for row in rows:
        of_text = (block.text_index == row.index).nonzero()[:, 0]
        order = values[of_text].argsort(descending=True, stable=True)[: parameters.k]
        best = of_text[order][loud[of_text][order]]
        found = differences(block.activations[best])
        read = read_as(pair, found, names, view.settings.position_tokens)
        said = f"Mean over the text's {len(row.ids)} positions: {float(values[of_text].mean()):.3g}"
        for side in SIDES:
            items = [
                RankedString(
                    text=_line(
                        f"{at}: {passage(pair.tokenizer, row.ids, at)}",
                        ", ".join(token for token, _ in read[side][number]),
                    ),
                    score=significant(float(values[place])),
                )
                for number, place in enumerate(best.tolist())
                for at in [int(block.position[place])]
            ]
            results.append(
                RankedStrings(
                    title=f"Text {row.index + 1}: position and place where the activations differ "
                    f"most ({parameters.by}; {HERE}), and tokens that the difference reads as "
                    "toward this model",
                    contrast=contrast(side),
                    provenance=view.provenance(corpus=False),
                    cost=1,
                    note=f"{said}." if items else f"{said}. Nothing is above what noise gives.",
                    items=tuple(items),
                )
            )
    return Outcome(results)


def _line(where: str, tokens: str) -> str:
    return f"{where} | reads as: {tokens}"
