"""Frames to features and back by strided convolutions (DCGAN, Radford et al. 2016).

The pair is the body of S3VAE's successors: C-DSVAE, SPYL, DBSE (width 64), SKD (width 32).
"""

from itertools import pairwise

from jaxtyping import Float
from torch import Tensor, nn

SLOPE = 0.2  # of LeakyReLU
CONVOLUTIONS = (
    *(nn.Conv1d, nn.Conv2d, nn.Conv3d),
    *(nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d),
)
NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)
LAST = 4  # rows and columns before the features


def widths(width: int, size: int) -> list[int]:
    """Channels at each halving of a frame of `size` pixels down to 4 x 4, at most 8 x width."""
    halvings = (size // LAST).bit_length() - 1
    return [width * min(8, 2**i) for i in range(halvings)]


class FrameEncoder(nn.Module):
    """[N, C, H, W] to features [N, F]: conv 4 x 4, stride 2, batch norm, LeakyReLU; then 4 x 4."""

    def __init__(self, size: int, channels: int, width: int, features: int) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        before = channels
        for after in widths(width, size):
            layers += [nn.Conv2d(before, after, 4, 2, 1), nn.BatchNorm2d(after)]
            layers += [nn.LeakyReLU(SLOPE)]
            before = after
        layers += [nn.Conv2d(before, features, LAST), nn.BatchNorm2d(features), nn.Tanh()]
        self.layers = nn.Sequential(*layers)
        start(self)

    def forward(self, frames: Float[Tensor, "N C H W"]) -> Float[Tensor, "N F"]:
        features: Tensor = self.layers(frames).flatten(1)
        return features


class FrameDecoder(nn.Module):
    """Codes [N, K] to frames [N, C, H, W] in [0, 1], the encoder turned round."""

    def __init__(self, size: int, channels: int, width: int, codes: int) -> None:
        super().__init__()
        reverse = widths(width, size)[::-1]
        layers: list[nn.Module] = [
            nn.ConvTranspose2d(codes, reverse[0], LAST),
            nn.BatchNorm2d(reverse[0]),
            nn.LeakyReLU(SLOPE),
        ]
        for before, after in pairwise(reverse):
            layers += [nn.ConvTranspose2d(before, after, 4, 2, 1), nn.BatchNorm2d(after)]
            layers += [nn.LeakyReLU(SLOPE)]
        layers += [nn.ConvTranspose2d(reverse[-1], channels, 4, 2, 1), nn.Sigmoid()]
        self.layers = nn.Sequential(*layers)
        start(self)

    def forward(self, codes: Float[Tensor, "N K"]) -> Float[Tensor, "N C H W"]:
        frames: Tensor = self.layers(codes[:, :, None, None])
        return frames


def start(module: nn.Module, deviation: float = 0.02) -> None:
    """Weights from N(0, .02²), norms from N(1, .02²), as DCGAN has them."""
    for part in module.modules():
        if isinstance(part, CONVOLUTIONS):
            nn.init.normal_(part.weight, 0, deviation)
            if part.bias is not None:
                nn.init.zeros_(part.bias)
        elif isinstance(part, NORMS):
            nn.init.normal_(part.weight, 1, 0.02)
            nn.init.zeros_(part.bias)
