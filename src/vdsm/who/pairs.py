"""Which clips show the same individual: groups of looks with clear gaps around them.

HDBSCAN (Campello, Moulavi and Sander 2013; scikit-learn's) groups clips whose looks lie densely
together, at whichever density each group lasts longest, so that nobody has to say how far apart two
clips of one individual may be. It finds groups in anything; whether anybody appears twice at all is
told by the gaps: how much farther the nearest stranger is than the largest step within a group. In
looks that are spread without gaps this is some 1.1 to 1.3 in the median, among individuals who
appear several times 1.6 and more (docs/log/2026-11-30-who.md).

Tried in turn, until one has clear gaps: individuals of four clips or more, of three, of two; the
groups that last longest ("eom"), else the smallest that last ("leaf"), in the kind of looks with
the clearer gaps.
"""

from collections.abc import Iterator
from itertools import groupby

import numpy as np

from vdsm.data.clips import Ints
from vdsm.who.found import Found
from vdsm.who.looks import Looks

FEWEST = (4, 3, 2)  # clips of an individual, tried in turn
HOW = ("eom", "leaf")  # groups are chosen; the first is tried first


def find(*kinds: Looks) -> Found:
    """Who is who among clips of these looks [N, K], of one kind or several.

    Memory grows with N, not with its square.
    """
    count = len(kinds[0])
    nobody = Found(np.arange(count), np.zeros(count))
    if count < 3:
        return nobody
    from vdsm.who.space import Space, principal  # slow to import: only where somebody is looked for

    spaces = [Space(principal(looks)) for looks in kinds]
    if spaces[0].alike:
        return Found(np.zeros(count, np.int64), np.ones(count), 1.0)
    for _, tries in groupby(_tries(len(spaces)), lambda t: t[:2]):
        found = [spaces[kind].found(fewest, how) for fewest, how, kind in tries]
        if clear := [f for f in found if f is not None]:
            return max(clear, key=lambda f: f.gap)
    return nobody


def _tries(kinds: int) -> Iterator[tuple[int, str, int]]:
    """Fewest clips, how groups are chosen, kind of looks."""
    return ((fewest, how, kind) for fewest in FEWEST for how in HOW for kind in range(kinds))


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
