"""Who does what how often: the table of clips that are drawn, people x actions x takes."""

from typing import Literal, Protocol

import numpy as np

from vdsm.data.cells import choose_cells
from vdsm.data.clips import SPLITS, Ints, three_splits
from vdsm.errors import InputError

TAKE, UNSEEN = "take", "unseen"  # columns of clips.npz beside those that every dataset has


class Casting(Protocol):
    """The options that a table follows from."""

    @property
    def people(self) -> int: ...
    @property
    def takes(self) -> int: ...
    @property
    def holdout(self) -> Literal["take", "person"]: ...
    @property
    def test_share(self) -> float: ...
    @property
    def validation_share(self) -> float: ...
    @property
    def unseen_cells(self) -> float: ...
    @property
    def seed(self) -> int: ...


def table(options: Casting, action: str, actions: int) -> dict[str, Ints]:
    """Columns of clips.npz but length and start: a row a clip, by person, action and take.

    action: name of the factor that has so many actions. The column `unseen` is 1 for the clips of
    a person with an action of which no take is trained on. InputError where nothing is left to
    train on.
    """
    check_cast(options)
    shape = (options.people, actions, options.takes)
    who, what, take = (axis.reshape(-1).astype(np.int64) for axis in np.indices(shape))
    held = who if options.holdout == "person" else np.arange(len(who))
    split = three_splits(held, options.test_share, options.validation_share, options.seed)
    unseen = _unseen(np.stack([who, what], 1), split, options)
    split[unseen == 1] = SPLITS.index("test")
    columns = {"group": who, "split": split, TAKE: take, UNSEEN: unseen}
    return columns | {"label.person": who, f"label.{action}": what}


def _unseen(cells: Ints, split: Ints, options: Casting) -> Ints:
    """[N] 1 for the cells [N, 2] that are left out, among those of people who are trained on."""
    unseen = np.zeros(len(cells), np.int64)
    trained = np.isin(cells[:, 0], cells[split == SPLITS.index("train"), 0])
    unseen[trained] = choose_cells(cells[trained], options.unseen_cells, options.seed)
    return unseen


def check_cast(options: Casting) -> None:
    """InputError for options that leave nothing to train on."""
    if options.test_share + options.validation_share >= 1:
        raise InputError(
            f"--test-share {options.test_share:g} and --validation-share"
            f" {options.validation_share:g} leave nothing to train on: lower one"
        )
    if options.holdout == "person" and options.people < 2 and options.test_share > 0:
        raise InputError(
            "--holdout person with 1 person leaves nobody to train on: use --holdout take"
        )
