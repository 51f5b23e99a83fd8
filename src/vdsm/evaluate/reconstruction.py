"""PSNR and SSIM of reconstructed clips, frame by frame.

PSNR = -10 log10 of a frame's mean squared error, with values in [0, 1]. The error of a perfect
frame is set to that of rounding to 8 bits, 1 / (12 · 255²), so that PSNR is at most 58.9 dB.
SSIM as Wang et al. (2004): Gaussian window of 11 x 11 and σ = 1.5, K = 0.01 and 0.03, averaged
over channels; equal to scikit-image's `structural_similarity(..., gaussian_weights=True,
sigma=1.5, use_sample_covariance=False, data_range=1)`, but for whole batches.
"""

import torch
from jaxtyping import Float
from torch import Tensor

from vdsm.notation import Video

LEAST_ERROR = 1 / (12 * 255**2)
WINDOW = 11
SIGMA = 1.5
C1, C2 = 0.01**2, 0.03**2


def psnr(real: Video, made: Video) -> Float[Tensor, "B"]:
    """Mean over frames of each frame's PSNR, dB."""
    error = (real.double() - made.double()).square().mean(dim=(2, 3, 4))
    return -10 * error.clamp_min(LEAST_ERROR).log10().mean(dim=1)


def ssim(real: Video, made: Video) -> Float[Tensor, "B"]:
    """Mean over frames and channels of each frame's SSIM; frames of at least 11 x 11 pixels."""
    h, w = real.shape[-2:]
    assert min(h, w) >= WINDOW, f"SSIM needs frames of {WINDOW} pixels"
    x, y = real.float(), made.float()
    mean_x, mean_y = _blur(x), _blur(y)
    var_x = _blur(x * x) - mean_x.square()
    var_y = _blur(y * y) - mean_y.square()
    covariance = _blur(x * y) - mean_x * mean_y
    above = (2 * mean_x * mean_y + C1) * (2 * covariance + C2)
    below = (mean_x.square() + mean_y.square() + C1) * (var_x + var_y + C2)
    return (above / below).flatten(1).mean(dim=1)


def _blur(images: Float[Tensor, "*N H W"]) -> Float[Tensor, "*N H2 W2"]:
    """Gaussian average where the whole window lies inside the image, as two matrix products."""
    return _averaging(images.shape[-2]) @ images @ _averaging(images.shape[-1]).T


def _averaging(length: int) -> Float[Tensor, "K L"]:
    """Row i holds the window over pixels i to i + 10."""
    offset = torch.arange(length) - torch.arange(length - WINDOW + 1)[:, None]
    inside = (offset >= 0) & (offset < WINDOW)
    weights = torch.exp(-0.5 * ((offset.double() - WINDOW // 2) / SIGMA).square()) * inside
    return (weights / weights.sum(dim=1, keepdim=True)).float()
