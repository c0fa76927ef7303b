"""ADL as a method: settings in, one artifact out."""

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import torch
from torch import Tensor

from diffgauge.methods.adl.causal import causal_rows
from diffgauge.methods.adl.decoding import decoded
from diffgauge.methods.adl.floors import norm_rows
from diffgauge.methods.adl.moments import Moments
from diffgauge.methods.adl.operations import operations
from diffgauge.methods.adl.overview import overview
from diffgauge.methods.adl.patchscope import identity_prompts
from diffgauge.methods.adl.random_vectors import random_lenses
from diffgauge.methods.adl.reading import Reading, read, read_conversations, read_spoken
from diffgauge.methods.adl.sampling import Sampled, most_replies, sampled
from diffgauge.methods.adl.settings import ADLSettings, reply_slots, slots
from diffgauge.methods.adl.similarity import similarity_rows
from diffgauge.methods.adl.steering import Vectors
from diffgauge.methods.artifacts import Artifact
from diffgauge.methods.method import (
    PROMPTS,
    Method,
    MethodSettings,
    Operation,
    Progress,
    settings_of,
)
from diffgauge.methods.vocabulary import readable_tokens
from diffgauge.records.artifacts import ArtifactHeader
from diffgauge.records.corpora import Corpus, CorpusName
from diffgauge.records.organisms import PairKind
from diffgauge.records.results import Result

if TYPE_CHECKING:
    from diffgauge.models.pair import ModelPair

__all__ = ["ADL"]

_TENSORS_OF_MODEL = 4
_LISTS_OF_SLOT = 8
"""Two own means, two directions through two heads, two patchscopes."""

_BYTES_OF_ROW = 64
_BYTES_OF_REPLY = 1024
_LEAST_UNITS = 2


class ADL(Method):
    """Activation Difference Lens.

    Source: arXiv 2510.13900 (sections 2 and 3): mean difference at the first positions, logit
    lens, patchscope, steering, causal effect.
    Differs: both directions and both models throughout; a floor below which nothing is decoded;
    the mean over positions 1 and up beside each position alone; also read where replies begin;
    scale of the patchscope and strength of steering are found without a grader. Token relevance
    needs the truth and stands in `graders`.
    """

    name: ClassVar[str] = "adl"
    version: ClassVar[int] = 2
    settings: ClassVar[type[MethodSettings]] = ADLSettings
    pair_kinds: ClassVar[frozenset[PairKind]] = frozenset(
        {"adapter", "full", "identical", "prompted", "reserved", "scaled"}
    )

    def reads(self, settings: MethodSettings) -> dict[CorpusName, int]:
        """Returns the corpora that are read. See `ADLSettings.reads`."""
        return _checked(settings).reads()

    def n_prompts(self, settings: MethodSettings) -> int:
        """Returns how many open prompts are asked."""
        return _checked(settings).n_prompts

    def precompute_interactions(self, settings: MethodSettings) -> int:
        """Returns the most replies that are sampled; fewer where a difference is noise."""
        chosen = _checked(settings)
        return most_replies(chosen, len(chosen.layers) + len(chosen.depths))

    def settled(self, settings: MethodSettings, n_layers: int) -> ADLSettings:
        """Fixes depths as block indices. See `ADLSettings.settled`."""
        return _checked(settings).settled(n_layers)

    def artifact_bytes(self, settings: MethodSettings, n_layers: int, d_model: int) -> int:
        """Returns a bound on the artifact's size on disk."""
        chosen = self.settled(settings, n_layers)
        n_slots = len(chosen.layers) * (len(slots(chosen)) + len(reply_slots(chosen)))
        lists = n_slots * _LISTS_OF_SLOT * chosen.lens_tokens * _BYTES_OF_ROW
        replies = self.precompute_interactions(chosen) * _BYTES_OF_REPLY
        return n_slots * _TENSORS_OF_MODEL * 4 * d_model + lists + replies

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
        """Reads the corpus, samples replies, decodes the mean differences.

        See `Method.compute`. Where the mean difference over positions 1 and up is noise at every
        layer, no steered reply is sampled.
        """
        chosen = self.settled(settings, pair.n_layers)
        inputs = self.inputs(pair, corpora, chosen, seed, prompts)
        started = time.monotonic()
        asked = list(prompts[: chosen.n_prompts])
        names = readable_tokens(pair.tokenizer, pair.d_vocab)
        # Before anything is read: what cannot be made is to be told at once.
        lists = identity_prompts(pair, names, chosen, seed)
        corpus = corpora[chosen.corpus]
        readings: dict[str, Reading] = {
            corpus.name: read(pair, corpus, chosen, progress, _file(work, "moments.safetensors"))
        }
        moments = readings[corpus.name].moments
        vectors = _vectors(moments, norm_rows(moments, chosen, pair.coarsest_dtype), chosen)
        file = _file(work, "replies.json")
        replies = sampled(pair, vectors, chosen, asked, seed, progress, file)
        where, began = _beginnings(pair, corpora, chosen, replies, progress, work)
        if began is not None:
            readings.setdefault(where, began)
        of_replies = None if began is None or began.moments.n < _LEAST_UNITS else began.moments
        norms = norm_rows(moments, chosen, pair.coarsest_dtype, of_replies)
        every = [moments] if of_replies is None else [moments, of_replies]
        tensors = _tensors(every)
        header = ArtifactHeader(
            inputs=inputs,
            n_texts={name: one.n_seen for name, one in readings.items()},
            n_dropped={name: one.n_dropped for name, one in readings.items()},
            precompute_interactions=replies.n_replies,
            seconds=time.monotonic() - started,
        )
        return Artifact(
            header=header,
            tensors=tensors,
            tables={
                "norms": norms,
                "prompts": [{"prompt": prompt} for prompt in asked],
                "samples": replies.samples,
                "calibration": replies.calibration,
                **decoded(pair, tensors, norms, names, lists, chosen, seed),
                "causal": causal_rows(pair, corpora, vectors, chosen, seed, progress),
                "similarity": similarity_rows(corpora, replies.samples, chosen),
            },
        )

    def overview(self, artifact: Artifact) -> list[Result]:
        """Returns what is shown first."""
        return overview(artifact)

    def operations(self, artifact: Artifact) -> list[Operation]:
        """Returns the drill-downs and the steering tool."""
        return operations(artifact)

    def references(self, pair: "ModelPair", artifact: Artifact, seed: int) -> list[Result]:
        """Returns the lens of random vectors. See `random_lenses`."""
        return random_lenses(pair, artifact, seed)


