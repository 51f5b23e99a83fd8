"""What the machine itself can do: matmul, convolution and memory speeds."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F

from vdsm.bench.timing import best

SIDE = 2048  # of the square matrices
COPIED = 1 << 28  # bytes copied to measure memory


@dataclass(frozen=True)
class Machine:
    """Speeds of this machine, measured."""

    matmul_fp32_tflops: float
    matmul_bf16_tflops: float
    conv_tflops: float  # channels last, in the precision of training
    memory_gb_s: float  # read and written


def measure(device: torch.device, bf16: bool, repeats: int) -> Machine:
    """The best of `repeats`; a few seconds on a CPU."""
    return Machine(
        matmul(torch.float32, device, repeats),
        matmul(torch.bfloat16, device, repeats),
        convolution(torch.bfloat16 if bf16 else torch.float32, device, repeats),
        memory(device, repeats),
    )


def matmul(dtype: torch.dtype, device: torch.device, repeats: int) -> float:
    """TFLOP/s of a product of two 2048 x 2048 matrices."""
    a = torch.randn(SIDE, SIDE, device=device).to(dtype)
    return 2 * SIDE**3 / best(lambda: a @ a, device, repeats) / 1e12


def convolution(dtype: torch.dtype, device: torch.device, repeats: int) -> float:
    """TFLOP/s of a 4 x 4 convolution of 128 to 128 channels over 64 frames of 32 x 32."""
    frames, channels, side, kernel = 64, 128, 32, 4
    x = torch.randn(frames, channels, side, side, device=device).to(dtype)
    weight = torch.randn(channels, channels, kernel, kernel, device=device).to(dtype)
    x, weight = (t.contiguous(memory_format=torch.channels_last) for t in (x, weight))
    out = side - kernel + 1
    flops = 2 * frames * out**2 * channels**2 * kernel**2
    return flops / best(lambda: F.conv2d(x, weight), device, repeats) / 1e12


def memory(device: torch.device, repeats: int) -> float:
    """GB/s read plus written by a copy of 256 MiB."""
    a = torch.ones(COPIED // 4, device=device)
    b = torch.empty_like(a)
    return 2 * COPIED / best(lambda: b.copy_(a), device, repeats) / 1e9
