"""ConvTrans(4x4, stride 2, padding 1) with a weight per clip, as few large matmuls and copies.

Output rows 2i - 1 and 2i depend on input rows i - 1 and i alone, through kernel rows 2 + a and a
(a = 0, 1 the parity); the same along columns. So a 2 x 2 patch of the input times one matrix gives
a 2 x 2 patch of the output (a sub-pixel convolution), and nothing overlaps that would have to be
added up. There is one more patch than positions along each axis, though, so on the smallest map
every position's 4 x 4 kernel is added up instead. The gradient of both is a plain strided
convolution: 4 x 4 patches, two matmuls.
"""

from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor
from torch.autograd.function import once_differentiable

SMALL = 16  # positions of a map up to which kernels are added up (docs/log)
Weight = Float[Tensor, "B I 4 4 O"]


def upsample(
    x: Float[Tensor, "B T H W I"],
    weight: Weight,
    bias: Float[Tensor, "B O"],
    slope: float | None = None,
) -> Float[Tensor, "B T 2*H 2*W O"]:
    """ConvTrans, bias, a LeakyReLU if there is a slope: as `conv_transpose2d` does, but faster."""
    y: Tensor = _Upsample.apply(x, weight, bias, slope)  # type: ignore[no-untyped-call]
    return y


class _Upsample(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor, slope: float | None) -> Tensor:
        b, t, h, w, _ = x.shape
        y = add_kernels(x, weight) if h * w <= SMALL else join_phases(x, weight)
        y.view(b, t * 2 * h, -1).add_(bias.to(y.dtype).repeat(1, 2 * w)[:, None])
        if slope is not None:
            F.leaky_relu_(y, slope)
        ctx.slope = slope
        ctx.save_for_backward(x, weight, None if slope is None else y)
        return y

    @staticmethod
    @once_differentiable
    def backward(
        ctx: Any, grad: Tensor
    ) -> tuple[Tensor | None, Tensor | None, Tensor | None, None]:
        x, weight, y = ctx.saved_tensors
        b, t, h, w, i = x.shape
        grad = grad.contiguous()
        if y is not None:
            grad = torch.ops.aten.leaky_relu_backward(grad, y, ctx.slope, True)
        needs_x, needs_weight, needs_bias, _ = ctx.needs_input_grad
        seen = patches(grad, 4, 2)  # [B, T H W, 4 4 O]
        grad_x = grad_weight = grad_bias = None
        if needs_x:
            grad_x = torch.bmm(seen, weight.view(b, i, -1).transpose(1, 2)).view(x.shape)
        if needs_weight:
            grad_weight = torch.bmm(x.reshape(b, -1, i).transpose(1, 2), seen).view(weight.shape)
        if needs_bias:
            grad_bias = grad.view(b, t * 2 * h, -1).sum(1).view(b, 2 * w, -1).sum(1)
        return grad_x, grad_weight, grad_bias, None


def join_phases(x: Float[Tensor, "B T H W I"], weight: Weight) -> Tensor:
    """Every 2 x 2 patch of x gives four pixels, one of each phase."""
    b, t, h, w, _ = x.shape
    y = torch.bmm(patches(x, 2, 1), by_phase(weight))  # [B, T (H+1) (W+1), a b O]
    return interleave(y.view(b, t, h + 1, w + 1, 2, 2, -1))


def add_kernels(x: Float[Tensor, "B T H W I"], weight: Weight) -> Tensor:
    """Every position of x gives a 4 x 4 kernel; they overlap by two pixels."""
    b, t, h, w, i = x.shape
    y = torch.bmm(x.reshape(b, -1, i), weight.view(b, i, -1))
    y = y.view(b, t, h, w, 2, 2, 2, 2, -1).permute(4, 6, 0, 1, 2, 5, 3, 7, 8)  # r c B T H a W b O
    whole = y.new_zeros(b, t, h + 1, 2, w + 1, 2, y.shape[-1])
    for r in (0, 1):
        for c in (0, 1):
            whole[:, :, r : h + r, :, c : w + c] += y[r, c]
    return whole.view(b, t, 2 * h + 2, 2 * w + 2, -1)[:, :, 1:-1, 1:-1].contiguous()


def patches(x: Float[Tensor, "B T H W I"], side: int, stride: int) -> Float[Tensor, "B M K"]:
    """Every side x side window of the zero-padded x, flattened to K = side² I."""
    x = F.pad(x, (0, 0, 1, 1, 1, 1))
    b, t, h, w, i = x.shape
    rows, cols = (h - side) // stride + 1, (w - side) // stride + 1
    if torch.compiler.is_exporting():  # ONNX has no strides
        whole = [
            x[:, :, r : r + stride * rows : stride, c : c + stride * cols : stride]
            for r in range(side)
            for c in range(side)
        ]
        return torch.cat(whole, -1).reshape(b, t * rows * cols, side * side * i)
    by_clip, by_frame, by_row, by_col, _ = x.stride()
    windows = x.as_strided(
        (b, t, rows, cols, side, side * i),
        (by_clip, by_frame, stride * by_row, stride * by_col, by_row, 1),
    )
    return windows.reshape(b, t * rows * cols, side * side * i)


def by_phase(weight: Weight) -> Float[Tensor, "B K P"]:
    """The matrix from a 2 x 2 patch (r c I) to the four phases (a b O) of the output."""
    b, i, _, _, o = weight.shape
    kernel = weight.view(b, i, 2, 2, 2, 2, o).flip(2, 4)  # [B I r a c b O]: row r meets 2(1-r)+a
    return kernel.permute(0, 2, 4, 1, 3, 5, 6).reshape(b, 4 * i, 4 * o)


def interleave(y: Float[Tensor, "B T H W 2 2 O"]) -> Float[Tensor, "B T 2*H-2 2*W-2 O"]:
    """Phases side by side; the outermost rows and columns belong to no output."""
    b, t, h, w, _, _, o = y.shape
    whole = y.transpose(3, 4).reshape(b, t, 2 * h, 2 * w, o)
    return whole[:, :, 1:-1, 1:-1].contiguous()
