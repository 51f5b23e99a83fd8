"""Damaged animations and stacks: every frame or one clear line, never fewer frames in silence.

VDSM_FUZZ_CASES sets how many damaged files of each kind are tried.
"""

import struct
import warnings
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image, features

from media import pattern
from test_video_damage import CASES, attempt, damage, damaged, no_hang
from vdsm.errors import InputError
from vdsm.video import read_video
from vdsm.video.still import count_pictures

FRAMES = 6
KINDS: dict[str, dict[str, Any]] = {
    "lossy.webp": {"duration": 50},
    "lossless.webp": {"duration": 50, "lossless": True},
    "a.png": {"duration": 50},
    "raw.tif": {},
    "packed.tif": {"compression": "tiff_lzw"},
    "big.tif": {"big_tiff": True},
    "a.avif": {"duration": 50},
    "a.gif": {"duration": 50, "disposal": 2, "transparency": 0},
}
if not features.check("avif"):
    del KINDS["a.avif"]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """A sound file of each kind."""
    folder = tmp_path_factory.mktemp("whole")
    first, *rest = (Image.fromarray(frame) for frame in pattern(FRAMES))
    for name, options in KINDS.items():
        first.save(folder / name, save_all=True, append_images=rest, **options)
    return {name: (folder / name).read_bytes() for name in KINDS}


@pytest.mark.parametrize("kind", KINDS)
def test_a_file_that_was_cut(kind: str, whole: dict[str, bytes], tmp_path: Path) -> None:
    content, path = whole[kind], tmp_path / kind
    path.write_bytes(content)
    everything = read_video(path)
    assert len(everything) == count_pictures(path) == FRAMES
    for end in np.linspace(0, len(content) - 1, 150).astype(int):
        path.write_bytes(content[:end])
        clip, error = attempt(path, None)
        if clip is None:
            assert kind in error
            assert "\n" not in error
        else:  # what was cut off was not needed
            assert np.array_equal(clip, everything)


@pytest.mark.parametrize("kind", KINDS)
def test_damage_gives_every_frame_or_an_error(
    kind: str, whole: dict[str, bytes], tmp_path: Path
) -> None:
    content, path = whole[kind], tmp_path / kind

    @settings(
        max_examples=CASES,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(edits=damage(len(content)), size=st.sampled_from([None, 16]))
    def check(edits: list[tuple[str, int, bytes]], size: int | None) -> None:
        path.write_bytes(damaged(content, edits))
        with no_hang(), warnings.catch_warnings():
            warnings.simplefilter("error")
            clip, error = attempt(path, size)
        if clip is None:
            assert path.name in error
            assert "\n" not in error
        else:
            assert len(clip) == FRAMES

    check()


def test_counting_says_what_reading_says(whole: dict[str, bytes], tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for kind, content in whole.items():
        path = tmp_path / kind
        for _ in range(40):
            data = bytearray(content)
            data[int(rng.integers(min(200, len(data))))] = int(rng.integers(256))
            path.write_bytes(data)
            clip, _ = attempt(path, None)
            if clip is not None:
                assert count_pictures(path) == len(clip)
            else:
                with suppress(InputError):
                    assert count_pictures(path) >= 1


def test_nothing_reaches_the_terminal(
    whole: dict[str, bytes], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    # Pillow logs tags that are out of range, which would stand on the terminal.
    content = bytearray(whole["raw.tif"])
    at = content.index(struct.pack("<HHI", 277, 3, 1)) + 8  # SamplesPerPixel
    content[at : at + 2] = struct.pack("<H", 9000)
    (tmp_path / "a.tif").write_bytes(content)
    clip, error = attempt(tmp_path / "a.tif", None)
    assert clip is None
    assert error
    assert capfd.readouterr() == ("", "")
