"""What earlier versions wrote, as this one has it: names of settings and of tensors that moved."""

from collections.abc import Mapping
from typing import Any

from torch import Tensor

AGGREGATES = {"identity_aggregate.": "readout.s.", "dynamics_aggregate.": "readout.d."}
# Dotted fields of a run's settings that have another name or place now; None: gone.
MOVED = {
    "model.identity_walks": "readout.walkback_steps",
    "separation.resolution": "readout.min_snr",
    "separation.denoise": "readout.shrink",
    "separation.redraw": "additions.swap_augment",
    "separation.agreement": "additions.consistency_s",
    "separation.agreement_d": "additions.consistency_d",
    "stage1.sharpness": "stage1.inverse_temperature",
    "stage1.lambda_s": None,
    "leave_out": "holdout_cells",
    "stage1.group_by": "who",
}
VALUES = {("who", "group"): "labels"}  # of a setting, as they are called now


def settings(config: Mapping[str, Any]) -> dict[str, Any]:
    """A run's settings under the names of now."""
    new: dict[str, Any] = {}
    for name, value in flat(config).items():
        place = MOVED.get(name, name.replace("separation.", "additions."))
        if place is None:
            continue
        *parents, leaf = place.split(".")
        branch = new
        for parent in parents:
            branch = branch.setdefault(parent, {})
        branch[leaf] = VALUES.get((place, value), value) if isinstance(value, str) else value
    return new


def flat(config: Mapping[str, Any], above: str = "") -> dict[str, Any]:
    """Every leaf by its dotted name."""
    leaves: dict[str, Any] = {}
    for name, value in config.items():
        if isinstance(value, Mapping) and value:
            leaves |= flat(value, f"{above}{name}.")
        else:
            leaves[above + name] = value
    return leaves


def model(content: Mapping[str, Any]) -> dict[str, Any]:
    """The content of config.json under the names of now."""
    if "readout" in content or not isinstance(content.get("model"), Mapping):
        return dict(content)
    sizes = dict(content["model"])
    steps = sizes.pop("identity_walks", 0)
    trained = content.get("trained")
    if isinstance(trained, Mapping) and "leave_out" in trained:
        trained = {k: v for k, v in trained.items() if k != "leave_out"}
        content = {
            **content,
            "trained": trained | {"holdout_cells": content["trained"]["leave_out"]},
        }
    return {**content, "model": sizes, "readout": {"walkback_steps": steps}}


def tensors(stored: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Weights under the names of now; what had not been fitted yet is left out."""
    fitted = any(bool(t.any()) for name, t in stored.items() if name.endswith("_aggregate.weights"))
    new: dict[str, Tensor] = {}
    for name, tensor in stored.items():
        for old, now in AGGREGATES.items():
            if name.startswith(old):
                if fitted:
                    rest = name.removeprefix(old).replace("denoised", "shrunk")
                    new[now + rest] = tensor
                break
        else:
            new["inverse_temperature" if name == "sharpness" else name] = tensor
    return new
