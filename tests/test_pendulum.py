"""Pendulum: motion against the exact solution, drawing against slow supersampling, the dataset."""

import json
from pathlib import Path

import numpy as np
import pytest
from pydantic import ValidationError
from scipy.special import ellipj, ellipk

from vdsm.data import open_clips
from vdsm.data.pendulum import (
    BOB_RADIUS,
    COLOURS,
    LENGTH,
    PIVOT,
    ROD_RADIUS,
    PendulumOptions,
    angle_of,
    draw,
    make,
    period,
    period_of,
    simulate,
)
from vdsm.errors import InputError

AMPLITUDE = np.array([0.05, 0.4, 0.8, 1.0, 2.0])


def exact(amplitude: float, phase: float, small_period: float, t: np.ndarray) -> np.ndarray:
    """θ(t) = 2 asin(k sn(K + ω0 t, k²)) with k = sin(A/2), from the rightmost point."""
    k = np.sin(amplitude / 2)
    quarter = ellipk(k**2)
    u = quarter + 2 * np.pi / small_period * t + 4 * quarter * phase
    return np.asarray(2 * np.arcsin(k * ellipj(u, k**2)[0]))


def test_period_is_the_elliptic_integral() -> None:
    expected = 11 * 2 / np.pi * ellipk(np.sin(AMPLITUDE / 2) ** 2)
    np.testing.assert_allclose(period(AMPLITUDE, 11.0), expected, rtol=1e-13)


@pytest.mark.parametrize("small_period", [11.0, 22.0])
@pytest.mark.parametrize("phase", [0.0, 0.31, 0.97])
def test_simulation_is_the_exact_solution(small_period: float, phase: float) -> None:
    swing = simulate(AMPLITUDE, phase, small_period, frames=100)
    for angle, amplitude in zip(swing.angle, AMPLITUDE, strict=True):
        truth = exact(amplitude, phase, small_period, np.arange(100))
        np.testing.assert_allclose(angle, truth, atol=1e-5)


def test_energy_is_conserved() -> None:
    swing = simulate(AMPLITUDE, 0.2, 11.0, frames=200)
    g_over_l = (2 * np.pi / 11) ** 2
    energy = swing.velocity**2 / 2 - g_over_l * np.cos(swing.angle)
    expected = -g_over_l * np.cos(AMPLITUDE)
    np.testing.assert_allclose(energy, np.broadcast_to(expected[:, None], energy.shape), atol=1e-6)


@pytest.mark.parametrize("size", [32, 64, 128])
def test_angle_is_read_from_the_drawing(size: int) -> None:
    angle = np.linspace(-1.05, 1.05, 41)
    for colour in COLOURS.values():
        frames = draw(angle, colour, size)
        np.testing.assert_allclose(angle_of(frames), angle, atol=0.004)
        np.testing.assert_allclose(angle_of(frames / 255.0), angle_of(frames), atol=1e-12)
    assert np.isnan(angle_of(np.zeros((2, size, size, 3)))).all()


@pytest.mark.parametrize("size", [32, 64])
def test_drawing_is_the_supersampled_shape(size: int) -> None:
    """Each pixel's brightness is near the share of 16 x 16 points of it that lie in the shape."""
    fine = (np.arange(16 * size) + 0.5) / (16 * size)
    x, y = fine[None] - PIVOT[0], fine[:, None] - PIVOT[1]
    for angle in (-1.0, -0.3, 0.0, 0.7):
        bob_x, bob_y = LENGTH * np.sin(angle), LENGTH * np.cos(angle)
        inside = (x - bob_x) ** 2 + (y - bob_y) ** 2 < BOB_RADIUS**2
        for share in np.linspace(0, 1, 200):  # a rod is what a small disc sweeps
            inside |= (x - share * bob_x) ** 2 + (y - share * bob_y) ** 2 < ROD_RADIUS**2
        cover = inside.reshape(size, 16, size, 16).mean(axis=(1, 3))
        drawn = draw([angle], (255, 255, 255), size)[0, ..., 0] / 255
        assert np.abs(drawn - cover).max() < 0.2
        assert np.abs(drawn - cover).mean() < 0.003


def test_drawing_stays_inside_and_is_visible() -> None:
    for size in (32, 64, 128):
        frames = draw([-1.05, 0.0, 1.05], (255, 0, 0), size)
        light = frames[..., 0].mean(axis=(1, 2), dtype=np.float64) / 255
        np.testing.assert_allclose(light, light[1], rtol=0.01)  # nothing is cut off at the widest
        assert light.min() > 0.05


