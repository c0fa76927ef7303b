"""What a method is: the one door through which built-ins and outside packages come."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Literal, Self, TypeVar

from pydantic import Field

from diffgauge.methods.trial import Trial
from diffgauge.records.artifacts import ArtifactInputs, hash_json
from diffgauge.records.corpora import Corpus, CorpusName
from diffgauge.records.errors import DiffgaugeError
from diffgauge.records.organisms import PairKind
from diffgauge.records.record import Record
from diffgauge.records.results import Result

if TYPE_CHECKING:
    from diffgauge.methods.artifacts import Artifact
    from diffgauge.models.pair import ModelPair

__all__ = [
    "PROMPTS",
    "FreeOperation",
    "Method",
    "MethodSettings",
    "Operation",
    "Outcome",
    "PaidOperation",
    "Progress",
    "settings_of",
]

PROMPTS = "prompts"
"""Name under which the prompts' fingerprint stands among an artifact's corpora."""

Progress = Callable[[str, int, int], None]
"""Called with what is being done, units done, and units in all."""

P = TypeVar("P", bound=Record)
S = TypeVar("S", bound="MethodSettings")


class MethodSettings(Record):
    """What every method lets its caller choose.

    Attributes:
        corpus: Where the method reads.
        n_texts: Texts asked of the corpus.
    """

    corpus: CorpusName = "unrelated"
    n_texts: int = Field(default=1000, ge=2)

    def without_corpus(self) -> Self:
        """Returns these settings for a method that reads no texts.

        What counts nowhere stands at its default, so that it makes no other artifact.
        """
        unread = MethodSettings()
        return self.model_copy(update={"corpus": unread.corpus, "n_texts": unread.n_texts})


def settings_of(settings: MethodSettings, kind: type[S], told: str) -> S:
    """Returns a method's settings as what they are.

    Args:
        settings: As a method was given them.
        kind: What the method's are.
        told: The method as it begins a sentence.

    Raises:
        DiffgaugeError: They are another method's.
    """
    if not isinstance(settings, kind):
        raise DiffgaugeError(
            f"{told} was given settings of type {type(settings).__name__}.", allowed=kind.__name__
        )
    return settings


@dataclass(frozen=True)
class Outcome:
    """What a paid operation brought back.

    Attributes:
        results: What is shown.
        subject_tokens: Tokens sampled from subject models.
    """

    results: list[Result]
    subject_tokens: int = 0


@dataclass(frozen=True)
class FreeOperation(Generic[P]):
    """A drill-down into what the artifact holds; runs no model.

    Attributes:
        name: Full name of the tool made from it, e.g. ``adl_logit_lens``.
        description: Read by the investigator: neutral, names no side.
        parameters: Every field has a default and a description, so that the operation can be
            called bare; a field annotated ``Side | None`` is shown under the run's aliases.
        run: Artifact and parameters to results; a `DiffgaugeError` says what is allowed.
    """

    name: str
    description: str
    parameters: type[P]
    run: "Callable[[Artifact, P], list[Result]]"
    paid: ClassVar[Literal[False]] = False


@dataclass(frozen=True)
class PaidOperation(Generic[P]):
    """An interaction: it runs subject models. Fields as in `FreeOperation`, and three more.

    Attributes:
        cost: Model interactions the call will take, exact, told before anything is sampled;
            raises `DiffgaugeError` for parameters that could not run.
        run: Pair, artifact, parameters and a seed to what came back; called on the pair's
            worker thread. Another seed gives fresh samples.
        deterministic: Whether nothing is sampled, so that the seed changes nothing.
    """

    name: str
    description: str
    parameters: type[P]
    cost: "Callable[[Artifact, P], int]"
    run: "Callable[[ModelPair, Artifact, P, int], Outcome]"
    deterministic: bool = False
    paid: ClassVar[Literal[True]] = True


Operation = FreeOperation[Any] | PaidOperation[Any]
"""What an investigator may do with a method beyond its overview."""


class Method(ABC):
    """A diffing method: settings, one artifact, an overview of it, and operations on it.

    Attributes:
        name: Registered name, also the prefix of its tools.
        version: Raised whenever its numbers change, so that old artifacts are not reused.
        settings: Type of its settings; every field has a default.
        pair_kinds: Kinds of pair it can read.
        sides_known: Whether it cannot be shown without telling which model is which.
        trial: How the laws try it.
    """

    name: ClassVar[str]
    version: ClassVar[int]
    settings: ClassVar[type[MethodSettings]]
    pair_kinds: ClassVar[frozenset[PairKind]] = frozenset({"adapter", "full", "identical"})
    sides_known: ClassVar[bool] = False
    trial: ClassVar[Trial] = Trial()

    def reads(self, settings: MethodSettings) -> dict[CorpusName, int]:
        """Returns the corpora the method needs, each with the number of texts."""
        return {settings.corpus: settings.n_texts}

    def n_prompts(self, settings: MethodSettings) -> int:
        """Returns how many open prompts the method needs; 0 when it samples nothing."""
        return 0

    def precompute_interactions(self, settings: MethodSettings) -> int:
        """Returns the most replies `compute` may sample from subject models."""
        return 0

    def settled(self, settings: MethodSettings, n_layers: int) -> MethodSettings:
        """Fixes what depends on the pair, e.g. a fraction of depth as a block index.

        Args:
            settings: As chosen.
            n_layers: Blocks of the pair.

        Returns:
            Settings that say everything; settling them again changes nothing.

        Raises:
            DiffgaugeError: The settings do not fit the pair.
        """
        return settings

    def artifact_bytes(self, settings: MethodSettings, n_layers: int, d_model: int) -> int:
        """Returns a bound on the artifact's size on disk, for the check before any work."""
        return 0

    def inputs(
        self,
        pair: "ModelPair",
        corpora: Mapping[str, Corpus],
        settings: MethodSettings,
        seed: int,
        prompts: Sequence[str] = (),
    ) -> ArtifactInputs:
        """Returns everything an artifact is made from; its `key()` is the address.

        Raises:
            DiffgaugeError: A corpus is missing, or the settings do not fit the pair.
        """
        settled = self.settled(settings, pair.n_layers)
        fingerprints: dict[str, str] = {}
        for name in self.reads(settled):
            if name not in corpora:
                raise DiffgaugeError(
                    f"{self.name} reads the corpus {name!r}, which was not given.",
                    allowed=", ".join(sorted(corpora)) or "none was given",
                )
            fingerprints[name] = corpora[name].fingerprint
        read = list(prompts[: self.n_prompts(settled)])
        if read:
            fingerprints[PROMPTS] = hash_json(read)
        return ArtifactInputs(
            method=self.name,
            method_version=self.version,
            pair=pair.fingerprint,
            settings=settled.model_dump(mode="json"),
            corpora=fingerprints,
            seed=seed,
        )

    @abstractmethod
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
    ) -> "Artifact":
        """Reads the pair and returns the artifact. Blocks: call it on the pair's worker.

        Args:
            pair: The two models.
            corpora: By name, at least those of `reads`.
            settings: Settled or not.
            seed: Seeds everything drawn.
            progress: Told what is done.
            prompts: Open prompts for sampled parts; `n_prompts` of them are used.
            work: Folder for checkpoints of this key alone, so that a killed run continues;
                None keeps none.

        Returns:
            The artifact, not yet saved.

        Raises:
            DiffgaugeError: The corpus or the settings do not allow it.
        """

    @abstractmethod
    def overview(self, artifact: "Artifact") -> list[Result]:
        """Returns what is shown first: at most 7,000 characters as JSON."""

    @abstractmethod
    def operations(self, artifact: "Artifact") -> list[Operation]:
        """Returns what can be done with this artifact."""

    def references(self, pair: "ModelPair", artifact: "Artifact", seed: int) -> list[Result]:
        """Returns what chance shows in place of the artifact's main results; none by default.

        Never shown to an investigator: the static evaluation (`diffgauge methods evaluate`) sets
        it beside what the artifact shows. Blocks: call it on the pair's worker.

        Args:
            pair: The pair the artifact was computed from.
            artifact: Whose main results have to be matched, in size for example.
            seed: Seeds what is drawn.
        """
        return []
