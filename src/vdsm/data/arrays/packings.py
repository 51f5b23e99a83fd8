"""Usual packings of data sets of this field, known by the names of their arrays.

- Sprites by Y. Li and S. Mandt (https://github.com/YingzhenLi/Sprites): `npy/` with
  <action>_<view>_frames_<split>.npy, float32 [N, 8, 64, 64, 3], 8-bit values divided by 256, and
  <action>_<view>_attributes_<split>.npy, one-hot [N, 8, 4, 6]. Row i of every file of a split is
  the same character.
- The same in six arrays X, A, D for train and test: files sprites_X_train.npy ..., or one pickle
  as of C-DSVAE, with augmented copies beside. A is one-hot [N, 8, 4, 6], D one-hot [N, 8, 9].
- MSD-Benchmark (https://github.com/azencot-group/MSD-Benchmark): HDF5 with `data`
  [N, T, C, H, W], `labels` [N, L], `<split>_indices`, and an attribute `classes`, JSON: name ->
  index of its column, type static or dynamic, values by name.
"""

import json
import re
from typing import Any

import numpy as np
import numpy.typing as npt

from vdsm.data.arrays.containers import Container
from vdsm.data.arrays.parts import Found, Part
from vdsm.data.arrays.values import Stored
from vdsm.data.folder.levels import split_of
from vdsm.data.sprites import PAIRS
from vdsm.errors import InputError

Numbers = npt.NDArray[np.int64]
ATTRIBUTES = ("body", "pants", "shirt", "hair")
WHO = dict.fromkeys((*ATTRIBUTES, "character"), True)
SPRITES = WHO | dict.fromkeys(("action", "motion", "view"), False)
FRAMES = re.compile(r"([a-z]+)_([a-z]+)_frames(?:_([a-z]+))?")


def by_packing(container: Container) -> Found | None:
    """What lies in a file or folder of a known packing; None for any other."""
    for known in (_six_arrays, _files_of_actions, _benchmark):
        found = known(container)
        if found is not None:
            return found
    return None


def _six_arrays(container: Container) -> Found | None:
    arrays = {name.removeprefix("sprites_"): name for name in container.arrays}
    splits = [s for s in ("train", "valid", "val", "test") if f"X_{s}" in arrays]
    if len(splits) < 2 or not all(f"{x}_{s}" in arrays for x in "AD" for s in splits):
        return None
    parts, used = [], set()
    for split in splits:
        named = {x: arrays[f"{x}_{split}"] for x in "XAD"}
        x, a, d = (container.arrays[named[letter]] for letter in "XAD")
        if len(a.shape) < 3 or a.shape[-2] != len(ATTRIBUTES) or d.shape[-1] != len(PAIRS):
            return None
        used |= set(named.values())
        labels = _attributes(named["A"], a) | _actions(_hot(named["D"], d, 1))
        parts.append(Part(named["X"], x, labels, split_of(split)))
    rest = [name for name in container.arrays if name not in used]
    passed = dict.fromkeys(rest, "no part of Sprites") | container.faults
    return Found(parts, "Sprites in six arrays", SPRITES, None, passed)


def _files_of_actions(container: Container) -> Found | None:
    order = {(m, v): i for i, (m, v) in enumerate(PAIRS)}
    found: list[tuple[str, int, Part]] = []
    used = set()
    for name, clips in container.arrays.items():
        match = FRAMES.fullmatch(name)
        motion = "spellcast" if match and match[1] == "spellcard" else match[1] if match else ""
        if match is None or (motion, match[2]) not in order:
            continue
        pair = order[motion, match[2]]
        beside = name.replace("_frames", "_attributes")
        count, split = clips.shape[0], split_of(match[3] or "")
        labels: dict[str, Stored] = dict(_actions(np.full(count, pair)))
        if beside in container.arrays:
            labels |= _attributes(beside, container.arrays[beside])
        else:
            labels["character"] = np.array([f"{split or 'row'} {i}" for i in range(count)])
        used |= {name, beside, name.replace("_frames", "_directions")}
        found.append((split or "", pair, Part(name, clips, labels, split)))
    if not found:
        return None
    found.sort(key=lambda one: (one[0] == "test", one[0], one[1]))
    passed = {name: "no part of Sprites" for name in container.arrays if name not in used}
    return Found([part for *_, part in found], "Sprites by action and view", SPRITES, None, passed)


def _attributes(name: str, array: Stored) -> dict[str, Stored]:
    """The four attributes of each character."""
    numbers = _hot(name, array, 2)
    if numbers.shape[1:] != (len(ATTRIBUTES),):
        raise InputError(
            f"{name} is {list(array.shape)}: expected [N, T, 4, 6], one-hot for"
            f" {', '.join(ATTRIBUTES)}"
        )
    return {
        attribute: np.array([f"{attribute} {value}" for value in column.tolist()])
        for attribute, column in zip(ATTRIBUTES, numbers.T, strict=True)
    }


def _actions(pairs: Numbers) -> dict[str, Stored]:
    chosen = [PAIRS[pair] for pair in pairs.tolist()]
    return {
        "action": np.array([" ".join(pair) for pair in chosen]),
        "motion": np.array([motion for motion, _ in chosen]),
        "view": np.array([view for _, view in chosen]),
    }


def _hot(name: str, array: Stored, axes: int) -> Numbers:
    """Numbers of a one-hot array whose last `axes` axes are a clip's; of frames, the first."""
    values: Any = np.asarray(array[...])
    if values.ndim == axes + 2:
        values = values[:, 0]
    if not ((values == 0) | (values == 1)).all() or not (values.sum(-1) == 1).all():
        raise InputError(f"{name} is not one-hot: each row should hold a single 1")
    return np.asarray(values.argmax(-1), np.int64)


def _benchmark(container: Container) -> Found | None:
    arrays = container.arrays
    if "classes" not in container.notes or not {"data", "labels"} <= arrays.keys():
        return None
    where = f"{container.path}: the attribute 'classes'"
    table = np.asarray(arrays["labels"][...])
    labels: dict[str, Stored] = {}
    static, passed = {}, {}
    try:
        for name, about in json.loads(container.notes["classes"]).items():
            called = {int(v): str(k) for k, v in (about.get("values") or {}).items()}
            if about.get("ignore"):
                passed[name] = "to be ignored by the file"
                continue
            column = table[:, int(about["index"])].tolist()
            labels[name] = np.array([called.get(value, str(value)) for value in column])
            static[name] = about["type"] == "static"
    except (ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
        raise InputError(
            f"{where} does not fit 'labels' {list(table.shape)}: expected JSON, name -> index,"
            f" type, values ({type(error).__name__}: {error})"
        ) from error
    rest = {name: array for name, array in arrays.items() if name not in ("data", "labels")}
    part = Part("data", arrays["data"], labels | rest)
    return Found([part], "MSD-Benchmark", static, None, passed)
