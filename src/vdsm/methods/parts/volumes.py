"""Clips by convolutions that halve or double space and time alike, down to 4 x 4 pixels."""

from torch import nn

from vdsm.methods.parts.critics import Critic, Score
from vdsm.methods.parts.dcgan import LAST, SLOPE, widths
from vdsm.notation import Video

Triple = tuple[int, int, int]


def time_doubles(frames: int, size: int) -> list[bool]:
    """For each doubling of 4 x 4 up to `size` pixels, whether it doubles time as well.

    frames: a power of 2. The last do: 8 frames of 64 pixels begin as a single frame.
    """
    spatial, temporal = len(widths(1, size)), frames.bit_length() - 1
    both = min(spatial, temporal)
    return [False] * (spatial - both) + [True] * both


def first_frames(frames: int, size: int) -> int:
    """Frames before the doublings."""
    return int(frames / 2 ** sum(time_doubles(frames, size)))


def resized(time: bool) -> tuple[Triple, Triple, Triple]:
    """Kernel, stride and padding that halve or double space, and time where asked."""
    return ((4, 4, 4), (2, 2, 2), (1, 1, 1)) if time else ((1, 4, 4), (1, 2, 2), (0, 1, 1))


class StridedCritic(Critic):
    """Strided 3D convolutions of clips [B, T, C, H, W] of just so many frames; scores [B, 1]."""

    def __init__(self, frames: int, size: int, channels: int, width: int) -> None:
        layers: list[nn.Module] = []
        before = channels
        doubles = time_doubles(frames, size)[::-1]
        for i, (after, time) in enumerate(zip(widths(width, size), doubles, strict=True)):
            layers += [nn.Conv3d(before, after, *resized(time), bias=i == 0)]
            layers += [nn.BatchNorm3d(after)] if i else []
            layers += [nn.LeakyReLU(SLOPE)]
            before = after
        last = nn.Conv3d(before, 1, (first_frames(frames, size), LAST, LAST))
        super().__init__([*layers, last], noise=0.0)

    def forward(self, clips: Video) -> Score:
        return self.score(clips.transpose(1, 2), None)
