"""Frames redrawn as somebody else."""

from itertools import pairwise

import pytest
import torch

from vdsm import VDSM
from vdsm.methods.vdsm.additions.swap_augment import evenly_spaced, swap_augment
from vdsm.methods.vdsm.config import AdditionsConfig, Config, ModelConfig
from vdsm.methods.vdsm.stages import anneal_stage1, anneal_stage2, stages
from vdsm.notation import Codes
from vdsm.train.step import make_optimizers

ROWS, FRAMES = 6, 3
PARTS = slice(0, 3), slice(3, 6)
ON = AdditionsConfig(swap_augment=0.5)


@pytest.fixture
def scene(tiny: ModelConfig) -> tuple[VDSM, torch.Tensor, torch.Tensor]:
    torch.manual_seed(0)
    g = torch.Generator().manual_seed(1)
    shape = (ROWS, FRAMES, tiny.channels, tiny.size, tiny.size)
    return VDSM(tiny).eval(), torch.rand(shape, generator=g), torch.rand(shape, generator=g)


def test_all_rows_at_share_one_and_none_at_zero(
    scene: tuple[VDSM, torch.Tensor, torch.Tensor],
) -> None:
    model, seen, donor = scene
    assert torch.equal(swap_augment(model, seen, donor, 0.0), seen)
    drawn = swap_augment(model, seen, donor, 1.0)
    assert drawn.shape == seen.shape
    assert ((drawn != seen).flatten(1).any(1)).all()
    assert drawn.min() >= 0
    assert drawn.max() <= 1
    assert not drawn.requires_grad


def test_it_is_the_strangers_identity_with_the_pose(
    scene: tuple[VDSM, torch.Tensor, torch.Tensor],
) -> None:
    """It is what `decode` makes of z of the one and s of the other."""
    model, seen, donor = scene
    drawn = swap_augment(model, seen, donor, 1.0)
    who, what = model.encode_frames(donor), model.encode_frames(seen)
    model.precision = "fp32"
    expected = model.decode(Codes(who.s, what.d, what.z))
    torch.testing.assert_close(drawn, expected, atol=2e-3, rtol=0)


def test_a_share_of_rows_and_the_same_for_every_process(
    scene: tuple[VDSM, torch.Tensor, torch.Tensor],
) -> None:
    model, seen, donor = scene
    whole = swap_augment(model, seen, donor, 0.5)
    changed = (whole != seen).flatten(1).any(1)
    assert changed.sum() == ROWS // 2
    parts = [swap_augment(model, seen[part], donor[part], 0.5, part.start) for part in PARTS]
    torch.testing.assert_close(torch.cat(parts), whole)


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.8, 1.0])
def test_rows_are_spread_evenly(share: float) -> None:
    rows = evenly_spaced(50, 7, share)
    assert abs(len(rows) - 50 * share) <= 1
    assert all(b - a <= 1 / share + 1 for a, b in pairwise(rows))


def test_the_share_rises_in_stage_1_and_stays_in_stage_2(tiny: ModelConfig) -> None:
    config = Config(tiny, additions=ON)
    shares = [anneal_stage1(config.stage1, p, ON).values["swap_augment"] for p in (0, 0.25, 0.5, 1)]
    assert shares == pytest.approx([0, 0.25, 0.5, 0.5])
    assert anneal_stage2(config.stage1, 0.0, ON).values["swap_augment"] == 0.5
    assert anneal_stage1(config.stage1, 1.0).values["swap_augment"] == 0  # the paper's recipe


def test_poses_of_frames_stay_in_stage_2_where_frames_are_redrawn(tiny: ModelConfig) -> None:
    for additions, trained in ((ON, False), (AdditionsConfig(), True)):
        model = VDSM(tiny)
        make_optimizers(model, stages(Config(tiny, additions=additions))[1])
        assert model.frame_pose.head.weight.requires_grad == trained
        assert model.identity.head.weight.requires_grad
