"""What both methods that train a dictionary share: reading, training, the artifact."""

import time
from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Final

import torch
from torch import Tensor

from diffgauge.methods.activations.moments import DIFFERENCE, SERIES, Moments
from diffgauge.methods.activations.reading import paired_activations
from diffgauge.methods.activations.source import PARTS, PairedActivations
from diffgauge.methods.artifacts import Artifact, Table
from diffgauge.methods.dictionaries.dictionary import Dictionary
from diffgauge.methods.dictionaries.held import held
from diffgauge.methods.dictionaries.inputs import Input
from diffgauge.methods.dictionaries.operations import operations
from diffgauge.methods.dictionaries.overview import overview
from diffgauge.methods.dictionaries.published import fingerprint, published
from diffgauge.methods.dictionaries.settings import DictionarySettings
from diffgauge.methods.dictionaries.survey import Survey, variance_explained
from diffgauge.methods.dictionaries.table import exemplar_rows, lens_rows
from diffgauge.methods.dictionaries.trainer import Plan, Trained, train
from diffgauge.methods.method import Method, MethodSettings, Operation, Progress
from diffgauge.records.artifacts import ArtifactHeader, ArtifactInputs
from diffgauge.records.corpora import Corpus
from diffgauge.records.errors import DiffgaugeError
from diffgauge.records.organisms import PairKind
from diffgauge.records.results import Result
from diffgauge.records.subjects import SIDES, Side

if TYPE_CHECKING:
    from diffgauge.models.pair import ModelPair

__all__ = ["DictionaryMethod", "Latents"]

DICTIONARY: Final = "dictionary"
"""Name under which a published dictionary's fingerprint stands among an artifact's corpora."""

_BYTES_OF_ROW = 512


@dataclass(frozen=True)
class Latents:
    """What a method says of a dictionary's latents.

    Attributes:
        numbers: The table of all latents.
        listed: Latents of which passages and tokens are kept.
        vectors: What stands for each of those toward a model, float32 (row d_model).
        facts: Further rows ``name value`` of the table of facts.
    """

    numbers: Table
    listed: list[int]
    vectors: Mapping[Side, Tensor]
    facts: Mapping[str, float] = field(default_factory=dict)


