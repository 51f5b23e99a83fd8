"""Monte-Carlo comparisons with a stated false-alarm rate."""

import math

import torch
from torch import Tensor

SIGMAS = 5.0  # two-sided false-alarm rate of each number compared: erfc(5 / sqrt 2) = 5.7e-7


def standard_error(samples: Tensor) -> Tensor:
    """Of the mean over the first axis."""
    return samples.std(0) / math.sqrt(len(samples))


def assert_mean(samples: Tensor, expected: Tensor | float) -> None:
    """The mean over the first axis is `expected`, within SIGMAS standard errors."""
    off = (samples.double().mean(0) - expected) / standard_error(samples.double())
    assert torch.isfinite(off).all()
    assert off.abs().max() < SIGMAS, f"off by {off.abs().max():.1f} standard errors"
