"""Anti-aliased halving (Zhang 2019), with a backward pass that CPUs are fast at."""

from functools import cache
from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

TAPS = (0.125, 0.375, 0.375, 0.125)
MIRRORED = (1, 2)  # rows or columns before and after


class BlurPool(nn.Module):
    """Halves a feature map after a [1, 3, 3, 1] binomial blur, the border mirrored."""

    kernel: Tensor

    def __init__(self, channels: int) -> None:
        super().__init__()
        row = torch.tensor(TAPS)
        kernel = torch.outer(row, row).expand(channels, 1, -1, -1).clone()
        self.register_buffer("kernel", kernel, persistent=False)

    def forward(self, x: Float[Tensor, "M F H W"]) -> Float[Tensor, "M F (H+1)//2 (W+1)//2"]:
        halved: Tensor = _Blur.apply(x, self.kernel.to(x))  # type: ignore[no-untyped-call]
        return halved


def blur(x: Float[Tensor, "M F H W"], kernel: Float[Tensor, "F 1 4 4"]) -> Tensor:
    """What `BlurPool` computes, as a depthwise convolution."""
    padded = F.pad(x, (*MIRRORED, *MIRRORED), mode="reflect")
    return F.conv2d(padded, kernel, stride=2, groups=len(kernel))


@cache
def blur_matrix(n: int, dtype: torch.dtype, device: torch.device) -> Float[Tensor, "n (n+1)//2"]:
    """Along one axis the blur is a product with this matrix, mirrored borders included."""
    taps = torch.tensor(TAPS, dtype=dtype, device=device)
    padded = F.pad(torch.eye(n, dtype=dtype, device=device)[:, None], MIRRORED, mode="reflect")
    return F.conv1d(padded, taps[None, None], stride=2)[:, 0].to(dtype)


class _Blur(torch.autograd.Function):
    """`blur`, whose gradient is two products with `blur_matrix`, columns and then rows.

    oneDNN's backward pass of a depthwise convolution takes ten times as long (docs/log).
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, kernel: Tensor) -> Tensor:
        ctx.sides = x.shape[2:]
        with torch.autocast(x.device.type, enabled=False):  # which would mirror in float32
            return blur(x, kernel)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        grad = grad.permute(0, 2, 3, 1)  # [M h w F]
        m, h, w, f = grad.shape
        rows, cols = (blur_matrix(n, grad.dtype, grad.device) for n in ctx.sides)
        wide = torch.bmm(cols.expand(m * h, -1, -1), grad.reshape(m * h, w, f))
        whole = torch.bmm(rows.expand(m, -1, -1), wide.view(m, h, -1))
        return whole.view(m, len(rows), len(cols), f).permute(0, 3, 1, 2), None
