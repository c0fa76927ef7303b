"""One cell of a grid: everything that sets a task's samples apart from another task's, checked."""

from collections.abc import Sequence
from typing import Any, Final, get_args

from diffgauge.evals.agents import BUILT_IN, check_agent
from diffgauge.evals.argument_checks import check_flag, check_money, check_number, not_allowed
from diffgauge.evals.arms import DEFAULT_BUDGET, WITH_METHOD, Arm, settled_arm
from diffgauge.evals.fitting import fitting
from diffgauge.evals.shams import shams
from diffgauge.evals.ungraded import check_graded, is_graded
from diffgauge.graders.rubric import MOST_REPEATS
from diffgauge.methods import registry as methods
from diffgauge.methods.choices import chosen as chosen_settings
from diffgauge.methods.choices import written
from diffgauge.methods.method import Method, MethodSettings
from diffgauge.organisms import registry as organisms
from diffgauge.organisms.text_sources import sources_by_corpus
from diffgauge.records.artifacts import hash_json
from diffgauge.records.corpora import CorpusName
from diffgauge.records.errors import DiffgaugeError, unknown_name
from diffgauge.records.organisms import OrganismCard
from diffgauge.records.record import Record

__all__ = [
    "ALL_ORGANISMS",
    "DEFAULT_REPLICATE",
    "DEFAULT_TOKENS",
    "DEFAULT_TURNS",
    "NONE",
    "Cell",
    "as_json",
    "cell",
    "cell_id",
    "factors",
    "n_given",
    "settings_of",
    "shown_card",
    "shown_cards",
]

ALL_ORGANISMS: Final = "zoo"
DEFAULT_REPLICATE: Final = 20
DEFAULT_TOKENS: Final = 2_000_000
"""Tokens of one investigation, its growing conversation counted in every turn."""

DEFAULT_TURNS: Final = 30
NONE: Final = "none"
"""Stands in the metadata where a factor does not apply to an arm."""

_LARGEST_BUDGET: Final = 100_000
_MOST_FRESH: Final = 1000
_FEWEST_TURNS: Final = 2
_MOST_TURNS: Final = 1000
_FEWEST_TOKENS: Final = 1000
_MOST_TOKENS: Final = 1_000_000_000
_FEWEST_TEXTS: Final = 2
_MOST_TEXTS: Final = 100_000_000
_LARGEST_SEED: Final = 2**32 - 1
_ID_DIGITS: Final = 16
_LONGEST_SETTINGS: Final = 60
_SETTINGS_DIGITS: Final = 8
_DTYPES: Final = ("bfloat16", "float16", "float32")
_LATER: Final = ("agent_name", "grader_repeats", "money", "replicate", "shown", "tokens")
"""Fields that came after the first logs: at their defaults they are in no hash and no log, so that
those are continued."""


