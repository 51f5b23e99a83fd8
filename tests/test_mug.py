"""MUG: both layouts, thinning and cropping, splits, what is left out, pickles that are refused."""

import io
import os
import pickle
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from vdsm.data import open_clips
from vdsm.data.clips import Clips
from vdsm.data.mug import EXPRESSIONS, MugOptions, make
from vdsm.data.mug_npz import load_array
from vdsm.errors import InputError

CODES = (0, 1, 3, 4, 7, 8)  # the authors' numbers of the six expressions


def face(person: int, expression: int, t: int, width: int = 80, height: int = 64) -> np.ndarray:
    """A frame with a flat centre: person in red, expression in green, time in blue."""
    frame = np.zeros((height, width, 3), np.uint8)
    side = min(width, height)
    left, top = (width - side) // 2, (height - side) // 2
    frame[top : top + side, left : left + side] = (20 + 40 * person, 20 + 40 * expression, 5 * t)
    return frame


def write_take(folder: Path, person: int, expression: int, length: int) -> None:
    folder.mkdir(parents=True)
    for t in range(length):  # numbers without zeros in front: frame 10 comes after frame 9
        Image.fromarray(face(person, expression, t)).save(folder / f"img_{t}.jpg", quality=95)


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three persons, six expressions, one or two takes; also what is to be passed over."""
    root = tmp_path_factory.mktemp("mug") / "subjects3"
    for person in range(3):
        for index, expression in enumerate(EXPRESSIONS):
            above = root / f"{person + 1:03}" / ("session0" if person == 2 else "")
            take = above / (expression.capitalize() if person == 1 else expression)
            write_take(take / "take000", person, index, 33 + 2 * index)
            if index == 0:
                write_take(take / "take001", person, index, 12)  # too short
    write_take(root / "001" / "neutral" / "take000", 0, 0, 40)
    (root / "001" / "notes.txt").write_text("not a frame")
    return root


def colours(clips: Clips, clip: int) -> np.ndarray:
    """[T, 3]: the colour in the middle of each frame."""
    return np.asarray(clips.whole(clip)[:, 32, 32].astype(int))


def test_tree(tree: Path, tmp_path: Path) -> None:
    for name, source in (("a", tree), ("b", tree.parent)):  # the folder above does as well
        make(tmp_path / name, MugOptions(source=source))
    clips = open_clips(tmp_path / "a")
    assert len(clips) == len(open_clips(tmp_path / "b")) == 18
    assert clips.info.factor("person").values == ("001", "002", "003")
    assert clips.info.factor("expression").values == EXPRESSIONS
    for clip in range(18):
        person, expression = (int(clips.table.labels[f][clip]) for f in ("person", "expression"))
        assert clips.table.length[clip] == 17 + expression  # every second of 33 + 2 e
        times = np.arange(0, 33 + 2 * expression, 2)
        expected = [face(person, expression, t)[32, 40] for t in times.tolist()]
        assert np.abs(colours(clips, clip) - expected).max() <= 3  # JPEG
        assert clips.whole(clip)[:, :, [0, -1], 0].min() > 10  # the black sides are cropped off
    np.testing.assert_array_equal(clips.table.group, clips.table.labels["person"])
    made = clips.info.made
    assert made["clips_found"] == 21
    assert len(made["too_short"]) == 3
    assert made["too_short"][0] == {"clip": "001/anger/take001", "reason": "6 frames"}
    assert made["broken"] == []
    assert {"maker", "version", "source", "licence", "options"} <= made.keys()


def test_options_of_a_tree(tree: Path, tmp_path: Path) -> None:
    options = MugOptions(source=tree, every=1, min_frames=12, size=32, crop="0,0,4,64")
    make(tmp_path / "m", options)
    clips = open_clips(tmp_path / "m")
    assert len(clips) == 21
    assert sorted(set(clips.table.length.tolist())) == [12, 33, 35, 37, 39, 41, 43]
    assert clips.whole(0).shape == (33, 32, 32, 3)
    assert clips.whole(0).mean() < 3  # the box holds the black side alone


def test_split_by_clip_and_by_person(tree: Path, tmp_path: Path) -> None:
    for seed in range(2):
        make(tmp_path / f"clip {seed}", MugOptions(source=tree, seed=seed))
        make(tmp_path / f"person {seed}", MugOptions(source=tree, holdout="person", seed=seed))
    by_clip = [open_clips(tmp_path / f"clip {seed}") for seed in range(2)]
    assert [len(c.select("test")) for c in by_clip] == [3, 3]  # 15 % of 18
    assert by_clip[0].select("test").tolist() != by_clip[1].select("test").tolist()
    for seed in range(2):
        clips = open_clips(tmp_path / f"person {seed}")
        who = clips.table.labels["person"]
        train, test = (set(who[clips.select(split)].tolist()) for split in ("train", "test"))
        assert len(test) == 1
        assert not train & test


def test_broken_takes_are_left_out_and_named(tree: Path, tmp_path: Path) -> None:
    root = tmp_path / "tree"
    for take in sorted(tree.glob("00[12]/*/take000")):
        (root / take.parent.relative_to(tree)).mkdir(parents=True)
        (root / take.relative_to(tree)).symlink_to(take)
    # rglob does not follow links to folders: a tree of links is a tree without pictures.
    with pytest.raises(InputError, match="has no pictures under subject/expression/take"):
        make(tmp_path / "m", MugOptions(source=root))

    root = tmp_path / "real"
    for person in range(2):
        write_take(root / f"{person}" / "anger" / "take000", person, 0, 34)
        write_take(root / f"{person}" / "fear" / "take000", person, 2, 34)
    picture = root / "1" / "fear" / "take000" / "img_4.jpg"
    picture.write_bytes(picture.read_bytes()[:200])
    make(tmp_path / "m", MugOptions(source=root))
    clips = open_clips(tmp_path / "m")
    assert len(clips) == 3
    (broken,) = clips.info.made["broken"]
    assert broken["clip"] == "1/fear/take000"
    assert "img_4.jpg" in broken["reason"]
    second = root / "0" / "fear" / "take000" / "img_0.jpg"
    second.write_bytes(b"")
    with pytest.raises(InputError, match=r"2 of 4 clips are broken so far, more than 5%"):
        make(tmp_path / "n", MugOptions(source=root))
    assert not (tmp_path / "n").exists()


def packed(clips: list[Any]) -> np.ndarray:
    array = np.empty(len(clips), object)
    array[:] = clips
    return array


def npz_clips() -> tuple[list[np.ndarray], np.ndarray]:
    """Clips [T, 112, 112, 3], and labels [N, 2] in the authors' numbers, some to be dropped."""
    clips, labels = [], []
    for person in range(4):
        for expression, code in enumerate(CODES):
            length = 36 + 2 * expression
            frames = [face(person, expression, t, 112, 112) for t in range(length)]
            clips.append(np.stack(frames))
            labels.append((person + 10, code))
        for code in (2, 5, 6):
            clips.append(np.zeros((40, 112, 112, 3), np.uint8))
            labels.append((person + 10, code))
    return clips, np.array(labels)


