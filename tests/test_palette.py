"""The palette of a GIF: k-means against a plain loop, likeness against Pillow's median cut."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from media import pattern
from vdsm.video import read_video, write_clips
from vdsm.video.palette import COLOURS, _moved, indexed

Frames = npt.NDArray[np.uint8]


def slopes() -> Frames:
    """Smooth colours with grain, as of a camera."""
    y, x = np.mgrid[:48, :48] / 48
    base = np.stack([0.5 + 0.3 * np.sin(3 * x), 0.5 + 0.3 * np.cos(4 * x * y), 0.3 + 0.4 * y], -1)
    grain = np.random.default_rng(0).normal(0, 0.02, (6, 48, 48, 3))
    return (np.clip(base + grain, 0, 1) * 255).astype(np.uint8)


def noise() -> Frames:
    return np.random.default_rng(0).integers(0, 256, (6, 48, 48, 3)).astype(np.uint8)


def two_islands() -> Frames:
    """Most pixels of a few near colours, a few far from all of these."""
    rng = np.random.default_rng(0)
    clip = rng.integers(100, 108, (6, 48, 48, 3)).astype(np.uint8)
    clip[:, :4, :4] = rng.integers(200, 256, (6, 4, 4, 3))
    return clip


def error(clip: Frames, shown: Frames) -> float:
    return float(((clip.astype(float) - shown) ** 2).mean())


@pytest.mark.parametrize("make", [slopes, noise, two_islands])
def test_colours_are_as_near_as_those_of_median_cut(
    make: Callable[[], Frames], tmp_path: Path
) -> None:
    clip = make()
    sheet = Image.fromarray(clip.reshape(-1, 48, 3))
    sample = sheet.resize((60, 60), Image.Resampling.NEAREST)  # 3,600 pixels, as we look at
    base = sample.quantize(COLOURS, Image.Quantize.MEDIANCUT)
    cut = sheet.quantize(palette=base, dither=Image.Dither.FLOYDSTEINBERG).convert("RGB")
    write_clips(tmp_path / "a.gif", clip)
    found = read_video(tmp_path / "a.gif")
    assert error(clip, found) < error(clip, np.asarray(cut).reshape(clip.shape))


def test_a_step_of_k_means_is_the_plain_one() -> None:
    rng = np.random.default_rng(0)
    points = rng.uniform(0, 255, (700, 3)).astype(np.float32)
    centres = rng.uniform(0, 255, (COLOURS, 3)).astype(np.float32)
    counts = rng.integers(1, 5, 700)
    nearest = np.array([((centres - p) ** 2).sum(1).argmin() for p in points])
    found = _moved(centres, np.column_stack([points, np.ones_like(points[:, 0])]), counts, 0)
    errors = [((centres[n] - p) ** 2).sum() for n, p in zip(nearest, points, strict=True)]
    empty = 0
    for k, centre in enumerate(found):
        own = points[nearest == k]
        empty += not len(own)
        if len(own):
            assert centre == pytest.approx(
                np.repeat(own, counts[nearest == k], 0).mean(0), abs=1e-2
            )
    assert empty > 0
    moved = {tuple(c) for k, c in enumerate(found.tolist()) if k not in nearest}
    worst = np.argsort(errors)[::-1][:empty]
    assert moved == {tuple(p) for p in points[worst].tolist()}


def test_few_colours_stay_exact() -> None:
    for clip in (pattern(5) // 64 * 64, np.zeros((1, 1, 1, 3), np.uint8)):
        frames, palette = indexed(clip)
        assert len(palette) == 3 * COLOURS
        shown = np.stack([np.asarray(frame.convert("RGB")) for frame in frames])
        assert np.array_equal(shown, clip)
    levels = np.arange(256, dtype=np.uint8).reshape(1, 16, 16, 1)
    frames, _ = indexed(np.broadcast_to(levels, (1, 16, 16, 3)))
    assert np.array_equal(np.asarray(frames[0].convert("L")), levels[0, ..., 0])
    # One colour in thousands, which a sample may well not see, is one too many.
    clip = np.broadcast_to(np.tile(levels, (1, 16, 16, 1)), (1, 256, 256, 3)).copy()
    clip[0, 17, 33] = (200, 10, 10)
    frames, _ = indexed(clip)
    assert abs(np.asarray(frames[0].convert("RGB")).astype(int) - clip[0]).max() < 200
