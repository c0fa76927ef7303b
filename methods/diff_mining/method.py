"""Diff mining as a method: settings in, one artifact out."""

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import torch

from diffgauge.methods.artifacts import Artifact
from diffgauge.methods.contexts import plain_text
from diffgauge.methods.diff_mining.operations import operations
from diffgauge.methods.diff_mining.orders import stability_rows, token_rows
from diffgauge.methods.diff_mining.overview import overview
from diffgauge.methods.diff_mining.reading import DiffMiningTally, read
from diffgauge.methods.diff_mining.settings import DiffMiningSettings
from diffgauge.methods.diff_mining.tables import passage_rows, topic_rows
from diffgauge.methods.diff_mining.topics import Topics, factorised
from diffgauge.methods.method import Method, MethodSettings, Operation, Progress, settings_of
from diffgauge.methods.seeds import derived_seed
from diffgauge.methods.vocabulary import readable_tokens
from diffgauge.records.artifacts import ArtifactHeader
from diffgauge.records.corpora import Corpus
from diffgauge.records.organisms import PairKind
from diffgauge.records.results import Result
from diffgauge.records.subjects import SIDES, Side

if TYPE_CHECKING:
    from diffgauge.models.pair import ModelPair

__all__ = ["DiffMining"]

_MOST_ITEMS = 2**18
"""Vocabulary items for the bound on the artifact's size; hardly any model has more."""

_BYTES_OF_PASSAGE = 512
_BYTES_OF_TOKEN = 64
_ORDERS_AND_SIDES = 6


class DiffMining(Method):
    """Diff mining: tokens that one model raises over the other across a corpus.

    Source: arXiv 2608.26462, orderings and topics.
    Differs: log-probabilities instead of raw logits (`legacy` is as released); K at most a stated
        share of the vocabulary; both signs; stability between two halves of the texts; topics
        from a sample of positions. No extraction through patchscopes.
    """

    name: ClassVar[str] = "diff_mining"
    version: ClassVar[int] = 1
    settings: ClassVar[type[MethodSettings]] = DiffMiningSettings
    pair_kinds: ClassVar[frozenset[PairKind]] = frozenset(
        {"adapter", "full", "identical", "reserved", "prompted", "scaled"}
    )

    def settled(self, settings: MethodSettings, n_layers: int) -> DiffMiningSettings:
        """Fixes the depth as a block index. See `DiffMiningSettings.settled`."""
        return _checked(settings).settled(n_layers)

    def artifact_bytes(self, settings: MethodSettings, n_layers: int, d_model: int) -> int:
        """Returns a bound on the artifact's size on disk."""
        chosen = _checked(settings)
        tokens = _ORDERS_AND_SIDES * chosen.kept_tokens
        topics = 2 * chosen.n_topics
        return (
            4 * _MOST_ITEMS
            + tokens * (_BYTES_OF_TOKEN + chosen.token_passages * _BYTES_OF_PASSAGE)
            + topics * chosen.topic_tokens * _BYTES_OF_TOKEN
            + topics * chosen.topic_passages * _BYTES_OF_PASSAGE
        )

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
        """Reads the corpus once through both models, then finds topics. See `Method.compute`."""
        chosen = self.settled(settings, pair.n_layers)
        inputs = self.inputs(pair, corpora, chosen, seed, prompts)
        started = time.monotonic()
        names = readable_tokens(pair.tokenizer, pair.d_vocab)
        checkpoint = None if work is None else work / "differences.safetensors"
        corpus = corpora[chosen.corpus]
        tally, counts = read(pair, corpus, chosen, names, seed, progress, checkpoint)
        seen: list[int] = tally.seen.tolist()
        names = [
            name if count >= chosen.min_count else None
            for name, count in zip(names, seen, strict=True)
        ]
        topics = _topics(tally, names, chosen, seed, progress)
        tokens = token_rows(tally.raised, tally.n_positions, names, tally.seen, chosen.kept_tokens)
        header = ArtifactHeader(
            inputs=inputs,
            n_texts={chosen.corpus: counts.n_seen},
            n_dropped={chosen.corpus: counts.n_dropped},
            seconds=time.monotonic() - started,
        )
        mean = tally.raised.difference.sum(0) / tally.n_positions.sum()
        return Artifact(
            header=header,
            tensors={"mean_difference": mean.to(torch.float32)},
            tables={
                "summary": [_summary(tally, chosen, names)],
                "tokens": tokens,
                "stability": stability_rows(tally.raised, tally.n_positions, names),
                "passages": passage_rows(pair, tally.sample, tokens, chosen.token_passages),
                "examples": _examples(pair, tally),
            }
            | topic_rows(pair, tally.sample, topics, names, chosen),
        )

    def overview(self, artifact: Artifact) -> list[Result]:
        """Returns what is shown first."""
        return overview(artifact)

    def operations(self, artifact: Artifact) -> list[Operation]:
        """Returns the drill-downs and the reading of given texts."""
        return operations(artifact)


def _topics(
    tally: DiffMiningTally,
    names: Sequence[str | None],
    settings: DiffMiningSettings,
    seed: int,
    progress: Progress | None,
) -> dict[Side, Topics | None]:
    found: dict[Side, Topics | None] = {}
    # One seed for both directions: swapping the models swaps the topics.
    start = derived_seed(seed, "diff_mining", "topics")
    for index, side in enumerate(SIDES):
        found[side] = factorised(tally.sample, index, names, settings.n_topics, start)
        if progress is not None:
            progress("topics, directions", index + 1, len(SIDES))
    return found


def _summary(
    tally: DiffMiningTally, settings: DiffMiningSettings, names: Sequence[str | None]
) -> dict[str, Any]:
    """Columns ``n_positions counted competing absolute standard_error identical n_sampled``.

    `counted` is K; `competing` the items in the orders; `absolute` the mean absolute difference
    in nats over positions and readable items, with its standard error by text.
    """
    return {
        "n_positions": int(tally.n_positions.sum()),
        "counted": settings.counted(len(names)),
        "competing": sum(name is not None for name in names),
        "absolute": float(tally.absolute.mean()[0]),
        "standard_error": float(tally.absolute.standard_error()[0]),
        "identical": not bool(tally.raised.strict.any()),
        "n_sampled": len(tally.sample),
    }


def _examples(pair: "ModelPair", tally: DiffMiningTally) -> list[dict[str, Any]]:
    """Column ``text``: the first texts read; none where the models never differed."""
    if not tally.raised.strict.any():
        return []
    return [{"text": plain_text(pair.tokenizer, ids)} for ids in tally.examples.values()]


def _checked(settings: MethodSettings) -> DiffMiningSettings:
    return settings_of(settings, DiffMiningSettings, "Diff mining")