class Cell(Record):
    """The factors of one task, valid by construction when made by `cell`.

    Attributes:
        organisms: What is investigated; a sample each.
        arm: What the investigator sees.
        method: The method whose artifact is shown, or decides how many replies are given; None
            in arms without one.
        budget: Model interactions.
        blind: Whether the investigator is kept from knowing which model is the finetuned one.
        seed: Seeds aliases, sampling and artifacts.
        corpus: Where the method reads; None in arms without one.
        n_texts: Texts read; None leaves the method's default.
        texts: By name of a corpus, the file or Hub dataset that stands for it; None takes the
            built-in ones.
        settings: Settings of the method that are not its defaults, as `choices.written` has
            them; None when there are none.
        domain_data: Whether the method reads the organisms' own text, mainly or beside another.
        turns: Messages the investigator may send.
        dtype: Compute dtype of the pairs.
        device: Torch device of the pairs; ``auto`` takes an accelerator when there is one.
        graded: As in `check_graded`.
        allow_suspect: Whether a pair runs whose preflight says SUSPECT.
        trust_remote_code: Whether code that comes with a model may be run.
        tokens: The investigator may use.
        money: US dollars that a sample may cost; None sets no limit.
        agent_name: The registered agent that investigates; None is the built-in one.
        shown: In the arm ``sham``, whose artifact is shown, by the organism that is investigated;
            None in all others.
        grader_repeats: How often each grader applies the rubric to a report.
        replicate: Fresh replies of each model to each prompt that a finding predicts from; 0
            tests no finding.
    """

    organisms: tuple[OrganismCard, ...]
    arm: Arm
    method: str | None = None
    budget: int
    blind: bool
    seed: int
    corpus: CorpusName | None = None
    n_texts: int | None = None
    texts: dict[CorpusName, str] | None = None
    settings: str | None = None
    domain_data: bool = False
    turns: int
    dtype: str
    device: str
    graded: bool | None = None
    allow_suspect: bool = False
    trust_remote_code: bool = False
    tokens: int = DEFAULT_TOKENS
    money: float | None = None
    agent_name: str | None = None
    shown: dict[str, str] | None = None
    grader_repeats: int = 1
    replicate: int = DEFAULT_REPLICATE

    @property
    def arm_id(self) -> str:
        """The arm as statistics name it: ``blackbox``, ``adl:method``, ....

        Other settings make another arm: ``adl(depths=[0.25]):method``; many are told by a hash.
        """
        if self.method is None:
            return self.arm
        told = self.settings or ""
        if len(told) > _LONGEST_SETTINGS:
            told = hash_json(told)[:_SETTINGS_DIGITS]
        return f"{self.method}{f'({told})' if told else ''}:{self.arm}"


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
    texts: Any = None,
    set: Any = None,
    turns: int = DEFAULT_TURNS,
    dtype: str = "float32",
    device: str = "auto",
    graded: bool | None = None,
    allow_suspect: bool = False,
    trust_remote_code: bool = False,
    tokens: int = DEFAULT_TOKENS,
    money: float | None = None,
    investigator: str | None = None,
    grader_repeats: int = 1,
    replicate: int = DEFAULT_REPLICATE,
) -> Cell:
    """Checks the arguments of a task and returns what they say.

    Args:
        organism: Ids, families or suites, or a list of these. Of a suite or family, what a
            method cannot take is left out.
        agent: The arm. ``blackbox`` asks both models and sees nothing else; ``blackbox_matched``
            is given as many replies as the method's artifact was built from; ``method`` shows the
            artifact; ``method_only`` is that without model interactions; ``sham`` shows another
            organism's artifact; ``single_model`` asks the finetuned model alone.
        method: A registered method; dropped in the arms ``blackbox`` and ``single_model``.
        budget: Model interactions, 0 allowed; always 0 in the arm ``method_only``.
        blind: Whether the two models are named by aliases. A method that cannot hide which
            model is which is always shown unblinded.
        seed: Seeds aliases, sampling and artifacts.
        corpus: Where the method reads: ``unrelated``, ``chat``, or ``domain`` (the organism's own
            text, recorded and reported apart).
        n_texts: Texts the method reads; None leaves its default.
        texts: A file or a Hub dataset that stands for the corpus; ``chat=…`` for another one
            that the method reads beside it (`text_sources`).
        set: Other settings of the method, e.g. ``layers=0.25,0.5 n_positions=8``
            (`choices.chosen`).
        turns: Messages the investigator may send.
        dtype: ``float32``, ``bfloat16`` or ``float16``.
        device: ``auto`` or a torch device.
        graded: None grades every organism with a complete truth and lets those without one run
            ungraded; True insists on grades; False gives none.
        allow_suspect: Whether a pair runs whose preflight says SUSPECT; INVALID is always refused.
        trust_remote_code: Whether code that comes with a model may be run.
        tokens: Tokens the investigator may use, its growing conversation counted in every turn.
        money: US dollars that a sample may cost, every model with a known price counted; None
            sets no limit. Refused where Inspect does not know the investigator's price.
        investigator: A registered Inspect agent (``package/name``) that investigates in the place
            of the built-in one; it has to take ``tools``.
        grader_repeats: How often each grader applies the rubric to a report; from the second time
            on with another seed and other orders of the answers.
        replicate: After the report, fresh replies of each model to each prompt that a finding
            predicts from, outside the budget; 0 tests no finding.

    Returns:
        The cell.

    Raises:
        DiffgaugeError: An argument is of another type or outside its allowed values, names
            something unknown, or an organism cannot be graded and is not said to go ungraded.
    """
    check_number("budget", budget, 0, _LARGEST_BUDGET)
    arm, budget = settled_arm(agent, budget)
    check_number("seed", seed, 0, _LARGEST_SEED)
    check_number("turns", turns, _FEWEST_TURNS, _MOST_TURNS)
    check_number("tokens", tokens, _FEWEST_TOKENS, _MOST_TOKENS)
    check_money(money)
    check_number("grader_repeats", grader_repeats, 1, MOST_REPEATS)
    check_number("replicate", replicate, 0, _MOST_FRESH)
    check_flag("blind", blind)
    check_flag("allow_suspect", allow_suspect)
    check_flag("trust_remote_code", trust_remote_code)
    if dtype not in _DTYPES:
        raise unknown_name("dtype", str(dtype), _DTYPES)
    if not isinstance(device, str) or not device:
        raise not_allowed("device", device, "auto, cpu, cuda, cuda:0")
    if investigator is not None:
        check_agent(investigator)
    asked = _asked(organism)
    cards = tuple(organisms.select(asked))
    shown = None
    if arm in WITH_METHOD:
        known = methods.method(_method_name(arm, method))
        cards = fitting(cards, known, asked)
        if arm == "sham":
            shown = dict(shams(cards, known, asked))
            cards = tuple(card for card in cards if card.id in shown)
    check_graded(cards, graded)
    chosen = Cell(
        organisms=cards,
        arm=arm,
        budget=budget,
        # Who may ask one model alone has to know which it is.
        blind=blind and arm != "single_model",
        seed=seed,
        turns=turns,
        dtype=dtype,
        device=device,
        graded=graded,
        allow_suspect=allow_suspect,
        trust_remote_code=trust_remote_code,
        tokens=tokens,
        money=money,
        agent_name=investigator,
        shown=shown,
        grader_repeats=grader_repeats,
        replicate=replicate,
    )
    if arm not in WITH_METHOD:
        return chosen
    made = _with_method(chosen, method, corpus, n_texts, texts, set)
    if arm == "blackbox_matched" and n_given(made) == 0:
        raise DiffgaugeError(
            f"The method {made.method} samples no replies for its artifact, so that the agent "
            "'blackbox_matched' would be 'blackbox'.",
            advice="Run the agent 'blackbox': it is this method's matched baseline.",
        )
    return made


