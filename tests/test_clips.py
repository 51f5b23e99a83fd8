"""The clip interface: what is written is what is read, splits, damage, disks that are full."""

import hashlib
import json
import os
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vdsm.data import open_clips
from vdsm.data.clips import (
    ClipWriter,
    Factor,
    Info,
    MemmapClips,
    hold_out,
    write_arrays,
)
from vdsm.data.scale import scale
from vdsm.errors import InputError
from vdsm.files import atomic_write, claim_folder, read_json

INFO = Info(
    "toy",
    32,
    3,
    (Factor("who", "identity", ("a", "b")), Factor("what", "action", ("x", "y", "z"))),
    {"maker": "test", "seed": 3},
)


def written(path: Path, lengths: tuple[int, ...] = (3, 7, 5)) -> list[np.ndarray]:
    random = np.random.default_rng(0)
    clips = [random.integers(0, 256, (n, 32, 32, 3), np.uint8) for n in lengths]
    with ClipWriter(path, INFO) as out:
        for i, frames in enumerate(clips):
            labels = {"who": i % 2, "what": i} if i < 3 else {}
            out.add(frames, group=i % 2, split="test" if i == 1 else "train", labels=labels)
    return clips


def test_what_is_written_is_read(tmp_path: Path) -> None:
    originals = written(tmp_path / "toy", (3, 7, 5, 2))
    clips = open_clips(tmp_path / "toy")
    assert isinstance(clips, MemmapClips)
    assert clips.path == tmp_path / "toy"
    for i, frames in enumerate(originals):
        np.testing.assert_array_equal(clips.whole(i), frames)
    np.testing.assert_array_equal(clips.read(2, 1, 3), originals[2][1:4])
    batch = clips.batch(np.array([1, 2, 1]), np.array([4, 0, 0]), 3)
    expected = [originals[1][4:7], originals[2][:3], originals[1][:3]]
    np.testing.assert_array_equal(batch, np.stack(expected))
    assert clips.table.length.tolist() == [3, 7, 5, 2]
    assert clips.table.group.tolist() == [0, 1, 0, 1]
    assert clips.table.split.tolist() == [0, 1, 0, 0]
    assert clips.table.labels["what"].tolist() == [0, 1, 2, -1]
    assert clips.info.factors == INFO.factors
    assert clips.info.made["seed"] == 3


def test_select(tmp_path: Path) -> None:
    written(tmp_path / "toy", (3, 7, 5, 2))
    clips = open_clips(tmp_path / "toy")
    assert clips.select().tolist() == [0, 1, 2, 3]
    assert clips.select("train").tolist() == [0, 2, 3]
    assert clips.select("test").tolist() == [1]
    assert clips.select("train", min_length=3).tolist() == [0, 2]
    assert clips.select("test", min_length=8).tolist() == []
    assert clips.info.factor("what").values == ("x", "y", "z")
    with pytest.raises(InputError, match=r"no factor 'colour': it has \['who', 'what'\]"):
        clips.info.factor("colour")


def test_fingerprint_follows_pixels_and_labels(tmp_path: Path) -> None:
    written(tmp_path / "a")
    written(tmp_path / "b")
    print_a = open_clips(tmp_path / "a").fingerprint
    assert print_a == open_clips(tmp_path / "b").fingerprint
    written(tmp_path / "c", (3, 7, 6))
    with ClipWriter(tmp_path / "d", INFO) as out:
        out.add(np.zeros((4, 32, 32, 3), np.uint8), group=0, split="train")
    with ClipWriter(tmp_path / "e", INFO) as out:
        out.add(np.ones((4, 32, 32, 3), np.uint8), group=0, split="train")
    with ClipWriter(tmp_path / "f", INFO) as out:
        out.add(np.ones((4, 32, 32, 3), np.uint8), group=0, split="train", labels={"who": 1})
    prints = {open_clips(tmp_path / name).fingerprint for name in "acdef"}
    assert len(prints) == 5


def test_fingerprint_is_of_no_name_or_version(tmp_path: Path) -> None:
    """The same data recorded otherwise; labels of another meaning are other data."""
    written(tmp_path / "a")
    fingerprint = open_clips(tmp_path / "a").fingerprint
    made = read_json(tmp_path / "a" / "dataset.json")["made"]
    later = made | {"version": "9.0", "seed": 4, "options": {"source": "elsewhere", "fps": None}}
    spoil_json(tmp_path / "a", name="else", made=later)
    assert open_clips(tmp_path / "a").fingerprint == fingerprint
    spoil_json(tmp_path / "a", made=later | {"content": "0"})
    assert open_clips(tmp_path / "a").fingerprint != fingerprint
    spoil_json(tmp_path / "a", made=later, channels=1)
    (tmp_path / "a" / "frames.u8").write_bytes(bytes(15 * 32 * 32))
    assert open_clips(tmp_path / "a").fingerprint != fingerprint


