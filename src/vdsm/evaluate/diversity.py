"""`unlabelled.diversity.*`: do new clips differ from each other as real clips do?

The root of the mean squared difference of two clips, per value in [0, 1], over all pairs of clips
that are averaged over cells of a grid of 8 x 8: of generated clips, of real test clips, and their
`ratio`, 1 for samples as varied as real clips and 0 for one clip over and over. No label is needed.
"""

from functools import partial

import numpy as np
import torch.nn.functional as F

from vdsm.data.clips import Floats
from vdsm.evaluate.context import Context
from vdsm.evaluate.generated import clips_of
from vdsm.evaluate.metric import Metric
from vdsm.evaluate.result import Number, Numbers
from vdsm.evaluate.stream import real_clips
from vdsm.notation import Video

MOST = 300  # clips
GRID = 8


def small(clips: Video) -> Floats:
    """[B, T C cells] averages over the cells of a grid."""
    rows, columns = clips.shape[-2:]
    cells = F.adaptive_avg_pool2d(clips.flatten(0, 1), (min(GRID, rows), min(GRID, columns)))
    return np.asarray(cells.reshape(len(clips), -1).numpy(), np.float64)


def spread(x: Floats, weights: Floats) -> Floats:
    """[R] root of the mean over pairs of rows of x [n, D] of the mean squared difference.

    Rows count as often as each of the weights [R, n] says. Mean |x - y|² = 2 (mean |x|² - |mean|²)
    over all pairs, those of a row with itself among them, of which there are none: n / (n - 1).
    """
    total = weights.sum(axis=1)
    x = x - x[0]  # alike clips differ by nothing, and not by what rounding leaves
    mean = weights @ x / total[:, None]
    square = weights @ (x**2).mean(axis=1) / total
    n = len(x)
    twice = 2 * (square - (mean**2).mean(axis=1)) * n / max(n - 1, 1)
    return np.asarray(np.sqrt(np.maximum(twice, 0)))


def measure(context: Context) -> Numbers:
    """`generated`, `real`, `ratio`."""
    inputs, bootstrap = context.inputs, context.bootstrap
    rows = context.some_test("diversity", MOST)
    assert context.system.generate is not None
    rng = context.rng("diversity.generate")
    new = clips_of(context.system.generate, inputs, len(rows), rng)
    old = real_clips(inputs, rows, context.settings.batch)
    samples = {
        "generated": (np.concatenate([small(clips) for clips in new]), np.arange(len(rows))),
        "real": (np.concatenate([small(clips) for clips in old]), inputs.groups[rows]),
    }
    numbers = {}
    for name, (x, units) in samples.items():
        value = float(spread(x, np.ones((1, len(x))))[0])
        interval = bootstrap.interval(partial(spread, x), units)
        numbers[name] = Number(value, len(x), interval)
    real = numbers["real"].value
    ratio = numbers["generated"].value / real if real > 0 else float("nan")
    return numbers | {"ratio": Number(ratio, len(rows))}


METRIC = Metric("unlabelled.diversity", measure, ("generate",))
