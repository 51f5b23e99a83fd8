"""`unlabelled.colours.*`: does a swap have the colours of the clip of its identity?

Histograms of all pixels of a clip (8 levels of each of three channels, or 64 of one) are compared
by their intersection, Σ min(p, q), with that of the identity's clip, of the action's clip, and of a
stranger, another swap's identity. Much of a clip may be a background that all share, hence
`excess`: (identity - stranger) / (1 - stranger), 1 for the identity's very colours. No label is
needed.
"""

import numpy as np

from vdsm.data.clips import Floats
from vdsm.evaluate.context import Context
from vdsm.evaluate.metric import Metric
from vdsm.evaluate.result import Numbers
from vdsm.evaluate.stream import read_any
from vdsm.evaluate.swap import swaps
from vdsm.notation import Video

LEVELS = {1: 64, 3: 8}  # of each channel, by the number of channels


def histogram(clips: Video) -> Floats:
    """[B, bins] shares of the pixels of each clip, by colour."""
    channels = clips.shape[2]
    levels = LEVELS.get(channels, 4)
    level = (clips * levels).long().clamp(max=levels - 1).movedim(2, -1).flatten(1, 3).numpy()
    place = level @ levels ** np.arange(channels)  # [B, pixels]
    bins = levels**channels
    return np.stack([np.bincount(row, minlength=bins) / len(row) for row in place])


def intersection(one: Floats, other: Floats) -> Floats:
    """[B] Σ min(p, q) of histograms."""
    return np.asarray(np.minimum(one, other).sum(axis=1))


def measure(context: Context) -> Numbers:
    """`identity`, `action`, `stranger`: mean intersection with the colours of each; `excess`."""
    inputs, made = context.inputs, swaps(context)
    parts: dict[str, list[Floats]] = {"swap": [], "action": [], "identity": []}
    for clips, pairs in made.batches(context.settings.batch):
        parts["swap"].append(histogram(clips))
        parts["identity"].append(histogram(read_any(inputs.real, pairs[:, 0])))
        parts["action"].append(histogram(read_any(inputs.real, pairs[:, 1])))
    swap, identity, action = (
        np.concatenate(parts[name]) for name in ("swap", "identity", "action")
    )
    units = inputs.groups[made.pairs[: len(swap)]]
    found = {
        "identity": intersection(swap, identity),
        "action": intersection(swap, action),
        "stranger": intersection(swap, np.roll(identity, 1, axis=0)),
    }
    bootstrap, stranger = context.bootstrap, found["stranger"]
    numbers = {name: bootstrap.mean(values, units) for name, values in found.items()}
    excess = bootstrap.ratio(found["identity"] - stranger, 1 - stranger, units)
    return numbers | {"excess": excess}


METRIC = Metric("unlabelled.colours", measure, ("swap",))
