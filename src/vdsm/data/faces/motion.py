"""What a person does in a take: neutral, onset, apex, offset, neutral, with all that is incidental.

MUG's sequences, "50 to 160 images, begin and end at the neutral state" at 19 a second (Aifanti et
al., 2010); thinned by two, as the paper does, 25 to 80.
"""

import numpy as np
import numpy.typing as npt

from vdsm.data.clips import Floats
from vdsm.data.faces.look import Look
from vdsm.data.faces.scene import POSE
from vdsm.data.faces.shapes2d import smooth
from vdsm.data.faces.units import EXPRESSIONS, SIDED

Poses = npt.NDArray[np.float32]  # [T, len(POSE)]
MOST = 2.0  # weight of a unit
LEAN = {
    "anger": 2.0,
    "fear": -2.5,
    "sadness": 4.0,
    "surprise": -2.5,
    "disgust": -1.5,
}  # degrees down
BLINKS_EVERY = 45  # frames, on average
NAMES = tuple(EXPRESSIONS)


def length_of(seed: int, person: int, expression: int, take: int, span: tuple[int, int]) -> int:
    """Frames of a take, from the shortest to the longest; short ones are more common."""
    random = np.random.default_rng([seed, 2, person, expression, take])
    shortest, longest = span
    return shortest + round((longest - shortest) * float(random.beta(1.3, 3.5)))


def poses_of(seed: int, person: int, expression: int, take: int, look: Look, frames: int) -> Poses:
    """The pose [T, len(POSE)] in each frame of a take."""
    random = np.random.default_rng([seed, 3, person, expression, take])
    name = NAMES[expression]
    poses = np.zeros((frames, len(POSE)), np.float64)
    at = {column: i for i, column in enumerate(POSE)}
    level = random.uniform(0.85, 1.1) * look.manner.strength[name]
    rises = _times(random, frames)
    for unit, weight in EXPRESSIONS[name].items():
        peak = weight * level * look.manner.mixture[name][unit] * random.uniform(0.92, 1.08)
        curve = peak * _curve(frames, rises, random)
        if unit in SIDED:
            poses[:, at[f"{unit}_L"]] = curve * (1 + look.manner.crooked[unit])
            poses[:, at[f"{unit}_R"]] = curve * (1 - look.manner.crooked[unit])
        else:
            poses[:, at[unit]] = curve
    _blink(poses, at, random)
    whole = _curve(frames, rises, random)
    poses[:, at["yaw"]] = _drift(random, frames, 2.5)
    poses[:, at["pitch"]] = _drift(random, frames, 1.6) + LEAN.get(name, 0.0) * whole
    poses[:, at["roll"]] = _drift(random, frames, 1.2)
    poses[:, at["shift_x"]] = _drift(random, frames, 0.004)
    poses[:, at["shift_y"]] = _drift(random, frames, 0.004)
    return poses.astype(np.float32)


def _times(random: np.random.Generator, frames: int) -> tuple[float, float, float, float]:
    """Frames at which the onset begins and ends, and the offset; never long without a feeling."""
    first = random.uniform(1, 5)
    onset = min(random.uniform(4, 11), frames * 0.3)
    last = frames - 1 - random.uniform(1, 5)
    offset = min(random.uniform(5, 13), frames * 0.35)
    return first, first + onset, last - offset, last


def _curve(
    frames: int, times: tuple[float, float, float, float], random: np.random.Generator
) -> Floats:
    """[T] 0 .. about 1: one unit's rise and fall, a little before or after the others."""
    t = np.arange(frames, dtype=np.float64)
    late = random.uniform(-0.8, 0.8)
    begin, up, down, end = times
    hold = 1 + 0.04 * np.sin(t * random.uniform(0.2, 0.5) + random.uniform(0, 2 * np.pi))
    fall = 1 - smooth(t, down + late, end)
    return np.asarray(smooth(t, begin, up + late) * fall * hold)


def _drift(random: np.random.Generator, frames: int, size: float) -> Floats:
    """[T] a slow sway around a place of its own."""
    cycles, phase = random.uniform(0.3, 0.9), random.random()
    t = np.linspace(0, 1, frames)
    return np.asarray(
        size * np.sin(2 * np.pi * (t * cycles + phase)) + random.normal(0, 0.6 * size)
    )


def _blink(poses: Floats, at: dict[str, int], random: np.random.Generator) -> None:
    """Close both eyes now and then, less where they are opened wide; keep weights in bounds."""
    frames = len(poses)
    t = np.arange(frames)
    closed = np.zeros(frames)
    for centre in random.uniform(0, frames, random.poisson(frames / BLINKS_EVERY)):
        closed = np.maximum(closed, np.exp(-(((t - centre) / 1.1) ** 2)))
    for side in "LR":
        lid, wide = at[f"eyeBlink_{side}"], at[f"eyeWide_{side}"]
        poses[:, lid] = np.maximum(poses[:, lid], closed)
        poses[:, wide] *= 1 - closed
    np.clip(poses, 0, MOST, out=poses)
