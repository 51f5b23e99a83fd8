"""The inverse autoregressive flow: Jacobian by autograd, density on a grid, KL by quadrature."""

import pytest
import torch
from torch import Tensor
from torch.autograd.functional import jacobian

from montecarlo import assert_mean
from vdsm.methods.vdsm import elbo
from vdsm.methods.vdsm.flow import FlowStep, InverseAutoregressiveFlow
from vdsm.methods.vdsm.state_space import Poses
from vdsm.notation import Gaussian

CONTEXT = 7


def random_flow(steps: int, dim: int, size: float = 0.5) -> InverseAutoregressiveFlow:
    """Random weights of that size, in double precision: far from the identity."""
    flow = InverseAutoregressiveFlow(steps, dim, CONTEXT).double()
    for parameter in flow.parameters():
        parameter.data = size * torch.randn(parameter.shape, dtype=torch.float64)
    return flow


def inverse(flow: InverseAutoregressiveFlow, z: Tensor, context: Tensor) -> Tensor:
    """Dimension by dimension: output i is affine in input i once those before it are known."""
    for step in reversed(flow.steps):
        before = torch.zeros_like(z)
        for i in range(z.shape[-1]):
            at_zero = step(before, context)[0][..., i]
            one = before.clone()
            one[..., i] = 1
            before[..., i] = (z[..., i] - at_zero) / (step(one, context)[0][..., i] - at_zero)
        z = before.flip(-1)
    return z


@pytest.mark.parametrize("steps", [1, 3])
@pytest.mark.parametrize("dim", [1, 2, 6])
def test_log_determinant(steps: int, dim: int) -> None:
    flow = random_flow(steps, dim)
    z, context = torch.randn(4, dim).double(), torch.randn(4, CONTEXT).double()
    _, log_det = flow(z, context)
    for n in range(4):
        matrix = jacobian(lambda v, n=n: flow(v, context[n])[0], z[n])
        torch.testing.assert_close(log_det[n], torch.linalg.slogdet(matrix).logabsdet)


def test_one_step_is_triangular_after_the_permutation() -> None:
    """And full below the diagonal: every dimension hears all that come before it."""
    flow = random_flow(1, 6)
    context = torch.randn(CONTEXT).double()
    matrix = jacobian(lambda v: flow(v, context)[0], torch.randn(6).double()).flip(1)
    assert torch.equal(matrix.triu(1), torch.zeros_like(matrix))
    assert (matrix.tril()[torch.ones(6, 6).tril().bool()] != 0).all()


def test_context_and_all_weights_matter() -> None:
    flow = random_flow(2, 3)
    z, context = torch.randn(5, 3).double(), torch.randn(5, CONTEXT).double().requires_grad_()
    out, log_det = flow(z, context)
    (out.sum() + log_det.sum()).backward()
    assert context.grad is not None
    assert (context.grad != 0).all()
    for name, parameter in flow.named_parameters():
        assert parameter.grad is not None, name
        assert (parameter.grad != 0).any(), name


def test_starts_near_the_identity() -> None:
    step = FlowStep(4, CONTEXT)
    z = torch.randn(100, 4)
    out, _ = step(z, torch.zeros(100, CONTEXT))
    assert torch.corrcoef(torch.stack([z.flatten(), out.flatten()]))[0, 1] > 0.9


@torch.no_grad()
def test_density_and_kl() -> None:
    """On a grid of z: q(z) integrates to one, and the KL by sample is unbiased."""
    flow, context = random_flow(2, 2, 0.15), torch.randn(CONTEXT).double()
    base = Gaussian(torch.tensor([0.3, -0.5]).double(), torch.tensor([0.8, 1.2]).double())
    p = Gaussian(torch.tensor([-0.2, 0.1]).double(), torch.tensor([1.5, 1.1]).double())
    axis = torch.linspace(-7, 7, 241).double()
    grid = torch.cartesian_prod(axis, axis)
    at_base = inverse(flow, grid, context.expand(len(grid), -1))
    back, log_det = flow(at_base, context.expand(len(grid), -1))
    torch.testing.assert_close(back, grid, rtol=0, atol=1e-6)
    log_q = base.log_prob(at_base) - log_det
    cell = (axis[1] - axis[0]) ** 2
    torch.testing.assert_close(log_q.exp().sum() * cell, torch.ones(()).double(), rtol=1e-5, atol=0)

    exact = (log_q.exp() * (log_q - p.log_prob(grid))).sum() * cell
    q = sampled(flow, base, context, 100_000)
    wide = Gaussian(p.loc.expand_as(q.z), p.scale.expand_as(q.z))
    assert_mean(elbo.kl_poses(q, wide)[:, 0], exact)


def sampled(flow: InverseAutoregressiveFlow, base: Gaussian, context: Tensor, clips: int) -> Poses:
    """One frame per clip."""
    wide = Gaussian(base.loc.expand(clips, 1, -1), base.scale.expand(clips, 1, -1))
    before = wide.sample(torch.Generator().manual_seed(5))
    after, log_det = flow(before, context.expand(clips, 1, -1))
    return Poses(wide, after, before, log_det)
