"""Fewer triangles: what lies closer together than a picture shows becomes one vertex.

Two thirds of the source's vertices are in face, fingers and toes, a few millimetres apart. A pixel
spans two centimetres and more.
"""

import numpy as np

from vdsm.data.clips import Floats, Ints

CLOSE = 0.008  # metres that a vertex may be away from the one that stands for it


def thinned(points: Floats, triangles: Ints, part: Ints) -> Ints:
    """[K, 3] the triangles [M, 3] that are left when vertices stand for their neighbours.

    points [N, 3]; only vertices of the same part [N] are joined, along edges, the shortest first.
    """
    triangles = _stands_for(points, _edges(triangles), part)[triangles]
    a, b, c = triangles.T
    return np.asarray(triangles[(a != b) & (b != c) & (c != a)])


def _edges(triangles: Ints) -> Ints:
    """[E, 2] each once."""
    pairs = np.concatenate([triangles[:, [0, 1]], triangles[:, [1, 2]], triangles[:, [2, 0]]])
    return np.unique(np.sort(pairs, axis=1), axis=0)


def _stands_for(points: Floats, edges: Ints, part: Ints) -> Ints:
    """[N] which vertex stands for each."""
    length = np.sqrt(((points[edges[:, 0]] - points[edges[:, 1]]) ** 2).sum(1))
    joins = (length < CLOSE) & (part[edges[:, 0]] == part[edges[:, 1]])
    chosen = list(range(len(points)))
    reach = np.zeros(len(points))  # how far away the vertices are for which one stands

    def root(vertex: int) -> int:
        while chosen[vertex] != vertex:
            vertex = chosen[vertex]
        return vertex

    for first, second in edges[joins][np.argsort(length[joins], kind="stable")].tolist():
        a, b = sorted((root(first), root(second)), key=lambda v: -reach[v])
        farthest = reach[b] + float(np.sqrt(((points[a] - points[b]) ** 2).sum()))
        if a != b and farthest < CLOSE:
            chosen[b], reach[a] = a, max(reach[a], farthest)
    return np.array([root(vertex) for vertex in range(len(points))], np.int64)
