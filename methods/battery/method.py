"""The prompt battery as a method: settings in, one artifact out."""

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import torch

from diffgauge.methods.artifacts import Artifact
from diffgauge.methods.battery.operations import operations
from diffgauge.methods.battery.overview import overview
from diffgauge.methods.battery.settings import BatterySettings
from diffgauge.methods.battery.tables import compared
from diffgauge.methods.method import Method, MethodSettings, Operation, Progress, settings_of
from diffgauge.methods.paired_replies import sample
from diffgauge.methods.trial import Trial
from diffgauge.records.artifacts import ArtifactHeader
from diffgauge.records.corpora import Corpus, CorpusName
from diffgauge.records.errors import DiffgaugeError
from diffgauge.records.organisms import PairKind
from diffgauge.records.results import Result
from diffgauge.records.subjects import SIDES

if TYPE_CHECKING:
    from diffgauge.models.pair import ModelPair

__all__ = ["PromptBattery"]

_BYTES_OF_TOKEN = 8
_BYTES_OF_ROW = 512


class PromptBattery(Method):
    """Fixed prompts to both models, and fixed statistics of what they reply.

    Source: the prompt battery of the design (METHODS.md): the cheap baseline that a method has to
        beat; word log-odds of Monroe, Colaresi & Quinn 2008, maximum statistic of Westfall &
        Young 1993.
    Differs: none.
    """

    name: ClassVar[str] = "battery"
    version: ClassVar[int] = 1
    settings: ClassVar[type[MethodSettings]] = BatterySettings
    pair_kinds: ClassVar[frozenset[PairKind]] = frozenset(
        {"adapter", "full", "identical", "reserved", "prompted", "scaled"}
    )
    trial: ClassVar[Trial] = Trial(
        settings={"n_prompts": 12, "max_new_tokens": 16, "batch_prompts": 4},
        planted="zoo/sea-pirate",
    )

    def reads(self, settings: MethodSettings) -> dict[CorpusName, int]:
        """Returns none: only prompts are asked."""
        return {}

    def n_prompts(self, settings: MethodSettings) -> int:
        """Returns how many open prompts are asked."""
        return _checked(settings).n_prompts

    def precompute_interactions(self, settings: MethodSettings) -> int:
        """Returns the replies that are sampled."""
        chosen = _checked(settings)
        return len(SIDES) * chosen.n_prompts * chosen.n_replies

    def settled(self, settings: MethodSettings, n_layers: int) -> BatterySettings:
        """Takes out what counts nowhere, so that it makes no other artifact."""
        return _checked(settings).without_corpus()

    def artifact_bytes(self, settings: MethodSettings, n_layers: int, d_model: int) -> int:
        """Returns a bound on the artifact's size on disk."""
        chosen = _checked(settings)
        reply = chosen.max_new_tokens * _BYTES_OF_TOKEN + _BYTES_OF_ROW
        lists = len(SIDES) * chosen.kept_terms * _BYTES_OF_ROW
        return self.precompute_interactions(chosen) * reply + lists

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
        """Asks both models and compares their replies. See `Method.compute`.

        Raises:
            DiffgaugeError: No prompt was given.
        """
        chosen = self.settled(settings, pair.n_layers)
        inputs = self.inputs(pair, corpora, chosen, seed, prompts)
        started = time.monotonic()
        asked = list(dict.fromkeys(prompts[: chosen.n_prompts]))
        if not asked:
            raise DiffgaugeError("The battery was given no prompt.", allowed="one or more")
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
            tables={"samples": samples} | compared(samples, chosen, seed),
        )

    def overview(self, artifact: Artifact) -> list[Result]:
        """Returns what is shown first."""
        return overview(artifact)

    def operations(self, artifact: Artifact) -> list[Operation]:
        """Returns the drill-downs."""
        return operations(artifact)


def _checked(settings: MethodSettings) -> BatterySettings:
    return settings_of(settings, BatterySettings, "The battery")
