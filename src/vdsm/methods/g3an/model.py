"""G3AN (Wang, Bilinski, Bremond, Dantcheva, CVPR 2020): three streams draw a clip.

z_a ~ N(0, 1), the appearance, feeds a stream in space, z_m ~ N(0, 1), the motion, one in time, both
one in space and time. In each of the blocks G³ the third takes up the other two (Sec. 3.1):

    v ← [s, conv(v) + t]        s over all frames, t over all pixels

D_I sees a frame, D_V a clip. Spectral norm throughout. It draws, and encodes nothing.
"""

from itertools import pairwise
from typing import Literal

import torch
from jaxtyping import Float
from pydantic import Field
from pydantic.dataclasses import dataclass
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

from vdsm.config import STRICT
from vdsm.methods.parts.critics import Critic, Score, normal
from vdsm.methods.parts.dcgan import CONVOLUTIONS, LAST, SLOPE, start, widths
from vdsm.methods.parts.fixed import rendered, require_drawable
from vdsm.methods.parts.verbs import Saved
from vdsm.notation import Video, full

Steps = tuple[int, int, int]  # kernel, stride, padding along an axis
FIRST, DOUBLE, KEEP = (LAST, 1, 0), (4, 2, 1), (1, 1, 0)
KERNEL = 4  # frames that a layer of D_V sees at most


@dataclass(frozen=True, config=STRICT)
class ModelConfig:
    """Sizes of G3AN."""

    size: Literal[32, 64, 128] = Field(default=64, description="side of a square frame, pixels")
    channels: Literal[1, 3] = Field(default=3, description="colour channels")
    frames: Literal[4, 8, 16, 32] = Field(default=16, description="frames of every clip")
    content_dim: int = Field(default=128, ge=1, description="dimensions of the appearance z_a")
    motion_dim: int = Field(default=10, ge=1, description="dimensions of the motion z_m of a clip")
    width: int = Field(default=64, ge=1, description="channels of the networks' outermost layer")


def spectral(module: nn.Module) -> None:
    """Every kernel in it divided by its largest singular value, by power iteration."""
    for part in list(module.modules()):
        if isinstance(part, CONVOLUTIONS):
            spectral_norm(part)


def in_time(before: int, after: int, steps: Steps) -> nn.Sequential:
    """A transposed convolution along time, batch norm, ReLU."""
    k, s, p = steps
    return _up(nn.ConvTranspose3d(before, after, (k, 1, 1), (s, 1, 1), (p, 0, 0), bias=False))


def in_space(before: int, after: int, steps: Steps) -> nn.Sequential:
    """A transposed convolution over rows and columns, batch norm, ReLU."""
    k, s, p = steps
    return _up(nn.ConvTranspose3d(before, after, (1, k, k), (1, s, s), (0, p, p), bias=False))


def _up(layer: nn.ConvTranspose3d) -> nn.Sequential:
    return nn.Sequential(layer, nn.BatchNorm3d(layer.out_channels), nn.ReLU())


