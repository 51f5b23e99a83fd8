"""95 % intervals by the bootstrap over individuals, not over clips that resemble each other.

Clips of one individual succeed and fail together, so whole individuals are drawn again. A pair
of clips, as in a swap, belongs to two individuals: its weight is the product of both draws (the
bootstrap of nodes; cf. Owen's pigeonhole bootstrap, 2007, which errs towards wide). Where every
sample agrees, any bootstrap has width zero; the exact binomial bound (Clopper and Pearson) of that
many individuals then replaces it. It is the wider of the two, since it is of individuals that are
right or wrong as a whole: all of 1,000 clips right reads wider than one of them wrong. The
bootstrap of a single individual says nothing, and of few it is too narrow: of two to five,
intervals of 95 % hold the truth in some 60 to 85 %.
"""

from collections.abc import Callable, Iterator

import numpy as np
import numpy.typing as npt
from scipy.stats import t as student

from vdsm.data.clips import Floats, Ints
from vdsm.evaluate.result import Number

LEVEL = 0.95
TAIL = (1 - LEVEL) / 2
CHUNK = 4_000_000  # weights held at once


class Bootstrap:
    """Draws individuals with replacement; the same seed draws the same ones."""

    def __init__(self, resamples: int, seed: int) -> None:
        self.resamples = resamples
        self.seed = seed

    def weights(self, units: Ints) -> Iterator[Floats]:
        """[R, n] weights of n samples, in chunks of resamples.

        units: [n], or [n, m] when a sample belongs to m individuals at once.
        """
        columns = units.reshape(len(units), -1)
        distinct, index = np.unique(columns, return_inverse=True)
        index = index.reshape(columns.shape)
        rng = np.random.Generator(np.random.PCG64(self.seed))
        rows = max(1, CHUNK // max(len(units), len(distinct)))
        for start in range(0, self.resamples, rows):
            count = min(rows, self.resamples - start)
            yield _draws(rng, count, len(distinct))[:, index].prod(axis=2)

    def interval(
        self, statistic: Callable[[Floats], Floats], units: Ints
    ) -> tuple[float, float] | None:
        """Percentile interval of a statistic: weights [R, n] -> [R]. None where undefined."""
        if individuals(units) < 2:
            return None
        values = np.concatenate([statistic(weights) for weights in self.weights(units)])
        values = values[np.isfinite(values)]
        if not len(values):
            return None
        low, high = np.quantile(values, [TAIL, 1 - TAIL])
        return float(low), float(high)

    def mean(self, values: Floats, units: Ints) -> Number:
        """The mean of n values."""
        return self.ratio(values, np.ones(len(values)), units)

    def share(self, right: npt.NDArray[np.bool_], units: Ints) -> Number:
        """The share of n yes-or-no samples that are yes."""
        number = self.mean(right.astype(np.float64), units)
        if number.n and number.value in (0.0, 1.0):
            return Number(number.value, number.n, unanimous(number.value, individuals(units)))
        return number

    def ratio(self, above: Floats, below: Floats, units: Ints) -> Number:
        """sum(above) / sum(below) over n samples, each of which brings one of both."""
        if not len(above) or below.sum() == 0:
            return Number(float("nan"), len(above))

        def statistic(weights: Floats) -> Floats:
            bottom = weights @ below
            with np.errstate(invalid="ignore", divide="ignore"):
                return (weights @ above) / bottom

        value = float(above.sum() / below.sum())
        return Number(value, len(above), self.interval(statistic, units))


def individuals(units: Ints) -> int:
    """How many take part in n samples; of pairs, on the side that has fewer."""
    columns = units.reshape(len(units), -1)
    return min((len(np.unique(column)) for column in columns.T), default=0)


def unanimous(value: float, n: int) -> tuple[float, float]:
    """Clopper-Pearson interval of a share of n individuals that is exactly 0 or 1."""
    reach = float(TAIL ** (1 / n))
    return (reach, 1.0) if value == 1.0 else (0.0, 1 - reach)


def students(groups: int) -> float:
    """Standard errors, as estimated from that many groups, that hold 95 % (Student's t)."""
    return float(student.ppf(1 - TAIL, groups - 1))


def _draws(rng: np.random.Generator, resamples: int, units: int) -> Floats:
    """[R, units] how often each unit is drawn in each of R resamples of that many."""
    drawn = rng.integers(units, size=(resamples, units))
    offset = np.arange(resamples)[:, None] * units
    counts = np.bincount((drawn + offset).ravel(), minlength=resamples * units)
    return counts.reshape(resamples, units).astype(np.float64)
