"""The answers' part of a report: sentences, the forest plot, tables."""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from diffgauge.stats.answer_costs import cost_answer_table
from diffgauge.stats.answer_figure import draw_forest, forest_words, headlines
from diffgauge.stats.answer_sets import Answers
from diffgauge.stats.answer_tables import (
    MEASURES,
    arms_table,
    claims_answer_table,
    contrast_table,
    diagnosis_table,
    outcome_words,
    rank_table,
)
from diffgauge.stats.answers import WORTHWHILE, Answer, Contrast
from diffgauge.stats.factor_tables import factor_table, investigator_table
from diffgauge.stats.loo_table import loo_table
from diffgauge.stats.part_tables import (
    budget_shares_table,
    budget_table,
    dose_table,
    family_uplift_table,
)
from diffgauge.stats.refits import Refit
from diffgauge.stats.reliability import krippendorff_alpha, retest_alpha
from diffgauge.stats.rendering import escaped, table_html
from diffgauge.stats.tables import Column, Table, Value

if TYPE_CHECKING:
    from pandas import DataFrame

__all__ = ["Section", "answers_section"]


@dataclass(frozen=True)
class Section:
    """What a report says of the models.

    Attributes:
        html: The section of the page.
        words: Its sentences.
        tables: Its tables, for the JSON twin and the terminal.
        figures: File name → bytes of the forest plot; empty without contrasts.
        held: The engine and notes as plain JSON.
    """

    html: str
    words: tuple[str, ...]
    tables: tuple[Table, ...]
    figures: dict[str, bytes]
    held: dict[str, Any]


def answers_section(found: Answers, frame: DataFrame, evidence: str) -> Section:
    """Writes the answers' section.

    Args:
        found: The answers.
        frame: The rows they were made of.
        evidence: The mark.

    Returns:
        The section; without any answer it says what is missing.
    """
    words = _words(found)
    by_answer = [(one, _named(_tables(one, evidence), one, found.found[0])) for one in found.found]
    closing = _closing(found, frame, evidence)
    main = next((one for one in found.found if headlines(one)), None)
    figures: dict[str, bytes] = {}
    image = ""
    if main is not None:
        svg, png = draw_forest(main, evidence)
        figures = {"forest.svg": svg.encode(), "forest.png": png}
        data = base64.b64encode(svg.encode()).decode()
        text = f"{outcome_words(main)}: {forest_words(headlines(main))}"
        image = (
            f'<figure><img alt="{escaped(text)}" src="data:image/svg+xml;base64,{data}">'
            f"<figcaption>{escaped(evidence)}. Uplift over the fairest reference that ran."
            "</figcaption></figure>"
        )
    body = "".join(
        _wrapped(one, "".join(table_html(table) for table in tables)) for one, tables in by_answer
    )
    listed = "".join(f"<li>{escaped(one)}</li>" for one in words)
    noted = "".join(f"<li>{escaped(one)}</li>" for one in found.notes)
    html = (
        f'<section id="answers"><h2>Does a method help, and how sure is that?</h2>'
        f'<p><span class="mark">{escaped(evidence)}</span> Fitted by {escaped(found.engine)}.</p>'
        f"<ul>{listed}</ul>{image}"
        + (f'<p class="small">What the models leave open:</p><ul>{noted}</ul>' if noted else "")
        + f"</section>{body}{''.join(table_html(table) for table in closing)}"
    )
    tables = [table for _, held in by_answer for table in held] + closing
    held = {
        "engine": found.engine,
        "notes": list(found.notes),
        "believed": {
            f"{one.outcome}, {one.stratum.words}": one.diagnosis.believed for one in found.found
        },
    }
    return Section(html, tuple(words), tuple(tables), figures, held)


def _wrapped(one: Answer, html: str) -> str:
    """Greys what a model says that is not believed, and says why."""
    if one.diagnosis.believed:
        return html
    why = escaped("; ".join(one.diagnosis.reasons))
    return f'<p class="banner">Not to be believed: {why}.</p><div style="opacity:.45">{html}</div>'


def _words(found: Answers) -> list[str]:
    """Returns a sentence for each headline contrast of each first-stratum model."""
    said = []
    for one in found.found:
        if one.stratum is not found.found[0].stratum:
            continue
        if not one.diagnosis.believed:
            reasons = "; ".join(one.diagnosis.reasons)
            said.append(f"The model of {outcome_words(one)} is no headline: {reasons}.")
            continue
        said += [_sentence(one, held) for held in headlines(one)]
    return said or ["No model could compare arms."]


