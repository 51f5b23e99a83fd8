"""Things on curves: before black, over pictures, before a camera that shakes, in grey."""

import numpy as np

from vdsm.data.families.factors import Params, Varies
from vdsm.data.families.motion import CURVES, along, rounds
from vdsm.data.families.paint import (
    FORMS,
    Array,
    cover,
    grey,
    grid,
    hue,
    noise,
    outside,
    over,
    pixels,
    scene,
)

ROUND = 1 / 16  # of a curve, per frame
TWO_PIXELS = 1 / 16  # a step of places; right is what is within half of it, at 64 pixels 2
SHAKE = 0.05  # of the side
TEXTURES = ("plain", "stripes", "checks", "dots")
GREY_MOTIONS = ("bounces", "sways", "grows", "circles")

HUE = Varies("hue", "identity", step=1 / 6, turn=True)
FORM = Varies("form", "identity", FORMS)
SIZE = Varies("size", "identity", low=0.08, high=0.15, step=0.035)
CURVE = Varies("curve", "action", CURVES)
PHASE = Varies("phase", "action", step=1 / 8, turn=True)
PLACE = (
    Varies("x", "action", low=0.44, high=0.56, step=TWO_PIXELS),
    Varies("y", "action", low=0.44, high=0.56, step=TWO_PIXELS),
)
SCENE = Varies("scene", "identity")

CURVED = (HUE, FORM, SIZE, CURVE, PHASE, *PLACE)
TEXTURED = (
    HUE,
    Varies("second hue", "identity", step=1 / 6, turn=True),
    Varies("texture", "identity", TEXTURES),
    SCENE,
    CURVE,
    PHASE,
    *PLACE,
)
SHAKEN = (HUE, FORM, SCENE, CURVE, PHASE, Varies("shake", "action"))
GREY = (
    FORM,
    Varies("shade", "identity", low=0.5, high=1.0, step=0.2),
    Varies("backdrop", "identity", low=0.0, high=0.3, step=0.15),
    SIZE,
    Varies("motion", "action", GREY_MOTIONS),
    PHASE,
)


def curved(p: Params, frames: int, size: int) -> Array:
    """[N, T, H, W, 3]: a form of one colour on a curve before black."""
    x, y = placed(p, frames, size)
    share = cover(outside(pixels(p["form"]), x, y, pixels(p["size"])), size)
    return share[..., None] * hue(p["hue"])


def textured(p: Params, frames: int, size: int) -> Array:
    """[N, T, H, W, 3]: a disc in two colours over a picture."""
    x, y = placed(p, frames, size)
    share = cover(np.hypot(x, y) - 0.17, size)
    wave = np.sin(2 * np.pi * 7 * x)
    checks = wave * np.sin(2 * np.pi * 7 * y)
    dots = 0.055 - np.hypot((x + 1.06) % 0.14 - 0.07, (y + 1.06) % 0.14 - 0.07) - 0.01
    kinds = [np.full_like(wave, -1), wave, checks, 12 * dots]
    which = pixels(p["texture"])
    pattern = np.select([which == i for i in range(len(kinds))], kinds)
    second = np.clip(0.5 + 1.5 * pattern, 0, 1)[..., None]
    colour = hue(p["hue"]) + second * (hue(p["second hue"], 0.6, 0.0) - hue(p["hue"]))
    return over(scene(p["scene"], *grid(size)), share, colour)


def shaken(p: Params, frames: int, size: int) -> Array:
    """[N, T, H, W, 3]: a thing on a curve over a picture, all of it shifted from frame to frame."""
    t = np.arange(frames)
    dx, dy = (
        SHAKE * (2 * noise(p["shake"][:, None], t[None] + offset) - 1) for offset in (100, 900)
    )
    gx, gy = grid(size)
    gx, gy = gx - pixels(dx), gy - pixels(dy)
    cx, cy = along(p["curve"], rounds(p["phase"], ROUND, frames))
    x, y = gx - pixels(0.5 + 0.28 * cx), gy - pixels(0.5 + 0.28 * cy)
    share = cover(outside(pixels(p["form"]), x, y, np.float32(0.14)), size)  # type: ignore[arg-type]
    return over(scene(p["scene"], gx, gy), share, hue(p["hue"], 1.0, 0.0))


def greyed(p: Params, frames: int, size: int) -> Array:
    """[N, T, H, W, 1]: a grey form that bounces, sways, grows or circles."""
    turn = rounds(p["phase"], ROUND, frames)
    a, which = 2 * np.pi * turn, p["motion"][:, None]
    jump = 1 - (2 * (turn % 1) - 1) ** 2  # a ball's height between two bounces
    cx = np.select([which == 1, which == 3], [0.25 * np.cos(a), 0.22 * np.cos(a)])
    cy = np.select([which == 0, which == 3], [0.25 - 0.5 * jump, 0.22 * np.sin(a)])
    radius = p["size"][:, None] * np.where(which == 2, 1.25 + 0.6 * np.sin(a), 1.0)
    gx, gy = grid(size)
    x, y = gx - pixels(0.5 + cx), gy - pixels(0.5 + cy)
    share = cover(outside(pixels(p["form"]), x, y, pixels(radius)), size)
    blank = np.zeros((1, 1, 1, 1, 1), np.float32) + grey(p["backdrop"])
    return over(blank, share, grey(p["shade"]))


def placed(p: Params, frames: int, size: int) -> tuple[Array, Array]:
    """The grid as the thing on its curve has it: its own centre is the origin."""
    cx, cy = along(p["curve"], rounds(p["phase"], ROUND, frames))
    gx, gy = grid(size)
    return (
        gx - pixels(p["x"][:, None] + 0.27 * cx),
        gy - pixels(p["y"][:, None] + 0.27 * cy),
    )
