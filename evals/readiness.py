"""What a run needs, checked while its task is made: before any model is loaded or asked."""

from functools import lru_cache
from pathlib import Path
from typing import Final

from diffgauge.evals.cells import Cell
from diffgauge.evals.open_prompts import open_prompts
from diffgauge.graders.rubric import check as check_rubrics
from diffgauge.methods import registry as methods
from diffgauge.methods.artifacts import ArtifactStore
from diffgauge.methods.method import Method, MethodSettings
from diffgauge.organisms import registry as organisms
from diffgauge.organisms.corpora import corpus
from diffgauge.records.corpora import Corpus
from diffgauge.records.errors import DiffgaugeError
from diffgauge.records.organisms import AdapterPair, FullPair, OrganismCard, PairSpec

__all__ = ["check_cell", "corpora_of", "prompts_of", "settings_of"]

_EVERYWHERE: Final = ("auto", "cpu")


def check_cell(cell: Cell) -> None:
    """Checks everything that can be known without loading a pair.

    Cards, rubrics, the files of every local pair, probe text, room for artifacts. A pair on the
    Hub is fetched and checked when its sample is set up, before its investigator starts.

    Args:
        cell: The task's factors.

    Raises:
        DiffgaugeError: Something is missing, damaged or does not fit.
    """
    # Torch is imported for a device alone: others than these two may not be here.
    if cell.device not in _EVERYWHERE:
        from diffgauge.models.loading import device_named

        device_named(cell.device)
    for card in cell.organisms:
        _check_files(card.id, organisms.resolved(card))
    check_rubrics(list(cell.organisms))
    if cell.method is not None:
        method = methods.method(cell.method)
        settings = settings_of(cell, method)
        for card in cell.organisms:
            corpora_of(cell, card, method, settings)
        ArtifactStore().check_room(0)


def settings_of(cell: Cell, method: Method) -> MethodSettings:
    """Returns the method's settings as the cell asks for them."""
    chosen: dict[str, object] = {"corpus": cell.corpus}
    if cell.n_texts is not None:
        chosen["n_texts"] = cell.n_texts
    return method.settings.model_validate(chosen)


def corpora_of(
    cell: Cell, card: OrganismCard, method: Method, settings: MethodSettings
) -> dict[str, Corpus]:
    """Returns the probe text of one sample by name.

    Raises:
        DiffgaugeError: There is none of that name for this organism, or the file is unreadable.
    """
    path = None if cell.texts is None else Path(cell.texts)
    found: dict[str, Corpus] = {}
    for name, n_texts in method.reads(settings).items():
        found[name] = corpus(card, name, n_texts, cell.seed, path)
    return found


def prompts_of(
    cell: Cell, card: OrganismCard, method: Method, settings: MethodSettings
) -> list[str]:
    """Returns the open prompts that the method asks while it builds its artifact."""
    n_prompts = method.n_prompts(settings)
    return open_prompts(card, n_prompts, cell.seed) if n_prompts else []


@lru_cache(maxsize=1024)
def _check_files(name: str, pair: PairSpec) -> None:
    """Checks a pair that is on this machine, once in a process: loading checks it all again."""
    from diffgauge.models.loading import check_pair_files
    from diffgauge.models.sources import adapter_folder, model_folder

    folders = [(pair.base, pair.base_revision, model_folder)]
    if isinstance(pair, AdapterPair):
        folders.append((pair.adapter, pair.adapter_revision, adapter_folder))
    elif isinstance(pair, FullPair):
        folders.append((pair.finetuned, pair.finetuned_revision, model_folder))
    here = [one for one in folders if _local(one[0])]
    try:
        if here == folders:
            check_pair_files(pair)
        else:
            for reference, revision, found in here:
                found(reference, revision)
    except DiffgaugeError as error:
        raise DiffgaugeError(
            f"The pair of {name!r} is not usable: {error}",
            advice=None if error.advice else "Put its files in place, or leave it out.",
        ) from error


def _local(reference: str) -> bool:
    path = Path(reference).expanduser()
    return path.is_absolute() or path.exists()
