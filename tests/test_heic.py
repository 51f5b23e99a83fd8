"""HEIC photos are read whole, or refused with the remedy; never one of their tiles."""

import sys
from pathlib import Path

import numpy as np
import pytest

from media import waves
from vdsm.errors import InputError
from vdsm.video import read_video
from vdsm.video.heic import is_heif

pillow_heif = pytest.importorskip("pillow_heif", reason="no pillow-heif, an optional extra")


def photo(path: Path, side: int = 96) -> np.ndarray:
    image = waves(1, side, side)[0]
    made = pillow_heif.from_bytes(mode="RGB", size=(side, side), data=image.tobytes())
    made.save(str(path), quality=95)
    return image


@pytest.mark.parametrize("name", ["a.heic", "a.heif", "a.mp4", "a.jpg"])
def test_a_photo_is_read_by_what_it_is(name: str, tmp_path: Path) -> None:
    photo(tmp_path / "p.heic")
    path = (tmp_path / "p.heic").rename(tmp_path / name)
    image = waves(1, 96, 96)[0]
    found = read_video(path)
    assert found.shape == (1, 96, 96, 3)
    assert np.abs(found[0].astype(int) - image).mean() < 6


def test_a_folder_of_photos_is_a_clip(tmp_path: Path) -> None:
    for i in range(3):
        photo(tmp_path / f"{i}.heic")
    assert read_video(tmp_path).shape == (3, 96, 96, 3)


def test_without_the_extra_it_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    photo(tmp_path / "a.heic")
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    for path in (tmp_path / "a.heic", tmp_path):
        with pytest.raises(
            InputError, match=r'a\.heic is a HEIC photo: pip install "vdsm\[heic\]"'
        ):
            read_video(path)


def test_videos_are_no_photos() -> None:
    for brand in (b"isom", b"qt  ", b"mp42", b"3gp4"):
        assert not is_heif(b"\0\0\0\x18ftyp" + brand)
    assert is_heif(b"\0\0\0\x18ftypheic")
