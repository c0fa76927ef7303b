"""The activation oracle as a method: settings in, one artifact out."""

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Final

from diffgauge.methods.activation_oracle.answering import Answers, ask_all
from diffgauge.methods.activation_oracle.operations import operations
from diffgauge.methods.activation_oracle.overview import overview
from diffgauge.methods.activation_oracle.reading import noise_floor
from diffgauge.methods.activation_oracle.settings import ActivationOracleSettings, places
from diffgauge.methods.activation_oracle.verbalizers import find_verbalizer
from diffgauge.methods.artifacts import Artifact
from diffgauge.methods.contexts import plain_text
from diffgauge.methods.method import Method, MethodSettings, Operation, Progress, settings_of
from diffgauge.methods.trial import Trial
from diffgauge.records.artifacts import ArtifactHeader, ArtifactInputs
from diffgauge.records.corpora import Corpus
from diffgauge.records.organisms import PairKind
from diffgauge.records.results import Result

if TYPE_CHECKING:
    from diffgauge.models.pair import ModelPair

__all__ = ["ActivationOracle"]

_SOURCES: Final = 6
_USUAL_QUESTIONS: Final = 8
_BYTES_OF_ANSWER: Final = 256
_BYTES_OF_TEXT: Final = 64


class ActivationOracle(Method):
    """Answers of a trained verbalizer to questions about activations and their difference.

    Source: arXiv 2512.15674 (activation oracles: injection at placeholder tokens, questions about
        single tokens, segments and full texts).
    Differs: the verbalizer is loaded apart, so that it is never on while activations are read;
        both directions of the difference; a floor below which nothing is injected; reference
        answers to the difference with its entries shuffled; words counted over texts. Exchanging
        the models mirrors every result as long as the verbalizer was made for one of them.
    """

    name: ClassVar[str] = "activation_oracle"
    version: ClassVar[int] = 1
    settings: ClassVar[type[MethodSettings]] = ActivationOracleSettings
    pair_kinds: ClassVar[frozenset[PairKind]] = frozenset(
        {"adapter", "full", "identical", "prompted", "reserved", "scaled"}
    )

    trial: ClassVar[Trial] = Trial(
        settings={"n_texts": 8, "batch_texts": 3, "tokens": (4,), "segments": ("1-4",)}
    )

    def settled(self, settings: MethodSettings, n_layers: int) -> ActivationOracleSettings:
        """Fixes depths as block indices. See `ActivationOracleSettings.settled`."""
        return _checked(settings).settled(n_layers)

    def artifact_bytes(self, settings: MethodSettings, n_layers: int, d_model: int) -> int:
        """Returns a bound on the artifact's size on disk."""
        chosen = self.settled(settings, n_layers)
        n_cells = chosen.n_texts * len(chosen.layers) * len(places(chosen))
        n_questions = len(chosen.questions) or _USUAL_QUESTIONS
        n_answers = n_cells * n_questions * _SOURCES * (1 + chosen.n_samples)
        return n_answers * _BYTES_OF_ANSWER + n_cells * 8 + chosen.n_tokens * _BYTES_OF_TEXT

    def inputs(
        self,
        pair: "ModelPair",
        corpora: Mapping[str, Corpus],
        settings: MethodSettings,
        seed: int,
        prompts: Sequence[str] = (),
    ) -> ArtifactInputs:
        """Returns everything an artifact is made from, the verbalizer's fingerprint among it.

        Raises:
            DiffgaugeError: As `Method.inputs` and `find_verbalizer`.
        """
        plain = super().inputs(pair, corpora, settings, seed, prompts)
        chosen = self.settled(settings, pair.n_layers)
        found = find_verbalizer(pair, chosen)
        said = {
            "verbalizer": found.name,
            "verbalizer_fingerprint": found.fingerprint,
            "questions": chosen.questions or found.card.questions,
        }
        fixed = chosen.model_copy(update=said).model_dump(mode="json")
        return plain.model_copy(update={"settings": fixed})

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
        """Reads the corpus and has the verbalizer answer. See `Method.compute`.

        No reply is sampled from a subject model: `precompute_interactions` is 0. The answers are
        the verbalizer's; their number is that of the rows of the table ``answers``.
        """
        inputs = self.inputs(pair, corpora, settings, seed, prompts)
        chosen = ActivationOracleSettings.model_validate(inputs.settings)
        started = time.monotonic()
        found = find_verbalizer(pair, chosen)
        answers = ask_all(pair, found, corpora[chosen.corpus], chosen, seed, progress, work)
        header = ArtifactHeader(
            inputs=inputs,
            n_texts={chosen.corpus: answers.n_seen},
            n_dropped={chosen.corpus: answers.n_dropped},
            seconds=time.monotonic() - started,
        )
        floors = {layer: noise_floor(pair, chosen, layer) for layer in chosen.layers}
        return Artifact(
            header=header,
            tensors={"relative": answers.relative, "usable": answers.usable},
            tables={
                "summary": _summary_rows(answers, chosen, pair.n_layers, floors),
                "answers": answers.rows,
                "texts": [{"text": plain_text(pair.tokenizer, ids)} for ids in answers.texts],
            },
        )

    def overview(self, artifact: Artifact) -> list[Result]:
        """Returns what is shown first."""
        return overview(artifact)

    def operations(self, artifact: Artifact) -> list[Operation]:
        """Returns the stored answers and the question of one's own."""
        return operations(artifact)


def _summary_rows(
    answers: Answers,
    settings: ActivationOracleSettings,
    n_layers: int,
    floors: Mapping[int, float],
) -> list[dict[str, Any]]:
    """Columns ``layer place n_texts n_usable identical relative floor n_layers``.

    `relative` is the mean over texts of the difference's norm as a share of the activations';
    `identical`, whether it is exactly zero in every text; `n_layers`, blocks of the pair.
    """
    return [
        {
            "layer": layer,
            "place": place.label,
            "n_texts": len(answers.relative),
            "n_usable": int(answers.usable[:, i, j].sum()),
            "identical": not answers.relative[:, i, j].any(),
            "relative": float(answers.relative[:, i, j].double().mean()),
            "floor": floors[layer],
            "n_layers": n_layers,
        }
        for i, layer in enumerate(settings.layers)
        for j, place in enumerate(places(settings))
    ]


def _checked(settings: MethodSettings) -> ActivationOracleSettings:
    return settings_of(settings, ActivationOracleSettings, "The activation oracle")
