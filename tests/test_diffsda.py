"""DiffSDA: preconditioning, loss and sampler against numpy and a closed form."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from vdsm import InputError
from vdsm.methods.diffsda import recipe
from vdsm.methods.diffsda.model import DiffSDA
from vdsm.methods.diffsda.networks import UNet
from vdsm.methods.table import method_of
from vdsm.notation import Codes
from vdsm.protocol import Coded, Generates, missing

METHOD = method_of("diffsda")


def small(**changes: Any) -> DiffSDA:
    """The debug preset's model of 32 pixels, in double precision."""
    torch.manual_seed(0)
    config = replace(METHOD.preset("debug", "compact").model, size=32, **changes)
    model = DiffSDA(config).double().eval()
    nn.init.normal_(model.denoiser.net.last[-1].weight, std=0.1)  # type: ignore[arg-type]
    return model


def rand(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed)).double()


@pytest.mark.parametrize(("size", "blocks"), [(32, 1), (64, 2)])
def test_a_u_net_keeps_the_size_of_frames(size: int, blocks: int) -> None:
    net = UNet(3, 2, 4, blocks, embedding=5)
    assert net(torch.rand(2, 3, size, size), torch.rand(2, 5)).shape == (2, 2, size, size)
    assert UNet(1, 1, 4, blocks)(torch.rand(1, 1, size, size)).shape == (1, 1, size, size)


@torch.no_grad()
def test_preconditioning_is_that_of_edm() -> None:
    """Table 1 of Karras et al. (2022), with a σ_data of .5."""
    model, x, codes = small(), rand(3, 3, 32, 32), rand(3, 80)
    sigma = torch.tensor([0.01, 0.5, 30.0]).double()
    found = model.denoised(x, sigma, codes)
    for i, s in enumerate(sigma.tolist()):
        one = slice(i, i + 1)
        scaled = x[one] / np.sqrt(s**2 + 0.25)
        inner = model.denoiser(scaled, torch.tensor([np.log(s) / 4]), codes[one])
        wanted = 0.25 / (s**2 + 0.25) * x[one] + s * 0.5 / np.sqrt(0.25 + s**2) * inner
        assert torch.allclose(found[one], wanted)


def test_noise_levels_are_those_of_edm() -> None:
    found = small(steps=18).levels()
    i = np.arange(18)
    wanted = (80 ** (1 / 7) + i / 17 * (0.002 ** (1 / 7) - 80 ** (1 / 7))) ** 7
    assert np.allclose(found, [*wanted, 0])


@torch.no_grad()
def test_the_sampler_follows_the_flow_of_a_gaussian(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of N(m, v²) the denoiser is known, and so is where the flow ends: m + v (x - m) / √(v² + σ²).

    Heun's error falls with the square of the number of levels.
    """
    m, v = 0.3, 0.4

    def denoised(self: DiffSDA, x: Any, sigma: Any, codes: Any) -> Any:
        share = v**2 / (v**2 + sigma.square())[:, None, None, None]
        return m + share * (x - m)

    monkeypatch.setattr(DiffSDA, "denoised", denoised)
    noise = torch.randn(2, 3, 32, 32, generator=torch.Generator().manual_seed(0)).double()
    start = noise * 80
    exact = m + v * (start - m) / np.sqrt(v**2 + 80**2)
    errors = []
    for steps in (36, 72):
        made = small(steps=steps).sampled(torch.zeros(2, 80).double(), noise)
        errors.append((made - exact).abs().max().item())
    assert errors[0] < 0.03
    assert errors[1] < errors[0] / 3.5


@torch.no_grad()
def test_the_loss_is_that_of_numpy() -> None:
    model, x = small(), rand(2, 3, 3, 32, 32)
    found = recipe.bound(model, x, torch.Generator().manual_seed(3))["denoising"]
    assert found.shape == (2,)
    drawn = torch.Generator().manual_seed(3)
    sigma = torch.exp(-1.2 + 1.2 * torch.randn(2, 3, generator=drawn, dtype=torch.float64))
    noise = torch.randn(2, 3, 3, 32, 32, generator=drawn, dtype=torch.float64)
    clean = 2 * x - 1
    s, z = model.encoder(clean)
    for b in range(2):
        costs = []
        for t in range(3):
            level = sigma[b, t : t + 1]
            noisy = (clean[b, t] + level * noise[b, t])[None]
            told = torch.cat([s[b], z[b, t]])[None]
            error = (model.denoised(noisy, level, told)[0] - clean[b, t]).numpy()
            weight = (level.item() ** 2 + 0.25) / (0.5 * level.item()) ** 2
            costs.append(weight * (error**2).mean())
        assert found[b].item() == pytest.approx(np.mean(costs))


def test_codes_of_a_frame_are_told_to_that_frame_alone() -> None:
    model = small()
    s, z = rand(1, 64), rand(1, 4, 16)
    other = z.clone()
    other[:, 2] = 0
    one, two = (model.decode(Codes(s, s[:, :0], code)) for code in (z, other))
    assert [torch.equal(one[:, t], two[:, t]) for t in range(4)] == [True, True, False, True]
    assert not torch.equal(one[:, 0], model.decode(Codes(1 - s, s[:, :0], z))[:, 0])
    still = model.decode(Codes(s, s[:, :0], z[:, :1].expand(-1, 4, -1)))
    assert torch.allclose(still, still[:, :1].expand_as(still))  # from one and the same noise


def test_what_it_can_do_and_what_not() -> None:
    model, x = small(), rand(2, 4, 3, 32, 32)
    assert isinstance(model, Coded)
    assert missing(model, Generates) == "DiffSDA has no generator: new clips cannot be asked"
    codes, sampled = model.encode_and_sample(x)
    assert torch.equal(codes.s, sampled.s)
    swapped = model.swap(x, x.flip(0), 3)
    own = model.decode(Codes(codes.s, codes.d, codes.z.flip(0)), 3)
    assert torch.equal(swapped, own)
    assert 0 <= swapped.min() <= swapped.max() <= 1
    with pytest.raises(InputError, match=r"DiffSDA has codes of 4 frames, and no prior to go on"):
        model.decode(codes, 5)


def test_one_channel_and_presets() -> None:
    x = rand(1, 3, 1, 32, 32)
    assert small(channels=1).swap(x, x).shape == (1, 3, 1, 32, 32)
    paper = METHOD.preset("pendulum", "paper").model
    assert (paper.width, paper.identity_dim, paper.pose_dim, paper.steps) == (64, 256, 64, 36)
