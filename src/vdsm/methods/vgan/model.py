"""VGAN (Vondrick, Pirsiavash, Torralba, NeurIPS 2016): what moves is drawn over what does not.

z ~ N(0, 1) of a clip;  G(z) = m(z) ⊙ f(z) + (1 - m(z)) ⊙ b(z)  (Eq. 2): foreground f and mask m
of every frame by 3D convolutions, the background b once by 2D ones. D sees a clip.

It draws, and encodes nothing. There is one latent, so nothing of its draws can be exchanged.
"""

from itertools import pairwise
from typing import Literal

import torch
from jaxtyping import Float
from pydantic import Field
from pydantic.dataclasses import dataclass
from torch import Tensor, nn

from vdsm.config import STRICT
from vdsm.methods.parts.critics import normal
from vdsm.methods.parts.dcgan import LAST, start, widths
from vdsm.methods.parts.fixed import rendered, require_drawable
from vdsm.methods.parts.verbs import Saved
from vdsm.methods.parts.volumes import StridedCritic, first_frames, resized, time_doubles
from vdsm.notation import Video, full

Latent = Float[Tensor, "B K"]
Mask = Float[Tensor, "B T 1 H W"]
Still = Float[Tensor, "B 1 C H W"]
DEVIATION = 0.01  # of weights at the start


@dataclass(frozen=True, config=STRICT)
class ModelConfig:
    """Sizes of VGAN."""

    size: Literal[32, 64, 128] = Field(default=64, description="side of a square frame, pixels")
    channels: Literal[1, 3] = Field(default=3, description="colour channels")
    frames: Literal[4, 8, 16, 32] = Field(default=32, description="frames of every clip")
    latent_dim: int = Field(default=100, ge=1, description="dimensions of the latent z of a clip")
    width: int = Field(default=64, ge=1, description="channels of the networks' outermost layer")


class Foreground(nn.Module):
    """z [B, K] to f [B, C, T, H, W] in [-1, 1] and m [B, 1, T, H, W] in [0, 1]."""

    def __init__(self, c: ModelConfig) -> None:
        super().__init__()
        *doubles, last = time_doubles(c.frames, c.size)
        reverse = widths(c.width, c.size)[::-1]
        first = (first_frames(c.frames, c.size), LAST, LAST)
        layers: list[nn.Module] = [nn.ConvTranspose3d(c.latent_dim, reverse[0], first, bias=False)]
        for (before, after), time in zip(pairwise(reverse), doubles, strict=True):
            layers += [nn.BatchNorm3d(before), nn.ReLU()]
            layers += [nn.ConvTranspose3d(before, after, *resized(time), bias=False)]
        self.body = nn.Sequential(*layers, nn.BatchNorm3d(reverse[-1]), nn.ReLU())
        self.colour = nn.ConvTranspose3d(reverse[-1], c.channels, *resized(last))
        self.mask = nn.ConvTranspose3d(reverse[-1], 1, *resized(last))

    def forward(self, z: Latent) -> tuple[Tensor, Tensor]:
        h = self.body(z[:, :, None, None, None])
        return self.colour(h).tanh(), self.mask(h).sigmoid()


class Background(nn.Module):
    """z [B, K] to b [B, C, H, W] in [-1, 1]."""

    def __init__(self, c: ModelConfig) -> None:
        super().__init__()
        reverse = widths(c.width, c.size)[::-1]
        layers: list[nn.Module] = [nn.ConvTranspose2d(c.latent_dim, reverse[0], LAST, bias=False)]
        for before, after in pairwise(reverse):
            layers += [nn.BatchNorm2d(before), nn.ReLU()]
            layers += [nn.ConvTranspose2d(before, after, 4, 2, 1, bias=False)]
        layers += [nn.BatchNorm2d(reverse[-1]), nn.ReLU()]
        layers += [nn.ConvTranspose2d(reverse[-1], c.channels, 4, 2, 1), nn.Tanh()]
        self.layers = nn.Sequential(*layers)

    def forward(self, z: Latent) -> Float[Tensor, "B C H W"]:
        drawn: Tensor = self.layers(z[:, :, None, None])
        return drawn


class VGAN(Saved):
    """The generator's two streams, and the critic that taught them."""

    method, title = "vgan", "VGAN"
    precision: Literal["auto", "fp32", "bf16"] = "auto"

    def __init__(self, config: ModelConfig | None = None) -> None:
        super().__init__()
        self.config = c = config or ModelConfig()
        self.foreground, self.background = Foreground(c), Background(c)
        self.critic = StridedCritic(c.frames, c.size, c.channels, c.width)
        start(self, DEVIATION)

    @property
    def generator(self) -> list[nn.Module]:
        """What draws."""
        return [self.foreground, self.background]

    def latent(self, num: int, generator: torch.Generator | None) -> Latent:
        """z."""
        like = next(self.parameters())
        return normal((num, self.config.latent_dim), like, generator)

    def streams(self, z: Latent) -> tuple[Video, Mask, Still]:
        """f [B, T, C, H, W], m [B, T, 1, H, W] in [0, 1], b [B, 1, C, H, W]."""
        f, m = self.foreground(z)
        b = self.background(z)
        return full(f).transpose(1, 2), full(m).transpose(1, 2), full(b)[:, None]

    def clips_of(self, z: Latent) -> Video:
        """Clips [B, T, C, H, W] in [-1, 1]."""
        return composed(*self.streams(z))

    # -- verbs ------------------------------------------------------------------------------------

    @torch.no_grad()
    def generate(self, num: int, frames: int, generator: torch.Generator | None = None) -> Video:
        """New clips, [num, frames, C, H, W] in [0, 1], `frames` as many as it draws at most."""
        require_drawable(self, num, frames, generator)
        return rendered(self.clips_of, [self.latent(num, generator)], frames)


def composed(foreground: Video, mask: Mask, background: Still) -> Video:
    """m ⊙ f + (1 - m) ⊙ b, Eq. 2."""
    return mask * foreground + (1 - mask) * background


MODEL_CONFIG, MODEL = ModelConfig, VGAN
