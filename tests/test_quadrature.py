"""log p(x) by numerical integration on a toy: the bound never exceeds it, and comes close.

Two dimensions of s, one of d, one of z_t, three binary frames. The integral factorizes over time,
so that it is a sum over grids. In double precision.
"""

from collections.abc import Iterator

import pytest
import torch
from torch import Tensor

from montecarlo import SIGMAS, standard_error
from vdsm.methods.vdsm import elbo
from vdsm.methods.vdsm.config import ModelConfig
from vdsm.methods.vdsm.model import VDSM
from vdsm.notation import Codes, Gaussian

FRAMES, DRAWS, STEPS = 3, 500, 60
CONTRAST = 0.04  # of the decoder: keeps the likelihood smooth on the grid
ERROR = 0.06  # of the integral, in nats
GAP = 1.0  # what a fitted q leaves, in nats, of log p(x) = -2100
INFERENCE = ("identity", "frame_pose", "dynamics", "dynamics_decoder", "combiner", "flow")


@pytest.fixture(autouse=True)
def _double() -> Iterator[None]:
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def toy(flow_steps: int) -> VDSM:
    model = VDSM(
        ModelConfig(
            size=32,
            channels=1,
            pose_dim=1,
            identity_dim=2,
            dynamics_dim=1,
            encoder_width=0.0625,
            decoder_width=1 / 128,
            identity_hidden=4,
            lstm_layers=1,
            lstm_width=4,
            combiner_hidden=4,
            transition_hidden=4,
            flow_steps=flow_steps,
        )
    )
    model.decoder.weights[-1].data *= CONTRAST
    return model.requires_grad_(False)


def drawn(model: VDSM) -> Tensor:
    """A clip of binary frames from the priors, [T, C, H, W]."""
    codes = Codes(
        model.identity_prior(1).sample(),
        model.dynamics_prior(1).sample(),
        torch.randn(1, FRAMES, 1),
    )
    return torch.bernoulli(model.likelihood(codes).mean)[0]


# -- integration ----------------------------------------------------------------------------------


def nodes(scale: float, count: int) -> tuple[Tensor, Tensor]:
    """Points and log-weights under N(0, scale²)."""
    points = torch.linspace(-5, 5, count)
    return scale * points, torch.log_softmax(-0.5 * points**2, 0)


def log_p(model: VDSM, x: Tensor, stage: str, count: int) -> float:
    """log p(x) of one clip [T, C, H, W]."""
    axis, axis_weight = nodes(1 / model.config.num_experts, count)
    s = torch.cartesian_prod(axis, axis)  # [S, 2]
    s_weight = torch.cartesian_prod(axis_weight, axis_weight).sum(1)
    z, z_weight = nodes(1.0, 2 * count + 1)
    logits = model.decoder(
        s, z[None, :, None].expand(len(s), -1, -1), model.inverse_temperature
    ).flatten(2)
    absent = torch.nn.functional.softplus(logits).sum(2)
    seen = [logits @ frame.flatten() - absent for frame in x]  # log p(x_t | s, z), T x [S, Z]
    if stage == "stage1":
        given_s = sum(torch.logsumexp(z_weight + log_l, 1) for log_l in seen)
        return float(torch.logsumexp(s_weight + given_s, 0))

    d, d_weight = nodes(1 / model.config.dynamics_dim, count)
    totals = []
    for value in d:  # forward algorithm over the grid of z
        alpha = z_weight + seen[0]
        step = log_transition(model, z, value)
        for log_l in seen[1:]:
            alpha = torch.logsumexp(alpha[:, :, None] + step, 1) + log_l
        totals.append(torch.logsumexp(alpha, 1))
    given_s = torch.logsumexp(torch.stack(totals) + d_weight[:, None], 0)
    return float(torch.logsumexp(s_weight + given_s, 0))


def log_transition(model: VDSM, z: Tensor, d: Tensor) -> Tensor:
    """log p(z_t = z[j] | z_{t-1} = z[i], d) dz, [Z, Z]."""
    p = model.transition(z[:, None], d.expand(len(z), 1))
    spacing = z[1] - z[0]
    return torch.distributions.Normal(p.loc, p.scale).log_prob(z) + spacing.log()


# -- the bound ------------------------------------------------------------------------------------


def bound(model: VDSM, x: Tensor, stage: str, draws: int) -> Tensor:
    """The bound with so many independent draws, [draws]."""
    terms = getattr(elbo, stage)(model, x.expand(draws, *x.shape))
    return terms["log_likelihood"] - sum(v for k, v in terms.items() if k != "log_likelihood")


def fit(model: VDSM, x: Tensor, stage: str) -> None:
    """Make q good for this clip and leave p as it is: the bound comes close."""
    learned = [p for n, p in model.named_parameters() if n.split(".")[0] in INFERENCE]
    optimizer = torch.optim.Adam([p.requires_grad_() for p in learned], lr=0.04)
    for _ in range(STEPS):
        optimizer.zero_grad()
        (-bound(model, x, stage, 8)).mean().backward()
        optimizer.step()
    model.requires_grad_(False)


def log_weights(model: VDSM, x: Tensor, stage: str) -> Tensor:
    """log p(x, s, d, z) - log q(s, d, z | x) at draws from q."""
    features = model.encoder(x[None]).expand(DRAWS, -1, -1)
    q = (model.infer_frames if stage == "stage1" else model.infer)(features)
    p = model.prior(q.codes)
    z = q.poses
    p_z = p.z if stage == "stage2" else Gaussian(0 * z.z, torch.ones_like(z.z))
    log_q_z = z.q.log_prob(z.base) - (0 if z.log_det is None else z.log_det)
    ratio = q.s.log_prob(q.codes.s) - p.s.log_prob(q.codes.s)
    ratio = ratio + (log_q_z - p_z.log_prob(q.codes.z)).sum(1)
    if q.d is not None:
        ratio = ratio + q.d.log_prob(q.codes.d) - p.d.log_prob(q.codes.d)
    return model.likelihood(q.codes).log_prob(x.expand(DRAWS, *x.shape)).sum(1) - ratio


@pytest.mark.parametrize(("stage", "flow_steps"), [("stage1", 0), ("stage2", 0), ("stage2", 2)])
def test_bound_is_below_log_p_and_near(stage: str, flow_steps: int) -> None:
    model = toy(flow_steps)
    x = drawn(model)
    exact = log_p(model, x, stage, 17)
    assert log_p(model, x, stage, 13) == pytest.approx(exact, abs=ERROR)

    for prepare in (lambda *_: None, fit):  # q as it starts, then a good one
        prepare(model, x, stage)
        draws = bound(model, x, stage, DRAWS)
        gap, error = exact - draws.mean(), standard_error(draws)
        assert gap > -SIGMAS * error - ERROR
    assert gap < GAP

    # From both sides: importance weights average to p(x).
    weights = torch.exp(log_weights(model, x, stage) - exact)
    off = abs(weights.mean() - 1)
    assert off < SIGMAS * standard_error(weights) + ERROR
