"""`verification.*`: are two clips of the same individual, judged by the distance of their codes?

The equal error rate is the share of errors at the threshold where false acceptances (pairs of
strangers) and false rejections (pairs of one individual) are equally frequent. 50 % is chance.
From s it should be low; from d it should be near 50 %, else d knows who moves.

The score of a pair is the cosine of the two codes, centred and scaled by the training clips. All
pairs of test clips count, of at most 1,500 clips.
"""

import numpy as np
import numpy.typing as npt

from vdsm.data.clips import Floats, Ints
from vdsm.evaluate.context import Context
from vdsm.evaluate.inputs import Array, CodeArrays, Inputs, standardised
from vdsm.evaluate.intervals import Bootstrap
from vdsm.evaluate.metric import Metric, NotMeasured
from vdsm.evaluate.result import Number, Numbers
from vdsm.evaluate.seeds import generator

MOST_CLIPS = 1500
LEVELS = 2000  # thresholds tried in a resample: quantiles of the scores
MOST_RESAMPLES = 200
Bools = npt.NDArray[np.bool_]


def verification(
    inputs: Inputs, bootstrap: Bootstrap, seed: int, codes: CodeArrays | None = None
) -> Numbers:
    """`<code>.eer` for every code; nothing where no individual has two test clips."""
    rows = generator(seed, "verification").permutation(inputs.test)[:MOST_CLIPS]
    rows = np.sort(rows)
    _, counts = np.unique(inputs.groups[rows], return_counts=True)
    if len(counts) < 2 or counts.max() < 2:
        return {}
    codes = {**inputs.codes, **inputs.probed} if codes is None else codes
    return {f"{name}.eer": _of_code(code, inputs, rows, bootstrap) for name, code in codes.items()}


def equal_error_rate(scores: Floats, same: Bools, weights: Floats | None = None) -> float:
    """Error rate at the threshold where both kinds of error are equal, from pairs' scores.

    scores: [P] higher means more alike. same: [P] true for pairs of one individual.
    """
    weights = np.ones(len(scores)) if weights is None else weights
    values, level = np.unique(scores, return_inverse=True)
    return _crossing(
        _weigh(level, weights * same, len(values)), _weigh(level, weights * ~same, len(values))
    )


def _weigh(level: Ints, weights: Floats, levels: int) -> Floats:
    return np.asarray(np.bincount(level, weights, levels), np.float64)


def _crossing(alike: Floats, strange: Floats) -> float:
    """Equal error rate from the weights [L] of both kinds of pair at L ascending scores."""
    if alike.sum() == 0 or strange.sum() == 0:
        return float("nan")
    rejected = np.concatenate([[0.0], alike.cumsum() / alike.sum()])
    accepted = 1 - np.concatenate([[0.0], strange.cumsum() / strange.sum()])
    gap = rejected - accepted  # rises from -1 to 1
    after = max(int(np.argmax(gap >= 0)), 1)
    step = -gap[after - 1] / (gap[after] - gap[after - 1])
    return float(rejected[after - 1] + step * (rejected[after] - rejected[after - 1]))


def _of_code(code: Array, inputs: Inputs, rows: Ints, bootstrap: Bootstrap) -> Number:
    x = standardised(code, inputs.train)[rows]
    x /= np.maximum(np.linalg.norm(x, axis=1, keepdims=True), 1e-12)
    i, j = np.triu_indices(len(rows), k=1)
    scores = (x @ x.T)[i, j]
    individuals = inputs.groups[rows]
    same = individuals[i] == individuals[j]
    value = equal_error_rate(scores, same)
    return Number(value, len(rows), _interval(scores, same, individuals, bootstrap))


def _interval(
    scores: Floats, same: Bools, individuals: Ints, bootstrap: Bootstrap
) -> tuple[float, float] | None:
    """Individuals drawn again; scores are cut into levels, so that a resample needs no sorting.

    A pair of strangers weighs the product of both draws, a pair of one individual its draw.
    """
    levels = np.unique(np.quantile(scores, np.linspace(0, 1, LEVELS)))
    level = np.searchsorted(levels, scores)
    i, j = np.triu_indices(len(individuals), k=1)

    def rates(weights: Floats) -> Floats:
        return np.array([rate(row[i], row[j]) for row in weights])

    def rate(one: Floats, other: Floats) -> float:
        return _crossing(
            _weigh(level[same], one[same], len(levels)),
            _weigh(level[~same], (one * other)[~same], len(levels)),
        )

    fewer = Bootstrap(min(bootstrap.resamples, MOST_RESAMPLES), bootstrap.seed)
    return fewer.interval(rates, individuals)


def measure(context: Context) -> Numbers:
    """Of every code, and of samples where these are given."""
    found = verification(context.inputs, context.bootstrap, context.settings.seed)
    if not found:
        raise NotMeasured("it takes two test individuals, and two test clips of one")
    return found


METRIC = Metric("verification", measure, ("codes",))
