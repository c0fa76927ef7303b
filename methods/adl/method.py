"""ADL as a method: settings in, one artifact out."""

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import torch
from torch import Tensor

from diffgauge.methods.adl.floors import norm_rows
from diffgauge.methods.adl.lens import lens_rows
from diffgauge.methods.adl.moments import Moments
from diffgauge.methods.adl.operations import operations
from diffgauge.methods.adl.overview import overview
from diffgauge.methods.adl.reading import read
from diffgauge.methods.adl.settings import ADLSettings, slots
from diffgauge.methods.adl.steering import sample, steered_plan
from diffgauge.methods.artifacts import Artifact
from diffgauge.methods.method import Method, MethodSettings, Operation, Progress
from diffgauge.records.artifacts import ArtifactHeader
from diffgauge.records.corpora import Corpus
from diffgauge.records.errors import DiffgaugeError
from diffgauge.records.results import Result

if TYPE_CHECKING:
    from diffgauge.models.pair import ModelPair

__all__ = ["ADL"]

_TENSORS_OF_MODEL = 4
_BYTES_OF_ROW = 64
_BYTES_OF_REPLY = 1024


class ADL(Method):
    """Activation Difference Lens.

    Source: arXiv 2510.13900 (sections 2 and 3), reading, logit lens and steering.
    Differs: both directions and both models throughout; a floor below which nothing is decoded;
    the mean over positions 1 and up beside each position alone. No patchscope, token relevance or
    causal effect.
    """

    name: ClassVar[str] = "adl"
    version: ClassVar[int] = 1
    settings: ClassVar[type[MethodSettings]] = ADLSettings

    def n_prompts(self, settings: MethodSettings) -> int:
        """Returns how many open prompts are asked."""
        return _checked(settings).n_prompts

    def precompute_interactions(self, settings: MethodSettings) -> int:
        """Returns the most replies that are sampled; fewer where a difference is noise."""
        chosen = _checked(settings)
        n_layers = len(chosen.layers) + len(chosen.depths)
        return 2 * chosen.n_prompts * (1 + 2 * n_layers * len(chosen.strengths))

    def settled(self, settings: MethodSettings, n_layers: int) -> ADLSettings:
        """Fixes depths as block indices. See `ADLSettings.settled`."""
        return _checked(settings).settled(n_layers)

    def artifact_bytes(self, settings: MethodSettings, n_layers: int, d_model: int) -> int:
        """Returns a bound on the artifact's size on disk."""
        chosen = self.settled(settings, n_layers)
        n_slots = len(chosen.layers) * len(slots(chosen))
        lens = n_slots * 4 * chosen.lens_tokens * _BYTES_OF_ROW
        replies = self.precompute_interactions(chosen) * _BYTES_OF_REPLY
        return n_slots * _TENSORS_OF_MODEL * 4 * d_model + lens + replies

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
        """Reads the corpus, decodes the mean differences and samples steered replies.

        See `Method.compute`. Where the mean difference over positions 1 and up is noise at every
        layer, no reply is sampled.
        """
        chosen = self.settled(settings, pair.n_layers)
        inputs = self.inputs(pair, corpora, chosen, seed, prompts)
        started = time.monotonic()
        reading = read(
            pair,
            corpora[chosen.corpus],
            chosen,
            progress,
            None if work is None else work / "moments.safetensors",
        )
        norms = norm_rows(reading.moments, chosen, pair.dtype)
        asked = list(prompts[: chosen.n_prompts])
        replies = _replies(pair, reading.moments, norms, chosen, asked, seed, progress, work)
        header = ArtifactHeader(
            inputs=inputs,
            n_texts={chosen.corpus: reading.n_seen},
            n_dropped={chosen.corpus: reading.n_dropped},
            precompute_interactions=len(replies),
            seconds=time.monotonic() - started,
        )
        return Artifact(
            header=header,
            tensors=_tensors(reading.moments),
            tables={
                "norms": norms,
                "lens": lens_rows(pair, reading.moments, chosen, norms),
                "prompts": [{"prompt": prompt} for prompt in asked],
                "samples": replies,
            },
        )

    def overview(self, artifact: Artifact) -> list[Result]:
        """Returns what is shown first."""
        return overview(artifact)

    def operations(self, artifact: Artifact) -> list[Operation]:
        """Returns the drill-downs and the steering tool."""
        return operations(artifact)


def _replies(
    pair: "ModelPair",
    moments: Moments,
    norms: Sequence[Mapping[str, Any]],
    settings: ADLSettings,
    prompts: Sequence[str],
    seed: int,
    progress: Progress | None,
    work: Path | None,
) -> list[dict[str, Any]]:
    labels = [slot.label for slot in slots(settings)]
    usable = [
        (row["layer"], row["position"])
        for row in norms
        if row["position"] == labels[-1] and not row["noise"]
    ]
    if not usable or not prompts or not settings.strengths:
        return []
    means = moments.mean.float()
    vectors: dict[tuple[int, str], tuple[Tensor, float]] = {
        (row["layer"], row["position"]): (
            means[settings.layers.index(row["layer"]), labels.index(row["position"])],
            row["scale"],
        )
        for row in norms
    }
    plan = steered_plan(usable, settings, prompts, seed)
    checkpoint = None if work is None else work / "replies.json"
    replies = sample(pair, plan, vectors, settings, progress, checkpoint)
    return [
        {
            "layer": item.layer,
            "position": item.position,
            "toward": item.toward,
            "strength": item.strength,
            "model": item.model,
            "prompt": item.prompt,
            "reply": reply.text,
            "n_tokens": reply.n_tokens,
            "finished": reply.finished,
        }
        for item, reply in zip(plan, replies, strict=True)
    ]


def _tensors(moments: Moments) -> dict[str, Tensor]:
    """float32, (layer slot d_model); `variance` is over texts, of each entry."""
    return {
        "mean_difference": moments.mean.to(torch.float32),
        "variance": (moments.squares / (moments.n - 1)).to(torch.float32),
        "mean_base": moments.base.to(torch.float32),
        "mean_finetuned": moments.finetuned.to(torch.float32),
    }


def _checked(settings: MethodSettings) -> ADLSettings:
    if not isinstance(settings, ADLSettings):
        raise DiffgaugeError(
            f"ADL was given settings of type {type(settings).__name__}.", allowed="ADLSettings"
        )
    return settings
