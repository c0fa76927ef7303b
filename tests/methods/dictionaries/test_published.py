"""Published dictionaries: three layouts, read as their own code would use them, or refused."""

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from diffgauge.methods.dictionaries.dictionary import Dictionary
from diffgauge.methods.dictionaries.published import fingerprint, published
from diffgauge.records.errors import DiffgaugeError

pytestmark = pytest.mark.unit

D_MODEL, LATENTS, TOKENS = 6, 10, 40


def drawn(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def dense(made: Dictionary, x: Tensor) -> Tensor:
    codes = made.encode(x)
    found = torch.zeros(len(x), made.n_latents)
    found[codes.rows, codes.latents] = codes.values
    return found


def sae_state() -> dict[str, Tensor]:
    decoder = drawn(D_MODEL, LATENTS, seed=1)
    return {
        "encoder.weight": drawn(LATENTS, D_MODEL),
        "encoder.bias": drawn(LATENTS, seed=2),
        "decoder.weight": decoder / decoder.norm(dim=0),
        "b_dec": drawn(D_MODEL, seed=3),
        "k": torch.tensor(3),
        "threshold": torch.tensor(0.7),
        "activation_mean": drawn(D_MODEL, seed=4),
        "activation_std": drawn(D_MODEL, seed=5).abs(),
        "activation_global_scale": torch.tensor(0.25),
        "target_rms": torch.tensor(1.0),
    }


def crosscoder_state() -> dict[str, Tensor]:
    return {
        "encoder.weight": drawn(2, D_MODEL, LATENTS),
        "encoder.bias": drawn(LATENTS, seed=2),
        "decoder.weight": drawn(2, LATENTS, D_MODEL, seed=1),
        "decoder.bias": drawn(2, D_MODEL, seed=3),
        "k": torch.tensor(3),
        "threshold": torch.tensor(4.0),
        "code_normalization_id": torch.tensor(1),
        "activation_mean": drawn(2, D_MODEL, seed=4),
        "activation_std": drawn(2, D_MODEL, seed=5).abs(),
        "activation_global_scale": torch.tensor([0.25, 0.5]),
        "target_rms": torch.tensor(1.0),
    }


def test_a_batch_topk_sae_reads_as_dictionary_learning_uses_it(tmp_path: Path) -> None:
    state = sae_state()
    torch.save(state, tmp_path / "ae.pt")
    x = 5 * drawn(TOKENS, 1, D_MODEL, seed=9)
    normed = (x[:, 0] - state["activation_mean"]) * 0.25
    acts = ((normed - state["b_dec"]) @ state["encoder.weight"].T + state["encoder.bias"]).relu()
    acts = acts * (acts > 0.7)
    decoded = (acts @ state["decoder.weight"].T + state["b_dec"]) / 0.25 + state["activation_mean"]
    made = published(tmp_path)
    torch.testing.assert_close(dense(made, x), acts, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(made.decode(made.encode(x))[:, 0], decoded, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("prefix", ["", "_orig_mod."])
def test_a_crosscoder_reads_as_dictionary_learning_uses_it(tmp_path: Path, prefix: str) -> None:
    state = crosscoder_state()
    torch.save({prefix + name: value for name, value in state.items()}, tmp_path / "model.pt")
    x = 5 * drawn(TOKENS, 2, D_MODEL, seed=9)
    scale = state["activation_global_scale"][:, None]
    normed = (x - state["activation_mean"]) * scale
    acts = torch.einsum("tsd,sdl->tl", normed, state["encoder.weight"]) + state["encoder.bias"]
    acts = acts.relu()
    acts = acts * (acts * state["decoder.weight"].norm(dim=-1).sum(0) > 4.0)
    decoded = torch.einsum("tl,sld->tsd", acts, state["decoder.weight"]) + state["decoder.bias"]
    decoded = decoded / scale + state["activation_mean"]
    made = published(tmp_path)
    assert (acts > 0).any() and (acts == 0).any()
    torch.testing.assert_close(dense(made, x), acts, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(made.decode(made.encode(x)), decoded, rtol=1e-4, atol=1e-4)


def test_a_topk_sae_reads_as_sparsify_uses_it(tmp_path: Path) -> None:
    state = {
        "encoder.weight": drawn(LATENTS, D_MODEL),
        "encoder.bias": drawn(LATENTS, seed=2),
        "W_dec": torch.nn.functional.normalize(drawn(LATENTS, D_MODEL, seed=1)),
        "b_dec": drawn(D_MODEL, seed=3),
    }
    save_file(state, tmp_path / "sae.safetensors")
    config = {"activation": "topk", "k": 3, "d_in": D_MODEL, "transcode": False}
    (tmp_path / "cfg.json").write_text(json.dumps(config))
    x = drawn(TOKENS, 1, D_MODEL, seed=9)
    acts = ((x[:, 0] - state["b_dec"]) @ state["encoder.weight"].T + state["encoder.bias"]).relu()
    best = acts.topk(3, dim=1)
    wanted = torch.zeros_like(acts).scatter(1, best.indices, best.values)
    torch.testing.assert_close(dense(published(tmp_path), x), wanted, rtol=1e-4, atol=1e-5)


def test_plain_safetensors_come_back_as_they_were(tmp_path: Path) -> None:
    fields = {
        "encoder": drawn(2, LATENTS, D_MODEL),
        "encoder_bias": drawn(LATENTS),
        "decoder": drawn(2, LATENTS, D_MODEL, seed=1),
        "decoder_bias": drawn(2, D_MODEL),
        "threshold": torch.zeros(LATENTS),
    }
    save_file(fields, tmp_path / "dictionary.safetensors")
    made = published(tmp_path)
    assert all(torch.equal(getattr(made, name), value) for name, value in fields.items())


def test_another_width_or_kind_is_refused_with_numbers(tmp_path: Path) -> None:
    torch.save(sae_state(), tmp_path / "ae.pt")
    made = published(tmp_path)
    with pytest.raises(DiffgaugeError, match=f"width {D_MODEL} and of 1 side.*128, 2 sides"):
        made.check_width(128, 2)


def wrong(**changes: object) -> dict[str, object]:
    return dict(sae_state()) | changes


@pytest.mark.parametrize(
    ("state", "said"),
    [
        (wrong(threshold=torch.tensor(-1.0)), "threshold was not learned"),
        (wrong(code_normalization_id=torch.tensor(4)), "sum of decoder norms"),
        (wrong(**{"encoder.bias": torch.full((LATENTS,), torch.nan)}), "not finite"),
        (wrong(**{"encoder.bias": torch.zeros(LATENTS + 1)}), "shape|size"),
        ({"weight": torch.zeros(3)}, "lacks encoder.weight"),
        ([1, 2], "holds a list"),
        (Path(), "more than tensors"),
    ],
)
def test_what_is_no_dictionary_is_refused(tmp_path: Path, state: object, said: str) -> None:
    torch.save(state, tmp_path / "ae.pt")
    with pytest.raises(DiffgaugeError, match=said):
        published(tmp_path)


def test_an_empty_folder_is_refused_and_other_bytes_have_another_fingerprint(
    tmp_path: Path,
) -> None:
    with pytest.raises(DiffgaugeError, match="holds no dictionary"):
        published(tmp_path)
    torch.save(sae_state(), tmp_path / "ae.pt")
    first = fingerprint(tmp_path)
    torch.save(sae_state() | {"threshold": torch.tensor(0.8)}, tmp_path / "ae.pt")
    assert fingerprint(tmp_path) != first
