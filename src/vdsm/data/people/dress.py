"""Clothes and hair of a look: what they cover, how far they stand out, how they are coloured.

What covers what is a mask over coordinates (`regions`), the same for vertices, which it pushes
outwards, and for the samples of a picture, which it colours.
"""

from collections.abc import Callable, Mapping

import numpy as np

from vdsm.data.clips import Floats
from vdsm.data.people.person import Colour, Look
from vdsm.data.people.regions import Regions
from vdsm.data.render.mesh import Mask

WAIST = 0.2  # height of the trunk
BRIGHT = np.array([0.88, 0.88, 0.86])
THICK = {"bald": 0.0, "cropped": 0.005, "short": 0.017, "bob": 0.02, "long": 0.02, "bun": 0.012}
THICK |= {"afro": 0.05}  # metres of hair


def top(at: Regions, look: Look) -> Mask:
    arms = at["along_arm"] < look.sleeve
    covered = np.where(at["arm"] > 0.5, arms, at["height"] > look.hem)
    return np.asarray(covered & (at["head"] < 0.5) & (at["collar"] > look.collar))


def bottom(at: Regions, look: Look) -> Mask:
    """Trousers; under a skirt what is worn there."""
    length = look.length if look.bottom == "trousers" else 0.5
    trunk = (at["height"] < WAIST) & (at["arm"] < 0.5) & (at["head"] < 0.5)
    return np.asarray(trunk & ((at["along_leg"] < length) | (at["leg"] < 0.5)))


def shoes(at: Regions, look: Look) -> Mask:
    return np.asarray((at["foot"] > 0.5) | ((at["leg"] > 0.5) & (at["along_leg"] > look.shaft)))


def socks(at: Regions, look: Look) -> Mask:
    return np.asarray((at["leg"] > 0.5) & (at["along_leg"] > look.shaft - 0.22))


def hair(at: Regions, look: Look) -> Mask:
    if look.hair == "bald":
        return np.zeros(len(at.values), bool)
    covered = (at["hair"] > look.receding) & (at["crown"] > look.receding - 0.13)
    return np.asarray(covered & (at["head"] > 0.3))


def hat(at: Regions, look: Look) -> Mask:
    return np.asarray((at["crown"] > 0) & (at["head"] > 0.5) & (look.hat is not None))


def thickness(at: Regions, look: Look) -> Floats:
    """[N] metres by which each vertex of the body is pushed outwards."""
    found = np.zeros(len(at.values))
    flare = 1 + 0.8 * np.clip(at["along_leg"] - 0.3, 0, 1.4)
    found = np.where(socks(at, look), 0.004, found)
    found = np.where(bottom(at, look), look.wide * flare, found)
    found = np.where(shoes(at, look), 0.013, found)
    found = np.where(top(at, look), look.loose + 0.004, found)
    found = np.where(hair(at, look), THICK[look.hair], found)
    found = np.where(hat(at, look), 0.016, found)
    return np.where(at["eye"] > 0.5, 0, found)


def colours(at: Regions, look: Look) -> tuple[Floats, Floats, Floats]:
    """Of P samples of the body: colour [P, 3], gloss [P], scatter [P]."""
    colour = np.tile(np.asarray(look.skin), (len(at.values), 1))
    _put(colour, at["lips"] > 0, look.lips)
    shaven = 1 - 0.75 * look.beard
    below = (at["beard"] > 0) & (at["head"] > 0.5)
    _put(colour, below & (look.beard > 0), _mix(look.hair_colour, look.skin, shaven))
    _put(colour, at["brow"] > 0, _mix(look.hair_colour, look.skin, 0.3))
    _put(colour, at["eye"] > 0.5, (0.16, 0.12, 0.11))
    locks = hair(at, look)
    _put(colour, locks, _mix(look.hair_colour, look.skin, 0.35 * (look.hair == "cropped")))
    if look.hat is not None:
        _put(colour, hat(at, look), look.hat)
    bare = (colour == np.asarray(look.skin)).all(1)
    _put(colour, socks(at, look), look.socks)
    _trousers(colour, at, look)
    feet = shoes(at, look)
    _put(colour, feet, look.shoes)
    _shirt(colour, at, look)
    bare &= (colour == np.asarray(look.skin)).all(1)
    gloss = np.where(locks, 0.1, np.where(feet, 0.12, np.where(bare, 0.06, 0.0)))
    return colour, gloss, bare.astype(np.float64)


def _trousers(colour: Floats, at: Regions, look: Look) -> None:
    covered = bottom(at, look)
    _put(colour, covered, look.bottom_colour)
    if look.stripe:
        _put(colour, covered & (at["outer"] > 0.86) & (at["leg"] > 0.5), look.second)


def _shirt(colour: Floats, at: Regions, look: Look) -> None:
    covered = top(at, look)
    _put(colour, covered, look.top)
    _put(colour, covered & PATTERNS[look.pattern](at), look.second)


def _hoops(at: Regions) -> Mask:
    along = np.where(at["arm"] > 0.5, 0.8 - 0.5 * at["along_arm"], at["height"])
    return np.asarray(along * 5 % 1 < 0.5)


PATTERNS: Mapping[str, Callable[[Regions], Mask]] = {
    "plain": lambda at: np.zeros(len(at.values), bool),
    "hoops": _hoops,
    "band": lambda at: (np.abs(at["height"] - 0.6) < 0.09) & (at["arm"] < 0.5),
    "shoulders": lambda at: (at["height"] > 0.74) | (at["arm"] > 0.5),
    "halves": lambda at: at["side"] > 0,
    "print": lambda at: (
        (at["front"] > 0.3) & (np.abs(at["side"]) < 0.075) & (np.abs(at["height"] - 0.62) < 0.13)
    ),
}


def _put(colour: Floats, where: Mask, value: Colour) -> None:
    colour[where] = value


def _mix(first: Colour, second: Colour, share: float) -> Colour:
    red, green, blue = (a * (1 - share) + b * share for a, b in zip(first, second, strict=True))
    return red, green, blue
