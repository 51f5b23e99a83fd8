"""Looks of one kind: who is near whom, which lie densely together, and the gaps around these."""

from collections.abc import Iterator
from functools import cached_property

import numpy as np
import numpy.typing as npt
from scipy.sparse import coo_matrix, csr_matrix
from scipy.sparse.csgraph import connected_components, minimum_spanning_tree
from sklearn.cluster import HDBSCAN

from vdsm.data.clips import Floats, Ints
from vdsm.who.found import Found
from vdsm.who.looks import Looks

NEIGHBOURS = 24  # nearest of every clip
DIMENSIONS = 64  # principal, of looks
CHUNK = 1024  # clips compared with all others at once, fewer where there are very many:
PAIRS = 16 << 20  # of them at most
TINY = 1e-6  # a distance that is none
CLEAR = {"eom": 3.0, "leaf": 1.5}  # gaps from which on groups are individuals,
PAIRED = 0.6  # and this much more where two clips do: two are near each other by chance,
FEW = 3.0  # and this much, shared by the groups: of few some stand apart by chance;
LINE = 3.0  # twice as much beyond 1 where looks have fewer dimensions, as gaps vary more on a line
FOUND = 0.5  # share of clips that has to be in groups


class Space:
    """Looks of one kind, and who is near whom in them."""

    def __init__(self, looks: Looks) -> None:
        self.looks, self.count = looks, len(looks)
        self.near, distance = neighbours(looks, min(NEIGHBOURS, len(looks) - 1))
        self.distance = np.maximum(distance, TINY)  # a sparse matrix has no zeros
        self.alike = float(np.ptp(looks, axis=0).max()) <= TINY
        self.graph = self._graph()

    def _graph(self) -> csr_matrix:
        """[N, N] distances of neighbours; parts without neighbours in each other, far apart."""
        rows = np.repeat(np.arange(self.count), self.near.shape[1])
        one = csr_matrix((self.distance.ravel(), (rows, self.near.ravel())), (self.count,) * 2)
        graph = one.maximum(one.T)
        parts, part = connected_components(graph, directed=False)
        _, first = np.unique(part, return_index=True)
        far = np.full(parts - 1, 10 * self.distance.max())
        chain = coo_matrix((far, (first[:-1], first[1:])), graph.shape)
        return csr_matrix(graph + chain + chain.T)

    def found(self, fewest: int, how: str) -> Found | None:
        """Groups of so many clips or more; None where no clear gaps are around them."""
        if self.count < 2 * fewest:
            return None
        cluster = HDBSCAN(
            min_cluster_size=fewest,
            min_samples=1,  # the nearest other
            metric="precomputed",
            cluster_selection_method=how,
            copy=True,
        )
        group = cluster.fit(self.graph).labels_.astype(np.int64)
        grouped = group >= 0
        covered = float(grouped.mean())
        groups = int(group.max()) + 1
        if covered <= FOUND or groups == 0:
            return None
        gaps = self._gaps(group, groups)
        gap = float(np.median(gaps))
        if gap - 1 < self.needed(fewest, how, groups):
            return None
        sure = np.zeros(self.count)
        sure[grouped] = np.clip((gaps[group[grouped]] - 1) / (CLEAR["leaf"] - 1), 0, 1)
        group[~grouped] = groups + np.arange((~grouped).sum())
        return Found(group, sure, covered, gap)

    def needed(self, fewest: int, how: str, groups: int) -> float:
        """How much more than 1 the median gap has to be."""
        more = CLEAR[how] - 1 + PAIRED * (fewest == 2) + FEW / groups
        return 2 * more if self.dimensions < LINE else more

    @cached_property
    def dimensions(self) -> float:
        """In how many directions neighbours lie (Levina and Bickel 2004); some 2 for a line."""
        farthest = self.distance[:, -1:]
        nearer = self.distance[:, self.distance.shape[1] // 3 : -1]
        return 1 / max(float(np.median(np.log(farthest / nearer).mean(1))), TINY)

    def _gaps(self, group: Ints, groups: int) -> Floats:
        """[groups] distance to the nearest stranger, in largest steps between members."""
        grouped = group >= 0
        stranger = self._stranger(group)
        outside, inside = np.full(groups, np.inf), np.zeros(groups)
        np.minimum.at(outside, group[grouped], stranger[grouped])
        edge = self.graph.tocoo()
        within = (group[edge.row] == group[edge.col]) & grouped[edge.row]
        steps = coo_matrix((edge.data[within], (edge.row[within], edge.col[within])), edge.shape)
        tree = minimum_spanning_tree(steps.tocsr()).tocoo()
        np.maximum.at(inside, group[tree.row], tree.data)
        return outside / np.maximum(inside, TINY)

    def _stranger(self, group: Ints) -> Floats:
        """[N] distance to the nearest clip of another group."""
        strange = group[self.near] != group[:, None]
        nearest = self.distance[np.arange(self.count), strange.argmax(1)]
        hidden = np.flatnonzero(~strange.any(1) & (group >= 0))  # behind nearer members
        for first, apart in _apart(self.looks, hidden):
            some = hidden[first : first + len(apart)]
            apart[group[some][:, None] == group] = np.inf
            nearest[some] = np.sqrt(np.maximum(apart.min(1), 0))
        return np.asarray(np.maximum(nearest, TINY), np.float64)


def principal(looks: Looks) -> Looks:
    """[N, at most DIMENSIONS]: nearly all of what tells looks apart."""
    centred = looks - looks.mean(0)
    _, directions = np.linalg.eigh(centred.T @ centred)
    return np.ascontiguousarray(centred @ directions[:, ::-1][:, :DIMENSIONS], np.float32)


def neighbours(looks: Looks, count: int) -> tuple[Ints, Floats]:
    """[N, count] nearest other clips, nearest first, and how far they are."""
    found = list(_nearest(looks, count))
    return np.concatenate([n for n, _ in found]), np.concatenate([d for _, d in found])


def _nearest(looks: Looks, count: int) -> Iterator[tuple[Ints, Floats]]:
    for first, apart in _apart(looks, np.arange(len(looks))):
        some = looks[first : first + len(apart)]
        apart[np.arange(len(some)), first + np.arange(len(some))] = np.inf
        near = np.argpartition(apart, count - 1, axis=1)[:, :count]
        distance = np.linalg.norm(some[:, None] - looks[near], axis=2).astype(np.float64)
        order = np.argsort(distance, axis=1, kind="stable")
        yield np.take_along_axis(near, order, 1), np.take_along_axis(distance, order, 1)


def _apart(looks: Looks, chosen: Ints) -> Iterator[tuple[int, npt.NDArray[np.float32]]]:
    """From which of the chosen on, and squared distances [some, N] of these to all."""
    square = (looks**2).sum(1)
    chunk = max(1, min(CHUNK, PAIRS // len(looks)))
    for first in range(0, len(chosen), chunk):
        some = chosen[first : first + chunk]
        yield first, square[some, None] + square - 2 * looks[some] @ looks.T
