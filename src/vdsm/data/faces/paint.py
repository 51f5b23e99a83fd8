"""Colours and gloss of every point of a head, from a look and the regions of the face."""

import numpy as np

from vdsm.data.clips import Floats
from vdsm.data.faces.anatomy import Anatomy
from vdsm.data.faces.look import Look
from vdsm.data.faces.shapes2d import smooth

WHITE, PUPIL = np.array([0.86, 0.84, 0.82]), np.array([0.015, 0.012, 0.012])
TONGUE, TEETH = np.array([0.58, 0.25, 0.25]), np.array([0.90, 0.87, 0.79])
IRIS_EDGE, PUPIL_EDGE = (25.5, 28.5), (9.0, 11.5)  # degrees from the axis of the eye


def paint(where: Anatomy, look: Look, hair: Floats, strands: Floats) -> tuple[Floats, Floats]:
    """Colours [N, 3] and gloss [N]; hair [N]: how far it hides the skin, strands [N, 3] its own."""
    skin = look.skin
    colour = np.tile(skin, (len(hair), 1))
    random = np.random.default_rng([look.grain, 1])
    colour *= 1 + random.normal(0, 0.012, (len(hair), 1))
    spots = where["freckles"] * look.freckles * (random.random(len(hair)) < 0.35)
    layers = [
        (look.blush * (where["blush"] + 0.8 * where["nose"]), skin * (1.02, 0.6, 0.6)),
        (0.5 * spots, skin * (0.72, 0.52, 0.42)),
        (0.16 * where["sockets"], skin * (0.62, 0.5, 0.52)),
        ((0.1 + 0.25 * look.age) * where["bags"], skin * (0.66, 0.52, 0.55)),
        (0.3 * where["lids"], skin * (0.55, 0.38, 0.36)),
        (look.stubble * where["beard"], skin * (0.55, 0.55, 0.6)),
        (_beard(where, look), look.hair * 1.05),
        (0.92 * where["lips"], look.lips),
        (0.9 * where["nostrils"], skin * 0.16),
        (0.9 * _brows(where, look), look.hair * 0.8),
    ]
    for share, over in layers:
        colour = _mix(colour, np.clip(share, 0, 0.95), over)
    colour *= np.clip(1 - 1.15 * np.clip(where.cavity, -0.1, 0.3), 0.55, 1.06)[:, None]
    for share, over in (
        (where["inside"], skin * (0.24, 0.09, 0.09)),
        (where["GumsTongue"], TONGUE),
        (where["Teeth"], TEETH),
        (where["EyeLashes"], 0.45 * skin * (0.6, 0.5, 0.5) + 0.3 * look.hair),
    ):
        colour = _mix(colour, share, np.asarray(over))
    colour = _mix(_eyes(where, look, colour), hair, strands)
    gloss = 0.10 * where.skin * (1 - hair) + 0.22 * where["lips"] + 0.02 + 0.05 * hair
    gloss = np.where(np.isnan(where.gaze), gloss + 0.12 * where["Teeth"], 0.55)
    return colour, gloss


def _mix(under: Floats, share: Floats, over: Floats) -> Floats:
    return np.asarray(under * (1 - share[:, None]) + over * share[:, None])


def _beard(where: Anatomy, look: Look) -> Floats:
    whole, moustache, goatee = look.beard
    lip, chin = moustache * where["moustache"], goatee * where["goatee"]
    return np.maximum(np.maximum(whole * where["beard"], lip), chin)


def _brows(where: Anatomy, look: Look) -> Floats:
    return smooth(where["brows"], 0.62 - 0.5 * look.brow, 1.0 - 0.35 * look.brow)


def _eyes(where: Anatomy, look: Look, colour: Floats) -> Floats:
    """The eyes' white, the iris with its darker ring, the pupil."""
    eye = np.flatnonzero(~np.isnan(where.gaze))
    angle = where.gaze[eye]
    ball = WHITE - 0.2 * smooth(angle, 45, 80)[:, None]
    ball = _mix(ball, 1 - smooth(angle, *IRIS_EDGE), look.iris)
    ball = _mix(ball, 0.55 * np.exp(-(((angle - 25) / 3.5) ** 2)), look.iris * 0.35)
    colour = colour.copy()
    colour[eye] = _mix(ball, 1 - smooth(angle, *PUPIL_EDGE), PUPIL)
    return colour
