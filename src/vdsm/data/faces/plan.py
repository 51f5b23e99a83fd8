"""Who does what when: the table of clips, settled before anything is drawn."""

from collections.abc import Iterator, Mapping

import numpy as np

from vdsm.data.cast import TAKE, table
from vdsm.data.clips import Ints
from vdsm.data.faces.look import Look
from vdsm.data.faces.motion import NAMES, Poses, length_of, poses_of
from vdsm.data.faces.options import FacesOptions

ROW = ("label.person", "label.expression", TAKE)  # columns that say which clip it is


def columns_of(options: FacesOptions) -> dict[str, Ints]:
    """The table of `vdsm.data.cast`, people x expressions x takes, and the length of each clip."""
    columns = table(options, "expression", len(NAMES))
    span = options.shortest, options.longest
    rows = zip(*(columns[name].tolist() for name in ROW), strict=True)
    lengths = [length_of(options.seed, who, what, take, span) for who, what, take in rows]
    return columns | {"length": np.array(lengths, np.int64)}


def poses_in(
    options: FacesOptions, columns: Mapping[str, Ints], looks: list[Look]
) -> Iterator[Poses]:
    """The poses of every clip, in order."""
    names = (*ROW, "length")
    for who, what, take, length in zip(*(columns[name].tolist() for name in names), strict=True):
        yield poses_of(options.seed, who, what, take, looks[who], length)
