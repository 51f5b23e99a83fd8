"""Weights as a folder: model.safetensors, which carries its own checksum, and config.json."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

import safetensors
import safetensors.torch
import torch
from torch import Tensor

from vdsm.config import ModelConfig, build
from vdsm.errors import InputError
from vdsm.files import atomic_write, read_json
from vdsm.version import __version__

WEIGHTS, CONFIG = "model.safetensors", "config.json"


def save(config: ModelConfig, tensors: Mapping[str, Tensor], folder: Path) -> None:
    """Write both files, each atomically; the weights first."""
    folder.mkdir(parents=True, exist_ok=True)
    stored = {name: t.detach().cpu().contiguous() for name, t in tensors.items()}
    metadata = {"format": "pt", "sha256": digest(stored)}
    atomic_write(folder / WEIGHTS, safetensors.torch.save(stored, metadata))
    content = {"model_type": "vdsm", "version": __version__, "model": asdict(config)}
    atomic_write(folder / CONFIG, json.dumps(content, indent=2).encode())


def load(folder: Path) -> tuple[ModelConfig, dict[str, Tensor]]:
    """Read both files; InputError when one is missing, truncated or altered."""
    for name in (CONFIG, WEIGHTS):
        if not (folder / name).is_file():
            raise InputError(f"{folder} is not a trained model or run: it has no {name}")
    config = read_json(folder / CONFIG)
    if not isinstance(config.get("model"), dict):
        raise InputError(f"{folder / CONFIG} has no entry 'model': it is not a VDSM configuration")
    model = build(ModelConfig, config["model"], str(folder / CONFIG))
    file = folder / WEIGHTS
    try:
        with safetensors.safe_open(file, "pt") as stored:
            expected = (stored.metadata() or {}).get("sha256")
            tensors = {name: stored.get_tensor(name) for name in stored.keys()}  # noqa: SIM118
    except (safetensors.SafetensorError, OSError) as error:
        raise InputError(f"{file} is truncated or damaged ({error}): copy it again") from error
    if digest(tensors) != expected:
        raise InputError(f"{file} was altered: its checksum does not match; copy it again")
    return model, tensors


def digest(tensors: Mapping[str, Tensor]) -> str:
    """SHA-256 over names, types, shapes and bytes, in the order of names."""
    sha = hashlib.sha256()
    for name in sorted(tensors):
        t = tensors[name].detach().cpu().contiguous()
        sha.update(f"{name} {t.dtype} {tuple(t.shape)}".encode())
        sha.update(t.reshape(-1).view(torch.uint8).numpy().tobytes())
    return sha.hexdigest()
