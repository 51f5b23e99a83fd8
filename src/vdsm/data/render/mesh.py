"""Triangles with colours."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array

from vdsm.data.clips import Floats, Ints

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Mesh:
    """Triangles over N points. Counter-clockwise seen from outside, unless two-sided."""

    points: Floats  # [N, 3]
    triangles: Ints  # [M, 3] indices of points
    colour: Floats  # [N, 3] a colour a point, or [M, 3] a colour a triangle; 0 .. 1
    normals: Floats | None = None  # [N, 3] unit; None: those of the triangles, averaged
    gloss: Floats | float = 0.0  # [N], strength of the highlight
    scatter: Floats | float = 0.0  # [N], 1 for skin: light goes through it and comes out red
    two_sided: Mask | bool = False  # [M] seen from behind too
    per_triangle: bool = False  # says which of the two `colour` is
    around: csr_array | None = None  # `triangles_around`, where many poses of it are drawn

    def __post_init__(self) -> None:
        expected = len(self.triangles) if self.per_triangle else len(self.points)
        assert self.colour.shape == (expected, 3), f"colours {self.colour.shape} for {expected}"

    def filled(self) -> "Mesh":
        """The same with an array in every field, a colour a point."""
        mesh = self._unshared() if self.per_triangle else self
        normals = mesh.normals
        return replace(
            mesh,
            normals=mesh.own_normals() if normals is None else normals,
            gloss=np.broadcast_to(np.asarray(mesh.gloss, np.float64), len(mesh.points)),
            scatter=np.broadcast_to(np.asarray(mesh.scatter, np.float64), len(mesh.points)),
            two_sided=np.broadcast_to(np.asarray(mesh.two_sided, bool), len(mesh.triangles)),
        )

    def own_normals(self) -> Floats:
        """[N, 3] those of the triangles, averaged."""
        return vertex_normals(self.points, self.triangles, self.around)

    def _unshared(self) -> "Mesh":
        """Each triangle with points of its own, so that a colour a triangle is one a point."""
        flat = self.triangles.reshape(-1)
        normals = self.normals
        if normals is None:
            normals = self.own_normals()
        return Mesh(
            self.points[flat],
            np.arange(len(flat)).reshape(-1, 3),
            self.colour.repeat(3, axis=0),
            normals[flat],
            _at(self.gloss, flat),
            _at(self.scatter, flat),
            self.two_sided,
        )


def _at(value: Floats | float, points: Ints) -> Floats | float:
    """Of some points; the same where there is one value for all."""
    return value[points] if isinstance(value, np.ndarray) and value.ndim else value


def join(meshes: Sequence[Mesh]) -> Mesh:
    """One mesh of several."""
    full = [mesh.filled() for mesh in meshes]
    first = np.cumsum([0, *(len(mesh.points) for mesh in full)])
    triangles = [mesh.triangles + start for mesh, start in zip(full, first, strict=False)]
    fields = ("points", "colour", "normals", "gloss", "scatter", "two_sided")
    joined = [np.concatenate([getattr(mesh, name) for mesh in full]) for name in fields]
    points, colour, normals, gloss, scatter, two_sided = joined
    return Mesh(points, np.concatenate(triangles), colour, normals, gloss, scatter, two_sided)


def grid(rows: int, columns: int) -> Ints:
    """Triangles [M, 3] of a sheet of rows x columns points, laid end to end by rows."""
    at = np.arange(rows * columns).reshape(rows, columns)
    corners = [at[:-1, :-1], at[1:, :-1], at[1:, 1:], at[:-1, 1:]]
    quads = np.stack(corners, -1).reshape(-1, 4)
    return np.concatenate([quads[:, [0, 1, 2]], quads[:, [0, 2, 3]]])


def vertex_normals(points: Floats, triangles: Ints, around: csr_array | None = None) -> Floats:
    """Unit normals [N, 3] of points [N, 3]: of their triangles [M, 3], weighed by area.

    around: `triangles_around` of the mesh, where many of its poses are asked for. Zero for a
    point of no triangle.
    """
    a, b, c = triangles.T
    edges = [(column[a], column[b], column[c]) for column in points.T.copy()]
    (x, u), (y, v), (z, w) = ((second - first, third - first) for first, second, third in edges)
    faces = np.stack([y * w - z * v, z * u - x * w, x * v - y * u], 1)
    around = triangles_around(triangles, len(points)) if around is None else around
    sums = around @ faces
    length = np.sqrt(sums[:, 0] ** 2 + sums[:, 1] ** 2 + sums[:, 2] ** 2)
    return np.asarray(sums / np.maximum(length, 1e-300)[:, None])


def triangles_around(triangles: Ints, points: int) -> csr_array:
    """[N, M] 1 where a point is a corner of a triangle."""
    corners = triangles.reshape(-1)
    which = np.arange(len(triangles)).repeat(3)
    return csr_array((np.ones(len(corners)), (corners, which)), (points, len(triangles)))
