"""Fréchet distance between clips in a feature space, from streaming float64 statistics.

    |μ₁ - μ₂|² + tr(C₁ + C₂ - 2 (C₁ C₂)^½)

the squared 2-Wasserstein distance of two Gaussians (Dowson and Landau, 1982). In an Inception
network it is FID, in a video network FVD. `frechet.<features>` is of reconstructions,
`frechet.<features>_generated` of clips from the priors, `_fitted` of clips from fitted densities,
`_real` of real training clips; all to real test clips.

The distance of two samples of one distribution is not zero: it shrinks as 1/n and grows with F.
The panel therefore prints that of real training clips to real test clips beside that of generated
ones. Reconstructions are paired with the clips that they are compared with, and may be far below.
The interval is a delete-a-group jackknife (ten groups of individuals): a bootstrap would repeat
clips, which itself adds to this distance.
"""

import numpy as np

from vdsm.evaluate.context import Context, Looked
from vdsm.evaluate.generated import fitted, generated
from vdsm.evaluate.intervals import students
from vdsm.evaluate.metric import Metric, NotMeasured
from vdsm.evaluate.moments import FeatureSet, Moments
from vdsm.evaluate.reconstruction import reconstructed
from vdsm.evaluate.result import Number, Numbers
from vdsm.evaluate.seeds import generator
from vdsm.evaluate.stream import real_clips


def distance(a: Moments, b: Moments) -> float:
    """Squared Fréchet distance of the two Gaussians; covariances may be singular."""
    values, vectors = np.linalg.eigh(a.covariance)
    root = (vectors * np.sqrt(np.clip(values, 0, None))) @ vectors.T
    product = root @ b.covariance @ root  # has the eigenvalues of C₁ C₂, and is symmetric
    roots = np.sqrt(np.clip(np.linalg.eigvalsh((product + product.T) / 2), 0, None))
    trace = np.trace(a.covariance) + np.trace(b.covariance) - 2 * roots.sum()
    return float(max((a.mean - b.mean) @ (a.mean - b.mean) + trace, 0.0))


def compare(real: FeatureSet, made: FeatureSet) -> Number:
    """Distance of two samples, its jackknife interval, and the smaller sample's size."""
    one, two = real.total(), made.total()
    value, n = distance(one, two), min(one.n, two.n)
    groups = min(real.groups, made.groups)
    parts = [(real.without(g, groups), made.without(g, groups)) for g in range(groups)]
    if groups < 2 or min(min(a.n, b.n) for a, b in parts) < 2:
        return Number(value, n)
    left_out = np.array([distance(a, b) for a, b in parts])
    reach = students(groups) * float(np.sqrt((groups - 1) * left_out.var()))
    return Number(value, n, (max(value - reach, 0.0), value + reach))


def _against(context: Context, made: Looked, suffix: str) -> Numbers:
    """Distances of clips to the real test clips, in every feature space."""
    if not made.samples:
        raise NotMeasured("there are neither judges nor features to compare clips by")
    real = context.real().samples
    return {f"{name}{suffix}": compare(real[name], sample) for name, sample in made.samples.items()}


def of_training(context: Context) -> Numbers:
    """Of as many real training clips as there are test clips."""
    inputs = context.inputs
    others = generator(context.settings.seed, "frechet.real").permutation(inputs.train)
    rows = np.sort(others[: len(inputs.test)])
    clips = real_clips(inputs, rows, context.settings.batch)
    train = context.look_with_features(clips, inputs.groups[rows], "real training clips")
    return _against(context, train, "_real")


def of_reconstructions(context: Context) -> Numbers:
    """Of test clips decoded from their own codes."""
    return _against(context, reconstructed(context).looked, "")


METRICS = (
    Metric("frechet.real", of_training, prefix="frechet"),
    Metric("frechet.reconstructions", of_reconstructions, ("again",), prefix="frechet"),
    Metric(
        "frechet.generated",
        lambda context: _against(context, generated(context), "_generated"),
        ("generate",),
        prefix="frechet",
    ),
    Metric(
        "frechet.fitted",
        lambda context: _against(context, fitted(context), "_fitted"),
        ("fitted",),
        prefix="frechet",
    ),
)
