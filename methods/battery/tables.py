"""Tables of a battery artifact: what differs between the two models' replies."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from diffgauge.methods.battery.exchange import max_test
from diffgauge.methods.battery.log_odds import log_odds
from diffgauge.methods.battery.settings import BatterySettings
from diffgauge.records.counted import STYLES, styles, words
from diffgauge.records.subjects import SIDES, Side

__all__ = ["compared"]

Rows = list[dict[str, Any]]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class _Replies:
    """Replies of one model.

    Attributes:
        prompts: Of each reply.
        words: Occurrences of each word in each reply.
        styles: (reply, style) numbers.
    """

    prompts: list[str]
    words: list[Counter[str]]
    styles: Floats

    @classmethod
    def of(cls, samples: Rows, side: Side) -> "_Replies":
        mine = [row for row in samples if row["model"] == side]
        texts = [str(row["reply"]) for row in mine]
        return cls(
            [str(row["prompt"]) for row in mine],
            [Counter(words(text)) for text in texts],
            np.array([styles(text) for text in texts]).reshape(len(texts), len(STYLES)),
        )

    def holding(self) -> Counter[str]:
        """In how many replies each word stands."""
        return Counter(word for counts in self.words for word in counts)

    def means(self, prompts: Sequence[str], terms: Sequence[str]) -> Floats:
        """(prompt, term and style) means over the replies to each prompt; words are held or not."""
        place = {prompt: at for at, prompt in enumerate(prompts)}
        column = {term: at for at, term in enumerate(terms)}
        sums = np.zeros((len(prompts), len(terms) + len(STYLES)))
        counts = np.zeros((len(prompts), 1))
        for prompt, held, numbers in zip(self.prompts, self.words, self.styles, strict=True):
            at = place[prompt]
            counts[at] += 1
            sums[at, [column[word] for word in held if word in column]] += 1
            sums[at, len(terms) :] += numbers
        means: Floats = sums / counts
        return means


def compared(samples: Rows, settings: BatterySettings, seed: int) -> dict[str, Rows]:
    """Compares the two models' replies.

    Args:
        samples: As `paired_replies.sample` returns them.
        settings: Of the artifact.
        seed: The artifact's.

    Returns:
        Three tables. ``test``, one row: ``p_value`` that the models differ at all, ``n_shown``
        numbers with a corrected p-value of at most `alpha`, ``n_tested``, ``n_prompts``.
        ``terms``, by side and rank: ``term score own other own_replies other_replies corrected``,
        of which `score` is the log-odds and the counts are occurrences and replies of either
        model. ``styles``: ``name base finetuned stderr corrected``, means over replies and the
        standard error of their difference over prompts.
    """
    sides = [_Replies.of(samples, side) for side in SIDES]
    prompts = list(dict.fromkeys(sides[0].prompts))
    held = [one.holding() for one in sides]
    terms = sorted(
        word
        for word in {*held[0], *held[1]}
        if sum(one[word] for one in held) >= settings.least_replies
    )
    first, second = (one.means(prompts, terms) for one in sides)
    tested = max_test(second - first, settings.n_permutations, seed)
    said: list[Counter[str]] = [sum(one.words, Counter()) for one in sides]
    scores = log_odds(said[0], said[1], settings.prior_words)
    corrected = dict(zip(terms, tested.corrected.tolist(), strict=False))
    found: dict[str, Rows] = {
        "test": [
            {
                "p_value": tested.p_value,
                "n_shown": int((tested.corrected <= settings.alpha).sum()),
                "n_tested": len(tested.z),
                "n_prompts": len(prompts),
            }
        ],
        "terms": [],
        "styles": _style_rows(first, second, tested.corrected, len(terms)),
    }
    for at, side in enumerate(SIDES):
        sign = 1 if side == "finetuned" else -1
        leaning = sorted(
            (word for word in terms if sign * scores[word] > 0),
            key=lambda word, sign=sign: (-sign * scores[word], word),  # type: ignore[misc]
        )
        found["terms"] += [
            {
                "side": side,
                "rank": rank,
                "term": word,
                "score": sign * scores[word],
                "own": said[at][word],
                "other": said[1 - at][word],
                "own_replies": held[at][word],
                "other_replies": held[1 - at][word],
                "corrected": corrected[word],
            }
            for rank, word in enumerate(leaning[: settings.kept_terms])
        ]
    return found


def _style_rows(first: Floats, second: Floats, corrected: Floats, n_terms: int) -> Rows:
    differences = (second - first)[:, n_terms:]
    n_prompts = len(differences)
    errors = (
        differences.std(0, ddof=1) / np.sqrt(n_prompts)
        if n_prompts > 1
        else np.full(len(STYLES), np.nan)
    )
    return [
        {
            "name": name,
            "base": float(first[:, n_terms + at].mean()),
            "finetuned": float(second[:, n_terms + at].mean()),
            "stderr": float(errors[at]),
            "corrected": float(corrected[n_terms + at]),
        }
        for at, name in enumerate(STYLES)
    ]
