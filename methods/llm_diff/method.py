"""LLM diffing as a method: settings in, one artifact out."""

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import torch

from diffgauge.methods.artifacts import Artifact
from diffgauge.methods.llm_diff.operations import operations
from diffgauge.methods.llm_diff.overview import overview
from diffgauge.methods.llm_diff.settings import LLMDiffSettings
from diffgauge.methods.llm_diff.tables import grouped
from diffgauge.methods.method import Method, MethodSettings, Operation, Progress, settings_of
from diffgauge.methods.paired_replies import sample
from diffgauge.methods.trial import Trial
from diffgauge.records.artifacts import ArtifactHeader
from diffgauge.records.corpora import Corpus, CorpusName
from diffgauge.records.counted import STYLES
from diffgauge.records.errors import DiffgaugeError
from diffgauge.records.organisms import PairKind
from diffgauge.records.results import Result
from diffgauge.records.subjects import SIDES

if TYPE_CHECKING:
    from diffgauge.models.pair import ModelPair

__all__ = ["LLMDiff"]

_BYTES_OF_TOKEN = 8
_BYTES_OF_ROW = 512


class LLMDiff(Method):
    """What two models' replies to the same prompts differ in: compared, clustered, named.

    Source: arXiv 2602.10371, the LLM-based pipeline: generate, diff, embed, cluster, name.
    Differs: no model is asked to compare or to name: words and forms are counted (`contrasting`),
        embeddings are TF-IDF, names are top terms. The pipeline with models by role is
        `diffgauge diff`. Claims are tested on held-out prompts by the investigator's choice.
    """

    name: ClassVar[str] = "llm_diff"
    version: ClassVar[int] = 1
    settings: ClassVar[type[MethodSettings]] = LLMDiffSettings
    pair_kinds: ClassVar[frozenset[PairKind]] = frozenset(
        {"adapter", "full", "identical", "reserved", "prompted", "scaled"}
    )
    trial: ClassVar[Trial] = Trial(
        settings={
            "n_prompts": 12,
            "n_held_out": 12,
            "max_new_tokens": 16,
            "batch_prompts": 4,
            "least_cluster": 2,
        },
        planted="zoo/sea-pirate",
    )

    def reads(self, settings: MethodSettings) -> dict[CorpusName, int]:
        """Returns none: only prompts are asked."""
        return {}

    def n_prompts(self, settings: MethodSettings) -> int:
        """Returns how many open prompts are needed, those that are held out among them."""
        chosen = _checked(settings)
        return chosen.n_prompts + chosen.n_held_out

    def precompute_interactions(self, settings: MethodSettings) -> int:
        """Returns the replies that are sampled."""
        chosen = _checked(settings)
        return len(SIDES) * chosen.n_prompts * chosen.n_replies

    def settled(self, settings: MethodSettings, n_layers: int) -> LLMDiffSettings:
        """Takes out what counts nowhere, so that it makes no other artifact."""
        return _checked(settings).without_corpus()

    def artifact_bytes(self, settings: MethodSettings, n_layers: int, d_model: int) -> int:
        """Returns a bound on the artifact's size on disk."""
        chosen = _checked(settings)
        reply = chosen.max_new_tokens * _BYTES_OF_TOKEN + _BYTES_OF_ROW
        properties = len(STYLES) * _BYTES_OF_ROW
        return self.precompute_interactions(chosen) * (reply + properties)

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
        """Asks both models, compares their replies and groups what was seen. See `Method.compute`.

        Raises:
            DiffgaugeError: No prompt was given.
        """
        chosen = self.settled(settings, pair.n_layers)
        inputs = self.inputs(pair, corpora, chosen, seed, prompts)
        started = time.monotonic()
        given = list(dict.fromkeys(prompts[: self.n_prompts(chosen)]))
        if not given:
            raise DiffgaugeError("LLM diffing was given no prompt.", allowed="one or more")
        # Where fewer are there than were asked for, both parts shrink alike.
        n_asked = max(1, len(given) * chosen.n_prompts // self.n_prompts(chosen))
        asked, held_out = given[:n_asked], given[n_asked:]
        checkpoint = None if work is None else work / "replies.safetensors"
        samples = sample(pair, asked, chosen, seed, self.name, progress, checkpoint)
        header = ArtifactHeader(
            inputs=inputs,
            precompute_interactions=len(samples),
            seconds=time.monotonic() - started,
        )
        return Artifact(
            header=header,
            tensors={"n_tokens": torch.tensor([row["n_tokens"] for row in samples])},
            tables={
                "samples": samples,
                "held_out": [{"prompt": prompt} for prompt in held_out],
                **grouped(samples, chosen, seed),
            },
        )

    def overview(self, artifact: Artifact) -> list[Result]:
        """Returns what is shown first."""
        return overview(artifact)

    def operations(self, artifact: Artifact) -> list[Operation]:
        """Returns the drill-downs."""
        return operations(artifact)


def _checked(settings: MethodSettings) -> LLMDiffSettings:
    return settings_of(settings, LLMDiffSettings, "LLM diffing")