def _beginnings(
    pair: "ModelPair",
    corpora: Mapping[str, Corpus],
    settings: ADLSettings,
    replies: Sampled,
    progress: Progress | None,
    work: Path | None,
) -> tuple[str, Reading | None]:
    """Reads where replies begin: in the chat corpus, else in what the models replied."""
    if settings.chat_texts:
        file = _file(work, "conversations.safetensors")
        return "chat", read_conversations(pair, corpora["chat"], settings, progress, file)
    if not replies.plain:
        return PROMPTS, None
    return PROMPTS, read_spoken(pair, replies.plain, settings)


def _vectors(
    moments: Moments, norms: Sequence[Mapping[str, Any]], settings: ADLSettings
) -> Vectors:
    """Returns what is steered with: at each layer the mean over positions 1 and up, if usable."""
    labels = [slot.label for slot in slots(settings)]
    return {
        (row["layer"], row["position"]): (
            moments.mean[settings.layers.index(row["layer"]), -1].float(),
            row["scale"],
        )
        for row in norms
        if row["position"] == labels[-1] and not row["noise"]
    }


def _tensors(every: Sequence[Moments]) -> dict[str, Tensor]:
    """float32, (layer slot d_model), slots as in `norms`; `variance` is over texts, of an entry."""
    return {
        "mean_difference": torch.cat([one.mean for one in every], 1).float(),
        "variance": torch.cat([one.squares / (one.n - 1) for one in every], 1).float(),
        "mean_base": torch.cat([one.base for one in every], 1).float(),
        "mean_finetuned": torch.cat([one.finetuned for one in every], 1).float(),
    }


def _file(work: Path | None, name: str) -> Path | None:
    return None if work is None else work / name


def _checked(settings: MethodSettings) -> ADLSettings:
    return settings_of(settings, ADLSettings, "ADL")
