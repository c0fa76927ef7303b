"""KL as a method: settings in, one artifact out."""

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import torch

from diffgauge.methods.artifacts import Artifact
from diffgauge.methods.contexts import passage, plain_text
from diffgauge.methods.kl.operations import operations
from diffgauge.methods.kl.overview import overview
from diffgauge.methods.kl.reading import KLTally, read
from diffgauge.methods.kl.settings import KLSettings
from diffgauge.methods.kl.totals import Totals
from diffgauge.methods.method import Method, MethodSettings, Operation, Progress, settings_of
from diffgauge.methods.vocabulary import best_tokens, readable_tokens, shown_token
from diffgauge.records.artifacts import ArtifactHeader
from diffgauge.records.corpora import Corpus
from diffgauge.records.organisms import PairKind
from diffgauge.records.results import Result
from diffgauge.records.subjects import SIDES

if TYPE_CHECKING:
    from diffgauge.models.pair import ModelPair

__all__ = ["KL"]

_MOST_ITEMS = 2**18
"""Vocabulary items for the bound on the artifact's size; hardly any model has more."""

_BYTES_OF_POSITION = 1024
_BYTES_OF_TOKEN = 64


class KL(Method):
    """Kullback-Leibler divergence of next-token distributions, token by token.

    Source: diffing-toolkit, method KL divergence (per-token divergence between the two models'
        next-token distributions, positions and texts of largest divergence).
    Differs: both directions; streamed; standard errors clustered by text; quantiles; position 0
        left out of every total and shown in the curve; prompt and reply tokens told apart.
    """

    name: ClassVar[str] = "kl"
    version: ClassVar[int] = 1
    settings: ClassVar[type[MethodSettings]] = KLSettings
    pair_kinds: ClassVar[frozenset[PairKind]] = frozenset(
        {"adapter", "full", "identical", "reserved", "prompted", "scaled"}
    )

    def settled(self, settings: MethodSettings, n_layers: int) -> KLSettings:
        """Checks that the lengths go together."""
        chosen = _checked(settings)
        chosen.check_lengths("KL")
        return chosen

    def artifact_bytes(self, settings: MethodSettings, n_layers: int, d_model: int) -> int:
        """Returns a bound on the artifact's size on disk."""
        chosen = _checked(settings)
        tensors = 4 * 2 * (2 * _MOST_ITEMS + chosen.n_tokens)
        texts = chosen.top_texts * chosen.n_tokens * 8
        kept = chosen.top_positions * _BYTES_OF_POSITION + chosen.kept_tokens * _BYTES_OF_TOKEN
        return tensors + 2 * (texts + 2 * kept)

    def compute(
        self,
        pair: "ModelPair",
        corpora: Mapping[str, Corpus],
        settings: MethodSettings,
        seed: int,
        progress: Progress | None = None,
        *,
        prompts: Sequence[str] = (),
        work: Path | None = None,
    ) -> Artifact:
        """Reads the corpus once through both models. See `Method.compute`; nothing is drawn."""
        chosen = self.settled(settings, pair.n_layers)
        inputs = self.inputs(pair, corpora, chosen, seed, prompts)
        started = time.monotonic()
        checkpoint = None if work is None else work / "divergence.safetensors"
        tally, counts = read(pair, corpora[chosen.corpus], chosen, progress, checkpoint)
        header = ArtifactHeader(
            inputs=inputs,
            n_texts={chosen.corpus: counts.n_seen},
            n_dropped={chosen.corpus: counts.n_dropped},
            seconds=time.monotonic() - started,
        )
        totals = tally.totals
        n_read = int(totals.curve_texts.count_nonzero())
        return Artifact(
            header=header,
            tensors={
                "curve": totals.curve[:, :n_read].to(torch.float32),
                "curve_texts": totals.curve_texts[:n_read].to(torch.int64),
                "token_nats": totals.token_nats.to(torch.float32),
                "token_expected": totals.expected.to(torch.float32),
            },
            tables={
                "summary": [{**row, "side": SIDES[row["side"]]} for row in totals.rows()],
                "tokens": _token_rows(pair, totals, chosen),
                "positions": _position_rows(pair, tally),
                "texts": _text_rows(pair, tally),
            },
        )

    def overview(self, artifact: Artifact) -> list[Result]:
        """Returns what is shown first."""
        return overview(artifact)

    def operations(self, artifact: Artifact) -> list[Operation]:
        """Returns the drill-downs and the reading of given texts."""
        return operations(artifact)


def _token_rows(pair: "ModelPair", totals: Totals, settings: KLSettings) -> list[dict[str, Any]]:
    """Columns ``order side rank token score``; `side` is the model that prefers the token."""
    names = readable_tokens(pair.tokenizer, pair.d_vocab)
    orders = {
        "log_ratio": totals.token_ratios(settings.least_expected),
        "share": totals.token_nats / totals.token_nats.sum(1, keepdim=True).clamp(min=1e-300),
    }
    return [
        {"order": order, "side": side, "rank": rank, "token": token, "score": score}
        for order, scores in orders.items()
        for side, of_side in zip(SIDES, scores, strict=True)
        for rank, (_, token, score) in enumerate(best_tokens(of_side, names, settings.kept_tokens))
    ]


def _position_rows(pair: "ModelPair", tally: KLTally) -> list[dict[str, Any]]:
    """Columns ``side rank nats text position passage more less``.

    `more` are the tokens that the side's own model prefers there, `less` those of the other.
    """
    rows = []
    for index, (side, spots) in enumerate(zip(SIDES, tally.tops.spots, strict=True)):
        for rank, spot in enumerate(spots):
            more, less = (
                ", ".join(shown_token(pair.tokenizer, token) for token in spot.preferred[at])
                for at in (index, 1 - index)
            )
            rows.append(
                {
                    "side": side,
                    "rank": rank,
                    "nats": spot.nats,
                    "text": spot.text,
                    "position": spot.position,
                    "passage": passage(pair.tokenizer, spot.ids, spot.position),
                    "more": more,
                    "less": less,
                }
            )
    return rows


def _text_rows(pair: "ModelPair", tally: KLTally) -> list[dict[str, Any]]:
    """Columns ``side rank nats index n_positions text``; `nats` is the text's mean."""
    return [
        {
            "side": side,
            "rank": rank,
            "nats": found.nats,
            "index": found.text,
            "n_positions": found.n_positions,
            "text": plain_text(pair.tokenizer, found.ids),
        }
        for side, texts in zip(SIDES, tally.tops.texts, strict=True)
        for rank, found in enumerate(texts)
    ]


def _checked(settings: MethodSettings) -> KLSettings:
    return settings_of(settings, KLSettings, "KL")
