"""Critics of frames and of clips, and the losses by which they and a generator learn in turn."""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from vdsm.methods.parts.dcgan import SLOPE, start, widths
from vdsm.notation import Video, draw

Score = Float[Tensor, "B P"]  # of P places of a frame or clip, before the sigmoid


class Noise(nn.Module):
    """Adds N(0, scale²) in training, as MoCoGAN does before every layer of its critics."""

    def __init__(self, scale: float) -> None:
        super().__init__()
        self.scale = scale

    def forward(self, x: Tensor) -> Tensor:
        if not self.training or self.scale == 0:
            return x
        return x + self.scale * torch.randn_like(x)


class FrameCritic(nn.Module):
    """D_I: strided convolutions of one frame [B, C, H, W], scores [B, P]."""

    def __init__(self, size: int, channels: int, width: int, noise: float = 0.0) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        before = channels
        for i, after in enumerate(widths(width, size)):
            layers += [Noise(noise), nn.Conv2d(before, after, 4, 2, 1, bias=False)]
            layers += [nn.BatchNorm2d(after)] if i else []
            layers += [nn.LeakyReLU(SLOPE)]
            before = after
        layers += [Noise(noise), nn.Conv2d(before, 1, 4)]
        self.layers = nn.Sequential(*layers)
        start(self)

    def forward(self, frames: Float[Tensor, "B C H W"]) -> Score:
        scores: Tensor = self.layers(frames).flatten(1)
        return scores


class ClipCritic(nn.Module):
    """D_V: 3D convolutions of a clip [B, T, C, H, W], scores [B, P].

    kernel: frames that each layer sees; it takes kernel - 1 off their number.
    """

    def __init__(
        self, size: int, channels: int, width: int, kernel: int, noise: float = 0.0
    ) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        before = channels
        sizes = widths(width, size)
        for i, after in enumerate(sizes):
            conv = nn.Conv3d(before, after, (kernel, 4, 4), (1, 2, 2), (0, 1, 1), bias=False)
            layers += [Noise(noise), conv]
            layers += [nn.BatchNorm3d(after)] if i else []
            layers += [nn.LeakyReLU(SLOPE)]
            before = after
        layers += [Noise(noise), nn.Conv3d(before, 1, (1, 4, 4))]
        self.layers = nn.Sequential(*layers)
        self.fewest = len(sizes) * (kernel - 1) + 1  # frames
        start(self)
        for part in self.modules():
            if isinstance(part, nn.Conv3d):
                nn.init.normal_(part.weight, 0, 0.02)

    def forward(self, clips: Video) -> Score:
        scores: Tensor = self.layers(clips.transpose(1, 2)).flatten(1)
        return scores


def told_real(scores: Score) -> Float[Tensor, " B"]:
    """-log D: the cost of taking something for made, averaged over places."""
    return F.softplus(-scores.float()).mean(1)


def told_made(scores: Score) -> Float[Tensor, " B"]:
    """-log(1 - D): the cost of taking something for real, averaged over places."""
    return F.softplus(scores.float()).mean(1)


def normal(shape: tuple[int, ...], like: Tensor, generator: torch.Generator | None) -> Tensor:
    """Standard normal noise of a shape that begins with the batch, as `like` in kind."""
    return draw(torch.randn, shape, generator, like)
