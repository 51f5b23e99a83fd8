"""What users hand over: clips, codes and numbers that the model can take, or one clear line."""

from numbers import Integral

from torch import Tensor

from vdsm.errors import InputError
from vdsm.notation import Codes
from vdsm.protocol import FrameSpec
from vdsm.words import counted


def check_clips(clips: Tensor, c: FrameSpec) -> None:
    """InputError unless these are clips [B, T, C, H, W] in [0, 1] of the model's frames."""
    if not isinstance(clips, Tensor):
        kind = type(clips).__name__
        raise InputError(f"clips are a {kind}: give a tensor (torch.from_numpy makes one)")
    if clips.ndim != 5 or tuple(clips.shape[2:]) != (c.channels, c.size, c.size):
        raise InputError(
            f"clips have shape {tuple(clips.shape)}: this model takes "
            f"[B, T, {c.channels}, {c.size}, {c.size}]"
        )
    if clips.shape[0] < 1 or clips.shape[1] < 1:
        raise InputError(f"clips have shape {tuple(clips.shape)}: give at least 1 clip, 1 frame")
    if clips.is_floating_point() and clips.isnan().any():
        raise InputError("clips hold values that are no numbers: see how they were made")
    if not clips.is_floating_point() or not (clips.min() >= 0 and clips.max() <= 1):
        raise InputError("clips must be floating point in [0, 1]: divide 8-bit frames by 255")


def check_codes(codes: Codes, sizes: tuple[int, int, int]) -> None:
    """InputError unless these are finite codes s, d, z of the model's sizes, as many of each."""
    for name, dims in (("s", 2), ("d", 2), ("z", 3)):
        code = getattr(codes, name, None)
        if not isinstance(code, Tensor) or code.ndim != dims or 0 in code.shape[:-1]:
            kind = tuple(code.shape) if isinstance(code, Tensor) else type(code).__name__
            wanted = "[B, T, κ_z]" if name == "z" else f"[B, κ_{name}]"
            raise InputError(f"code {name} is {kind}: give a tensor {wanted}, as encode does")
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
