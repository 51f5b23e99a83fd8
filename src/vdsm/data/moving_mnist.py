"""Moving MNIST: digits that drift and bounce in a frame, drawn as they are read.

Paper, Sec. 4: "55,000 16-frame long sequences of randomly sampled MNIST digits moving in random
trajectories. A 10% holdout set was used for testing".

A digit moves in a straight line and bounces off the edges. Its trajectory class is the slope of
that line (five) and its speed (two): both are the same before and after a bounce, so that any
part of a clip shows its class. Where it starts and to which side it sets off are drawn freely.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt
from pydantic import Field
from pydantic.dataclasses import dataclass as options_dataclass

from vdsm.config import Seed
from vdsm.data.clips import (
    Clips,
    Factor,
    Frames,
    Info,
    Ints,
    hold_out,
    hold_out_validation,
    table_of,
    write_arrays,
)
from vdsm.data.idx import read_idx
from vdsm.data.maker import provenance
from vdsm.data.scale import scale
from vdsm.errors import InputError

SIDE = 64  # pixels of the frame that digits move in
PATCH = 28  # pixels of a digit
ROOM = SIDE - PATCH  # how far a digit can move, pixels
SLOPES = {"horizontal": 0.0, "shallow": 26.565, "diagonal": 45.0, "steep": 63.435, "vertical": 90.0}
SPEEDS = {"slow": 2.0, "fast": 4.0}  # pixels a frame
TRAJECTORIES = tuple(f"{slope} {speed}" for slope in SLOPES for speed in SPEEDS)
# Names under which the images are known, in order of preference.
IMAGES = (
    "train-images-idx3-ubyte",
    "train-images.idx3-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-images.idx3-ubyte",
)

Bytes = npt.NDArray[np.uint8]


@options_dataclass(frozen=True)
class MovingMnistOptions:
    """Options of `vdsm data moving-mnist`."""

    source: Path = Field(description="IDX file of digits, or a folder that has one (.gz or plain)")
    clips: int = Field(default=55_000, ge=2, description="number of clips")
    frames: int = Field(default=16, ge=2, description="frames in a clip")
    digits: int = Field(default=1, ge=1, le=4, description="digits in a clip")
    individuals: int = Field(
        default=10_000, ge=2, description="different digits (or sets of them) that clips show"
    )
    size: Literal[32, 64, 128] = Field(default=64, description="side of a frame in pixels")
    test_share: float = Field(
        default=0.1, gt=0, lt=1, description="share of clips, and of written digits, held out"
    )
    validation_share: float = Field(
        default=0.1, ge=0, lt=1, description="share of individuals held out for choices; 0: none"
    )
    seed: Seed = Field(default=0, description="seed of digits, trajectories and split")


def make(out: Path, options: MovingMnistOptions) -> None:
    """Write the dataset: the digits of every individual, and every clip's motion; no frames."""
    images, labels = read_digits(options.source)
    individuals, held = _individuals(len(images), options)
    test = np.zeros(options.clips, np.int64)
    test[options.clips - max(1, round(options.test_share * options.clips)) :] = 1
    group = np.empty(options.clips, np.int64)
    for split in (0, 1):  # every individual of a split as often as any other
        group[test == split] = np.resize(np.flatnonzero(held == split), int((test == split).sum()))
    trajectory, motion = _motion(options)

    columns = {"length": np.full(options.clips, options.frames), "group": group}
    share = options.validation_share
    columns["split"] = hold_out_validation(test, group, share, options.seed)
    for k in range(options.digits):
        suffix = "" if options.digits == 1 else str(k + 1)
        columns[f"label.digit{suffix}"] = labels[individuals[group, k]].astype(np.int64)
        columns[f"label.trajectory{suffix}"] = trajectory[:, k]
    drawn: Bytes = images[individuals]
    write_arrays(out, _info(options), columns, {"digits": drawn, "motion": motion})


def read_digits(source: Path) -> tuple[Bytes, Bytes]:
    """Images uint8 [M, 28, 28] and labels uint8 [M] of an IDX file and the labels beside it."""
    path = _images_file(source)
    images = read_idx(path, 3)
    if images.shape[1:] != (PATCH, PATCH):
        raise InputError(f"{path} has pictures {images.shape[1:]}, expected {(PATCH, PATCH)}")
    beside = path.with_name(path.name.replace("images", "labels").replace("idx3", "idx1"))
    other = beside.with_suffix("") if beside.suffix == ".gz" else Path(f"{beside}.gz")
    labels_path = next((p for p in (beside, other) if p.exists()), None)
    if labels_path in (None, path):
        raise InputError(f"no labels {beside} beside {path}")
    labels = read_idx(labels_path, 1)
    if len(labels) != len(images):
        raise InputError(f"{labels_path} has {len(labels)} labels for {len(images)} pictures")
    if labels.max(initial=0) > 9:
        raise InputError(f"{labels_path} has label {labels.max()}, expected 0 to 9")
    return images, labels


def _images_file(source: Path) -> Path:
    if not source.is_dir():
        if not source.exists():
            raise InputError(f"no file or folder {source}: get the digits (see docs/data.md)")
        return source
    found = [source / f"{name}{end}" for name in IMAGES for end in ("", ".gz")]
    existing = [path for path in found if path.exists()]
    if not existing:
        raise InputError(f"{source} has no {IMAGES[0]} or {IMAGES[2]}, plain or .gz")
    return existing[0]


