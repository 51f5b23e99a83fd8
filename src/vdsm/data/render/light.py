"""Lights far away, and how a surface answers them."""

from dataclasses import dataclass

import numpy as np

from vdsm.data.clips import Floats

SCATTER = 0.04  # light that went through skin comes out red: exponents -2, 1 and 2 times this
DARK = 1e-9  # what has no logarithm is taken as this
SHINE = 22.0  # exponent of the highlight
GREY = (1.0, 1.0, 1.0)


@dataclass(frozen=True)
class Light:
    """Light from far away, after Lambert; `wrap` lets it reach around the edge (0: it does not)."""

    towards: tuple[float, float, float]  # direction to the light, of any length
    strength: float
    wrap: float = 0.0
    colour: tuple[float, float, float] = GREY

    def falls(self, normals: Floats) -> Floats:
        """Unit normals [P, 3] to how much falls on them [P], 0 .. 1."""
        x, y, z = np.asarray(self.towards) / np.linalg.norm(self.towards)
        cosine = normals[:, 0] * x + normals[:, 1] * y + normals[:, 2] * z
        return np.asarray(np.clip((cosine + self.wrap) / (1 + self.wrap), 0, None))


@dataclass(frozen=True)
class Lights:
    """All lights of a scene. The first one gives the highlights."""

    lights: tuple[Light, ...]
    ambient: float = 0.3  # from everywhere
    sky: float = 0.1  # how much more of it from above than from the side, and less from below

    def shade(
        self, colour: Floats, normals: Floats, gloss: Floats, scatter: Floats, view: Floats
    ) -> Floats:
        """Display values [P, 3] of P points.

        colour [P, 3]; unit normals [P, 3]; gloss [P], strength of the highlight; scatter [P],
        how much of the light goes through the surface as through skin; view [3], unit direction
        to the camera.
        """
        total = np.repeat((self.ambient + self.sky * normals[:, 1])[:, None], 3, axis=1)
        skin = np.flatnonzero(scatter)
        for light in self.lights:
            falls = light.falls(normals)
            through = np.ones(len(falls))
            through[skin] = np.maximum(falls[skin], DARK) ** (SCATTER * scatter[skin])
            for channel, power in enumerate((1 / through**2, through, through**2)):
                total[:, channel] += light.strength * light.colour[channel] * falls * power
        shine = gloss * self._highlight(normals, view)
        return np.asarray(colour * total + shine[:, None])

    def _highlight(self, normals: Floats, view: Floats) -> Floats:
        """[P] after Blinn: how near the normal is to half-way between light and camera."""
        if not self.lights:
            return np.zeros(len(normals))
        key = np.asarray(self.lights[0].towards)
        x, y, z = half = key / np.linalg.norm(key) + view
        cosine = (normals[:, 0] * x + normals[:, 1] * y + normals[:, 2] * z) / np.linalg.norm(half)
        return np.asarray(np.clip(cosine, 0, 1) ** SHINE)
