"""Cells of individual x action: some are left out of training, to be swapped into afterwards."""

import numpy as np
import numpy.typing as npt

from vdsm.data.clips import Clips, Ints
from vdsm.errors import InputError

Mask = npt.NDArray[np.bool_]


def action_of(clips: Clips) -> Ints:
    """[N] one number per combination of the action factors' labels."""
    columns = [clips.table.labels[f.name] for f in clips.info.factors if f.role == "action"]
    if not columns:
        raise InputError(f"{clips.info.name} has no action factor: cells cannot be left out")
    return np.unique(np.stack(columns, 1), axis=0, return_inverse=True)[1].reshape(-1)


def left_out(clips: Clips, share: float, seed: int) -> Mask:
    """[N] training clips of a seeded random share of the cells individual x action.

    Of each individual at least one action stays, and of each action at least one individual.
    """
    out = np.zeros(len(clips), bool)
    if share == 0:
        return out
    train = clips.select("train")
    pairs = np.stack([clips.table.group[train], action_of(clips)[train]], 1)
    out[train] = choose_cells(pairs, share, seed)
    return out


def choose_cells(pairs: Ints, share: float, seed: int) -> Mask:
    """[N] whether a pair individual, action [N, 2] lies in a seeded random share of the cells.

    Of each individual at least one action stays, and of each action at least one individual.
    """
    cells, cell = np.unique(pairs, axis=0, return_inverse=True)
    left_of = {axis: np.unique(cells[:, axis], return_counts=True) for axis in (0, 1)}
    counts = {axis: dict(zip(*left_of[axis], strict=True)) for axis in (0, 1)}
    chosen = np.zeros(len(cells), bool)
    for i in np.random.default_rng(seed).permutation(len(cells)):
        if chosen.sum() >= share * len(cells):
            break
        if all(counts[axis][cells[i, axis]] > 1 for axis in (0, 1)):
            chosen[i] = True
            for axis in (0, 1):
                counts[axis][cells[i, axis]] -= 1
    return np.asarray(chosen[cell.reshape(-1)])
