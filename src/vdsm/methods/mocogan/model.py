"""MoCoGAN (Tulyakov, Liu, Yang, Kautz, CVPR 2018): content drawn once, motion by a GRU.

z_t = [z_C, z_M(t)],  z_C ~ N(0, 1) of a clip,  z_M(t) = GRU(ε_t, z_M(t-1)), ε_t ~ N(0, 1) (Sec. 3)
x_t = G_I(z_t); D_I sees a frame, D_V a clip.

It draws, and encodes nothing. Categories, which take labels, are left out.
"""

from typing import Literal

import torch
from jaxtyping import Float
from pydantic import Field
from pydantic.dataclasses import dataclass
from torch import Tensor, nn

from vdsm.config import STRICT
from vdsm.methods.checks import require_generator, require_some
from vdsm.methods.parts.critics import ClipCritic, FrameCritic, normal
from vdsm.methods.parts.dcgan import LAST, start, widths
from vdsm.methods.parts.verbs import Saved
from vdsm.notation import Video, full

CHUNK = 64  # clips drawn at a time
Motion = Float[Tensor, "B T M"]


@dataclass(frozen=True, config=STRICT)
class ModelConfig:
    """Sizes of MoCoGAN."""

    size: Literal[32, 64, 128] = Field(default=64, description="side of a square frame, pixels")
    channels: Literal[1, 3] = Field(default=3, description="colour channels")
    content_dim: int = Field(default=50, ge=1, description="dimensions of the content z_C")
    motion_dim: int = Field(default=10, ge=1, description="dimensions of the motion z_M of a frame")
    width: int = Field(default=64, ge=1, description="channels of the networks' outermost layer")
    time_kernel: int = Field(default=4, ge=1, description="frames that a layer of D_V sees")
    noise: float = Field(default=0.1, ge=0, description="deviation of noise before critics' layers")


class FrameGenerator(nn.Module):
    """G_I: z_t [N, K] to frames [N, C, H, W] in [-1, 1]."""

    def __init__(self, c: ModelConfig) -> None:
        super().__init__()
        reverse = widths(c.width, c.size)[::-1]
        layers: list[nn.Module] = []
        before = c.content_dim + c.motion_dim
        for i, after in enumerate(reverse):
            up = (LAST, 1, 0) if i == 0 else (4, 2, 1)
            layers += [nn.ConvTranspose2d(before, after, *up, bias=False)]
            layers += [nn.BatchNorm2d(after), nn.ReLU()]
            before = after
        layers += [nn.ConvTranspose2d(before, c.channels, 4, 2, 1, bias=False), nn.Tanh()]
        self.layers = nn.Sequential(*layers)
        start(self)

    def forward(self, z: Float[Tensor, "N K"]) -> Float[Tensor, "N C H W"]:
        frames: Tensor = self.layers(z[:, :, None, None])
        return frames


class MoCoGAN(Saved):
    """The generator, and the two critics that taught it."""

    method, title = "mocogan", "MoCoGAN"
    precision: Literal["auto", "fp32", "bf16"] = "auto"

    def __init__(self, config: ModelConfig | None = None) -> None:
        super().__init__()
        self.config = c = config or ModelConfig()
        self.recurrent = nn.GRUCell(c.motion_dim, c.motion_dim)
        self.frame_generator = FrameGenerator(c)
        self.frame_critic = FrameCritic(c.size, c.channels, c.width, c.noise)
        self.clip_critic = ClipCritic(c.size, c.channels, c.width, c.time_kernel, c.noise)

    @property
    def generator(self) -> list[nn.Module]:
        """What draws."""
        return [self.recurrent, self.frame_generator]

    def content(self, num: int, generator: torch.Generator | None) -> Float[Tensor, "{num} K"]:
        """z_C."""
        return normal((num, self.config.content_dim), self._like(), generator)

    def motion(self, num: int, frames: int, generator: torch.Generator | None) -> Motion:
        """z_M(1:T), a GRU over noise that begins with noise."""
        like, k = self._like(), self.config.motion_dim
        noise = normal((num, frames + 1, k), like, generator)
        h, steps = noise[:, 0], []
        for t in range(frames):
            h = self.recurrent(noise[:, t + 1], h)
            steps.append(h)
        return torch.stack(steps, 1)

    def frames_of(self, content: Tensor, motion: Motion) -> Video:
        """x_t = G_I([z_C, z_M(t)]) for every t, [B, T, C, H, W] in [-1, 1]."""
        frames = motion.shape[1]
        z = torch.cat([content[:, None].expand(-1, frames, -1), motion], -1)
        drawn: Tensor = self.frame_generator(z.flatten(0, 1))
        return full(drawn).view(len(z), frames, *drawn.shape[1:])

    # -- verbs ------------------------------------------------------------------------------------

    @torch.no_grad()
    def draw(
        self, num: int, frames: int, generator: torch.Generator | None = None
    ) -> tuple[Tensor, Tensor]:
        """Content [num, K] and motion [num, T, M] of clips that can be exchanged."""
        require_some(num, frames)
        require_generator(generator)
        return self.content(num, generator), self.motion(num, frames, generator)

    @torch.no_grad()
    def render(self, content: Tensor, motion: Tensor, frames: int) -> Video:
        """Clips [num, frames, C, H, W] in [0, 1] of contents and motions."""
        pieces = zip(torch.split(content, CHUNK), torch.split(motion, CHUNK), strict=True)
        parts = [self.frames_of(c, m[:, :frames]) for c, m in pieces]
        return (torch.cat(parts) + 1) / 2

    def generate(self, num: int, frames: int, generator: torch.Generator | None = None) -> Video:
        """New clips, [num, frames, C, H, W] in [0, 1]."""
        return self.render(*self.draw(num, frames, generator), frames)

    def _like(self) -> Tensor:
        return next(self.parameters())


MODEL_CONFIG, MODEL = ModelConfig, MoCoGAN
