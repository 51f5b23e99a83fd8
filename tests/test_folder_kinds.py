"""Many kinds of files in one folder give clips that look the same; public examples of faults."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from folders import made, rows_of
from media import CODECS, encode, ramp
from vdsm.cli import run
from vdsm.data import open_clips
from vdsm.video import read_video, strips, write_picture

MOVING = (".webp", ".png", ".apng", ".tiff", ".avif", ".gif")
FRAMES = (".png", ".jpg", ".bmp", ".webp", ".ppm", ".tif")


def test_twenty_kinds_look_the_same(tmp_path: Path) -> None:
    """Each holds the same eight greys; lossy kinds may be off by a few levels of 255."""
    clip = ramp(8, 64)
    root = tmp_path / "in"
    (root / "videos").mkdir(parents=True)
    for suffix in CODECS:
        encode(root / "videos" / f"clip{suffix}", clip, rate=25)
    first, *rest = map(Image.fromarray, clip)
    (root / "moving").mkdir()
    for suffix in MOVING:
        how = {} if suffix == ".tiff" else {"duration": 40}
        file = root / "moving" / f"clip{suffix}"
        first.save(file, save_all=True, append_images=rest, **how)
    for suffix in FRAMES:
        (root / "frames" / suffix[1:]).mkdir(parents=True)
        for i, image in enumerate(clip):
            Image.fromarray(image).save(root / "frames" / suffix[1:] / f"{i}{suffix}")
    (root / "strips").mkdir()
    write_picture(root / "strips" / "plain.png", np.concatenate(list(clip), axis=1))
    write_picture(root / "strips" / "upright.png", np.concatenate(list(clip), axis=0))
    write_picture(root / "strips" / "lines.png", strips(clip[None]))
    clips = made(tmp_path / "out", root, test_share=0, max_broken=0)
    assert len(clips) == len(CODECS) + len(MOVING) + len(FRAMES) + 3 >= 20
    for i, row in enumerate(rows_of(tmp_path / "out" / "files.csv")):
        found = clips.whole(i)
        assert len(found) == 8, row["file"]
        error = np.abs(found.astype(int) - clip[:, :1, :1]).max()
        assert error <= 8, row["file"]


def test_one_recording_in_every_packing(shared: Path, tmp_path: Path) -> None:
    """The first half second of one webcam clip, as phones, cameras and old programs pack it."""
    source = shared / "data" / "messy"
    names = [file.name for file in sorted(source.iterdir()) if file.name != "transparent.webp"]
    lines = [f"{name},0.4,ann" for name in names]
    table = tmp_path / "t.csv"
    table.write_text("\n".join(["path,end,group", *lines]))
    clips = made(tmp_path / "out", source, table=table, test_share=0, max_broken=0, size=64)
    plain = read_video(source / "plain.mp4", size=64, max_frames=20).astype(float)
    for i, name in enumerate(names):
        nearest = [np.abs(frame - plain).mean((1, 2, 3)).min() for frame in clips.whole(i)]
        assert max(nearest) < 8, name


def test_public_examples(shared: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Animations are clips; a file named twice is refused; parts are cut."""
    faults = shared / "faults"
    clips = made(tmp_path / "a", faults / "animations")
    assert clips.table.length.tolist() == [20] * 6
    for name in ("ann/1", "ann/2", "bob b/1", "bob b/2"):
        (tmp_path / "in" / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(faults / "base.mp4", tmp_path / "in" / f"{name}.mp4")
    command = ["data", "folder", "--source", str(tmp_path / "in"), "--workers", "1", "--table"]
    capsys.readouterr()
    assert run([*command, str(faults / "dup.csv"), "--out", str(tmp_path / "d")]) == 2
    assert "row 6: ann/1.mp4 stands in row 2 already" in capsys.readouterr().err
    assert run([*command, str(faults / "startend.csv"), "--out", str(tmp_path / "s")]) == 0
    cut = open_clips(tmp_path / "s")
    assert [factor.name for factor in cut.info.factors] == ["group"]
    whole = read_video(faults / "base.mp4", size=64)
    assert np.array_equal(cut.whole(0), whole[5:25])


def test_people_with_videos_of_other_containers_stay(tmp_path: Path) -> None:
    for suffix in CODECS:
        (tmp_path / "in" / f"who has {suffix}").mkdir(parents=True)
        path = tmp_path / "in" / f"who has {suffix}" / f"a{suffix}"
        encode(path, ramp(4, 64), rate=25).rename(path.with_suffix(suffix.upper()))
    clips = made(tmp_path / "out", tmp_path / "in")
    assert set(clips.info.factors[0].values) == {f"who has {suffix}" for suffix in CODECS}
