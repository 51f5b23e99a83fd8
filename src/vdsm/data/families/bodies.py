"""Things with parts: jointed figures that act, wheels that turn at two speeds."""

import numpy as np

from vdsm.data.families.factors import Params, Varies
from vdsm.data.families.motion import rounds
from vdsm.data.families.paint import Array, capsule, cover, grey, grid, hue, over, pixels

ACTIONS = ("walks", "waves", "jumps", "squats")
STEP = 1 / 12  # of an action, per frame
BLADES = ("two", "three", "four")
SPEEDS, TURNS = ("slow", "fast"), ("left", "right")
RATES = (0.03, 0.09)  # turns per frame of a wheel of one blade

FIGURE = (
    Varies("shirt", "identity", step=1 / 6, turn=True),
    Varies("trousers", "identity", step=1 / 6, turn=True),
    Varies("height", "identity", low=0.8, high=1.1, step=0.12),
    Varies("girth", "identity", low=0.035, high=0.07, step=0.015),
    Varies("backdrop", "identity", low=0.05, high=0.5, step=0.15),
    Varies("action", "action", ACTIONS),
    Varies("phase", "action", step=1 / 6, turn=True),
)
WHEEL = (
    Varies("hue", "identity", step=1 / 6, turn=True),
    Varies("backdrop", "identity", step=1 / 6, turn=True),
    Varies("blades", "identity", BLADES),
    Varies("length", "identity", low=0.24, high=0.44, step=0.08),
    Varies("speed", "action", SPEEDS),
    Varies("turns", "action", TURNS),
    Varies("phase", "action", step=1 / 5, turn=True),
)


def figure(p: Params, frames: int, size: int) -> Array:
    """[N, T, H, W, 3]: shirt, trousers, head and four limbs that act."""
    gx, gy = grid(size)
    a = 2 * np.pi * rounds(p["phase"], STEP, frames)
    which, tall, girth = p["action"][:, None], p["height"], pixels(p["girth"])
    squat = np.where(which == 3, 0.5 - 0.5 * np.cos(a), 0)
    lift = np.where(which == 2, np.maximum(np.sin(a), 0) * 0.12, 0)
    leg, trunk, arm = (tall[:, None] * length for length in (0.3, 0.26, 0.2))
    foot_y = 0.92 - lift
    hip = foot_y - leg * (1 - 0.45 * squat)
    neck = hip - trunk
    stride = np.where(which == 0, 0.5 * np.sin(a), np.where(which == 3, 0.5 * squat, 0.12))
    left = np.where(which == 0, -stride, -np.abs(stride))
    right = np.where(which == 0, stride, np.abs(stride))
    swing = np.where(which == 1, 2.2 + 0.6 * np.sin(2 * a), np.where(which == 2, 0.4 + 6 * lift, 0))
    sides = (
        (left, np.where(which == 0, stride, -swing)),
        (right, np.where(which == 0, -stride, swing)),
    )
    middle = np.full_like(hip, 0.5)
    blank = np.zeros((len(tall), frames, size, size, 3), np.float32)
    picture: Array = blank + grey(p["backdrop"])
    trousers, shirt = hue(p["trousers"], 0.9, 0.1), hue(p["shirt"], 1.0, 0.25)

    def limb(ax: Array, ay: Array, bx: Array, by: Array, thick: Array) -> Array:
        ends = (pixels(ax), pixels(ay)), (pixels(bx), pixels(by))
        return cover(capsule(gx, gy, *ends, thick), size)

    for bend, _ in sides:
        picture = over(
            picture,
            limb(
                middle,
                hip,
                0.5 + leg * np.sin(bend),
                np.minimum(foot_y, hip + leg * np.cos(bend)),
                girth,
            ),
            trousers,
        )
    picture = over(picture, limb(middle, neck + 0.03, middle, hip, 1.5 * girth), shirt)
    for _, raised in sides:
        x, y = 0.5 + arm * np.sin(raised), neck + 0.03 + arm * np.cos(raised)
        picture = over(picture, limb(middle, neck + 0.03, x, y, 0.8 * girth), shirt)
    head = cover(np.hypot(gx - 0.5, gy - pixels(neck - 0.07)) - 0.07, size)
    return over(picture, head, np.array([0.95, 0.8, 0.65], np.float32))


def wheel(p: Params, frames: int, size: int) -> Array:
    """[N, T, H, W, 3]: blades that turn, slowly or fast, left or right."""
    count = p["blades"] + 2
    rate = np.asarray(RATES)[p["speed"].astype(int)] * np.where(p["turns"] == 0, -1, 1)
    turn = rounds(p["phase"], rate * 2, frames) / count[:, None]  # all phases look different
    gx, gy = grid(size)
    x, y = gx - 0.5, gy - 0.5
    radius, angle = np.hypot(x, y), np.arctan2(y, x)
    sector = 2 * np.pi / pixels(count)
    off = (angle - 2 * np.pi * pixels(turn) + sector / 2) % sector - sector / 2
    across = radius * np.abs(np.sin(off)) + np.where(np.abs(off) > np.pi / 2, 1, 0)
    blade = np.maximum(across - 0.05, radius - pixels(p["length"]))
    hub = radius - 0.09
    blank = np.zeros((1, 1, size, size, 3), np.float32) + hue(p["backdrop"], 0.35, 0.05)
    return over(blank, cover(np.minimum(blade, hub), size), hue(p["hue"], 1.0, 0.3))
