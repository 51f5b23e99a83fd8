"""Folders of pictures: series, animations, stacks, strips, and what is passed over."""

import random
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from folders import empty, made, rows_of
from media import Frames, ramp
from vdsm.cli import run
from vdsm.data.folder.find import find
from vdsm.data.folder.item import Found
from vdsm.data.folder.scan import Reading
from vdsm.errors import InputError
from vdsm.video import in_order, natural_key, read_video, strips, write_clips, write_picture
from vdsm.video.series import series_of


def frames(folder: Path, names: list[str], clip: Frames) -> Path:
    """A folder of pictures, one of the clip for each name."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, image in zip(names, clip, strict=True):
        write_picture(folder / name, image)
    return folder


def animation(path: Path, clip: Frames) -> Path:
    """GIF, WebP, APNG, TIFF, AVIF of several pictures, as Pillow writes them."""
    path.parent.mkdir(parents=True, exist_ok=True)
    first, *rest = map(Image.fromarray, clip)
    options = {} if path.suffix == ".tiff" else {"duration": 100}
    exact = {"lossless": True} if path.suffix == ".webp" else {}
    first.save(path, save_all=True, append_images=rest, **options, **exact)
    return path


def strip(path: Path, clip: Frames) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_picture(path, np.concatenate(list(clip), axis=1))
    return path


def listed(found: Found) -> dict[str, tuple[str, ...] | None]:
    return {item.name: item.pictures for item in found.items}


# ---- the order of frames


@pytest.mark.parametrize(
    "ordered",
    [
        ["frame2", "frame10"],
        ["t0.1", "t0.15", "t0.2"],
        ["t0.0", "t0.05", "t0.1", "t0.95", "t1.0", "t1.05", "t10.0"],
        ["t0.10", "t0.15", "t0.20"],
        ["a_0.033s", "a_0.07s", "a_0.1s"],
        ["1305031102.17", "1305031102.2", "1305031102.21"],
        ["v1.2", "v1.9", "v1.10", "v1.11", "v2.0"],
        ["1.2.3", "1.2.15", "1.10.1"],
        ["10.9.1", "10.9.2", "10.10.1"],
        ["2020.01.02", "2020.01.15", "2020.02.01"],
        ["x1", "x01", "x2"],
        ["1700000000000000001", "1700000000000000002"],
        ["a1b2", "a1b10", "a2b1"],
        ["f", "f2", "f10"],
    ],
)
def test_order_of_names(ordered: list[str]) -> None:
    for seed in range(3):
        mixed = [Path(f"{name}.png") for name in ordered]
        random.Random(seed).shuffle(mixed)
        by_number = [file.stem for file in in_order(mixed)]
        assert by_number == sorted(by_number, key=lambda name: by_number.index(name))
        if ordered != ["x1", "x01", "x2"]:
            assert by_number == ordered
        else:  # of one value: any order, but always the same
            assert by_number == ["x01", "x1", "x2"]


def test_order_is_by_value_whatever_the_digits() -> None:
    """Against the numbers themselves: decimals as Python writes them, and whole numbers."""
    rng = random.Random(0)
    for _ in range(50):
        whole = [rng.randrange(10 ** rng.randrange(1, 20)) for _ in range(20)]
        files = [Path(f"n{number}_x.png") for number in whole]
        assert [int(f.stem[1:-2]) for f in in_order(files)] == sorted(whole)
        times = [round(rng.uniform(0, 30), rng.choice((1, 2, 3))) for _ in range(30)]
        files = [Path(f"t{time}.png") for time in {*times, 0.125}]
        assert [float(f.stem[1:]) for f in in_order(files)] == sorted({*times, 0.125})
    assert sorted(["b", "a10", "a2"], key=natural_key) == ["a2", "a10", "b"]


# ---- several series


def numbered(*prefixes: str, count: int = 5, digits: int = 4) -> list[str]:
    return [f"{prefix}{i:0{digits}d}.png" for prefix in prefixes for i in range(1, count + 1)]


@pytest.mark.parametrize(
    ("names", "series"),
    [
        (numbered("img_"), ["*"]),
        (numbered("img_", "flow_x_", "flow_y_"), ["flow_x_*", "flow_y_*", "img_*"]),
        (numbered("img_", count=5) + numbered("flow_", count=4), ["flow_*", "img_*"]),
        (numbered("left", "right", digits=1), ["left*", "right*"]),
        (numbered("cam1_", "cam2_"), ["cam1_*", "cam2_*"]),
        (["1.png", "2.png", "1_mask.png", "2_mask.png"], ["#", "*_mask"]),
        ([*numbered("a", count=3), "b7.png", "b8.png", "b9.png"], ["a*", "b*"]),
        (["a.png", "b.png", "c.png"], ["*"]),
        (["f.png", "f (2).png", "f (3).png"], ["*"]),
        (["1_5.png", "2_7.png", "10_9.png"], ["*"]),
        ([f"{i:08x}.png" for i in (0xA3F91, 0xB7E22, 0x11AA, 0x9F8E7, 0x3D)], ["*"]),
        (["1.png", "2.png", "1.jpg", "2.jpg"], ["*.jpg", "*.png"]),
        (["1.png", "2.jpg", "3.png"], ["*"]),
        (["10-02-59.png", "10-03-00.png", "10-03-01.png"], ["*"]),
        (["IMG_1.png", "IMG_2.png", "IMG_3_edited.png", "IMG_4.png"], ["*"]),
    ],
)
def test_series_are_told_apart(names: list[str], series: list[str]) -> None:
    found, rest = series_of([Path(name) for name in names])
    assert list(found) == series
    assert not rest
    assert sorted(file.name for files in found.values() for file in files) == sorted(names)


def test_what_has_no_number_beside_a_series_is_left_over() -> None:
    names = [*numbered("img_"), "cover.png", "background.png"]
    found, rest = series_of([Path(name) for name in names])
    assert [file.name for file in found["*"]] == numbered("img_")
    assert {file.name for file in rest} == {"cover.png", "background.png"}


def test_each_series_is_a_clip(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    names = numbered("flow_", "img_", count=3)
    for who in ("ann", "bob"):
        frames(tmp_path / "in" / who / "take", names, ramp(6))
    clips = made(tmp_path / "out", tmp_path / "in", test_share=0)
    rows = rows_of(tmp_path / "out" / "files.csv")
    assert [row["file"] for row in rows][:2] == ["ann/take/flow_*", "ann/take/img_*"]
    assert clips.table.length.tolist() == [3] * 4
    assert clips.table.group.tolist() == [0, 0, 1, 1]
    assert clips.whole(1)[:, 16, 16, 0].tolist() == ramp(6)[3:, 0, 0, 0].tolist()
    said = " ".join(capsys.readouterr().err.split())
    assert "2 folders hold several series of pictures (flow_*, img_*)" in said
    assert "to take one: --series 'flow_*'" in said


@pytest.mark.parametrize("pattern", ["img_*", "img_#", "img_0001.png", "*.png", "img_????"])
def test_one_series_is_chosen(pattern: str, tmp_path: Path) -> None:
    names = numbered("img_", count=3)
    frames(tmp_path / "in", [*names, *(f"flow_{i}.bmp" for i in range(1, 4))], ramp(6))
    found = find(tmp_path / "in", reading=Reading(series=pattern))
    assert listed(found) == {"in": tuple(names)}
    assert {file.path.suffix for file in found.passed} == {".bmp"}
    assert not found.said


def test_no_picture_of_the_series(tmp_path: Path) -> None:
    frames(tmp_path / "in", numbered("img_", count=3), ramp(3))
    with pytest.raises(InputError, match=r"in holds no video.*3 png beside frames"):
        find(tmp_path / "in", reading=Reading(series="flow_*"))


def test_a_folder_that_is_to_be_one_clip(tmp_path: Path) -> None:
    """As `vdsm swap` names one: it must hold one series, and no animation."""
    one = frames(tmp_path / "one", [*numbered("img_", count=3), "cover.png"], ramp(4))
    assert read_video(one)[:, 0, 0, 0].tolist() == ramp(4)[:3, 0, 0, 0].tolist()
    two = frames(tmp_path / "two", numbered("flow_", "img_", count=3), ramp(6))
    with pytest.raises(InputError, match=r"two holds several series of pictures \(flow_\*, img_"):
        read_video(two)
    animation(tmp_path / "three" / "a.webp", ramp(3))
    with pytest.raises(InputError, match=r"three holds clips \(a\.webp is one\)"):
        read_video(tmp_path / "three")


def test_datasets_among_the_videos_are_none_of_them(tmp_path: Path) -> None:
    write_clips(tmp_path / "a.gif", ramp(3))
    write_clips(tmp_path / "b.gif", ramp(3))
    made(tmp_path / "data", tmp_path)
    frames(tmp_path / "data" / "shots", numbered("img_", count=2), ramp(2))
    found = find(tmp_path)
    assert set(listed(found)) == {"a.gif", "b.gif"}
    assert not found.passed


# ---- animations and stacks


@pytest.mark.parametrize("suffix", [".webp", ".png", ".apng", ".tiff", ".avif", ".gif"])
def test_a_file_of_several_pictures_is_a_clip(suffix: str, tmp_path: Path) -> None:
    for who in ("ann", "bob"):
        for take in range(2):
            animation(tmp_path / "in" / who / f"take{take}{suffix}", ramp(4 + take))
    clips = made(tmp_path / "out", tmp_path / "in", test_share=0)
    assert clips.table.length.tolist() == [4, 5, 4, 5]
    assert clips.table.group.tolist() == [0, 0, 1, 1]
    error = np.abs(clips.whole(1)[:, 16, 16, 0].astype(int) - ramp(5)[:, 0, 0, 0])
    assert error.max() <= (6 if suffix == ".avif" else 1)


def test_stills_beside_animations_are_frames_of_their_folder(tmp_path: Path) -> None:
    animation(tmp_path / "ann" / "wave.webp", ramp(4))
    frames(tmp_path / "ann", numbered("img_", count=3), ramp(3))
    assert listed(find(tmp_path)) == {
        "ann": tuple(numbered("img_", count=3)),
        "ann/wave.webp": None,
    }


def test_a_photo_with_a_second_picture_is_one_frame(tmp_path: Path) -> None:
    """MPO, as cameras write for a preview or the other eye."""
    for i, image in enumerate(ramp(3)):
        both = [Image.fromarray(image), Image.fromarray(255 - image)]
        both[0].save(tmp_path / f"{i}.jpg", format="MPO", save_all=True, append_images=both[1:])
    assert listed(find(tmp_path)) == {tmp_path.name: ("0.jpg", "1.jpg", "2.jpg")}


# ---- strips


def test_long_strips_are_known(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for i in range(2):
        for what in ("run", "walk"):
            strip(tmp_path / "in" / what / f"p{i}.png", ramp(4 + i))
    clips = made(tmp_path / "out", tmp_path / "in", names="{person}", levels="action", test_share=0)
    assert clips.table.length.tolist() == [4, 5, 4, 5]
    assert clips.whole(1)[:, 16, 16, 0].tolist() == ramp(5)[:, 0, 0, 0].tolist()
    assert "4 pictures are strips of square frames side by side" in capsys.readouterr().err
    as_frames = find(tmp_path / "in", reading=Reading(strips=False))
    assert listed(as_frames) == {"run": ("p0.png", "p1.png"), "walk": ("p0.png", "p1.png")}


@pytest.mark.parametrize("upright", [False, True])
def test_strips_with_lines_between(upright: bool, tmp_path: Path) -> None:
    """As `vdsm swap --out x.png` writes them."""
    for i in range(2):
        sheet = strips(ramp(5 + i)[None])
        write_picture(tmp_path / f"{i}.png", sheet.swapaxes(0, 1) if upright else sheet)
    clips = made(tmp_path / "out", tmp_path, test_share=0)
    assert clips.table.length.tolist() == [5, 6]
    assert clips.whole(1)[:, 16, 16, 0].tolist() == ramp(6)[:, 0, 0, 0].tolist()
    sheet = strips(ramp(5)[None])
    sheet[3, 24] = 0  # a frame that happens to be so long: the line is none
    for i in range(2):
        write_picture(tmp_path / f"{i}.png", sheet)
    assert set(listed(find(tmp_path))) == {tmp_path.name}


def test_short_strips_are_told(tmp_path: Path) -> None:
    """Three squares side by side may be a wide frame; and one frame among strips is none."""
    for i in range(3):
        strip(tmp_path / "a" / f"{i}.png", ramp(2))
    strip(tmp_path / "b" / "0.png", ramp(9))
    strip(tmp_path / "b" / "1.png", ramp(1))
    assert set(listed(find(tmp_path))) == {"a", "b"}
    found = find(tmp_path, reading=Reading(strips=True))
    assert set(listed(found)) == {"a/0.png", "a/1.png", "a/2.png", "b/0.png"}
    assert [file.path.name for file in found.passed] == ["1.png"]


def test_strips_of_a_command(tmp_path: Path) -> None:
    for i in range(2):
        strip(tmp_path / "in" / f"{i}.png", ramp(3))
    command = ["data", "folder", "--source", str(tmp_path / "in"), "--size", "32", "--strips"]
    assert run([*command, "--out", str(tmp_path / "out"), "--test-share", "0"]) == 0
    assert len(rows_of(tmp_path / "out" / "files.csv")) == 2


# ---- what is passed over


def test_what_is_passed_over_is_counted_and_listed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = tmp_path / "in"
    for who in ("ann", "bob"):
        (root / who).mkdir(parents=True)
        write_clips(root / who / "a.gif", ramp(3))
    write_picture(root / "ann" / "poster.jpg", ramp(1)[0])
    names = ["zoe/a.mp3", "zoe/b.mp3", "yan/walk/notes.txt", "ann/LICENSE", "top.TXT"]
    empty(root, [*names, "Thumbs.db", ".DS_Store", "ann/._a.gif"])
    clips = made(tmp_path / "out", root)
    assert len(clips) == 2
    said = " ".join(capsys.readouterr().err.split())
    assert (
        "passed over: 2 mp3, 2 txt, 1 jpg beside videos, 1 without suffix: see broken.csv in the"
        " dataset; nothing is read of yan, zoe" in said
    )
    rows = rows_of(tmp_path / "out" / "broken.csv")
    assert {row["kind"] for row in rows} == {"passed over"}
    assert {row["path"] for row in rows} == {*names, "ann/poster.jpg"}
    assert clips.info.made["broken"] == 0


def test_nothing_but_other_files(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"holds no video: .*; there lie 2 mp3, 1 txt"):
        find(empty(tmp_path, ["a.mp3", "b.mp3", "c.txt"]))


@pytest.mark.parametrize("link", ["symbolic", "hard"])
def test_a_second_name_of_a_file_is_no_second_clip(link: str, tmp_path: Path) -> None:
    root = empty(tmp_path, ["train/ann/1.mp4", "test/bob/2.mp4"])
    again = root / "test" / "bob" / "1.mp4"
    target = root / "train" / "ann" / "1.mp4"
    again.symlink_to(target) if link == "symbolic" else again.hardlink_to(target)
    found = find(root)
    assert len(found.items) == 2
    assert link == "hard" or found.passed[0].path == again
    assert "the same file as" in found.passed[0].reason
