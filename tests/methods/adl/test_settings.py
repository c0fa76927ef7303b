import pytest
from pydantic import ValidationError

from diffgauge.methods.adl.settings import ADLSettings, slots
from diffgauge.records.errors import DiffgaugeError

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("depths", "layers", "n_layers", "expected"),
    [
        ((0.5,), (), 4, (2,)),  # round(1.5) is 2
        ((0.5,), (), 28, (14,)),  # round(13.5) is 14
        ((0.0, 1.0), (), 12, (0, 11)),
        ((), (3, 1), 4, (1, 3)),
        ((0.5,), (2,), 4, (2,)),
    ],
)
def test_a_depth_becomes_a_block_index(
    depths: tuple[float, ...], layers: tuple[int, ...], n_layers: int, expected: tuple[int, ...]
) -> None:
    settled = ADLSettings(depths=depths, layers=layers).settled(n_layers)
    assert settled.layers == expected
    assert settled.depths == ()
    assert settled.settled(n_layers) == settled


def test_layers_that_are_not_there_are_refused_with_those_that_are() -> None:
    with pytest.raises(DiffgaugeError, match=r"Layer 4 .* layers 0 to 3"):
        ADLSettings(layers=(4,)).settled(4)
    with pytest.raises(DiffgaugeError, match="at no layer"):
        ADLSettings(depths=()).settled(4)
    with pytest.raises(ValidationError):
        ADLSettings(depths=(1.5,))


def test_texts_are_not_read_shorter_than_what_is_kept_of_them() -> None:
    with pytest.raises(DiffgaugeError, match="n_tokens of 12 or more"):
        ADLSettings(n_tokens=8, n_positions=12).settled(4)


def test_position_zero_stands_alone() -> None:
    labels = [slot.label for slot in slots(ADLSettings())]
    assert labels == ["0", "1", "2", "3", "4", "1-4"]
    assert [slot.label for slot in slots(ADLSettings(n_positions=2))] == ["0", "1"]
