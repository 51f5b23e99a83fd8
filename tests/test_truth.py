"""`benchmarks/truth.py`: swaps that are right are found right, and one that is not is found out."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from benchmark import load
from small import pendula, write_digits
from vdsm import VDSM, InputError
from vdsm.data import open_clips
from vdsm.data.cells import action_of
from vdsm.data.clips import Clips, Factor, Frames, Info, Table
from vdsm.data.moving_mnist import MovingMnistOptions, make

truth = load("truth")


class Characters(Clips):
    """All of 3 bodies x 4 hairs x 3 actions: frames with a corner of each one's own grey."""

    def read(self, clip: int, start: int, frames: int) -> Frames:
        labels = self.table.labels
        drawn = np.zeros((frames, 8, 8, 1), np.uint8)
        drawn[:, :4, :4] = 20 + 60 * labels["body"][clip]
        drawn[:, :4, 4:] = 30 + 40 * labels["hair"][clip]
        times = np.arange(start, start + frames) + 1
        drawn[:, 4:] = (10 * times * (1 + labels["action"][clip]))[:, None, None, None]
        return drawn


@pytest.fixture
def clips(monkeypatch: pytest.MonkeyPatch) -> Clips:
    body, hair, action = (part.ravel() for part in np.meshgrid(*map(np.arange, (3, 4, 3))))
    labels = {"body": body, "hair": hair, "action": action}
    count, group = len(body), 4 * body + hair
    factors = tuple(
        Factor(name, "action" if name == "action" else "identity", tuple("abcd"[: 1 + c.max()]))
        for name, c in labels.items()
    )
    table = Table(np.full(count, truth.FRAMES), group, (group % 3 == 0).astype(np.int64), labels)
    made = Characters(Info("sprites", 8, 1, factors, {}), table)
    monkeypatch.setattr(truth, "open_clips", lambda _: made)
    return made


def true_rows(clips: Clips, pairs: np.ndarray) -> np.ndarray:
    """The clip of the first's character doing the second's action."""
    group, action = clips.table.group, action_of(clips)
    return np.array(
        [
            np.flatnonzero((group == group[who]) & (action == action[what])).item()
            for who, what in pairs
        ]
    )


def other_hair(clips: Clips, row: int) -> int:
    """A clip that differs in hair alone."""
    labels = clips.table.labels
    same = np.ones(len(clips), bool)
    for name, column in labels.items():
        same &= (column != column[row]) if name == "hair" else (column == column[row])
    return int(np.flatnonzero(same)[0])


@pytest.mark.parametrize("wrong", [0, 1])
def test_share_of_true_clips(
    clips: Clips, wrong: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The model's swaps are the true clips, a little darker; the last is another character's.

    Identities sampled from the fitted density are the character of group 0, from p(s) grey blots.
    """

    def swaps(model: object, clips: Clips, pairs: np.ndarray, s: Any = None) -> torch.Tensor:
        if s is not None:
            alike = np.stack([np.zeros(len(pairs), np.int64), pairs[:, 1]], 1)
            drawn: torch.Tensor = truth.whole(clips, true_rows(clips, alike)) - 0.01
            return drawn * s[:, None, None, None] + 0.5 * (1 - s[:, None, None, None])
        rows = true_rows(clips, pairs)
        assert (clips.table.split[pairs] == 1).all()
        assert (clips.table.group[pairs[:, 0]] != clips.table.group[pairs[:, 1]]).all()
        for last in range(len(rows) - wrong, len(rows)):
            rows[last] = other_hair(clips, rows[last])
        made: torch.Tensor = truth.whole(clips, rows) - 0.01
        return made

    def sample_identity(num: int, generator: object, density: str) -> torch.Tensor:
        return torch.full((num, 1), float(density == "fitted"))

    model = SimpleNamespace(sample_identity=sample_identity)
    monkeypatch.setattr(VDSM, "from_pretrained", lambda _: model)
    monkeypatch.setattr(truth, "swaps", swaps)
    truth.measure("any", "any", len(clips))
    found = json.loads(capsys.readouterr().out)
    sampled = found["sampled"]
    assert sampled["held_out"] == pytest.approx(4 / 12)  # every third of twelve characters
    fitted, standard = sampled["fitted"], sampled["standard"]
    assert fitted["psnr"] == pytest.approx(40, abs=0.01)
    assert (fitted["as_near_as_swaps"], fitted["characters"], fitted["held_out"]) == (1, 1, 1)
    assert standard["psnr"] < 20
    assert standard["as_near_as_swaps"] == 0
    assert found["nearest_is_true"] == pytest.approx(1 - wrong / found["swaps"])
    assert found["wrong_in_one_factor"] == pytest.approx(wrong / found["swaps"])
    if wrong:
        assert found["psnr"] < 39.9
    else:
        assert found["psnr"] == pytest.approx(40, abs=0.01)


def test_other_data_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(VDSM, "from_pretrained", lambda _: SimpleNamespace())
    with pytest.raises(InputError, match="holds pendulum: only of sprites"):
        truth.measure("any", str(pendula(tmp_path / "data")), 10)


def test_digits_and_their_places(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Swaps are the true clips: the first as it is, the second two pixels off, the third of another
    digit, the others as they are."""
    write_digits(tmp_path / "mnist")
    make(tmp_path / "data", MovingMnistOptions(tmp_path / "mnist", clips=200, individuals=60))
    clips = open_clips(tmp_path / "data")
    label = clips.table.labels["digit"]

    def swaps(model: object, clips: Any, pairs: np.ndarray, frames: int) -> torch.Tensor:
        if (pairs[:, 0] == pairs[:, 1]).all():
            return truth.whole(clips, pairs[:, 0], frames)
        who = pairs[:, 0].copy()
        test = clips.select("test")
        who[2] = test[label[test] != label[who[2]]][0]
        rows = zip(who, pairs[:, 1], strict=True)
        made = np.stack([clips.crossed(a, b, 0, frames) for a, b in rows])
        made[1] = np.roll(made[1], 2, axis=2)
        return truth.as_video(made)

    monkeypatch.setattr(VDSM, "from_pretrained", lambda _: SimpleNamespace())
    monkeypatch.setattr(truth, "swaps", swaps)
    truth.measure("any", str(tmp_path / "data"), 20)
    found = json.loads(capsys.readouterr().out)
    n = found["swaps"]
    assert found["nearest_is_true"] == pytest.approx(1 - 1 / n)
    assert found["nearest_is_of_its_class"] == pytest.approx(1 - 1 / n)
    assert 1 / n < found["pixels_off"] < 4 / n  # at an edge what is shifted comes back at the other
    assert found["reconstructions"]["nearest_is_true"] == 1
    assert found["reconstructions"]["psnr"] == pytest.approx(100)
    assert found["reconstructions"]["pixels_off"] == 0
