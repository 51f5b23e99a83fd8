"""Streaming statistics of features: mean and covariance in float64, whole and by groups.

Any feature function will do: clips [B, T, C, H, W] in [0, 1] -> features [B, F]. A function that
needs a least number of frames says so in an attribute `min_frames`, and shorter clips are refused:
padded or repeated frames would measure the padding.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from vdsm.data.clips import Floats, Ints
from vdsm.errors import InputError
from vdsm.evaluate.inputs import to_numpy
from vdsm.notation import Video

Features = Callable[[Video], Any]  # clips [B, T, C, H, W] in [0, 1] -> [B, F]
GROUPS = 10  # of the jackknife
OWN = "judge"  # the judges' features, which the panel has where there are judges
SUFFIXES = ("_real", "_generated", "_fitted")  # of what is compared beside reconstructions


class Moments:
    """Mean and scatter of features that arrive in batches; exact however they are cut."""

    def __init__(self, dims: int) -> None:
        self.n = 0
        self.mean: Floats = np.zeros(dims)
        self.scatter: Floats = np.zeros((dims, dims))  # Σ (x - mean)(x - mean)ᵀ

    def add(self, features: npt.NDArray[Any]) -> None:
        """Take in features [B, F]."""
        if len(features) == 0:
            return
        batch = Moments(features.shape[1])
        values = features.astype(np.float64)
        batch.n, batch.mean = len(values), values.mean(axis=0)
        batch.scatter = (values - batch.mean).T @ (values - batch.mean)
        self.merge(batch)

    def merge(self, other: "Moments") -> None:
        """Take in what another one saw (Chan, Golub and LeVeque, 1979)."""
        if other.n == 0:
            return
        n = self.n + other.n
        shift = other.mean - self.mean
        self.scatter += other.scatter + np.outer(shift, shift) * (self.n * other.n / n)
        self.mean = self.mean + shift * (other.n / n)
        self.n = n

    @property
    def covariance(self) -> Floats:
        """Unbiased covariance [F, F]."""
        return np.asarray(self.scatter / max(self.n - 1, 1))


class FeatureSet:
    """Features of one set of clips, seen in order, kept as the moments of ten groups."""

    def __init__(self, groups: Ints) -> None:
        """groups: [n] the individual of every clip that will be seen; made-up clips have none."""
        _, member = np.unique(groups, return_inverse=True)
        self._group = member % GROUPS
        self._seen = 0
        self._moments: list[Moments] = []

    def add(self, features: Any) -> None:
        """Take in features [B, F] of the next B clips."""
        values = to_numpy(features)
        if values.ndim != 2 or not np.isfinite(values).all():
            raise InputError(f"features must be finite [B, F], got shape {values.shape}")
        if not self._moments:
            self._moments = [Moments(values.shape[1]) for _ in range(GROUPS)]
        group = self._group[self._seen : self._seen + len(values)]
        assert len(group) == len(values), "more clips than were announced"
        self._seen += len(values)
        for g in np.unique(group):
            self._moments[g].add(values[group == g])

    @property
    def groups(self) -> int:
        """Groups that hold clips: ten, or as many as there are individuals."""
        return sum(moments.n > 0 for moments in self._moments)

    def total(self) -> Moments:
        """Moments of all clips."""
        return self.without(-1, GROUPS)

    def without(self, group: int, groups: int) -> Moments:
        """Moments of all clips but those of one group, where the ten are folded into fewer."""
        assert self._seen == len(self._group), "fewer clips than were announced"
        whole = Moments(len(self._moments[0].mean))
        for g, moments in enumerate(self._moments):
            if g % groups != group:
                whole.merge(moments)
        return whole


def require_free(name: str) -> None:
    """InputError where the panel itself has figures of that name, or of a part of it."""
    if name == OWN or name.endswith(SUFFIXES) or "." in name:
        endings = ", ".join(SUFFIXES)
        raise InputError(
            f"features '{name}': '{OWN}', names that end in {endings}, and dots are the panel's "
            "own: rename them"
        )


def require_frames(name: str, features: Features, frames: int) -> None:
    """InputError where clips are shorter than a feature function takes."""
    needed = int(getattr(features, "min_frames", 1))
    if frames < needed:
        raise InputError(
            f"features '{name}' need clips of at least {needed} frames, these have {frames}: "
            "evaluate longer clips or leave these features out"
        )
