"""Trains a BatchTopK dictionary: an SAE on differences, or a crosscoder on both models.

    source = LiveActivations(pair, corpus, settings)
    made = paired_input(source.moments())
    dictionary = train(source, made, Plan(n_latents=4096, k=32, k_start=128), seed=0).dictionary

In each step the ``k * tokens`` largest of all (token, latent) activations of the batch are kept,
and the gradients are taken at those alone, by formula: no array of the size token x latent is made
beyond the pre-activations. At the end the threshold takes the place of the choice within a batch.

Source: BatchTopK SAEs, arXiv 2412.06410 (choice within the batch, threshold as the running mean of
the smallest activation chosen); dead latents are revived by the auxiliary loss of arXiv 2406.04093
(section A.2: dead latents reconstruct what is left over); crosscoder arXiv 2504.02922 (choice by
activation times the sum of decoder norms, one start for both models, encoder the decoder's
transpose, k annealed).
Differs: the sum of a latent's decoder norms is held at the number of sides (published: 1 for SAEs,
free for crosscoders, where only the product with the activation counts); the loss is the share of
variance left, squared (published crosscoders: the norm); one scale for both models, so that
relative norms are those of the activations themselves, and one bias; none on differences.
"""

import math
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any, Final

import torch
from pydantic import Field
from torch import Tensor

from diffgauge.methods import checkpoints
from diffgauge.methods.activations.source import PairedActivations
from diffgauge.methods.dictionaries.dictionary import (
    Codes,
    Dictionary,
    added,
    pre_activations,
    total,
)
from diffgauge.methods.dictionaries.inputs import Input
from diffgauge.methods.method import Progress
from diffgauge.methods.seeds import derived_seed
from diffgauge.records.errors import DiffgaugeError
from diffgauge.records.record import Record

__all__ = ["Plan", "Trained", "train"]

_THRESHOLD_MEMORY: Final = 0.99
_BETAS: Final = (0.9, 0.999)
_EPSILON: Final = 1e-10
"""Gradients of latents that seldom fire are far below Adam's usual 1e-8."""

_TOLD: Final = 50
"""Times that progress is told."""

_CURVE: Final = 100
"""Points of a training curve."""

_CHECKPOINTS: Final = 8
"""Checkpoints kept of a training, one in the place of the other."""

_MOMENTS: Final = ("exp_avg", "exp_avg_sq")
"""What Adam keeps of each parameter beside the number of steps."""


class Plan(Record):
    """A training, in numbers.

    Attributes:
        n_latents: Latents of the dictionary.
        k: Latents of a token that are kept at the end, on average.
        k_start: And at the beginning; it falls to `k` in a straight line.
        anneal_share: Share of the steps in which it falls.
        n_steps: Steps.
        step_tokens: Tokens in a step.
        learning_rate: Of Adam, after a warm-up.
        warmup_share: Share of the steps in which the rate rises from 0.
        decay_share: Share of the steps, the last ones, in which it falls to 0.
        dead_tokens: A latent that was not kept for so many tokens is dead.
        aux_weight: Weight of the auxiliary loss, by which dead latents are revived.
        n_dedicated: Latents that only the base's activations are read into and written from, and
            as many of the finetuned model's; the last ones of the dictionary.
    """

    n_latents: int = Field(ge=1)
    k: int = Field(ge=1)
    k_start: int | None = None
    anneal_share: float = Field(default=0.3, ge=0, le=1)
    n_steps: int = Field(default=1000, ge=1)
    step_tokens: int = Field(default=1024, ge=1)
    learning_rate: float = Field(default=1e-3, gt=0)
    warmup_share: float = Field(default=0.05, ge=0, le=1)
    decay_share: float = Field(default=0.2, ge=0, le=1)
    dead_tokens: int = Field(default=10_000_000, ge=1)
    aux_weight: float = Field(default=1 / 32, ge=0)
    n_dedicated: int = Field(default=0, ge=0)

    def k_at(self, step: int) -> int:
        """Returns the latents of a token that are kept in a step."""
        if self.k_start is None or step >= self.annealed:
            return self.k
        return round(self.k_start - (self.k_start - self.k) * step / self.annealed)

    @property
    def annealed(self) -> int:
        """The first step in which `k` is what it will be."""
        return 0 if self.k_start is None else math.ceil(self.anneal_share * self.n_steps)

    def rate_at(self, step: int) -> float:
        """Returns the learning rate in a step."""
        rising = (step + 1) / max(1.0, self.warmup_share * self.n_steps)
        falling = (self.n_steps - step) / max(1.0, self.decay_share * self.n_steps)
        return self.learning_rate * min(1.0, rising, falling)


