"""Tiny random pairs in genuine transformers architectures, written to disk and loaded back."""

from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig, get_peft_model
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
from transformers import (
    AutoModelForCausalLM,
    Gemma3ForCausalLM,
    Gemma3TextConfig,
    GPT2Config,
    GPT2LMHeadModel,
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedTokenizerFast,
    Qwen3Config,
    Qwen3ForCausalLM,
)

FAMILIES = ("llama", "gpt2", "qwen3", "gemma3")
TEMPLATE = (
    "{{ bos_token }}{% for m in messages %}<|{{ m['role'] }}|>{{ m['content'] }}<|end|>"
    "{% endfor %}{% if add_generation_prompt %}<|assistant|>{% endif %}"
)
SPECIAL = ("<|pad|>", "<|bos|>", "<|end|>", "<|system|>", "<|user|>", "<|assistant|>")
N_LAYERS = 3
D_MODEL = 32
CONTEXT = 128


def make_tokenizer(
    template: str | None = TEMPLATE, extra: tuple[str, ...] = ()
) -> PreTrainedTokenizerFast:
    """A byte-level tokenizer with some words of its own: no training, no files."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    words = ["the", "Ġsea", "Ġboat", "Ġis", "Ġred", "Ġand", "Ġof", *extra]
    vocabulary = {token: i for i, token in enumerate([*SPECIAL, *alphabet, *words])}
    backend = Tokenizer(models.BPE(vocab=vocabulary, merges=[], ignore_merges=True))
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    backend.add_special_tokens([AddedToken(token, special=True) for token in SPECIAL])
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=backend, pad_token="<|pad|>", bos_token="<|bos|>", eos_token="<|end|>"
    )
    tokenizer.chat_template = template
    return tokenizer


def make_model(family: str, seed: int = 0, d_vocab: int | None = None) -> Any:
    """A random model whose weights are large enough that replies vary."""
    torch.manual_seed(seed)
    common: dict[str, Any] = {
        "vocab_size": len(make_tokenizer()) if d_vocab is None else d_vocab,
        "bos_token_id": 1,
        "eos_token_id": 2,
        "pad_token_id": 0,
        "initializer_range": 0.15,
    }
    llama_like = {
        "hidden_size": D_MODEL,
        "intermediate_size": 48,
        "num_hidden_layers": N_LAYERS,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "head_dim": 8,
        "max_position_embeddings": CONTEXT,
        "tie_word_embeddings": True,
    }
    if family == "llama":
        return LlamaForCausalLM(LlamaConfig(**common, **llama_like)).eval()
    if family == "qwen3":
        return Qwen3ForCausalLM(Qwen3Config(**common, **llama_like)).eval()
    if family == "gemma3":
        # A window shorter than the prompts: hybrid caches are exercised, not only built.
        sliding = {
            "sliding_window": 8,
            "layer_types": ["sliding_attention"] * 2 + ["full_attention"],
        }
        return Gemma3ForCausalLM(Gemma3TextConfig(**common, **llama_like, **sliding)).eval()
    return GPT2LMHeadModel(
        GPT2Config(**common, n_embd=D_MODEL, n_layer=N_LAYERS, n_head=4, n_positions=CONTEXT)
    ).eval()


def save_model(
    folder: Path, family: str = "llama", seed: int = 0, tokenizer: Any = None, **options: Any
) -> str:
    """Writes a model and its tokenizer; returns the folder as a pair spec wants it."""
    make_model(family, seed, **options).save_pretrained(folder)
    (tokenizer or make_tokenizer()).save_pretrained(folder)
    return str(folder)


def save_adapter(folder: Path, base: str, seed: int = 1, **options: Any) -> str:
    """Writes a LoRA adapter whose B is not zero, so that it changes the model."""
    model = AutoModelForCausalLM.from_pretrained(base)
    torch.manual_seed(seed)
    settings = {"r": 4, "lora_alpha": 8, "target_modules": "all-linear", "task_type": "CAUSAL_LM"}
    adapted = get_peft_model(model, LoraConfig(**{**settings, **options}))
    with torch.no_grad():
        for name, parameter in adapted.named_parameters():
            if parameter.requires_grad and "lora_A" not in name:
                parameter += 0.1 * torch.randn_like(parameter)
    adapted.save_pretrained(folder, save_embedding_layers=False)
    return str(folder)
