"""Golden outputs of public implementations, and the recipe that rebuilds their weights."""

import json
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

RELATIVE = 1e-4  # what float32 allows


def generator(key: str) -> np.random.Generator:
    """Every tensor has a stream of its own, named by its key."""
    return np.random.Generator(np.random.PCG64(zlib.crc32(key.encode())))


def weight(key: str, shape: Sequence[int]) -> Tensor:
    """The weight, bias or running statistic of that name."""
    r = generator(key).standard_normal(shape)
    if key.endswith("running_var"):
        value = 1 + 0.1 * np.abs(r)
    elif len(shape) > 1:
        value = r * np.sqrt(2 / np.prod(shape[1:]))
    elif key.endswith("weight"):
        value = 1 + 0.1 * r
    else:
        value = 0.1 * r
    return torch.tensor(value, dtype=torch.float32)


def weights(shared: Path, part: str) -> dict[str, Tensor]:
    """All weights of a part by the names its authors gave them."""
    shapes = json.loads((shared / "golden" / "tensors.json").read_text())[part]
    return {key: weight(key, shape) for key, shape in shapes.items()}


def outputs(shared: Path, part: str) -> dict[str, Tensor]:
    """What the public implementation computed."""
    with np.load(shared / "golden" / f"{part}.npz") as stored:
        return {name: torch.tensor(stored[name]) for name in stored.files}


def normal(key: str, *shape: int) -> Tensor:
    """An input of standard normal values."""
    return torch.tensor(generator(key).standard_normal(shape), dtype=torch.float32)


def uniform(key: str, *shape: int) -> Tensor:
    """An input of values in [0, 1)."""
    return torch.tensor(generator(key).random(shape), dtype=torch.float32)


def assert_close(actual: Tensor, golden: Any) -> None:
    """Equal within RELATIVE of the largest value, which is the scale of rounding errors."""
    assert actual.shape == golden.shape
    worst = ((actual - golden).abs().max() / golden.abs().max()).item()
    assert worst <= RELATIVE, f"relative error {worst:.2e}"