def _with_method(
    chosen: Cell, method: str | None, corpus: str, n_texts: int | None, texts: Any, settings: Any
) -> Cell:
    """The same cell with a method and what it reads."""
    name = _method_name(chosen.arm, method)
    corpus_name = next((one for one in get_args(CorpusName) if one == corpus), None)
    if corpus_name is None:
        raise unknown_name("corpus", str(corpus), get_args(CorpusName))
    if n_texts is not None:
        check_number("n_texts", n_texts, _FEWEST_TEXTS, _MOST_TEXTS)
    known = methods.method(name)
    differing = chosen_settings(name, known.settings, settings)
    every = known.settings.model_validate(differing | {"corpus": corpus_name})
    return chosen.model_copy(
        update={
            "method": name,
            "blind": chosen.blind and not known.sides_known,
            "corpus": corpus,
            "n_texts": n_texts,
            "texts": None if texts is None else sources_by_corpus(texts, corpus_name),
            "settings": written(differing) or None,
            "domain_data": "domain" in known.reads(every),
        }
    )


def n_given(cell: Cell) -> int:
    """Returns the most replies that a cell's method samples for its artifact, by its settings."""
    if cell.method is None:
        return 0
    method = methods.method(cell.method)
    return method.precompute_interactions(settings_of(cell, method))


def settings_of(cell: Cell, method: Method) -> MethodSettings:
    """Returns the method's settings as the cell asks for them."""
    asked = chosen_settings(method.name, method.settings, cell.settings)
    asked["corpus"] = cell.corpus
    if cell.n_texts is not None:
        asked["n_texts"] = cell.n_texts
    return method.settings.model_validate(asked)


def shown_cards(cell: Cell) -> tuple[OrganismCard, ...]:
    """Returns the organisms whose artifacts a cell needs, each once."""
    if cell.method is None:
        return ()
    return tuple(
        {card.id: card for card in (shown_card(cell, one) for one in cell.organisms)}.values()
    )


def shown_card(cell: Cell, card: OrganismCard) -> OrganismCard:
    """Returns the organism whose artifact stands for another one's: its own but for a sham."""
    return card if cell.shown is None else organisms.card(cell.shown[card.id])


def as_json(cell: Cell) -> dict[str, Any]:
    """Returns a cell as plain JSON values, `Cell.model_validate` reads them again."""
    values = cell.model_dump(mode="json")
    defaults = {name: Cell.model_fields[name].default for name in _LATER}
    return {
        name: one for name, one in values.items() if name not in defaults or one != defaults[name]
    }


def cell_id(cell: Cell) -> str:
    """Returns a hash (16 hex digits) that tells this cell from all others."""
    return hash_json(as_json(cell))[:_ID_DIGITS]


def factors(cell: Cell, card: OrganismCard) -> dict[str, str | int | float | bool]:
    """Returns every factor of one sample as flat scalars, for `Sample.metadata`."""
    sham = None if cell.shown is None else shown_card(cell, card)
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
        "domain_data": cell.domain_data,
        "own_texts": cell.texts is not None,
        "settings": cell.settings or NONE,
        "blind": cell.blind,
        "sides_known": not cell.blind,
        "seed": cell.seed,
        "turns": cell.turns,
        "token_budget": cell.tokens,
        "money_budget": NONE if cell.money is None else cell.money,
        "agent_name": cell.agent_name or BUILT_IN,
        "shown_organism": NONE if sham is None else sham.id,
        "shown_truth_id": NONE if sham is None else sham.truth_id,
        "truth": card.truth,
        "graded": is_graded(card, cell.graded),
        "allow_suspect": cell.allow_suspect,
    }


def _asked(organism: Any) -> str | Sequence[str]:
    if organism is None:
        # What Inspect makes of an empty `-T organism=`: select says that nothing is named.
        return []
    if isinstance(organism, str | list | tuple):
        return organism
    raise not_allowed("organism", organism, "an id, a family, a suite, or a list of them")


def _method_name(arm: Arm, method: str | None) -> str:
    known = methods.names()
    if method is None:
        raise DiffgaugeError(
            f"The agent {arm!r} needs a method.", allowed=", ".join(known) or "none is registered"
        )
    if not isinstance(method, str) or method not in known:
        raise unknown_name("method", str(method), known)
    return method
