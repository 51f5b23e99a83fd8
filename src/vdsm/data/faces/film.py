"""A person in a take, frame by frame; what is drawn from is read once a process."""

from functools import lru_cache
from pathlib import Path

import numpy as np

from vdsm.data.clips import Frames
from vdsm.data.faces.look import look_of
from vdsm.data.faces.motion import Poses
from vdsm.data.faces.rig import Rig, rig_of
from vdsm.data.faces.scene import POSE, Head, head_of, picture_of
from vdsm.data.faces.source import load_model

MODEL = "model.npz"  # in the dataset's folder: what the faces are drawn from
SAMPLES = {32: 4, 64: 2, 128: 2}  # a side of a pixel, by the size of a frame


def film(head: Head, poses: Poses, size: int) -> Frames:
    """uint8 [T, size, size, 3] of a person in poses [T, len(POSE)]."""
    return np.stack([picture_of(head, pose, size, SAMPLES[size]) for pose in named(poses)])


def named(poses: Poses) -> list[dict[str, float]]:
    """Each row of poses by the names of its columns."""
    return [dict(zip(POSE, row, strict=True)) for row in poses.astype(np.float64).tolist()]


@lru_cache(maxsize=2)
def load_rig(model: Path) -> Rig:
    """What faces are drawn from."""
    return rig_of(load_model(model))


@lru_cache(maxsize=4)
def load_head(model: Path, seed: int, person: int) -> Head:
    """One person."""
    rig = load_rig(model)
    return head_of(rig, look_of(seed, person, len(rig.modes)))
