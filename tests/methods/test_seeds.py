import pytest

from diffgauge.methods.seeds import derived_seed

pytestmark = pytest.mark.unit


def test_a_seed_depends_on_every_part_and_on_their_order() -> None:
    seeds = [
        derived_seed(1, "a", 2),
        derived_seed(2, "a", 2),
        derived_seed(1, "b", 2),
        derived_seed(1, "a", 3),
        derived_seed(2, "a", 1),
        derived_seed("1", "a", 2),
        derived_seed(1, "a2"),
    ]
    assert len(set(seeds)) == len(seeds)
    assert derived_seed(1, "a", 2) == seeds[0]
    assert all(0 <= seed < 2**62 for seed in seeds)
