"""PCA as a method: settings in, one artifact out."""

import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from torch import Tensor

from diffgauge.methods.activations.decoding import read_as
from diffgauge.methods.activations.floors import noise_floor
from diffgauge.methods.activations.reading import read_statistic
from diffgauge.methods.artifacts import Artifact
from diffgauge.methods.contexts import passage
from diffgauge.methods.method import Method, MethodSettings, Operation, Progress, settings_of
from diffgauge.methods.pca.components import Components, Products
from diffgauge.methods.pca.operations import operations
from diffgauge.methods.pca.overview import overview
from diffgauge.methods.pca.projections import Projections
from diffgauge.methods.pca.settings import PCASettings
from diffgauge.methods.trial import Trial
from diffgauge.methods.vocabulary import readable_tokens
from diffgauge.records.artifacts import ArtifactHeader
from diffgauge.records.corpora import Corpus
from diffgauge.records.errors import DiffgaugeError
from diffgauge.records.organisms import PairKind
from diffgauge.records.results import Result
from diffgauge.records.subjects import SIDES, Side

if TYPE_CHECKING:
    from diffgauge.models.pair import ModelPair

__all__ = ["PCA"]

_BYTES_OF_TOKEN = 64
_BYTES_OF_POSITION = 1024


class PCA(Method):
    """Principal components of the difference of two models' activations.

    Source: diffing-toolkit, method PCA (components of activation differences: explained variance,
        logit lens, maximal and minimal examples, steering).
    Differs: exact from streamed sums of products; uncentred unless asked, so that a difference
        that is the same everywhere is seen; held-out texts apart; the sign of a component is that
        of the mean difference, so that exchanging the models turns every component round.
    """

    name: ClassVar[str] = "pca"
    version: ClassVar[int] = 1
    settings: ClassVar[type[MethodSettings]] = PCASettings
    pair_kinds: ClassVar[frozenset[PairKind]] = frozenset(
        {"adapter", "full", "identical", "reserved", "prompted", "scaled"}
    )
    trial: ClassVar[Trial] = Trial(settings={"n_components": 4, "validation_every": 4})

    def n_prompts(self, settings: MethodSettings) -> int:
        """Returns how many open prompts are kept for steering."""
        return _checked(settings).n_prompts

    def settled(self, settings: MethodSettings, n_layers: int) -> PCASettings:
        """Fixes the depth as a block index. See `PCASettings.settled`."""
        return _checked(settings).settled(n_layers)

    def artifact_bytes(self, settings: MethodSettings, n_layers: int, d_model: int) -> int:
        """Returns a bound on the artifact's size on disk."""
        chosen = _checked(settings)
        n = chosen.n_components + 2 * chosen.own_components
        lists = 2 * n * chosen.lens_tokens * _BYTES_OF_TOKEN
        positions = 2 * chosen.n_components * chosen.exemplars * _BYTES_OF_POSITION
        return 4 * (n + 3) * d_model + lists + positions

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
        """Reads the corpus twice: for the components, and along them. See `Method.compute`."""
        chosen = self.settled(settings, pair.n_layers)
        assert chosen.layer is not None, "settled"
        inputs = self.inputs(pair, corpora, chosen, seed, prompts)
        started, corpus = time.monotonic(), corpora[chosen.corpus]
        products = Products(pair.d_model, own=chosen.own_components > 0)
        file = None if work is None else work / "products.safetensors"
        counts = read_statistic(pair, corpus, chosen, products, progress, file)
        moments = products.moments
        if moments.n == 0:
            raise DiffgaugeError(
                "Every text that was read is held out.",
                allowed="at least one text of the training part",
                advice="Read more texts.",
            )
        scale = (moments.mean_norm("base") + moments.mean_norm("finetuned")) / 2
        norm = moments.mean_norm()
        floor = noise_floor(chosen.layer, pair.coarsest_dtype, scale, chosen.reserved_floor)
        found = products.components(
            "difference", min(chosen.n_components, pair.d_model), centred=chosen.centred
        )
        along = Projections(found, chosen)
        again = None if work is None else work / "projections.safetensors"
        read_statistic(pair, corpus, chosen, along, _second(progress), again)
        own: dict[Side, Components] = {
            side: products.components(
                side, min(chosen.own_components, pair.d_model), centred=chosen.centred
            )
            for side in (SIDES if chosen.own_components else ())
        }
        header = ArtifactHeader(
            inputs=inputs,
            n_texts={chosen.corpus: counts.n_seen},
            n_dropped={chosen.corpus: counts.n_dropped},
            seconds=time.monotonic() - started,
        )
        identical = norm == 0
        kept = found.directions[:0] if norm <= floor else found.directions
        return Artifact(
            header=header,
            tensors=_tensors(found, kept),
            tables={
                "noise": [
                    {
                        "norm": norm,
                        "scale": scale,
                        "floor": floor,
                        "noise": norm <= floor,
                        "identical": identical,
                    }
                ],
                "explained": list(along.rows()),
                "lens": [*_lens(pair, kept, chosen), *_own_lens(pair, own, chosen)],
                "own": _own_rows(own),
                "exemplars": list(_exemplars(pair, along)) if len(kept) else [],
                "prompts": [{"prompt": one} for one in prompts[: chosen.n_prompts]],
            },
        )

    def overview(self, artifact: Artifact) -> list[Result]:
        """Returns what is shown first."""
        return overview(artifact)

    def operations(self, artifact: Artifact) -> list[Operation]:
        """Returns the drill-down and the steering tool."""
        return operations(artifact)


