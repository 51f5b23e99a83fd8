"""`benchmarks/period.py`: true swings have the period of the simulation; mistakes are one line."""

import json
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from benchmark import load
from small import pendula
from vdsm import VDSM
from vdsm.data.pendulum import COLOURS, draw, simulate
from vdsm.data.pendulum import period as exact
from vdsm.device import as_video

period = load("period")


@pytest.mark.parametrize("small_period", [11.0, 22.0])
def test_period_of_drawn_swings(small_period: float) -> None:
    swings = simulate([0.4, 0.7, 1.0], [0.1, 0.4, 0.8], small_period, 60)
    frames = np.stack([draw(angle, COLOURS["blue"], 32) for angle in swings.angle])
    found = [period.period(x) for x in period.displacement(as_video(frames).numpy())]
    np.testing.assert_allclose(found, exact([0.4, 0.7, 1.0], small_period), rtol=0.02)


def test_what_stands_still_or_drifts_has_no_period() -> None:
    assert np.isnan(period.period(np.zeros(44)))
    drift = np.linspace(-1, 1, 44) + 0.1 * (-1.0) ** np.arange(44)  # peaks, all of them below 0
    assert np.isnan(period.period(drift))


def test_any_series_has_a_period_or_none() -> None:
    rng = np.random.default_rng(0)
    for x in (*rng.normal(size=(100, 44)), *rng.normal(size=(100, 44)).cumsum(1)):
        found = period.period(x - x.mean())
        assert np.isnan(found) or 0 < found < 44


def test_a_model_that_goes_on_as_the_data_is_right(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its codes are the clips themselves here, told by their first 16 frames."""
    data = pendula(tmp_path / "data", frames=60)
    clips = period.open_clips(data)
    whole = as_video(np.stack([clips.whole(i) for i in range(len(clips))]))

    def encode(seen: torch.Tensor) -> torch.Tensor:
        apart = (seen[:, None] - whole[None, :, :16]).flatten(2).square().sum(2)
        return whole[apart.argmin(1)]

    model = SimpleNamespace(encode=encode, decode=lambda codes, frames, by: codes[:, :frames])
    monkeypatch.setattr(VDSM, "from_pretrained", lambda _: model)
    period.measure("any", str(data), "dynamics")
    found = json.loads(capsys.readouterr().out)
    assert found["clips"] == found["with a period"] == 14
    for speed in ("fast", "slow"):
        assert found[speed]["median error"] == 0
        assert found[speed]["within 5 %"] == 1


def test_mistakes_are_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    data = str(pendula(tmp_path / "data"))  # of 12 frames
    for words, message in (
        (["pendulum", data], "has no test clips of 60 frames with an action"),
        (["pendulum", str(tmp_path / "absent")], "no folder"),
        (["no-such-model", data], "no model of that name is shipped"),
    ):
        monkeypatch.setattr(sys, "argv", ["period.py", *words])
        with pytest.raises(SystemExit, match="2"):
            period.main()
        assert message in capsys.readouterr().err
