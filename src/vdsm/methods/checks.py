"""What users hand over: clips, codes and numbers that the model can take, or one clear line."""

from numbers import Integral
from typing import Any

import torch
from torch import Tensor

from vdsm.errors import InputError
from vdsm.notation import Codes
from vdsm.protocol import FrameSpec
from vdsm.words import counted

FLOATS = (torch.float16, torch.bfloat16, torch.float32, torch.float64)
ROUNDING = 1e-2  # this far outside of [0, 1] comes from resampling or rounding
BYTES = "divide 8-bit frames by 255"


def check_clips(clips: Tensor, c: FrameSpec) -> None:
    """InputError unless these are clips [B, T, C, H, W] in [0, 1] of the model's frames."""
    if torch.compiler.is_exporting():  # numbers are symbols then
        return
    check_dense("clips", clips)
    if clips.ndim != 5 or tuple(clips.shape[2:]) != (c.channels, c.size, c.size):
        raise InputError(
            f"clips have shape {tuple(clips.shape)}: this model takes "
            f"[B, T, {c.channels}, {c.size}, {c.size}]{_remedy(tuple(clips.shape), c)}"
        )
    if clips.shape[0] < 1 or clips.shape[1] < 1:
        raise InputError(f"clips have shape {tuple(clips.shape)}: give at least 1 clip, 1 frame")
    if clips.dtype not in FLOATS:
        raise InputError(f"clips are {clips.dtype}: give floating point in [0, 1]; {BYTES}")
    if not clips.isfinite().all():
        raise InputError("clips hold values that are no numbers: see how they were made")
    low, high = clips.min().item(), clips.max().item()
    if low < 0 or high > 1:
        raise InputError(
            f"clips must be in [0, 1], these are in [{low:.4g}, {high:.4g}]: {_rescaled(low, high)}"
        )


def _remedy(shape: tuple[int, ...], c: FrameSpec) -> str:
    """How a tensor of this shape becomes clips, where that can be told."""
    frame = (c.channels, c.size, c.size)
    if shape[1:] == frame:
        return "; a single clip is clips[None]"
    if len(shape) == 5 and shape[2:] == (c.size, c.size, c.channels):
        return "; channels come before rows: clips.permute(0, 1, 4, 2, 3)"
    if len(shape) == 5 and (shape[1], *shape[3:]) == frame:
        return "; frames come before channels: clips.transpose(1, 2)"
    return ""


def _rescaled(low: float, high: float) -> str:
    """How values in [low, high] come to be in [0, 1]."""
    if low >= -ROUNDING and high <= 1 + ROUNDING:
        return "set what is outside to the nearest (clips.clamp(0, 1))"
    if low >= -1 - ROUNDING and high <= 1 + ROUNDING:
        return "bring frames in [-1, 1] there by (clips + 1) / 2"
    if low >= 0 and high <= 255:
        return BYTES
    return "undo what they were normalized by"


def check_dense(name: str, x: Any) -> None:
    """InputError unless x is a tensor whose values lie one beside the other in memory."""
    if not isinstance(x, Tensor):
        kind = type(x).__name__
        raise InputError(f"{name} are a {kind}: give a tensor (torch.from_numpy makes one)")
    if x.is_quantized:
        raise InputError(f"{name} are quantized: give plain numbers ({name}.dequantize())")
    if x.is_nested or x.layout != torch.strided:
        kind = "nested" if x.is_nested else str(x.layout).removeprefix("torch.")
        raise InputError(f"{name} are a {kind} tensor: give a dense one ({name}.to_dense())")
    if x.is_meta:
        raise InputError(f"{name} are on the device 'meta', which has no values: make them anew")


def check_weights(like: Tensor) -> None:
    """InputError unless a weight of a model is one to compute with."""
    if like.is_meta:
        raise InputError("the model is on the device 'meta': its weights have no values; load them")
    if like.dtype not in (torch.float32, torch.float64):
        raise InputError(
            f"the model's weights are {like.dtype}: they are to be float32 (model.float()); "
            "model.precision = 'bf16' draws in half of that"
        )


def check_codes(codes: Codes, sizes: tuple[int, int, int]) -> None:
    """InputError unless these are finite codes s, d, z of the model's sizes, as many of each."""
    if torch.compiler.is_exporting():
        return
    if not all(hasattr(codes, name) for name in "sdz"):
        raise InputError(f"codes are a {type(codes).__name__}: give vdsm.Codes, as encode does")
    for name, dims in (("s", 2), ("d", 2), ("z", 3)):
        code = getattr(codes, name)
        if not isinstance(code, Tensor) or code.ndim != dims or 0 in code.shape[:-1]:
            kind = tuple(code.shape) if isinstance(code, Tensor) else type(code).__name__
            wanted = "[B, T, κ_z]" if name == "z" else f"[B, κ_{name}]"
            raise InputError(f"code {name} is {kind}: give a tensor {wanted}, as encode does")
        check_dense(f"codes {name}", code)
        if code.dtype not in FLOATS:
            raise InputError(f"code {name} is {code.dtype}: give floating point, as encode does")
        if not code.isfinite().all():
            raise InputError(f"code {name} is not finite: see how it was made")
    found = (codes.s.shape[-1], codes.d.shape[-1], codes.z.shape[-1])
    if found != sizes:
        raise InputError(f"codes s, d, z have {found} dimensions: this model takes {sizes}")
    if not len(codes.s) == len(codes.d) == len(codes.z):
        raise InputError(
            f"codes s, d, z are of {len(codes.s)}, {len(codes.d)}, {len(codes.z)} clips: "
            "give as many of each"
        )


def require_some(num: int, frames: int) -> None:
    """InputError where nothing is asked for."""
    for name, value in (("num", num), ("frames", frames)):
        if not isinstance(value, Integral):
            raise InputError(f"{name} is {value!r}: give a whole number")
    if num < 1 or frames < 1:
        asked = f"{counted(num, 'clip')} of {counted(frames, 'frame')}"
        raise InputError(f"asked for {asked}: both must be at least 1")


def require_frames(frames: int | None) -> None:
    """InputError unless this is a number of frames, or nothing."""
    if frames is not None and (not isinstance(frames, Integral) or frames < 1):
        raise InputError(f"frames is {frames!r}: ask for a whole number of at least 1")


def require_generator(generator: torch.Generator | None) -> None:
    """InputError unless this is what torch draws from, or nothing."""
    if generator is not None and not isinstance(generator, torch.Generator):
        kind = type(generator).__name__
        raise InputError(
            f"generator is a {kind}: give a torch.Generator, as torch.Generator().manual_seed(0) is"
        )
