"""ENC(x_t) by strided convolutions (ours): half the cost of the paper's, which blurs and halves.

The paper's encoder convolves at full resolution and halves after a blur (Sec. 3.1, App. D); most of
a step is spent there. This one halves as it convolves (DCGAN, Radford et al. 2016).
"""

from itertools import pairwise

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from vdsm.device import frames_at_once
from vdsm.methods.vdsm.config import ModelConfig

SLOPE = 0.2  # of the LeakyReLUs
KERNEL = 4
SIDE = 4  # of the last map


class StridedEncoder(nn.Module):
    """Features of single frames: halvings down to 4 x 4, then one layer over all of that map."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        base, widest = config.features // 8, config.features // 2
        halvings = (config.size // SIDE).bit_length() - 1
        widths = (config.channels, *(min(base * 2**i, widest) for i in range(halvings)))
        self.halve = nn.ModuleList(nn.Conv2d(i, o, KERNEL, 2, 1) for i, o in pairwise(widths))
        self.merge = nn.Conv2d(widths[-1], config.features, SIDE)
        for layer in (*self.halve, self.merge):
            assert isinstance(layer, nn.Conv2d)
            assert layer.bias is not None
            nn.init.kaiming_normal_(layer.weight, a=SLOPE)
            nn.init.zeros_(layer.bias)

    def forward(self, x: Float[Tensor, "B T C H W"]) -> Float[Tensor, "B T F"]:
        """Features of every frame, each seen alone."""
        frames = x.flatten(0, 1)
        some = len(frames) if torch.is_grad_enabled() else frames_at_once(x.shape[-1], x.device)
        features = torch.cat([self._see(part) for part in torch.split(frames, some)])
        return features.view(*x.shape[:2], -1)

    def _see(self, frames: Float[Tensor, "N C H W"]) -> Float[Tensor, "N F"]:
        y = frames.contiguous(memory_format=torch.channels_last)
        for layer in (*self.halve, self.merge):
            y = F.leaky_relu(layer(y), SLOPE)
        return y.flatten(1)
