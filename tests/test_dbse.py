"""DBSE: what each code may see, and its bound against plain loops."""

import math

import pytest
import torch
from torch import Tensor
from torch.distributions import Normal, kl_divergence

from vdsm.methods.dbse.model import DBSE, ModelConfig
from vdsm.methods.dbse.recipe import bound
from vdsm.notation import Codes


@pytest.fixture
def model() -> DBSE:
    c = ModelConfig(32, 1, identity_dim=3, pose_dim=2, width=2, features=5, hidden=4)
    return DBSE(c).double().eval()


def clips(*shape: int) -> Tensor:
    return torch.rand(*shape, 1, 32, 32, dtype=torch.float64)


def seeded() -> torch.Generator:
    return torch.Generator().manual_seed(1)


@torch.no_grad()
def test_s_sees_the_first_frame_alone(model: DBSE) -> None:
    x = clips(2, 4)
    changed = torch.cat([x[:, :1], clips(2, 3)], 1)
    one, other = model.encode(x), model.encode(changed)
    assert torch.equal(one.s, other.s)
    assert not torch.equal(one.z, other.z)
    assert not torch.equal(one.s, model.encode(x.flip(1)).s)


@torch.no_grad()
def test_z_is_of_differences_and_the_first_has_none(model: DBSE) -> None:
    """Of a clip that stands still every z_t is what no difference gives, whoever is in it."""
    still = clips(3, 1).expand(-1, 5, -1, -1, -1)
    z = model.encode(still).z
    torch.testing.assert_close(z, z[:1].expand(3, -1, -1))
    moving = clips(3, 5)
    for codes in model.encode_and_sample(moving, seeded()):
        assert not codes.z[:, 0].any()
        assert codes.z[:, 1:].all()


@torch.no_grad()
def test_the_bound_is_that_of_plain_loops(model: DBSE) -> None:
    x = clips(2, 4)
    terms = bound(model, x, seeded())
    q = model.infer(x, seeded())
    for i in range(2):
        s, z = q.codes.s[i], q.codes.z[i]
        log_p = []
        kl_z = 0.0
        hidden, before = None, torch.zeros(1, 1, 2, dtype=torch.float64)
        for t in range(4):
            frame = model.decoder(torch.cat([s, z[t]])[None])[0]
            log_p.append(float(Normal(frame, math.sqrt(0.5)).log_prob(x[i, t]).sum()))
            if t > 0:
                out, hidden = model.prior.lstm(before, hidden)
                loc, raw = model.prior.head(out[0, 0]).chunk(2)
                p = Normal(loc, torch.nn.functional.softplus(raw))
                kl_z += float(kl_divergence(Normal(q.z.loc[i, t], q.z.scale[i, t]), p).sum())
                before = z[t][None, None]
        unit = Normal(torch.zeros(3).double(), torch.ones(3).double())
        kl_s = float(kl_divergence(Normal(q.s.loc[i], q.s.scale[i]), unit).sum())
        assert terms["log_likelihood"][i].item() == pytest.approx(sum(log_p))
        assert terms["log_first"][i].item() == pytest.approx(log_p[0])
        assert terms["kl_s"][i].item() == pytest.approx(kl_s)
        assert terms["kl_z"][i].item() == pytest.approx(kl_z)


@torch.no_grad()
def test_motion_goes_on_as_the_prior_was_taught(model: DBSE) -> None:
    """A first frame alone goes on as well; z_1 stays 0."""
    for given in (1, 3):
        z = torch.cat([torch.zeros(2, 1, 2), torch.randn(2, given - 1, 2)], 1).double()
        longer = model.prior.extend(z, 6, None, mean=True)
        assert torch.equal(longer[:, :given], z)
        torch.testing.assert_close(model.prior(longer).loc[:, given - 1 :], longer[:, given:])
    assert torch.equal(model.prior.extend(z, 1, None, mean=True), z[:, :1])
    codes = model.encode(clips(2, 1))
    assert model.decode(codes, 4).shape == (2, 4, 1, 32, 32)
    assert not model.sample_motion(3, seeded())[1].any()


@torch.no_grad()
def test_the_first_frame_of_a_swap_is_who_is_seen(model: DBSE) -> None:
    """z_1 is 0: it is the first frame of the individual's clip, drawn from s alone."""
    identity, action = clips(2, 4), clips(2, 4)
    s = model.encode(identity).s
    alone = model.decode(Codes(s, s.new_zeros(2, 0), s.new_zeros(2, 1, 2)))
    torch.testing.assert_close(model.swap(identity, action)[:, :1], alone)
