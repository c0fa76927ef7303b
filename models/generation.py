"""The token loop: many prompts at once, each as if it were alone."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from diffgauge.models.interventions import Injection, Removal, adding, chained, injecting, removing
from diffgauge.models.sampling import RowSampler

if TYPE_CHECKING:
    import torch

    from diffgauge.models.architecture import Architecture
    from diffgauge.models.interventions import Edit
    from diffgauge.models.weights import Weights
    from diffgauge.records.subjects import Side

__all__ = ["Continuation", "Job", "Observer", "continue_all"]

_LEAVING_SHARE = 0.25
"""Finished rows leave the batch once they are this share of it: moving the cache costs too."""


@dataclass(frozen=True)
class Job:
    """One row: what to continue, and how.

    Attributes:
        side: Which model continues it.
        token_ids: The rendered prompt, at least one token.
        seed: Of this row alone.
        max_new_tokens: At least 1.
        temperature: At least 0; 0 is greedy.
        layer: Block after which `vector` is added; None when nothing is.
        vector: (d_model,), or None.
        injection: What is mixed in at tokens of the prompt, before `vector` is added; or None.
        removal: What is taken out, after `vector` is added; or None.
    """

    side: Side
    token_ids: Sequence[int]
    seed: int
    max_new_tokens: int
    temperature: float
    layer: int | None = None
    vector: torch.Tensor | None = None
    injection: Injection | None = None
    removal: Removal | None = None


@dataclass
class Continuation:
    """What one row said: its tokens, the end token included, and whether it ended by itself."""

    token_ids: list[int] = field(default_factory=list)
    finished: bool = False


Observer = Callable[[Sequence[Job], "torch.Tensor", "torch.Tensor"], None]
"""Told of one token of each row that is still open: the rows, float32 logits (row d_vocab) and the
ids drawn from them (row)."""


def continue_all(
    weights: Weights,
    jobs: Sequence[Job],
    end_ids: Collection[int],
    observe: Observer | None = None,
) -> list[Continuation]:
    """Continues every prompt, in one batch where the weights allow it.

    Args:
        weights: The pair's.
        jobs: The rows, at least one.
        end_ids: Tokens that end a reply.
        observe: Told of every token as it is drawn; None tells nobody.

    Returns:
        One continuation for each job, in order. A row's tokens do not depend on the other rows
        beyond what the dtype's rounding may flip.
    """
    import torch

    done = [Continuation() for _ in jobs]
    groups: list[list[int]] = [list(range(len(jobs)))]
    if not weights.mixed:
        groups = [
            [index for index, job in enumerate(jobs) if job.side == side]
            for side in ("base", "finetuned")
        ]
    with torch.inference_mode():
        for group in filter(None, groups):
            batch = _Batch(weights, [jobs[i] for i in group], [done[i] for i in group], observe)
            batch.run(end_ids)
    return done


class _Batch:
    """Rows that run together until each has ended."""

    def __init__(
        self,
        weights: Weights,
        jobs: list[Job],
        out: list[Continuation],
        observe: Observer | None,
    ) -> None:
        self._weights = weights
        self._observe = observe
        self._jobs = jobs
        self._out = out

    def run(self, end_ids: Collection[int]) -> None:
        """Runs the loop; the continuations given at construction are filled in place."""
        sides = [job.side for job in self._jobs]
        with self._weights.rows(sides) as architecture:
            self._start(architecture)
            while True:
                self._step(architecture, end_ids)
                open_rows = self._open_rows()
                if not open_rows:
                    return
                if len(open_rows) <= (1 - _LEAVING_SHARE) * len(self._jobs):
                    self._keep(open_rows)
                    sides[:] = [sides[row] for row in open_rows]

    def _start(self, architecture: Architecture) -> None:
        """Left-pads the prompts; a position is counted from the row's own first token."""
        import torch
        from transformers import DynamicCache

        device = next(architecture.decoder.parameters()).device
        jobs = self._jobs
        lengths = [len(job.token_ids) for job in jobs]
        longest, n_new = max(lengths), max(job.max_new_tokens for job in jobs)
        ids = torch.zeros(len(jobs), longest, dtype=torch.long)
        mask = torch.ones(len(jobs), longest + n_new, dtype=torch.long)
        for row, job in enumerate(jobs):
            ids[row, longest - lengths[row] :] = torch.tensor(job.token_ids)
            mask[row, : longest - lengths[row]] = 0
        self._mask = mask.to(device) if min(lengths) < longest else None
        self._positions = (mask[:, :longest].cumsum(dim=1) - 1).clamp_(min=0).to(device)
        self._ids = ids.to(device)
        self._n_seen = longest
        self._cache = DynamicCache(config=architecture.decoder.config)
        self._sampler = RowSampler(
            [job.seed for job in jobs],
            [job.temperature for job in jobs],
            architecture.d_vocab,
            device,
        )
        self._steer(architecture)
        self._inject([longest - length for length in lengths])

    def _steer(self, architecture: Architecture) -> None:
        """Stacks the rows' vectors by layer; rows without one get zeros."""
        import torch

        parameter = next(architecture.decoder.parameters())
        self._added: dict[int, torch.Tensor] = {}
        for row, job in enumerate(self._jobs):
            if job.layer is None or job.vector is None:
                continue
            if job.layer not in self._added:
                self._added[job.layer] = torch.zeros(
                    len(self._jobs), 1, architecture.d_model, dtype=parameter.dtype
                ).to(parameter.device)
            self._added[job.layer][row, 0] = job.vector.to(parameter)
        self._removed = self._removals(parameter)

    def _removals(self, parameter: torch.Tensor) -> dict[int, tuple[torch.Tensor, torch.Tensor]]:
        """Stacks the rows' directions and levels by layer; rows without one get zeros."""
        found: dict[int, tuple[torch.Tensor, torch.Tensor]] = {}
        for row, job in enumerate(self._jobs):
            if job.removal is None:
                continue
            wide, flat = (len(self._jobs), 1, len(job.removal.direction)), (len(self._jobs), 1, 1)
            directions, levels = found.setdefault(
                job.removal.layer, (parameter.new_zeros(wide), parameter.new_zeros(flat))
            )
            directions[row, 0] = job.removal.direction.to(parameter)
            levels[row] = job.removal.level
        return found

    def _inject(self, starts: Sequence[int]) -> None:
        """Prepares what is mixed into the prompts, by layer: for the first step only."""
        by_layer: dict[int, dict[int, Injection]] = {}
        for row, job in enumerate(self._jobs):
            if job.injection is not None:
                by_layer.setdefault(job.injection.layer, {})[row] = job.injection
        self._injected = {layer: injecting(rows, starts) for layer, rows in by_layer.items()}

    def _edits(self) -> dict[int, list[Edit]]:
        """What is done to the residual in this step, by layer and in order."""
        edits: dict[int, list[Edit]] = {layer: [edit] for layer, edit in self._injected.items()}
        for layer, added in self._added.items():
            edits.setdefault(layer, []).append(adding(added))
        for layer, (directions, levels) in self._removed.items():
            edits.setdefault(layer, []).append(removing(directions, levels))
        self._injected = {}
        return edits

    def _step(self, architecture: Architecture, end_ids: Collection[int]) -> None:
        """Runs the tokens not yet seen and draws the next one of every row."""
        inputs: dict[str, Any] = {
            "input_ids": self._ids,
            "attention_mask": None if self._mask is None else self._mask[:, : self._n_seen],
            "position_ids": self._positions,
            "past_key_values": self._cache,
            "use_cache": True,
        }
        if edits := self._edits():
            tracer = self._weights.tracer(architecture)
            hidden = tracer.edited({layer: chained(of) for layer, of in edits.items()}, inputs)
        else:
            hidden = architecture.decoder(**inputs).last_hidden_state
        logits = architecture.unembed(hidden[:, -1])
        drawn = self._sampler.draw(logits)
        if self._observe is not None:
            rows = self._open_rows()
            self._observe([self._jobs[row] for row in rows], logits[rows], drawn[rows])
        for out, job, token in zip(self._out, self._jobs, drawn.tolist(), strict=True):
            if not out.finished and len(out.token_ids) < job.max_new_tokens:
                out.token_ids.append(token)
                out.finished = token in end_ids
        self._ids = drawn[:, None]
        self._positions = self._positions[:, -1:] + 1
        self._n_seen += 1

    def _open_rows(self) -> list[int]:
        """Returns the rows that have not ended."""
        return [
            row
            for row, (job, out) in enumerate(zip(self._jobs, self._out, strict=True))
            if not out.finished and len(out.token_ids) < job.max_new_tokens
        ]

    def _keep(self, rows: list[int]) -> None:
        """Drops all other rows."""
        import torch

        index = torch.tensor(rows)
        there = index.to(self._ids.device)
        self._jobs = [self._jobs[row] for row in rows]
        self._out = [self._out[row] for row in rows]
        self._ids, self._positions = self._ids[there], self._positions[there]
        if self._mask is not None:
            self._mask = self._mask[there]
        self._cache.batch_select_indices(there)
        self._sampler.keep(index)
        self._added = {layer: added[there] for layer, added in self._added.items()}
        self._removed = {
            layer: (directions[there], levels[there])
            for layer, (directions, levels) in self._removed.items()
        }
        if all(bool((added == 0).all()) for added in self._added.values()):
            self._added = {}
