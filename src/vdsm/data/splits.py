"""Three splits of clips of known individuals and actions: takes held out, or whole individuals."""

import numpy as np

from vdsm.data.cells import left_out
from vdsm.data.clips import SPLITS, Clips, Info, Ints, Table
from vdsm.errors import InputError


def takes_held_out(cell: Ints, test: float, validation: float, seed: int) -> Ints:
    """[N] split of each clip: of every cell [N] (individual x action) a seeded share of the takes.

    At least one clip of a cell is held out for each share above 0, and one is left to train on.
    """
    split = np.zeros(len(cell), np.int64)
    for value in np.unique(cell):
        clips = np.flatnonzero(cell == value)
        order = np.random.default_rng([seed, 3, int(value)]).permutation(clips)
        first, second = _counts(len(clips), test, validation, "takes of each action")
        split[order[:first]] = SPLITS.index("test")
        split[order[first : first + second]] = SPLITS.index("validation")
    return split


def individuals_held_out(group: Ints, test: float, validation: float, seed: int) -> Ints:
    """[N] split of each clip: a seeded share of the groups [N], whole."""
    groups = np.unique(group)
    order = np.random.default_rng([seed, 4]).permutation(groups)
    first, second = _counts(len(groups), test, validation, "individuals")
    split = np.zeros(len(group), np.int64)
    split[np.isin(group, order[:first])] = SPLITS.index("test")
    split[np.isin(group, order[first : first + second])] = SPLITS.index("validation")
    return split


def _counts(total: int, test: float, validation: float, what: str) -> tuple[int, int]:
    """How many of `total` are for the test and for validation; InputError if none is left."""
    found = [max(1, round(share * total)) if share else 0 for share in (test, validation)]
    if sum(found) >= total:
        raise InputError(
            f"of {total} {what} none is left to train on when {found[0]} are held out for the test"
            f" and {found[1]} for validation: make more, or lower --test-share or"
            " --validation-share"
        )
    return found[0], found[1]


def cells_held_out(info: Info, table: Table, share: float, seed: int) -> Ints:
    """[N] the split, a share of the cells individual x action moved from training to the test."""
    moved = left_out(Clips(info, table), share, seed)
    return np.where(moved, SPLITS.index("test"), table.split)