class Block(nn.Module):
    """G³: s [B, A, 1, H, W], v [B, V, T, H, W] and t [B, M, T, 1, 1], each made larger."""

    def __init__(self, before: Steps, after: int, space: Steps, time: Steps) -> None:
        super().__init__()
        s, v, t = before  # channels
        self.space, self.time = in_space(s, after, space), in_time(t, after, time)
        self.video = nn.Sequential(*in_time(v, after, time), *in_space(after, after, space))

    def forward(self, s: Tensor, v: Tensor, t: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        s, t = self.space(s), self.time(t)
        v = self.video(v) + t
        return s, torch.cat([s.expand(-1, -1, v.shape[2], -1, -1), v], 1), t


class ClipGenerator(nn.Module):
    """z_a [B, A] and z_m [B, M] to clips [B, C, T, H, W] in [-1, 1]."""

    def __init__(self, c: ModelConfig) -> None:
        super().__init__()
        reverse = widths(c.width, c.size)[::-1]
        codes = (c.content_dim, c.content_dim + c.motion_dim, c.motion_dim)
        blocks = [Block(codes, reverse[0], FIRST, FIRST)]
        time = LAST
        for before, after in pairwise([reverse[0], *reverse]):
            grows = time < c.frames
            inputs = (before, 2 * before, before)
            blocks += [Block(inputs, after, DOUBLE, DOUBLE if grows else KEEP)]
            time *= 2 if grows else 1
        assert time == c.frames
        self.blocks = nn.ModuleList(blocks)
        self.colour = nn.Conv3d(2 * reverse[-1], c.channels, (1, 3, 3), padding=(0, 1, 1))
        start(self)
        spectral(self.blocks)

    def forward(self, content: Float[Tensor, "B A"], motion: Float[Tensor, "B M"]) -> Tensor:
        s, t = content[:, :, None, None, None], motion[:, :, None, None, None]
        v = torch.cat([s, t], 1)
        for block in self.blocks:
            s, v, t = block(s, v, t)
        drawn: Tensor = self.colour(v).tanh()
        return drawn


class FrameCritic(Critic):
    """D_I: strided convolutions of one frame [B, C, H, W], scores [B, 1]."""

    def __init__(self, c: ModelConfig) -> None:
        layers: list[nn.Module] = []
        before: int = c.channels
        for after in widths(c.width, c.size):
            layers += [nn.Conv2d(before, after, 4, 2, 1), nn.LeakyReLU(SLOPE)]
            before = after
        super().__init__([*layers, nn.Conv2d(before, 1, LAST)], noise=0.0)
        spectral(self)

    def forward(self, frames: Float[Tensor, "B C H W"]) -> Score:
        return self.score(frames, None)


class ClipCritic(Critic):
    """D_V: convolutions in space and in time by turns of a clip [B, T, C, H, W]; scores [B, P]."""

    def __init__(self, c: ModelConfig) -> None:
        layers: list[nn.Module] = []
        before: int = c.channels
        sizes = widths(c.width, c.size)
        *kernels, last = time_kernels(c.frames, len(sizes) + 1)
        for after, kernel in zip(sizes, kernels, strict=True):
            layers += [nn.Conv3d(before, after, (1, 4, 4), (1, 2, 2), (0, 1, 1))]
            layers += [nn.LeakyReLU(SLOPE), nn.Conv3d(after, after, (kernel, 1, 1))]
            layers += [nn.LeakyReLU(SLOPE)]
            before = after
        layers += [nn.Conv3d(before, before, (1, LAST, LAST)), nn.LeakyReLU(SLOPE)]
        super().__init__([*layers, nn.Conv3d(before, 1, (last, 1, 1))], noise=0.0)
        spectral(self)

    def forward(self, clips: Video) -> Score:
        return self.score(clips.transpose(1, 2), None)


def time_kernels(frames: int, layers: int) -> list[int]:
    """Frames that each layer of D_V sees, so that a single one is left of the clip if it can be.

    16 frames in 5 layers: 4 each, as in the paper.
    """
    each, more = divmod(min(frames - 1, layers * (KERNEL - 1)), layers)
    return [each + 1 + (i < more) for i in range(layers)]


class G3AN(Saved):
    """The generator, and the two critics that taught it."""

    method, title = "g3an", "G3AN"
    precision: Literal["auto", "fp32", "bf16"] = "auto"

    def __init__(self, config: ModelConfig | None = None) -> None:
        super().__init__()
        self.config = c = config or ModelConfig()
        self.generator = ClipGenerator(c)
        self.frame_critic, self.clip_critic = FrameCritic(c), ClipCritic(c)

    def latents(self, num: int, generator: torch.Generator | None) -> tuple[Tensor, Tensor]:
        """z_a [B, A] and z_m [B, M]."""
        c, like = self.config, next(self.parameters())
        content = normal((num, c.content_dim), like, generator)
        return content, normal((num, c.motion_dim), like, generator)

    def clips_of(self, content: Tensor, motion: Tensor) -> Video:
        """Clips [B, T, C, H, W] in [-1, 1]."""
        drawn: Tensor = self.generator(content, motion)
        return full(drawn).transpose(1, 2)

    # -- verbs ------------------------------------------------------------------------------------

    @torch.no_grad()
    def draw(
        self, num: int, frames: int, generator: torch.Generator | None = None
    ) -> tuple[Tensor, Tensor]:
        """z_a [num, A] and z_m [num, M] of clips that can be exchanged."""
        require_drawable(self, num, frames, generator)
        return self.latents(num, generator)

    @torch.no_grad()
    def render(self, content: Tensor, motion: Tensor, frames: int) -> Video:
        """Clips [num, frames, C, H, W] in [0, 1] of appearances and motions."""
        require_drawable(self, len(content), frames, None)
        return rendered(self.clips_of, [content, motion], frames)

    def generate(self, num: int, frames: int, generator: torch.Generator | None = None) -> Video:
        """New clips, [num, frames, C, H, W] in [0, 1], `frames` as many as it draws at most."""
        return self.render(*self.draw(num, frames, generator), frames)


MODEL_CONFIG, MODEL = ModelConfig, G3AN
