"""Weights as a folder: model.safetensors, which carries its own checksum, and config.json."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, is_dataclass
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
import torch
from torch import Tensor, nn

from vdsm.errors import InputError
from vdsm.files import atomic_write, read_json, refuse_pointer
from vdsm.methods.readout import Readout
from vdsm.store import upgrade
from vdsm.version import __version__

WEIGHTS, CONFIG = "model.safetensors", "config.json"
READOUT = "readout."  # what names of tensors that were fitted after training begin with
KINDS = (None, torch.bfloat16, torch.float16, torch.float32, torch.float64)  # None: as they are
SCHEDULED = ("inverse_temperature",)  # tensors that a schedule sets


@dataclass(frozen=True)
class Stored:
    """What the two files hold."""

    method: str
    model: Mapping[str, Any]  # its configuration
    tensors: Mapping[str, Tensor]  # of the model, and `readout.*` that were fitted after training
    readout: Mapping[str, Any] = field(default_factory=dict)  # settings of that
    trained: Mapping[str, Any] | None = None  # what training saw

    @property
    def fitted(self) -> dict[str, Tensor]:
        """What was fitted after training, empty before its end."""
        named = self.tensors.items()
        return {k.removeprefix(READOUT): t for k, t in named if k.startswith(READOUT)}

    @property
    def bare(self) -> dict[str, Tensor]:
        """The model's own tensors."""
        return {k: t for k, t in self.tensors.items() if not k.startswith(READOUT)}

    @property
    def parameters(self) -> int:
        """How many numbers were trained."""
        return sum(t.numel() for name, t in self.bare.items() if name not in SCHEDULED)


def stored(model: nn.Module, trained: Mapping[str, Any] | None = None) -> Stored:
    """A model, read out or not, as it is stored."""
    tensors, settings = dict(model.state_dict()), {}
    inner: Any = model
    if isinstance(model, Readout):
        inner, settings = model.model, asdict(model.settings)
        tensors = dict(inner.state_dict()) | {READOUT + k: t for k, t in model.fitted().items()}
    assert is_dataclass(inner.config)
    config = asdict(inner.config)  # type: ignore[arg-type]
    return Stored(inner.method, config, tensors, settings, trained)


def save(model: nn.Module, folder: Path, dtype: torch.dtype | None = None) -> None:
    """Write both files of a model, read out or not; see `write`."""
    write(stored(model), folder, dtype)


def write(content: Stored, folder: Path, dtype: torch.dtype | None = None) -> None:
    """Write both files, each atomically; the weights first.

    dtype: as `stored_as` takes it. The checksum is of what is stored.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"cannot make folder {folder}: {error.strerror}") from error
    tensors = stored_as(content.tensors, dtype)
    metadata = {"format": "pt", "sha256": digest(tensors)}
    atomic_write(folder / WEIGHTS, safetensors.torch.save(tensors, metadata))
    about = {"model_type": content.method, "version": __version__, "model": dict(content.model)}
    about |= {"readout": dict(content.readout)}
    if content.trained is not None:
        about |= {"trained": dict(content.trained)}
    atomic_write(folder / CONFIG, json.dumps(about, indent=2).encode())


def stored_as(tensors: Mapping[str, Tensor], dtype: torch.dtype | None) -> dict[str, Tensor]:
    """Tensors as they are written: matrices and kernels as `dtype`, None to leave them.

    Biases and scalars stay as they are: they take next to no room. So does what was measured after
    training: a projection that is rounded is none.
    """
    if dtype is not None and not isinstance(dtype, torch.dtype):
        raise InputError(f"dtype is {dtype!r}: give a torch type, as torch.bfloat16 is")
    if dtype not in KINDS:
        raise InputError(f"weights are not stored as {dtype}: choose a floating point type")
    stored = {
        name: t.to(dtype) if t.ndim > 1 and not name.startswith(READOUT) else t
        for name, t in tensors.items()
    }
    return {name: t.detach().cpu().contiguous() for name, t in stored.items()}


def widened(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """What is stored in half the room, as float32 again; the rest as it is."""
    half = (torch.bfloat16, torch.float16)
    return {name: t.float() if t.dtype in half else t for name, t in tensors.items()}


def load(folder: Path) -> Stored:
    """Read both files; InputError when one is missing, truncated or altered.

    Weights stored in half precision come back as float32, those of earlier versions under the
    names of now.
    """
    for name in (CONFIG, WEIGHTS):
        if not (folder / name).is_file():
            raise InputError(f"{folder} is not a trained model or run: it has no {name}")
    content = upgrade.model(read_json(folder / CONFIG))
    for name in ("model", "readout"):
        if not isinstance(content.get(name), dict):
            raise InputError(f"{folder / CONFIG} has no entry '{name}': it is not a model's")
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
    return Stored(
        str(content.get("model_type", "vdsm")),
        content["model"],
        upgrade.tensors(widened(tensors)),
        content["readout"],
        content.get("trained"),
    )


def digest(tensors: Mapping[str, Tensor]) -> str:
    """SHA-256 over names, types, shapes and bytes, in the order of names."""
    sha = hashlib.sha256()
    for name in sorted(tensors):
        t = tensors[name].detach().cpu().contiguous()
        sha.update(f"{name} {t.dtype} {tuple(t.shape)}".encode())
        sha.update(t.reshape(-1).view(torch.uint8).numpy().tobytes())
    return sha.hexdigest()
