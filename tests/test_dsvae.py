"""DSVAE's bound against plain loops over frames and dimensions."""

import pytest
import torch

from vdsm.methods.dsvae.model import DSVAE, ModelConfig
from vdsm.methods.dsvae.recipe import METHOD, bound
from vdsm.methods.parts.prior import SequencePrior
from vdsm.notation import Codes

SMALL = {"size": 32, "channels": 1, "identity_dim": 3, "pose_dim": 2, "width": 2, "features": 5}


def small(posterior: str = "full") -> DSVAE:
    torch.manual_seed(0)
    config = ModelConfig(**SMALL, hidden=4, posterior=posterior)  # type: ignore[arg-type]
    return DSVAE(config).double().eval()


@torch.no_grad()
@pytest.mark.parametrize("posterior", ["full", "factorised"])
def test_the_bound_is_that_of_plain_loops(posterior: str) -> None:
    model = small(posterior)
    x = torch.rand(2, 4, 1, 32, 32, dtype=torch.float64)
    terms = bound(model, x, torch.Generator().manual_seed(1))
    q = model.infer(x, torch.Generator().manual_seed(1))
    normal, kl = torch.distributions.Normal, torch.distributions.kl_divergence
    for i in range(2):
        f, z = q.codes.s[i], q.codes.z[i]
        log_p = kl_z = kl_f = 0.0
        hidden = None
        before = torch.zeros(1, 1, 2, dtype=torch.float64)
        for t in range(4):
            frame = model.decoder(torch.cat([f, z[t]])[None])[0]
            log_p += float(normal(frame, 0.5**0.5).log_prob(x[i, t]).sum())
            out, hidden = model.prior.lstm(before, hidden)
            loc, raw = model.prior.head(out[0, 0]).chunk(2)
            p = normal(loc, torch.nn.functional.softplus(raw))
            kl_z += float(kl(normal(q.z.loc[i, t], q.z.scale[i, t]), p).sum())
            before = z[t][None, None]
        unit = normal(torch.zeros(3).double(), torch.ones(3).double())
        kl_f += float(kl(normal(q.s.loc[i], q.s.scale[i]), unit).sum())
        assert terms["log_likelihood"][i].item() == pytest.approx(log_p, rel=1e-5)
        assert terms["kl_z"][i].item() == pytest.approx(kl_z)
        assert terms["kl_s"][i].item() == pytest.approx(kl_f)


@torch.no_grad()
def test_a_pose_of_its_own_frame_does_not_hear_of_others() -> None:
    """The factorised posterior; the full one does."""
    x = torch.rand(1, 4, 1, 32, 32, dtype=torch.float64)
    changed = x.clone()
    changed[:, 3] = 1 - changed[:, 3]
    for posterior, heard in (("factorised", False), ("full", True)):
        model = small(posterior)
        one, other = (model.infer(clip, mean=True).z.loc[0, 0] for clip in (x, changed))
        assert torch.equal(one, other) != heard


@torch.no_grad()
def test_the_prior_continues_as_it_was_taught() -> None:
    """Extended by means, every pose is the mean that the teacher-forced prior gives there."""
    torch.manual_seed(0)
    prior = SequencePrior(2, 5).double()
    z = torch.randn(3, 2, 2, dtype=torch.float64)
    longer = prior.extend(z, 6, None, mean=True)
    assert torch.equal(longer[:, :2], z)
    torch.testing.assert_close(prior(longer).loc[:, 2:], longer[:, 2:])
    assert torch.equal(prior.extend(longer, 4, None, mean=True), longer[:, :4])
    torch.testing.assert_close(prior.first(3).loc, prior(longer).loc[:, 0])


@torch.no_grad()
def test_codes_without_a_d_have_no_dimensions_of_it() -> None:
    model = small().float()
    x = torch.rand(3, 4, 1, 32, 32)
    codes = model.encode(x)
    assert (codes.s.shape, codes.d.shape, codes.z.shape) == ((3, 3), (3, 0), (3, 4, 2))
    swapped = model.decode(Codes(codes.s.flip(0), codes.d, codes.z))
    torch.testing.assert_close(model.swap(x.flip(0), x), swapped)


@torch.no_grad()
def test_as_printed_it_has_the_sizes_of_the_paper() -> None:
    """On the device without memory: 8 x 8 x 256 numbers, 4096, 2048 of a frame of 64 pixels."""
    config = METHOD.preset("sprites", "paper").model
    with torch.device("meta"):
        model = DSVAE(config)
        shapes = [
            tuple(part.weight.shape)
            for part in (*model.encoder.modules(), *model.decoder.modules())
            if isinstance(part, torch.nn.Linear | torch.nn.Conv2d | torch.nn.ConvTranspose2d)
        ]
        assert model.encoder(torch.empty(2, 3, 64, 64)).shape == (2, 2048)
        assert model.decoder(torch.empty(2, 256 + 32)).shape == (2, 3, 64, 64)
    inner = [(256, 256, 5, 5)] * 3
    assert shapes[:6] == [(256, 3, 5, 5), *inner, (4096, 16384), (2048, 4096)]
    assert shapes[6:] == [(4096, 288), (16384, 4096), *inner, (256, 3, 5, 5)]


@torch.no_grad()
@pytest.mark.parametrize("size", [32, 64])
def test_as_printed_it_draws_what_it_is_given(size: int) -> None:
    config = ModelConfig(size, 1, 3, 2, 4, 5, 4, body="printed")
    model = DSVAE(config).eval()
    x = torch.rand(2, 3, 1, size, size)
    drawn = model.decode(model.encode(x))
    assert drawn.shape == x.shape
    assert 0 <= drawn.min() <= drawn.max() <= 1
