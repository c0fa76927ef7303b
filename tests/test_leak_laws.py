"""No card's words stand where an investigator could read them, and its names are stopped."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from diffgauge.evals.llm_diff import comparing, naming
from diffgauge.graders import rubric_files
from diffgauge.graders.grading_prompt import _PROMPT
from diffgauge.graders.hypotheses import rating_prompt, verdict_prompt
from diffgauge.graders.rubric_files import rubric_names
from diffgauge.graders.scale_prompts import _FIELDS, _SCALES
from diffgauge.graders.scale_prompts import _PROMPT as _SCALE_PROMPT
from diffgauge.organisms import registry
from diffgauge.organisms.leaks import Leak, leaks
from diffgauge.organisms.names import registry_of
from diffgauge.organisms.truth import Truth, truths
from diffgauge.records.organisms import ApiPair, OrganismCard, PairSpec
from diffgauge.records.results import FreeText, Provenance
from diffgauge.tools.guard import LeakError, LeakGuard

pytestmark = pytest.mark.unit

ROOT = Path(__file__).parents[1]
PROMPTS = ROOT / "evals" / "prompts"
BANK = ROOT / "evals" / "scripted" / "bank.txt"
ZOO = "zoo"

EXEMPT = {
    # The bank speaks the zoo's small language, in which a plate is a thing and Frank a name.
    "bank.txt": ("plating", "frank"),
}
"""Terms that may stand in a place, with the reason."""


def known() -> dict[str, Truth]:
    return dict(truths())


def lexicons(registry: str | None = None) -> dict[str, tuple[str, ...]]:
    return {
        id: truth.lexicon() for id, truth in known().items() if registry in (None, registry_of(id))
    }


def prompts() -> dict[str, str]:
    """Every prompt for an investigator, a grader or a subject model."""
    found = {path.name: path.read_text() for path in sorted(PROMPTS.iterdir())}
    lines = found["turns.md"].splitlines()
    # A line's key tells the program when to say the rest, and is not shown.
    found["turns.md"] = "\n".join(line.partition(": ")[2] for line in lines)
    scales = "\n".join([_SCALE_PROMPT, str(_SCALES), str(_FIELDS)])
    ratings = "\n".join(map(str, (rating_prompt._PROMPT, rating_prompt.PARTS)))
    return found | {
        "grading prompt": _PROMPT,
        "prompts of scales": scales,
        "verdicts on hypotheses": verdict_prompt._PROMPT,
        "comparisons of replies": comparing._PROMPT,
        "names of clusters": naming._PROMPT,
        "ratings of hypotheses": f"{ratings}\n{rating_prompt._EXAMPLES}",
    }


def descriptions() -> dict[str, str]:
    """Every description of a tool or of one of its parameters, wherever it is written."""
    found: dict[str, str] = {}
    for folder in ("tools", "methods", "records"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            texts = [text for text in _described(ast.parse(path.read_text())) if text]
            if texts:
                found[path.relative_to(ROOT).as_posix()] = "\n".join(texts)
    return found


def _described(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.keyword) and node.arg == "description":
            constants = (one for one in ast.walk(node.value) if isinstance(one, ast.Constant))
            yield " ".join(one.value for one in constants if isinstance(one.value, str))


def test_there_are_words_and_texts_to_compare() -> None:
    assert len(lexicons(ZOO)) >= 12 and len(lexicons("public")) >= 50
    assert len(prompts()) >= 6 and len(descriptions()) >= 4
    assert any("Replies from each model" in text for text in descriptions().values())


def test_no_term_of_a_card_stands_in_a_prompt_or_a_tools_description() -> None:
    assert not leaks(lexicons(), prompts() | descriptions())


def test_no_term_of_a_card_stands_in_the_rubric_of_another_family() -> None:
    found: list[Leak] = []
    for name in rubric_names():
        text = (rubric_files._FOLDER / f"{name}.yaml").read_text()
        others = {id: truth.lexicon() for id, truth in known().items() if truth.rubric != name}
        found += leaks(others, {name: text})
    assert not found


def test_the_scripted_bank_asks_about_no_published_organism() -> None:
    """Of the zoo it asks about everything there is, as evenly as its base speaks of it."""
    bank = {BANK.name: BANK.read_text()}
    assert not leaks(lexicons("public"), bank, EXEMPT)
    needed = {leak.term for leak in leaks(lexicons("public"), bank)}
    assert needed == set(EXEMPT[BANK.name])


def pairs() -> Iterator[tuple[OrganismCard, PairSpec]]:
    """Every card with its pair as it is loaded; nothing is fetched for that."""
    for card in registry.cards().values():
        yield card, registry.resolved(card)


def planted(card: OrganismCard, pair: PairSpec) -> set[str]:
    """What would tell an investigator which organism it has before it."""
    secrets = {card.id}
    for role in ("adapter", "finetuned"):
        reference = getattr(pair, role, None)
        if reference is not None:
            secrets |= {reference, "/".join(Path(reference).parts[-2:])}
    if not isinstance(pair, ApiPair) and Path(pair.base).is_absolute():
        secrets |= {pair.base}
    return secrets


def test_the_guard_stops_the_names_and_paths_of_every_card() -> None:
    n = 0
    for card, pair in pairs():
        guard = LeakGuard.of(card, pair)
        for secret in planted(card, pair):
            for shown in (secret, secret.upper(), f"see '{secret}', please"):
                with pytest.raises(LeakError):
                    guard.check_text("a tool", shown)
                n += 1
            result = FreeText(title="Text", provenance=Provenance(method="m"), text=secret)
            with pytest.raises(LeakError):
                guard.check_results("a tool", [result])
    assert n > 1000


def test_the_guard_lets_through_what_tells_nothing() -> None:
    harmless = "Model A says that rain falls from clouds; model B says so too."
    for card, pair in pairs():
        LeakGuard.of(card, pair).check_text("a tool", harmless)


def test_the_guard_knows_the_names_of_derived_nulls() -> None:
    for original in ("zoo/submarine", "cake_bake@qwen3-1.7b:mix1-0p5"):
        for kind in registry.derivable(registry.card(original)):
            card = registry.card(f"{original}+null:{kind}")
            guard = LeakGuard.of(card, registry.resolved(card))
            for secret in (card.id, original):
                with pytest.raises(LeakError):
                    guard.check_text("a tool", f"the pair {secret} here")
