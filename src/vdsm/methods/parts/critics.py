"""Critics of frames and of clips, and the losses by which they and a generator learn in turn."""

from collections.abc import Callable, Mapping

import torch
import torch.nn.functional as F
from jaxtyping import Float
from pydantic import Field
from pydantic.dataclasses import dataclass
from torch import Tensor, nn

from vdsm.config import STRICT, StageConfig
from vdsm.methods.parts.dcgan import SLOPE, start, widths
from vdsm.notation import Video, draw
from vdsm.train.stage import Terms

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


# Of compact presets (docs/log/2026-11-29-critics.md).
HELD_BACK: Mapping[str, float] = {
    "train.lr": 1e-3,
    "train.critic_rate": 0.4,
    "train.slope": 10.0,
    "train.decay": 0.5,
}
BY_SLOPE = (
    "compact presets hold critics back by R1, and the generator learns at five times the paper's "
    "rate, critics at twice it: else critics win within twenty steps; --size paper does neither"
)


@dataclass(frozen=True, config=STRICT)
class CriticsConfig(StageConfig):
    """How critics are held back; by default not at all, as in the papers.

    Critics that tell all frames apart within some steps teach a generator nothing more.
    """

    slope: float = Field(
        default=0.0,
        ge=0,
        description="weight of R1, half the squared slope of critics at what is real",
    )
    critic_rate: float = Field(
        default=1.0, gt=0, description="learning rate of critics, of the generator's"
    )

    @property
    def rates(self) -> Mapping[str, float]:
        """A critic's `Player.relative`."""
        return {"": self.critic_rate}

    def weights(self, *critics: str) -> dict[str, float]:
        """Of the terms of `told`, by the players' names."""
        terms = {"real": 1.0, "made": 1.0} | ({"slope": self.slope} if self.slope else {})
        return {f"{name}.{term}": weight for name in critics for term, weight in terms.items()}

    def told(self, critic: Callable[[Tensor], Score], real: Tensor, made: Tensor) -> Terms:
        """The costs of both kinds of mistakes, and where it has a weight of the slope."""
        if not self.slope:
            return {"real": told_real(critic(real)), "made": told_made(critic(made))}
        scores, slope = sloped(critic, real)
        return {"real": told_real(scores), "made": told_made(critic(made)), "slope": slope}


def sloped(
    critic: Callable[[Tensor], Score], real: Float[Tensor, "B *_"]
) -> tuple[Score, Float[Tensor, " B"]]:
    """Scores, and R1: half the squared gradient, by what is real, of the sum over its places.

    Mescheder, Geiger, Nowozin, ICML 2018, Eq. 9. Of the mean it is too weak by the squared number
    of places, and a critic of clips wins all the same.
    """
    x = real.detach().requires_grad_(True)
    scores = critic(x)
    (gradient,) = torch.autograd.grad(scores.float().sum(), x, create_graph=True)
    return scores, 0.5 * gradient.float().square().flatten(1).sum(1)


def normal(shape: tuple[int, ...], like: Tensor, generator: torch.Generator | None) -> Tensor:
    """Standard normal noise of a shape that begins with the batch, as `like` in kind."""
    return draw(torch.randn, shape, generator, like)
