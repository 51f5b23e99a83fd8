"""How a made-up person looks: everything that stays the same from take to take, as numbers."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from vdsm.data.clips import Floats
from vdsm.data.faces.units import EXPRESSIONS, SIDED

Hair = Literal["bald", "buzz", "short", "side", "curly", "bob", "long", "tied", "bun"]
Collar = Literal["round", "vee", "high", "shirt"]

SHAPE_SD, SHAPE_LIMIT = 0.95, 2.2  # of the modes; beyond it faces look unlike people
# Display colours of skin from light to dark, at equal steps.
SKIN = np.array(
    [
        [0.94, 0.78, 0.70],
        [0.87, 0.68, 0.56],
        [0.74, 0.53, 0.40],
        [0.52, 0.35, 0.245],
        [0.33, 0.21, 0.15],
    ]
)
TONES, TONE_SHARES = (0.06, 0.15, 0.3, 0.5, 0.75, 0.95), (0.20, 0.26, 0.20, 0.14, 0.10, 0.10)
HAIR = np.array(
    [  # black, dark brown, brown, light brown, dark blond, blond, red, grey
        [0.07, 0.05, 0.045],
        [0.12, 0.08, 0.06],
        [0.22, 0.14, 0.09],
        [0.34, 0.22, 0.13],
        [0.55, 0.40, 0.22],
        [0.70, 0.58, 0.38],
        [0.42, 0.18, 0.09],
        [0.55, 0.54, 0.53],
    ]
)
HAIR_OF_LIGHT = (0.26, 0.20, 0.16, 0.11, 0.09, 0.08, 0.05, 0.05)
HAIR_OF_DARK = (0.62, 0.24, 0.08, 0.0, 0.0, 0.0, 0.0, 0.06)
IRIS = np.array(
    [  # dark brown, brown, green, blue, grey
        [0.22, 0.13, 0.07],
        [0.33, 0.21, 0.10],
        [0.36, 0.42, 0.24],
        [0.30, 0.45, 0.58],
        [0.42, 0.48, 0.50],
    ]
)
IRIS_OF_LIGHT, IRIS_OF_DARK = (0.32, 0.25, 0.14, 0.19, 0.10), (0.75, 0.25, 0.0, 0.0, 0.0)
CLOTH = np.array(
    [
        [0.16, 0.18, 0.24],
        [0.55, 0.12, 0.14],
        [0.85, 0.85, 0.83],
        [0.20, 0.35, 0.25],
        [0.30, 0.42, 0.62],
        [0.10, 0.10, 0.10],
        [0.60, 0.55, 0.40],
        [0.72, 0.45, 0.20],
        [0.42, 0.26, 0.45],
        [0.80, 0.70, 0.72],
    ]
)
FRAMES = np.array([[0.05, 0.05, 0.06], [0.25, 0.12, 0.07], [0.55, 0.45, 0.25], [0.12, 0.16, 0.34]])
MALE_HAIR: tuple[Hair, ...] = ("bald", "buzz", "short", "side", "curly")
FEMALE_HAIR: tuple[Hair, ...] = ("short", "curly", "bob", "long", "tied", "bun")
COLLARS: tuple[Collar, ...] = ("round", "vee", "high", "shirt")


@dataclass(frozen=True)
class Glasses:
    """A pair of glasses, in centimetres."""

    colour: Floats  # [3]
    wide: float  # half the width of a lens
    high: float  # half its height
    corner: float  # 2: an ellipse; more: nearer to a rectangle
    thick: float  # of the rim


@dataclass(frozen=True)
class Cut:
    """How hair is worn."""

    style: Hair
    line: tuple[float, float, float, float]  # degrees of elevation: front, temple, side, nape
    volume: float
    length: float  # 0 .. 1, of long hair
    parting: int  # -1, 1


@dataclass(frozen=True)
class Manner:
    """How one shows feelings."""

    strength: dict[str, float]  # of each expression
    mixture: dict[str, dict[str, float]]  # of each unit in it
    crooked: dict[str, float]  # of units with two sides: how much more the left one acts


@dataclass(frozen=True)
class Look:
    """A person. Colours [3] are display values."""

    shape: Floats  # [K] weights of the modes
    skin: Floats
    hair: Floats
    iris: Floats
    lips: Floats
    cloth: Floats
    trim: Floats
    cut: Cut
    brow: float  # how full
    beard: tuple[float, float, float]  # whole, moustache, goatee
    stubble: float
    blush: float
    freckles: float
    age: float  # 0 .. 1: how much of the folds stays
    collar: Collar
    glasses: Glasses | None
    light: tuple[float, float, float]  # towards it
    manner: Manner
    grain: int  # seed of what is finer: strands of hair, spots on the skin


def look_of(seed: int, person: int, modes: int) -> Look:
    """Person number `person` of a seed, whoever else there is."""
    random = np.random.default_rng([seed, 1, person])
    male = bool(random.random() < 0.5)
    shape = np.clip(random.normal(0, SHAPE_SD, modes), -SHAPE_LIMIT, SHAPE_LIMIT)
    tone = float(random.choice(TONES, p=TONE_SHARES) + random.uniform(-0.04, 0.04))
    skin = _between(SKIN, tone) * random.uniform(0.96, 1.04, 3)
    light = tone < 0.4
    age = float(random.beta(1.4, 2.2))
    hair = HAIR[random.choice(8, p=HAIR_OF_LIGHT if light else HAIR_OF_DARK)]
    grey = float(np.clip((age - 0.6) * 2.5, 0, 1) * random.random())
    hair = hair * (1 - grey) + HAIR[-1] * grey * random.uniform(0.8, 1.25)
    cloth = CLOTH[random.choice(len(CLOTH))] * random.uniform(0.85, 1.1)
    return Look(
        shape=shape,
        skin=skin,
        hair=hair,
        iris=IRIS[random.choice(5, p=IRIS_OF_LIGHT if tone < 0.3 else IRIS_OF_DARK)],
        lips=_lips(random, skin, male),
        cloth=cloth,
        trim=cloth * random.choice([0.7, 0.85, 1.15]),
        cut=_cut(random, male, age),
        brow=random.uniform(0.75, 1.15) if male else random.uniform(0.55, 0.95),
        beard=_beard(random) if male else (0.0, 0.0, 0.0),
        stubble=random.uniform(0.08, 0.25) if male else 0.0,
        blush=random.uniform(0.03, 0.12),
        freckles=random.uniform(0.3, 0.9) if tone < 0.2 and random.random() < 0.2 else 0.0,
        age=age,
        collar=COLLARS[random.choice(4, p=(0.35, 0.2, 0.15, 0.3))],
        glasses=_glasses(random) if random.random() < 0.25 else None,
        light=(random.uniform(-0.4, 0.4), random.uniform(0.25, 0.5), 1.0),
        manner=_manner(random),
        grain=int(random.integers(2**31)),
    )


def _between(table: Floats, share: float) -> Floats:
    at = np.linspace(0, 1, len(table))
    return np.array([np.interp(share, at, column) for column in table.T])


def _lips(random: np.random.Generator, skin: Floats, male: bool) -> Floats:
    if male:
        return np.asarray(skin * np.array([0.93, 0.66, 0.67]) * random.uniform(0.85, 1.02))
    paint = random.uniform(0, 1) ** 2
    natural, red = skin * np.array([0.98, 0.62, 0.64]), np.array([0.62, 0.13, 0.17])
    return np.asarray(natural * (1 - 0.7 * paint) + red * 0.7 * paint)


def _cut(random: np.random.Generator, male: bool, age: float) -> Cut:
    styles = MALE_HAIR if male else FEMALE_HAIR
    shares = (0.08, 0.2, 0.36, 0.22, 0.14) if male else (0.1, 0.14, 0.22, 0.26, 0.14, 0.14)
    recede = 10 * age * random.random() if male else 0.0
    fringe = random.random() < (0.2 if male else 0.35)
    front, temple = random.uniform(47, 56) + recede, random.uniform(35, 43) + 1.4 * recede
    if fringe:
        front, temple = random.uniform(30, 38), random.uniform(27, 33)
    return Cut(
        style=styles[random.choice(len(styles), p=shares)],
        line=(front, temple, random.uniform(7, 12), random.uniform(-34, -26)),
        volume=random.uniform(0.8, 1.25),
        length=random.uniform(0, 1),
        parting=int(random.choice([-1, 1])),
    )


def _beard(random: np.random.Generator) -> tuple[float, float, float]:
    kind = random.choice(
        ["none", "short", "full", "moustache", "goatee"], p=(0.5, 0.16, 0.14, 0.1, 0.1)
    )
    thick = random.uniform(0.75, 0.95)
    return {
        "none": (0.0, 0.0, 0.0),
        "short": (0.45, 0.1, 0.0),
        "full": (thick, 0.0, 0.0),
        "moustache": (0.0, thick, 0.0),
        "goatee": (0.0, 0.0, thick),
    }[str(kind)]


def _glasses(random: np.random.Generator) -> Glasses:
    return Glasses(
        colour=FRAMES[random.choice(len(FRAMES))],
        wide=random.uniform(2.25, 2.6),
        high=random.uniform(1.6, 2.1),
        corner=random.uniform(2.0, 4.5),
        thick=random.uniform(0.12, 0.24),
    )


def _manner(random: np.random.Generator) -> Manner:
    """How strongly, with which units most, how crookedly."""
    strength = {name: random.uniform(0.8, 1.1) for name in EXPRESSIONS}
    mixture = {
        name: {unit: random.uniform(0.8, 1.2) for unit in units}
        for name, units in EXPRESSIONS.items()
    }
    lean = random.normal(0, 0.06)
    crooked = {unit: float(np.clip(lean + random.normal(0, 0.04), -0.2, 0.2)) for unit in SIDED}
    return Manner(strength, mixture, crooked)
