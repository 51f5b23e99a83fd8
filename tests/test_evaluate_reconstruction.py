"""PSNR and SSIM against scikit-image, frame by frame."""

import numpy as np
import pytest
import torch
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from vdsm.evaluate.reconstruction import psnr, ssim

RNG = np.random.default_rng(0)


def clips(*shape: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Smooth frames on black, as sprites are, and a disturbed copy."""
    real = np.zeros(shape, np.float32)
    real[..., 4:-3, 5:-2] = RNG.random((*shape[:-2], 1, 1), np.float32)
    made = np.clip(real + 0.1 * RNG.standard_normal(shape), 0, 1)
    return torch.from_numpy(real), torch.from_numpy(made.astype(np.float32))


@pytest.mark.parametrize("shape", [(2, 3, 3, 16, 16), (2, 2, 1, 20, 31)])
def test_against_scikit_image(shape: tuple[int, ...]) -> None:
    real, made = clips(*shape)
    options = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False}
    for b in range(shape[0]):
        a, m = real[b].double().numpy(), made[b].double().numpy()
        pairs = list(zip(a, m, strict=True))
        theirs_psnr = np.mean([peak_signal_noise_ratio(x, y, data_range=1) for x, y in pairs])
        theirs_ssim = np.mean(
            [structural_similarity(x, y, channel_axis=0, data_range=1, **options) for x, y in pairs]
        )
        assert psnr(real, made)[b].item() == pytest.approx(theirs_psnr, rel=1e-6)
        assert ssim(real, made)[b].item() == pytest.approx(theirs_ssim, abs=1e-5)


def test_perfect_frames_have_the_error_of_rounding() -> None:
    real, _ = clips(2, 3, 3, 16, 16)
    assert psnr(real, real).tolist() == pytest.approx([10 * np.log10(12 * 255**2)] * 2)
    assert ssim(real, real).tolist() == pytest.approx([1.0, 1.0])


def test_a_known_error() -> None:
    """An error of 0.1 everywhere is 20 dB."""
    real = torch.full((1, 2, 1, 12, 12), 0.5)
    assert psnr(real, real + 0.1).item() == pytest.approx(20, abs=1e-4)