def _sentence(one: Answer, held: Contrast) -> str:
    new, floor = held.new, WORTHWHILE[held.measure]
    unscored = f", {new.n_missing} unscored" if new.n_missing else ""
    plural = "" if new.n_organisms == 1 else "s"
    return (
        f"{held.arm} over {held.reference}, {MEASURES[held.measure]} ({outcome_words(one)}): "
        f"{_signed(new.value)} [{_signed(new.low)}, {_signed(new.high)}] on a new organism; "
        f"P(uplift > 0) {held.p_positive:.2f}, P(uplift > {floor:g}) {held.p_worthwhile:.2f}; "
        f"{new.n_organisms} organism{plural}, {new.n} samples{unscored}."
    )


def _signed(value: float) -> str:
    return f"{value:+.2f}".replace("-", "−")


def _tables(one: Answer, evidence: str) -> list[Table]:
    if one.design.model == "claims":
        made: list[Table | None] = [
            contrast_table(one, evidence) if one.contrasts else None,
            claims_answer_table(one, evidence) if len(one.design.levels["kind"]) > 1 else None,
            cost_answer_table(one, evidence),
        ]
    else:
        made = [
            contrast_table(one, evidence) if one.contrasts else None,
            arms_table(one, evidence),
            factor_table(one, evidence),
        ]
        if one.outcome != "grades":
            made += [
                rank_table(one, evidence) if one.contrasts else None,
                family_uplift_table(one, evidence),
                dose_table(one, evidence),
                investigator_table(one, evidence),
                cost_answer_table(one, evidence),
            ]
    return [table for table in made if table is not None]


def _named(tables: list[Table], one: Answer, first: Answer) -> list[Table]:
    """Gives tables of further strata names of their own: files hold them by name."""
    if one.stratum is first.stratum:
        return tables
    part = re.sub(r"[^a-z0-9]+", "_", one.stratum.words)
    return [replace(table, name=f"{table.name}_{part}") for table in tables]


def _closing(found: Answers, frame: DataFrame, evidence: str) -> list[Table]:
    made: list[Table | None] = []
    if found.found:
        first = [one for one in found.found if one.outcome == found.found[0].outcome]
        made += [
            budget_shares_table(found.parts, evidence),
            budget_table(first, evidence),
            diagnosis_table(found.found, evidence),
            loo_table(found.found[0], found.compared, evidence),
        ]
    made.append(_agreement_table(frame, evidence))
    made.append(_refit_table(found, evidence))
    return [table for table in made if table is not None]


def _agreement_table(frame: DataFrame, evidence: str) -> Table | None:
    """How far graders agree; None where no grades were given."""
    graded = frame[frame["grade"].notna() & (frame["null"] == "none")]
    if graded.empty:
        return None
    rows: list[dict[str, Value]] = [
        {"what": "graders among each other", "alpha": krippendorff_alpha(graded)}
    ]
    for grader in sorted(graded["grader"].unique()):
        again = retest_alpha(graded[graded["grader"] == grader])
        if again.n:
            rows.append({"what": f"{grader} with itself", "alpha": again})
    return Table(
        "grader_agreement",
        "How far graders agree",
        "Krippendorff's alpha of rubric grades on planted organisms, ordinal; intervals by "
        "resampling organisms. Undefined with one grader, or where all grades are equal.",
        (
            Column("what", "who", "Whose grades of the same report are compared."),
            Column(
                "alpha", "alpha", "1 perfect, 0 chance; n counts reports with two or more grades."
            ),
        ),
        tuple(rows),
        evidence,
    )


def _refit_table(found: Answers, evidence: str) -> Table | None:
    """The headline under other priors and without each organism; None where not asked for."""
    if not found.refits or not found.found[0].contrasts:
        return None
    own = found.found[0]
    nothing = Refit("nothing", own.contrasts, own.diagnosis.reasons)
    rows: list[dict[str, Value]] = [
        {
            "changed": refit.changed,
            "arm": one.arm,
            "reference": one.reference,
            "new": one.new,
            "positive": one.p_positive,
            "believed": "yes" if not refit.reasons else "NO: " + "; ".join(refit.reasons),
        }
        for refit in (nothing, *found.refits)
        for one in refit.contrasts
        if one.headline and one.measure == found.found[0].contrasts[0].measure
    ]
    return Table(
        "refits",
        "What the headline hangs on",
        "The headline's model fitted again with one thing changed.",
        (
            Column("changed", "changed", "Priors' spreads, or the organism left out."),
            Column("arm", "arm", "What the investigator saw."),
            Column("reference", "against", "What it is compared with."),
            Column("new", "uplift, a new organism", "Median and 90 % interval."),
            Column("positive", "P(uplift > 0)", "Probability that it is above 0."),
            Column("believed", "believed", "And if not, why."),
        ),
        tuple(rows),
        evidence,
    )
