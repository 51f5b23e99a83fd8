"""Clips in arrays: what they are taken for, what is refused, and the usual packings."""

import builtins
import io
import itertools
import json
import os
import pickle
import shutil
import tarfile
import tracemalloc
import zipfile
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from media import encode, pattern
from vdsm.data import open_clips
from vdsm.data.arrays import ArraysOptions, make, values, write
from vdsm.data.arrays.labels import in_order
from vdsm.data.arrays.unpickle import load_pickle
from vdsm.data.clips import SPLITS as NAMES
from vdsm.data.clips import Clips
from vdsm.errors import InputError
from vdsm.video import read_video

Array = npt.NDArray[Any]
N, T, SIZE = 12, 5, 32


def clips_of(channels: int = 3, count: int = N, frames: int = T, size: int = SIZE) -> Array:
    """uint8 [N, T, H, W, C]: noise that brightens in time; every byte occurs."""
    noise = np.random.default_rng(0).integers(0, 200, (count, 1, size, size, channels))
    moving = noise + 4 * np.arange(frames)[:, None, None, None]
    moving[0, 0, :2, :2], moving[0, 0, 2:4, :2] = 0, 255
    return moving.astype(np.uint8)


def made(tmp_path: Path, source: str | Path = "in.npz", **options: Any) -> Clips:
    """The dataset of a file; an earlier one is removed."""
    out = tmp_path / "out"
    shutil.rmtree(out, ignore_errors=True)
    make(out, ArraysOptions(**{"size": SIZE, "source": tmp_path / source} | options))
    return open_clips(out)


def frames_of(clips: Clips) -> Array:
    return np.stack([clips.whole(i) for i in range(len(clips))])


# ---- axes and values


