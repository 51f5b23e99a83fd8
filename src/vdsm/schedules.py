"""Annealing as pure functions of a stage's progress in [0, 1] (Sec. 3.2, Figs. 9 and 10)."""

import math

import numpy as np


def half_cosine(progress: float, start: float, end: float, until: float = 1.0) -> float:
    """From start to end along half a cosine, reached at `until` and kept."""
    p = min(progress / until, 1.0)
    return end + (start - end) * 0.5 * (1 + math.cos(math.pi * p))


def log_half_cosine(progress: float, start: float, end: float, until: float = 1.0) -> float:
    """The same in log space: a weight that spans decades spends as long in each."""
    return math.exp(half_cosine(progress, math.log(start), math.log(end), until))


def quadratic(progress: float, points: tuple[tuple[float, float], ...]) -> float:
    """Quadratic interpolation through (progress, value) points, never below 0.005."""
    from scipy.interpolate import make_interp_spline  # slow to import: only where a stage runs

    x, y = np.array(points).T
    return max(float(make_interp_spline(x, y, k=2)(progress)), 0.005)


def lambda_z_paper_code(progress: float) -> float:
    """λ_z of stage 1 as the authors' code has it: 30 to 1, undershooting to .005 in between."""
    return quadratic(progress, ((0.0, 30.0), (0.5, 0.2), (0.8, 0.4), (1.0, 1.0)))


def lambda_z_stage2(progress: float) -> float:
    """λ_z of stage 2, 0.1 to 1 (Fig. 10)."""
    return quadratic(progress, ((0.0, 0.1), (0.5, 0.4), (0.8, 0.4), (1.0, 1.0)))
