"""A model pair: two sides, one tokenizer, one template, run from one thread.

The finetuned side of a `prompted` pair is the base with an instruction: wherever its condition
holds, it runs with the instruction in front, in conversations, raw texts and rows of tokens alike.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from diffgauge.models.amplification import Amplification, amplified_weights
from diffgauge.models.forwards import Engine, Forwards
from diffgauge.models.generation import Continuation, Job, Observer, continue_all
from diffgauge.models.interventions import (
    Injection,
    Removal,
    Steering,
    check_injection,
    check_vector,
)
from diffgauge.models.tokenization import all_token_ids, token_ids
from diffgauge.records.errors import DiffgaugeError
from diffgauge.records.subjects import Prompt, Reply, Side

if TYPE_CHECKING:
    from diffgauge.models.rendering import Rendering
    from diffgauge.models.weights import Weights
    from diffgauge.records.artifacts import PairFingerprint
    from diffgauge.records.corpora import Text
    from diffgauge.records.organisms import WeightsSpec

__all__ = ["MAX_ROWS", "Engine", "Injection", "ModelPair", "Removal", "Row", "Steering"]

MAX_ROWS = 64
"""Rows in one batch; more are run one batch after the other."""

_GRAINS = ("float32", "float16", "bfloat16")
"""Compute dtypes, the finest first."""


@dataclass(frozen=True)
class Row:
    """One reply that is asked of one side.

    Attributes:
        side: Which model.
        prompt: What is asked, with its own seed, length and temperature.
        steering: What is added on the way; None leaves the model as it is.
        injection: What is mixed in at tokens of the prompt, before `steering` is added; None
            likewise.
        removal: What is taken out, after `steering` is added; None likewise.
    """

    side: Side
    prompt: Prompt
    steering: Steering | None = None
    injection: Injection | None = None
    removal: Removal | None = None


class ModelPair(Forwards):
    """Two models loaded for comparison. Not for several threads at once: see `PairService`.

    Attributes:
        spec: What was loaded.
        fingerprint: Hashes of everything that makes the pair what it is.
        tokenizer: The one tokenizer.
        n_layers: Blocks of each side.
        d_model: Width of the residual stream.
        d_vocab: Logits of each side: rows of the unembedding, which may exceed the tokenizer's
            vocabulary; the shared ones where the sides' tokenizers differ.
        context: Longest sequence in tokens, room for the instruction of a `prompted` pair left
            on both sides alike, or None when the family names none.
        dtype: Compute dtype, e.g. ``float32``; the base's where a `reserved` pair has two.
        coarsest_dtype: The coarser of both sides' compute dtypes; most often `dtype`.
        device: Where both sides are, e.g. ``cpu``.
        n_bytes: Memory the weights take.
        notes: What a user of the pair should know; never for investigators, who must not learn
            which side is which.
    """

    def __init__(
        self,
        *,
        spec: WeightsSpec,
        fingerprint: PairFingerprint,
        rendering: Rendering,
        weights: Weights,
        end_ids: frozenset[int],
        device: str,
        notes: tuple[str, ...] = (),
    ) -> None:
        context = weights.select("base").context
        super().__init__(weights, rendering, _room(context, rendering.growth), device)
        self.spec = spec
        self.fingerprint = fingerprint
        self.tokenizer = rendering.tokenizer
        self.dtype = fingerprint.dtype
        self.coarsest_dtype = _coarsest(spec, fingerprint.dtype)
        self.n_bytes = weights.n_bytes()
        self.notes = notes
        self._whole_context = context
        self._end_ids = end_ids

    def render(self, prompt: Prompt, side: Side = "base") -> list[int]:
        """Renders a prompt with the pair's one template, or as raw text.

        Args:
            prompt: Messages or text.
            side: Who is asked. Sides differ in `prompted` pairs only, and there where the
                instruction's condition holds.

        Returns:
            Token ids, at least one.

        Raises:
            DiffgaugeError: The prompt is empty or the template refuses it.
        """
        return self._rendering.render(prompt, side)

    def tokenize(self, text: str) -> list[int]:
        """Tokenizes raw text as the tokenizer does by itself, its BOS included if it adds one."""
        return token_ids(self.tokenizer, text)

    def tokenize_all(self, texts: Sequence[Text]) -> list[list[int]]:
        """Tokenizes each text as `tokenize` does, all in one call.

        Args:
            texts: Raw texts, and whole conversations, which are rendered with the pair's template.

        Raises:
            DiffgaugeError: The template refuses a conversation.
        """
        raw = iter(all_token_ids(self.tokenizer, [one for one in texts if isinstance(one, str)]))
        return [
            next(raw) if isinstance(one, str) else self._rendering.conversation(one)
            for one in texts
        ]

    def check(self, rows: Sequence[Row]) -> list[Job]:
        """Renders rows and refuses what cannot be generated, before anything is run.

        Args:
            rows: What is asked.

        Returns:
            The rows as the token loop takes them.

        Raises:
            DiffgaugeError: An empty or refused prompt, one that leaves no room for its reply, or
                a vector of another shape, at a layer or at a position there is not.
        """
        return [self._job(row) for row in rows]

    def generate(self, rows: Sequence[Row]) -> list[Reply]:
        """Samples one reply for each row.

        Args:
            rows: Any mix of sides, lengths, temperatures and steerings.

        Returns:
            Replies in order. The same row gives the same reply in any batch, up to what the
            dtype's rounding may flip.

        Raises:
            DiffgaugeError: As `check`.
        """
        return self.generate_jobs(self.check(rows))

    def generate_jobs(self, jobs: Sequence[Job]) -> list[Reply]:
        """Samples one reply for each row that `check` returned."""
        return [
            Reply(
                text=self.tokenizer.decode(one.token_ids, skip_special_tokens=True),
                n_tokens=len(one.token_ids),
                finished=one.finished,
            )
            for one in self.continuations(jobs)
        ]

    def continuations(
        self, jobs: Sequence[Job], observe: Observer | None = None
    ) -> list[Continuation]:
        """Samples the tokens of one reply for each row that `check` returned.

        Where both sides are one model (`identical`, and `prompted` without its instruction), rows
        that differ in nothing but the side are run once, so that both say the same to the letter.

        Args:
            jobs: The rows.
            observe: Told of every token as it is drawn, of rows that are run once but once.
        """
        keys = [self._key(job, index) for index, job in enumerate(jobs)]
        waiting = list(dict(zip(keys, jobs, strict=True)).items())
        said: dict[object, Continuation] = {}
        for start in range(0, len(waiting), MAX_ROWS):
            batch = waiting[start : start + MAX_ROWS]
            found = continue_all(self._weights, [job for _, job in batch], self._end_ids, observe)
            said |= {key: one for (key, _), one in zip(batch, found, strict=True)}
        return [said[key] for key in keys]

    def _key(self, job: Job, index: int) -> object:
        """What makes two rows one: nothing, or for one model twice everything but the side."""
        if self.spec.kind not in ("identical", "prompted"):
            return index
        numbers = (job.seed, job.max_new_tokens, job.temperature, job.layer)
        return (tuple(job.token_ids), *numbers, id(job.vector), id(job.injection), id(job.removal))

    @contextmanager
    def amplified(self, how: Amplification) -> Iterator[None]:
        """Within it, sides run with weights moved away from the other's. See `amplified_weights`.

        Args:
            how: Which sides and weights, and how far.

        Raises:
            DiffgaugeError: The pair's kind or adapter does not allow it, it is amplified already,
                or there is no such layer or module.
        """
        plain = self._weights
        with amplified_weights(self, plain, how) as self._weights:
            try:
                yield
            finally:
                self._weights = plain

    def _job(self, row: Row) -> Job:
        prompt, steering = row.prompt, row.steering
        ids = self.render(prompt, row.side)
        # Of both sides alike: what does not fit must not tell which of them has an instruction.
        n_asked = len(ids if row.side == "base" else self.render(prompt))
        if not self._fits(n_asked, len(ids), prompt.max_new_tokens):
            raise DiffgaugeError(
                f"A prompt of {n_asked} tokens with a reply of up to {prompt.max_new_tokens} "
                f"does not fit the models' context of {self.context} tokens.",
                advice="Shorten the prompt or ask for a shorter reply.",
            )
        if steering is not None:
            self._check_layers([steering.layer])
            check_vector(steering.vector, self.d_model)
        if row.injection is not None:
            self._check_layers([row.injection.layer])
            check_injection(row.injection, len(ids), self.d_model)
        if row.removal is not None:
            self._check_layers([row.removal.layer])
            check_vector(row.removal.direction, self.d_model)
        return Job(
            side=row.side,
            token_ids=ids,
            seed=prompt.seed,
            max_new_tokens=prompt.max_new_tokens,
            temperature=prompt.temperature,
            layer=None if steering is None else steering.layer,
            vector=None if steering is None else steering.vector,
            injection=row.injection,
            removal=row.removal,
        )

    def _fits(self, n_asked: int, n_run: int, n_new: int) -> bool:
        if self.context is None or self._whole_context is None:
            return True
        return n_asked + n_new <= self.context and n_run + n_new <= self._whole_context


def _room(context: int | None, growth: int) -> int | None:
    """The context that is left beside an instruction of `growth` tokens."""
    if context is None or growth == 0:
        return context
    if growth >= context:
        raise DiffgaugeError(
            f"An instruction of {growth} tokens leaves no room in the models' context of "
            f"{context} tokens.",
            advice="Shorten it.",
        )
    return context - growth


def _coarsest(spec: WeightsSpec, dtype: str) -> str:
    other = spec.dtype if spec.kind == "reserved" and spec.dtype is not None else dtype
    return max(dtype, other, key=_GRAINS.index)
