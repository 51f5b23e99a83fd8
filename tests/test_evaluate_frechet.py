"""The Fréchet distance of Gaussians in closed form, against scipy's root, and streaming."""

import numpy as np
import pytest
import torch
from scipy.linalg import sqrtm

from vdsm.errors import InputError
from vdsm.evaluate.frechet import compare, distance
from vdsm.evaluate.moments import FeatureSet, Moments, require_frames

RNG = np.random.default_rng(0)


def gaussian(mean: np.ndarray, covariance: np.ndarray, n: int = 1000) -> Moments:
    """Moments that are exactly these."""
    moments = Moments(len(mean))
    moments.n, moments.mean, moments.scatter = n, mean, covariance * (n - 1)
    return moments


def covariance(dims: int, rank: int) -> np.ndarray:
    a = RNG.standard_normal((dims, rank))
    return np.asarray(a @ a.T / rank)


def test_means_apart() -> None:
    """Equal covariances: the squared distance of the means."""
    c = covariance(5, 5)
    a, b = gaussian(np.zeros(5), c), gaussian(np.full(5, 2.0), c)
    assert distance(a, b) == pytest.approx(20.0)
    assert distance(a, a) == pytest.approx(0.0, abs=1e-9)


def test_commuting_covariances() -> None:
    """Diagonal: Σ (σ₁ - σ₂)²."""
    one, two = RNG.random(7) + 0.1, RNG.random(7) + 0.1
    value = distance(gaussian(np.zeros(7), np.diag(one**2)), gaussian(np.zeros(7), np.diag(two**2)))
    assert value == pytest.approx(float(((one - two) ** 2).sum()))


@pytest.mark.parametrize("rank", [12, 5])
def test_against_scipy(rank: int) -> None:
    """Also where covariances are singular, as with fewer clips than features."""
    c1, c2 = covariance(12, rank), covariance(12, 12)
    m1, m2 = RNG.standard_normal((2, 12))
    root = sqrtm(c1 @ c2 + (0 if rank == 12 else 1e-12 * np.eye(12)))
    theirs = ((m1 - m2) ** 2).sum() + np.trace(c1 + c2) - 2 * np.trace(root).real
    assert distance(gaussian(m1, c1), gaussian(m2, c2)) == pytest.approx(theirs, rel=1e-4)
    assert distance(gaussian(m2, c2), gaussian(m1, c1)) == pytest.approx(theirs, rel=1e-4)


@pytest.mark.parametrize("batch", [1, 7, 64, 500])
def test_streaming_is_exact_however_it_is_cut(batch: int) -> None:
    """Float32 features far from zero, where a sum of squares would lose every digit."""
    features = (RNG.standard_normal((500, 6)) + 1e4).astype(np.float32)
    moments = Moments(6)
    for start in range(0, 500, batch):
        moments.add(features[start : start + batch])
    assert moments.n == 500
    np.testing.assert_allclose(moments.mean, features.astype(np.float64).mean(0), rtol=1e-14)
    expected = np.cov(features.astype(np.float64), rowvar=False)
    np.testing.assert_allclose(moments.covariance, expected, rtol=1e-9, atol=1e-9)


def test_samples_of_known_gaussians_come_out_within_their_interval() -> None:
    """20 pairs of samples; the bias of finite samples is small at 2 features and 4,000 clips."""
    held = 0
    for _ in range(20):
        a, b = RNG.standard_normal((2, 4000, 2))
        b = b * 2 + 1  # truth: 2 of the means + 2 · (2 - 1)² of the scales
        samples = [FeatureSet(np.arange(4000)), FeatureSet(np.arange(4000))]
        for sample, values in zip(samples, (a, b), strict=True):
            for start in range(0, 4000, 900):
                sample.add(torch.from_numpy(values[start : start + 900]))
        number = compare(*samples)
        assert number.value == pytest.approx(4.0, rel=0.1)
        assert number.interval is not None
        held += number.interval[0] <= 4.0 <= number.interval[1]
    assert held >= 14  # 19 expected; P(fewer than 14) < 1e-3 with 10-group jackknife


@pytest.mark.parametrize("individuals", [1, 2, 7])
def test_few_individuals_are_left_out_one_by_one(individuals: int) -> None:
    """The jackknife of the definition, by hand, of samples with other numbers of individuals."""
    a, b = RNG.standard_normal((40, 3)), RNG.standard_normal((60, 3)) + 0.5
    own = np.arange(40) % individuals
    real, made = FeatureSet(own), FeatureSet(np.arange(60))
    real.add(a)
    made.add(b)
    number = compare(real, made)
    if individuals == 1:
        assert number.interval is None
        return

    def by_hand(x: np.ndarray, y: np.ndarray) -> float:
        return distance(
            gaussian(x.mean(0), np.cov(x.T), len(x)), gaussian(y.mean(0), np.cov(y.T), len(y))
        )

    folded = np.arange(60) % 10 % individuals
    parts = [by_hand(a[own != g], b[folded != g]) for g in range(individuals)]
    error = np.sqrt((individuals - 1) * np.var(parts))
    assert number.interval is not None
    reach = {2: 12.7062, 7: 2.4469}[individuals] * error  # Student's t, from a printed table
    assert number.interval[1] == pytest.approx(by_hand(a, b) + reach, rel=1e-4)


def test_bad_features_and_short_clips() -> None:
    with pytest.raises(InputError, match="finite"):
        FeatureSet(np.arange(2)).add(np.array([[1.0], [np.nan]]))

    def features(clips: torch.Tensor) -> torch.Tensor:
        return clips.flatten(1)

    require_frames("any", features, 1)
    features.min_frames = 16  # type: ignore[attr-defined]
    with pytest.raises(InputError, match="'video' need clips of at least 16 frames, these have 8"):
        require_frames("video", features, 8)
