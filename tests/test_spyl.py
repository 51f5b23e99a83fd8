"""SPYL: which clips it holds its codes against, when, and by plain loops."""

from dataclasses import replace

import pytest
import torch

from vdsm.methods.parts.losses import contrast
from vdsm.methods.spyl.model import SPYL, ModelConfig, farthest
from vdsm.methods.spyl.recipe import METHOD, bound, contrasts, stages, take
from vdsm.notation import Codes, Gaussian


def seeded() -> torch.Generator:
    return torch.Generator().manual_seed(1)


@pytest.fixture
def model() -> SPYL:
    return SPYL(ModelConfig(32, 1, identity_dim=3, pose_dim=2, width=2, features=5, hidden=4))


def test_the_farthest_are_those_of_plain_loops() -> None:
    normal = torch.distributions.Normal
    q = Gaussian(torch.randn(3, 4, 2), torch.rand(3, 4, 2) + 0.1)
    others = Gaussian(torch.randn(6, 4, 2), torch.rand(6, 4, 2) + 0.1)
    found = farthest(q, others, 2)
    for i in range(3):
        apart = [
            float(
                torch.distributions.kl_divergence(
                    normal(q.loc[i], q.scale[i]), normal(others.loc[j], others.scale[j])
                ).sum()
            )
            for j in range(6)
        ]
        expected = sorted(range(6), key=lambda j: -apart[j])[:2]
        torch.testing.assert_close(found[i], others.loc[expected].flatten(1))


@torch.no_grad()
def test_positives_are_the_code_itself_with_another_beside_it(model: SPYL) -> None:
    model.eval()
    x = torch.rand(3, 5, 1, 32, 32)
    q = model.infer(x, mean=True)
    content, motion = contrasts(model, q, 2, seeded())
    noise = seeded()
    one, two, other = (model.imagine(3, 5, noise) for _ in range(3))
    nobody = Codes.cat([one, two])
    drawn = model.encode(model.decode(nobody))
    posterior = model.posteriors(model.decode(nobody))
    same_s = model.encode(model.render(q.s.loc, other.z)).s
    same_z = model.encode(model.render(other.s, q.z.loc)).z
    torch.testing.assert_close(drawn.s, posterior["s"].loc)
    far_s, far_z = farthest(q.s, posterior["s"], 3), farthest(q.z, posterior["z"], 3)
    torch.testing.assert_close(content, contrast(q.s.loc, same_s, far_s, 0.5))
    expected = contrast(q.z.loc.flatten(1), same_z.flatten(1), far_z, 0.5)
    torch.testing.assert_close(motion, expected)


def test_what_is_drawn_leaves_no_trace_and_teaches_the_encoder(model: SPYL) -> None:
    """Batch norm's averages are those of the clips alone; the decoder learns nothing of it."""
    x = torch.rand(3, 5, 1, 32, 32)
    q = model.infer(x, seeded())
    before = {name: b.clone() for name, b in model.named_buffers()}
    content, motion = contrasts(model, q, 2, seeded())
    assert model.training
    assert all(torch.equal(b, before[name]) for name, b in model.named_buffers())
    (content + motion).sum().backward()
    assert all(p.grad is None for p in model.decoder.parameters())
    assert model.s_head.weight.grad is not None
    assert model.z_head.weight.grad is not None


def test_contrasts_begin_after_the_first_share_of_steps(model: SPYL) -> None:
    config = METHOD.preset("debug", "compact")
    config = replace(config, train=replace(config.train, alone=0.5))
    (stage,) = stages(config)
    x = torch.rand(3, 5, 1, 32, 32)
    for progress, on in ((0.0, False), (0.49, False), (0.5, True), (1.0, True)):
        schedule = stage.schedule(progress)
        take(model, dict(schedule.values))
        terms = bound(model, x, seeded(), 2)
        assert terms.keys() == schedule.weights.keys()
        assert bool(terms["content"].any()) == bool(terms["motion"].any()) == on
        assert (schedule.weights["content"] > 0) == on