@pytest.mark.parametrize("layout", ["nthwc", "ntchw", "ncthw", "nthw", "tnhw", "tnchw"])
@pytest.mark.parametrize("told", [True, False])
def test_layouts(layout: str, told: bool, tmp_path: Path) -> None:
    """Recognized by shape and by the number of labels, or told."""
    x = clips_of(3 if "c" in layout else 1)
    stored = x.transpose(["nthwc".index(axis) for axis in layout]) if "c" in layout else (
        x[..., 0].transpose(["nthw".index(axis) for axis in layout]))  # fmt: skip
    np.savez(tmp_path / "in.npz", clips=stored, person=np.arange(N) // 2)
    clips = made(tmp_path, layout=layout if told else None)
    np.testing.assert_array_equal(frames_of(clips), x)
    assert clips.info.made["layout"] == layout


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("kind", [".npy", ".npz", "z.npz", ".h5", ".hdf5", ".pkl"])
def test_containers(kind: str, order: Any, tmp_path: Path) -> None:
    x = np.asarray(clips_of(), order=order)
    path = tmp_path / f"in{kind}"
    if kind == ".npy":
        np.save(path, x)
    elif kind.endswith("npz"):
        (np.savez_compressed if kind == "z.npz" else np.savez)(path, clips=x)
    elif kind == ".pkl":
        path.write_bytes(pickle.dumps({"clips": x}))
    else:
        with h5py.File(path, "w") as file:
            file.create_dataset("a/clips", data=x, chunks=True, compression="gzip")
    np.testing.assert_array_equal(frames_of(made(tmp_path, path.name)), x)


VALUES: dict[str, tuple[Callable[[Array], Array], tuple[float, float]]] = {
    "uint8": (lambda x: x, (0, 255)),
    "unit": (lambda x: (x / 255).astype(np.float32), (0, 1)),
    "half": (lambda x: (x / 255).astype(np.float16), (0, 1)),
    "symmetric": (lambda x: x / 127.5 - 1, (-1, 1)),
    "bytes as floats": (lambda x: x.astype(np.float32), (0, 255)),
    "int64": (lambda x: x.astype(np.int64), (0, 255)),
    "divided by 256": (lambda x: (x / 256).astype(np.float32), (0, 255 / 256)),
}


@pytest.mark.parametrize("name", VALUES)
def test_ranges_give_back_every_byte(name: str, tmp_path: Path) -> None:
    store, limits = VALUES[name]
    x = clips_of()
    np.save(tmp_path / "in.npy", store(x))
    clips = made(tmp_path, "in.npy")
    np.testing.assert_array_equal(frames_of(clips), x)
    assert clips.info.made["range"] == list(limits)


def test_truth_values_are_black_and_white(tmp_path: Path) -> None:
    x = clips_of(1) > 100
    np.save(tmp_path / "in.npy", x)
    np.testing.assert_array_equal(frames_of(made(tmp_path, "in.npy")), x * 255)


def test_a_range_that_is_told(tmp_path: Path) -> None:
    x = clips_of()
    np.save(tmp_path / "in.npy", x.astype(np.uint16) * 257)
    clips = made(tmp_path, "in.npy", range="0,65535")
    np.testing.assert_array_equal(frames_of(clips), x)


def test_scaling_is_that_of_videos(tmp_path: Path) -> None:
    x = clips_of(size=48)
    x = x[:, :, :, :40]
    np.save(tmp_path / "in.npy", x.transpose(0, 1, 4, 2, 3) / 255)
    picture = Image.fromarray(x[3, 2, 4:44])  # the largest square in the middle
    expected = picture.resize((32, 32), Image.Resampling.BICUBIC, reducing_gap=3.0)
    np.testing.assert_array_equal(made(tmp_path, "in.npy").whole(3)[2], np.asarray(expected))
    grey = made(tmp_path, "in.npy", grey=True).whole(3)[2, ..., 0]
    small = picture.convert("L").resize((32, 32), Image.Resampling.BICUBIC, reducing_gap=3.0)
    np.testing.assert_array_equal(grey, np.asarray(small))


# ---- labels, groups, splits


def test_labels_have_roles_by_their_names(tmp_path: Path, capsys: Any) -> None:
    person = np.repeat(["ann", "bob", "cem"], 4)
    hot = np.eye(3)[np.arange(N) % 3]
    np.savez(tmp_path / "in.npz", frames=clips_of(), person=person, action_id=hot,
             attributes=np.stack([np.arange(N) % 2, np.arange(N) // 6], 1), note=np.zeros(4),
             gaze=np.linspace(0, 1, N), pose=np.random.default_rng(0).random((N, T)))  # fmt: skip
    clips = made(tmp_path)
    roles = {factor.name: factor.role for factor in clips.info.factors}
    assert roles == {"person": "identity", "action_id": "action", "attributes1": "action",
                     "attributes2": "action", "gaze": "action"}  # fmt: skip
    assert clips.info.factor("person").values == ("ann", "bob", "cem")
    np.testing.assert_array_equal(clips.table.labels["action_id"], np.arange(N) % 3)
    np.testing.assert_array_equal(clips.table.group, np.arange(N) // 4)
    assert len(clips.info.factor("gaze").values) == 5
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    for word in ("[N, T, H, W, C]", "12 clips of 5 frames", "uint8 from 0 to 255", "gaze (kept in",
                 "identity: person; action: action_id", "note ([4]", "pose ("):  # fmt: skip
        assert word in said
    other = made(tmp_path, identity="action_id,attributes1")
    roles = {factor.name: factor.role for factor in other.info.factors}
    assert roles["person"] == "action"
    assert roles["action_id"] == roles["attributes1"] == "identity"
    assert len(set(other.table.group.tolist())) == 6
    alone = made(tmp_path, identity="none")
    np.testing.assert_array_equal(alone.table.group, np.arange(N))


@pytest.mark.parametrize(
    ("names", "who"),
    [
        (["label"], ["label"]),
        (["label", "action"], ["label"]),
        (["label", "subject_id"], ["subject_id"]),
        (["y", "id"], ["id"]),
        (["class"], []),
        (["action_id", "view"], []),
        (["personID", "class"], ["personID"]),
    ],
)
def test_which_labels_say_who(names: list[str], who: list[str], tmp_path: Path) -> None:
    np.savez(tmp_path / "in.npz", clips=clips_of(), **{name: np.arange(N) // 3 for name in names})
    factors = made(tmp_path).info.factors
    assert [factor.name for factor in factors if factor.role == "identity"] == who


def test_fractions_are_kept_where_few_and_binned_where_many(tmp_path: Path) -> None:
    many = np.random.default_rng(1).permutation(np.linspace(-1, 1, N))
    many[:2] = np.nan, np.inf
    few = np.where(np.arange(N) % 2, 0.25, 1.5)
    np.savez(
        tmp_path / "in.npz", clips=clips_of(), few=few, many=many, whole=np.arange(N) % 3 * 1.0
    )
    clips = made(tmp_path)
    assert clips.info.factor("few").values == ("0.25", "1.5")
    assert clips.info.factor("whole").values == ("0", "1", "2")
    labels = clips.table.labels["many"]
    assert labels[0] == -1
    assert clips.info.factor("many").values[labels[1]] == "inf"
    labels[1] = -1
    for i, name in enumerate(clips.info.factor("many").values[:5]):
        low, high = (float(part) for part in name.split(" to "))
        inside = many[labels == i]
        assert (inside >= low - 1e-6).all()
        assert (inside <= high + 1e-6).all()
        assert len(inside) in (2, 3)


def test_values_are_in_order_of_size() -> None:
    assert in_order(["10", "2", "-1", "0.25", "", "0.5"]) == ("-1", "0.25", "0.5", "2", "10")
    assert in_order(["2 to 3", "-5 to 1", "1.5 to 1.75"]) == ("-5 to 1", "1.5 to 1.75", "2 to 3")
    assert in_order(["clip10", "clip9", "7"]) == ("7", "clip9", "clip10")
    assert in_order(["nan", "2", "1"]) == ("1", "2", "nan")


SPLITS = {
    "words": np.array(["Train", "training", "val", "test"] * 3),
    "three numbers": np.array([0, 0, 1, 2] * 3),
    "two numbers": np.array([0, 0, 1, 1] * 3),
    "bytes": np.array([b"train", b"train", b"valid", b"testing"] * 3),
}


@pytest.mark.parametrize("kind", SPLITS)
def test_split_arrays(kind: str, tmp_path: Path) -> None:
    np.savez(tmp_path / "in.npz", clips=clips_of(), split=SPLITS[kind])
    clips = made(tmp_path)
    np.testing.assert_array_equal(clips.table.split == 0, np.arange(N) % 4 < 2)
    held = ["test", "test"] if kind == "two numbers" else ["validation", "test"]
    assert [NAMES[i] for i in clips.table.split[2:4]] == held


def test_split_by_indices_and_by_parts(tmp_path: Path) -> None:
    x = clips_of()
    np.savez(tmp_path / "in.npz", clips=x, train_indices=[0, 5, 6], test_indices=[7, 1])
    clips = made(tmp_path)
    np.testing.assert_array_equal(frames_of(clips), x[[0, 1, 5, 6, 7]])
    np.testing.assert_array_equal(clips.table.split, [0, 1, 0, 0, 1])
    mask = np.arange(N) % 3 > 0
    np.savez(tmp_path / "in.npz", clips=x.swapaxes(0, 1), is_train=mask, number=np.arange(N))
    np.testing.assert_array_equal(made(tmp_path).table.split == 0, mask)
    np.savez(tmp_path / "in.npz", x_train=x[:8], y_train=np.arange(8), x_test=x[8:],
             y_test=np.arange(4))  # fmt: skip
    clips = made(tmp_path)
    np.testing.assert_array_equal(clips.table.split, [0] * 8 + [1] * 4)
    np.testing.assert_array_equal(clips.table.labels["y"], [*range(8), *range(4)])
    assert len(made(tmp_path, clips="x_test")) == 4
    np.savez(tmp_path / "in.npz", test=x[8:], train=x[:8], train_who=list("aabbccdd"))
    clips = made(tmp_path)
    np.testing.assert_array_equal(frames_of(clips), x)
    np.testing.assert_array_equal(clips.table.labels["who"], [0, 0, 1, 1, 2, 2, 3, 3, *[-1] * 4])
    np.savez(tmp_path / "in.npz", x_train=x[:8], x_test=x[8:])
    assert len(made(tmp_path, clips="x")) == N


def test_lengths_and_groups(tmp_path: Path) -> None:
    x, lengths = clips_of(), np.array([5, 1, 2, 3, 4, 5] * 2)
    np.savez(tmp_path / "in.npz", clips=x, lengths=lengths, group=np.arange(N) % 4)
    clips = made(tmp_path, test_share=0.25)
    kept = lengths > 1
    np.testing.assert_array_equal(clips.table.length, lengths[kept])
    np.testing.assert_array_equal(clips.table.group, (np.arange(N) % 4)[kept])
    np.testing.assert_array_equal(clips.whole(1), x[2, :2])
    held = {(int(g), int(s)) for g, s in zip(clips.table.group, clips.table.split, strict=True)}
    assert len(held) == 4  # no group is in both
    clips = made(tmp_path, holdout="clip", test_share=0.5, validation_share=0, seed=1)
    assert clips.table.split.sum() == 5


# ---- usual packings


def one_hot(numbers: Array, count: int) -> Array:
    return np.eye(count, dtype=np.float32)[numbers]


def six_arrays() -> dict[str, Array]:
    """X, A, D for train and test, as of Sprites."""
    rng = np.random.default_rng(0)
    arrays = {}
    for split, count in (("train", 9), ("test", 4)):
        who, what = rng.integers(0, 6, (count, 4)), rng.integers(0, 9, count)
        arrays[f"X_{split}"] = (rng.integers(0, 256, (count, 8, 64, 64, 3)) / 256).astype("f")
        arrays[f"A_{split}"] = np.repeat(one_hot(who, 6)[:, None], 8, 1)
        arrays[f"D_{split}"] = np.repeat(one_hot(what, 9)[:, None], 8, 1)
    return arrays


@pytest.mark.parametrize("protocol", [None, 2, 4, 5])
def test_sprites_in_six_arrays(protocol: int | None, tmp_path: Path) -> None:
    arrays = six_arrays()
    if protocol is None:
        for name, array in arrays.items():
            (tmp_path / "in").mkdir(exist_ok=True)
            np.save(tmp_path / "in" / f"sprites_{name}.npy", array)
    else:
        more = {"c_augs_train": arrays["X_train"], "m_augs_test": arrays["X_test"]}
        (tmp_path / "in").write_bytes(pickle.dumps(arrays | more, protocol))
        (tmp_path / "in").rename(tmp_path / "in.pkl")
    clips = made(tmp_path, "in" if protocol is None else "in.pkl", size=64)
    x = np.concatenate([arrays["X_train"], arrays["X_test"]])
    np.testing.assert_array_equal(frames_of(clips), x * 256)
    np.testing.assert_array_equal(clips.table.split, [0] * 9 + [1] * 4)
    who = np.concatenate([arrays["A_train"], arrays["A_test"]])[:, 0].argmax(-1)
    what = np.concatenate([arrays["D_train"], arrays["D_test"]])[:, 0].argmax(-1)
    for i in range(len(clips)):
        said = {f.name: f.values[clips.table.labels[f.name][i]] for f in clips.info.factors}
        motion, view = what[i] // 3, what[i] % 3
        assert said["motion"] == ("walk", "spellcast", "slash")[motion]
        assert said["action"] == f"{said['motion']} {('front', 'left', 'right')[view]}"
        assert [said[k] for k in ("body", "pants", "shirt", "hair")] == [
            f"{k} {v}" for k, v in zip(("body", "pants", "shirt", "hair"), who[i], strict=True)
        ]
    same = (who[:, None] == who).all(-1)
    np.testing.assert_array_equal(clips.table.group[:, None] == clips.table.group, same)


@pytest.mark.parametrize("attributes", [True, False])
def test_sprites_by_action_and_view(attributes: bool, tmp_path: Path) -> None:
    folder = tmp_path / "sprites" / "npy"
    folder.mkdir(parents=True)
    rng = np.random.default_rng(0)
    stored = {}
    for split, count in (("train", 4), ("test", 2)):
        who = rng.integers(0, 6, (count, 4))
        for motion in ("walk", "spellcard", "slash"):
            for view in ("front", "right"):
                x = rng.integers(0, 256, (count, 8, 64, 64, 3))
                stored[motion, view, split] = x
                np.save(folder / f"{motion}_{view}_frames_{split}.npy", (x / 256).astype("f"))
                if attributes:
                    hot = np.repeat(one_hot(who, 6)[:, None], 8, 1)
                    np.save(folder / f"{motion}_{view}_attributes_{split}.npy", hot)
    clips = made(tmp_path, "sprites", size=64)
    assert len(clips) == 36
    for i in range(36):
        said = {f.name: f.values[clips.table.labels[f.name][i]] for f in clips.info.factors}
        motion = said["motion"].replace("spellcast", "spellcard")
        split = ("train", "test")[clips.table.split[i]]
        same = [row for row, x in enumerate(stored[motion, said["view"], split])
                if np.array_equal(x, clips.whole(i))]  # fmt: skip
        assert len(same) == 1
        if not attributes:
            assert said["character"] == f"{split} {same[0]}"
    assert len(set(clips.table.group.tolist())) == 6


def test_msd_benchmark(tmp_path: Path) -> None:
    x, hair, move = clips_of(), np.arange(N) % 3, np.arange(N) // 6
    classes = {
        "hair": {"index": 1, "type": "static", "values": {"red": 0, "blue": 1, "green": 2}},
        "walk": {"index": 0, "type": "dynamic", "values": {"left": 0, "right": 1}},
        "seed": {"index": 0, "type": "dynamic", "ignore": True, "values": {}},
    }
    with h5py.File(tmp_path / "in.h5", "w") as file:
        file["data"] = x.transpose(0, 1, 4, 2, 3)
        file["labels"] = np.stack([move, hair], 1)
        file["train_indices"], file["val_indices"] = [3, 2, 1, 0, 6, 7], [4, 5]
        file["test_indices"] = [8, 9, 10, 11]
        file.attrs["classes"] = json.dumps(classes)
    clips = made(tmp_path, "in.h5")
    np.testing.assert_array_equal(frames_of(clips), x)
    assert [(f.name, f.role) for f in clips.info.factors] == [
        ("hair", "identity"), ("walk", "action")]  # fmt: skip
    names = clips.info.factor("hair").values
    assert [names[i] for i in clips.table.labels["hair"]] == ["red", "blue", "green"] * 4
    np.testing.assert_array_equal(clips.table.split, [0, 0, 0, 0, 2, 2, 0, 0, 1, 1, 1, 1])
    with h5py.File(tmp_path / "in.h5", "a") as file:
        file.attrs["classes"] = json.dumps({"hair": {"index": 9, "type": "static"}})
    with pytest.raises(InputError, match=r"attribute 'classes' does not fit 'labels' \[12, 2\]"):
        made(tmp_path, "in.h5")


def test_moving_mnist_is_time_first(tmp_path: Path) -> None:
    x = np.random.default_rng(0).integers(0, 256, (20, 50, 64, 64), np.uint8)
    np.save(tmp_path / "mnist_test_seq.npy", x)
    clips = made(tmp_path, "mnist_test_seq.npy", size=64)
    np.testing.assert_array_equal(frames_of(clips)[..., 0], x.swapaxes(0, 1))
    np.save(tmp_path / "other.npy", x)  # the same under another name: nothing tells
    with pytest.raises(InputError, match="--layout nthw or --layout tnhw"):
        made(tmp_path, "other.npy")
    np.save(tmp_path / "other.npy", clips_of(1)[..., 0].swapaxes(0, 1))  # neighbours in time
    assert len(made(tmp_path, "other.npy")) == N
    np.save(tmp_path / "other.npy", clips_of().swapaxes(0, 1))  # as a rule clips come first
    with pytest.raises(InputError, match="--layout nthwc or --layout tnhwc"):
        made(tmp_path, "other.npy")


# ---- memory, interruptions, the same bytes


def test_the_same_bytes_every_time(tmp_path: Path) -> None:
    np.savez(tmp_path / "in.npz", clips=clips_of() / 255, person=np.arange(N) // 3)
    first = made(tmp_path)
    again = {f.name: f.read_bytes() for f in (tmp_path / "out").iterdir() if f.suffix != ".npz"}
    assert first.fingerprint == made(tmp_path).fingerprint
    for name, content in again.items():
        assert (tmp_path / "out" / name).read_bytes() == content
    assert again.keys() == {"frames.u8", "dataset.json"}


@pytest.mark.parametrize("kind", ["npy", "npz", "h5"])
def test_memory_stays_flat(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(values, "BLOCK", 2**20)
    levels = np.arange(1000 * T, dtype=np.float32).reshape(1000, T, 1, 1, 1) / (1000 * T)
    x = np.broadcast_to(levels, (1000, T, SIZE, SIZE, 3))  # 61 MB
    if kind == "h5":
        with h5py.File(tmp_path / "in.h5", "w") as file:
            file.create_dataset("x", data=x, chunks=(8, T, SIZE, SIZE, 3), compression="lzf")
    elif kind == "npz":
        np.savez_compressed(tmp_path / "in.npz", x=x)
    else:
        np.save(tmp_path / "in.npy", x)
    tracemalloc.start()
    clips = made(tmp_path, f"in.{kind}")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(clips) == 1000
    assert peak < 20e6


def test_what_a_killed_run_left_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    np.savez(tmp_path / "in.npz", clips=clips_of(size=16), person=np.arange(N) // 3)
    whole = made(tmp_path).fingerprint
    fitted, calls = write.fitted, itertools.count()

    def copied(*given: Any) -> Any:
        if next(calls) == 5:
            shutil.copytree(tmp_path / "out", tmp_path / "killed")
        return fitted(*given)

    monkeypatch.setattr(import_module("vdsm.data.arrays.make"), "fitted", copied)
    made(tmp_path)
    shutil.rmtree(tmp_path / "out")
    (tmp_path / "killed").rename(tmp_path / "out")
    with pytest.raises(InputError, match="half made: run the 'vdsm data' command"):
        open_clips(tmp_path / "out")
    make(tmp_path / "out", ArraysOptions(source=tmp_path / "in.npz", size=SIZE))
    assert open_clips(tmp_path / "out").fingerprint == whole
    (tmp_path / "begun").mkdir()
    for name in ("frames.u8", ".making.json.0123abcd"):  # killed at once
        (tmp_path / "begun" / name).touch()
    make(tmp_path / "begun", ArraysOptions(source=tmp_path / "in.npz", size=SIZE))
    assert open_clips(tmp_path / "begun").fingerprint == whole
    with pytest.raises(InputError, match="in use"):
        make(tmp_path / "out", ArraysOptions(source=tmp_path / "in.npz", size=SIZE))


# ---- what is refused


def ragged() -> Array:
    found = np.empty(2, object)
    found[0], found[1] = clips_of()[0], clips_of()[1][:3]
    return found


def spoilt(value: float) -> Array:
    x = clips_of() / 255
    x[3, 2, 1, 1, 0] = value
    return x


MISTAKES: list[tuple[dict[str, Any], dict[str, Any], str]] = [
    ({"x": spoilt(np.nan)}, {}, "in.npz: x holds nan in clip 3, frame 2"),
    ({"x": spoilt(np.nan)}, {"range": "0,1"}, "x holds nan in clip 3, frame 2"),
    ({"x": spoilt(np.inf)}, {}, "x holds inf in clip 3, frame 2"),
    ({"x": spoilt(1.7)}, {}, "x holds float64 values from 0 to 1.7.*--range 0,1 or"),
    ({"x": spoilt(1.7)}, {"range": "0,1"}, "x holds 1.7 in clip 3, frame 2, outside of 0 to 1"),
    ({"x": spoilt(-0.1)}, {}, "from -0.1 to 1: .*--range 0,1 or --range -1,1"),
    ({"x": spoilt(-7)}, {}, "from -7 to 1: .*--range LOW,HIGH"),
    ({"x": (clips_of() > 99).astype(np.uint8)}, {}, "--range 0,1 or --range 0,255"),
    ({"x": clips_of()}, {"range": "1"}, "range '1' is not one"),
    ({"x": clips_of()}, {"range": "1,-1"}, "range '1,-1' is not one"),
    ({"x": clips_of()[:, :3].transpose(0, 1, 4, 2, 3)}, {}, "--layout ntchw or --layout ncthw"),
    ({"x": clips_of()}, {"layout": "nthh"}, "layout 'nthh' is not one"),
    ({"x": clips_of()}, {"layout": "ntchw"}, "32 channels by ntchw"),
    ({"x": clips_of()}, {"layout": "nthw"}, "5 axes, not those of nthw"),
    ({"x": clips_of(4)}, {}, "four channels"),
    ({"x": clips_of()[0]}, {}, "pictures, or one clip"),
    ({"x": clips_of()[0, 0]}, {}, r"no clips .*x \[32, 32, 3\]"),
    ({"x": clips_of()[:0]}, {}, r"x is empty: \[0, 5"),
    ({"x": clips_of()[:, :1]}, {}, "clips of one frame"),
    ({"x": ragged()}, {}, r"x is an array of objects, the first shape \[5, 32, 32, 3\]"),
    ({"x": np.array(["a", "b"])}, {}, "x holds <U1"),
    ({}, {}, "holds no array"),
    ({"x": clips_of(), "z": clips_of()}, {}, "--clips x or --clips z"),
    ({"x": clips_of()}, {"clips": "v"}, r"no array 'v': it has x \[12"),
    ({"x": clips_of(), "who": np.arange(N)}, {"identity": "whom"}, "no label 'whom', only who"),
    ({"x": clips_of(), "split": np.arange(N)}, {}, "split holds '3' for clip 3"),
    ({"x": clips_of(), "lengths": np.arange(N)}, {}, "lengths holds 6 for clip 6"),
    ({"x": clips_of(), "lengths": np.full(N, np.nan)}, {}, "lengths holds nan for clip 0"),
    ({"x": clips_of(), "train_indices": [0, 99]}, {}, "train_indices holds 99"),
    ({"x": clips_of(), "train_idx": [0], "test_idx": [0]}, {}, "clip 0, which is in train"),
    ({"x": clips_of(), "person": np.zeros(N)}, {}, "all clips are of one individual"),
    ({"x": clips_of()}, {"crop": "0,0,99,99"}, "reaches beyond"),
    ({"x": clips_of(), "lengths": np.ones(N)}, {}, "none of 12 clips has 2 frames"),
]


@pytest.mark.parametrize(("arrays", "options", "message"), MISTAKES, ids=[m for *_, m in MISTAKES])
def test_mistakes(
    arrays: dict[str, Any], options: dict[str, Any], message: str, tmp_path: Path
) -> None:
    np.savez(tmp_path / "in.npz", **arrays)
    with pytest.raises(InputError, match=message) as error:
        made(tmp_path, **options)
    assert "\n" not in str(error.value)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("kind", ["npy", "npz", "h5", "pkl", "tar", "tar.gz"])
@pytest.mark.parametrize("content", [b"", b"hello", b"\x93NUMPY\x01\x00\x00", b"PK\x03\x04xx"])
def test_damaged_files(kind: str, content: bytes, tmp_path: Path) -> None:
    (tmp_path / f"in.{kind}").write_bytes(content)
    with pytest.raises(InputError, match=rf"in\.{kind}") as error:
        made(tmp_path, f"in.{kind}")
    assert "\n" not in str(error.value)


def test_files_cut_short(tmp_path: Path) -> None:
    np.save(tmp_path / "in.npy", clips_of())
    np.savez(tmp_path / "in.npz", x=clips_of())
    for name in ("in.npy", "in.npz"):
        content = (tmp_path / name).read_bytes()
        (tmp_path / name).write_bytes(content[: len(content) // 2])
        with pytest.raises(InputError, match=f"{name} cannot be read"):
            made(tmp_path, name)
    with zipfile.ZipFile(tmp_path / "in.npz", "w") as archive:
        archive.writestr("x.npy", content[40:])
    with pytest.raises(InputError, match=r"in\.npz cannot be read"):
        made(tmp_path)


def test_sources_that_are_none(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "x.mat").touch()
    for name, message in (("no.npz", "no file or folder"), ("x.mat", "ends in '.mat'"),
                          ("folder", "folder without .npy"), ("*.tar", "no file fits"),
                          ("no.tar", "no file .*no.tar"), ("*.mat", "only tars")):  # fmt: skip
        with pytest.raises(InputError, match=message):
            made(tmp_path, name)


def test_without_h5py(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def missing(name: str, *given: Any) -> Any:
        if name == "h5py":
            raise ImportError(name)
        return real(name, *given)

    (tmp_path / "in.h5").touch()
    monkeypatch.setattr(builtins, "__import__", missing)
    with pytest.raises(InputError, match=r'in.h5 needs h5py: pip install "vdsm\[hdf5\]"'):
        made(tmp_path, "in.h5")


# ---- pickles


class Runs:
    """A pickle of it calls a function when it is loaded."""

    def __init__(self, function: Any, *given: Any) -> None:
        self.function, self.given = function, given

    def __reduce__(self) -> Any:
        return self.function, self.given


NUMPY = b"numpy._core.multiarray" if np.lib.NumpyVersion(np.__version__) >= "2.0.0" else (
    b"numpy.core.multiarray")  # fmt: skip
HOSTILE: dict[str, Callable[[Path], bytes]] = {
    "system": lambda p: pickle.dumps({"x": Runs(os.system, f"touch {p}")}),
    "eval": lambda p: pickle.dumps(Runs(eval, f"open({str(p)!r}, 'w')")),
    "numpy's files": lambda p: pickle.dumps(Runs(np.fromfile, "x")),
    "a class": lambda p: pickle.dumps(Runs(type, "X", (), {})),
    "a set": lambda p: pickle.dumps({"x": {1, 2}}),
    "a complex number": lambda p: pickle.dumps(1j),
    "a slice": lambda p: pickle.dumps(slice(3)),
    "pointers as a scalar": lambda p: (
        b"c%b\nscalar\n(cnumpy\ndtype\n(S'O8'\ntRS'aaaaaaaa'\ntR." % NUMPY
    ),
    "pointers without a flag": lambda p: (
        b"c%b\n_reconstruct\n(tR(I1\n(I1\ntcnumpy\ndtype\n(S'O8'"
        b"\ntR(I3\nS'|'\nNNNI8\nI8\nI0\ntbI00\nS'aaaaaaaa'\ntb." % NUMPY
    ),
    "changes a function": lambda p: b"c%b\n_reconstruct\n(N}V__code__\nI1\nstb." % NUMPY,
    "a structure": lambda p: pickle.dumps(np.zeros(3, "i4,f4")),
    "a circle": lambda p: b"]q\x00h\x00a.",
    "very deep": lambda p: b"]" * 9000 + b"a" * 8999 + b".",
    "persistent": lambda p: b"\x80\x04Px\n.",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_pickles_run_nothing(name: str, tmp_path: Path) -> None:
    (tmp_path / "in.pkl").write_bytes(HOSTILE[name](tmp_path / "ran"))
    with pytest.raises(InputError, match=r"in\.pkl is not a pickle of arrays") as error:
        made(tmp_path, "in.pkl")
    assert "\n" not in str(error.value)
    assert not (tmp_path / "ran").exists()


def test_object_arrays_run_nothing(tmp_path: Path) -> None:
    labels = np.empty(N, object)
    labels[0] = Runs(os.system, f"touch {tmp_path / 'ran'}")
    np.savez(tmp_path / "in.npz", clips=clips_of(), who=labels)
    with pytest.raises(InputError, match=r"in\.npz cannot be read .*\.system"):
        made(tmp_path)
    assert not (tmp_path / "ran").exists()
    labels[:] = ["ann", "bob"] * 6
    np.savez(tmp_path / "in.npz", clips=clips_of(), who=labels)
    assert made(tmp_path).info.factor("who").values == ("ann", "bob")


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_honest_pickles_are_as_pickle_reads_them(protocol: int, tmp_path: Path) -> None:
    column = np.asfortranarray(np.arange(6.0).reshape(2, 3))
    words = np.array(["ä", "b"])
    content = {"a": column, 1: [words, (np.float32(3), 2**70, None)], "d": {"e": b"x", "f": True},
               "big": np.arange(3, dtype=">i4"), "o": np.array(["x", None], object),
               "s": np.array(b"ab"), "t": np.dtype("<f4"), "empty": np.zeros((0, 3))}  # fmt: skip
    (tmp_path / "in.pkl").write_bytes(pickle.dumps(content, protocol))
    found = load_pickle(tmp_path / "in.pkl")
    assert found.keys() == content.keys()
    for name in ("a", "big", "o", "s", "empty"):
        np.testing.assert_array_equal(found[name], content[name])
        assert np.asarray(found[name]).dtype == content[name].dtype  # type: ignore[attr-defined]
    np.testing.assert_array_equal(found[1][0], words)
    assert found[1][1] == content[1][1]  # type: ignore[index]
    assert found["d"] == content["d"]
    assert found["t"] == np.float32


# ---- WebDataset


def tar(path: Path, files: dict[str, bytes], mode: str = "w") -> Path:
    path.parent.mkdir(exist_ok=True)
    with tarfile.open(path, mode) as out:  # type: ignore[call-overload]
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            out.addfile(member, io.BytesIO(content))
    return path


def npy(array: Array) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


@pytest.mark.parametrize("kind", ["tar", "tar.gz"])
def test_videos_in_tars(kind: str, tmp_path: Path, capsys: Any) -> None:
    truth = []
    for shard in range(2):
        files = {}
        for i in range(3):
            video = encode(tmp_path / "v.mkv", pattern(4 + i))
            truth.append(read_video(video, size=SIZE))
            key = f"./a/take_2.{shard}.{i}"
            about = {"person": f"p{i % 2}", "speed": i / 4, "box": [1]}
            files |= {
                f"{key}.mkv": video.read_bytes(),
                f"{key}.json": json.dumps(about).encode(),
                f"{key}.cls": str(i).encode(),
                f"{key}.txt": b"%d %d" % (i, shard),
            }
        tar(tmp_path / "in" / f"{shard:02}.{kind}", files, "w:gz" if "gz" in kind else "w")
    for source in ("in", f"in/*.{kind}", f"in/{{00..01}}.{kind}"):
        clips = made(tmp_path, source)
        assert len(clips) == 6
        for i in range(6):
            np.testing.assert_array_equal(clips.whole(i), truth[i])
    factors = {f.name: (f.role, f.values) for f in clips.info.factors}
    assert factors == {"person": ("identity", ("p0", "p1")), "class": ("action", ("0", "1", "2")),
                       "speed": ("action", ("0", "0.25", "0.5"))}  # fmt: skip
    np.testing.assert_array_equal(clips.table.labels["class"], [0, 1, 2] * 2)
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 3
    assert "box (a list, no label), txt (captions" in said[0]


def test_arrays_in_tars(tmp_path: Path) -> None:
    x = clips_of()
    stored = {}
    for i, clip in enumerate(x):
        array = np.asfortranarray(clip.transpose(0, 3, 1, 2)[: 3 + i % 3]) / np.float32(255)
        stored[f"{i:03}.frames.npy"] = npy(array)
        about = {"group": i // 4, "split": ["train", "valid", "test"][i // 4], "labels": {"a": i}}
        stored[f"{i:03}.meta.json"] = json.dumps(about).encode()
    tar(tmp_path / "in.tar", stored)
    clips = made(tmp_path, "in.tar", clips="frames.npy", layout="tchw")
    for i in range(N):
        np.testing.assert_array_equal(clips.whole(i), x[i, : 3 + i % 3])
    np.testing.assert_array_equal(clips.table.group, np.arange(N) // 4)
    np.testing.assert_array_equal(clips.table.split, np.repeat([0, 2, 1], 4))
    np.testing.assert_array_equal(clips.table.labels["a"], np.arange(N))


def test_splits_by_the_names_of_tars(tmp_path: Path) -> None:
    for name, count in (("train-00", 3), ("train-01", 2), ("test-00", 1)):
        tar(tmp_path / "in" / f"{name}.tar", {f"{i}.npy": npy(clips_of()[i]) for i in range(count)})
    assert made(tmp_path, "in").table.split.tolist() == [1, 0, 0, 0, 0, 0]


def test_broken_videos_in_tars(tmp_path: Path) -> None:
    good = encode(tmp_path / "v.mkv", pattern(4)).read_bytes()
    tar(tmp_path / "in.tar", {"a.mkv": good[:300], **{f"{i}.mkv": good for i in range(9)}})
    assert len(made(tmp_path, "in.tar")) == 9
    assert len(made(tmp_path, "in.tar", min_length=4)) == 9
    with pytest.raises(InputError, match=r"10 of 10 clips cannot be used.*in\.tar: a\.mkv"):
        made(tmp_path, "in.tar", min_length=5)
    assert len(made(tmp_path, "in.tar")) == 9
    assert "in.tar: a.mkv" in (tmp_path / "out" / "broken.csv").read_text()
    with pytest.raises(InputError, match=r"1 of 10 clips cannot be used.*in\.tar: a\.mkv"):
        made(tmp_path, "in.tar", max_broken=0)
    assert not (tmp_path / "out").exists()


CLIP = clips_of()[0]


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"a.txt": b"x"}, "holds no clip: expected npy, "),
        ({"a.npy": b"x"}, r"in\.tar: a\.npy is not an array"),
        (
            {"a.npy": npy(CLIP), "a.mp4": b"x"},
            "of one sample: choose by --clips npy or --clips mp4",
        ),
        ({"a.npy": npy(CLIP), "a.json": b"{"}, r"a\.json is not valid JSON"),
        ({"a.npy": npy(CLIP), "a.json": b"[]"}, "not hold a JSON object"),
        ({"a.npy": npy(CLIP), "a.json": b'{"split": "x"}'}, "split is 'x'"),
        ({"a.1.npy": npy(CLIP), "a.2.npy": npy(CLIP), "a.json": b"{}"}, "could belong to a.1.npy"),
        ({"a.npy": npy(CLIP), "b.npy": npy(CLIP[..., 0])}, "arrays of"),
        ({"a.npy": npy(CLIP / np.nan)}, r"in\.tar: a\.npy holds nan in clip 0, frame 0"),
        ({"a.npy": npy(CLIP), "./a.npy": npy(CLIP)}, "of one sample|twice"),
        ({"a.npy": npy(CLIP[:1])}, r"1 of 1 clip cannot be used; .*a\.npy has 1 frame, fewer"),
    ],
)
@pytest.mark.filterwarnings("ignore:divide by zero", "ignore:invalid value")
def test_tars_that_do_not_fit(files: dict[str, bytes], message: str, tmp_path: Path) -> None:
    tar(tmp_path / "in.tar", files)
    with pytest.raises(InputError, match=message) as error:
        made(tmp_path, "in.tar")
    assert "\n" not in str(error.value)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("mode", ["w", "w:gz"])
def test_tars_cut_short(mode: str, tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (9, 64, 64, 3), np.uint8)
    content = tar(
        tmp_path / "in.tar", {"a.npy": npy(noise), "b.npy": npy(noise)}, mode
    ).read_bytes()
    for share in (0.1, 0.4, 0.8):
        (tmp_path / "in.tar").write_bytes(content[: int(share * len(content))])
        with pytest.raises(InputError, match=r"in\.tar is not a tar file"):
            made(tmp_path, "in.tar")
    spoilt_bytes = bytearray(content)
    header = len(content) // 2 if mode == "w:gz" else content.index(b"b.npy")
    spoilt_bytes[header : header + 512] = b"x" * 512
    (tmp_path / "in.tar").write_bytes(spoilt_bytes)
    with pytest.raises(InputError, match=r"in\.tar is not a tar file"):
        made(tmp_path, "in.tar")


def test_damage_inside_of_hdf5(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "in.h5", "w") as file:
        file.create_dataset("x", data=clips_of(), chunks=True, compression="gzip")
        place = file["x"].id.get_chunk_info(3)
    content = bytearray((tmp_path / "in.h5").read_bytes())
    content[place.byte_offset : place.byte_offset + place.size] = bytes(place.size)
    (tmp_path / "in.h5").write_bytes(content)
    with pytest.raises(InputError, match=r"in\.h5 cannot be read") as error:
        made(tmp_path, "in.h5")
    assert "\n" not in str(error.value)
    assert not (tmp_path / "out").exists()


def test_the_command(tmp_path: Path) -> None:
    from vdsm.cli import main

    np.savez(tmp_path / "in.npz", clips=clips_of() / 127.5 - 1, person=np.arange(N) // 3)
    words = ["data", "arrays", "--source", str(tmp_path / "in.npz"), "--out"]
    words += [str(tmp_path / "out"), "--size", "32", "--range", "-1,1", "--shards", "2"]
    with pytest.raises(SystemExit) as done:
        main(words)
    assert done.value.code == 0
    np.testing.assert_array_equal(frames_of(open_clips(tmp_path / "out")), clips_of())
