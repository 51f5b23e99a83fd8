"""Every fast form equals the plain one: values, and gradients in double precision."""

from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd import gradcheck

from vdsm.methods.vdsm.blur import TAPS, BlurPool, blur_matrix
from vdsm.methods.vdsm.likelihood import FrameDensity
from vdsm.methods.vdsm.upsample import upsample


def plain_upsample(x: Tensor, weight: Tensor, bias: Tensor, slope: float | None = None) -> Tensor:
    """The same by the book, clip by clip."""
    clips = [
        F.conv_transpose2d(x_b.permute(0, 3, 1, 2), w_b.permute(0, 3, 1, 2), b_b, 2, 1)
        for x_b, w_b, b_b in zip(x, weight, bias, strict=True)
    ]
    y = torch.stack(clips).permute(0, 1, 3, 4, 2)
    return y if slope is None else F.leaky_relu(y, slope)


def doubles(*shape: int) -> Tensor:
    return torch.randn(shape, dtype=torch.float64, requires_grad=True)


@pytest.mark.parametrize("sides", [(7, 9), (4, 6), (15, 4)])
def test_blur(sides: tuple[int, int]) -> None:
    """Against a dense convolution of the mirrored map, channel by channel."""
    pool, x = BlurPool(3).double(), doubles(2, 3, *sides)
    row = torch.tensor(TAPS, dtype=torch.float64)
    padded = F.pad(x, (1, 2, 1, 2), mode="reflect")
    plain = [F.conv2d(padded[:, c : c + 1], torch.outer(row, row)[None, None], stride=2)
             for c in range(3)]  # fmt: skip
    torch.testing.assert_close(pool(x), torch.cat(plain, 1))
    assert gradcheck(pool, x)


def test_blur_matrix_is_the_blur_of_one_axis() -> None:
    """A constant stays constant, and its rows are [1, 3, 3, 1] / 8 where nothing is mirrored."""
    matrix = blur_matrix(9, torch.float64, torch.device("cpu"))
    torch.testing.assert_close(matrix.sum(0), torch.ones(5, dtype=torch.float64))
    assert matrix[:, 2].tolist() == [0, 0, 0, *TAPS, 0, 0]


@pytest.mark.parametrize("slope", [None, 0.01])
@pytest.mark.parametrize(
    "shape", [(2, 3, 3, 6, 4, 2), (1, 1, 1, 1, 1, 1), (3, 2, 4, 4, 2, 3), (2, 2, 2, 9, 1, 2)]
)
def test_upsample(shape: tuple[int, ...], slope: float | None) -> None:
    """Against torch's transposed convolution, clip by clip."""
    b, t, h, w, inputs, outputs = shape
    x, weight, bias = (
        doubles(b, t, h, w, inputs),
        doubles(b, inputs, 4, 4, outputs),
        doubles(b, outputs),
    )
    torch.testing.assert_close(
        upsample(x, weight, bias, slope), plain_upsample(x, weight, bias, slope)
    )
    assert gradcheck(lambda *given: upsample(*given, slope), (x, weight, bias))


@pytest.mark.parametrize("frozen", [{0}, {1, 2}])
def test_upsample_with_parts_that_need_no_gradient(frozen: set[int]) -> None:
    parts = [doubles(2, 2, 3, 3, 2), doubles(2, 2, 4, 4, 3), doubles(2, 3)]
    for k in frozen:
        parts[k].requires_grad_(False)
    assert gradcheck(lambda *given: upsample(*given, 0.2), tuple(parts))


def test_upsample_of_strided_input() -> None:
    """Activations and their gradients need not be contiguous."""
    x, weight, bias = doubles(2, 3, 2, 4, 5), doubles(2, 5, 4, 4, 3), doubles(2, 3)
    upward = torch.randn(2, 8, 4, 3, 3, dtype=torch.float64).transpose(1, 3)

    def gradients(function: Callable[..., Tensor]) -> tuple[Tensor, ...]:
        y = function(x.transpose(2, 3), weight, bias)
        return torch.autograd.grad(y, (x, weight, bias), upward.transpose(2, 3))

    for fast, plain in zip(gradients(upsample), gradients(plain_upsample), strict=True):
        torch.testing.assert_close(fast, plain)


def test_bernoulli() -> None:
    """Against torch's binary cross-entropy, saturated logits included."""
    logits, x = doubles(2, 3, 1, 4, 4), torch.rand(2, 3, 1, 4, 4, dtype=torch.float64)
    with torch.no_grad():
        logits[0, 0, 0, 0] = torch.tensor([-800.0, -25.0, 25.0, 800.0])

    def log_prob(logits: Tensor) -> Tensor:
        return FrameDensity(logits, "bernoulli", 1.0).log_prob(x)

    plain = F.binary_cross_entropy_with_logits(logits, x, reduction="none").sum((2, 3, 4))
    torch.testing.assert_close(log_prob(logits), -plain)
    assert gradcheck(log_prob, logits)
