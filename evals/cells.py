"""One cell of a grid: everything that sets a task's samples apart from another task's, checked."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, Literal, get_args

from diffgauge.methods import registry as methods
from diffgauge.organisms import registry as organisms
from diffgauge.records.artifacts import hash_json
from diffgauge.records.corpora import CorpusName
from diffgauge.records.errors import DiffgaugeError, unknown_name
from diffgauge.records.organisms import OrganismCard
from diffgauge.records.record import Record

__all__ = [
    "ALL_ORGANISMS",
    "ARMS",
    "DEFAULT_BUDGET",
    "DEFAULT_TURNS",
    "NONE",
    "Arm",
    "Cell",
    "cell",
    "cell_id",
    "factors",
]

Arm = Literal["blackbox", "method"]
ARMS: Final[tuple[Arm, ...]] = get_args(Arm)
ALL_ORGANISMS: Final = "zoo"
DEFAULT_BUDGET: Final = 50
DEFAULT_TURNS: Final = 30
NONE: Final = "none"
"""Stands in the metadata where a factor does not apply to an arm."""

_LARGEST_BUDGET: Final = 100_000
_FEWEST_TURNS: Final = 2
_MOST_TURNS: Final = 1000
_FEWEST_TEXTS: Final = 2
_MOST_TEXTS: Final = 100_000_000
_LARGEST_SEED: Final = 2**32 - 1
_ID_DIGITS: Final = 16
_DTYPES: Final = ("bfloat16", "float16", "float32")


class Cell(Record):
    """The factors of one task, valid by construction when made by `cell`.

    Attributes:
        organisms: What is investigated; a sample each.
        arm: What the investigator sees.
        method: The method whose artifact is shown; None in the arm ``blackbox``.
        budget: Model interactions.
        blind: Whether the investigator is kept from knowing which model is the finetuned one.
        seed: Seeds aliases, sampling and artifacts.
        corpus: Where the method reads; None in the arm ``blackbox``.
        n_texts: Texts read; None leaves the method's default.
        texts: Local file of texts that stands for the corpus; None takes the built-in one.
        turns: Messages the investigator may send.
        dtype: Compute dtype of the pairs.
        device: Torch device of the pairs; ``auto`` takes an accelerator when there is one.
    """

    organisms: tuple[OrganismCard, ...]
    arm: Arm
    method: str | None = None
    budget: int
    blind: bool
    seed: int
    corpus: CorpusName | None = None
    n_texts: int | None = None
    texts: str | None = None
    turns: int
    dtype: str
    device: str

    @property
    def arm_id(self) -> str:
        """The arm as statistics name it: ``blackbox``, ``adl:method``, ...."""
        return self.arm if self.method is None else f"{self.method}:{self.arm}"


def cell(
    *,
    organism: str | Sequence[str] = ALL_ORGANISMS,
    agent: str = "blackbox",
    method: str | None = None,
    budget: int = DEFAULT_BUDGET,
    blind: bool = True,
    seed: int = 0,
    corpus: str = "unrelated",
    n_texts: int | None = None,
    texts: str | None = None,
    turns: int = DEFAULT_TURNS,
    dtype: str = "float32",
    device: str = "auto",
) -> Cell:
    """Checks the arguments of a task and returns what they say.

    Args:
        organism: Ids, families or suites.
        agent: The arm.
        method: A registered method; needed in the arm ``method``, dropped in ``blackbox``.
        budget: Model interactions, 0 allowed.
        blind: Whether the two models are named by aliases. A method that cannot hide which
            model is which is always shown unblinded.
        seed: Seeds aliases, sampling and artifacts.
        corpus: ``unrelated``, ``chat`` or ``domain``.
        n_texts: Texts the method reads; None leaves its default.
        texts: A local ``.jsonl`` or ``.txt`` file that stands for the corpus.
        turns: Messages the investigator may send.
        dtype: ``float32``, ``bfloat16`` or ``float16``.
        device: ``auto`` or a torch device.

    Returns:
        The cell.

    Raises:
        DiffgaugeError: An argument is of another type or outside its allowed values, or names
            something unknown.
    """
    if not isinstance(agent, str) or agent not in ARMS:
        raise unknown_name("agent", str(agent), ARMS)
    _check_number("budget", budget, 0, _LARGEST_BUDGET)
    _check_number("seed", seed, 0, _LARGEST_SEED)
    _check_number("turns", turns, _FEWEST_TURNS, _MOST_TURNS)
    _check_flag("blind", blind)
    if dtype not in _DTYPES:
        raise unknown_name("dtype", str(dtype), _DTYPES)
    if not isinstance(device, str) or not device:
        raise _not_allowed("device", device, "auto, cpu, cuda, cuda:0")
    chosen = Cell(
        organisms=tuple(organisms.select(_asked(organism))),
        arm="blackbox",
        budget=budget,
        blind=blind,
        seed=seed,
        turns=turns,
        dtype=dtype,
        device=device,
    )
    return chosen if agent == "blackbox" else _shown(chosen, method, corpus, n_texts, texts)


def _shown(
    chosen: Cell, method: str | None, corpus: str, n_texts: int | None, texts: str | None
) -> Cell:
    """The same cell with a method's artifact shown."""
    name = _method_name(method)
    if corpus not in get_args(CorpusName):
        raise unknown_name("corpus", str(corpus), get_args(CorpusName))
    if n_texts is not None:
        _check_number("n_texts", n_texts, _FEWEST_TEXTS, _MOST_TEXTS)
    known = methods.method(name)
    for card in chosen.organisms:
        if card.pair.kind not in known.pair_kinds:
            raise DiffgaugeError(
                f"The method {name} cannot take {card.id!r}, a pair of kind {card.pair.kind!r}.",
                allowed=", ".join(sorted(known.pair_kinds)),
                advice="Leave that organism out, or choose another method.",
            )
    return chosen.model_copy(
        update={
            "arm": "method",
            "method": name,
            "blind": chosen.blind and not known.sides_known,
            "corpus": corpus,
            "n_texts": n_texts,
            "texts": _texts_file(texts),
        }
    )


