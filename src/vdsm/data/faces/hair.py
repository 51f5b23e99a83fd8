"""Hair: the scalp pushed out and coloured, and what hangs or sits around it."""

from dataclasses import dataclass

import numpy as np

from vdsm.data.clips import Floats
from vdsm.data.faces.anatomy import SKULL, Anatomy
from vdsm.data.faces.look import Hair, Look
from vdsm.data.faces.shapes2d import smooth
from vdsm.data.render import Mesh, grid

LIFT: dict[Hair, float] = {  # centimetres that the scalp is pushed out
    "bald": 0.0,
    "buzz": 0.15,
    "short": 1.7,
    "side": 2.2,
    "curly": 2.6,
    "bob": 1.7,
    "long": 1.5,
    "tied": 0.7,
    "bun": 0.8,
}


@dataclass(frozen=True)
class Scalp:
    """Hair on the head itself."""

    cover: Floats  # [N] how far it hides the skin
    push: Floats  # [N, 3] centimetres outwards
    strands: Floats  # [N, 3] its colours


def scalp(where: Anatomy, neutral: Floats, look: Look) -> Scalp:
    """The hair that grows on the points [N, 3] of a person's neutral head."""
    random = np.random.default_rng([look.grain, 2])
    azimuth, elevation = where.azimuth, where.elevation
    first, second = random.uniform(0, 6, 2)
    waves = 1.25 * np.sin(azimuth * 0.23 + first) + 0.75 * np.sin(azimuth * 0.51 + second)
    above = elevation - _hairline(azimuth, look.cut.line) - waves
    cover = smooth(above, -1, 5) * where.skin * (1 - where["ears"])
    if look.cut.style == "bald":
        cover *= 0.7 * (1 - smooth(elevation, 12, 30)) * smooth(azimuth, 60, 80)
    rough = random.normal(0, 0.12, len(azimuth))
    curl = _curls(neutral, random) if look.cut.style == "curly" else np.zeros(len(azimuth))
    full = (0.25 + 0.75 * smooth(above, 0, 22)) * (1 + 0.25 * smooth(elevation, 30, 70))
    if look.cut.style == "side":
        full *= 1 + 0.45 * look.cut.parting * np.tanh(neutral[:, 0] / 4)
    amount = cover * LIFT[look.cut.style] * look.cut.volume * full * (1 + 0.3 * rough + 0.3 * curl)
    combed = 0.15 * np.sin(neutral[:, 0] * 9 + 2 * np.sin(neutral[:, 1] * 1.3))
    shade = 1 + 0.35 * rough + (0.45 * curl if look.cut.style == "curly" else combed)
    strength = 0.8 if look.cut.style == "buzz" else 1.0
    return Scalp(cover * strength, amount[:, None] * where.normals, look.hair * shade[:, None])


def _hairline(azimuth: Floats, line: tuple[float, float, float, float]) -> Floats:
    """Elevation above which hair grows, around the head."""
    front, temple, side, nape = line
    at = [0, 24, 44, 56, 64, 72, 79, 86, 100, 116, 180]
    edge = [front, front - 2, temple, temple - 13, 14, 2, side - 16, side, side, nape + 8, nape]
    return np.interp(azimuth, at, edge)


def _curls(points: Floats, random: np.random.Generator) -> Floats:
    """[N] in -1 .. 1: lumps about a centimetre wide."""
    shift = random.uniform(0, 6, 3)
    parts = [np.sin(2.6 * points[:, k] + 1.7 * points[:, (k + 1) % 3] + shift[k]) for k in range(3)]
    return np.asarray(sum(parts) / 3)


def extra(look: Look) -> list[Mesh]:
    """Hair that is no part of the scalp: a curtain behind the face, a bun."""
    if look.cut.style in ("bob", "long"):
        return [_curtain(look)]
    if look.cut.style == "bun":
        return [_ball(look, SKULL + np.array([0, 11.2, -3.5]), 3.0)]
    return []


def _curtain(look: Look) -> Mesh:
    random = np.random.default_rng([look.grain, 3])
    around, down = 96, 30
    bob = look.cut.style == "bob"
    length = (7 + 2.5 * look.cut.length) if bob else (14 + 5 * look.cut.length)
    angle, t = np.meshgrid(
        np.deg2rad(np.linspace(68, 292, around)), np.linspace(0, 1, down), indexing="ij"
    )
    full = 1.06 + 0.06 * np.sin(t * np.pi) + 0.05 * (look.cut.volume - 0.8)
    fringe = np.cos((angle - np.pi) / 2) ** 0.3
    y = 8.2 - t * (length + 5.2) * (0.92 + 0.08 * fringe)
    drop = np.clip((8.2 - y) / 4, 0, 1) ** 0.6
    x = np.sin(angle) * 8.0 * full * (0.86 + 0.14 * drop)
    narrow = np.where(t > 0.5, 1 - 0.18 * (t - 0.5) * (np.cos(angle) < 0), 1)
    z = 0.6 + np.cos(angle) * 9.3 * full * (0.80 + 0.2 * drop) * narrow
    wave = (0.18 + 0.3 * look.cut.length) * np.sin(angle * 23 + random.uniform(0, 6)) * t
    points = np.stack([x + wave * np.sin(angle), y, z + wave * np.cos(angle)], -1)
    shade = (
        1 + 0.22 * np.sin(angle * 31 + 2 * np.sin(t * 5)) + 0.12 * random.normal(size=(around, 1))
    )
    return _sheet(points, look.hair * (shade * (0.9 + 0.1 * t))[..., None])


def _ball(look: Look, centre: Floats, radius: float) -> Mesh:
    angle, t = np.meshgrid(np.linspace(0, 2 * np.pi, 40), np.linspace(0, np.pi, 24), indexing="ij")
    parts = np.sin(t) * np.cos(angle), np.cos(t), np.sin(t) * np.sin(angle)
    points = centre + radius * look.cut.volume * np.stack(parts, -1)
    shade = 1 + 0.2 * np.sin(5 * t + 3 * np.sin(angle * 2))
    return _sheet(points, look.hair * shade[..., None])


def _sheet(points: Floats, colour: Floats) -> Mesh:
    """A two-sided mesh of a grid of points [A, B, 3] with colours."""
    flat = points.reshape(-1, 3)
    return Mesh(flat, grid(*points.shape[:2]), colour.reshape(-1, 3), gloss=0.06, two_sided=True)
