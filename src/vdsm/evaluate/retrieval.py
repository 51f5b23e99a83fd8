"""`retrieval.*`: does the nearest other clip, by one code, show the same action or individual?

    action      of test clips of other individuals, the nearest shows the same action
    individual  of test clips with another action, the nearest shows the same individual

Both are asked of both sides: by d (or z, all its frames) the first should be near 100 % and the
second near chance, by s the reverse. Chance is what a clip drawn at random from the same ones would
give. Near is the cosine of codes, centred and scaled by the training clips. The action is the
factor with most values. At most 1,500 test clips are asked, all of one seeded choice.
"""

import numpy as np
import numpy.typing as npt

from vdsm.data.clips import Floats, Ints
from vdsm.evaluate.context import Context
from vdsm.evaluate.inputs import Array, CodeArrays, Inputs, standardised
from vdsm.evaluate.intervals import Bootstrap
from vdsm.evaluate.metric import Metric, NotMeasured
from vdsm.evaluate.result import Numbers, under

MOST = 1500
Bools = npt.NDArray[np.bool_]


def directions(code: Array, train: Ints, rows: Ints) -> Floats:
    """[n, k] codes of unit length, those over time as one long code."""
    x = standardised(code.reshape(len(code), -1), train)[rows]
    return np.asarray(x / np.maximum(np.linalg.norm(x, axis=1, keepdims=True), 1e-12))


def nearest_shows(similarity: Floats, allowed: Bools, same: Bools) -> tuple[Floats, Floats, Bools]:
    """[n] whether the most similar allowed clip is the same, chance, and which clips can tell.

    similarity, allowed, same: [n, n]. A clip can tell where some allowed clip is the same, and
    some is not.
    """
    wanted = allowed & same
    tells: Bools = np.asarray(wanted.any(axis=1) & (allowed & ~same).any(axis=1))
    best = np.where(allowed, similarity, -np.inf).argmax(axis=1)
    right = np.take_along_axis(wanted, best[:, None], axis=1)[:, 0]
    chance = wanted.sum(axis=1) / np.maximum(allowed.sum(axis=1), 1)
    return np.asarray(right, np.float64), np.asarray(chance, np.float64), tells


def retrieval(inputs: Inputs, codes: CodeArrays, rows: Ints, bootstrap: Bootstrap) -> Numbers:
    """`<code>.{action,individual}.{accuracy,chance}`, of those that some clip can tell."""
    factor = max(inputs.factors("action"), key=lambda name: inputs.classes[name])
    rows = rows[inputs.labels[factor][rows] >= 0]
    groups, actions = inputs.groups[rows], inputs.labels[factor][rows]
    individual, action = groups[:, None] == groups, actions[:, None] == actions
    asked = {"action": (~individual, action), "individual": (~action, individual)}
    numbers: Numbers = {}
    for name, code in codes.items():
        unit = directions(code, inputs.train, rows)
        similarity = unit @ unit.T
        for what, (allowed, same) in asked.items():
            right, chance, tells = nearest_shows(similarity, allowed, same)
            if tells.any():
                units = groups[tells]
                found = {
                    "accuracy": bootstrap.share(right[tells] > 0, units),
                    "chance": bootstrap.mean(chance[tells], units),
                }
                numbers |= under(f"{name}.{what}", found)
    return numbers


def sides(codes: CodeArrays) -> CodeArrays:
    """s, and d or where there is none z."""
    return {name: code for name, code in codes.items() if name != "z" or "d" not in codes}


def measure(context: Context) -> Numbers:
    """By s, and by d or z."""
    rows = context.some_test("retrieval", MOST)
    found = retrieval(context.inputs, sides(context.inputs.codes), rows, context.bootstrap)
    if not found:
        raise NotMeasured("no test clip has others of its action, or of its individual")
    return found


METRIC = Metric("retrieval", measure, ("labels", "action", "codes"))