def _individuals(written: int, options: MovingMnistOptions) -> tuple[Ints, Ints]:
    """[individuals, digits] which written digits each shows, and [individuals] 1 if held out.

    No written digit is shown by a held-out individual and by another. One digit an individual:
    each is another one, as long as there are enough. Several: sets drawn at random.
    """
    random = np.random.default_rng([options.seed, 0])
    held = hold_out(range(written), options.test_share, options.seed)
    test = max(1, round(options.test_share * options.individuals))
    chosen, splits = [], []
    for split, wanted in ((0, max(1, options.individuals - test)), (1, test)):
        pool = random.permutation(np.flatnonzero(held == split))
        if len(pool) < options.digits:
            raise InputError(f"{written} written digits are too few for {options.digits} in a clip")
        if options.digits == 1:
            sets = pool[:wanted, None]
        else:
            order = random.random((wanted, min(len(pool), 64))).argsort(axis=1)
            first = random.integers(len(pool), size=(wanted, 1))
            sets = pool[(first + order[:, : options.digits]) % len(pool)]
        chosen.append(sets)
        splits.append(np.full(len(sets), split, np.int64))
    return np.concatenate(chosen), np.concatenate(splits)


def _motion(options: MovingMnistOptions) -> tuple[Ints, npt.NDArray[np.float32]]:
    """Trajectory classes [N, digits], and [N, digits, 4]: x, y at the start, velocity x, y."""
    random = np.random.default_rng([options.seed, 1])
    shape = (options.clips, options.digits)
    trajectory = random.integers(len(TRAJECTORIES), size=shape)
    slope = np.radians(list(SLOPES.values()))[trajectory // len(SPEEDS)]
    speed = np.array(list(SPEEDS.values()))[trajectory % len(SPEEDS)]
    side = random.choice([-1.0, 1.0], size=(*shape, 2))
    velocity = side * speed[..., None] * np.stack([np.cos(slope), np.sin(slope)], axis=-1)
    start = random.uniform(0, ROOM, size=(*shape, 2))
    return trajectory, np.concatenate([start, velocity], axis=-1).astype(np.float32)


def _info(options: MovingMnistOptions) -> Info:
    made = provenance(
        "moving-mnist",
        options,
        source="MNIST, handwritten digits by Y. LeCun, C. Cortes and C. Burges",
        licence="CC-BY-SA-3.0",
    )
    values = tuple(str(digit) for digit in range(10))
    suffixes = [""] if options.digits == 1 else [str(k + 1) for k in range(options.digits)]
    factors = (
        *(Factor(f"digit{suffix}", "identity", values) for suffix in suffixes),
        *(Factor(f"trajectory{suffix}", "action", TRAJECTORIES) for suffix in suffixes),
    )
    return Info("moving-mnist", options.size, 1, factors, made, storage="moving-mnist")


def bounce(start: float, velocity: float, t: Ints) -> Ints:
    """Whole pixels from the edge at times t, moving between 0 and `ROOM` and bouncing there."""
    free = start + velocity * t
    return np.asarray(np.rint(ROOM - np.abs(ROOM - free % (2 * ROOM))), np.int64)


class MovingMnistClips(Clips):
    """Draws frames as they are read, from each clip's digits, start and velocity."""

    def __init__(self, path: Path, info: Info, columns: Mapping[str, Ints]) -> None:
        super().__init__(info, table_of(columns), path)
        try:
            self._digits = np.load(path / "digits.npy", mmap_mode="r")
            self._motion = np.load(path / "motion.npy")
        except (OSError, ValueError, EOFError) as error:
            raise InputError(f"{path} is damaged ({error}): make the data again") from error
        digits = sum(factor.role == "identity" for factor in info.factors)
        people = int(self.table.group.max()) + 1
        good = self._motion.shape == (len(self), digits, 4)
        if (
            not good
            or self._digits.shape[1:] != (digits, PATCH, PATCH)
            or len(self._digits) < people
        ):
            raise InputError(f"{path} has arrays of another dataset: make the data again")

    def read(self, clip: int, start: int, frames: int) -> Frames:
        self.require_segment(clip, start, frames)
        return self.crossed(clip, clip, start, frames)

    def crossed(self, who: int, what: int, start: int, frames: int) -> Frames:
        """uint8 [frames, H, W, 1]: the digits of one clip where those of another are."""
        out = np.zeros((frames, SIDE, SIDE, 1), np.uint8)
        for patch, corners in zip(self.digits(who), self.corners(what, start, frames), strict=True):
            for frame, (left, top) in zip(out[..., 0], corners, strict=True):
                window = frame[top : top + PATCH, left : left + PATCH]
                np.maximum(window, patch, out=window)  # where digits meet, the brighter shows
        return scale(out, self.info.size)

    def digits(self, clip: int) -> Frames:
        """uint8 [digits, 28, 28]: what moves in a clip."""
        return np.array(self._digits[self.table.group[clip]])

    def corners(self, clip: int, start: int, frames: int) -> Ints:
        """[digits, frames, 2]: the left and the top edge of each digit, of 64 x 64 pixels."""
        times = np.arange(start, start + frames)
        paths = self._motion[clip].tolist()
        sides = [(bounce(x, right, times), bounce(y, down, times)) for x, y, right, down in paths]
        return np.array(sides).swapaxes(1, 2)
