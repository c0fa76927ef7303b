"""Embedding and clustering: properties that say the same, whoever's replies they were seen in."""

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from diffgauge.evals.llm_diff.settings import DiffSettings
from diffgauge.records.properties import Clustered, Compared

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["clustered", "top_terms"]


def clustered(compared: Sequence[Compared], settings: DiffSettings) -> list[Clustered]:
    """Puts properties into clusters.

    Source: arXiv 2602.10371, stages embed and cluster: sentence embeddings, reduced, HDBSCAN
        (Campello, Moulavi & Sander 2013).
    Differs: embeddings are TF-IDF over words, reduced by a seeded singular value decomposition;
        properties of the same words are one point, however often they were seen, and are a
        cluster of their own where there are enough of them.

    Args:
        compared: Of the training prompts.
        settings: Sizes and the seed.

    Returns:
        One for each property, in order; clusters are numbered by size.
    """
    rows = [
        (one.prompt, one.number, held.model, held.text)
        for one in compared
        for held in one.properties
    ]
    texts = [text for *_, text in rows]
    label = _labels(texts, settings)
    sizes = Counter(label[text] for text in texts if label[text] is not None)
    order = {name: at for at, (name, _) in enumerate(sorted(sizes.items(), key=_by_size))}
    return [
        Clustered(
            prompt=prompt, number=number, model=model, text=text, cluster=order.get(label[text])
        )
        for prompt, number, model, text in rows
    ]


def _by_size(item: tuple[int | None, int]) -> tuple[int, int]:
    name, n = item
    return -n, -1 if name is None else name


def _labels(texts: Sequence[str], settings: DiffSettings) -> dict[str, int | None]:
    """Returns each text's cluster; None for noise, and for those of clusters that are too small."""
    counts = Counter(texts)
    often = [text for text, n in counts.items() if n >= settings.least_cluster]
    label: dict[str, int | None] = dict.fromkeys(counts)
    label |= {text: at for at, text in enumerate(often)}
    rest = [text for text in counts if counts[text] < settings.least_cluster]
    if len(rest) < settings.least_cluster:
        return label
    from sklearn.cluster import HDBSCAN

    points = _embedded(rest, settings)
    found = HDBSCAN(min_cluster_size=settings.least_cluster, copy=True).fit_predict(points)
    return label | {
        text: len(often) + int(at) for text, at in zip(rest, found, strict=True) if at >= 0
    }


def _embedded(texts: Sequence[str], settings: DiffSettings) -> "NDArray[np.float64]":
    """(text, component) TF-IDF of each text, reduced, of length 1; 0 for texts without a word."""
    from sklearn.decomposition import TruncatedSVD
    from sklearn.preprocessing import normalize

    weights, _ = _weights(texts)
    n_components = min(settings.n_dimensions, min(weights.shape) - 1)
    if n_components < 1:
        return normalize(weights.toarray())  # type: ignore[no-any-return]
    reduced = TruncatedSVD(n_components, random_state=settings.seed % 2**32).fit_transform(weights)
    return normalize(reduced)  # type: ignore[no-any-return]


def _weights(texts: Sequence[str]) -> tuple[Any, Any]:
    """(text, word) TF-IDF, sparse, and the words."""
    from sklearn.feature_extraction.text import TfidfVectorizer

    # The pattern keeps words of one letter: a text without any word would be refused.
    made = TfidfVectorizer(token_pattern=r"(?u)\S+", sublinear_tf=True)
    return made.fit_transform(texts), made.get_feature_names_out()


def top_terms(members: Sequence[str], others: Sequence[str], n: int) -> list[str]:
    """Returns the words that members' mean TF-IDF raises most over that of the others.

    Args:
        members: Properties of one cluster, at least one.
        others: All the others.
        n: Words at most.
    """
    weights, names = _weights([*members, *others])
    inside = weights[: len(members)].mean(axis=0).A1
    outside = weights[len(members) :].mean(axis=0).A1 if others else 0 * inside
    raised = inside - outside
    order = sorted(range(len(names)), key=lambda at: (-raised[at], names[at]))
    return [str(names[at]).strip(",.;") for at in order[:n] if raised[at] > 0]