@pytest.fixture(scope="module")
def npz(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("mug npz")
    clips, labels = npz_clips()
    np.savez_compressed(folder / "MUG_0-255_OF_112x112_color.npz", packed(clips))
    np.savez(folder / "labels.npz", labels)
    return folder


def check_npz(clips: Clips, persons: bool = True) -> None:
    assert len(clips) == 24
    for clip in range(24):
        person, expression = divmod(clip, 6)
        assert clips.table.labels["expression"][clip] == expression
        if persons:
            assert clips.table.labels["person"][clip] == person
        expected = [face(person, expression, t)[32, 40] for t in range(0, 36 + 2 * expression, 2)]
        np.testing.assert_array_equal(colours(clips, clip), expected)


def test_npz_of_the_authors(npz: Path, tmp_path: Path) -> None:
    for name, source in (("a", npz), ("b", npz / "MUG_0-255_OF_112x112_color.npz")):
        make(tmp_path / name, MugOptions(source=source))
        clips = open_clips(tmp_path / name)
        check_npz(clips)
        assert clips.info.factor("person").values == ("10", "11", "12", "13")
        np.testing.assert_array_equal(clips.table.group, clips.table.labels["person"])
        assert len(clips.select("test")) == 4


def test_npz_in_other_packings(tmp_path: Path) -> None:
    clips, labels = npz_clips()
    kept = [i for i, code in enumerate(labels[:, 1]) if code in CODES]
    names = np.array([EXPRESSIONS[CODES.index(labels[i, 1])] for i in kept])
    six = packed([clips[i] for i in kept])

    # one file, expressions by name, nobody named
    np.savez_compressed(tmp_path / "one.npz", videos=six, what=names, who=labels[kept, 0])
    options = MugOptions(source=tmp_path / "one.npz", clips_key="videos", labels_key="what")
    make(tmp_path / "a", options)
    a = open_clips(tmp_path / "a")
    check_npz(a, persons=False)
    assert [f.name for f in a.info.factors] == ["expression"]
    assert len(np.unique(a.table.group)) == 24
    with pytest.raises(InputError, match="does not say who is who"):
        make(
            tmp_path / "x",
            MugOptions(
                source=tmp_path / "one.npz",
                clips_key="videos",
                labels_key="what",
                holdout="person",
            ),
        )

    # the same with persons from a third array
    options = MugOptions(
        source=tmp_path / "one.npz", clips_key="videos", labels_key="what", identity_key="who"
    )
    make(tmp_path / "b", options)
    check_npz(open_clips(tmp_path / "b"))

    # floats, labels in objects and in another file, other numbers
    floats = packed([clip.astype(np.float32) for clip in six])
    np.savez_compressed(tmp_path / "floats.npz", floats)
    rows = packed([np.array([who, CODES.index(code)]) for who, code in labels[kept]])
    np.savez(tmp_path / "who.npz", rows)
    codes = ",".join(f"{i}={name}" for i, name in enumerate(EXPRESSIONS))
    options = MugOptions(source=tmp_path / "floats.npz", labels=tmp_path / "who.npz", codes=codes)
    make(tmp_path / "c", options)
    check_npz(open_clips(tmp_path / "c"))


class Evil:
    """Unpickling one makes a folder."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return os.mkdir, (str(self.path),)


def test_pickles_of_anything_but_arrays_are_refused(tmp_path: Path) -> None:
    mark = tmp_path / "ran"
    for i, content in enumerate([Evil(mark), [np.zeros(3), Evil(mark)], np.random.default_rng(0)]):
        np.savez(tmp_path / f"{i}.npz", packed([content, 1]))
        with pytest.raises(InputError, match=r"cannot read 'arr_0' of .*where only arrays may be"):
            load_array(tmp_path / f"{i}.npz", "arr_0")
    assert not mark.exists()


@pytest.mark.parametrize("protocol", range(5))
def test_arrays_of_every_protocol_are_read(tmp_path: Path, protocol: int) -> None:
    """NumPy of another time wrote other protocols, and named its modules otherwise."""
    original = packed([np.arange(24, dtype=np.uint8).reshape(1, 2, 4, 3), np.float32(2), "text"])
    for old in (False, True):
        buffer = io.BytesIO()
        np.save(buffer, original)
        header = buffer.getvalue()[: 10 + int.from_bytes(buffer.getvalue()[8:10], "little")]
        content = pickle.dumps(original, protocol)
        if old and protocol < 4:  # text names: the lengths of others would change
            content = content.replace(b"numpy._core.multiarray", b"numpy.core.multiarray")
        with zipfile.ZipFile(tmp_path / "old.npz", "w") as archive:
            archive.writestr("arr_0.npy", header + content)
        read = load_array(tmp_path / "old.npz", "arr_0")
        np.testing.assert_array_equal(read[0], original[0])
        assert read[1:].tolist() == [2.0, "text"]


def test_plain_arrays_are_read(tmp_path: Path) -> None:
    arrays = {
        "c": np.arange(6.0).reshape(2, 3),
        "f": np.asfortranarray(np.arange(6).reshape(2, 3)),
        "text": np.array(["ab", "c"]),
        "none": np.zeros((0, 2)),
    }
    np.savez(tmp_path / "plain.npz", **arrays)  # type: ignore[arg-type]
    for key, array in arrays.items():
        np.testing.assert_array_equal(load_array(tmp_path / "plain.npz", key), array)


def test_bad_npz(npz: Path, tmp_path: Path) -> None:
    def check(message: str, source: Path = npz, **options: Any) -> None:
        with pytest.raises(InputError, match=message) as caught:
            make(tmp_path / "out", MugOptions(source=source, **options))
        assert "\n" not in str(caught.value)
        assert not (tmp_path / "out").exists()

    check(r"has no array 'videos': it has arr_0", clips_key="videos")
    check(r"labels\.npz has no array 'what'", labels_key="what")
    check(r"no file .*absent", labels=tmp_path / "absent")
    check(r"no file or folder .*absent", source=tmp_path / "absent")
    check(r"'3=joy' is not NUMBER=EXPRESSION, one of anger, disgust", codes="0=anger,3=joy")
    check(r"has no expression that codes '99=anger' name", codes="99=anger")
    check(r"none of 24 clips keeps 99 frames", min_frames=99)
    check(r"crop 'middle' is not one", crop="middle")
    check(r"reaches beyond a picture of 112 x 112", crop="60,60,60,60")

    clips, labels = npz_clips()
    np.savez(tmp_path / "few.npz", labels[:5])
    check(
        r"'arr_0' of .*few\.npz has shape \(5, 2\), expected \(36,\)", labels=tmp_path / "few.npz"
    )
    np.savez(tmp_path / "odd.npz", labels + 0.5)
    check(r"has label 0\.5, expected a number", labels=tmp_path / "odd.npz")
    np.savez(tmp_path / "who.npz", labels, who=np.arange(3))
    check(r"'who' of .* has shape \(3,\)", labels=tmp_path / "who.npz", identity_key="who")

    (tmp_path / "text.npz").write_text("no zip")
    check(r"cannot read 'arr_0' of .*text\.npz", source=tmp_path / "text.npz", labels=npz)
    whole = (npz / "MUG_0-255_OF_112x112_color.npz").read_bytes()
    (tmp_path / "cut.npz").write_bytes(whole[: len(whole) // 2])
    check(r"cannot read .*cut\.npz", source=tmp_path / "cut.npz", labels=npz / "labels.npz")

    for name, wrong, message in (
        ("shape", np.zeros((9, 112, 112), np.uint8), r"clip 0 is \(9, 112, 112\), expected an arr"),
        ("list", [1, 2], r"clip 0 is list, expected an array"),
        (
            "unit",
            np.full((40, 8, 8, 3), 0.5),
            r"has values 0\.5 \.\. 0\.5, expected 0 \.\. 255",
        ),
        ("range", np.full((40, 8, 8, 3), 300), r"clip 0 has values 300 \.\. 300"),
        ("nan", np.full((40, 8, 8, 3), np.nan), r"clip 0 has values nan \.\. nan"),
        ("type", np.zeros((40, 8, 8, 3), "c8"), r"clip 0 has values of type complex64"),
    ):
        np.savez(tmp_path / f"{name}.npz", packed([wrong, clips[1]]), np.array([0, 1]))
        options = {"labels": tmp_path / f"{name}.npz", "labels_key": "arr_1"}
        check(message, source=tmp_path / f"{name}.npz", **options)
    np.savez(tmp_path / "alone.npz", packed(clips))
    check(r"no .*labels\.npz: name the labels with --labels", source=tmp_path / "alone.npz")


def test_bad_trees(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="has no pictures under subject/expression/take"):
        make(tmp_path / "out", MugOptions(source=tmp_path / "empty"))
    write_take(tmp_path / "one" / "anger" / "take000", 0, 0, 20)
    with pytest.raises(InputError, match="no folder of a person above anger"):
        make(tmp_path / "out", MugOptions(source=tmp_path / "one"))
    with pytest.raises(InputError, match=r"none of 1 clip keeps 16 frames when every 2\."):
        make(tmp_path / "out", MugOptions(source=tmp_path))
