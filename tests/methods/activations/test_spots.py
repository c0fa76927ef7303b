"""The tokens of largest value: few of one text, and none that reads the same as another."""

from dataclasses import replace

import torch

from diffgauge.methods.activations.spots import Spots
from tests.methods.activations.blocks import TEXT_TOKENS, block_of


def values(**at: float) -> torch.Tensor:
    found = torch.zeros(2 * TEXT_TOKENS)
    for place, value in at.items():
        found[int(place.removeprefix("at_"))] = value
    return found


def test_few_of_one_text_are_kept_and_blocks_add_up() -> None:
    block = block_of(torch.zeros(20, 1), torch.zeros(20, 1))
    spots = Spots(3, per_text=2)
    spots.add(block, values(at_1=5, at_2=4, at_3=3, at_12=2, at_13=-9))
    assert [(one.text, one.position) for one in spots.kept] == [(0, 1), (0, 2), (1, 2)]
    later = replace(
        block,
        text_index=block.text_index + 2,
        texts={index + 2: [id_ + 100 for id_ in ids] for index, ids in block.texts.items()},
    )
    spots.add(later, values(at_4=4.5))
    assert [one.value for one in spots.kept] == [5, 4.5, 4]
    assert spots.kept[1].text == 2
    again = Spots(3, per_text=2)
    again.restore(spots.state())
    assert again.kept == spots.kept


def test_what_reads_the_same_is_kept_once() -> None:
    block = block_of(torch.zeros(20, 1), torch.zeros(20, 1))
    same = replace(block, texts={0: block.texts[0], 1: [*block.texts[0][:4], *range(50, 56)]})
    spots = Spots(5, per_text=5)
    # The first four tokens of both texts are the same ones, the fifth are not.
    spots.add(same, values(at_2=3, at_12=3, at_5=2, at_15=1))
    assert [(one.text, one.position) for one in spots.kept] == [(0, 2), (0, 5), (1, 5)]