def test_period_is_read_from_angles() -> None:
    for small_period, tolerance in ((11.0, 0.01), (22.0, 0.01)):
        amplitude = np.linspace(0.4, 1.0, 7)
        swing = simulate(amplitude, np.linspace(0, 0.9, 7), small_period, 60)
        truth = period(amplitude, small_period)
        np.testing.assert_allclose(period_of(swing.angle), truth, rtol=tolerance)
        noisy = swing.angle + np.random.default_rng(0).normal(0, 0.05, swing.angle.shape)
        np.testing.assert_allclose(period_of(noisy), truth, rtol=0.03)
    assert period_of(np.zeros((2, 3, 40))).shape == (2, 3)


def test_dataset(tmp_path: Path) -> None:
    options = PendulumOptions(size=32, clips_per_cell=6, frames=48, test_share=0.34, seed=3)
    make(tmp_path / "a", options)
    clips = open_clips(tmp_path / "a")
    assert len(clips) == 7 * 2 * 6
    assert clips.whole(0).shape == (48, 32, 32, 3)
    assert [(f.name, f.role, len(f.values)) for f in clips.info.factors] == [
        ("colour", "identity", 7),
        ("speed", "action", 2),
    ]
    colour, speed = clips.table.labels["colour"], clips.table.labels["speed"]
    np.testing.assert_array_equal(clips.table.group, colour)
    for cell in range(14):  # of six in every cell two for the test, and one for choices
        split = clips.table.split[(colour * 2 + speed) == cell]
        assert np.bincount(split).tolist() == [3, 2, 1]

    periods = clips.info.made["periods"]
    for i in range(0, len(clips), 5):
        frames = clips.whole(i)
        shades, counts = np.unique(frames[frames.any(axis=-1)], axis=0, return_counts=True)
        np.testing.assert_array_equal(shades[counts.argmax()], list(COLOURS.values())[colour[i]])
        low, high = periods["fast" if speed[i] == 0 else "slow"]["range"]
        assert 0.98 * low < period_of(angle_of(frames)) < 1.02 * high
        assert 0.35 < np.abs(angle_of(frames)).max() < 1.05

    made = clips.info.made
    assert made["options"]["seed"] == 3
    assert {"maker", "version", "source", "licence"} <= made.keys()
    assert json.loads((tmp_path / "a" / "dataset.json").read_text())["made"] == made


def test_seed_decides_everything(tmp_path: Path) -> None:
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        make(tmp_path / name, PendulumOptions(size=32, clips_per_cell=3, frames=4, seed=seed))
    a, b, c = (open_clips(tmp_path / name) for name in "abc")
    assert a.fingerprint == b.fingerprint != c.fingerprint
    assert (tmp_path / "a/frames.u8").read_bytes() == (tmp_path / "b/frames.u8").read_bytes()
    assert (tmp_path / "a/frames.u8").read_bytes() != (tmp_path / "c/frames.u8").read_bytes()


def test_user_mistakes(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"amplitude 0\.9 exceeds largest 0\.5"):
        make(tmp_path / "x", PendulumOptions(smallest=0.9, largest=0.5))
    for fast, slow in ((30, 22), (22, 22)):
        with pytest.raises(InputError, match=f"--fast-period {fast} is not shorter than --slow-p"):
            make(tmp_path / "x", PendulumOptions(fast_period=fast, slow_period=slow))
    # Exactly 11.7297 for the widest fast swing; a slow one of 11.6 frames begins at 11.7171.
    with pytest.raises(InputError, match=r"last up to 11\.73 frames and slow ones from 11\.72"):
        make(tmp_path / "x", PendulumOptions(slow_period=11.6))
    make(tmp_path / "apart", PendulumOptions(slow_period=11.7, clips_per_cell=2, frames=2, size=32))
    for slow in (1201, float("inf")):
        with pytest.raises(InputError, match=f"--slow-period is {slow} but clips have 60 frames"):
            make(tmp_path / "x", PendulumOptions(slow_period=slow))
    assert not (tmp_path / "x").exists()
    with pytest.raises(ValidationError, match=r"less than or equal to 1\.05"):
        PendulumOptions(largest=2.0)
    with pytest.raises(ValidationError):
        PendulumOptions(size=48)  # type: ignore[arg-type]
    (tmp_path / "used").mkdir()
    (tmp_path / "used" / "file").write_text("")
    with pytest.raises(InputError, match="in use"):
        make(tmp_path / "used", PendulumOptions())
