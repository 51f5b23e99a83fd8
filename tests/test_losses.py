"""The losses that methods share, against plain loops over clips, frames and dimensions."""

import math

import pytest
import torch
from torch import Tensor

from vdsm.methods.parts.losses import contrast, info_nce, information
from vdsm.notation import Gaussian


def normal(*shape: int) -> Tensor:
    return torch.randn(*shape, dtype=torch.float64)


def gaussian(*shape: int) -> Gaussian:
    return Gaussian(normal(*shape), normal(*shape).exp())


def phi(a: Tensor, b: Tensor, temperature: float) -> float:
    cosine = float(a @ b) / math.sqrt(float(a @ a) * float(b @ b))
    return math.exp(cosine / temperature)


def density(q: Gaussian, at: tuple[int, ...], value: Tensor) -> float:
    """q(value) of one row."""
    p = 1.0
    for m, s, x in zip(q.loc[at].tolist(), q.scale[at].tolist(), value.tolist(), strict=True):
        p *= math.exp(-((x - m) ** 2) / (2 * s * s)) / (s * math.sqrt(2 * math.pi))
    return p


def test_info_nce_is_that_of_plain_loops() -> None:
    one, other, tau = normal(4, 3), normal(4, 3), 0.5
    found = info_nce(one, other, tau)
    both = [*one, *other]
    for i in range(4):
        cost = 0.0
        for at, partner in ((i, i + 4), (i + 4, i)):
            total = sum(phi(both[at], both[k], tau) for k in range(8) if k != at)
            cost -= math.log(phi(both[at], both[partner], tau) / total) / 2
        assert found[i].item() == pytest.approx(cost)


def test_info_nce_of_codes_all_alike_says_nothing() -> None:
    """2B - 1 equal choices; a batch of one has a single one."""
    same = torch.ones(5, 3)
    torch.testing.assert_close(info_nce(same, same, 0.1), torch.full((5,), math.log(9)))
    torch.testing.assert_close(info_nce(same[:1], same[:1], 0.1), torch.zeros(1))


def test_contrast_with_negatives_of_ones_own() -> None:
    anchor, positive, negatives, tau = normal(4, 3), normal(4, 3), normal(4, 5, 3), 0.7
    found = contrast(anchor, positive, negatives, tau)
    for i in range(4):
        near = phi(anchor[i], positive[i], tau)
        far = sum(phi(anchor[i], n, tau) for n in negatives[i])
        assert found[i].item() == pytest.approx(-math.log(near / (near + far)))


def test_information_is_that_of_plain_loops() -> None:
    clips, frames = 3, 4
    q_s, q_z, s, z = (
        gaussian(clips, 2),
        gaussian(clips, frames, 3),
        normal(clips, 2),
        normal(clips, frames, 3),
    )
    found = information(q_s, s, q_z, z)
    for i in range(clips):
        total = 0.0
        for t in range(frames):
            of_s = [density(q_s, (j,), s[i]) for j in range(clips)]
            of_z = [density(q_z, (j, t), z[i, t]) for j in range(clips)]
            joint = sum(a * b for a, b in zip(of_s, of_z, strict=True)) / clips
            total += math.log(joint / (sum(of_s) / clips * sum(of_z) / clips))
        assert found[i].item() == pytest.approx(total / frames)


def test_information_is_nothing_at_least_and_which_clip_at_most() -> None:
    """Codes that say nothing; codes of which each says which clip it is of."""
    clips, frames = 6, 2
    blind = Gaussian(torch.zeros(clips, 3), torch.ones(clips, 3))
    blind_z = Gaussian(torch.zeros(clips, frames, 3), torch.ones(clips, frames, 3))
    torch.testing.assert_close(
        information(blind, blind.sample(), blind_z, blind_z.sample()),
        torch.zeros(clips),
        atol=1e-5,
        rtol=0,
    )
    apart = 1000.0 * torch.arange(clips)[:, None].expand(-1, 3)
    q_s = Gaussian(apart, torch.ones_like(apart))
    q_z = Gaussian(apart[:, None].expand(-1, frames, -1), torch.ones(clips, frames, 3))
    found = information(q_s, q_s.loc, q_z, q_z.loc)
    torch.testing.assert_close(found, torch.full((clips,), math.log(clips)))
