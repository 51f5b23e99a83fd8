"""Whatever FFmpeg decodes is read, frame for frame as FFmpeg decodes it."""

import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from media import CODECS, Frames, encode, waves
from stored import VIDEOS, marks, write
from vdsm.cli import run
from vdsm.video import VIDEO_SUFFIXES, read_video, timed_frames

FORMATS = {
    "huffyuv": "rgb24", "prores_ks": "yuv422p10le", "qtrle": "rgb24", "png": "rgb24",
    "msvideo1": "rgb555le", "rpza": "rgb555le", "cinepak": "rgb24", "flashsv": "bgr24",
    "utvideo": "yuv422p", "mjpeg": "yuvj420p",
}  # fmt: skip
B_FRAMES = {"bf": "3"}
MORE: list[tuple[str, str, dict[str, str]]] = [
    *((".avi", codec, {}) for codec in ("mjpeg", "libx264", "ffv1", "huffyuv", "msmpeg4")),
    *((".avi", codec, {}) for codec in ("rawvideo", "msvideo1", "utvideo", "cinepak")),
    *((".mkv", codec, {}) for codec in ("mpeg4", "mpeg2video", "mjpeg", "libx264", "libvpx")),
    *((".mkv", codec, {}) for codec in ("rawvideo", "prores_ks", "snow")),
    *((".mov", codec, {}) for codec in ("prores_ks", "qtrle", "png", "rpza", "cinepak")),
    *((".mp4", codec, {}) for codec in ("libx265", "libsvtav1", "libvpx-vp9", "mpeg2video")),
    *((".ts", codec, {}) for codec in ("mpeg2video", "mpeg1video", "libx265", "mpeg4")),
    *((".flv", codec, {}) for codec in ("libx264", "flashsv")),
    *((".wmv", codec, {}) for codec in ("wmv1", "mpeg4", "libx264")),
    *((".mpg", codec, {}) for codec in ("mpeg2video", "libx264")),
    (".avi", "libx264", B_FRAMES), (".avi", "mpeg4", B_FRAMES), (".mp4", "mpeg4", B_FRAMES),
    (".wmv", "mpeg4", B_FRAMES), (".ts", "mpeg2video", B_FRAMES), (".m2v", "mpeg2video", B_FRAMES),
    (".mpg", "mpeg1video", B_FRAMES), (".h264", "libx264", B_FRAMES),
]  # fmt: skip
CASES = [*((suffix, codec, {}) for suffix, (codec, _) in CODECS.items()), *MORE]
QUIET = {
    "libx265": {"x265-params": "log-level=none"},
    "libsvtav1": {"b": "0", "preset": "12"},
}
MOVFLAGS = ("faststart", "frag_keyframe+empty_moov", "use_metadata_tags", "disable_chpl")


def written(
    folder: Path, suffix: str, codec: str, tuned: dict[str, str], **more: Any
) -> tuple[Path, Frames]:
    clip = waves(12)
    pix_fmt = FORMATS.get(codec, "yuv420p")
    setup = {"options": {"b": "4M"} | tuned | QUIET.get(codec, {})}
    path = folder / f"a{suffix}"
    return encode(path, clip, codec=codec, pix_fmt=pix_fmt, rate=25, setup=setup, **more), clip


def by_ffmpeg(path: Path) -> Frames:
    """What FFmpeg's command line decodes, [T, 48, 64, 3]."""
    command = ["ffmpeg", "-v", "error", "-i", str(path), "-fps_mode", "passthrough"]
    command += ["-sws_flags", "bilinear", "-f", "rawvideo", "-pix_fmt", "rgb24", "-"]
    made = subprocess.run(command, capture_output=True, check=True).stdout
    return np.frombuffer(made, np.uint8).reshape(-1, 48, 64, 3)


def test_every_suffix_is_tried() -> None:
    assert set(VIDEO_SUFFIXES) == set(CODECS) | {".gif"}


@pytest.mark.parametrize(("suffix", "codec", "options"), CASES)
def test_frames_and_times(suffix: str, codec: str, options: dict[str, str], tmp_path: Path) -> None:
    path, clip = written(tmp_path, suffix, codec, options)
    found = read_video(path)
    assert found.shape == clip.shape
    off = np.abs(found.astype(int) - clip).mean(axis=(1, 2, 3))
    others = np.abs(found.astype(int) - np.roll(clip, 1, axis=0)).mean(axis=(1, 2, 3))
    assert (off < others).all()
    times = [time for time, _ in timed_frames(path)]
    assert times == pytest.approx([i / 25 for i in range(12)], abs=2e-3)
    assert len(read_video(path, fps=25)) == 12


@pytest.mark.skipif(not shutil.which("ffmpeg"), reason="no ffmpeg to compare with")
@pytest.mark.parametrize(("suffix", "codec", "options"), CASES)
def test_pixels_are_those_of_ffmpeg(
    suffix: str, codec: str, options: dict[str, str], tmp_path: Path
) -> None:
    path, _ = written(tmp_path, suffix, codec, options)
    found, wanted = read_video(path), by_ffmpeg(path)
    assert found.shape == wanted.shape
    assert np.abs(found.astype(int) - wanted).max() <= 1


@pytest.mark.skipif(not shutil.which("ffmpeg"), reason="no ffmpeg to compare with")
@pytest.mark.parametrize("flags", MOVFLAGS)
@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".3gp"])
def test_flags_of_writers(suffix: str, flags: str, tmp_path: Path) -> None:
    path, _ = written(tmp_path, suffix, "mpeg4", B_FRAMES, options={"movflags": flags})
    found, wanted = read_video(path), by_ffmpeg(path)
    assert found.shape == wanted.shape
    assert np.abs(found.astype(int) - wanted).max() <= 1


@pytest.mark.parametrize("name", VIDEOS)
def test_stored_videos_decode_as_they_did_in_ffmpeg(name: str, tmp_path: Path) -> None:
    found = marks(read_video(write(name, tmp_path), grey=True))
    wanted = VIDEOS[name][1]
    assert len(found) == len(wanted)
    # Grey of limited range is stretched to the full one by ffmpeg, too.
    assert np.abs(np.array(found) - np.array(wanted)).max() <= 2


def test_frames_of_theora_that_repeat_stand(tmp_path: Path) -> None:
    path = write("dup.ogv", tmp_path)  # 50 a second of a video of 25: every second is empty
    once = len(VIDEOS["dup.ogv"][1])
    assert len(read_video(path)) == once
    assert len(read_video(path, fps=50)) == 12 > once


def test_a_folder_of_every_kind(tmp_path: Path) -> None:
    source = tmp_path / "videos"
    source.mkdir()
    for name in VIDEOS:
        write(name, source)
    out = tmp_path / "out"
    assert run(["data", "folder", "--source", str(source), "--out", str(out)]) in (0, None)
    assert (out / "dataset.json").exists()


def test_messy_files(shared: Path) -> None:
    folder = shared / "data" / "messy"
    plain = read_video(folder / "plain.mp4", size=16, max_frames=30)[29].astype(int)
    for name in ("grid.mpg", "stream.ts", "avchd.mts", "old.flv", "lab.wmv", "wiki.ogv"):
        other = read_video(folder / name, size=16, max_frames=30)
        assert len(other) == 30
        assert np.abs(other[29] - plain).mean() < 4
