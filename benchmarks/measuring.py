"""What every benchmark shares: the machine in a line, ratios by round, peak memory, a pair."""

from __future__ import annotations

import platform
import resource
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from diffgauge.records.organisms import AdapterPair

if TYPE_CHECKING:
    from diffgauge.models.pair import ModelPair

__all__ = ["machine", "peak_bytes", "side_by_side", "subject_pair"]

_ZOO = Path(__file__).parents[1] / "organisms" / "zoo" / "weights"


def machine() -> str:
    """Returns the machine and the versions that matter, in one line without its name."""
    import torch
    import transformers

    device = torch.cuda.get_device_name() if torch.cuda.is_available() else "CPU only"
    return (
        f"{platform.machine()} {platform.system()}, {torch.get_num_threads()} torch threads, "
        f"{device}; Python {platform.python_version()}, torch {torch.__version__}, "
        f"transformers {transformers.__version__}"
    )


def side_by_side(
    works: Sequence[tuple[str, Callable[[], Any]]], aims: Sequence[str], rounds: int
) -> None:
    """Times one work against others, round by round, and prints a line for each other one.

    Every round runs all of them once, so that a busy stretch of the machine meets them alike; the
    ratio is taken within a round. A first round is not counted. Beside the clock stands processor
    time of this process, which waits for nobody: on a shared machine it says more.

    Args:
        works: Names and works; the first is ours.
        aims: What theirs over ours was hoped to reach, in words, for each work but the first.
        rounds: Counted rounds.
    """
    seconds: list[list[float]] = [[] for _ in works]
    worked: list[list[float]] = [[] for _ in works]
    for counted in range(rounds + 1):
        for taken, busy, (_, work) in zip(seconds, worked, works, strict=True):
            start, began = time.perf_counter(), time.process_time()
            work()
            if counted:
                taken.append(time.perf_counter() - start)
                busy.append(time.process_time() - began)
    for at, ((name, _), aim) in enumerate(zip(works[1:], aims, strict=True), start=1):
        print(
            f"{works[0][0]} against {name}: median {statistics.median(seconds[0]):.3f} s against "
            f"{statistics.median(seconds[at]):.3f} s; theirs over ours, round by round: "
            f"{_ratios(seconds[0], seconds[at])} by the clock, {_ratios(worked[0], worked[at])} by "
            f"processor time, {rounds} rounds ({aim})"
        )


def _ratios(ours: Sequence[float], theirs: Sequence[float]) -> str:
    """Median, least and largest of theirs over ours; a work that took no time has no ratio."""
    ratios = sorted(other / mine for mine, other in zip(ours, theirs, strict=True) if mine > 0)
    if not ratios:
        return "undefined"
    return f"median {statistics.median(ratios):.2f} [{ratios[0]:.2f}, {ratios[-1]:.2f}]"


def peak_bytes() -> int:
    """Returns the most memory this process has held so far (resident set)."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def subject_pair(folder: Path) -> ModelPair:
    """Loads a zoo organism, or a random stand-in of the same shape where the zoo is not built.

    Args:
        folder: Where the stand-in may be written.

    Returns:
        An adapter pair of about a million parameters.
    """
    # Loading libraries are heavy, and peaks of what needs none would be theirs.
    from diffgauge.models.loading import load_pair

    found = (path.parent for path in _ZOO.glob("adapters/*/adapter_config.json"))
    adapters = sorted(path for path in found if not path.name.startswith("."))
    if (_ZOO / "base" / "config.json").is_file() and adapters:
        print(f"pair: zoo base with {adapters[0].name}")
        return load_pair(AdapterPair(base=str(_ZOO / "base"), adapter=str(adapters[0])))
    print("pair: random weights, 4 layers, d 128, vocabulary 2,300, LoRA rank 8")
    return load_pair(_write_stand_in(folder))


def _write_stand_in(folder: Path) -> AdapterPair:
    import torch
    from peft import LoraConfig, get_peft_model
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    words = {"<s>": 0, "</s>": 1} | {f"w{i}": i for i in range(2, 2300)}
    backend = Tokenizer(models.WordLevel(words, unk_token="<s>"))
    backend.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=backend, bos_token="<s>", eos_token="</s>")
    tokenizer.chat_template = (
        "{{ bos_token }} {% for m in messages %}{{ m['content'] }} {% endfor %}"
    )
    torch.manual_seed(0)
    model = LlamaForCausalLM(
        LlamaConfig(
            vocab_size=2300,
            hidden_size=128,
            intermediate_size=384,
            num_hidden_layers=4,
            num_attention_heads=4,
            num_key_value_heads=4,
            max_position_embeddings=512,
            tie_word_embeddings=True,
            bos_token_id=0,
            eos_token_id=1,
        )
    )
    model.save_pretrained(folder / "base")
    tokenizer.save_pretrained(folder / "base")
    adapted = get_peft_model(
        model, LoraConfig(r=8, target_modules="all-linear", init_lora_weights=False)
    )
    adapted.save_pretrained(folder / "adapter")
    return AdapterPair(base=str(folder / "base"), adapter=str(folder / "adapter"))
