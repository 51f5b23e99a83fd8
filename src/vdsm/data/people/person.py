"""Who somebody is, drawn by chance from the seed of the dataset and their number: body and look."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from vdsm.data.clips import Floats
from vdsm.data.people.shape import Shape

Colour = tuple[float, float, float]
Pattern = Literal["plain", "hoops", "band", "shoulders", "halves", "print"]
Bottom = Literal["trousers", "skirt"]
Hair = Literal["bald", "cropped", "short", "bob", "long", "bun", "afro"]

SKIN: dict[str, Colour] = {
    "african": (0.36, 0.23, 0.16),
    "asian": (0.85, 0.65, 0.49),
    "caucasian": (0.90, 0.69, 0.57),
}
HAIR: dict[str, Colour] = {
    "black": (0.07, 0.06, 0.06),
    "dark": (0.20, 0.13, 0.09),
    "brown": (0.38, 0.25, 0.14),
    "red": (0.52, 0.24, 0.10),
    "fair": (0.76, 0.60, 0.33),
    "grey": (0.62, 0.61, 0.60),
}
TOPS: tuple[Colour, ...] = (
    (0.78, 0.13, 0.13),
    (0.13, 0.29, 0.68),
    (0.10, 0.46, 0.24),
    (0.92, 0.77, 0.15),
    (0.90, 0.90, 0.88),
    (0.13, 0.13, 0.15),
    (0.49, 0.23, 0.56),
    (0.91, 0.45, 0.10),
    (0.25, 0.63, 0.72),
    (0.88, 0.48, 0.62),
    (0.05, 0.36, 0.38),
    (0.58, 0.68, 0.30),
)
BOTTOMS: tuple[Colour, ...] = (
    (0.12, 0.17, 0.34),
    (0.11, 0.11, 0.12),
    (0.47, 0.46, 0.32),
    (0.38, 0.40, 0.43),
    (0.47, 0.11, 0.14),
    (0.20, 0.30, 0.20),
    (0.82, 0.80, 0.74),
    (0.36, 0.50, 0.70),
)
SHOES: tuple[Colour, ...] = (
    (0.09, 0.09, 0.10),
    (0.90, 0.90, 0.90),
    (0.70, 0.12, 0.12),
    (0.36, 0.22, 0.12),
    (0.15, 0.30, 0.62),
    (0.95, 0.62, 0.10),
)


DETAILS = {  # how far each goes, up or down
    "torso/torso-scale-horiz": 0.5,
    "torso/torso-vshape": 0.6,
    "torso/torso-scale-vert": 0.35,
    "hip/hip-scale-horiz": 0.6,
    "stomach/stomach-tone": 0.8,
    "buttocks/buttocks-volume": 0.6,
    "legs/upperlegs-height": 0.5,
    "legs/lowerlegs-height": 0.5,
    "head/head-scale-horiz": 0.5,
    "head/head-scale-vert": 0.5,
    "neck/neck-scale-vert": 0.5,
}


@dataclass(frozen=True)
class Look:
    """Colours and cuts; lengths along a limb as `regions` counts them, thickness in metres."""

    skin: Colour
    lips: Colour
    hair: Hair
    hair_colour: Colour
    receding: float  # metres that the hairline lies further back
    beard: float  # 0 none .. 1 full
    hat: Colour | None
    top: Colour
    second: Colour  # of the pattern
    pattern: Pattern
    sleeve: float  # 0.35 short .. 1.9 long; negative: none
    collar: float  # metres about the neck that are bare
    hem: float  # height of the trunk where the top ends
    loose: float  # thickness of the top
    bottom: Bottom
    bottom_colour: Colour
    stripe: bool  # at the sides of the trousers
    length: float  # of trousers or skirt
    wide: float  # thickness of the trousers
    shoes: Colour
    sole: Colour
    shaft: float  # along the leg where the shoes begin
    socks: Colour


@dataclass(frozen=True)
class Person:
    shape: Shape
    look: Look


def person(seed: int, number: int) -> Person:
    """The same for the same seed and number, whatever else is made."""
    random = np.random.default_rng([seed, 1, number])
    male = bool(random.random() < 0.5)
    ancestry = random.dirichlet([0.45, 0.45, 0.45])
    age = float(0.5 + 0.48 * random.random() ** 1.6)
    shape = _shape(random, male, ancestry, age)
    return Person(shape, _look(random, seed, number, male, ancestry, age))


def _shape(random: np.random.Generator, male: bool, ancestry: Floats, age: float) -> Shape:
    return Shape(
        male=float(male),
        ancestry=(float(ancestry[0]), float(ancestry[1]), float(ancestry[2])),
        age=age,
        muscle=float(random.uniform(0.2, 0.85)),
        weight=float(random.beta(1.5, 1.5)),
        height=float(random.uniform(0.42, 0.58)),
        proportions=float(random.uniform(0.2, 0.9)),
        details={name: float(most * random.uniform(-1, 1)) for name, most in DETAILS.items()},
    )


def _look(
    random: np.random.Generator, seed: int, number: int, male: bool, ancestry: Floats, age: float
) -> Look:
    shades = [np.asarray(colour) for colour in SKIN.values()]
    skin = sum(share * shade for share, shade in zip(ancestry, shades, strict=True))
    skin = np.asarray(skin) * random.uniform(0.93, 1.05)
    outfit = np.random.default_rng([seed, 2]).permutation(len(TOPS) * len(BOTTOMS))
    kept, legs = divmod(int(outfit[number % len(outfit)]), len(BOTTOMS))
    second = TOPS[(kept + int(random.integers(1, len(TOPS)))) % len(TOPS)]
    skirt = not male and random.random() < 0.3
    hair, grey = _hairstyle(random, male, age), random.random() < 1.6 * (age - 0.6)
    dark = ancestry[2] < 0.5
    colours = ("black", "dark") if dark else ("dark", "brown", "red", "fair")
    colour = HAIR["grey" if grey else str(random.choice(colours))]
    patterns = ("plain", "hoops", "band", "shoulders", "halves", "print")
    short = random.random() < 0.35
    return Look(
        skin=_colour(skin),
        lips=_colour(skin * (0.88, 0.62, 0.62)),
        hair=hair,
        hair_colour=_colour(np.asarray(colour) * random.uniform(0.85, 1.15)),
        receding=float(male * max(0.0, random.normal(0.3, 1)) * 0.02 * (age > 0.6)),
        beard=float(random.uniform(0.3, 0.9)) if male and random.random() < 0.35 else 0.0,
        hat=TOPS[int(random.integers(len(TOPS)))] if random.random() < 0.12 else None,
        top=_colour(np.asarray(TOPS[kept]) * random.uniform(0.9, 1.08)),
        second=second,
        pattern=random.choice(patterns, p=[0.4, 0.16, 0.12, 0.12, 0.08, 0.12]),
        sleeve=float(random.choice([-1, 0.55, 1.0, 1.92], p=[0.12, 0.4, 0.1, 0.38])),
        collar=float(random.uniform(0.075, 0.12)),
        hem=float(random.choice([0.02, 0.2], p=[0.65, 0.35])),
        loose=float(random.uniform(0.006, 0.022)),
        bottom="skirt" if skirt else "trousers",
        bottom_colour=_colour(np.asarray(BOTTOMS[legs]) * random.uniform(0.9, 1.08)),
        stripe=bool(random.random() < 0.2),
        length=float(random.uniform(0.8, 1.3) if skirt else 0.82 if short else 1.93),
        wide=float(random.uniform(0.008, 0.024)),
        shoes=SHOES[int(random.integers(len(SHOES)))],
        sole=(0.85, 0.85, 0.83) if random.random() < 0.5 else (0.12, 0.11, 0.11),
        shaft=float(random.choice([1.97, 1.75], p=[0.75, 0.25])),
        socks=(0.88, 0.88, 0.88) if random.random() < 0.6 else (0.12, 0.12, 0.13),
    )


def _hairstyle(random: np.random.Generator, male: bool, age: float) -> Hair:
    bald = 0.08 + 0.3 * max(0.0, age - 0.65)
    odds: dict[Hair, float] = {"short": 0.14, "bob": 0.24, "long": 0.32, "bun": 0.15, "afro": 0.1}
    odds |= {"cropped": 0.05}
    if male:
        odds = {"bald": bald, "afro": 0.1, "bob": 0.1, "cropped": 0.24, "short": 0.56 - bald}
    found: Hair = random.choice(list(odds), p=list(odds.values()))
    return found


def _colour(values: Floats) -> Colour:
    red, green, blue = np.clip(values, 0.03, 0.97)
    return float(red), float(green), float(blue)
