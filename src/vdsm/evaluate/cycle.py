"""`unlabelled.cycle.*`: swaps are encoded again: is s the identity's, and d the action's?

Of each swap, the code s is compared with those of N test clips, and so is d (or z where there is no
d), by the cosine of `retrieval`:

    nearest   share of swaps whose most similar clip is the right one: for s any clip of the same
              individual, where it is known who is whose; `chance` beside it
    rank      share of the clips that are not right that are less similar; chance is 50 %
    between   share of swaps more similar to the right one of their two clips; chance is 50 %

No label is needed. A model can pass with a code that hides what it does not draw, so read it beside
`unlabelled.motion` and `unlabelled.colours`.
"""

import numpy as np

from vdsm.data.clips import Floats, Ints
from vdsm.errors import InputError
from vdsm.evaluate.context import Context
from vdsm.evaluate.inputs import Array, Inputs, to_numpy
from vdsm.evaluate.intervals import Bootstrap
from vdsm.evaluate.metric import Metric
from vdsm.evaluate.result import Number, Numbers, under
from vdsm.evaluate.retrieval import directions, sides
from vdsm.evaluate.swap import swaps
from vdsm.evaluate.system import Encode
from vdsm.notation import Video


def encoded(encode: Encode, clips: Video, inputs: Inputs) -> dict[str, Array]:
    """Codes of clips; InputError where they are not as those that were given."""
    found = {name: to_numpy(code) for name, code in encode(clips).items()}
    for name, code in inputs.codes.items():
        shape = found[name].shape if name in found else "nothing"
        expected = (len(clips), *code.shape[1:])
        if shape != expected:
            raise InputError(f"encode gave {shape} for code {name}, expected {expected}")
    return found


def compared(
    similarity: Floats, right: Ints, wrong: Ints, fits: Array, units: Ints, bootstrap: Bootstrap
) -> Numbers:
    """`nearest`, `chance`, `rank`, `between` of K codes and N clips.

    similarity: [K, N]. right, wrong: [K] the columns of the clip that the code should be like, and
    of the other one. fits: [K, N] which columns are as good as the right one.
    """
    rows = np.arange(len(right))
    own = similarity[rows, right]
    others = ~fits
    below = (similarity < own[:, None]) + 0.5 * (similarity == own[:, None])
    rank = (below * others).sum(axis=1) / np.maximum(others.sum(axis=1), 1)
    return {
        "nearest": bootstrap.share(fits[rows, similarity.argmax(axis=1)], units),
        "chance": Number(float(fits.mean()), len(right)),
        "rank": bootstrap.mean(rank, units),
        "between": bootstrap.share(own > similarity[rows, wrong], units),
    }


def measure(context: Context) -> Numbers:
    """`<code>.{nearest,chance,rank,between}` of s, and of d or z."""
    inputs, made = context.inputs, swaps(context)
    assert context.system.encode is not None
    parts = [
        encoded(context.system.encode, clips, inputs)
        for clips, _ in made.batches(context.settings.batch)
    ]
    pairs = made.pairs[: len(made.kept)]
    rows, index = np.unique(pairs, return_inverse=True)
    column = index.reshape(pairs.shape)
    groups, units = inputs.groups[rows], inputs.groups[pairs]
    numbers: Numbers = {}
    for name, code in sides(inputs.codes).items():
        again = np.concatenate([part[name] for part in parts])
        both = np.concatenate([code, again])
        unit = directions(both, inputs.train, np.append(rows, len(code) + np.arange(len(again))))
        similarity = unit[len(rows) :] @ unit[: len(rows)].T
        side = 0 if name == "s" else 1
        right, wrong = column[:, side], column[:, 1 - side]
        same = right[:, None] == np.arange(len(rows))
        if name == "s":
            same = groups[right][:, None] == groups
        found = compared(similarity, right, wrong, same, units, context.bootstrap)
        numbers |= under(name, found)
    return numbers


METRIC = Metric("unlabelled.cycle", measure, ("s", "motion", "decode", "encode"))