def _second(progress: Progress | None) -> Progress | None:
    if progress is None:
        return None
    return lambda what, done, of: progress(f"{what}, along the components", done, of)


def _tensors(found: Components, kept: Tensor) -> dict[str, Tensor]:
    """`directions` float32 (component d_model); none where the difference is noise."""
    return {"directions": kept, "mean": found.mean}


def _lens(pair: "ModelPair", directions: Tensor, settings: PCASettings) -> Iterator[dict[str, Any]]:
    """Columns ``of component side rank token score``; `of` is the difference or a side."""
    if not len(directions):
        return
    names = readable_tokens(pair.tokenizer, pair.d_vocab)
    read = read_as(pair, directions, names, settings.lens_tokens)
    for side in SIDES:
        for component, tokens in enumerate(read[side]):
            yield from _tokens("difference", component, side, tokens)


def _own_lens(
    pair: "ModelPair", own: Mapping[Side, Components], settings: PCASettings
) -> Iterator[dict[str, Any]]:
    """As `_lens`, of each model's own components: the way its activations go on average."""
    names = readable_tokens(pair.tokenizer, pair.d_vocab) if own else []
    for side in own:
        # `read_as` turns what points toward the base round.
        directions = own[side].directions * (1 if side == "finetuned" else -1)
        read = read_as(pair, directions, names, settings.lens_tokens)
        for component, tokens in enumerate(read[side]):
            yield from _tokens("own", component, side, tokens)


def _tokens(
    of: str, component: int, side: str, tokens: Sequence[tuple[str, float]]
) -> Iterator[dict[str, Any]]:
    for rank, (token, score) in enumerate(tokens):
        yield {
            "of": of,
            "component": component,
            "side": side,
            "rank": rank,
            "token": token,
            "score": score,
        }


def _own_rows(own: Mapping[Side, Components]) -> list[dict[str, Any]]:
    return [
        {"side": side, "component": component, "share": float(share)}
        for side, found in own.items()
        for component, share in enumerate(found.shares.tolist())
    ]


def _exemplars(pair: "ModelPair", along: Projections) -> Iterator[dict[str, Any]]:
    """Columns ``component end rank value text position passage``; values are above 0."""
    for (component, end), spots in along.spots.items():
        for rank, spot in enumerate(spots.kept):
            yield {
                "component": component,
                "end": end,
                "rank": rank,
                "value": spot.value,
                "text": spot.text,
                "position": spot.position,
                "passage": passage(pair.tokenizer, spot.ids, spot.position),
            }


def _checked(settings: MethodSettings) -> PCASettings:
    return settings_of(settings, PCASettings, "PCA")
