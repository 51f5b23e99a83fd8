"""Critics of frames and of clips, and the losses by which they and a generator learn in turn."""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from vdsm.methods.parts.dcgan import SLOPE, start, widths
from vdsm.notation import Video, draw

Score = Float[Tensor, "B P"]  # of P places of a frame or clip, before the sigmoid


class Critic(nn.Module):
    """Layers, before each of which N(0, noise²) is added in training, as MoCoGAN does."""

    def __init__(self, layers: list[nn.Module], noise: float) -> None:
        super().__init__()
        self.layers, self.noise = nn.ModuleList(layers), noise
        start(self)

    def score(self, x: Tensor, generator: torch.Generator | None) -> Score:
        """Of [B, C, ...], scores of every place that is left."""
        for layer in self.layers:
            if self.training and self.noise and isinstance(layer, nn.Conv2d | nn.Conv3d):
                x = x + self.noise * normal(tuple(x.shape), x, generator)
            x = layer(x)
        return x.flatten(1)


class FrameCritic(Critic):
    """D_I: strided convolutions of one frame [B, C, H, W], scores [B, P]."""

    def __init__(self, size: int, channels: int, width: int, noise: float = 0.0) -> None:
        layers: list[nn.Module] = []
        before = channels
        for i, after in enumerate(widths(width, size)):
            layers += [nn.Conv2d(before, after, 4, 2, 1, bias=False)]
            layers += [nn.BatchNorm2d(after)] if i else []
            layers += [nn.LeakyReLU(SLOPE)]
            before = after
        super().__init__([*layers, nn.Conv2d(before, 1, 4)], noise)

    def forward(
        self, frames: Float[Tensor, "B C H W"], generator: torch.Generator | None = None
    ) -> Score:
        return self.score(frames, generator)


class ClipCritic(Critic):
    """D_V: 3D convolutions of a clip [B, T, C, H, W], scores [B, P].

    kernel: frames that each layer sees; it takes kernel - 1 off their number.
    """

    def __init__(
        self, size: int, channels: int, width: int, kernel: int, noise: float = 0.0
    ) -> None:
        layers: list[nn.Module] = []
        before = channels
        sizes = widths(width, size)
        for i, after in enumerate(sizes):
            conv = nn.Conv3d(before, after, (kernel, 4, 4), (1, 2, 2), (0, 1, 1), bias=False)
            layers += [conv]
            layers += [nn.BatchNorm3d(after)] if i else []
            layers += [nn.LeakyReLU(SLOPE)]
            before = after
        super().__init__([*layers, nn.Conv3d(before, 1, (1, 4, 4))], noise)
        self.fewest = len(sizes) * (kernel - 1) + 1  # frames

    def forward(self, clips: Video, generator: torch.Generator | None = None) -> Score:
        return self.score(clips.transpose(1, 2), generator)


def one_frame(x: Video, generator: torch.Generator) -> Tensor:
    """A random frame of every clip, [B, C, H, W]."""
    at = torch.rand(len(x), generator=generator, device=generator.device).to(x.device)
    return x[torch.arange(len(x), device=x.device), (at * x.shape[1]).long()]


def told_real(scores: Score) -> Float[Tensor, " B"]:
    """-log D: the cost of taking something for made, averaged over places."""
    return F.softplus(-scores.float()).mean(1)


def told_made(scores: Score) -> Float[Tensor, " B"]:
    """-log(1 - D): the cost of taking something for real, averaged over places."""
    return F.softplus(scores.float()).mean(1)


def normal(shape: tuple[int, ...], like: Tensor, generator: torch.Generator | None) -> Tensor:
    """Standard normal noise of a shape that begins with the batch, as `like` in kind."""
    return draw(torch.randn, shape, generator, like)
