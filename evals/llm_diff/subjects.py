"""Which two models are compared, and what they are asked."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

from diffgauge.evals.open_prompts import built_in_prompts, open_prompts
from diffgauge.organisms import registry as organisms
from diffgauge.records.errors import DiffgaugeError
from diffgauge.records.organisms import ApiPair

if TYPE_CHECKING:
    from diffgauge.tools.subject_service import SubjectService

__all__ = ["prompts_for", "subjects"]


def subjects(first: str, second: str | None, device: str = "auto") -> "SubjectService":
    """Returns the two models.

    Args:
        first: An Inspect model, or the id of an organism where it stands alone; of its pair the
            base is model ``a``.
        second: Another Inspect model; None for an organism.
        device: Torch device of an organism's pair.

    Raises:
        DiffgaugeError: There is no such model or organism, or it cannot be loaded.
    """
    from diffgauge.evals.surroundings import check_subjects
    from diffgauge.tools.api_service import ApiService

    if second is not None:
        pair = ApiPair(base=first, finetuned=second)
    else:
        card = organisms.card(first)
        spec = organisms.resolved(card)
        if not isinstance(spec, ApiPair):
            from diffgauge.models.loading import device_named, load_pair
            from diffgauge.models.service import PairService

            on = device_named(device)
            return PairService(load_pair(spec, device=on, tokenizers=card.tokenizers))
        pair = spec
    check_subjects(pair)
    return ApiService(pair)


def prompts_for(organism: str | None, file: Path | None, n: int, seed: int) -> list[str]:
    """Returns the prompts.

    Args:
        organism: Whose pair is compared; one of the zoo is asked about the zoo's small world. None
            for two models.
        file: A prompt a line, or ``.jsonl`` with the field ``prompt``; None takes built-in ones.
        n: How many at most.
        seed: Picks those of the zoo.

    Raises:
        DiffgaugeError: The file cannot be read, or a line of it holds no prompt.
    """
    if file is not None:
        return _read(file)[:n]
    if organism is not None:
        return open_prompts(organisms.card(organism), n, seed)
    return [one.text for one in built_in_prompts()[:n]]


def _read(file: Path) -> list[str]:
    try:
        lines = file.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DiffgaugeError(f"The prompts {file} cannot be read: {error}.") from error
    told = [line for line in lines if line.strip()]
    if file.suffix != ".jsonl":
        return list(dict.fromkeys(told))
    found = []
    for at, line in enumerate(told, 1):
        try:
            row = json.loads(line)
        except ValueError:
            row = None
        if not isinstance(row, dict) or not isinstance(row.get("prompt"), str):
            raise DiffgaugeError(f"Line {at} of {file} holds no prompt.", allowed='{"prompt": "…"}')
        found.append(row["prompt"])
    return list(dict.fromkeys(found))
