"""p(x_t | s, z_t): Bernoulli as in Eq. 1, or Gaussian ("can be chosen according to the data")."""

import math
from dataclasses import dataclass
from typing import Any, Literal

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor
from torch.autograd.function import once_differentiable

from vdsm.notation import Video


@dataclass(frozen=True)
class FrameDensity:
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
            log_prob: Tensor = _Bernoulli.apply(self.logits, x)  # type: ignore[no-untyped-call]
            return log_prob
        error = (x - self.mean) / self.scale
        pixels = -0.5 * error.square() - math.log(self.scale * math.sqrt(2 * math.pi))
        return pixels.sum((2, 3, 4))


class _Bernoulli(torch.autograd.Function):
    """Σ x l - log(1 + e^l), the binary cross-entropy of logits l, in half of torch's passes."""

    @staticmethod
    def forward(ctx: Any, logits: Tensor, x: Tensor) -> Tensor:
        ctx.save_for_backward(logits, x)
        return F.softplus(logits).neg_().addcmul_(logits, x).sum((2, 3, 4))

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        logits, x = ctx.saved_tensors
        return torch.sigmoid(logits).neg_().add_(x).mul_(grad[:, :, None, None, None]), None
