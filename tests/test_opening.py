"""z opens in stage 1: what is closed says nothing, draws nothing, and learns nothing."""

import math

import numpy as np
import pytest
import torch

from small import SMALL
from vdsm.config import with_values
from vdsm.methods.vdsm import elbo
from vdsm.methods.vdsm.additions import bounds
from vdsm.methods.vdsm.additions.opening import deafen, narrowed, openness
from vdsm.methods.vdsm.config import Config
from vdsm.methods.vdsm.model import VDSM
from vdsm.methods.vdsm.stages import OPEN, anneal_stage1, take
from vdsm.notation import Video

SIZES = SMALL.model


@pytest.fixture
def model() -> VDSM:
    torch.manual_seed(0)
    return VDSM(SIZES)


@pytest.fixture
def clips() -> Video:
    c = SIZES
    return torch.rand(3, 4, c.channels, c.size, c.size, generator=torch.Generator().manual_seed(1))


def test_dimensions_open_one_after_another() -> None:
    assert openness(4, 0.0).tolist() == [0, 0, 0, 0]
    assert openness(4, 1.25).tolist() == [1, 0.25, 0, 0]
    assert openness(4, math.inf).tolist() == [1, 1, 1, 1]


def test_all_open_is_the_paper(model: VDSM, clips: Video) -> None:
    draws = [torch.Generator().manual_seed(2) for _ in range(2)]
    model.poses_open = float(SIZES.pose_dim)
    opened = bounds.stage1(model, bounds.Views(clips), draws[0])
    paper = elbo.stage1(model, clips, draws[1])
    assert all(torch.equal(opened[name], paper[name]) for name in paper)


def test_what_is_closed_is_not_drawn_and_costs_nothing(model: VDSM, clips: Video) -> None:
    """By the formula of KL in a plain loop over the dimensions that are open."""
    features, who = model.features(clips)
    q = model.infer_frames(features, torch.Generator().manual_seed(3), who)
    seen = narrowed(q, 1.5)
    assert seen.codes.z[..., 2:].abs().max() == 0
    loc, scale = q.poses.q.loc.detach().numpy(), q.poses.q.scale.detach().numpy()
    expected = np.zeros(loc.shape[:2])
    for i, k in ((0, 1.0), (1, 0.5)):
        m, s = k * loc[..., i], scale[..., i] ** k
        expected += (s**2 + m**2 - 1) / 2 - np.log(s)
    kl = elbo.kl_poses(seen.poses, type(q.poses.q).standard(seen.codes.z)).detach().numpy()
    np.testing.assert_allclose(kl, expected, rtol=1e-4)


def test_what_is_closed_learns_nothing(model: VDSM, clips: Video) -> None:
    model.poses_open = 1.0
    terms = bounds.stage1(model, bounds.Views(clips), torch.Generator().manual_seed(4))
    (terms["kl_z"] - terms["log_likelihood"]).sum().backward()
    grad = model.frame_pose.head.weight.grad
    assert grad is not None
    z = SIZES.pose_dim
    assert grad[1:z].abs().max() == 0
    assert grad[z + 1 :].abs().max() == 0
    assert grad[0].abs().max() > 0
    assert grad[z].abs().max() > 0


def test_a_deaf_decoder_draws_the_individual_alone(model: VDSM, clips: Video) -> None:
    deafen(model)
    codes = model.encode_frames(clips)
    moved = type(codes)(codes.s, codes.d, codes.z + 1)
    assert torch.equal(model.decode(codes), model.decode(moved))


def test_the_schedule_opens_and_stage_2_finds_all_open(model: VDSM) -> None:
    one = with_values(Config(), {"stage1.opens_until": 0.5}).stage1
    shares = [anneal_stage1(one, p).values[OPEN] for p in (0.0, 0.25, 0.5, 1.0)]
    assert shares == [0, 0.5, 1, 1]
    take(model, anneal_stage1(one, 0.25).values)
    assert model.poses_open == SIZES.pose_dim / 2
    take(model, anneal_stage1(Config().stage1, 0.25).values)
    assert model.poses_open == math.inf
