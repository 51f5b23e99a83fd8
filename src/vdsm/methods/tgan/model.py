"""TGAN (Saito, Matsumoto, Saito, ICCV 2017): a latent of the clip makes one of every frame.

z_0 ~ U(-1, 1) of a clip;  z_1(1:T) = G_0(z_0);  x_t = G_1(z_0, z_1(t))  (Sec. 3)
D sees a clip.

It draws, and encodes nothing. The frames' latents are a function of the clip's, so nothing of its
draws can be exchanged.
"""

from itertools import pairwise
from typing import Literal

import torch
from jaxtyping import Float
from pydantic import Field
from pydantic.dataclasses import dataclass
from torch import Tensor, nn

from vdsm.config import STRICT
from vdsm.methods.parts.dcgan import LAST, start, widths
from vdsm.methods.parts.fixed import rendered, require_drawable
from vdsm.methods.parts.verbs import Saved
from vdsm.methods.parts.volumes import StridedCritic
from vdsm.notation import Video, draw, full

Latent = Float[Tensor, "B K"]
TIME_WIDTHS = (8, 4, 2)  # of G_0's layers, the last of them for all that follow


@dataclass(frozen=True, config=STRICT)
class ModelConfig:
    """Sizes of TGAN."""

    size: Literal[32, 64, 128] = Field(default=64, description="side of a square frame, pixels")
    channels: Literal[1, 3] = Field(default=3, description="colour channels")
    frames: Literal[4, 8, 16, 32] = Field(default=16, description="frames of every clip")
    latent_dim: int = Field(default=100, ge=1, description="dimensions of the latent z_0 of a clip")
    motion_dim: int = Field(default=100, ge=1, description="dimensions of the latent of a frame")
    width: int = Field(
        default=64, ge=2, multiple_of=2, description="channels of the critic's outermost layer"
    )


class TemporalGenerator(nn.Module):
    """G_0: z_0 [B, K] to z_1 [B, T, M] in [-1, 1], by doublings of time."""

    def __init__(self, c: ModelConfig) -> None:
        super().__init__()
        doublings = c.frames.bit_length() - 1
        inner = [c.width * TIME_WIDTHS[min(i, 2)] for i in range(doublings)]
        layers: list[nn.Module] = [nn.ConvTranspose1d(c.latent_dim, inner[0], 1, bias=False)]
        for before, after in pairwise(inner):
            layers += [nn.BatchNorm1d(before), nn.ReLU()]
            layers += [nn.ConvTranspose1d(before, after, 4, 2, 1, bias=False)]
        layers += [nn.BatchNorm1d(inner[-1]), nn.ReLU()]
        layers += [nn.ConvTranspose1d(inner[-1], c.motion_dim, 4, 2, 1), nn.Tanh()]
        self.layers = nn.Sequential(*layers)
        start(self)

    def forward(self, z: Latent) -> Float[Tensor, "B T M"]:
        motion: Tensor = self.layers(z[:, :, None])
        return motion.transpose(1, 2)


class Seed(nn.Module):
    """A latent [N, K] to 4 x 4 features [N, F, 4, 4]."""

    def __init__(self, codes: int, features: int) -> None:
        super().__init__()
        self.dense = nn.Linear(codes, features * LAST**2, bias=False)
        self.norm = nn.BatchNorm1d(features * LAST**2)

    def forward(self, z: Float[Tensor, "N K"]) -> Float[Tensor, "N F 4 4"]:
        h: Tensor = self.norm(self.dense(z)).relu()
        return h.view(len(h), -1, LAST, LAST)


class FrameGenerator(nn.Module):
    """G_1: z_0 [B, K] and z_1 [B, T, M] to frames [B, T, C, H, W] in [-1, 1]."""

    def __init__(self, c: ModelConfig) -> None:
        super().__init__()
        reverse = widths(c.width // 2, c.size)[::-1]
        self.of_clip, self.of_frame = (Seed(k, reverse[0]) for k in (c.latent_dim, c.motion_dim))
        layers: list[nn.Module] = []
        for before, after in pairwise([2 * reverse[0], *reverse]):
            layers += [nn.ConvTranspose2d(before, after, 4, 2, 1, bias=False)]
            layers += [nn.BatchNorm2d(after), nn.ReLU()]
        layers += [nn.ConvTranspose2d(reverse[-1], c.channels, 3, 1, 1), nn.Tanh()]
        self.layers = nn.Sequential(*layers)
        start(self)

    def forward(self, z: Latent, motion: Float[Tensor, "B T M"]) -> Video:
        frames = motion.shape[1]
        still = self.of_clip(z)[:, None].expand(-1, frames, -1, -1, -1)
        moving = self.of_frame(motion.flatten(0, 1))
        drawn: Tensor = self.layers(torch.cat([still.flatten(0, 1), moving], 1))
        return drawn.view(len(z), frames, *drawn.shape[1:])


class TGAN(Saved):
    """The two generators, and the critic that taught them."""

    method, title = "tgan", "TGAN"
    precision: Literal["auto", "fp32", "bf16"] = "auto"

    def __init__(self, config: ModelConfig | None = None) -> None:
        super().__init__()
        self.config = c = config or ModelConfig()
        self.temporal_generator, self.frame_generator = TemporalGenerator(c), FrameGenerator(c)
        self.critic = StridedCritic(c.frames, c.size, c.channels, c.width)

    @property
    def generator(self) -> list[nn.Module]:
        """What draws."""
        return [self.temporal_generator, self.frame_generator]

    def latent(self, num: int, generator: torch.Generator | None) -> Latent:
        """z_0."""
        like = next(self.parameters())
        return 2 * draw(torch.rand, (num, self.config.latent_dim), generator, like) - 1

    def clips_of(self, z: Latent) -> Video:
        """Clips [B, T, C, H, W] in [-1, 1]."""
        return full(self.frame_generator(z, self.temporal_generator(z)))

    # -- verbs ------------------------------------------------------------------------------------

    @torch.no_grad()
    def generate(self, num: int, frames: int, generator: torch.Generator | None = None) -> Video:
        """New clips, [num, frames, C, H, W] in [0, 1], `frames` as many as it draws at most."""
        require_drawable(self, num, frames, generator)
        return rendered(self.clips_of, [self.latent(num, generator)], frames)


MODEL_CONFIG, MODEL = ModelConfig, TGAN