def test_clips_are_known_by_the_fingerprint_of_version_0_1_0(tmp_path: Path) -> None:
    """Written out: SHA-256 of dataset.json with sorted keys, then the columns one by one."""
    written(tmp_path / "a")
    stored = read_json(tmp_path / "a" / "dataset.json")
    digest = hashlib.sha256(json.dumps(stored, sort_keys=True).encode())
    columns = {"length": [3, 7, 5], "group": [0, 1, 0], "split": [0, 1, 0]}
    columns |= {"label.what": [0, 1, 2], "label.who": [0, 1, 0]}
    for name, column in columns.items():
        digest.update(name.encode() + np.array(column, np.int64).tobytes())
    clips = open_clips(tmp_path / "a")
    assert clips.known_as(digest.hexdigest())
    assert clips.known_as(clips.fingerprint)
    assert clips.fingerprint != digest.hexdigest()
    written(tmp_path / "b", (3, 7, 6))
    assert not open_clips(tmp_path / "b").known_as(digest.hexdigest())
    assert not open_clips(tmp_path / "b").known_as(clips.fingerprint)


@given(st.lists(st.integers(0, 20), min_size=1, max_size=60), st.floats(0, 1), st.integers(0, 9))
def test_hold_out_takes_whole_values(values: list[int], share: float, seed: int) -> None:
    split = hold_out(values, share, seed)
    distinct = sorted(set(values))
    sides = {v: {int(s) for w, s in zip(values, split, strict=True) if w == v} for v in distinct}
    assert all(len(side) == 1 for side in sides.values())
    held = sum(side == {1} for side in sides.values())
    if share == 0 or len(distinct) < 2:
        assert held == 0
    else:
        assert 1 <= held <= len(distinct) - 1
        assert abs(held - share * len(distinct)) <= 1
    np.testing.assert_array_equal(split, hold_out(values, share, seed))


def test_hold_out_depends_on_the_seed() -> None:
    splits = {tuple(hold_out(range(50), 0.2, seed).tolist()) for seed in range(5)}
    assert len(splits) == 5


