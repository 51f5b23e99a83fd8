"""A toy world whose every truth is known: squares of three colours and two sizes, that move.

Twelve copies of each colour and size are individuals, told apart by where they stand; each does
three actions. Codes hold exactly the factors, and `render` is their perfect decoder.
"""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

SIZE, FRAMES, COPIES = 16, 4, 12
COLOURS = np.array([[255, 40, 40], [40, 255, 40], [60, 60, 255]], np.uint8)
SIDES = (4, 7)
ROLES = {"colour": "identity", "side": "identity", "direction": "action"}


def frames(colour: int, side: int, direction: int, place: int) -> npt.NDArray[np.uint8]:
    """uint8 [T, H, W, 3]: a square that stays, moves right, or moves down."""
    clip = np.zeros((FRAMES, SIZE, SIZE, 3), np.uint8)
    width = SIDES[side]
    for t in range(FRAMES):
        top = place + 2 * t * (direction == 2)
        left = place + 2 * t * (direction == 1)
        clip[t, top : top + width, left : left + width] = COLOURS[colour]
    return clip


def world() -> dict[str, Any]:
    """Arguments of `panel`: 216 clips of 72 individuals, a quarter of them held out."""
    rows = [
        (colour, side, direction, copy)
        for colour in range(3)
        for side in range(2)
        for copy in range(COPIES)
        for direction in range(3)
    ]
    colour, side, direction, copy = np.array(rows, np.int64).T
    group = (colour * 2 + side) * COPIES + copy
    place = copy % 3
    s = np.concatenate([np.eye(3)[colour], np.eye(2)[side], place[:, None]], axis=1)
    d = np.eye(3)[direction]
    return {
        "real": np.stack([frames(c, w, a, k % 3) for c, w, a, k in rows]),
        "labels": {"colour": colour, "side": side, "direction": direction},
        "roles": ROLES,
        "split": (copy % 4 == 0).astype(np.int64),
        "groups": group,
        "codes": {"s": s.astype(np.float32), "d": d.astype(np.float32)},
        "decode": render,
    }


def render(codes: Any) -> npt.NDArray[np.float32]:
    """The perfect decoder: floats [B, T, C, H, W]."""
    s, d = np.asarray(codes["s"]), np.asarray(codes["d"])
    clips = [
        frames(int(a[:3].argmax()), int(a[3:5].argmax()), int(b.argmax()), round(float(a[5])))
        for a, b in zip(s, d, strict=True)
    ]
    return (np.stack(clips).astype(np.float32) / 255).transpose(0, 1, 4, 2, 3)


def judges(factory: pytest.TempPathFactory) -> Path:
    """Where the toy's judges are kept, for all tests of a session."""
    return factory.getbasetemp() / "judges of the toy"


UNSEEN = np.array([[0, 5], [30, 100], [60, 1], [90, 10], [120, 80], [10, 130]])


def identities(n: int, rng: np.random.Generator) -> npt.NDArray[np.float64]:
    """s from the prior: any colour, side and place."""
    parts = [np.eye(3)[rng.integers(3, size=n)], np.eye(2)[rng.integers(2, size=n)]]
    return np.concatenate([*parts, rng.integers(3, size=(n, 1))], axis=1)


def generated(n: int, rng: np.random.Generator) -> npt.NDArray[np.float32]:
    """Clips of any identity and any direction."""
    return render({"s": identities(n, rng), "d": np.eye(3)[rng.integers(3, size=n)]})


def everything() -> dict[str, Any]:
    """Arguments of `panel` for all that version 0.1.0 measured."""
    return world() | {
        "unseen": UNSEEN,
        "sample_identity": identities,
        "generate": generated,
        "fitted_identity": identities,
        "fitted": generated,
        "features": {"pixels": lambda clips: clips.mean(dim=(3, 4)).flatten(1)},
    }


def encoded(clips: Any) -> dict[str, npt.NDArray[np.float64]]:
    """Codes of clips [B, T, C, H, W], read from their pixels: the inverse of `render`."""
    pixels = (np.asarray(clips).transpose(0, 1, 3, 4, 2) * 255).round().astype(np.uint8)
    known = {
        frames(c, w, a, k).tobytes(): np.concatenate(
            [np.eye(3)[c], np.eye(2)[w], [k], np.eye(3)[a]]
        )
        for c in range(3)
        for w in range(2)
        for a in range(3)
        for k in range(3)
    }
    found = np.array([known[clip.tobytes()] for clip in pixels], np.float64)
    return {"s": found[:, :6], "d": found[:, 6:]}


def drawn(n: int, rng: np.random.Generator) -> tuple[Any, Any]:
    """Contents and motions of clips of nobody."""
    return identities(n, rng), np.eye(3)[rng.integers(3, size=n)]


def recombined(content: Any, motion: Any) -> npt.NDArray[np.float32]:
    """Clips of contents and motions."""
    return render({"s": content, "d": motion})
