"""ENC(x_t) by strided convolutions (ours): half the cost of the paper's, which blurs and halves.

The paper's encoder convolves at full resolution and halves after a blur (Sec. 3.1, App. D); most of
a step is spent there. This one halves as it convolves (DCGAN, Radford et al. 2016).
"""

from itertools import pairwise

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from vdsm.methods.vdsm.config import ModelConfig
from vdsm.methods.vdsm.encoder import EachAlone, start

SLOPE = 0.2  # of the LeakyReLUs
KERNEL = 4
SIDE = 4  # of the last map


class StridedEncoder(EachAlone):
    """Features of single frames: halvings down to 4 x 4, then one layer over all of that map."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        base, widest = config.features // 8, config.features // 2
        halvings = (config.size // SIDE).bit_length() - 1
        widths = (config.channels, *(min(base * 2**i, widest) for i in range(halvings)))
        self.halve = nn.ModuleList(nn.Conv2d(i, o, KERNEL, 2, 1) for i, o in pairwise(widths))
        self.merge = nn.Conv2d(widths[-1], config.features, SIDE)
        start((*self.halve, self.merge), SLOPE)

    def see(self, frames: Float[Tensor, "N C H W"]) -> Float[Tensor, "N F"]:
        """Features of so many frames."""
        y = frames.contiguous(memory_format=torch.channels_last)
        for layer in (*self.halve, self.merge):
            y = F.leaky_relu(layer(y), SLOPE)
        return y.flatten(1)
