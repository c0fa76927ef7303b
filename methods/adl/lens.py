"""The logit lens of mean differences and of mean residuals, kept as readable tokens."""

import re
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from diffgauge.methods.adl.moments import Moments
from diffgauge.methods.adl.settings import ADLSettings, slots
from diffgauge.records.subjects import Side

if TYPE_CHECKING:
    from diffgauge.models.pair import ModelPair

__all__ = ["DIFFERENCE", "OWN_MEAN", "lens_rows", "readable_tokens", "top_tokens"]

DIFFERENCE = "difference"
OWN_MEAN = "own_mean"

_BYTE = re.compile(r"<0x[0-9A-Fa-f]{2}>")


def lens_rows(
    pair: "ModelPair",
    moments: Moments,
    settings: ADLSettings,
    norms: Iterable[dict[str, Any]],
) -> list[dict[str, Any]]:
    """Decodes each slot's mean difference in both directions, and both models' own means.

    Args:
        pair: Its final norms and unembeddings decode: the direction toward a model, and that
            model's own mean, through that model's head.
        moments: What was read.
        settings: Settled.
        norms: Rows of `norm_rows`; a slot marked as noise gets no rows of its difference.

    Returns:
        Rows ``layer position of side rank token score``; `of` is ``difference`` (`side`: the
        model toward which) or ``own_mean`` (`side`: whose); rank from 0, best first.

    Source: arXiv 2510.13900 section 3 (logit lens of the mean difference).
    Differs: both directions; scores are standard deviations above the mean logit of the readable
    vocabulary, not probabilities (same order, comparable between slots); tokens that are no
    readable text are left out.
    """
    names = readable_tokens(pair.tokenizer, pair.d_vocab)
    noise = {(row["layer"], row["position"]): row["noise"] for row in norms}
    rows: list[dict[str, Any]] = []
    for i, layer in enumerate(settings.layers):
        for j, slot in enumerate(slots(settings)):
            difference = moments.mean[i, j]
            vectors: list[tuple[str, Side, Tensor]] = [
                (OWN_MEAN, "base", moments.base[i, j]),
                (OWN_MEAN, "finetuned", moments.finetuned[i, j]),
            ]
            if not noise[layer, slot.label]:
                vectors += [
                    (DIFFERENCE, "base", -difference),
                    (DIFFERENCE, "finetuned", difference),
                ]
            for of, side, vector in vectors:
                logits = pair.lens(side, vector.float().to(pair.device)).float().cpu()
                for rank, (token, score) in enumerate(
                    top_tokens(logits, names, settings.lens_tokens)
                ):
                    rows.append(
                        {
                            "layer": layer,
                            "position": slot.label,
                            "of": of,
                            "side": side,
                            "rank": rank,
                            "token": token,
                            "score": score,
                        }
                    )
    return rows


def readable_tokens(tokenizer: Any, d_vocab: int) -> list[str | None]:
    """Returns each vocabulary item as text, or None where it is none.

    None stands for special and added control tokens, byte fallbacks and pieces of characters
    (never met alone in training, so that their logits are arbitrary), whitespace, control
    characters, and rows of the unembedding beyond the vocabulary.

    Args:
        tokenizer: Of transformers.
        d_vocab: Rows of the unembedding.
    """
    n_known = min(len(tokenizer), d_vocab)
    special = set(tokenizer.all_special_ids)
    special |= {index for index, token in tokenizer.added_tokens_decoder.items() if token.special}
    pieces = tokenizer.convert_ids_to_tokens(list(range(n_known)))
    texts = tokenizer.batch_decode([[index] for index in range(n_known)])
    names: list[str | None] = [None] * d_vocab
    for index, (piece, text) in enumerate(zip(pieces, texts, strict=True)):
        shown = text.strip()
        if (
            index not in special
            and piece is not None
            and not _BYTE.fullmatch(piece)
            and shown
            and shown.isprintable()
            and "\N{REPLACEMENT CHARACTER}" not in shown
        ):
            names[index] = shown
    return names


def top_tokens(logits: Tensor, names: Sequence[str | None], k: int) -> list[tuple[str, float]]:
    """Returns the k best readable tokens with their scores, best first.

    Args:
        logits: float32 (d_vocab).
        names: As `readable_tokens` gives them.
        k: At most so many; forms that read alike count once, at their best.

    Returns:
        Text and score in standard deviations above the mean over readable tokens; empty when
        all their logits are equal, because nothing then ranks them.
    """
    kept = torch.tensor([name is not None for name in names])
    among = logits[kept].double()
    if among.numel() < 2 or not among.std() > 0:
        return []
    scores = (logits.double() - among.mean()) / among.std()
    scores[~kept] = -torch.inf
    best: dict[str, float] = {}
    for index in scores.argsort(descending=True, stable=True).tolist():
        name = names[index]
        if name is None or len(best) == k:
            break
        best.setdefault(name, float(scores[index]))
    return list(best.items())
