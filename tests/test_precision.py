"""bfloat16: training reaches what float32 reaches, frames stay close, codes and dtypes stay."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from small import SMALL, pendula
from vdsm import VDSM
from vdsm.config import ModelConfig, Stage1Config, Stage2Config
from vdsm.data import Clips, open_clips
from vdsm.device import as_video, use_bf16
from vdsm.model.decoder import FEW, blend
from vdsm.notation import Codes
from vdsm.train.stages import stages
from vdsm.train.step import Batch, Bound, make_optimizer, take_step

STEPS, SEEDS, LAST = 60, 3, 10
CONFIG = replace(
    SMALL,
    stage1=Stage1Config(batch=8, frames=4, lr=3e-3),
    stage2=Stage2Config(batch=8, frames=6, lr=1.2e-2),
)


def train(clips: Clips, seed: int, bf16: bool) -> list[list[float]]:
    """Losses of 60 steps of each stage. Weights and batches are always the same; noise is not."""
    torch.manual_seed(0)
    model, generator = VDSM(CONFIG.model), torch.Generator().manual_seed(seed)
    losses: list[list[float]] = []
    for stage in stages(CONFIG):
        sampler, rng = stage.sampler(clips), np.random.default_rng(0)
        optimizer, bound = make_optimizer(model, stage), Bound(stage, model)
        annealed = stage.anneal(1.0)
        model.sharpness.fill_(annealed.sharpness)
        losses.append([])
        for _ in range(STEPS):
            batch = Batch(as_video(sampler.draw(rng, stage.settings.batch).x))
            outcome = take_step(bound, optimizer, batch, generator, annealed.weights, bf16)
            losses[-1].append(outcome.loss.item())
    return losses


@pytest.mark.slow
def test_training_reaches_the_loss_of_float32(tmp_path: Path) -> None:
    """Mean loss of the last steps, over three noise seeds: equal within its standard error."""
    clips = open_clips(pendula(tmp_path / "data"))
    full, half = (
        np.array([train(clips, seed, bf16) for seed in range(SEEDS)]) for bf16 in (False, True)
    )  # [seed, stage, step]
    end_full, end_half = full[..., -LAST:].mean(-1), half[..., -LAST:].mean(-1)
    assert (end_full < full[..., :LAST].mean(-1)).all()  # something was learned
    assert not np.array_equal(full, half)  # and in another precision
    noise = end_full.std(0, ddof=1) / np.sqrt(SEEDS)
    assert (np.abs(end_half.mean(0) - end_full.mean(0)) < noise).all()


@pytest.fixture
def codes(tiny: ModelConfig) -> Codes:
    return Codes(
        0.3 * torch.randn(6, tiny.identity_dim),
        torch.randn(6, tiny.dynamics_dim),
        torch.randn(6, 4, tiny.pose_dim),
    )


def test_frames_are_those_of_float32_within_a_few_grey_levels(
    tiny: ModelConfig, codes: Codes
) -> None:
    """decode, beyond the codes' end too, and generate; the result is float32."""
    model = VDSM(tiny)

    def frames(precision: str) -> tuple[Tensor, Tensor]:
        model.precision = precision
        return model.decode(codes, 6), model.generate(2, 5, torch.Generator().manual_seed(0))

    for full, half in zip(frames("fp32"), frames("bf16"), strict=True):
        assert half.dtype == torch.float32
        assert not torch.equal(full, half)
        assert (full - half).abs().max() < 4 / 255


def test_precision_is_no_part_of_the_weights_nor_of_codes(tiny: ModelConfig) -> None:
    model, clips = VDSM(tiny), torch.rand(2, 5, 1, 32, 32)
    keys, plain = model.state_dict().keys(), model.encode(clips)
    model.precision = "bf16"
    assert model.state_dict().keys() == keys
    again = model.encode(clips)
    for part in ("s", "d", "z"):
        assert torch.equal(getattr(again, part), getattr(plain, part))


def test_double_precision_stays(tiny: ModelConfig, codes: Codes) -> None:
    """A model in float64 draws in float64, whatever the machine is fast at."""
    model = VDSM(tiny).double()
    model.precision = "bf16"
    doubles = Codes(codes.s.double(), codes.d.double(), codes.z.double())
    assert model.decode(doubles).dtype == torch.float64


@pytest.mark.parametrize("clips", [FEW - 1, FEW])
def test_blend_of_few_clips_and_of_many(clips: int) -> None:
    """Both ways give the weights within rounding, in bfloat16, and a gradient in float32."""
    bank = torch.randn(5, 3, 4, 4, 2, requires_grad=True)
    mixture = torch.softmax(torch.randn(clips, 5), -1).requires_grad_()
    with torch.autocast("cpu", torch.bfloat16):
        blended = blend(bank, mixture)
    assert blended.dtype == torch.bfloat16
    plain = torch.einsum("bn,niklo->biklo", mixture, bank)
    torch.testing.assert_close(blended.float(), plain, rtol=2**-7, atol=2**-7)
    upward = torch.randn_like(plain)
    found = torch.autograd.grad(blended, (bank, mixture), upward.bfloat16())
    for ours, expected in zip(
        found, torch.autograd.grad(plain, (bank, mixture), upward), strict=True
    ):
        assert ours.dtype == torch.float32
        torch.testing.assert_close(
            ours, expected, rtol=0.02, atol=0.02 * float(expected.abs().max())
        )


def test_small_layers_are_in_float32_on_a_cpu_unless_asked_otherwise() -> None:
    cpu = torch.device("cpu")
    assert not use_bf16("auto", cpu, small=True)
    assert use_bf16("bf16", cpu, small=True)
    assert not use_bf16("fp32", cpu, small=False)
