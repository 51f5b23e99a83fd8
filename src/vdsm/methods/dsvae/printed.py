"""The frame networks of DSVAE as its paper prints them (App.): 5 x 5 kernels, and dense layers.

Of 64 pixels: 4 convolutions of 256 channels to 8 x 8, then 16384 - 4096 - features; and back.
"""

from jaxtyping import Float
from torch import Tensor, nn

from vdsm.methods.parts.dcgan import SLOPE

HALVINGS = 3
DENSE = 16  # width of the first dense layer, in channels: 4096 of 256


class PrintedEncoder(nn.Module):
    """[N, C, H, W] to features [N, F]."""

    def __init__(self, size: int, channels: int, width: int, features: int) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for i in range(1 + HALVINGS):
            conv = nn.Conv2d(width if i else channels, width, 5, 2 if i else 1, 2)
            layers += [conv, nn.BatchNorm2d(width), nn.LeakyReLU(SLOPE)]
        self.layers = nn.Sequential(
            *layers,
            nn.Flatten(),
            *dense(width * (size // 2**HALVINGS) ** 2, DENSE * width),
            *dense(DENSE * width, features),
        )

    def forward(self, frames: Float[Tensor, "N C H W"]) -> Float[Tensor, "N F"]:
        features: Tensor = self.layers(frames)
        return features


class PrintedDecoder(nn.Module):
    """Codes [N, K] to frames [N, C, H, W] in [0, 1]."""

    def __init__(self, size: int, channels: int, width: int, codes: int) -> None:
        super().__init__()
        side = size // 2**HALVINGS
        layers: list[nn.Module] = []
        for _ in range(HALVINGS):
            up = nn.ConvTranspose2d(width, width, 5, 2, 2, output_padding=1)
            layers += [up, nn.BatchNorm2d(width), nn.LeakyReLU(SLOPE)]
        self.layers = nn.Sequential(
            *dense(codes, DENSE * width),
            *dense(DENSE * width, width * side**2),
            nn.Unflatten(1, (width, side, side)),
            *layers,
            nn.ConvTranspose2d(width, channels, 5, 1, 2),
            nn.Sigmoid(),
        )

    def forward(self, codes: Float[Tensor, "N K"]) -> Float[Tensor, "N C H W"]:
        frames: Tensor = self.layers(codes)
        return frames


def dense(before: int, after: int) -> list[nn.Module]:
    """An affine layer, batch norm, LeakyReLU."""
    return [nn.Linear(before, after), nn.BatchNorm1d(after), nn.LeakyReLU(SLOPE)]
