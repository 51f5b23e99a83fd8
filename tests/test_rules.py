"""The recipe `auto`: what it takes from the data, and an encoder that sees looks everywhere."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from small import SMALL, pendula, start
from vdsm.data import Clips, open_clips
from vdsm.data.clips import ClipWriter, Info
from vdsm.methods.vdsm.additions import rules
from vdsm.methods.vdsm.additions.pooled import PooledEncoder
from vdsm.methods.vdsm.config import ModelConfig
from vdsm.methods.vdsm.presets import preset
from vdsm.train.loop import train


def clips_of(folder: Path, lengths: list[int], value: int = 0) -> Clips:
    """Clips of one value, of these lengths, all for training."""
    with ClipWriter(folder, Info("plain", 32, 1)) as writer:
        for number, length in enumerate(lengths):
            frames = np.full((length, 32, 32, 1), value, np.uint8)
            writer.add(frames, group=number, split="train")
    return open_clips(folder)


@pytest.mark.parametrize(
    ("lengths", "frames"), [([40] * 10, 16), ([8] * 10, 8), ([3] + [30] * 20, 16), ([1] * 5, 2)]
)
def test_segments_are_as_long_as_nine_clips_of_ten(
    tmp_path: Path, lengths: list[int], frames: int
) -> None:
    assert rules.segment(clips_of(tmp_path / "clips", lengths)) == frames


@pytest.mark.parametrize(("value", "likelihood"), [(0, "bernoulli"), (128, "gaussian")])
def test_greys_are_drawn_by_a_gaussian(tmp_path: Path, value: int, likelihood: str) -> None:
    clips = clips_of(tmp_path / "clips", [4] * 4, value)
    x = value / 255
    assert rules.greyness(clips) == pytest.approx(4 * x * (1 - x))
    assert rules.fit(preset("auto"), clips).model.likelihood == likelihood


def test_many_individuals_have_several_decoders(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clips = open_clips(pendula(tmp_path / "clips", clips_per_cell=8))
    config = preset("auto")
    assert rules.fit(config, clips).model.experts == 1
    monkeypatch.setattr(rules, "MANY", 7)  # as many as there are colours
    assert rules.fit(config, clips).model.experts == rules.DECODERS


def test_features_of_an_object_do_not_depend_on_its_place() -> None:
    encoder = PooledEncoder(ModelConfig(size=64, encoder_width=0.25))
    with torch.no_grad():
        encoder.thin.weight.zero_()  # the placed ones alone may tell
    x = torch.zeros(1, 2, 3, 64, 64)
    x[0, 0, :, 16:24, 16:24] = torch.rand(3, 8, 8)
    x[0, 1] = x[0, 0].roll((16, 24), (1, 2))  # whole steps of the three halvings
    here, there = encoder(x)[0]
    torch.testing.assert_close(here, there)
    x[0, 1, 0] += 0.1
    assert not torch.allclose(*encoder(x)[0])


def test_training_finds_who_is_who(tmp_path: Path) -> None:
    data = pendula(tmp_path / "data", clips_per_cell=8)
    config = replace(
        SMALL,
        model=replace(SMALL.model, identity_encoder="pooled", encoder_width=0.25),
        stage1=replace(SMALL.stage1, start="looks"),
        who="found",
        additions=preset("auto").additions,
    )
    run, clips = start(tmp_path / "run", data, config)
    model = train(run, clips)
    assert model.config.identity_encoder == "pooled"
    assert all(torch.isfinite(p).all() for p in model.parameters())
