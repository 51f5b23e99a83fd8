"""The shape of a body: a mixture of the source's targets, displacements of the base mesh.

The large ones (macrodetails) combine ancestry, sex, age, muscle, weight, height and proportions.
Their weights are products of hats: along each axis two neighbouring landmarks share the weight, so
that the weights of a combination add up to one (`combinations` of targets/macrodetails/macro.json).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import product

import numpy as np

from vdsm.data.clips import Floats, Ints
from vdsm.data.people.body import METRE, Body
from vdsm.data.people.source import Source

ANCESTRIES = ("african", "asian", "caucasian")
AGES = {"young": 0.5, "old": 1.0}  # 25 and 90 years; nobody here is younger
LEVELS = {"min": 0.0, "average": 0.5, "max": 1.0}
SEXES = ("male", "female")
LASTS = (  # folder and end of a name
    ("height", "minheight"),
    ("height", "maxheight"),
    ("proportions", "uncommonproportions"),
    ("proportions", "idealproportions"),
)
LARGE = "macrodetails/"


@dataclass(frozen=True)
class Shape:
    """A body in numbers, all 0 .. 1 but the details, -1 .. 1."""

    male: float
    ancestry: tuple[float, float, float]  # shares of ANCESTRIES, which add up to 1
    age: float  # .5: 25 years, 1: 90 years
    muscle: float
    weight: float
    height: float
    proportions: float  # 1: those of an ideal
    details: Mapping[str, float] = field(default_factory=dict)  # "torso/torso-vshape": -0.4


def shares(value: float, landmarks: Mapping[str, float]) -> dict[str, float]:
    """How two neighbouring landmarks share a value between them, without those of no share."""
    places = list(landmarks.values())
    hats = np.eye(len(places))
    found = {
        name: float(np.interp(value, places, hat))
        for name, hat in zip(landmarks, hats, strict=True)
    }
    return {name: share for name, share in found.items() if share > 0}


def mixture(shape: Shape) -> dict[str, float]:
    """Target -> weight."""
    sexes = {name: s for name, s in zip(SEXES, (shape.male, 1 - shape.male), strict=True) if s > 0}
    ages = shares(shape.age, AGES)
    muscle, weight = (shares(value, LEVELS) for value in (shape.muscle, shape.weight))
    far = [
        sign * (2 * value - 1) for value in (shape.height, shape.proportions) for sign in (-1, 1)
    ]
    found: dict[str, float] = {}
    for (sex, s), (age, a) in product(sexes.items(), ages.items()):
        for ancestry, share in zip(ANCESTRIES, shape.ancestry, strict=True):
            found[f"{LARGE}{ancestry}-{sex}-{age}"] = s * a * share
        for (m, by_muscle), (w, by_weight) in product(muscle.items(), weight.items()):
            part = s * a * by_muscle * by_weight
            about = f"{sex}-{age}-{m}muscle-{w}weight"
            found[f"{LARGE}universal-{about}"] = part
            for (folder, last), share in zip(LASTS, far, strict=True):
                found[f"{LARGE}{folder}/{about}-{last}"] = part * share
    for name, amount in shape.details.items():
        found[f"{name}-{'incr' if amount > 0 else 'decr'}"] = abs(amount)
    return {name: share for name, share in found.items() if share > 0}


def every_target(details: Iterable[str]) -> list[str]:
    """All targets that a mixture can have, with these details."""
    found = [f"{LARGE}{a}-{s}-{age}" for a, s, age in product(ANCESTRIES, SEXES, AGES)]
    for sex, age, m, w in product(SEXES, AGES, LEVELS, LEVELS):
        about = f"{sex}-{age}-{m}muscle-{w}weight"
        found.append(f"{LARGE}universal-{about}")
        found += [f"{LARGE}{folder}/{about}-{last}" for folder, last in LASTS]
    return found + [f"{name}-{way}" for name in details for way in ("decr", "incr")]


def target_file(name: str) -> str:
    """Where a source has a target."""
    return f"targets/{name}.target.gz"


@dataclass(frozen=True)
class Shaper:
    """Makes bodies of shapes. What it has read of the source it keeps."""

    source: Source
    body: Body

    def shaped(self, shape: Shape) -> Floats:
        """[N, 3] the mesh of a shape."""
        mesh = self.body.base.copy()
        for name, share in mixture(shape).items():
            rows, moves = _target(self.source, len(mesh), name)
            mesh[rows] += share * moves
        return mesh

    def check(self, targets: Iterable[str]) -> None:
        """InputError where a target is missing or damaged."""
        for name in targets:
            _target(self.source, len(self.body.base), name)


@lru_cache(maxsize=512)
def _target(source: Source, vertices: int, name: str) -> tuple[Ints, Floats]:
    """Which vertices a target moves, and by how much."""
    path = target_file(name)
    lines = [line for line in source.text(path).splitlines() if line[:1] not in ("", "#", '"')]
    try:
        table = np.loadtxt(lines, ndmin=2) if lines else np.zeros((0, 4))
        rows, moves = table[:, 0].astype(np.int64), table[:, 1:] * METRE
        if moves.shape[1] != 3 or (rows < 0).any() or (rows >= vertices).any():
            raise ValueError("vertices of another mesh")
    except (ValueError, IndexError) as error:
        raise source.unusable(path, str(error)) from error
    return rows, moves
