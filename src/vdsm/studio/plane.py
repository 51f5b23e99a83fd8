"""A map of codes: the two directions in which those of many clips differ most."""

import numpy as np
import numpy.typing as npt

Points = npt.NDArray[np.float64]


def plane(points: Points, more: Points) -> tuple[Points, Points]:
    """[N, 2] and [M, 2] in [-1, 1]: principal components of points [N, K]; `more` [M, K] put in.

    Each axis is divided by the greatest value of `points`; what lies beyond stands at the edge.
    """
    centre = points.mean(0) if len(points) else np.zeros(points.shape[1])
    axes = np.linalg.svd(points - centre, full_matrices=False)[2][:2]
    axes = np.pad(axes, ((0, 2 - len(axes)), (0, 0)))
    flat, others = (points - centre) @ axes.T, (more - centre) @ axes.T
    reach = np.maximum(np.abs(flat).max(0, initial=0), np.abs(others).max(0, initial=0) * 0.01)
    reach[reach < 1e-9] = 1.0
    return np.clip(flat / reach, -1, 1), np.clip(others / reach, -1, 1)
