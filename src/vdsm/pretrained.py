"""Weights as a folder: model.safetensors, which carries its own checksum, and config.json."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
import torch
from torch import Tensor

from vdsm.config import ModelConfig, build
from vdsm.errors import InputError
from vdsm.files import atomic_write, read_json, refuse_pointer
from vdsm.version import __version__

WEIGHTS, CONFIG = "model.safetensors", "config.json"
STORED = (None, torch.bfloat16, torch.float16, torch.float32, torch.float64)  # None: as they are


def save(
    config: ModelConfig,
    tensors: Mapping[str, Tensor],
    folder: Path,
    dtype: torch.dtype | None = None,
    trained: Mapping[str, Any] | None = None,
) -> None:
    """Write both files, each atomically; the weights first.

    dtype: as `stored_as` takes it. trained: what training saw, the entry 'trained' of config.json.
    The checksum is of what is stored.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"cannot make folder {folder}: {error.strerror}") from error
    stored = stored_as(tensors, dtype)
    metadata = {"format": "pt", "sha256": digest(stored)}
    atomic_write(folder / WEIGHTS, safetensors.torch.save(stored, metadata))
    content = {"model_type": "vdsm", "version": __version__, "model": asdict(config)}
    if trained is not None:
        content |= {"trained": dict(trained)}
    atomic_write(folder / CONFIG, json.dumps(content, indent=2).encode())


def parameters(tensors: Mapping[str, Tensor]) -> int:
    """How many numbers were trained: without what was fitted after training."""
    return sum(t.numel() for name, t in tensors.items() if not is_fitted(name))


def is_fitted(name: str) -> bool:
    """Whether a tensor of a model is no parameter: found after training, or a schedule's value."""
    return "_aggregate." in name or name == "sharpness"


def stored_as(tensors: Mapping[str, Tensor], dtype: torch.dtype | None) -> dict[str, Tensor]:
    """Tensors as they are written: matrices and kernels as `dtype`, None to leave them.

    Biases and scalars stay as they are: they take next to no room. So does what was measured after
    training: a projection that is rounded is none.
    """
    if dtype is not None and not isinstance(dtype, torch.dtype):
        raise InputError(f"dtype is {dtype!r}: give a torch type, as torch.bfloat16 is")
    if dtype not in STORED:
        raise InputError(f"weights are not stored as {dtype}: choose a floating point type")
    stored = {
        name: t.to(dtype) if t.ndim > 1 and "_aggregate." not in name else t
        for name, t in tensors.items()
    }
    return {name: t.detach().cpu().contiguous() for name, t in stored.items()}


def widened(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """What is stored in half the room, as float32 again; the rest as it is."""
    half = (torch.bfloat16, torch.float16)
    return {name: t.float() if t.dtype in half else t for name, t in tensors.items()}


def load(folder: Path) -> tuple[ModelConfig, dict[str, Tensor]]:
    """Read both files; InputError when one is missing, truncated or altered.

    Weights stored in half precision come back as float32.
    """
    for name in (CONFIG, WEIGHTS):
        if not (folder / name).is_file():
            raise InputError(f"{folder} is not a trained model or run: it has no {name}")
    config = read_json(folder / CONFIG)
    if not isinstance(config.get("model"), dict):
        raise InputError(f"{folder / CONFIG} has no entry 'model': it is not a VDSM configuration")
    model = build(ModelConfig, config["model"], str(folder / CONFIG))
    file = folder / WEIGHTS
    refuse_pointer(file)
    try:
        with safetensors.safe_open(file, "pt") as stored:
            expected = (stored.metadata() or {}).get("sha256")
            tensors = {name: stored.get_tensor(name) for name in stored.keys()}  # noqa: SIM118
    except (safetensors.SafetensorError, OSError) as error:
        raise InputError(f"{file} is truncated or damaged ({error}): copy it again") from error
    if digest(tensors) != expected:
        raise InputError(f"{file} was altered: its checksum does not match; copy it again")
    return model, widened(tensors)


def digest(tensors: Mapping[str, Tensor]) -> str:
    """SHA-256 over names, types, shapes and bytes, in the order of names."""
    sha = hashlib.sha256()
    for name in sorted(tensors):
        t = tensors[name].detach().cpu().contiguous()
        sha.update(f"{name} {t.dtype} {tuple(t.shape)}".encode())
        sha.update(t.reshape(-1).view(torch.uint8).numpy().tobytes())
    return sha.hexdigest()
