"""The report: probabilities by the rules of `beliefs`, findings from the leads that hold up.

A finding is written only when a narrow difference is likelier than not. It names at most
`MAX_TERMS` terms of one model, strongest first, and the prompts on which they occurred.
"""

import math
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from diffgauge.evals.scripted.analysis import Analysis, Stage, top_leads
from diffgauge.evals.scripted.beliefs import narrow_log_odds, probability
from diffgauge.evals.scripted.leads import Lead, mentioned
from diffgauge.evals.scripted.replies import SeenReply
from diffgauge.evals.scripted.words import content_words
from diffgauge.records.reports import Evidence, Finding, Report

__all__ = ["write_report"]

MAX_TERMS = 14
"""Terms named in one finding; with the sentence around them under 60 words."""

_PLAIN = re.compile(r"[ !#-\[\]-~]+")
"""Runs of characters that stand in JSON as they are: the excerpt is then verbatim in both."""

_NAMED_FROM = 0.2
"""Share of the strongest lead's score from which a lead is named beside it."""

_SECOND_FROM = 0.7
"""Share of the better supported model's support from which the other model's terms are a finding
of their own: then it is open whose they are, and both are said with what confidence is left."""

_LEAST_BOUND = 0.5
"""What a method's term weighs when its model's terms do not belong together at all."""

_AROUND = 20
"""Characters quoted on either side of a term."""

MAX_EVIDENCE = 3
MAX_PREDICTIONS = 3

_ALWAYS = 0.6
"""Share of a model's replies that use its terms from which the condition reads "always"."""

_CONDITION_WORDS, _COVERED = 3, 0.6
"""At most so many words of the prompts are named as the condition, and only when so large a share
of the prompts on which the terms occurred has one of them."""

_WRITTEN_FROM = 0.5
"""Probability of a narrow difference from which findings are written."""


@dataclass(frozen=True)
class _Use:
    """Where one model used its own terms and the other, on the same prompt, did not."""

    hits: tuple[SeenReply, ...]
    n_replies: int

    @property
    def share(self) -> float:
        return len(self.hits) / self.n_replies if self.n_replies else 0.0


def write_report(analysis: Analysis) -> Report:
    """Writes the report.

    Args:
        analysis: The evidence weighed.

    Returns:
        A valid report; "no difference" is one with low probabilities and no findings.
    """
    replies = sum(math.log(stage.evidence) for stage in analysis.stages)
    p_differs = probability(replies + analysis.signal.log_odds)
    narrow = narrow_log_odds(analysis.signal, analysis.kin.values())
    p_planted = min(p_differs, probability(replies + narrow))
    findings = _findings(analysis, p_planted) if p_planted >= _WRITTEN_FROM else ()
    return Report(
        p_differs=round(p_differs, 3),
        p_planted=round(p_planted, 3),
        summary=_summary(analysis, p_differs, findings),
        findings=findings,
    )


def _findings(analysis: Analysis, p_planted: float) -> tuple[Finding, ...]:
    support = {model: _support(analysis, model) for model in analysis.aliases}
    largest = max(support.values(), default=0.0)
    written: list[Finding] = []
    for model in sorted(analysis.aliases, key=lambda name: -support[name]):
        if support[model] > 0 and support[model] >= _SECOND_FROM * largest:
            strongest = top_leads(analysis.leads, model, MAX_TERMS)
            leads = [lead for lead in strongest if lead.score >= _NAMED_FROM * strongest[0].score]
            confidence = p_planted * support[model] / sum(support.values())
            written.append(_finding(analysis, model, leads, confidence))
    return tuple(written)


def _support(analysis: Analysis, model: str) -> float:
    """How much speaks for a model's own terms; counted twice where method and replies agree.

    Scores are squared: a few strong terms outweigh many that stand out by chance. Terms of a
    method weigh more the more they belong together.
    """
    kin = analysis.kin.get(model, math.nan)
    bound = 1.0 if math.isnan(kin) else _LEAST_BOUND + max(0.0, kin)
    return sum(
        lead.score**2
        * (bound if lead.in_signal else 1.0)
        * (2 if lead.in_signal and lead.in_replies else 1)
        for lead in top_leads(analysis.leads, model)
    )


def _finding(analysis: Analysis, model: str, leads: Sequence[Lead], confidence: float) -> Finding:
    use = _use(analysis, model, leads)
    prompts = _predicted(use, leads)
    terms = ", ".join(lead.term for lead in leads)
    return Finding(
        behaviour=f"Uses words such as {terms} more than the other model.",
        condition=_condition(use, analysis),
        which=model,
        confidence=round(confidence, 3),
        evidence=tuple(_evidence(analysis, use, leads)),
        prediction=prompts,
        expected=f"{model} uses some of these words and the other model does not."
        if prompts
        else None,
    )


