"""A pair in which one known vector was added to the residual stream, and texts to read it on."""

import random
from pathlib import Path
from typing import Any

import torch
from transformers import LlamaConfig, LlamaForCausalLM

from diffgauge.models.loading import load_pair
from diffgauge.models.pair import ModelPair
from diffgauge.records.artifacts import hash_json
from diffgauge.records.corpora import Corpus
from diffgauge.records.organisms import FullPair, IdenticalPair
from tests.models.tiny_pairs import CONTEXT, D_MODEL, N_LAYERS, make_tokenizer

PLANTED_LAYER = 1
PLANTED_TOKEN = "Ġboat"
WORDS = [
    "the",
    "sea",
    "boat",
    "is",
    "red",
    "and",
    "of",
    "calm",
    "wind",
    "over",
    "north",
    "harbour",
    "old",
    "song",
]


def corpus(n_texts: int = 24, seed: int = 0, n_words: int = 30) -> Corpus:
    """Texts of common words, long enough for 64 tokens of the tiny tokenizer."""

    def text(index: int) -> str:
        drawn = random.Random(f"{seed} {index}")
        return " ".join(drawn.choice(WORDS) for _ in range(n_words))

    return Corpus(
        name="unrelated",
        fingerprint=hash_json(["test", n_texts, seed, n_words]),
        n_texts=n_texts,
        stream=lambda: (text(index) for index in range(n_texts)),
    )


def save_planted(folder: Path, scale: float, seed: int = 0) -> tuple[str, torch.Tensor]:
    """Writes a random model whose block `PLANTED_LAYER` adds `scale` times a token's direction.

    Returns the folder and the vector that was added. Models of one seed differ in it alone.
    """
    torch.manual_seed(seed)
    tokenizer = make_tokenizer()
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        bos_token_id=1,
        eos_token_id=2,
        pad_token_id=0,
        hidden_size=D_MODEL,
        intermediate_size=48,
        num_hidden_layers=N_LAYERS,
        num_attention_heads=4,
        num_key_value_heads=2,
        head_dim=8,
        max_position_embeddings=CONTEXT,
        initializer_range=0.15,
        tie_word_embeddings=False,
        mlp_bias=True,
    )
    model: Any = LlamaForCausalLM(config).eval()
    token = tokenizer.convert_tokens_to_ids(PLANTED_TOKEN)
    with torch.no_grad():
        direction = model.lm_head.weight[token].clone()
        vector = scale * direction / direction.norm()
        model.model.layers[PLANTED_LAYER].mlp.down_proj.bias += vector
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return str(folder), vector


def planted_pair(
    root: Path, scale: float, *, swapped: bool = False, dtype: str = "float32"
) -> ModelPair:
    """Loads the pair of the model without and with the vector, or the other way round."""
    plain, _ = save_planted(root / "plain", 0.0)
    planted, _ = save_planted(root / "planted", scale)
    first, second = (planted, plain) if swapped else (plain, planted)
    return load_pair(FullPair(base=first, finetuned=second), dtype=dtype)


def identical_pair(root: Path) -> ModelPair:
    """Loads one model twice."""
    plain, _ = save_planted(root / "plain", 0.0)
    return load_pair(IdenticalPair(base=plain))