@dataclass(frozen=True)
class Trained:
    """What came out of a training.

    Attributes:
        dictionary: In the activations' own units.
        curve: Rows ``step k unexplained dead threshold``: of that step's batch the share of
            variance that is left, and the share of latents that are dead.
    """

    dictionary: Dictionary
    curve: list[dict[str, Any]]


def train(
    source: PairedActivations,
    made: Input,
    plan: Plan,
    seed: int,
    progress: Progress | None = None,
    checkpoint: Path | None = None,
    device: str = "cpu",
) -> Trained:
    """Trains a dictionary, or goes on with a training that was cut off.

    Args:
        source: What is read, in shuffled batches without end.
        made: What is made of it; its variance is above 0.
        plan: How large and how long.
        seed: Of the start and of the order of tokens.
        progress: Told steps done.
        checkpoint: File to continue from and to keep up to date, or None. What comes out is the
            same with and without an interruption.
        device: Where it is trained.

    Raises:
        DiffgaugeError: More latents are to be kept than there are, there are fewer tokens than a
            step takes, or the numbers are no longer finite.
    """
    _check(plan, source)
    state = _State(plan, made, seed, device)
    n_done = state.restore(checkpoint)
    batches = source.batches(
        plan.step_tokens, derived_seed(seed, "batches"), epochs=None, start=n_done
    )
    every, kept = (max(1, plan.n_steps // n) for n in (_TOLD, _CHECKPOINTS))
    for step, batch in enumerate(islice(batches, plan.n_steps - n_done), n_done + 1):
        state.step(made.sides(batch.to(device)))
        if checkpoint is not None and step % kept == 0 and step < plan.n_steps:
            state.keep(checkpoint)
        if progress is not None and (step % every == 0 or step == plan.n_steps):
            progress("training steps", step, plan.n_steps)
    return Trained(state.folded().to("cpu"), state.curve)


def _check(plan: Plan, source: PairedActivations) -> None:
    most = max(plan.k, plan.k_start or 0)
    if most > plan.n_latents:
        raise DiffgaugeError(
            f"{most} latents of each token are to be kept, of a dictionary of {plan.n_latents}.",
            allowed=f"1 to {plan.n_latents}",
        )
    if 2 * plan.n_dedicated > plan.n_latents:
        raise DiffgaugeError(
            f"Twice {plan.n_dedicated} latents are to be dedicated, of {plan.n_latents}.",
            allowed=f"0 to {plan.n_latents // 2} for each model",
        )
    if source.n_tokens < plan.step_tokens:
        raise DiffgaugeError(
            f"The training part has {source.n_tokens} tokens, and a step takes {plan.step_tokens}.",
            advice="Read more texts, or take fewer tokens in a step.",
        )


class _State:
    """Parameters, Adam's moments, and everything else that a training continues from.

    Parameters are those of normalised activations: less their mean where there is a bias, and
    scaled so that the mean squared norm of a side is d_model. Sums over sides are taken side by
    side and then added, so that exchanging the sides changes no bit.
    """

    def __init__(self, plan: Plan, made: Input, seed: int, device: str) -> None:
        self._plan = plan
        self._n_sides, self._d_model = made.mean.shape
        self._mean, self._has_bias = made.mean.float().to(device), made.has_bias
        self._scale = math.sqrt(self._d_model / made.variance)
        drawn = torch.Generator().manual_seed(derived_seed(seed, "start"))
        start = torch.randn(plan.n_latents, self._d_model, generator=drawn).to(device)
        self._mask = _dedicated(plan, self._n_sides, device)
        both = start.repeat(self._n_sides, 1, 1) * self._mask
        self._decoder, self._encoder = both, both.clone()
        self._hold_norms()
        self._encoder.copy_(self._decoder)
        self._encoder_bias = torch.zeros(plan.n_latents, device=device)
        self._decoder_bias = torch.zeros(self._n_sides, self._d_model, device=device)
        self._adam = torch.optim.Adam(
            list(self._parameters().values()),
            lr=plan.learning_rate,
            betas=_BETAS,
            eps=_EPSILON,
            fused=True,
        )
        self._unused_for = torch.zeros(plan.n_latents, dtype=torch.int64, device=device)
        self._n_steps = 0
        self._smallest = 0.0
        self._threshold, self._threshold_weight = 0.0, 0.0
        self.curve: list[dict[str, Any]] = []

    def _parameters(self) -> dict[str, Tensor]:
        return {
            "encoder": self._encoder,
            "encoder_bias": self._encoder_bias,
            "decoder": self._decoder,
            "decoder_bias": self._decoder_bias,
        }

    def step(self, sides: Tensor) -> None:
        """Makes one step on a batch, float32 (token side d_model)."""
        plan, step, n_tokens = self._plan, self._n_steps, len(sides)
        x = ((sides - self._mean) * self._scale).transpose(0, 1).contiguous()
        if step == 0:
            self._scale_encoder(x)
        acts = pre_activations(x, self._encoder, self._encoder_bias).relu_()
        codes = self._chosen(acts, plan.k_at(step) * n_tokens)
        left = x - self._decoded(codes) - self._decoder_bias[:, None]
        unexplained = float(total(left.square())) / x.numel()
        if not math.isfinite(unexplained):
            raise DiffgaugeError(
                f"The training is no longer finite in step {step + 1} of {plan.n_steps}.",
                advice=f"Lower the learning rate, {plan.learning_rate:g}, and look for activations "
                "that are not finite.",
            )
        of_output = left * (-2 / (n_tokens * self._d_model))
        gradients = self._gradients(codes, x, of_output)
        shared = added(of_output.sum(1)) * self._has_bias
        gradients["decoder_bias"] = shared.expand(self._n_sides, -1).contiguous()
        dead = self._dead(codes)
        if plan.aux_weight and len(dead):
            self._revive(gradients, acts, dead, x, left)
        self._update(gradients, plan.rate_at(step))
        self._learn_threshold(step)
        self._n_steps += 1
        if step % max(1, plan.n_steps // _CURVE) == 0 or self._n_steps == plan.n_steps:
            self.curve.append(
                {
                    "step": self._n_steps,
                    "k": plan.k_at(step),
                    "unexplained": unexplained,
                    "dead": len(dead) / plan.n_latents,
                    "threshold": self._threshold / self._scale,
                }
            )

    def _scale_encoder(self, x: Tensor) -> None:
        """Scales the first encoder, the decoder's transpose, so that it reconstructs a batch best.

        Without it, many latents that point the same way overshoot many times over.
        """
        acts = pre_activations(x, self._encoder, self._encoder_bias).relu_()
        made = self._decoded(self._chosen(acts, self._plan.k_at(0) * x.shape[1]))
        self._encoder *= total(made * x) / total(made.square()).clamp(min=1e-30)

    def _decoded(self, codes: Codes) -> Tensor:
        """Returns what latents decode to, without the bias (side token d_model)."""
        return torch.stack([codes.sums(vectors) for vectors in self._decoder])

    def _chosen(self, acts: Tensor, n: int) -> Codes:
        """Returns the n largest of a batch's activations; fewer where fewer are above 0."""
        flat = acts.flatten()
        # The last step's smallest narrows the search down; what is found does not depend on it.
        index = (flat > 0.8 * self._smallest).nonzero().squeeze(1)
        if len(index) < n:
            index = (flat > 0).nonzero().squeeze(1)
        values = flat[index]
        if len(index) > n:
            best = values.topk(n).indices.sort().values
            index, values = index[best], values[best]
        self._smallest = float(values.min()) if len(values) else 0.0
        n_latents = acts.shape[1]
        return Codes(len(acts), index // n_latents, index % n_latents, values)

    def _gradients(self, codes: Codes, x: Tensor, of_output: Tensor) -> dict[str, Tensor]:
        """Returns the gradients of a loss, given that of what `codes` decode to."""
        n_latents = self._plan.n_latents
        sides = zip(of_output, self._decoder, strict=True)
        of_values = added(torch.stack([codes.products(end, vectors) for end, vectors in sides]))
        by_value = codes.by_latent(n_latents)
        by_gradient = replace(codes, values=of_values).by_latent(n_latents)
        none = torch.zeros_like(self._encoder_bias)
        return {
            "decoder": torch.stack([by_value.sums(end) for end in of_output]),
            "encoder": torch.stack([by_gradient.sums(side) for side in x]),
            "encoder_bias": none.index_add_(0, by_gradient.rows, by_gradient.values),
        }

    def _dead(self, codes: Codes) -> Tensor:
        """Notes which latents were kept, and returns those that were not for long, int64."""
        self._unused_for += codes.n_rows
        self._unused_for[codes.latents] = 0
        return (self._unused_for >= self._plan.dead_tokens).nonzero().squeeze(1)

    def _revive(
        self, gradients: dict[str, Tensor], acts: Tensor, dead: Tensor, x: Tensor, left: Tensor
    ) -> None:
        """Adds the gradients of the loss by which dead latents reconstruct what is left over."""
        values, best = acts[:, dead].topk(min(self._d_model // 2, len(dead)), dim=1)
        rows, columns = (values > 0).nonzero(as_tuple=True)
        size = float(total((left - left.mean(1, keepdim=True)).square()))
        if not len(rows) or not size > 0:
            return
        codes = Codes(len(acts), rows, dead[best[rows, columns]], values[rows, columns])
        missing = left - self._decoded(codes)
        weight = self._plan.aux_weight * self._n_sides
        for name, more in self._gradients(codes, x, missing * (-2 * weight / size)).items():
            gradients[name] += more

    def _update(self, gradients: dict[str, Tensor], rate: float) -> None:
        for name, parameter in self._parameters().items():
            masked = name in ("encoder", "decoder") and self._plan.n_dedicated
            parameter.grad = gradients[name] * self._mask if masked else gradients[name]
        self._adam.param_groups[0]["lr"] = rate
        self._adam.step()
        self._hold_norms()

    def _hold_norms(self) -> None:
        """Scales each latent's decoder vectors so that the sum of their norms is that of sides."""
        norms = added(self._decoder.norm(dim=-1)).clamp(min=1e-30)
        self._decoder *= (self._n_sides / norms)[:, None]

    def _learn_threshold(self, step: int) -> None:
        if step < self._plan.annealed:
            return
        weight = _THRESHOLD_MEMORY * self._threshold_weight + (1 - _THRESHOLD_MEMORY)
        share = (1 - _THRESHOLD_MEMORY) / weight
        self._threshold += share * (self._smallest * self._n_sides - self._threshold)
        self._threshold_weight = weight

    def folded(self) -> Dictionary:
        """Returns the dictionary of activations as they are: the normalisation folded in."""
        bias = self._encoder_bias / self._scale
        return Dictionary(
            encoder=self._encoder.clone(),
            encoder_bias=pre_activations(-self._mean[:, None], self._encoder, bias)[0],
            decoder=self._decoder.clone(),
            decoder_bias=self._decoder_bias / self._scale + self._mean,
            threshold=torch.full_like(bias, self._threshold / self._scale),
        )

    def keep(self, file: Path) -> None:
        """Writes everything that the training continues from."""
        tensors = self._parameters() | {"unused_for": self._unused_for}
        for name, parameter in self._parameters().items():
            for moment in _MOMENTS:
                tensors[f"{name}.{moment}"] = self._adam.state[parameter][moment]
        numbers = [self._n_steps, self._smallest, self._threshold, self._threshold_weight]
        checkpoints.keep(file, tensors, [*numbers, self.curve])

    def restore(self, file: Path | None) -> int:
        """Takes over what `keep` wrote, and returns the steps that were done."""
        found = checkpoints.restored(file)
        if found is None:
            return 0
        tensors, state = found
        self._n_steps, self._smallest, self._threshold, self._threshold_weight, self.curve = state
        self._unused_for.copy_(tensors["unused_for"])
        for name, parameter in self._parameters().items():
            parameter.copy_(tensors[name])
            moments = {one: tensors[f"{name}.{one}"].to(parameter.device) for one in _MOMENTS}
            count = torch.tensor(float(self._n_steps), device=parameter.device)
            self._adam.state[parameter] = {"step": count, **moments}
        return self._n_steps


def _dedicated(plan: Plan, n_sides: int, device: str) -> Tensor:
    """Returns 1 where a latent may read and write a side, else 0, (side latent 1)."""
    mask = torch.ones(n_sides, plan.n_latents, 1, device=device)
    if plan.n_dedicated:
        mask[1, -2 * plan.n_dedicated : -plan.n_dedicated] = 0
        mask[0, -plan.n_dedicated :] = 0
    return mask
