"""`reconstruction.*`: test clips decoded from their own codes; PSNR and SSIM frame by frame.

A model that swaps clips, but decodes no codes, swaps each with itself.

PSNR = -10 log10 of a frame's mean squared error, with values in [0, 1]. The error of a perfect
frame is set to that of rounding to 8 bits, 1 / (12 · 255²), so that PSNR is at most 58.9 dB.
SSIM as Wang et al. (2004): Gaussian window of 11 x 11 and σ = 1.5, K = 0.01 and 0.03, averaged
over channels; equal to scikit-image's `structural_similarity(..., gaussian_weights=True,
sigma=1.5, use_sample_covariance=False, data_range=1)`, but for whole batches.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from vdsm.data.clips import Floats, Ints
from vdsm.evaluate.context import Context, Looked
from vdsm.evaluate.inputs import ClipArray
from vdsm.evaluate.judge_floor import accuracies
from vdsm.evaluate.metric import Metric
from vdsm.evaluate.result import Numbers, under
from vdsm.evaluate.stream import check_clips, cuts, decode_checked, mix, read
from vdsm.notation import Video

LEAST_ERROR = 1 / (12 * 255**2)
WINDOW = 11
SIGMA = 1.5
C1, C2 = 0.01**2, 0.03**2
ITSELF = "each clip is swapped with itself, so its own first frames may be copied"


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


class Fidelity:
    """PSNR and SSIM of clips that are seen in order, against the real ones of ascending rows."""

    def __init__(self, real: ClipArray, rows: Ints) -> None:
        self._real, self._rows = real, rows
        self._done = 0
        self._psnr: list[Any] = []
        self._ssim: list[Any] = []
        self.too_small = min(real.shape[2:4]) < WINDOW

    def see(self, made: Video) -> None:
        """Compare the next clips with theirs."""
        rows = self._rows[self._done : self._done + len(made)]
        real = read(self._real, rows)
        self._psnr.append(psnr(real, made).numpy())
        if not self.too_small:
            self._ssim.append(ssim(real, made).double().numpy())
        self._done += len(made)

    def values(self) -> dict[str, Floats]:
        """Name -> [n] values of the clips."""
        found = {"psnr": self._psnr} if self.too_small else {"psnr": self._psnr, "ssim": self._ssim}
        return {name: np.concatenate(parts) for name, parts in found.items()}


@dataclass(frozen=True)
class Reconstructed:
    """Test clips drawn again."""

    looked: Looked
    fidelity: Fidelity


def by_codes(context: Context) -> bool:
    """Whether clips are drawn again from codes, not by swapping each with itself."""
    return context.lacks("codes", "decode") is None


def drawn_again(context: Context) -> Iterator[Video]:
    """Every test clip, batch by batch."""
    inputs, system = context.inputs, context.system
    from_codes = by_codes(context)
    for cut in cuts(len(inputs.test), context.settings.batch):
        rows = inputs.test[cut]
        if from_codes:
            yield decode_checked(system.decode, mix(inputs.codes, rows, rows), inputs)
        else:
            assert system.swap is not None
            clips = read(inputs.real, rows)
            yield check_clips("swap", system.swap(clips, clips), tuple(clips.shape))


def reconstructed(context: Context) -> Reconstructed:
    """Every test clip, drawn again once for all metrics."""
    inputs = context.inputs
    rows = inputs.test

    def make() -> Reconstructed:
        fidelity = Fidelity(inputs.real, rows)
        clips, groups = drawn_again(context), inputs.groups[rows]
        looked = context.look_with_features(clips, groups, "reconstructions", fidelity.see)
        return Reconstructed(looked, fidelity)

    return context.once("reconstructed", make)


def measure(context: Context) -> Numbers:
    """`psnr`, `ssim`, and of every factor `accuracy.<factor>`: the judge right."""
    inputs, bootstrap = context.inputs, context.bootstrap
    found = reconstructed(context)
    if not by_codes(context):
        context.notes["reconstruction"] = ITSELF
    if found.fidelity.too_small:
        context.not_measured["reconstruction.ssim"] = f"frames are smaller than {WINDOW} pixels"
    groups = inputs.groups[inputs.test]
    numbers = {k: bootstrap.mean(v, groups) for k, v in found.fidelity.values().items()}
    right = accuracies(found.looked.seen.verdicts, inputs, inputs.test, bootstrap)
    return numbers | under("accuracy", right)


METRIC = Metric("reconstruction", measure, ("again",))