def cell_id(cell: Cell) -> str:
    """Returns a hash (16 hex digits) that tells this cell from all others."""
    return hash_json(cell.model_dump(mode="json"))[:_ID_DIGITS]


def factors(cell: Cell, card: OrganismCard) -> dict[str, str | int | bool]:
    """Returns every factor of one sample as flat scalars, for `Sample.metadata`."""
    return {
        "organism": card.id,
        "truth_id": card.truth_id,
        "family": card.family,
        "null": card.null or NONE,
        "dose": card.dose,
        "split": card.split,
        "pair_kind": card.pair.kind,
        "diff_method": cell.method or NONE,
        "arm": cell.arm,
        "arm_id": cell.arm_id,
        "budget": cell.budget,
        "corpus": cell.corpus or NONE,
        "domain_data": cell.corpus == "domain",
        "own_texts": cell.texts is not None,
        "blind": cell.blind,
        "sides_known": not cell.blind,
        "seed": cell.seed,
        "turns": cell.turns,
    }


def _asked(organism: Any) -> str | Sequence[str]:
    if organism is None:
        # What Inspect makes of an empty `-T organism=`: select says that nothing is named.
        return []
    if isinstance(organism, str | list | tuple):
        return organism
    raise _not_allowed("organism", organism, "an id, a family, a suite, or a list of them")


def _method_name(method: str | None) -> str:
    known = methods.names()
    if method is None:
        raise DiffgaugeError(
            "The agent 'method' needs a method.", allowed=", ".join(known) or "none is registered"
        )
    if not isinstance(method, str) or method not in known:
        raise unknown_name("method", str(method), known)
    return method


def _texts_file(texts: str | None) -> str | None:
    if texts is None:
        return None
    if not isinstance(texts, str) or not Path(texts).expanduser().is_file():
        raise DiffgaugeError(
            f"The file of texts {texts!r} is not there.", allowed="a local .jsonl or .txt file"
        )
    return str(Path(texts).expanduser())


def _check_number(name: str, value: Any, least: int, most: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise _not_allowed(name, value, f"a whole number from {least} to {most}")


def _check_flag(name: str, value: Any) -> None:
    if not isinstance(value, bool):
        raise _not_allowed(name, value, "true or false")


def _not_allowed(name: str, value: Any, allowed: str) -> DiffgaugeError:
    return DiffgaugeError(f"The argument {name} was given as {value!r}.", allowed=allowed)
