"""The legend: axis letters, tensor aliases, and the diagonal Gaussian that every density uses.

Axes, as they stand in shapes throughout the package:

    B  clips in a batch (a group of frames of one individual in stage 1)
    T  frames            C  colour channels       H, W  rows and columns of a frame
    Z  pose, κ_z         D  dynamics, κ_d         S  identity, κ_s
    N  experts, N_s      F  features of a frame   L  layers of an LSTM   R  its width
    M  frames of a reference clip                 K  dimensions of any one code

Where there is no bank of experts about, N is a number of clips, rows or segments.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from vdsm.errors import InputError

INDICES = "give a clip's number, a slice, a mask or a list of numbers"
MIN_SCALE = 1e-4  # a posterior this narrow is certain; keeps log-densities finite

Video = Float[Tensor, "B T C H W"]  # values in [0, 1]
Identity = Float[Tensor, "B S"]
Dynamics = Float[Tensor, "B D"]
Pose = Float[Tensor, "B T Z"]


def full(x: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
    """In float32 at least: log-densities and scales are not left to bfloat16."""
    return x.to(torch.promote_types(x.dtype, torch.float32))


class Share(torch.Generator):
    """Noise of a batch that several processes share: each draws all of it and keeps its rows."""

    rows: int  # of the whole batch
    mine: slice  # of this process


def draw(
    function: Callable[..., Tensor],
    shape: Sequence[int],
    generator: torch.Generator | None,
    like: Tensor,
) -> Tensor:
    """torch.randn or torch.rand of a shape that begins with the batch, as `like` in kind.

    A generator may be of another device: one of the CPU gives the same noise on every machine.
    """
    device = like.device if generator is None else generator.device
    kind = {"generator": generator, "device": device, "dtype": like.dtype}
    if isinstance(generator, Share):
        return function((generator.rows, *shape[1:]), **kind)[generator.mine].to(like.device)
    return function(shape, **kind).to(like.device)


@dataclass(frozen=True)
class Gaussian:
    """N(loc, scale²), independent over the last axis; `scale` is a standard deviation."""

    loc: Float[Tensor, "*rows K"]
    scale: Float[Tensor, "*rows K"]

    @classmethod
    def from_layers(
        cls, loc: Float[Tensor, "*rows K"], raw_scale: Float[Tensor, "*rows K"]
    ) -> "Gaussian":
        """From two dense layers' outputs: scale = log(1 + exp(raw)), never zero."""
        return cls(full(loc), F.softplus(full(raw_scale)).clamp_min(MIN_SCALE))

    @classmethod
    def standard(cls, like: Float[Tensor, "*rows K"]) -> "Gaussian":
        """N(0, 1) of the shape, kind and device of a tensor."""
        return cls(torch.zeros_like(like), torch.ones_like(like))

    def sample(self, generator: torch.Generator | None = None) -> Float[Tensor, "*rows K"]:
        """A reparameterized sample, differentiable in loc and scale."""
        return self.loc + self.scale * draw(torch.randn, self.loc.shape, generator, self.loc)

    def log_prob(self, value: Float[Tensor, "*rows K"]) -> Float[Tensor, "*rows"]:
        """log N(value; loc, scale²), summed over the last axis, in nats."""
        z = (value - self.loc) / self.scale
        return (-0.5 * z.square() - self.scale.log() - 0.5 * math.log(2 * math.pi)).sum(-1)

    def kl(self, other: "Gaussian") -> Float[Tensor, "*rows"]:
        """KL(self || other) in closed form, summed over the last axis, in nats."""
        ratio = self.scale / other.scale
        shift = (self.loc - other.loc) / other.scale
        return (0.5 * (ratio.square() + shift.square() - 1) - ratio.log()).sum(-1)


@dataclass(frozen=True)
class Codes:
    """What the model says of B clips: who it is, what they do, how they stand in each frame.

    `codes[2:5]`, `codes[mask]` and `codes[[4, 0]]` are codes of some of the clips. So are
    `codes[3]`, of one clip: the axis B stays, so that whatever takes codes takes these.
    """

    s: Identity
    d: Dynamics
    z: Pose

    def __len__(self) -> int:
        """How many clips, B."""
        return len(self.s)

    def __getitem__(self, clips: Any) -> "Codes":
        """Codes of some clips: a number, a slice, a mask [B], or numbers, as tensors take them.

        IndexError where there are no such clips; InputError for what names no clips.
        """
        rows = clips_named(clips, len(self))
        return Codes(self.s[rows], self.d[rows], self.z[rows])

    def to(self, *place: Any, **more: Any) -> "Codes":
        """On a device or as a floating point type: what `Tensor.to` takes."""
        return Codes(*(code.to(*place, **more) for code in (self.s, self.d, self.z)))

    @classmethod
    def cat(cls, parts: "Sequence[Codes]") -> "Codes":
        """Codes of all clips of several; InputError for none, or where sizes or lengths differ."""
        if len(parts) == 1:
            return parts[0]
        sizes = {(c.s.shape[1:], c.d.shape[1:], c.z.shape[1:]) for c in parts}
        if len(sizes) != 1:
            shapes = " and ".join(str(tuple(c.z.shape)) for c in parts[:9]) or "nothing"
            raise InputError(f"codes with z of {shapes}: give some, of equal lengths and sizes")
        return cls(*(torch.cat([getattr(c, name) for c in parts]) for name in "sdz"))


def clips_named(clips: Any, count: int) -> Any:
    """What to index the first axis of `count` clips with, so that the axis stays."""
    if isinstance(clips, slice):
        return clips if (clips.step or 1) > 0 else torch.arange(count)[range(count)[clips]]
    try:
        rows = torch.as_tensor(clips)
    except (TypeError, ValueError, RuntimeError) as error:
        raise InputError(f"codes are not indexed by {type(clips).__name__}: {INDICES}") from error
    mask = rows.dtype == torch.bool and rows.ndim == 1
    whole = not (rows.dtype == torch.bool or rows.is_floating_point() or rows.is_complex())
    if rows.numel() == 0 and rows.ndim == 1 and not mask:
        return slice(0, 0)
    if isinstance(clips, tuple) or rows.ndim > 1 or not (mask or whole):
        raise InputError(f"codes are not indexed by {type(clips).__name__}: {INDICES}")
    if mask and len(rows) != count:
        raise IndexError(f"a mask of {len(rows)} for codes of {count} clips")
    if not mask and bool(((rows < -count) | (rows >= count)).any()):
        raise IndexError(f"clips {clips!r} of codes of {count} clips")
    return rows.reshape(-1)
