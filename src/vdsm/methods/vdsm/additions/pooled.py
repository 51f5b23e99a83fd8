"""ENC for q(s) alone: what is seen, wherever it stands, and what stands where (ours).

A form or a colour that moves is the same at every place, but the paper's encoder ends in a layer
with a weight for each place, which has to learn it anew at each. Here features of small patches are
pooled over the frame, by mean and by maximum, so that one place teaches for all. A coarse map with
its places is kept beside them, for backgrounds.
"""

from itertools import pairwise

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from vdsm.methods.vdsm.config import ModelConfig
from vdsm.methods.vdsm.encoder import start

SLOPE = 0.2  # of the LeakyReLUs
KERNEL = 4
SIDE = 4  # of the coarse map
THIN = 4  # of the widest channels, the share that keeps its place is one in so many


class PooledEncoder(nn.Module):
    """Features of single frames: three halvings, then pooled and placed ones side by side."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        base = config.features // 8
        widths = (config.channels, base, 2 * base, 4 * base)
        self.halve = nn.ModuleList(nn.Conv2d(i, o, KERNEL, 2, 1) for i, o in pairwise(widths))
        self.look = nn.Conv2d(widths[-1], config.features, 3, padding=1)
        self.thin = nn.Conv2d(widths[-1], widths[-1] // THIN, 1)
        self.merge = nn.Linear(2 * config.features + SIDE**2 * widths[-1] // THIN, config.features)
        start((*self.halve, self.look), SLOPE)

    def forward(self, x: Float[Tensor, "B T C H W"]) -> Float[Tensor, "B T F"]:
        """Features of every frame, each seen alone."""
        y = x.flatten(0, 1).contiguous(memory_format=torch.channels_last)
        for layer in self.halve:
            y = F.leaky_relu(layer(y), SLOPE)
        looks = F.leaky_relu(self.look(y), SLOPE)
        placed = F.adaptive_avg_pool2d(self.thin(y), SIDE).flatten(1)
        features = torch.cat([looks.mean((2, 3)), looks.amax((2, 3)), placed], 1)
        merged: Tensor = F.leaky_relu(self.merge(features), SLOPE)
        return merged.view(*x.shape[:2], -1)
