"""Datasets and settings so small that both stages train in a second."""

import gzip
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from vdsm.data import Clips, open_clips, pendulum
from vdsm.methods.vdsm.config import Config, ModelConfig, Stage1Config, Stage2Config
from vdsm.store.run import Run

FRAMES = 12

# Of forks of a process that has threads (a DataLoader's processes start none), of few cores.
HELPED = pytest.mark.filterwarnings(
    "ignore:.*fork.*:DeprecationWarning", "ignore:This DataLoader will create:UserWarning"
)

SMALL = Config(
    ModelConfig(
        size=32,
        pose_dim=3,
        identity_dim=4,
        dynamics_dim=5,
        encoder_width=0.125,
        decoder_width=1 / 32,
        identity_hidden=6,
        lstm_layers=1,
        lstm_width=7,
        combiner_hidden=8,
        transition_hidden=9,
    ),
    Stage1Config(steps=6, batch=3, frames=4),
    Stage2Config(steps=6, batch=3, frames=5),
    precision="fp32",
    log_every=2,
    picture_every=100,
    checkpoint_every=4,
    checkpoint_seconds=0.0,
)


def pendula(folder: Path, **options: Any) -> Path:
    """A dataset of 28 clips of 32 x 32 pixels; the folder."""
    defaults = {"size": 32, "clips_per_cell": 2, "test_share": 0.5, "frames": FRAMES}
    pendulum.make(folder, pendulum.PendulumOptions(**defaults | options))
    return folder


def start(path: Path, data: Path, config: Config = SMALL, **changes: Any) -> tuple[Run, Clips]:
    """A new run and its clips; changes are top-level fields."""
    run = Run.create(path, replace(config, **changes), data, "debug")
    return run, open_clips(data)


def idx(array: np.ndarray, kind: int = 8) -> bytes:
    """An IDX file's bytes, as the format's description has them."""
    lengths = b"".join(n.to_bytes(4, "big") for n in array.shape)
    return bytes((0, 0, kind, array.ndim)) + lengths + array.tobytes()


def write_digits(folder: Path, n: int = 60, name: str = "train", end: str = ".gz") -> np.ndarray:
    """Digits of noise, each with a mark that says which it is; labels n % 10."""
    images = np.random.default_rng(0).integers(1, 256, (n, 28, 28), np.uint8)
    labels = np.arange(n, dtype=np.uint8) % 10
    folder.mkdir(exist_ok=True)
    pack = gzip.compress if end == ".gz" else bytes
    (folder / f"{name}-images-idx3-ubyte{end}").write_bytes(pack(idx(images)))
    (folder / f"{name}-labels-idx1-ubyte{end}").write_bytes(pack(idx(labels)))
    return images
