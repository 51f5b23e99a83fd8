"""Somebody dressed, ready to be posed and drawn: body, clothes, hair as one mesh of three parts."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.sparse import csr_array

from vdsm.data.clips import Floats, Ints
from vdsm.data.people.dress import colours, hair, thickness
from vdsm.data.people.person import Look, Person
from vdsm.data.people.regions import Regions, regions
from vdsm.data.people.shape import Shaper
from vdsm.data.people.skeleton import Rest, blended, turned
from vdsm.data.people.thin import thinned
from vdsm.data.people.turns import unit
from vdsm.data.render import vertex_normals
from vdsm.data.render.mesh import Mask

EYES = ("helper-l-eye", "helper-r-eye")
STRANDS = "helper-hair"  # strips of long hair
CLOTH = "helper-skirt"
BODY, HAIR, SKIRT = range(3)  # kinds of triangles


@dataclass(frozen=True)
class Wardrobe:
    """What dressing needs of the body that all share."""

    shaper: Shaper

    @cached_property
    def triangles(self) -> tuple[Ints, Ints]:
        """Triangles [M, 3] of everything that can be seen, and their kinds [M]."""
        body = self.shaper.body
        parts = [*((name, BODY) for name in EYES), (STRANDS, HAIR), (CLOTH, SKIRT)]
        found = [(body.triangles(name), kind) for name, kind in parts]
        foremost = np.asarray(body.weights.todense()).argmax(1)
        found.append((thinned(body.base, body.triangles("body"), foremost), BODY))
        kinds = [np.full(len(part), kind) for part, kind in found]
        return np.concatenate([part for part, _ in found]), np.concatenate(kinds)

    @cached_property
    def regions(self) -> Regions:
        body, (triangles, _) = self.shaper.body, self.triangles
        return regions(body, vertex_normals(body.base, triangles))

    def dress(self, person: Person) -> "Figure":
        """The mesh of a person, pushed outwards where clothes and hair are."""
        shaped = self.shaper.shaped(person.shape)
        triangles, kinds = self.triangles
        shown = self._shown(person.look)
        kept = kinds == BODY
        normals = vertex_normals(shaped, triangles[kept])
        moved = shaped + thickness(self.regions, person.look)[:, None] * normals
        self._place_parts(moved, shaped, person.look)
        used, compact = np.unique(triangles[shown], return_inverse=True)
        return Figure(
            Rest(self.shaper.body, moved),
            person.look,
            used,
            compact.reshape(-1, 3),
            kinds[shown],
            Regions(self.regions.values[used]),
            vertex_normals(moved, triangles[shown])[used],
        )

    def _place_parts(self, moved: Floats, shaped: Floats, look: Look) -> None:
        """The bun at the back of a head, and the skirt's and strands' distance from the body."""
        body = self.shaper.body
        if look.hair == "bun":
            head = body.joints(shaped)[body.bone("head")]
            scalp = np.flatnonzero(hair(self.regions, look))
            crown = shaped[scalp, 1].max()
            spot = np.array([0.0, crown - 0.045, shaped[scalp, 2].min() + 0.01])
            near = np.exp(-((shaped[scalp] - spot) ** 2).sum(1) / (2 * 0.03**2))
            moved[scalp] += 0.055 * near[:, None] * unit(spot - head)
        for name, by in ((CLOTH, 0.022), (STRANDS, 0.012)):
            rows = body.vertices(name)
            moved[rows] = shaped[rows] + by * _outwards(shaped[rows])

    def _shown(self, look: Look) -> Mask:
        """[M] triangles that this look has."""
        triangles, kinds = self.triangles
        at = self.regions
        shown = np.asarray(kinds == BODY)
        if look.bottom == "skirt":
            shown |= (kinds == SKIRT) & (at["along_leg"][triangles].max(1) < look.length)
        if look.hair in ("bob", "long"):
            shown |= (kinds == HAIR) & self._strands(look)
        return shown

    def _strands(self, look: Look) -> Mask:
        """[M] triangles of long hair that fall beside and behind the face, as far as they reach."""
        triangles, _ = self.triangles
        base = self.shaper.body.base
        head = self.shaper.body.joints(base)[self.shaper.body.bone("head")]
        ends = head[1] - (0.06 if look.hair == "bob" else 0.3)
        middle = base[triangles].mean(1)
        behind = middle[:, 2] < head[2] + 0.03
        return np.asarray(behind & (middle[:, 1] > ends))


def _outwards(points: Floats) -> Floats:
    """[N, 3] unit steps away from the upright axis through the middle of points."""
    away = (points - points.mean(0)) * (1, 0, 1)
    return np.asarray(away / np.maximum(np.sqrt((away**2).sum(1)), 1e-9)[:, None])


@dataclass(frozen=True)
class Figure:
    """A dressed body at rest."""

    rest: Rest
    look: Look
    used: Ints  # [n] vertices of the body that are drawn
    triangles: Ints  # [M, 3] indices into `used`
    kinds: Ints  # [M]
    regions: Regions  # of the used vertices
    normals: Floats  # [n, 3] unit, at rest

    @cached_property
    def weights(self) -> csr_array:
        """[n, bones] how much each bone moves each used vertex."""
        return self.rest.body.weights[self.used]

    @property
    def two_sided(self) -> Mask:
        return np.asarray(self.kinds != BODY)

    def posed(self, matrix: Floats) -> tuple[Floats, Floats]:
        """Places [n, 3] of the used vertices in a pose, matrix [bones, 3, 4], and their normals.

        Normals are turned as the vertices are, which is near enough to those of the posed mesh.
        """
        blend = blended(self.weights, matrix)
        places = turned(blend, self.rest.mesh[self.used]) + blend[:, :, 3]
        return places, turned(blend, self.normals)

    def paint(self, triangle: Ints, at: Regions) -> tuple[Floats, Floats, Floats]:
        """Colour [P, 3], gloss [P] and scatter [P] of samples with their triangles [P]."""
        colour, gloss, scatter = colours(at, self.look)
        kind = self.kinds[triangle]
        for part, value in ((HAIR, self.look.hair_colour), (SKIRT, self.look.bottom_colour)):
            colour[kind == part] = value
            gloss[kind == part] = 0.08 * (part == HAIR)
            scatter[kind == part] = 0
        return colour, gloss, scatter
