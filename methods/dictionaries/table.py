"""The table of latents: numbers of all, tokens and passages of those that tell most."""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from diffgauge.methods.adl.lens import top_tokens
from diffgauge.methods.artifacts import Table
from diffgauge.methods.contexts import passage
from diffgauge.methods.dictionaries.survey import Exemplars
from diffgauge.methods.vocabulary import readable_tokens
from diffgauge.records.subjects import SIDES, Side

if TYPE_CHECKING:
    from diffgauge.models.pair import ModelPair

__all__ = ["chosen_latents", "exemplar_rows", "lens_rows", "rows_of"]


def rows_of(columns: Mapping[str, Iterable[Any]]) -> Table:
    """Returns columns of one value for each latent as rows, the latent's number first."""
    values = {
        name: column.tolist() if isinstance(column, Tensor) else list(column)
        for name, column in columns.items()
    }
    n = len(next(iter(values.values())))
    return [{"latent": i} | {name: of[i] for name, of in values.items()} for i in range(n)]


def chosen_latents(orders: Sequence[Tensor], fired: Tensor, n: int) -> list[int]:
    """Returns the n first latents of each order that ever fired, ascending.

    Args:
        orders: Scores, the higher the better (latent); NaN comes last.
        fired: Tokens at which each fires (latent).
        n: Of each order.
    """
    alive = fired > 0
    found: set[int] = set()
    for scores in orders:
        ranked = torch.where(alive, scores.double().nan_to_num(-torch.inf), -torch.inf)
        order = ranked.argsort(descending=True, stable=True)[:n]
        found |= set(order[ranked[order] > -torch.inf].tolist())
    return sorted(found)


def lens_rows(
    pair: "ModelPair", vectors: Mapping[Side, Tensor], latents: Sequence[int], k: int
) -> Table:
    """Decodes latents toward either model, by that model's own head.

    Args:
        pair: Its final norms and unembeddings decode.
        vectors: What stands for a latent toward a side, float32 (row d_model).
        latents: Number of each row.
        k: Tokens kept.

    Returns:
        Rows ``latent side rank token score``, best first; score in standard deviations above the
        mean over readable tokens.
    """
    names = readable_tokens(pair.tokenizer, pair.d_vocab)
    rows: list[dict[str, Any]] = []
    for side in SIDES:
        for latent, vector in zip(latents, vectors[side], strict=True):
            logits = pair.lens(side, vector[None].to(pair.device))[0].float().cpu()
            rows += [
                {"latent": latent, "side": side, "rank": rank, "token": token, "score": score}
                for rank, (token, score) in enumerate(top_tokens(logits, names, k))
            ]
    return rows


def exemplar_rows(pair: "ModelPair", exemplars: Exemplars, latents: Sequence[int]) -> Table:
    """Returns where latents fire most.

    Returns:
        Rows ``latent rank activation text position passage``, largest first.
    """
    rows: list[dict[str, Any]] = []
    for latent in latents:
        places = zip(
            exemplars.values[latent].tolist(),
            exemplars.texts[latent].tolist(),
            exemplars.positions[latent].tolist(),
            strict=True,
        )
        rows += [
            {
                "latent": latent,
                "rank": rank,
                "activation": value,
                "text": text,
                "position": position,
                "passage": passage(pair.tokenizer, exemplars.ids[text], position),
            }
            for rank, (value, text, position) in enumerate(places)
            if value > 0
        ]
    return rows
