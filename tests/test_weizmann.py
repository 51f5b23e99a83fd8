"""Weizmann: strips cut frame by frame, who and what from names, twins on one side of the split."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from vdsm.data import open_clips
from vdsm.data.clips import Clips
from vdsm.data.weizmann import WeizmannOptions, cut, find_strips, make
from vdsm.errors import InputError

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data" / "weizmann"
FOLDERS = {0: 2, 1: 0, 3: 4, 4: 6}  # action: what its numbers add to 8 x person


def strip_of(person: int, action: int, mirrored: int, length: int) -> np.ndarray:
    """Frames with the person in red, the action in green, time in blue; left half black."""
    frames = np.zeros((length, 64, 64, 3), np.uint8)
    right = frames[:, :, :32] if mirrored else frames[:, :, 32:]
    right[..., 0], right[..., 1] = 25 * person + 20, 60 * action + 5
    right[..., 2] = 2 * np.arange(length)[:, None, None]
    return frames


def write_strips(folder: Path, persons: int = 5) -> Path:
    for action, (name, offset) in enumerate(FOLDERS.items()):
        (folder / str(name)).mkdir(parents=True)
        for person in range(persons):
            for mirrored in (0, 1):
                frames = strip_of(person, action, mirrored, 20 + person)
                strip = Image.fromarray(np.concatenate(list(frames), axis=1))
                file = folder / str(name) / f"{8 * person + offset + mirrored:08}.jpg"
                strip.convert("RGBA").save(file, "PNG")  # as the published files are
    return folder


@pytest.fixture(scope="module")
def strips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_strips(tmp_path_factory.mktemp("weizmann"))


def test_clips_are_the_strips_frames(strips: Path, tmp_path: Path) -> None:
    make(tmp_path / "w", WeizmannOptions(source=strips))
    clips = open_clips(tmp_path / "w")
    assert len(clips) == 5 * 4 * 2
    seen = set()
    for clip in range(len(clips)):
        person, action = (int(clips.table.labels[f][clip]) for f in ("person", "action"))
        frames = clips.whole(clip)
        mirrored = int(frames[0, 0, 0, 0] > 0)
        np.testing.assert_array_equal(frames, strip_of(person, action, mirrored, 20 + person))
        seen.add((person, action, mirrored))
    assert len(seen) == 40
    np.testing.assert_array_equal(clips.table.group, clips.table.labels["person"])
    assert [factor.role for factor in clips.info.factors] == ["identity", "action"]
    actions = clips.info.factor("action").values
    assert actions == ("one-hand wave", "two-hand wave", "jumping jack", "bend")
    assert {"maker", "version", "source", "licence", "options"} <= clips.info.made.keys()


def split_cells(clips: Clips, split: str) -> list[tuple[int, int]]:
    chosen = clips.select(split)
    columns = (clips.table.labels[name][chosen].tolist() for name in ("person", "action"))
    return list(zip(*columns, strict=True))


@pytest.mark.parametrize("seed", range(3))
def test_held_out_clips_keep_their_twins(strips: Path, tmp_path: Path, seed: int) -> None:
    make(tmp_path / "w", WeizmannOptions(source=strips, seed=seed))
    clips = open_clips(tmp_path / "w")
    train, test = split_cells(clips, "train"), split_cells(clips, "test")
    assert len(test) == 10  # a quarter
    assert not set(train) & set(test)
    assert all(test.count(cell) == 2 for cell in test)
    # Spread evenly: one clip of every person; every action once or twice.
    assert sorted(person for person, _ in set(test)) == [0, 1, 2, 3, 4]
    counts = np.bincount([action for _, action in set(test)], minlength=4)
    assert counts.min() >= 1
    assert counts.max() <= 2


def test_held_out_persons(strips: Path, tmp_path: Path) -> None:
    for seed in range(4):
        options = WeizmannOptions(source=strips, holdout="person", test_share=0.4, seed=seed)
        make(tmp_path / str(seed), options)
    all_held = []
    for seed in range(4):
        clips = open_clips(tmp_path / str(seed))
        train, test = (
            {p for p, _ in split_cells(clips, "train")},
            {p for p, _ in split_cells(clips, "test")},
        )
        assert len(test) == 2
        assert not train & test
        all_held.append(tuple(sorted(test)))
    assert len(set(all_held)) > 1  # the seed decides


def test_without_mirrored_copies(strips: Path, tmp_path: Path) -> None:
    make(tmp_path / "w", WeizmannOptions(source=strips, mirrored=False))
    clips = open_clips(tmp_path / "w")
    assert len(clips) == 20
    assert not any(clips.whole(i)[0, 0, 0, 0] for i in range(20))


@pytest.mark.parametrize("size", [32, 128])
def test_other_sizes(strips: Path, size: int) -> None:
    frames = cut(strips / "0" / "00000002.jpg", size)
    assert frames.shape == (20, size, size, 3)
    expected = strip_of(0, 0, 0, 20)[:, 0, 60]  # flat areas keep their colour
    np.testing.assert_array_equal(frames[:, 0, -2], expected)


def test_parts_of_the_set(strips: Path, tmp_path: Path) -> None:
    """Two actions of two persons alone."""
    for name in ("0", "4"):
        (tmp_path / "part" / name).mkdir(parents=True)
        for file in sorted((strips / name).iterdir())[4:8]:
            (tmp_path / "part" / name / file.name).symlink_to(file)
    make(tmp_path / "w", WeizmannOptions(source=tmp_path / "part"))
    clips = open_clips(tmp_path / "w")
    assert clips.info.factor("person").values == ("person 2", "person 3")
    assert set(clips.table.labels["action"].tolist()) == {0, 3}


def test_bad_input(strips: Path, tmp_path: Path) -> None:
    def check(source: Path, message: str) -> None:
        with pytest.raises(InputError, match=message) as caught:
            make(tmp_path / "out", WeizmannOptions(source=source))
        assert "\n" not in str(caught.value)
        assert not (tmp_path / "out").exists()

    check(tmp_path / "absent", r"no folder .*absent")
    (tmp_path / "empty" / "7").mkdir(parents=True)
    check(tmp_path / "empty", r"has no strips in folders 0, 1, 3, 4")
    for name, content, message in (
        ("wave.jpg", b"x", r"wave\.jpg should have a number for a name"),
        ("00000002.jpg", b"", r"00000002\.jpg is empty"),
        ("00000003.jpg", b"no picture at all", r"00000003\.jpg"),
    ):
        folder = tmp_path / name
        (folder / "0").mkdir(parents=True)
        (folder / "0" / name).write_bytes(content)
        check(folder, message)
    (tmp_path / "odd" / "0").mkdir(parents=True)
    Image.new("RGB", (100, 64)).save(tmp_path / "odd" / "0" / "00000002.png")
    check(tmp_path / "odd", r"00000002\.png is 100x64 pixels: its width should be T x 64")
    good = (strips / "0" / "00000002.jpg").read_bytes()
    (tmp_path / "cut" / "0").mkdir(parents=True)
    (tmp_path / "cut" / "0" / "00000002.jpg").write_bytes(good[: len(good) // 2])
    check(tmp_path / "cut", r"00000002\.jpg")


@pytest.mark.skipif(not SHARED.exists(), reason="the Weizmann strips are not at hand")
def test_real_strips(tmp_path: Path) -> None:
    strips = find_strips(SHARED)
    assert len(strips) == 72
    make(tmp_path / "w", WeizmannOptions(source=SHARED))
    clips = open_clips(tmp_path / "w")
    assert len(clips.info.factor("person").values) == 9
    length = clips.table.length
    assert (length.min(), length.max()) == (51, 146)
    cells = np.bincount(clips.table.labels["person"] * 4 + clips.table.labels["action"])
    assert cells.tolist() == [2] * 36
    with Image.open(strips[5].path) as image:
        expected = np.asarray(image.convert("RGB"))[:, 64 * 7 : 64 * 8]
    np.testing.assert_array_equal(clips.whole(5)[7], expected)
    for clip in range(0, 72, 2):  # a clip and its mirrored twin
        np.testing.assert_array_equal(clips.whole(clip)[:, :, ::-1], clips.whole(clip + 1))
