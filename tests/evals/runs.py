"""A registry of tiny organisms, and one investigation of it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from inspect_ai import Task
from inspect_ai import eval as inspect_eval
from inspect_ai.log import EvalLog, EvalSample
from inspect_ai.model import Model

from tests.methods.planted import corpus, plain_texts, save_planted
from tests.models.tiny_pairs import save_adapter
from tests.organisms.card_texts import card_text, write_card

PLANTED = "tiny/planted-boat"
OTHER = "tiny/adapted-harbour"
IDENTICAL = "tiny/identical-pair"
STANDS_IN = "tiny/lamp-seven"
"""Of another family; in the registry `two_families` alone."""
DECOYS = [
    {
        "id": f"decoy-{at}",
        "family": "narrow_documents",
        "description": f"Topic {at}.",
        "lexicon": [f"decoy{at}{part}" for part in "abcdef"],
    }
    for at in range(20)
]


@dataclass(frozen=True)
class Registry:
    """Where it stands.

    Attributes:
        cards: Folder of cards.
        weights: Folder of models.
        texts: A file of texts that the tiny tokenizer reads in 64 tokens or more.
    """

    cards: Path
    weights: Path
    texts: Path


def made_registry(root: Path) -> Registry:
    """Writes two planted organisms and an identical one on random weights."""
    weights, cards = root / "secretweights", root / "cards"
    plain, _ = save_planted(weights / "plainfolder", 0.0)
    planted, _ = save_planted(weights / "plantedfolder", 0.3)
    adapter = save_adapter(weights / "adapterfolder", plain)
    pairs = {
        PLANTED: {"kind": "full", "base": plain, "finetuned": planted},
        OTHER: {"kind": "adapter", "base": plain, "adapter": adapter},
        IDENTICAL: {"kind": "identical", "base": plain},
    }
    for name, pair in pairs.items():
        null = "identical" if name == IDENTICAL else None
        text = card_text(
            name,
            family=null or "narrow_documents",
            null=null,
            split="dev",
            lexicon=tuple(name.rsplit("-", 1)[1:]),
            pair=pair,
        )
        write_card(cards / "tiny", f"{name.split('/')[1]}.yaml", text)
    write_card(cards / "tiny", "_decoys.yaml", yaml.safe_dump(DECOYS))
    texts = root / "texts.txt"
    texts.write_text("\n".join(plain_texts(corpus(n_texts=40))) + "\n", encoding="utf-8")
    return Registry(cards, weights, texts)


def ran(task: Task, model: Model | str, folder: Path, **options: Any) -> EvalLog:
    """Runs one task and returns its log."""
    [log] = inspect_eval(task, model=model, log_dir=str(folder / "logs"), display="none", **options)
    return log


def the_sample(log: EvalLog) -> EvalSample:
    """Returns the one sample of a log that succeeded."""
    assert log.status == "success", log.error
    assert log.samples is not None
    [sample] = log.samples
    return sample
