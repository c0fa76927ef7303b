"""Perplexity differencing as a method: settings in, one artifact out."""

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import torch

from diffgauge.methods.artifacts import Artifact
from diffgauge.methods.method import Method, MethodSettings, Operation, Progress, settings_of
from diffgauge.methods.perplexity_diff.operations import operations
from diffgauge.methods.perplexity_diff.overview import overview
from diffgauge.methods.perplexity_diff.prefills import drawn_prefills
from diffgauge.methods.perplexity_diff.reading import read
from diffgauge.methods.perplexity_diff.settings import PerplexityDiffSettings
from diffgauge.methods.perplexity_diff.tables import (
    cluster_rows,
    ranked_rows,
    summary_rows,
    token_rows,
)
from diffgauge.methods.trial import Trial
from diffgauge.records.artifacts import ArtifactHeader
from diffgauge.records.corpora import Corpus
from diffgauge.records.organisms import PairKind
from diffgauge.records.results import Result
from diffgauge.records.subjects import SIDES

if TYPE_CHECKING:
    from diffgauge.models.pair import ModelPair

__all__ = ["PerplexityDiff"]

_MOST_ITEMS = 2**18
"""Vocabulary items for the bound on the artifact's size; hardly any model has more."""

_BYTES_OF_TOKEN = 16
_BYTES_OF_ROW = 128


class PerplexityDiff(Method):
    """Perplexity differencing: what one model says that the other would not.

    Source: arXiv 2605.00994 (continuations of many short random prefills, ranked by the
        reference's perplexity less the model's own).
    Differs: both models continue and each is the other's reference, so that neither is told
        apart; ranked by the mean log ratio for each token, the published difference beside it;
        tokens by their expected log ratio over the same positions; clusters by words.
    """

    name: ClassVar[str] = "perplexity_diff"
    version: ClassVar[int] = 1
    settings: ClassVar[type[MethodSettings]] = PerplexityDiffSettings
    pair_kinds: ClassVar[frozenset[PairKind]] = frozenset(
        {"adapter", "full", "identical", "reserved", "prompted", "scaled"}
    )

    trial: ClassVar[Trial] = Trial(settings={"max_new_tokens": 12, "batch_texts": 9})

    def precompute_interactions(self, settings: MethodSettings) -> int:
        """Returns the most continuations that are sampled: fewer where texts are too short."""
        return len(SIDES) * _checked(settings).n_texts

    def settled(self, settings: MethodSettings, n_layers: int) -> PerplexityDiffSettings:
        """Checks that the lengths go together."""
        return _checked(settings).settled()

    def artifact_bytes(self, settings: MethodSettings, n_layers: int, d_model: int) -> int:
        """Returns a bound on the artifact's size on disk."""
        chosen = _checked(settings)
        width = (chosen.most_prefill + chosen.max_new_tokens) * _BYTES_OF_TOKEN + _BYTES_OF_ROW
        tokens = len(SIDES) * chosen.kept_tokens * _BYTES_OF_ROW
        return self.precompute_interactions(chosen) * width + tokens + 2 * 4 * 2 * _MOST_ITEMS

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
        """Draws prefills, has both models continue them and read all of it.

        See `Method.compute`.
        """
        chosen = self.settled(settings, pair.n_layers)
        inputs = self.inputs(pair, corpora, chosen, seed, prompts)
        started = time.monotonic()
        prefills, n_taken = drawn_prefills(pair, corpora[chosen.corpus], chosen, seed)
        checkpoint = None if work is None else work / "continuations.safetensors"
        reading = read(pair, prefills, chosen, progress, checkpoint)
        ranked = ranked_rows(reading, chosen)
        header = ArtifactHeader(
            inputs=inputs,
            n_texts={chosen.corpus: n_taken},
            n_dropped={chosen.corpus: n_taken - len(prefills)},
            precompute_interactions=len(reading.rows),
            seconds=time.monotonic() - started,
        )
        return Artifact(
            header=header,
            tensors={
                "token_nats": reading.sums.nats.sum(0).to(torch.float32),
                "token_expected": reading.sums.expected.sum(0).to(torch.float32),
            },
            tables={
                "summary": summary_rows(pair, reading, ranked, chosen),
                "continuations": ranked,
                "tokens": token_rows(pair, reading, chosen),
            }
            | cluster_rows(ranked, chosen),
        )

    def overview(self, artifact: Artifact) -> list[Result]:
        """Returns what is shown first."""
        return overview(artifact)

    def operations(self, artifact: Artifact) -> list[Operation]:
        """Returns the drill-downs and the sampling of continuations."""
        return operations(artifact)


def _checked(settings: MethodSettings) -> PerplexityDiffSettings:
    return settings_of(settings, PerplexityDiffSettings, "Perplexity differencing")
