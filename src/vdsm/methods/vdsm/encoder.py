"""ENC(x_t): the frame encoder, five anti-aliased convolutions (Sec. 3.1, App. D)."""

from collections.abc import Iterable

import torch
from jaxtyping import Float
from torch import Tensor, nn

from vdsm.device import frames_at_once, pieces
from vdsm.methods.vdsm.blur import BlurPool
from vdsm.methods.vdsm.config import ModelConfig


class EachAlone(nn.Module):
    """An encoder that sees every frame by itself, as many at once as suit the machine."""

    def forward(self, x: Float[Tensor, "B T C H W"]) -> Float[Tensor, "B T F"]:
        """Features of every frame, each seen alone."""
        frames = x.flatten(0, 1)
        some = frames.shape[0] if torch.is_grad_enabled() else frames_at_once(x.shape[-1], x.device)
        features = torch.cat([self.see(part) for part in pieces(frames, some)])
        return features.view(*x.shape[:2], -1)

    def see(self, frames: Float[Tensor, "N C H W"]) -> Float[Tensor, "N F"]:
        """Features of so many frames."""
        raise NotImplementedError


def start(layers: Iterable[nn.Module], slope: float) -> None:
    """Weights that keep the signal's size through LeakyReLUs of this slope; biases 0.

    PyTorch's default shrinks the signal of a mostly black frame 700-fold over five layers.
    """
    for layer in layers:
        if isinstance(layer, nn.Conv2d):
            nn.init.kaiming_normal_(layer.weight, a=slope)
            assert layer.bias is not None
            nn.init.zeros_(layer.bias)


class FrameEncoder(EachAlone):
    """Features of single frames: what q(s | x_1:T) and q(z_t | ...) are made of.

    Blocks of [conv 4x4, LeakyReLU, blur-pool]; the last convolution has no padding and leaves a
    single position.
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        widths = config.encoder_widths
        layers: list[nn.Module] = []
        for i, (inputs, outputs) in enumerate(
            zip((config.channels, *widths), widths, strict=False)
        ):
            last = i == len(widths) - 1
            layers += [
                nn.Conv2d(inputs, outputs, 4, padding=0 if last else 1),
                nn.LeakyReLU(config.encoder_slope, inplace=config.encoder_slope >= 0),
            ]
            if not last:
                layers.append(BlurPool(outputs))
        self.layers = nn.Sequential(*layers)
        start(self.layers, config.encoder_slope)

    def see(self, frames: Float[Tensor, "N C H W"]) -> Float[Tensor, "N F"]:
        """Features of so many frames."""
        features: Tensor = self.layers(frames.contiguous(memory_format=torch.channels_last))
        return features.flatten(1)
