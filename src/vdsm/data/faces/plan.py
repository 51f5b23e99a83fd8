"""Who does what when: the table of clips, settled before anything is drawn."""

from collections.abc import Iterator, Mapping

import numpy as np

from vdsm.data.cells import choose_cells
from vdsm.data.clips import SPLITS, Ints, three_splits
from vdsm.data.faces.look import Look
from vdsm.data.faces.motion import NAMES, Poses, length_of, poses_of
from vdsm.data.faces.options import FacesOptions


def columns_of(options: FacesOptions) -> dict[str, Ints]:
    """The table: person, expression and take of each clip, its length and split.

    `unseen` is 1 for clips of a person with an expression of which no take is trained on.
    """
    shape = (options.people, len(NAMES), options.takes)
    person, expression, take = (axis.reshape(-1).astype(np.int64) for axis in np.indices(shape))
    span = options.shortest, options.longest
    rows = zip(person.tolist(), expression.tolist(), take.tolist(), strict=True)
    length = np.array([length_of(options.seed, *row, span) for row in rows], np.int64)
    held = person if options.holdout == "person" else np.arange(len(person))
    split = three_splits(held, options.test_share, options.validation_share, options.seed)
    unseen = _unseen(np.stack([person, expression], 1), split, options)
    split[unseen == 1] = SPLITS.index("test")
    labels = {"label.person": person, "label.expression": expression}
    table = {"length": length, "group": person, "split": split, "take": take, "unseen": unseen}
    return table | labels


def _unseen(cells: Ints, split: Ints, options: FacesOptions) -> Ints:
    """[N] 1 for the cells that are left out, among those of people who are trained on."""
    unseen = np.zeros(len(cells), np.int64)
    trained = np.isin(cells[:, 0], cells[split == SPLITS.index("train"), 0])
    unseen[trained] = choose_cells(cells[trained], options.unseen_cells, options.seed)
    return unseen


def poses_in(
    options: FacesOptions, columns: Mapping[str, Ints], looks: list[Look]
) -> Iterator[Poses]:
    """The poses of every clip, in order."""
    names = ("label.person", "label.expression", "take", "length")
    for who, what, take, length in zip(*(columns[name].tolist() for name in names), strict=True):
        yield poses_of(options.seed, who, what, take, looks[who], length)
