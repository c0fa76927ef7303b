import pytest
import torch
from transformers import PreTrainedTokenizerFast

from diffgauge.methods.adl.lens import readable_tokens, top_tokens
from diffgauge.methods.artifacts import Artifact
from diffgauge.models.pair import ModelPair
from tests.models.tiny_pairs import SPECIAL, make_tokenizer

pytestmark = pytest.mark.tiny


def test_only_what_reads_as_text_is_kept() -> None:
    tokenizer = make_tokenizer(extra=("Ġred", "ĊĊ"))
    names = readable_tokens(tokenizer, len(tokenizer) + 5)
    assert len(names) == len(tokenizer) + 5
    assert names[-5:] == [None] * 5  # rows of the unembedding beyond the vocabulary
    assert [names[index] for index in tokenizer.all_special_ids] == [None] * 3
    for token in SPECIAL:
        assert names[tokenizer.convert_tokens_to_ids(token)] is None
    assert names[tokenizer.convert_tokens_to_ids("Ġboat")] == "boat"
    assert names[tokenizer.convert_tokens_to_ids("A")] == "A"
    assert names[tokenizer.convert_tokens_to_ids("Ġ")] is None  # white space
    assert names[tokenizer.convert_tokens_to_ids("Ċ")] is None  # a newline
    assert names[tokenizer.convert_tokens_to_ids("ĳ")] is None  # a lone byte of a character


def test_a_smaller_unembedding_cuts_the_names() -> None:
    assert len(readable_tokens(make_tokenizer(), 10)) == 10


def test_byte_fallbacks_are_left_out() -> None:
    from tokenizers import Tokenizer, decoders, models

    vocabulary = {"<unk>": 0, "<0x41>": 1, "▁sea": 2, "A": 3}
    backend = Tokenizer(
        models.BPE(vocab=vocabulary, merges=[], unk_token="<unk>", byte_fallback=True)
    )
    backend.decoder = decoders.Sequence([decoders.ByteFallback(), decoders.Metaspace()])
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=backend, unk_token="<unk>")
    assert readable_tokens(tokenizer, 4) == [None, None, "sea", "A"]


def test_scores_are_deviations_among_readable_tokens() -> None:
    logits = torch.tensor([50.0, 1.0, 3.0, 2.0, 3.5])
    names = [None, "a", "b", "c", "b"]
    # Readable logits 1, 3, 2, 3.5: mean 2.375, deviation (n - 1) 1.1086779
    found = top_tokens(logits, names, 5)
    assert [token for token, _ in found] == ["b", "c", "a"]
    assert found[0][1] == pytest.approx((3.5 - 2.375) / 1.1086779)
    assert found[2][1] == pytest.approx((1.0 - 2.375) / 1.1086779)
    assert len(top_tokens(logits, names, 2)) == 2


def test_equal_logits_rank_nothing() -> None:
    assert top_tokens(torch.zeros(3), ["a", "b", "c"], 2) == []
    assert top_tokens(torch.tensor([1.0, 2.0]), [None, "b"], 2) == []


def test_the_table_decodes_each_direction_through_that_models_head(
    pair: ModelPair, artifact: Artifact
) -> None:
    difference = artifact.tensors["mean_difference"][0, 5]
    names = readable_tokens(pair.tokenizer, pair.d_vocab)
    expected = top_tokens(pair.lens("base", -difference).float(), names, 100)
    rows = [
        (row["token"], row["score"])
        for row in artifact.tables["lens"]
        if (row["position"], row["of"], row["side"]) == ("1-4", "difference", "base")
    ]
    assert [token for token, _ in rows] == [token for token, _ in expected]
    assert [score for _, score in rows] == pytest.approx([s for _, s in expected], rel=1e-4)


def test_noise_is_not_decoded_but_the_models_own_means_are(nothing: Artifact) -> None:
    assert {row["of"] for row in nothing.tables["lens"]} == {"own_mean"}
    assert {row["side"] for row in nothing.tables["lens"]} == {"base", "finetuned"}