@given(st.sampled_from([8, 16, 32]), st.sampled_from([8, 16, 32]), st.integers(0, 99))
def test_scale_is_the_mean_of_blocks(side: int, size: int, seed: int) -> None:
    frames = np.random.default_rng(seed).integers(0, 256, (2, side, side, 3), np.uint8)
    scaled = scale(frames, size)
    assert scaled.shape == (2, size, size, 3)
    for y, x in ((0, 0), (size - 1, size // 3)):
        if size <= side:
            by = side // size
            mean = frames[:, y * by : (y + 1) * by, x * by : (x + 1) * by].mean(axis=(1, 2))
            assert np.abs(scaled[:, y, x] - mean).max() <= 0.5
        else:
            by = size // side
            np.testing.assert_array_equal(scaled[:, y, x], frames[:, y // by, x // by])


def spoil_json(path: Path, **changes: Any) -> None:
    content = json.loads((path / "dataset.json").read_text())
    (path / "dataset.json").write_text(json.dumps(content | changes))


def spoil_columns(path: Path, **changes: Any) -> None:
    with np.load(path / "clips.npz") as stored:
        columns = {name: stored[name] for name in stored.files} | changes
    np.savez(path / "clips.npz", **{k: v for k, v in columns.items() if v is not None})


def test_damage_is_one_clear_line(tmp_path: Path) -> None:
    ints = np.zeros(3, np.int64)
    damage = {
        "is half made: delete it": lambda p: (p / "dataset.json").unlink(),
        "not valid JSON": lambda p: (p / "dataset.json").write_text('{"name": '),
        "not hold a JSON object": lambda p: (p / "dataset.json").write_text("[]"),
        "data format 9": lambda p: spoil_json(p, format=9),
        "unexpected keyword argument": lambda p: spoil_json(p, surprise=1),
        "storage 'tape'": lambda p: spoil_json(p, storage="tape"),
        "No such file": lambda p: (p / "clips.npz").unlink(),
        "is damaged": lambda p: (p / "clips.npz").write_bytes(b"PK\x03\x04junk"),
        "no column length": lambda p: spoil_columns(p, length=None),
        "no column label.who": lambda p: spoil_columns(p, **{"label.who": None}),
        "column group": lambda p: spoil_columns(p, group=ints[:2]),
        "column split": lambda p: spoil_columns(p, split=ints.astype(np.float32)),
        "impossible lengths": lambda p: spoil_columns(p, length=ints),
        "labels of what exceed its 3": lambda p: spoil_columns(p, **{"label.what": ints + 3}),
        "holds 0 bytes, expected 46080": lambda p: (p / "frames.u8").write_bytes(b""),
        "holds 46079 bytes": lambda p: os.truncate(p / "frames.u8", 46079),
        "npz is damaged": lambda p: spoil_columns(p, start=ints - 1),
    }
    for i, (message, spoil) in enumerate(damage.items()):
        folder = tmp_path / str(i)
        written(folder)
        spoil(folder)  # type: ignore[no-untyped-call]
        with pytest.raises(InputError, match=message.replace(".", r"\.")) as caught:
            open_clips(folder)
        assert str(folder) in str(caught.value)
        assert "\n" not in str(caught.value)
    with pytest.raises(InputError, match=r"no folder .*absent"):
        open_clips(tmp_path / "absent")


def test_pickles_in_a_table_are_refused(tmp_path: Path) -> None:
    written(tmp_path / "toy")
    spoil_columns(tmp_path / "toy", group=np.array([{}, {}, {}], object))
    with pytest.raises(InputError, match="is damaged"):
        open_clips(tmp_path / "toy")


def test_a_maker_that_fails_leaves_nothing(tmp_path: Path) -> None:
    def fail() -> None:
        with ClipWriter(tmp_path / "toy", INFO) as out:
            out.add(np.zeros((4, 32, 32, 3), np.uint8), group=0, split="train")
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert not (tmp_path / "toy").exists()
    with pytest.raises(InputError, match="no clip to write"), ClipWriter(tmp_path / "toy", INFO):
        pass
    written(tmp_path / "toy")  # the folder is free again

    with pytest.raises(InputError, match="in use"):
        ClipWriter(tmp_path / "toy", INFO)
    assert len(open_clips(tmp_path / "toy")) == 3


class FullDisk:
    """A file that takes some bytes and then has no space left."""

    def __init__(self, room: int) -> None:
        self.room = room

    def write(self, content: bytes) -> None:
        self.room -= len(content)
        if self.room < 0:
            raise OSError(28, "No space left on device")

    def close(self) -> None:
        raise OSError(28, "No space left on device")


def test_no_space_left(tmp_path: Path) -> None:
    frames = np.zeros((4, 32, 32, 3), np.uint8)

    def fill() -> None:
        with ClipWriter(tmp_path / "toy", INFO) as out:
            out._file.close()
            out._file = FullDisk(20_000)  # type: ignore[assignment]
            for _ in range(2):
                out.add(frames, group=0, split="train")

    with pytest.raises(InputError, match="no space left"):
        fill()
    assert not (tmp_path / "toy").exists()


def test_arrays_that_fail_leave_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(InputError, match="no space left"):
        write_arrays(tmp_path / "toy", INFO, {}, {"cells": np.zeros(9)})
    assert not (tmp_path / "toy").exists()


def test_atomic_write_keeps_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "file"
    atomic_write(path, b"old")
    atomic_write(path, partial(np.ndarray.tofile, np.frombuffer(b"new", np.uint8)))
    assert path.read_bytes() == b"new"
    (tmp_path / "plain").write_bytes(b"")
    assert path.stat().st_mode == (tmp_path / "plain").stat().st_mode

    def fail(file: Any) -> None:
        file.write(b"half")
        raise OSError(28, "No space left on device")

    with pytest.raises(InputError, match=r"no space left to write .*file"):
        atomic_write(path, fail)

    def divide(file: Any) -> None:
        file.truncate(1 // 0)

    with pytest.raises(ZeroDivisionError):
        atomic_write(path, divide)
    assert path.read_bytes() == b"new"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["file", "plain"]


def test_claimed_folders(tmp_path: Path) -> None:
    claim_folder(tmp_path / "a" / "b")
    claim_folder(tmp_path / "a" / "b")  # empty: still free
    (tmp_path / "a" / "b" / "x").write_text("")
    with pytest.raises(InputError, match="in use"):
        claim_folder(tmp_path / "a" / "b")
    with pytest.raises(InputError, match="is a file, not a folder"):
        claim_folder(tmp_path / "a" / "b" / "x")
    with pytest.raises(InputError, match="cannot make folder"):
        claim_folder(tmp_path / "a" / "b" / "x" / "y")


def test_read_json(tmp_path: Path) -> None:
    (tmp_path / "a").write_text('{"x": [1]}')
    assert read_json(tmp_path / "a") == {"x": [1]}
    (tmp_path / "b").write_bytes(b"\xff\xfe")
    for name, message in (("b", "not valid JSON"), ("c", "cannot read .*c: No such file")):
        with pytest.raises(InputError, match=message):
            read_json(tmp_path / name)
