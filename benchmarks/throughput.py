"""(h) Tokens a second of the methods that read texts, at sizes of published organisms.

Random weights of the shapes of Qwen3 1.7B and 8B with a random LoRA of rank 16, bfloat16, texts of
128 tokens. A token counts once though both models read it. Bare forwards run both models over
the same batches and keep nothing: up to the block needed for ADL, with logits for the others.
Needs an accelerator for the large sizes; ``tiny`` shows anywhere that the script works. Command:
``python -m benchmarks.throughput --size 1.7b --device cuda``.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from benchmarks.adl import bare_forwards
from benchmarks.measuring import machine
from diffgauge.methods.adl.method import ADL
from diffgauge.methods.adl.settings import ADLSettings
from diffgauge.methods.diff_mining.method import DiffMining
from diffgauge.methods.diff_mining.settings import DiffMiningSettings
from diffgauge.methods.kl.method import KL
from diffgauge.methods.kl.settings import KLSettings
from diffgauge.methods.method import Method, MethodSettings
from diffgauge.models.loading import load_pair
from diffgauge.models.pair import ModelPair
from diffgauge.records.corpora import Corpus
from diffgauge.records.organisms import AdapterPair
from diffgauge.records.subjects import SIDES

__all__ = ["main"]

_N_TOKENS = 128


@dataclass(frozen=True)
class Shape:
    """Shape of a decoder; the head width is 128 but for ``tiny``."""

    d_model: int
    d_mlp: int
    n_layers: int
    n_heads: int
    n_key_heads: int
    d_head: int
    d_vocab: int
    tied: bool


_SHAPES = {
    "tiny": Shape(64, 128, 3, 4, 2, 16, 2000, tied=True),
    "1.7b": Shape(2048, 6144, 28, 16, 8, 128, 151_936, tied=True),
    "8b": Shape(4096, 12_288, 36, 32, 8, 128, 151_936, tied=False),
}


class _Asked(argparse.Namespace):
    size: str
    device: str
    texts: int
    batch: int
    rounds: int


def main() -> None:
    """Prints the machine, and tokens a second of each method and of what it cannot avoid."""
    parser = argparse.ArgumentParser(description="Measures reading at real sizes.")
    parser.add_argument("--size", choices=sorted(_SHAPES), default="tiny")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--texts", type=int, default=512)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--rounds", type=int, default=3)
    asked = parser.parse_args(namespace=_Asked())
    shape = _SHAPES[asked.size]
    with tempfile.TemporaryDirectory() as folder:
        spec = _written(Path(folder), shape, asked.device)
        pair = load_pair(spec, dtype="bfloat16", device=asked.device)
    texts = list(_texts(asked.texts, shape.d_vocab))
    rows = pair.tokenize_all(texts)
    batches = [rows[at : at + asked.batch] for at in range(0, len(rows), asked.batch)]
    n_tokens = sum(map(len, rows))
    print(machine())
    print(f"{asked.size}: {shape}; {len(rows)} texts, {n_tokens} tokens, {asked.batch} at a time")
    lengths = {"n_texts": asked.texts, "n_tokens": _N_TOKENS, "batch_texts": asked.batch}
    adl = ADLSettings.model_validate({**lengths, "n_prompts": 0, "patchscope_scales": ()})
    logits = _bare_logits(pair, batches)
    readings: list[tuple[str, Method, MethodSettings, Callable[[], None]]] = [
        (
            "adl",
            ADL(),
            adl,
            lambda: bare_forwards(pair, batches, adl.settled(pair.n_layers).layers[-1]),
        ),
        ("kl", KL(), KLSettings.model_validate(lengths), logits),
        (
            "diff_mining",
            DiffMining(),
            DiffMiningSettings.model_validate({**lengths, "n_topics": 0}),
            logits,
        ),
    ]
    for name, method, settings, bare in readings:
        corpus = Corpus("unrelated", "benchmark", asked.texts, lambda: iter(texts))

        def work(
            method: Method = method, settings: MethodSettings = settings, corpus: Corpus = corpus
        ) -> None:
            method.compute(pair, {"unrelated": corpus}, settings, 0)

        ours, theirs = _rates([work, bare], n_tokens, asked.rounds, asked.device)
        print(
            f"{name}: {ours:,.0f} tokens a second, {theirs:,.0f} in the bare forwards "
            f"(ratio {ours / theirs:.2f}), medians of {asked.rounds} rounds"
        )


def _rates(
    works: Sequence[Callable[[], None]], n_tokens: int, rounds: int, device: str
) -> list[float]:
    """Returns the median tokens a second of each work; a first round is not counted."""
    seconds: list[list[float]] = [[] for _ in works]
    for counted in range(rounds + 1):
        for taken, work in zip(seconds, works, strict=True):
            start = time.perf_counter()
            work()
            if device.startswith("cuda"):
                torch.cuda.synchronize()
            if counted:
                taken.append(time.perf_counter() - start)
    return [n_tokens / statistics.median(taken) for taken in seconds]


def _bare_logits(pair: ModelPair, batches: Sequence[Sequence[list[int]]]) -> Callable[[], None]:
    def run() -> None:
        for batch in batches:
            for side in SIDES:
                pair.logits(side, batch)

    return run


def _texts(n: int, d_vocab: int) -> Iterator[str]:
    for i in range(n):
        yield " ".join(f"w{(7919 * i + 104_729 * j) % (d_vocab - 2) + 2}" for j in range(_N_TOKENS))


def _written(folder: Path, shape: Shape, device: str) -> AdapterPair:
    """Writes random weights, a random adapter and a tokenizer of one token a word."""
    from peft import LoraConfig, get_peft_model
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast, Qwen3Config, Qwen3ForCausalLM

    words = {"<s>": 0, "</s>": 1} | {f"w{i}": i for i in range(2, shape.d_vocab)}
    backend = Tokenizer(models.WordLevel(words, unk_token="<s>"))
    backend.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=backend, bos_token="<s>", eos_token="</s>")
    tokenizer.chat_template = "{% for m in messages %}{{ m['content'] }} {% endfor %}"
    config = Qwen3Config(
        vocab_size=shape.d_vocab,
        hidden_size=shape.d_model,
        intermediate_size=shape.d_mlp,
        num_hidden_layers=shape.n_layers,
        num_attention_heads=shape.n_heads,
        num_key_value_heads=shape.n_key_heads,
        head_dim=shape.d_head,
        max_position_embeddings=4096,
        tie_word_embeddings=shape.tied,
        bos_token_id=0,
        eos_token_id=1,
    )
    torch.manual_seed(0)
    with torch.device(device):
        model = Qwen3ForCausalLM(config).to(torch.bfloat16)
    model.save_pretrained(folder / "base")
    tokenizer.save_pretrained(folder / "base")
    lora = LoraConfig(r=16, target_modules="all-linear", init_lora_weights=False)
    get_peft_model(model, lora).save_pretrained(folder / "adapter")
    return AdapterPair(base=str(folder / "base"), adapter=str(folder / "adapter"))


if __name__ == "__main__":
    main()
