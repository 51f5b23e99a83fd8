"""The vectorised model is its slow twin: values and gradients, in double precision."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from reference import Noise, Twin
from vdsm.methods.vdsm import elbo
from vdsm.methods.vdsm.config import ModelConfig
from vdsm.methods.vdsm.model import VDSM
from vdsm.methods.vdsm.state_space import Posterior
from vdsm.notation import Codes
from vdsm.train.stage import weighted

CLIPS, FRAMES = 2, 3
WEIGHTS = {"log_likelihood": 1.0, "kl_z": 0.7, "kl_s": 1.9, "kl_d": 3.1}
VARIANTS: dict[str, dict[str, Any]] = {
    "paper": {},
    "routed, s_hat, flow": {"experts": 3, "decoder_input": "s_hat", "flow_steps": 2},
    "one decoder, gaussian": {"experts": 1, "likelihood": "gaussian", "gaussian_scale": 0.3},
    "64 pixels, colour": {"size": 64, "channels": 3, "encoder_slope": 0.2},
    "128 pixels, 1-d pose, flow": {"size": 128, "pose_dim": 1, "flow_steps": 1},
    "skips": {"decoder_skips": True},
}


@pytest.fixture(autouse=True)
def _double() -> Iterator[None]:
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


@pytest.fixture(params=VARIANTS)
def model(request: pytest.FixtureRequest, tiny: ModelConfig) -> VDSM:
    model = VDSM(replace(tiny, **VARIANTS[request.param]))
    for parameter in model.parameters():  # those that start at zero too
        parameter.data += 0.1 * torch.randn(parameter.shape)
    model.inverse_temperature.fill_(2.5)
    return model


@pytest.fixture
def x(model: VDSM) -> Tensor:
    c = model.config
    return torch.rand(CLIPS, FRAMES, c.channels, c.size, c.size)


def seeded() -> torch.Generator:
    return torch.Generator().manual_seed(3)


def noise_of(q: Posterior, clip: int) -> Noise:
    """What the model must have drawn, were its densities right."""
    d = q.codes.d if q.d is None else (q.codes.d - q.d.loc) / q.d.scale
    s = (q.codes.s - q.s.loc) / q.s.scale
    z = (q.poses.base - q.poses.q.loc) / q.poses.q.scale
    return Noise(s[clip].detach(), d[clip].detach(), z[clip].detach())


@pytest.mark.parametrize("stage", ["stage1", "stage2"])
def test_bounds_and_gradients(model: VDSM, x: Tensor, stage: str) -> None:
    infer = model.infer_frames if stage == "stage1" else model.infer
    posterior = infer(model.encoder(x), seeded())
    fast = getattr(elbo, stage)(model, x, seeded())
    twin = Twin(model)
    slow = [getattr(twin, stage)(x[n], noise_of(posterior, n)) for n in range(CLIPS)]
    for name, values in fast.items():
        torch.testing.assert_close(values, torch.stack([terms[name] for terms in slow]))

    weights = {name: WEIGHTS[name] for name in fast}
    loss = weighted(fast, weights)
    per_clip = [
        sum(w * terms[k] * (-1 if k == "log_likelihood" else 1) for k, w in weights.items())
        for terms in slow
    ]
    expected = torch.stack(per_clip).mean()
    torch.testing.assert_close(loss, expected)
    names, parameters = zip(*model.named_parameters(), strict=True)
    quick = torch.autograd.grad(loss, parameters, allow_unused=True)
    plain = torch.autograd.grad(expected, parameters, allow_unused=True)
    for name, a, b in zip(names, quick, plain, strict=True):
        a, b = (torch.zeros(()) if g is None else g for g in (a, b))
        torch.testing.assert_close(a, b.expand_as(a), rtol=1e-6, atol=1e-8, msg=name)


def test_generation(model: VDSM) -> None:
    """The mean continuation of z beyond the frames given, drawn frame by frame."""
    c, twin = model.config, Twin(model)
    codes = Codes(
        torch.randn(CLIPS, c.identity_dim),
        torch.randn(CLIPS, c.dynamics_dim),
        torch.randn(CLIPS, FRAMES, c.pose_dim),
    )
    frames = model.decode(codes, FRAMES + 2, by="transition")
    for n in range(CLIPS):
        z = list(codes.z[n])
        while len(z) < FRAMES + 2:
            z.append(twin.transition(z[-1], codes.d[n])[0])
        for t, z_t in enumerate(z):
            expected = torch.sigmoid(twin.decode(codes.s[n], z_t))
            torch.testing.assert_close(frames[n, t], expected.detach())


def test_company_does_not_matter(model: VDSM, x: Tensor) -> None:
    """A clip's codes and frames are its own, whatever else is in the batch."""
    together = model.encode(x)
    frames = model.decode(together)
    for n in range(CLIPS):
        alone = model.encode(x[n : n + 1])
        for name in ("s", "d", "z"):
            torch.testing.assert_close(getattr(alone, name)[0], getattr(together, name)[n])
        torch.testing.assert_close(model.decode(alone)[0], frames[n])
    order = torch.tensor([1, 0])
    torch.testing.assert_close(model.encode(x[order]).z, together.z[order])
