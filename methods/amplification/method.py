"""Weight amplification as a method: settings in, one artifact out."""

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import torch

from diffgauge.methods.amplification.operations import operations
from diffgauge.methods.amplification.overview import overview
from diffgauge.methods.amplification.sampling import sample
from diffgauge.methods.amplification.settings import PLAIN, AmplificationSettings
from diffgauge.methods.amplification.tables import (
    coherence_rows,
    sample_rows,
    token_ratios,
    token_rows,
    weight_rows,
)
from diffgauge.methods.artifacts import Artifact
from diffgauge.methods.method import Method, MethodSettings, Operation, Progress, settings_of
from diffgauge.methods.trial import Trial
from diffgauge.models.weight_changes import weight_changes
from diffgauge.records.artifacts import ArtifactHeader
from diffgauge.records.corpora import Corpus, CorpusName
from diffgauge.records.organisms import PairKind
from diffgauge.records.results import Result
from diffgauge.records.subjects import SIDES

if TYPE_CHECKING:
    from diffgauge.models.pair import ModelPair

__all__ = ["WeightAmplification"]

_MOST_ITEMS = 2**18
"""Vocabulary items for the bound on the artifact's size; hardly any model has more."""

_KINDS = 3
_BYTES_OF_ROW = 128
_BYTES_OF_TOKEN = 16
_BYTES_OF_PROMPT = 1024


class WeightAmplification(Method):
    """What the models say once their weights are moved away from each other.

    Source: Ilharco et al., Editing models with task arithmetic (2023), section 2, with factors
        beyond 1; `models.amplification` moves the weights.
    Differs: both models are moved away from each other, so that neither is told apart: for the
        finetuned model that is ``base + factor * (finetuned - base)``, and its factor -1 is the
        base's factor 2; coherence without a grader; tokens by expected counts.
    """

    name: ClassVar[str] = "amplification"
    version: ClassVar[int] = 1
    settings: ClassVar[type[MethodSettings]] = AmplificationSettings
    pair_kinds: ClassVar[frozenset[PairKind]] = frozenset(
        {"adapter", "full", "identical", "scaled"}
    )

    trial: ClassVar[Trial] = Trial(
        settings={"n_prompts": 4, "max_new_tokens": 12, "batch_replies": 3},
        planted="zoo/violin-feathers",
    )

    def reads(self, settings: MethodSettings) -> dict[CorpusName, int]:
        """Returns none: only prompts are asked."""
        return {}

    def n_prompts(self, settings: MethodSettings) -> int:
        """Returns how many open prompts are asked."""
        return _checked(settings).n_prompts

    def precompute_interactions(self, settings: MethodSettings) -> int:
        """Returns the most replies that are sampled; none where the weights do not differ."""
        chosen = _checked(settings)
        return len(SIDES) * chosen.n_prompts * (1 + len(chosen.factors))

    def settled(self, settings: MethodSettings, n_layers: int) -> AmplificationSettings:
        """Checks layers and factors. See `AmplificationSettings.settled`."""
        return _checked(settings).settled(n_layers)

    def artifact_bytes(self, settings: MethodSettings, n_layers: int, d_model: int) -> int:
        """Returns a bound on the artifact's size on disk."""
        chosen = _checked(settings)
        lists = len(SIDES) * len(chosen.factors)
        reply = chosen.max_new_tokens * _BYTES_OF_TOKEN + _BYTES_OF_PROMPT + _BYTES_OF_ROW
        return (
            4 * lists * _MOST_ITEMS
            + lists * chosen.kept_tokens * _BYTES_OF_ROW
            + self.precompute_interactions(chosen) * reply
            + _KINDS * (n_layers + 1) * _BYTES_OF_ROW
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
        """Measures where the weights differ and samples replies at every factor.

        See `Method.compute`. Where the chosen weights do not differ, nothing is sampled.
        """
        chosen = self.settled(settings, pair.n_layers)
        inputs = self.inputs(pair, corpora, chosen, seed, prompts)
        started = time.monotonic()
        asked = list(dict.fromkeys(prompts[: chosen.n_prompts]))
        # Entered for its checks alone: what cannot be amplified is refused before any work.
        with pair.amplified(chosen.at(PLAIN)):
            changes = weight_changes(pair)
        moved = any(
            one.squared and chosen.at(PLAIN).moves((one.layer, one.kind)) for one in changes
        )
        tensors: dict[str, torch.Tensor] = {}
        tables: dict[str, list[dict[str, Any]]] = {"samples": [], "coherence": [], "tokens": []}
        if moved and asked:
            checkpoint = None if work is None else work / "replies.safetensors"
            sampling = sample(pair, asked, chosen, seed, progress, checkpoint)
            ratios = token_ratios(sampling, chosen)
            samples = sample_rows(sampling, chosen)
            tensors["token_log_ratio"] = ratios.to(torch.float32)
            tables = {
                "samples": samples,
                "coherence": coherence_rows(samples, chosen),
                "tokens": token_rows(pair, ratios, chosen),
            }
        elif progress is not None:
            progress("weights compared", 1, 1)
        header = ArtifactHeader(
            inputs=inputs,
            precompute_interactions=len(tables["samples"]),
            seconds=time.monotonic() - started,
        )
        return Artifact(
            header=header,
            tensors=tensors,
            tables={
                "weights": weight_rows(changes),
                "prompts": [{"prompt": prompt} for prompt in asked],
            }
            | tables,
        )

    def overview(self, artifact: Artifact) -> list[Result]:
        """Returns what is shown first."""
        return overview(artifact)

    def operations(self, artifact: Artifact) -> list[Operation]:
        """Returns the drill-downs and an amplification of one's own."""
        return operations(artifact)


def _checked(settings: MethodSettings) -> AmplificationSettings:
    return settings_of(settings, AmplificationSettings, "Amplification")
