"""Which clips show the same individual: alike, and their likes are alike too.

Clips within some distance of each other are friends. Where individuals appear several times there
is a distance at which friends of friends are friends and most clips have one; where everybody is
somebody else, looks are spread without gaps, and friends of friends are often none. So nobody has
to say how far apart two clips of one individual may be, or whether anybody appears twice at all.
Distances count as they are, or relative to how far away a clip's farther neighbours are (Zelnik-
Manor and Perona 2004), as some individuals are more alike than others: whichever finds more.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from vdsm.data.clips import Floats, Ints
from vdsm.who.looks import Looks

NEIGHBOURS = 24  # nearest of every clip
DIMENSIONS = 64  # principal, of looks
CHUNK = 1024  # clips compared with all others at once, fewer where there are very many:
PAIRS = 16 << 20  # of them at most
RADII = 32  # distances tried
DOUBT = 10.0  # shares of clips with a friend that a share of contradicted pairs outweighs
ASKED = 400  # clips, for two friends each; fewer where they would make more than so many pairs
LEAST_ASKED = 100
TINY = 1e-6  # a distance that is none
CLEARLY = 0.02  # more trust, for a larger radius to be taken
FOUND = 0.5  # least trust, for anybody to be found


@dataclass(frozen=True)
class Found:
    """Who was found to be who."""

    individual: Ints  # [N] numbers of individuals, 0 up
    radius: float  # friends are no farther apart
    covered: float  # share of clips that have another of the same individual
    contradicted: float  # share of pairs of which a friend is no friend of the other

    @property
    def trust(self) -> float:
        """Clips with another of the same, less what speaks against it."""
        return self.covered - DOUBT * self.contradicted

    @property
    def anybody(self) -> bool:
        """Whether anybody appears twice."""
        return self.covered > 0

    def __str__(self) -> str:
        people = len(np.unique(self.individual))
        if not self.anybody:
            return f"{people:,} clips, nobody found twice: each is an individual of its own"
        return (
            f"{people:,} individuals found in {len(self.individual):,} clips: "
            f"{100 * self.covered:.0f} % of the clips have another of the same, "
            f"{100 * self.contradicted:.1f} % of these pairs are doubtful"
        )


def find(looks: Looks) -> Found:
    """Who is who among clips of these looks [N, K]. Memory grows with N, not with its square."""
    best = Found(np.arange(len(looks)), 0.0, 0.0, 0.0)
    if len(looks) < 3:
        return best
    looks = principal(looks)
    near, distance = neighbours(looks, min(NEIGHBOURS, len(looks) - 1))
    for scale in (np.ones(len(looks)), np.sqrt(np.maximum(distance[:, -1], TINY))):
        asked = Asked(looks, scale)
        apart = distance / (scale[:, None] * scale[near])
        for radius in radii(apart, asked.apart):
            friends = apart <= radius
            covered = float(friends.any(1).mean())
            enough = max(best.trust + CLEARLY, FOUND)
            if covered > enough:
                wrong = asked.contradicted(radius)
                here = Found(together(near, friends), radius, covered, wrong)
                best = here if here.trust > enough else best
    return best


def radii(apart: Floats, anybody: Floats) -> list[float]:
    """Radii to try, from distances of neighbours [N, K] and to anybody [M, N]: small ones first."""
    nearest = apart.min(1)
    far = max(float(np.median(anybody)), TINY)
    near = np.clip(np.median(nearest), TINY, far)
    shares = np.quantile(nearest, np.linspace(0.02, 0.99, RADII))
    return sorted({max(float(r), TINY) for r in (*shares, *np.geomspace(near, far, RADII))})


class Asked:
    """Some clips, who are asked for two friends each: are these friends?"""

    def __init__(self, looks: Looks, scale: Floats) -> None:
        self.looks, self.scale = looks, scale
        self.rng = np.random.default_rng(0)
        asked = max(LEAST_ASKED, min(ASKED, PAIRS // len(looks)))
        self.clips = self.rng.permutation(len(looks))[:asked]
        self.apart = self._between(self.clips[:, None], np.arange(len(looks)))
        self.apart[np.arange(len(self.clips)), self.clips] = np.inf

    def contradicted(self, radius: float) -> float:
        """Share of those with a friend whose two friends, drawn at random, are none."""
        friends = self.apart <= radius
        drawn = np.where(friends, self.rng.random(friends.shape, np.float32), np.float32(-1))
        two = np.argpartition(drawn, -2, axis=1)[:, -2:]
        both = np.take_along_axis(friends, two, 1).all(1)
        far = self._between(two[:, 0], two[:, 1]) > radius
        return float((far & both).sum() / max(friends.any(1).sum(), 1))

    def _between(self, a: Ints, b: Ints) -> Floats:
        """Distances between the clips a and b, arrays that broadcast."""
        some = self.looks[a], self.looks[b]
        inner = some[0][:, 0] @ some[1].T if a.ndim > b.ndim else (some[0] * some[1]).sum(-1)
        squares = (self.looks**2).sum(1)
        apart = np.sqrt(np.maximum(squares[a] + squares[b] - 2 * inner, 0))
        return np.asarray(apart / (self.scale[a] * self.scale[b]), np.float32)


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
    square = (looks**2).sum(1)
    chunk = max(1, min(CHUNK, PAIRS // len(looks)))
    for first in range(0, len(looks), chunk):
        some = looks[first : first + chunk]
        apart = square[first : first + len(some), None] + square - 2 * some @ looks.T
        apart[np.arange(len(some)), first + np.arange(len(some))] = np.inf
        near = np.argpartition(apart, count - 1, axis=1)[:, :count]
        distance = np.linalg.norm(some[:, None] - looks[near], axis=2).astype(np.float64)
        order = np.argsort(distance, axis=1, kind="stable")
        yield np.take_along_axis(near, order, 1), np.take_along_axis(distance, order, 1)


def together(near: Ints, friends: npt.NDArray[np.bool_]) -> Ints:
    """[N] numbers of the individuals: whoever is connected by friends."""
    a, place = np.nonzero(friends)
    n = len(near)
    from scipy.sparse import coo_matrix  # slow to import: only where somebody is looked for
    from scipy.sparse.csgraph import connected_components

    graph = coo_matrix((np.ones(len(a), np.int8), (a, near[a, place])), (n, n))
    return np.asarray(connected_components(graph, directed=False)[1], np.int64)


def score(found: Ints, truth: Ints) -> tuple[float, float]:
    """Precision and recall of pairs of clips said to show one individual, by counts alone."""
    both, said, true = pairs(found, truth)
    return (both / said if said else 1.0), (both / true if true else 1.0)


def pairs(found: Ints, truth: Ints) -> tuple[int, int, int]:
    """How many pairs of clips show one individual: by both, as was found, and in truth."""
    from scipy.sparse import coo_matrix

    together = coo_matrix((np.ones(len(found), np.int64), (found, truth))).tocsr().data

    def twos(counts: Ints) -> int:
        return int((counts * (counts - 1) // 2).sum())

    return twos(together), twos(np.bincount(found)), twos(np.bincount(truth))
