import json
from pathlib import Path
from typing import get_args

import pytest

from diffgauge.organisms.corpora import corpus
from diffgauge.records.corpora import CorpusName
from diffgauge.records.errors import DiffgaugeError, UnknownNameError
from diffgauge.records.organisms import IdenticalPair, OrganismCard

pytestmark = pytest.mark.unit


def card(id: str) -> OrganismCard:
    return OrganismCard(
        id=id,
        family="identical",
        null="identical",
        pair=IdenticalPair(base="x/y"),
        truth_id=id,
        split="own",
        source="a test",
    )


def jsonl(path: Path, texts: list[str]) -> Path:
    path.write_text("".join(json.dumps({"text": text, "id": 1}) + "\n" for text in texts))
    return path


def test_a_file_is_streamed_afresh_and_in_order(tmp_path: Path) -> None:
    texts = ["first", "second\nline", "third"]
    found = corpus(card("mine/a"), "unrelated", 2, 0, jsonl(tmp_path / "a.jsonl", texts))
    assert list(found.stream()) == list(found.stream()) == texts[:2]
    assert found.n_texts == 2
    every = corpus(card("mine/a"), "unrelated", 50, 0, tmp_path / "a.jsonl")
    assert every.n_texts == 3 and list(every.stream()) == texts


def test_plain_text_holds_one_text_on_a_line(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("one\n\n  \ntwo\n")
    found = corpus(card("mine/a"), "domain", 9, 0, tmp_path / "a.txt")
    assert list(found.stream()) == ["one", "two"]


def test_the_fingerprint_follows_name_bytes_and_number(tmp_path: Path) -> None:
    texts = ["a", "b", "c"]
    path = jsonl(tmp_path / "a.jsonl", texts)
    base = corpus(card("mine/a"), "unrelated", 2, 0, path).fingerprint
    assert corpus(card("mine/b"), "unrelated", 2, 7, path).fingerprint == base
    assert corpus(card("mine/a"), "chat", 2, 0, path).fingerprint != base
    assert corpus(card("mine/a"), "unrelated", 3, 0, path).fingerprint != base
    jsonl(path, ["a", "B", "c"])
    assert corpus(card("mine/a"), "unrelated", 2, 0, path).fingerprint != base


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.jsonl", "", "holds no text"),
        ("a.txt", "\n \n", "holds no text"),
        ("a.jsonl", '{"text": "x"}\nnot json\n', "line 2: not JSON"),
        ("a.jsonl", '{"body": "x"}\n', "line 1, field 'text'"),
        ("a.csv", "text\nx\n", "another suffix"),
        ("a.txt", b"\xff\xfe\xff", "cannot be read"),
        ("a.jsonl", None, "cannot be read"),
    ],
)
def test_bad_files_say_what_is_wrong(
    tmp_path: Path, name: str, text: str | bytes | None, message: str
) -> None:
    path = tmp_path / name
    if text is not None:
        path.write_bytes(text.encode() if isinstance(text, str) else text)
    with pytest.raises(DiffgaugeError, match=message):
        corpus(card("mine/a"), "unrelated", 5, 0, path)


def test_bad_requests_say_what_is_allowed(tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match="unrelated"):
        corpus(card("mine/a"), "unrelatd", 5, 0)  # type: ignore[arg-type]
    with pytest.raises(DiffgaugeError, match="1 or more"):
        corpus(card("mine/a"), "unrelated", 0, 0)
    with pytest.raises(DiffgaugeError, match=r"\.jsonl or \.txt"):
        corpus(card("mine/a"), "unrelated", 5, 0)


@pytest.mark.parametrize("name", [name for name in get_args(CorpusName) if name != "domain"])
def test_the_zoos_own_text_is_seeded_and_the_same_for_all_its_organisms(name: CorpusName) -> None:
    first, again, other, longer = (
        corpus(card(id), name, n, seed)
        for id, n, seed in [
            ("zoo/a", 5, 0),
            ("zoo/b", 5, 0),
            ("zoo/a", 5, 1),
            ("zoo/a", 6, 0),
        ]
    )
    texts = list(first.stream())
    assert len(texts) == 5 and all(texts)
    assert texts == list(first.stream()) == list(again.stream())
    assert texts != list(other.stream())
    prints = {entry.fingerprint for entry in (first, again, other, longer)}
    assert first.fingerprint == again.fingerprint and len(prints) == 3


def test_an_identical_pair_has_no_domain_text() -> None:
    with pytest.raises(DiffgaugeError, match="unrelated, chat"):
        corpus(card("zoo/identical"), "domain", 5, 0)
