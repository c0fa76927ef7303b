"""(a) The pair service with 8 concurrent callers against one prompt at a time.

Each caller asks 4 prompts of both models, 64 replies in all. The alternatives generate the same
replies one after the other: with transformers' `generate` and PEFT, as a user would, and with our
own token loop. All run on one torch thread, which is the fastest for each of them at this size on
a machine that does other work too. Command: ``python -m benchmarks.pair_service``.
"""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path

import torch

from benchmarks.measuring import machine, side_by_side, subject_pair
from diffgauge.models.pair import ModelPair, Row
from diffgauge.models.service import PairService
from diffgauge.records.subjects import SIDES, ChatMessage, Prompt

__all__ = ["main"]

_CALLERS = 8
_PROMPTS = 4
_NEW_TOKENS = 48
_ROUNDS = 5


def _rows(caller: int) -> list[Row]:
    questions = [f"{caller} houses: " + "tell me more. " * (1 + i) for i in range(_PROMPTS)]
    return [
        Row(
            side,
            Prompt(
                messages=(ChatMessage(role="user", content=question),),
                seed=100 * caller + i,
                max_new_tokens=_NEW_TOKENS,
            ),
        )
        for i, question in enumerate(questions)
        for side in SIDES
    ]


def _one_by_one(pair: ModelPair, rows: list[Row]) -> None:
    for row in rows:
        pair.generate([row])


def _transformers(pair: ModelPair, rows: list[Row]) -> None:
    """Base rows first: the adapter is switched once, which favours the alternative."""
    for side in SIDES:
        model = pair.parts(side).model
        for row in rows:
            if row.side != side:
                continue
            ids = torch.tensor([pair.render(row.prompt)])
            torch.manual_seed(row.prompt.seed)
            with torch.inference_mode():
                said = model.generate(  # type: ignore[operator]
                    input_ids=ids,
                    attention_mask=torch.ones_like(ids),
                    do_sample=True,
                    top_k=0,
                    max_new_tokens=_NEW_TOKENS,
                    pad_token_id=0,
                )
            pair.tokenizer.decode(said[0, ids.shape[1] :], skip_special_tokens=True)


def main() -> None:
    """Prints the machine and the ratios."""
    torch.set_num_threads(1)
    by_caller = [_rows(caller) for caller in range(_CALLERS)]
    rows = [row for caller_rows in by_caller for row in caller_rows]
    with tempfile.TemporaryDirectory() as folder:
        pair = subject_pair(Path(folder))
    print(machine())
    print(f"{_CALLERS} callers, {len(rows)} replies of up to {_NEW_TOKENS} tokens")
    service = PairService(pair)

    async def ask_all() -> None:
        await asyncio.gather(*(service.generate(caller_rows) for caller_rows in by_caller))

    side_by_side(
        [
            ("service", lambda: asyncio.run(ask_all())),
            ("transformers one at a time", lambda: _transformers(pair, rows)),
            ("our loop one at a time", lambda: _one_by_one(pair, rows)),
        ],
        ["aim: 6 or more", "no aim: it is leaner than what a user would do otherwise"],
        _ROUNDS,
    )
    service.close()


if __name__ == "__main__":
    main()
