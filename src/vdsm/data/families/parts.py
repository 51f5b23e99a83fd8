"""Things of two links, and patterned things that come nearer: for reports alone."""

import numpy as np

from vdsm.data.families.factors import Params, Varies
from vdsm.data.families.motion import rounds
from vdsm.data.families.paint import Array, capsule, cover, grid, hue, over, pixels

MOVES = ("swings", "reaches", "circles", "nods")
ARM_STEP, TILE_STEP = 1 / 14, 1 / 18  # of a move, per frame
PATTERNS = ("halves", "rings", "quarters", "cross")
WAYS = ("comes and goes", "slides", "sinks", "drifts round")

ARM = (
    Varies("upper hue", "identity", step=1 / 6, turn=True),
    Varies("lower hue", "identity", step=1 / 6, turn=True),
    Varies("thickness", "identity", low=0.03, high=0.08, step=0.02),
    Varies("reach", "identity", low=0.25, high=0.36, step=0.06),
    Varies("move", "action", MOVES),
    Varies("phase", "action", step=1 / 6, turn=True),
)
TILE = (
    Varies("hue", "identity", step=1 / 6, turn=True),
    Varies("ground", "identity", step=1 / 6, turn=True),
    Varies("pattern", "identity", PATTERNS),
    Varies("way", "action", WAYS),
    Varies("phase", "action", step=1 / 6, turn=True),
)


def arm(p: Params, frames: int, size: int) -> Array:
    """[N, T, H, W, 3]: an arm of two links and a hand, before grey, about its shoulder."""
    a = 2 * np.pi * rounds(p["phase"], ARM_STEP, frames)
    which, link = p["move"][:, None], p["reach"][:, None]
    shoulder = np.select(
        [which == 0, which == 1, which == 2],
        [0.6 * np.sin(a), 0.3 + 0.35 * np.cos(a), 0.35 * np.sin(a)],
        -0.3 + 0 * a,
    )
    elbow = np.select(
        [which == 0, which == 1, which == 2],
        [0.15 + 0 * a, 1.2 - 1.0 * np.cos(a), 0.8 * np.cos(a)],
        0.9 * np.sin(a),
    )
    gx, gy = grid(size)
    ax, ay = np.full_like(a, 0.5), np.full_like(a, 0.88)
    bx, by = ax + link * np.sin(shoulder), ay - link * np.cos(shoulder)
    cx = bx + 0.8 * link * np.sin(shoulder + elbow)
    cy = by - 0.8 * link * np.cos(shoulder + elbow)
    thick = pixels(p["thickness"])
    joints = [(pixels(x), pixels(y)) for x, y in ((ax, ay), (bx, by), (cx, cy))]
    picture: Array = np.full((len(a), frames, size, size, 3), 0.35, np.float32)
    upper = cover(capsule(gx, gy, joints[0], joints[1], thick), size)
    lower = cover(capsule(gx, gy, joints[1], joints[2], 0.75 * thick), size)
    hand = cover(np.hypot(gx - joints[2][0], gy - joints[2][1]) - 0.06, size)
    picture = over(picture, upper, hue(p["upper hue"], 0.95, 0.1))
    picture = over(picture, lower, hue(p["lower hue"], 0.95, 0.1))
    return over(picture, hand, np.array([0.95, 0.8, 0.65], np.float32))


def tile(p: Params, frames: int, size: int) -> Array:
    """[N, T, H, W, 3]: a disc with a pattern before a coloured ground, that comes and goes."""
    a = 2 * np.pi * rounds(p["phase"], TILE_STEP, frames)
    which = p["way"][:, None]
    near = np.where(which == 0, 0.24 + 0.1 * np.sin(a), 0.22)
    cx = 0.5 + np.select([which == 1, which == 3], [0.22 * np.sin(a), 0.2 * np.cos(a)])
    cy = 0.5 + np.select([which == 2, which == 3], [0.22 * np.sin(a), 0.2 * np.sin(a)])
    gx, gy = grid(size)
    radius = pixels(near)
    x, y = (gx - pixels(cx)) / radius, (gy - pixels(cy)) / radius
    far = np.hypot(x, y)
    arms = np.minimum(np.abs(x), np.abs(y))
    kind = pixels(p["pattern"])
    signed = np.select(
        [kind == 0, kind == 1, kind == 2],
        [x + 0 * y, np.abs(far - 0.55) - 0.2, x * y * 4],
        arms - 0.18,
    )
    light = np.clip(0.5 - signed * radius * size, 0, 1)[..., None]
    bright, dark = hue(p["hue"], 1.0, 0.2), 0.25 * hue(p["hue"], 1.0, 0.2)
    blank = np.zeros((1, 1, size, size, 3), np.float32) + hue(p["ground"], 0.6, 0.2)
    return over(blank, cover((far - 1) * radius, size), dark + light * (bright - dark))
