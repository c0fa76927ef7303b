"""The activation analysis as a method: settings in, one artifact out."""

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import torch

from diffgauge.methods.activation_analysis.operations import operations
from diffgauge.methods.activation_analysis.overview import overview
from diffgauge.methods.activation_analysis.settings import AnalysisSettings
from diffgauge.methods.activation_analysis.totals import AnalysisTotals
from diffgauge.methods.activations.decoding import differences_at, read_as
from diffgauge.methods.activations.floors import noise_floor
from diffgauge.methods.activations.reading import read_statistic
from diffgauge.methods.artifacts import Artifact
from diffgauge.methods.contexts import passage, plain_text
from diffgauge.methods.method import Method, MethodSettings, Operation, Progress, settings_of
from diffgauge.methods.trial import Trial
from diffgauge.methods.vocabulary import readable_tokens, shown_token
from diffgauge.records.artifacts import ArtifactHeader
from diffgauge.records.corpora import Corpus
from diffgauge.records.errors import DiffgaugeError
from diffgauge.records.organisms import PairKind
from diffgauge.records.results import Result
from diffgauge.records.subjects import SIDES

if TYPE_CHECKING:
    from diffgauge.models.pair import ModelPair

__all__ = ["ActivationAnalysis"]

_BYTES_OF_POSITION = 2048
_BYTES_OF_ROW = 128
_MOST_ROWS = 4096
_STORED_TEXTS = 2


class ActivationAnalysis(Method):
    """How far the two models' activations are apart at each token, and where most.

    Source: diffing-toolkit, method "activation analysis" (normdiff): norms, cosine distance and
        relative size at each token, histograms, by position and template token, maximal examples.
    Differs: streamed, with errors clustered by text; held-out texts apart; the differences at the
        largest positions are also decoded, in both directions, above a floor of rounding.
    """

    name: ClassVar[str] = "activation_analysis"
    version: ClassVar[int] = 1
    settings: ClassVar[type[MethodSettings]] = AnalysisSettings
    pair_kinds: ClassVar[frozenset[PairKind]] = frozenset(
        {"adapter", "full", "identical", "reserved", "prompted", "scaled"}
    )
    trial: ClassVar[Trial] = Trial(settings={"top_positions": 20, "validation_every": 4})

    def settled(self, settings: MethodSettings, n_layers: int) -> AnalysisSettings:
        """Fixes the depth as a block index. See `AnalysisSettings.settled`."""
        return _checked(settings).settled(n_layers)

    def artifact_bytes(self, settings: MethodSettings, n_layers: int, d_model: int) -> int:
        """Returns a bound on the artifact's size on disk."""
        chosen = _checked(settings)
        positions = 6 * chosen.top_positions * _BYTES_OF_POSITION
        rows = 2 * chosen.n_tokens + 2 * chosen.lens_tokens + _MOST_ROWS
        return positions + rows * _BYTES_OF_ROW

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
        totals = AnalysisTotals(chosen, max(pair.d_vocab, len(pair.tokenizer)))
        file = None if work is None else work / "analysis.safetensors"
        counts = read_statistic(pair, corpora[chosen.corpus], chosen, totals, progress, file)
        summary = list(totals.summary())
        noise = _noise(pair, summary, chosen)
        header = ArtifactHeader(
            inputs=inputs,
            n_texts={chosen.corpus: counts.n_seen},
            n_dropped={chosen.corpus: counts.n_dropped},
            seconds=time.monotonic() - started,
        )
        return Artifact(
            header=header,
            tables={
                "summary": summary,
                "noise": [noise],
                "curve": list(totals.curve()),
                "special": [
                    row | {"token": shown_token(pair.tokenizer, row["token"])}
                    for row in totals.special()
                ],
                **_decoded(pair, totals, chosen, noise=bool(noise["noise"])),
                "texts": [
                    {"text": plain_text(pair.tokenizer, spot.ids)}
                    for spot in totals.spots["train", "norm"].kept[:_STORED_TEXTS]
                ],
            },
        )

    def overview(self, artifact: Artifact) -> list[Result]:
        """Returns what is shown first."""
        return overview(artifact)

    def operations(self, artifact: Artifact) -> list[Operation]:
        """Returns the drill-downs and the reading of given texts."""
        return operations(artifact)


def _noise(
    pair: "ModelPair", summary: Sequence[Mapping[str, Any]], settings: AnalysisSettings
) -> dict[str, Any]:
    """Columns ``norm scale floor noise identical``, of the training part."""
    means = {
        row["measure"]: row["mean"]
        for row in summary
        if (row["part"], row["group"]) == ("train", "all")
    }
    if not means:
        raise DiffgaugeError(
            "Every text that was read is held out.",
            allowed="at least one text of the training part",
            advice="Read more texts.",
        )
    assert settings.layer is not None, "settled"
    scale = (means["base"] + means["finetuned"]) / 2
    floor = noise_floor(settings.layer, pair.coarsest_dtype, scale, settings.reserved_floor)
    identical = not any(row["largest"] for row in summary if row["measure"] == "norm")
    return {
        "norm": means["norm"],
        "scale": scale,
        "floor": floor,
        "noise": means["norm"] <= floor,
        "identical": identical,
    }


def _decoded(
    pair: "ModelPair", totals: AnalysisTotals, settings: AnalysisSettings, *, noise: bool
) -> dict[str, list[dict[str, Any]]]:
    """Tables ``positions`` and ``tokens``; empty where differences are noise.

    Columns of the first: ``part order rank value text position passage``, and for each side the
    tokens that the difference there reads as, toward it. Of the second: ``side rank token score``.
    """
    assert settings.layer is not None, "settled"
    every = {(spot.text, spot.position): spot for one in totals.spots.values() for spot in one.kept}
    if noise or not every:
        return {"positions": [], "tokens": []}
    numbers = {place: number for number, place in enumerate(every)}
    found = differences_at(pair, settings.layer, list(every.values()), settings.batch_texts)
    names = readable_tokens(pair.tokenizer, pair.d_vocab)
    read = read_as(pair, found, names, settings.position_tokens)
    rows: list[dict[str, Any]] = []
    for (part, order), spots in totals.spots.items():
        for rank, spot in enumerate(spots.kept):
            at = numbers[spot.text, spot.position]
            rows.append(
                {
                    "part": part,
                    "order": order,
                    "rank": rank,
                    "value": spot.value,
                    "text": spot.text,
                    "position": spot.position,
                    "passage": passage(pair.tokenizer, spot.ids, spot.position),
                    **{side: ", ".join(token for token, _ in read[side][at]) for side in SIDES},
                }
            )
    kept = totals.spots["train", "norm"].kept
    largest = found[[numbers[spot.text, spot.position] for spot in kept]]
    units = torch.nn.functional.normalize(largest, dim=-1)
    together = read_as(pair, units.mean(0, keepdim=True), names, settings.lens_tokens)
    tokens = [
        {"side": side, "rank": rank, "token": token, "score": score}
        for side in SIDES
        for rank, (token, score) in enumerate(together[side][0])
    ]
    return {"positions": rows, "tokens": tokens}


def _checked(settings: MethodSettings) -> AnalysisSettings:
    return settings_of(settings, AnalysisSettings, "The activation analysis")
