"""A toy world whose every truth is known: squares of three colours and two sizes, that move.

Twelve copies of each colour and size are individuals, told apart by where they stand; each does
three actions. Codes hold exactly the factors, and `render` is their perfect decoder.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

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
