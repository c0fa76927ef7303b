"""Embedding and clustering: properties that say the same, whoever's replies they were seen in."""

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from diffgauge.records.properties import Clustered, Compared

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["clustered", "term_name", "top_terms"]

_TERMS: Final = 8


def clustered(
    compared: Sequence[Compared], *, least: int, n_dimensions: int, seed: int
) -> list[Clustered]:
    """Puts properties into clusters.

    Source: arXiv 2602.10371, stages embed and cluster: sentence embeddings, reduced, HDBSCAN
        (Campello, Moulavi & Sander 2013).
    Differs: embeddings are TF-IDF over words, reduced by a seeded singular value decomposition;
        properties of the same words are one point, however often they were seen, and are a
        cluster of their own where there are enough of them.

    Args:
        compared: Of the training prompts.
        least: Properties of the smallest cluster.
        n_dimensions: Components that embeddings are reduced to.
        seed: Seeds the reduction.

    Returns:
        One for each property, in order; clusters are numbered by size.
    """
    rows = [
        (one.prompt, one.number, held.model, held.text)
        for one in compared
        for held in one.properties
    ]
    texts = [text for *_, text in rows]
    label = _labels(texts, least, n_dimensions, seed)
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


def _labels(
    texts: Sequence[str], least: int, n_dimensions: int, seed: int
) -> dict[str, int | None]:
    """Returns each text's cluster; None for noise, and for those of clusters that are too small."""
    counts = Counter(texts)
    often = [text for text, n in counts.items() if n >= least]
    label: dict[str, int | None] = dict.fromkeys(counts)
    label |= {text: at for at, text in enumerate(often)}
    rest = [text for text in counts if counts[text] < least]
    if len(rest) < least:
        return label
    from sklearn.cluster import HDBSCAN

    points = _embedded(rest, n_dimensions, seed)
    found = HDBSCAN(min_cluster_size=least, copy=True).fit_predict(points)
    return label | {
        text: len(often) + int(at) for text, at in zip(rest, found, strict=True) if at >= 0
    }


def _embedded(texts: Sequence[str], n_dimensions: int, seed: int) -> "NDArray[np.float64]":
    """(text, component) TF-IDF of each text, reduced, of length 1; 0 for texts without a word."""
    from sklearn.decomposition import TruncatedSVD
    from sklearn.preprocessing import normalize

    weights, _ = _weights(texts)
    n_components = min(n_dimensions, min(weights.shape) - 1)
    if n_components < 1:
        return normalize(weights.toarray())  # type: ignore[no-any-return]
    reduced = TruncatedSVD(n_components, random_state=seed % 2**32).fit_transform(weights)
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


def term_name(members: Sequence[Clustered], rows: Sequence[Clustered]) -> str:
    """Returns a cluster's name: the property that all members share, or its top terms.

    Args:
        members: Of the cluster, at least one.
        rows: Of all clusters and of none.
    """
    texts = [row.text for row in members]
    if len(set(texts)) == 1:
        return texts[0]
    mine = {row.text for row in members}
    others = [row.text for row in rows if row.text not in mine]
    terms = top_terms(texts, others, _TERMS)
    return ", ".join(terms) or texts[0]
