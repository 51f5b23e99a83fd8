"""The literature's row: clips with another identity and the same motion, by the judge's action.

C-DSVAE and its successors draw the identity from the prior, keep the posterior mean of the
motion, and report the judge's action accuracy (Acc), H(y|x), H(y) and the inception score, with y
the action:

    H(y|x) = mean over clips of the entropy of p(y|x)      lower: each clip is clearly one action
    H(y)   = entropy of the mean of p(y|x)                 higher, at most ln K: all actions occur
    IS     = exp(H(y) - H(y|x))                            so it adds nothing to these two

All entropies are in nats.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from vdsm.data.clips import Floats, Ints
from vdsm.evaluate.inputs import Inputs
from vdsm.evaluate.intervals import Bootstrap
from vdsm.evaluate.judge import Verdicts
from vdsm.evaluate.result import Number, Numbers, under

Probabilities = npt.NDArray[np.float64]  # [n, K], rows sum to 1


def entropy(p: Probabilities) -> Floats:
    """-Σ p log p over the last axis, in nats; 0 log 0 = 0."""
    logs = np.log(np.where(p > 0, p, 1.0))
    return np.asarray(-(p * logs).sum(-1), np.float64)


def entropies(factors: Sequence[Probabilities], units: Ints, bootstrap: Bootstrap) -> Numbers:
    """`h_y_given_x`, `h_y` and `inception_score` of n clips; H averaged over the factors given."""
    within = np.mean([entropy(p) for p in factors], axis=0)

    def h_y_given_x(weights: Floats) -> Floats:
        return np.asarray(weights @ within / weights.sum(1))

    def h_y(weights: Floats) -> Floats:
        total = weights.sum(1, keepdims=True)
        return np.asarray(np.mean([entropy(weights @ p / total) for p in factors], axis=0))

    def inception_score(weights: Floats) -> Floats:
        return np.exp(h_y(weights) - h_y_given_x(weights))

    n = len(within)
    return {
        statistic.__name__: Number(
            float(statistic(np.ones((1, n)))[0]), n, bootstrap.interval(statistic, units)
        )
        for statistic in (h_y_given_x, h_y, inception_score)
    }


def paper_entropies(found: Verdicts, units: Ints, bootstrap: Bootstrap) -> Numbers:
    """`h_y` and `h_y_given_x` averaged over all factors, as the paper's Table 2 has them.

    The maximum of that H(y) is the mean of ln K, so it is not the action-only H(y) of others.
    """
    numbers = entropies(list(found.values()), units, bootstrap)
    return {name: numbers[name] for name in ("h_y", "h_y_given_x")}


def prior_row(found: Verdicts, inputs: Inputs, bootstrap: Bootstrap) -> Numbers:
    """`accuracy`, the entropies, and the same under `factors.<factor>` for every action factor.

    The row itself is of the action factor with most values (of Sprites, the nine action-view
    pairs that the literature judges).
    """
    rows: dict[str, Numbers] = {}
    for factor in inputs.factors("action"):
        truth = inputs.test_labels(factor)
        known = truth >= 0
        units = inputs.groups[inputs.test][known]
        p = found[factor][known]
        accuracy = bootstrap.share(p.argmax(-1) == truth[known], units)
        rows[factor] = {"accuracy": accuracy, **entropies([p], units, bootstrap)}
    numbers = dict(rows[max(rows, key=lambda factor: inputs.classes[factor])])
    for factor, row in rows.items():
        numbers |= under(f"factors.{factor}", row)
    return numbers