class DictionaryMethod(Method):
    """A method that trains a dictionary, or reads a published one.

    Attributes:
        least_steps: Training steps where the corpus is small.
        n_sides: Sides of its dictionary.
    """

    settings: ClassVar[type[MethodSettings]] = DictionarySettings
    pair_kinds: ClassVar[frozenset[PairKind]] = frozenset(
        {"adapter", "full", "identical", "prompted", "reserved", "scaled"}
    )
    least_steps: ClassVar[int]
    n_sides: ClassVar[int]

    @abstractmethod
    def made(self, moments: Moments, settings: DictionarySettings) -> Input:
        """Returns what is made of stored activations."""

    @abstractmethod
    def latents(
        self, dictionary: Dictionary, survey: Survey, moments: Moments, settings: DictionarySettings
    ) -> Latents:
        """Returns what is said of the latents after a pass over the training part."""

    def n_prompts(self, settings: MethodSettings) -> int:
        """Returns how many open prompts are kept for steering; nothing is sampled in advance."""
        return self._checked(settings).n_prompts

    def plan(self, settings: DictionarySettings, d_model: int, n_tokens: int) -> Plan:
        """Returns the training in numbers."""
        return settings.plan(d_model, n_tokens, self.least_steps)

    def settled(self, settings: MethodSettings, n_layers: int) -> DictionarySettings:
        """Fixes the depth as a block index; sizes that go by the width follow from the pair."""
        return self._checked(settings).fixed(n_layers)

    def artifact_bytes(self, settings: MethodSettings, n_layers: int, d_model: int) -> int:
        """Returns a bound on the artifact's size on disk."""
        n_latents = self._checked(settings).expansion * d_model
        return 8 * n_latents * self.n_sides * d_model + _BYTES_OF_ROW * n_latents

    def inputs(
        self,
        pair: "ModelPair",
        corpora: Mapping[str, Corpus],
        settings: MethodSettings,
        seed: int,
        prompts: Sequence[str] = (),
    ) -> ArtifactInputs:
        """Returns everything an artifact is made from, a published dictionary's bytes included."""
        made = super().inputs(pair, corpora, settings, seed, prompts)
        folder = self._checked(settings).dictionary
        if folder is None:
            return made
        more = made.corpora | {DICTIONARY: fingerprint(folder)}
        return made.model_copy(update={"corpora": more})

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
        """Reads activations, trains on them, and looks at what the latents do.

        See `Method.compute`. Where the activations do not differ, nothing is trained.
        """
        chosen = self.settled(settings, pair.n_layers)
        inputs = self.inputs(pair, corpora, chosen, seed, prompts)
        started = time.monotonic()
        corpus = corpora[chosen.corpus]
        n_texts = min(chosen.n_texts, corpus.n_texts)
        live = paired_activations(pair, corpus, chosen.activations(), progress)
        source = held(live, n_texts, progress)
        moments = source.moments()
        found = None
        if moments.mean_square_norm(DIFFERENCE) > 0:
            found = self._trained(pair, source, moments, chosen, seed, progress, work)
        tensors, tables, n_kept = self._kept(pair, source, moments, chosen, found)
        tables["prompts"] = [{"prompt": prompt} for prompt in prompts[: chosen.n_prompts]]
        header = ArtifactHeader(
            inputs=inputs,
            n_texts={corpus.name: n_texts},
            n_dropped={corpus.name: n_texts - n_kept},
            seconds=time.monotonic() - started,
        )
        return Artifact(header=header, tensors=tensors, tables=tables)

    def overview(self, artifact: Artifact) -> list[Result]:
        """Returns what is shown first."""
        return overview(artifact)

    def operations(self, artifact: Artifact) -> list[Operation]:
        """Returns the drill-downs, the reading of given texts and the steering tool."""
        return operations(artifact)

    def _trained(
        self,
        pair: "ModelPair",
        source: PairedActivations,
        moments: Moments,
        settings: DictionarySettings,
        seed: int,
        progress: Progress | None,
        work: Path | None,
    ) -> Trained:
        if settings.dictionary is not None:
            loaded = published(settings.dictionary)
            loaded.check_width(pair.d_model, self.n_sides)
            return Trained(loaded, [])
        plan = self.plan(settings, pair.d_model, source.n_tokens)
        file = None if work is None else work / "training.safetensors"
        made = self.made(moments, settings)
        return train(source, made, plan, seed, progress, file, pair.device)

    def _kept(
        self,
        pair: "ModelPair",
        source: PairedActivations,
        moments: Moments,
        settings: DictionarySettings,
        found: Trained | None,
    ) -> tuple[dict[str, Tensor], dict[str, Table], int]:
        """Returns the artifact's tensors and tables, and the number of texts that were read."""
        difference = moments.mean(DIFFERENCE).float()
        norms = {one: moments.mean_norm(one) for one in SERIES}
        facts = {"layer": float(source.layer), "scale": sum(norms[side] for side in SIDES) / 2}
        facts["relative size"] = norms[DIFFERENCE] / facts["scale"]
        if norms[DIFFERENCE] > 0:
            facts["mean share"] = float(difference.norm()) / norms[DIFFERENCE]
        facts["tokens"] = float(moments.n)
        towards: dict[Side, Tensor] = {"base": -difference[None], "finetuned": difference[None]}
        decoded = lens_rows(pair, towards, [0], settings.lens_tokens)
        tables: dict[str, Table] = {"mean": decoded if norms[DIFFERENCE] > 0 else []}
        if found is None:
            texts = {text for part in PARTS for one in source.in_order(part) for text in one.texts}
            return {}, tables | _tables(facts, Latents([], [], {}), []), len(texts)
        dictionary, made = found.dictionary, self.made(moments, settings)
        means = torch.stack([moments.mean(side) for side in SIDES])
        survey, texts = Survey(dictionary, made, means, settings.n_exemplars), set[int]()
        for block in source.in_order("train"):
            survey.add(block)
            texts |= block.texts.keys()

        def held_out() -> Iterator[Tensor]:
            for block in source.in_order("validation"):
                texts.update(block.texts)
                yield block.activations

        explained, fired = variance_explained(dictionary, made, held_out())
        facts |= {"latents": float(dictionary.n_latents), "fire on a token": fired}
        if dictionary.top_k is not None:
            facts["top_k"] = float(dictionary.top_k)
        facts["dead"] = float((survey.fired == 0).double().mean())
        for name, share in zip(SIDES if len(explained) > 1 else ("both",), explained, strict=True):
            facts[f"explained {name}"] = float(share)
        said = self.latents(dictionary, survey, moments, settings)
        tables |= _tables(facts | dict(said.facts), said, found.curve)
        tables["tokens"] = lens_rows(pair, said.vectors, said.listed, settings.lens_tokens)
        tables["exemplars"] = exemplar_rows(pair, survey.exemplars, said.listed)
        tensors = {
            "encoder": dictionary.encoder,
            "encoder_bias": dictionary.encoder_bias,
            "decoder": dictionary.decoder,
            "decoder_bias": dictionary.decoder_bias,
            "threshold": dictionary.threshold,
            "means": means.float(),
        }
        return tensors, tables, len(texts)

    def _checked(self, settings: MethodSettings) -> DictionarySettings:
        if not isinstance(settings, DictionarySettings):
            raise DiffgaugeError(
                f"{self.name} was given settings of type {type(settings).__name__}.",
                allowed=self.settings.__name__,
            )
        return settings


def _tables(
    facts: Mapping[str, float], said: Latents, curve: list[dict[str, Any]]
) -> dict[str, Table]:
    return {
        "facts": [{"name": name, "value": value} for name, value in facts.items()],
        "latents": said.numbers,
        "curve": curve,
        "tokens": [],
        "exemplars": [],
    }
