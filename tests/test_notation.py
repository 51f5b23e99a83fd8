"""The diagonal Gaussian against torch.distributions, sample moments and bfloat16."""

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from jaxtyping import TypeCheckError
from torch import distributions

from montecarlo import assert_mean
from vdsm.errors import InputError
from vdsm.notation import MIN_SCALE, Codes, Gaussian

SHAPE = (3, 2, 4)


def random_gaussian(seed: int, dtype: torch.dtype = torch.float64) -> Gaussian:
    generator = torch.Generator().manual_seed(seed)
    loc = 3 * torch.randn(SHAPE, generator=generator, dtype=dtype)
    scale = torch.randn(SHAPE, generator=generator, dtype=dtype).exp()
    return Gaussian(loc, scale)


def torchs(p: Gaussian) -> distributions.Distribution:
    return distributions.Independent(distributions.Normal(p.loc, p.scale), 1)


@given(st.integers(0, 2**32), st.integers(0, 2**32))
def test_kl_and_log_prob(first: int, second: int) -> None:
    q, p = random_gaussian(first), random_gaussian(second)
    torch.testing.assert_close(q.kl(p), distributions.kl_divergence(torchs(q), torchs(p)))
    torch.testing.assert_close(p.log_prob(q.loc), torchs(p).log_prob(q.loc))
    torch.testing.assert_close(q.kl(q), torch.zeros(SHAPE[:-1], dtype=q.loc.dtype))


def test_kl_of_nearly_equal_gaussians() -> None:
    """Single precision loses no more than rounding where the terms cancel."""
    q = Gaussian(torch.full((1, 3), 1e-3), torch.full((1, 3), 0.5))
    p = Gaussian(torch.zeros(1, 3), torch.full((1, 3), 0.5))
    torch.testing.assert_close(q.kl(p), torch.tensor([3 * 0.5 * 4e-6]), rtol=0, atol=1e-6)


def test_sample_moments() -> None:
    p = random_gaussian(1)
    many = Gaussian(p.loc.expand(20_000, *SHAPE), p.scale.expand(20_000, *SHAPE))
    z = (many.sample(torch.Generator().manual_seed(2)) - p.loc) / p.scale
    for power, moment in ((1, 0.0), (2, 1.0), (3, 0.0), (4, 3.0)):
        assert_mean(z**power, moment)
    neighbours = z.flatten(1)
    assert_mean(neighbours[:, 1:] * neighbours[:, :-1], 0.0)


def test_sample_is_reparameterized_and_seeded() -> None:
    p = random_gaussian(1)
    loc, scale = p.loc.requires_grad_(), p.scale.requires_grad_()
    x = Gaussian(loc, scale).sample(torch.Generator().manual_seed(4))
    again = p.sample(torch.Generator().manual_seed(4))
    assert torch.equal(x, again)
    assert not torch.equal(x, p.sample(torch.Generator().manual_seed(5)))
    by_loc, by_scale = torch.autograd.grad(x.sum(), (loc, scale))
    torch.testing.assert_close(by_loc, torch.ones(SHAPE, dtype=x.dtype))
    torch.testing.assert_close(by_scale, ((x - loc) / scale).detach())


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32, torch.float64])
def test_scales_from_layers(dtype: torch.dtype) -> None:
    raw = torch.tensor([[-200.0, -3.0, 0.0, 4.0, 200.0]], dtype=dtype)
    p = Gaussian.from_layers(torch.zeros_like(raw), raw)
    assert p.loc.dtype == p.scale.dtype == (torch.float32 if dtype != torch.float64 else dtype)
    exact = torch.log1p(torch.exp(raw.double())).clamp_max(200)
    exact[0, 0] = MIN_SCALE
    torch.testing.assert_close(p.scale.double(), exact, rtol=1e-6, atol=0)
    assert torch.isfinite(p.log_prob(torch.ones_like(p.loc))).all()


def test_shapes_are_checked_under_test() -> None:
    """Were the hook gone, wrong shapes would pass in silence."""
    with pytest.raises(TypeCheckError):
        Gaussian(torch.zeros(2, 3), torch.ones(2, 4))
    with pytest.raises(TypeCheckError):
        Codes(torch.zeros(2, 3), torch.zeros(2, 4), torch.zeros(3, 5, 6))


# -- codes of some clips ---------------------------------------------------------------------------

FIVE = Codes(torch.randn(5, 2), torch.randn(5, 3), torch.randn(5, 4, 6))
CHOICES = {
    "slice": (slice(1, 4), [1, 2, 3]),
    "backwards": (slice(None, None, -2), [4, 2, 0]),
    "no clip": (slice(2, 2), []),
    "number": (3, [3]),
    "from the end": (-1, [4]),
    "numpy's number": (np.int64(2), [2]),
    "list": ([4, 0, 0], [4, 0, 0]),
    "empty list": ([], []),
    "array": (np.array([1, -2]), [1, 3]),
    "mask": (torch.tensor([True, False, False, True, False]), [0, 3]),
    "list of truths": ([False] * 4 + [True], [4]),
    "tensor": (torch.tensor([2, 1]), [2, 1]),
    "number in a tensor": (torch.tensor(2), [2]),
}


@pytest.mark.parametrize("name", CHOICES)
def test_codes_of_some_clips(name: str) -> None:
    """Against a plain loop; the axis of clips stays."""
    choice, rows = CHOICES[name]
    found = FIVE[choice]
    assert len(found) == len(rows)
    for part, whole in ((found.s, FIVE.s), (found.d, FIVE.d), (found.z, FIVE.z)):
        assert part.shape[1:] == whole.shape[1:]
        assert [p.tolist() for p in part] == [whole[i].tolist() for i in rows]


@pytest.mark.parametrize("choice", [5, -6, [0, 5], np.array([-6]), torch.ones(4).bool()], ids=str)
def test_clips_that_there_are_not(choice: Any) -> None:
    with pytest.raises(IndexError, match="5 clips"):
        FIVE[choice]


@pytest.mark.parametrize(
    "choice", [(0, 1), "a", 1.5, None, ..., [[0]], True, torch.ones(5), {0: 1}], ids=str
)
def test_what_names_no_clips(choice: Any) -> None:
    with pytest.raises(InputError, match=r"codes are not indexed by .*: give a clip's number"):
        FIVE[choice]


def test_codes_are_gone_through_clip_by_clip_and_joined_again() -> None:
    again = Codes.cat(list(FIVE))
    assert all(torch.equal(getattr(again, name), getattr(FIVE, name)) for name in "sdz")
    shorter = Codes(FIVE.s, FIVE.d, FIVE.z[:, :2])
    with pytest.raises(InputError, match=r"\(5, 4, 6\) and \(5, 2, 6\): give some, of equal"):
        Codes.cat([FIVE, shorter])
    with pytest.raises(InputError, match="codes with z of nothing"):
        Codes.cat([])


def test_codes_elsewhere_and_of_another_type() -> None:
    moved = FIVE.to("meta", torch.float64)
    for name in "sdz":
        code = getattr(moved, name)
        assert (code.device.type, code.dtype) == ("meta", torch.float64)
        assert code.shape == getattr(FIVE, name).shape
