"""What of a model is exported: encode, decode and unroll, each as a module of tensors alone."""

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from vdsm.errors import InputError
from vdsm.methods.readout import Readout
from vdsm.notation import Codes
from vdsm.programs.reading import plain
from vdsm.protocol import Decodes, Encodes, Unrolls, missing

RAW = "_raw"  # what names of codes end with that are not read out


@dataclass(frozen=True)
class Part:
    """One program: its module, tensors that it is traced with, and what its axes are called."""

    name: str
    module: nn.Module
    inputs: Mapping[str, Tensor]
    axes: Mapping[str, Mapping[int, str]]  # of inputs
    outputs: tuple[str, ...]


def frozen(model: nn.Module) -> Any:
    """A copy of a model that can be traced: on the CPU, in float32, its readout as plain sums."""
    still: Any = copy.deepcopy(model).cpu().float().eval().requires_grad_(False)
    if isinstance(still, Readout):
        read = {name: plain(code).requires_grad_(False) for name, code in still.codes.items()}
        still.codes = nn.ModuleDict(read)
    if hasattr(still, "precision"):
        still.precision = "fp32"
    return still


def parts(model: nn.Module, frames: int) -> list[Part]:
    """Those that the model has; InputError where it has no codes at all."""
    if lacks := missing(model, Encodes):
        raise InputError(f"{lacks}, and there is nothing to export")
    still: Any = frozen(model)
    c = still.config
    clips = torch.rand(2, frames, c.channels, c.size, c.size)
    with torch.no_grad():
        codes = model.encode(clips)  # type: ignore[operator]
    video = {0: "batch", 1: "frames"}
    encode = Encode(still, codes)
    found = [Part("encode", encode, {"clips": clips}, {"clips": video}, encode.outputs)]
    if isinstance(still, Decodes):
        given = {"s": codes.s, "z": codes.z}
        axes = {"s": {0: "batch"}, "z": video}
        found.append(Part("decode", Decode(still, codes.d.shape[1]), given, axes, ("clips",)))
    if isinstance(still, Unrolls) and codes.d.shape[1]:
        given = {"d": codes.d, "steps": torch.zeros(frames)}
        axes = {"d": {0: "batch"}, "steps": {0: "frames"}}
        found.append(Part("unroll", Unroll(still), given, axes, ("z",)))
    return found


class Encode(nn.Module):
    """Clips [B, T, C, H, W] in [0, 1] to codes, as they read and (of a readout) raw."""

    def __init__(self, model: Any, codes: Codes) -> None:
        super().__init__()
        self.model = model
        named = [name for name in "sdz" if getattr(codes, name).shape[-1]]
        self.names = tuple(named)
        self.both = isinstance(model, Readout)
        self.outputs = (*named, *(name + RAW for name in named if self.both))

    def forward(self, clips: Tensor) -> tuple[Tensor, ...]:
        """s [B, S], d [B, D], z [B, T, Z]; those without dimensions are left out."""
        if not self.both:
            return self.chosen(self.model.encode(clips))
        raw = self.model.encode(clips, raw=True)
        return (*self.chosen(self.model.project(raw)), *self.chosen(raw))

    def chosen(self, codes: Codes) -> tuple[Tensor, ...]:
        """Those that have dimensions."""
        return tuple(getattr(codes, name).clone() for name in self.names)


class Decode(nn.Module):
    """s [B, S] and z [B, T, Z] to mean frames [B, T, C, H, W] in [0, 1]."""

    def __init__(self, model: Any, dynamics: int) -> None:
        super().__init__()
        self.model, self.dynamics = model, dynamics

    def forward(self, s: Tensor, z: Tensor) -> Tensor:
        """As many frames as z has; d is not asked for, since nothing is continued."""
        clips: Tensor = self.model.decode(Codes(s, s.new_zeros(s.shape[0], self.dynamics), z))
        return clips


class Unroll(nn.Module):
    """d [B, D] to poses z [B, T, Z], T the length of `steps`, whose values are not read."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model = model

    def forward(self, d: Tensor, steps: Tensor) -> Tensor:
        """The mean poses of a motion, for any number of frames."""
        z: Tensor = self.model.unroll(d, steps.shape[0])
        return z + 0 * steps[None, :, None]
