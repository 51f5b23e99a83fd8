"""SKD and SSM-SKD: losses by plain loops, codes that depend on no other clip, what is fitted."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from small import pendula
from vdsm import InputError
from vdsm.data import open_clips
from vdsm.device import as_video
from vdsm.methods.parts.fitted import FittedPrior
from vdsm.methods.parts.koopman import spectral_cost
from vdsm.methods.skd import model as skd
from vdsm.methods.skd.recipe import bound as skd_bound
from vdsm.methods.ssmskd import model as ssmskd
from vdsm.methods.ssmskd.recipe import bound as ssmskd_bound
from vdsm.methods.table import method_of
from vdsm.store.open import open_model
from vdsm.store.run import Run
from vdsm.train.loop import train

BOTH = pytest.mark.parametrize("name", ["skd", "ssmskd"])


def small(name: str, static: int = 2) -> Any:
    sizes = {"size": 32, "channels": 1, "latent": 6, "width": 2, "features": 5}
    module: Any = {"skd": skd, "ssmskd": ssmskd}[name]
    return module.MODEL(module.ModelConfig(**sizes, static=static, hidden=4)).eval()


def mean_square(a: Tensor, b: Tensor) -> float:
    return float(np.mean((a.detach().numpy() - b.detach().numpy()) ** 2))


@BOTH
def test_the_loss_is_that_of_plain_loops(name: str) -> None:
    model, x, z = small(name), torch.rand(3, 9, 1, 32, 32), torch.randn(3, 9, 6)
    model.latents = lambda x: z  # of a model before training they hardly differ
    bound: Any = skd_bound if name == "skd" else ssmskd_bound
    terms = bound(model, x, torch.Generator())
    with torch.no_grad():
        drawn = model.drawn(z)
    latent = z.double().numpy()
    if name == "skd":  # one operator of the batch
        pairs = latent[:, :-1].reshape(-1, 6), latent[:, 1:].reshape(-1, 6)
        operators = [np.linalg.lstsq(*pairs, rcond=None)[0]] * 3
    else:
        operators = [np.linalg.lstsq(c[:-1], c[1:], rcond=None)[0] for c in latent]
    radius = {"skd": 0.5, "ssmskd": 0.75}[name]
    for i, operator in enumerate(operators):
        told = latent[i, :-1] @ operator
        with torch.no_grad():
            first = torch.tensor(np.concatenate([latent[i, :1], told])).float()[None]
            predicted = model.drawn(first)
        assert terms["reconstruction"][i].item() == pytest.approx(mean_square(drawn[i], x[i]))
        expected = mean_square(predicted[0, 1:], x[i, 1:])
        assert terms["prediction"][i].item() == pytest.approx(expected, rel=1e-3)
        found = terms["latent"][i].item()
        assert found == pytest.approx(np.mean((told - latent[i, 1:]) ** 2), rel=1e-4)
        values = torch.from_numpy(np.linalg.eigvals(operator))
        expected = spectral_cost(values, 2, radius).item()
        assert terms["spectrum"][i].item() == pytest.approx(expected, rel=1e-4)


@BOTH
@torch.no_grad()
def test_codes_depend_on_no_other_clip(name: str) -> None:
    model, x = small(name), torch.rand(5, 9, 1, 32, 32)
    model.fix(model.latents(torch.rand(8, 9, 1, 32, 32)))
    together, alone = model.encode(x), model.encode(x[3:4])
    torch.testing.assert_close(together.s[3:4], alone.s, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(together.z[3:4], alone.z, atol=1e-4, rtol=1e-4)
    one = model.encode(x[:, :1])  # a single frame has codes as well
    assert one.z.shape[1] == 1
    assert model.decode(one, 4).shape == (5, 4, 1, 32, 32)


@torch.no_grad()
def test_skd_splits_what_stays_from_what_moves() -> None:
    """Latents made by an operator: static coordinates do not change, and join gives all back."""
    model = small("skd")
    basis = torch.linalg.qr(torch.randn(6, 6))[0]
    rates = torch.tensor([1.0, 1.0, 0.5, -0.4, 0.3, 0.2])
    powers = rates ** torch.arange(7)[:, None]  # [T, K]
    start = torch.randn(20, 1, 6)
    latents = (start * powers) @ basis.T
    model.fix(latents)
    codes = model.codes(latents)
    torch.testing.assert_close(model.join(codes.s, codes.z), latents, atol=1e-4, rtol=1e-4)
    static = start[:, 0] * (rates == 1)
    torch.testing.assert_close(
        model.join(codes.s, codes.z * 0)[:, 3], static @ basis.T, atol=1e-3, rtol=1e-3
    )


@torch.no_grad()
def test_ssm_skd_finds_the_direction_that_stays_of_each_clip() -> None:
    """Of three clips that follow operators of their own."""
    model, rates = small("ssmskd", 1), torch.tensor([1.0, 0.2, 0.5, -0.7, 0.3, -0.2]).double()
    latents, still = [], []
    for _ in range(3):
        basis = torch.linalg.qr(torch.randn(6, 6).double())[0]
        start = torch.randn(6).double()
        latents.append((start * rates ** torch.arange(12)[:, None]) @ basis.T)
        still.append(start[0] * basis[:, 0])
    z = torch.stack(latents)
    codes = model.codes(z)
    torch.testing.assert_close(codes.s, torch.stack(still), atol=1e-3, rtol=1e-3)
    torch.testing.assert_close(model.join(codes.s, codes.z), z, atol=1e-3, rtol=1e-3)


@torch.no_grad()
def test_the_fitted_prior_finds_the_process_that_made_the_codes() -> None:
    """z_t+1 = z_t A + b + noise: 20,000 clips; every entry within .05 (6 standard errors)."""
    rng = torch.Generator().manual_seed(0)
    step, shift = torch.tensor([[0.8, 0.3], [-0.2, 0.5]]), torch.tensor([0.5, -1.0])
    z = [torch.randn(20_000, 2, generator=rng) + 3]
    for _ in range(3):
        z.append(z[-1] @ step + shift + 0.5 * torch.randn(20_000, 2, generator=rng))
    s = torch.randn(20_000, 3, generator=rng) * torch.tensor([1.0, 2.0, 3.0])
    prior = FittedPrior(3, 2)
    prior.fit(s, torch.stack(z, 1))
    for found, true in (
        (prior.step, step),
        (prior.shift, shift),
        (prior.mean_first, torch.full((2,), 3.0)),
        (prior.factor_step, 0.5 * torch.eye(2)),
        (prior.factor_s.diagonal(), torch.tensor([1.0, 2.0, 3.0])),
    ):
        torch.testing.assert_close(found, true, atol=0.05, rtol=0.02)
    longer = prior.extend(torch.zeros(1, 1, 2), 3, None, mean=True)
    torch.testing.assert_close(longer[0, 1], prior.shift)
    torch.testing.assert_close(longer[0, 2], prior.shift @ prior.step + prior.shift)
    drawn = prior.sample_s(20_000, rng)
    torch.testing.assert_close(drawn.std(0), torch.tensor([1.0, 2.0, 3.0]), atol=0.05, rtol=0.02)


@BOTH
def test_what_was_fixed_is_stored(name: str, tmp_path: Path) -> None:
    """The opened model has the operator of the training clips, and draws by its priors."""
    data = pendula(tmp_path / "data")
    config: Any = method_of(name).preset("debug", "compact")
    config = replace(config, model=replace(config.model, size=32), precision="fp32")
    run = Run.create(tmp_path / "run", config, data, "debug", method=name)
    clips = open_clips(data)
    trained: Any = train(run, clips)
    again: Any = open_model(run.path)
    assert again.model.prior.factor_s.any()
    x = as_video(clips.batch(np.arange(2), np.zeros(2, int), 8))
    assert torch.equal(trained.encode(x).z, again.encode(x).z)
    if name == "skd":
        assert not torch.equal(again.model.into, torch.eye(len(again.model.into)))


@BOTH
def test_as_many_static_as_there_are_is_one_line(name: str, tmp_path: Path) -> None:
    config: Any = method_of(name).preset("debug", "compact")
    config = replace(config, model=replace(config.model, size=32, latent=6, static=6))
    with pytest.raises(InputError, match=r"6 static dimensions of 6: lower --model.static"):
        Run.create(tmp_path / "run", config, pendula(tmp_path / "data"), "debug", method=name)
    assert not (tmp_path / "run").exists()
