"""p(x_t | s, z_t): Bernoulli as in Eq. 1, or Gaussian ("can be chosen according to the data")."""

import math
from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from vdsm.notation import Video


@dataclass(frozen=True)
class Frames:
    """A density over frames, independent over pixels, from the decoder's logits."""

    logits: Video
    kind: Literal["bernoulli", "gaussian"]
    scale: float  # standard deviation of the Gaussian

    @property
    def mean(self) -> Video:
        """Expected frames, in [0, 1]."""
        return torch.sigmoid(self.logits)

    def log_prob(self, x: Video) -> Float[Tensor, "B T"]:
        """log p(x_t | s, z_t) in nats per frame, for x in [0, 1]."""
        if self.kind == "bernoulli":
            pixels = -F.binary_cross_entropy_with_logits(self.logits, x, reduction="none")
        else:
            error = (x - self.mean) / self.scale
            pixels = -0.5 * error.square() - math.log(self.scale * math.sqrt(2 * math.pi))
        return pixels.sum((2, 3, 4))
