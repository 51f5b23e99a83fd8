"""`unlabelled.motion.*`: does a swap move where and as much as the clip of its action?

How much each cell of a frame changes from one frame to the next, in a grid of at most 16 x 16, is
correlated (Pearson, over all cells and frames of a clip) with that of the action's clip, of the
identity's clip, and of a stranger, another swap's action, which says what any two clips have in
common. Where an individual's place is its own, a right swap moves elsewhere: `displaced` is the
cosine at that displacement, one for the whole clip, at which it is largest. Clips that do not move
at all agree with nothing and are not counted. No label is needed.
"""

import numpy as np
import torch.nn.functional as F

from vdsm.data.clips import Floats
from vdsm.evaluate.context import Context
from vdsm.evaluate.metric import Metric, NotMeasured
from vdsm.evaluate.result import Numbers
from vdsm.evaluate.stream import read_any
from vdsm.evaluate.swap import swaps
from vdsm.notation import Video

GRID = 16  # cells in a row and in a column


def change(clips: Video) -> Floats:
    """[B, (T - 1) cells] mean absolute change of the pixels of each cell."""
    rows, columns = clips.shape[-2:]
    moved = (clips[:, 1:] - clips[:, :-1]).abs().mean(dim=2)
    cells = F.adaptive_avg_pool2d(moved, (min(GRID, rows), min(GRID, columns)))
    return np.asarray(cells.flatten(1).numpy(), np.float64)


def displaced(one: Floats, other: Floats, shape: tuple[int, int]) -> Floats:
    """[B] largest cosine over displacements of all frames together; shape: rows, columns of cells.

    What is displaced beyond the frame meets nothing.
    """
    a, b = (x.reshape(len(x), -1, *shape) for x in (one, other))
    padded = (2 * shape[0] - 1, 2 * shape[1] - 1)
    product = (np.fft.rfft2(a, padded).conj() * np.fft.rfft2(b, padded)).sum(axis=1)
    best = np.fft.irfft2(product, padded).max(axis=(1, 2))
    norm = np.sqrt((one**2).sum(axis=1) * (other**2).sum(axis=1))
    return np.where(norm > 0, best / np.where(norm > 0, norm, 1), 0.0)


def correlation(one: Floats, other: Floats) -> Floats:
    """[B] Pearson correlation of rows; 0 where one of both does not vary."""
    a, b = (x - x.mean(axis=1, keepdims=True) for x in (one, other))
    product = np.sqrt((a**2).sum(axis=1) * (b**2).sum(axis=1))
    return np.where(product > 0, (a * b).sum(axis=1) / np.where(product > 0, product, 1), 0.0)


def measure(context: Context) -> Numbers:
    """`[displaced.]{action,identity,stranger}`: mean agreement with the motion of each."""
    inputs, made = context.inputs, swaps(context)
    if inputs.real.shape[1] < 2:
        raise NotMeasured("clips of one frame do not move")
    parts: dict[str, list[Floats]] = {"swap": [], "action": [], "identity": []}
    for clips, pairs in made.batches(context.settings.batch):
        parts["swap"].append(change(clips))
        parts["identity"].append(change(read_any(inputs.real, pairs[:, 0])))
        parts["action"].append(change(read_any(inputs.real, pairs[:, 1])))
    swap, identity, action = (
        np.concatenate(parts[name]) for name in ("swap", "identity", "action")
    )
    cells = min(GRID, inputs.real.shape[2]), min(GRID, inputs.real.shape[3])
    units = inputs.groups[made.pairs[: len(swap)]]
    others = {"action": action, "identity": identity, "stranger": np.roll(action, 1, axis=0)}
    if not (action.std(axis=1) > 0).any():
        raise NotMeasured("no test clip moves")
    numbers: Numbers = {}
    for name, moved in others.items():
        moves = moved.std(axis=1) > 0
        found = correlation(swap[moves], moved[moves])
        numbers[name] = context.bootstrap.mean(found, units[moves])
        found = displaced(swap[moves], moved[moves], cells)
        numbers[f"displaced.{name}"] = context.bootstrap.mean(found, units[moves])
    return numbers


METRIC = Metric("unlabelled.motion", measure, ("swap",))
