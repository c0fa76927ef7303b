"""What a run needs, checked while its task is made: before any model is loaded or asked."""

from functools import lru_cache
from pathlib import Path
from typing import Final

from diffgauge.evals.cells import Cell, settings_of, shown_cards
from diffgauge.evals.open_prompts import open_prompts
from diffgauge.evals.surroundings import check_subjects
from diffgauge.evals.ungraded import is_graded
from diffgauge.graders.rubric import check as check_rubrics
from diffgauge.methods import registry as methods
from diffgauge.methods.artifacts import ArtifactStore
from diffgauge.methods.method import Method, MethodSettings
from diffgauge.models.depth import stored_layers
from diffgauge.models.references import references
from diffgauge.organisms import registry as organisms
from diffgauge.organisms.corpora import corpus
from diffgauge.records.corpora import Corpus
from diffgauge.records.errors import DiffgaugeError
from diffgauge.records.folders import is_there
from diffgauge.records.organisms import (
    ApiPair,
    OrganismCard,
    PairSpec,
    TokenizerRule,
    WeightsSpec,
)

__all__ = ["check_cell", "corpora_of", "prompts_of", "settings_of"]

_EVERYWHERE: Final = ("auto", "cpu")


def check_cell(cell: Cell) -> None:
    """Checks everything that can be known without loading a pair.

    Cards, rubrics, the files of every local pair, the providers of hosted ones, the method's
    settings, probe text, room for artifacts. A pair on the Hub is fetched and checked when its
    sample is set up, before its investigator starts.

    Args:
        cell: The task's factors.

    Raises:
        DiffgaugeError: Something is missing, damaged or does not fit.
    """
    # Torch is imported for a device alone: others than these two may not be here.
    if cell.device not in _EVERYWHERE:
        from diffgauge.models.loading import device_named

        device_named(cell.device)
    for card in dict.fromkeys((*cell.organisms, *shown_cards(cell))):
        pair = organisms.resolved(card)
        _check_pair(card.id, pair, card.tokenizers, cell.trust_remote_code)
    check_rubrics([card for card in cell.organisms if is_graded(card, cell.graded)])
    if cell.method is not None:
        method = methods.method(cell.method)
        settings = settings_of(cell, method)
        for card in shown_cards(cell):
            n_layers = stored_layers(organisms.resolved(card))
            if n_layers is not None:
                method.settled(settings, n_layers)
            corpora_of(cell, card, method, settings)
        ArtifactStore().check_room(0)


def corpora_of(
    cell: Cell, card: OrganismCard, method: Method, settings: MethodSettings
) -> dict[str, Corpus]:
    """Returns the probe text of one sample by name.

    Raises:
        DiffgaugeError: There is none of that name for this organism, or the file is unreadable.
    """
    return {
        name: corpus(card, name, n_texts, cell.seed, (cell.texts or {}).get(name))
        for name, n_texts in method.reads(settings).items()
    }


def prompts_of(
    cell: Cell, card: OrganismCard, method: Method, settings: MethodSettings
) -> list[str]:
    """Returns the open prompts that the method asks while it builds its artifact."""
    n_prompts = method.n_prompts(settings)
    return open_prompts(card, n_prompts, cell.seed) if n_prompts else []


@lru_cache(maxsize=1024)
def _check_pair(
    name: str, pair: PairSpec, tokenizers: TokenizerRule, trust_remote_code: bool
) -> None:
    """Checks a pair, once in a process: loading checks it all again."""
    try:
        if isinstance(pair, ApiPair):
            check_subjects(pair)
        else:
            _check_files(pair, tokenizers, trust_remote_code)
    except DiffgaugeError as error:
        raise DiffgaugeError(
            f"The pair of {name!r} is not usable: {error}",
            advice=None if error.advice else "Put its files in place, or leave it out.",
        ) from error


def _check_files(pair: WeightsSpec, tokenizers: TokenizerRule, trust_remote_code: bool) -> None:
    """Checks whatever of a pair is on this machine."""
    from diffgauge.models.loading import check_pair_files
    from diffgauge.models.sources import adapter_folder, model_folder

    every = references(pair)
    here = [one for one in every if _local(one.name)]
    if len(here) == len(every):
        check_pair_files(pair, tokenizers=tokenizers, trust_remote_code=trust_remote_code)
        return
    for one in here:
        if one.adapter:
            adapter_folder(one.name, one.revision)
        else:
            model_folder(one.name, one.revision, trust_remote_code=trust_remote_code)


def _local(reference: str) -> bool:
    return Path(reference).is_absolute() or is_there(reference)
