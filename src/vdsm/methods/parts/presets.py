"""Presets of the encoders by dataset and size: what differs from one dataset to the next."""

from collections.abc import Mapping
from typing import Any

Overrides = dict[str, Any]

FRAMES: Mapping[str, int] = {
    "pendulum": 12,
    "sprites": 8,
    "moving-mnist": 16,
    "weizmann": 16,
    "faces": 16,
    "people": 16,
    "folder": 16,
}
STEPS: Mapping[str, int] = dict.fromkeys(FRAMES, 2000) | {"pendulum": 500}
WIDTHS: Mapping[str, int] = dict.fromkeys(FRAMES, 16) | {"sprites": 32, "faces": 32}
# By Adam most draw in grey for a thousand steps (docs/log/2026-11-29-grey-plateau.md).
BY_MUON = "compact presets learn by Muon, where the authors take Adam, which --size paper keeps"
COMPACT: Overrides = {
    "model.features": 128,
    "model.hidden": 128,
    "train.optimizer": "muon",
    "train.lr": 0.008,
    "train.batch": 24,
    "train.decay": 0.7,
}
CODES: Overrides = {"model.identity_dim": 64, "model.pose_dim": 16}  # of a compact VAE
DEBUG: Overrides = {
    "model.width": 4,
    "train.batch": 4,
    "train.steps": 20,
    "train.frames": 8,
    "log_every": 5,
    "picture_every": 10,
    "checkpoint_every": 10,
    "checkpoint_seconds": 0.0,
}


def tables(compact: Overrides, paper: Overrides) -> dict[str, dict[str, Overrides]]:
    """By size and name: what a method's compact presets and its paper's have beside the above."""
    sizes: dict[str, dict[str, Overrides]] = {"compact": {}, "paper": {}}
    for name, frames in FRAMES.items():
        own = {"train.frames": frames, "train.steps": STEPS[name], "model.width": WIDTHS[name]}
        sizes["compact"][name] = COMPACT | own | compact
        sizes["paper"][name] = {"train.frames": frames} | paper
    sizes["compact"]["debug"] = COMPACT | compact | DEBUG
    return sizes