def _predicted(use: _Use, leads: Sequence[Lead]) -> tuple[str, ...]:
    """The prompts on which the replies parted most, those asked first before their equals."""
    scores = {lead.term: lead.score for lead in leads}
    parted: dict[str, float] = {}
    for reply in use.hits:
        said = sum(scores[term] for term in mentioned(leads, reply, reply.model))
        parted[reply.prompt] = max(parted.get(reply.prompt, 0.0), said)
    ranked = sorted(parted, key=lambda prompt: -parted[prompt])
    return tuple(ranked[:MAX_PREDICTIONS])


def _use(analysis: Analysis, model: str, leads: Sequence[Lead]) -> _Use:
    replies = analysis.replies
    others = {r.prompt for r in replies if r.model != model and mentioned(leads, r, model)}
    own = [reply for reply in replies if reply.model == model]
    hits = [r for r in own if r.prompt not in others and mentioned(leads, r, model)]
    return _Use(tuple(hits), len(own))


def _condition(use: _Use, analysis: Analysis) -> str:
    """When it happens: always, on prompts with a word that the other prompts lack, or at times."""
    if not use.hits:
        return "Seen in the method's results; not seen in plain replies."
    if use.share >= _ALWAYS:
        return "always"
    hit = {reply.prompt for reply in use.hits}
    missed = {reply.prompt for reply in analysis.replies} - hit
    in_hit = Counter(word for prompt in hit for word in content_words(prompt))
    in_missed = Counter(word for prompt in missed for word in content_words(prompt))
    typical = [w for w in in_hit if in_hit[w] >= 2 and in_hit[w] >= 3 * in_missed[w]]
    best = sorted(typical, key=lambda w: (in_missed[w] - in_hit[w], w))[:_CONDITION_WORDS]
    covered = sum(any(word in content_words(prompt) for word in best) for prompt in hit)
    if covered >= _COVERED * len(hit):
        return f"when the prompt mentions {' or '.join(best)}"
    return f"at times: in {len(use.hits)} of {use.n_replies} replies"


def _evidence(analysis: Analysis, use: _Use, leads: Sequence[Lead]) -> Iterator[Evidence]:
    """Verbatim stretches of replies around a term, then terms that a tool listed; a few of each."""
    for reply in use.hits[:MAX_EVIDENCE]:
        excerpt = _excerpt(reply.text, mentioned(leads, reply, reply.model))
        if reply.tool is not None and excerpt:
            yield Evidence(excerpt=excerpt, tool=reply.tool)
    listed = [analysis.places[lead.term] for lead in leads if lead.term in analysis.places]
    for text, tool in listed[:MAX_EVIDENCE]:
        if _PLAIN.fullmatch(text):
            yield Evidence(excerpt=text.strip(), tool=tool)


def _excerpt(text: str, terms: Sequence[str]) -> str:
    """A stretch of a reply around the first of the terms it uses; empty when it uses none."""
    for term in terms:
        found = re.search(rf"\b{re.escape(term)}\b", text, re.IGNORECASE)
        if found is not None:
            start = text.rfind(" ", 0, max(0, found.start() - _AROUND)) + 1
            parts = _PLAIN.findall(text[start : found.end() + _AROUND])
            best = max(parts, key=lambda part: (term in part.lower(), len(part)), default="")
            return str(best).strip()
    return ""


def _summary(analysis: Analysis, p_differs: float, findings: Sequence[Finding]) -> str:
    parts = [
        "The two models seem to differ." if p_differs >= 0.5 else "No difference was established."
    ]
    for place, stage in enumerate(analysis.stages):
        if stage.n_prompts:
            parts.append(_stage_sentence("follow-ups" if place else "ordinary prompts", stage))
    parts.append(f"Signal of the method: {analysis.signal.verdict}.")
    if findings:
        parts.append(f"{findings[0].which}: {findings[0].behaviour}")
    return " ".join(parts)


def _stage_sentence(name: str, stage: Stage) -> str:
    tests = [f"permutation p = {stage.p_any:.3g} over all features"]
    if not math.isnan(stage.p_signal):
        tests.append(f"{stage.p_signal:.3g} for the terms the method showed")
    if not math.isnan(stage.p_replies):
        tests.append(f"{stage.p_replies:.3g} for the terms of earlier replies")
    return f"On {stage.n_prompts} {name}: {', '.join(tests)}."
