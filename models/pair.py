"""A model pair: two sides, one tokenizer, one template, run from one thread."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from diffgauge.models.generation import Job, continue_all
from diffgauge.models.hooks import hooked_residuals
from diffgauge.models.tokenization import all_token_ids, render, token_ids
from diffgauge.records.errors import DiffgaugeError
from diffgauge.records.subjects import Prompt, Reply, Side

if TYPE_CHECKING:
    import torch

    from diffgauge.models.architecture import Architecture
    from diffgauge.models.weights import Weights
    from diffgauge.records.artifacts import PairFingerprint
    from diffgauge.records.organisms import PairSpec

__all__ = ["MAX_ROWS", "Engine", "ModelPair", "Row", "Steering"]

Engine = Literal["nnsight", "hooks"]
"""What reads the residual stream."""

MAX_ROWS = 64
"""Rows in one batch; more are run one batch after the other."""


@dataclass(frozen=True)
class Steering:
    """A vector added to the residual stream while a row is generated.

    Attributes:
        layer: 0-based block after which it is added.
        vector: (d_model,), added at every prompt and every generated position.
    """

    layer: int
    vector: torch.Tensor


@dataclass(frozen=True)
class Row:
    """One reply that is asked of one side.

    Attributes:
        side: Which model.
        prompt: What is asked, with its own seed, length and temperature.
        steering: What is added on the way; None leaves the model as it is.
    """

    side: Side
    prompt: Prompt
    steering: Steering | None = None


class ModelPair:
    """Two models loaded for comparison. Not for several threads at once: see `PairService`.

    Attributes:
        spec: What was loaded.
        fingerprint: Hashes of everything that makes the pair what it is.
        tokenizer: The one tokenizer.
        n_layers: Blocks of each side.
        d_model: Width of the residual stream.
        d_vocab: Rows of the unembedding; may exceed the tokenizer's vocabulary.
        context: Longest sequence in tokens, or None when the family names none.
        dtype: Compute dtype of both sides, e.g. ``float32``.
        device: Where both sides are, e.g. ``cpu``.
        n_bytes: Memory the weights take.
    """

    def __init__(
        self,
        *,
        spec: PairSpec,
        fingerprint: PairFingerprint,
        tokenizer: Any,
        weights: Weights,
        end_ids: frozenset[int],
        device: str,
    ) -> None:
        architecture = weights.select("base")
        self.spec = spec
        self.fingerprint = fingerprint
        self.tokenizer = tokenizer
        self.n_layers = architecture.n_layers
        self.d_model = architecture.d_model
        self.d_vocab = architecture.d_vocab
        self.context = architecture.context
        self.dtype = fingerprint.dtype
        self.device = device
        self.n_bytes = weights.n_bytes()
        self._weights = weights
        self._end_ids = end_ids

    def render(self, prompt: Prompt) -> list[int]:
        """Renders a prompt with the pair's one template, or as raw text.

        Args:
            prompt: Messages or text.

        Returns:
            Token ids, at least one.

        Raises:
            DiffgaugeError: The prompt is empty or the template refuses it.
        """
        return render(self.tokenizer, prompt)

    def tokenize(self, text: str) -> list[int]:
        """Tokenizes raw text as the tokenizer does by itself, its BOS included if it adds one."""
        return token_ids(self.tokenizer, text)

    def tokenize_all(self, texts: Sequence[str]) -> list[list[int]]:
        """Tokenizes each text as `tokenize` does, all in one call."""
        return all_token_ids(self.tokenizer, texts)

    def check(self, rows: Sequence[Row]) -> list[Job]:
        """Renders rows and refuses what cannot be generated, before anything is run.

        Args:
            rows: What is asked.

        Returns:
            The rows as the token loop takes them.

        Raises:
            DiffgaugeError: An empty or refused prompt, one that leaves no room for its reply, or
                a steering vector of another shape or at a layer there is not.
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
        """Samples one reply for each row that `check` returned.

        In an identical pair, rows that differ in nothing but the side are run once, so that both
        sides say the same to the letter.
        """
        keys = [self._key(job, index) for index, job in enumerate(jobs)]
        waiting = list(dict(zip(keys, jobs, strict=True)).items())
        said: dict[object, Reply] = {}
        for start in range(0, len(waiting), MAX_ROWS):
            batch = waiting[start : start + MAX_ROWS]
            continuations = continue_all(self._weights, [job for _, job in batch], self._end_ids)
            for (key, _), continuation in zip(batch, continuations, strict=True):
                ids = continuation.token_ids
                said[key] = Reply(
                    text=self.tokenizer.decode(ids, skip_special_tokens=True),
                    n_tokens=len(ids),
                    finished=continuation.finished,
                )
        return [said[key] for key in keys]

    def _key(self, job: Job, index: int) -> object:
        """What makes two rows one: nothing, but in an identical pair everything but the side."""
        if self.spec.kind != "identical":
            return index
        numbers = (job.seed, job.max_new_tokens, job.temperature, job.layer, id(job.vector))
        return (tuple(job.token_ids), *numbers)

    def capture(
        self,
        side: Side,
        token_ids: Sequence[Sequence[int]],
        layers: Sequence[int],
        engine: Engine = "nnsight",
    ) -> dict[int, torch.Tensor]:
        """Reads the residual stream after some blocks; nothing above the last of them runs.

        Args:
            side: Which model.
            token_ids: One sequence for each row, at least one token each.
            layers: 0-based block indices in any order.
            engine: ``hooks`` for hot loops over a corpus; both give the same bits.

        Returns:
            By layer, (batch, pos, d_model) in the compute dtype, right-padded with NaN.

        Raises:
            DiffgaugeError: No row, an empty or too long row, or a layer there is not.
        """
        import torch

        self._check_layers(layers)
        ids, padding = self._pad(token_ids)
        with torch.no_grad():
            architecture = self._weights.select(side)
            # Causal attention never looks right, so that right padding needs no mask.
            inputs = {"input_ids": ids, "use_cache": False}
            if engine == "hooks":
                found = hooked_residuals(architecture, layers, inputs)
            else:
                found = self._weights.tracer(architecture).residuals(layers, inputs)
            return {layer: _void(residual, padding) for layer, residual in found.items()}

    def logits(self, side: Side, token_ids: Sequence[Sequence[int]]) -> torch.Tensor:
        """Next-token logits at every position.

        Args:
            side: Which model.
            token_ids: One sequence for each row, at least one token each.

        Returns:
            (batch, pos, d_vocab) float32, right-padded with NaN.

        Raises:
            DiffgaugeError: No row, or an empty or too long one.
        """
        import torch

        ids, padding = self._pad(token_ids)
        with torch.no_grad():
            architecture = self._weights.select(side)
            hidden = architecture.decoder(input_ids=ids, use_cache=False).last_hidden_state
            return _void(architecture.unembed(hidden), padding)

    def lens(self, side: Side, residual: torch.Tensor) -> torch.Tensor:
        """Decodes residuals as if they came after the last block: final norm, then unembedding.

        Args:
            side: Whose norm and unembedding.
            residual: (..., d_model).

        Returns:
            (..., d_vocab) float32.

        Raises:
            DiffgaugeError: The last axis is not d_model.
        """
        import torch

        if residual.shape[-1:] != (self.d_model,):
            raise DiffgaugeError(
                f"A residual of shape {tuple(residual.shape)} cannot be decoded.",
                allowed=f"tensors whose last axis has {self.d_model} entries",
            )
        with torch.no_grad():
            architecture = self._weights.select(side)
            parameter = next(architecture.decoder.parameters())
            normed: torch.Tensor = architecture.norm(residual.to(parameter))
            return architecture.unembed(normed)

    def parts(self, side: Side) -> Architecture:
        """Returns a side's own modules, switched to it until the next call of any kind."""
        return self._weights.select(side)

    def _job(self, row: Row) -> Job:
        import torch

        prompt, steering = row.prompt, row.steering
        ids = self.render(prompt)
        if self.context is not None and len(ids) + prompt.max_new_tokens > self.context:
            raise DiffgaugeError(
                f"A prompt of {len(ids)} tokens with a reply of up to {prompt.max_new_tokens} "
                f"does not fit the models' context of {self.context} tokens.",
                advice="Shorten the prompt or ask for a shorter reply.",
            )
        if steering is not None:
            self._check_layers([steering.layer])
            vector = steering.vector
            if vector.shape != (self.d_model,) or not bool(torch.isfinite(vector).all()):
                raise DiffgaugeError(
                    f"A steering vector of shape {tuple(vector.shape)} cannot be added.",
                    allowed=f"{self.d_model} finite numbers",
                )
        return Job(
            side=row.side,
            token_ids=ids,
            seed=prompt.seed,
            max_new_tokens=prompt.max_new_tokens,
            temperature=prompt.temperature,
            layer=None if steering is None else steering.layer,
            vector=None if steering is None else steering.vector,
        )

    def _check_layers(self, layers: Sequence[int]) -> None:
        if not layers:
            raise DiffgaugeError(
                "No layer was asked for.", allowed=f"layers 0 to {self.n_layers - 1}"
            )
        wrong = [layer for layer in layers if not 0 <= layer < self.n_layers]
        if wrong:
            raise DiffgaugeError(
                f"There is no layer {wrong[0]}.", allowed=f"layers 0 to {self.n_layers - 1}"
            )

    def _pad(self, token_ids: Sequence[Sequence[int]]) -> tuple[torch.Tensor, torch.Tensor | None]:
        """Right-pads rows; also returns where the padding is, None when there is none."""
        import torch

        lengths = [len(row) for row in token_ids]
        longest = max(lengths, default=0)
        if min(lengths, default=0) == 0 or (self.context is not None and longest > self.context):
            raise DiffgaugeError(
                f"Rows of {min(lengths, default=0)} to {longest} tokens cannot be run "
                f"({len(lengths)} rows).",
                allowed=f"at least one row, of 1 to {self.context or 'any number of'} tokens each",
            )
        ids = torch.zeros(len(lengths), longest, dtype=torch.long)
        for index, row in enumerate(token_ids):
            ids[index, : lengths[index]] = torch.as_tensor(row, dtype=torch.long)
        if min(lengths) == longest:
            return ids.to(self.device), None
        padding = torch.arange(longest) >= torch.tensor(lengths)[:, None]
        return ids.to(self.device), padding.to(self.device)


def _void(values: torch.Tensor, padding: torch.Tensor | None) -> torch.Tensor:
    """Writes NaN at padded positions, so that nobody averages over them unnoticed."""
    return values if padding is None else values.masked_fill(padding[..., None], float("nan"))
