"""A `CodeReadout` as sums and products; what follows from its tensors alone is found before."""

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn

from vdsm.methods.code_readout import CodeReadout


class Linear(nn.Module):
    """The directions that are kept; the others at their average."""

    average: Tensor
    matrix: Tensor

    def __init__(self, readout: CodeReadout) -> None:
        super().__init__()
        self.register_buffer("average", readout.average.clone())
        self.register_buffer("matrix", (readout.into * readout.kept) @ readout.back)

    def project(self, code: Float[Tensor, "B K"]) -> Float[Tensor, "B K"]:
        """As `CodeReadout.project`."""
        return self.average + (code - self.average) @ self.matrix


class Shrunk(nn.Module):
    """The directions that are kept, without noise: m + C' C⁻¹ (u - m) of every component."""

    average: Tensor
    into: Tensor  # [K, k] of the directions that are kept
    back: Tensor  # [k, K]
    means: Tensor  # [M, k]
    unit: Tensor  # [M, k, k] inverses of the lower Cholesky factors
    gains: Tensor  # [M, k, k]
    constant: Tensor  # [M] of log π_m N(u; m, C)

    def __init__(self, readout: CodeReadout) -> None:
        super().__init__()
        used, kept = readout.weights > 0, readout.kept > 0
        means, factors = readout.means[used][:, kept], readout.factors[used][:, kept][:, :, kept]
        variance, axes = torch.linalg.eigh(factors @ factors.mT)
        gain = (axes * ((variance - 1).clamp_min(0) / variance)[:, None]) @ axes.mT
        half_log_det = factors.diagonal(dim1=-2, dim2=-1).log().sum(-1)
        constant = -0.5 * means.shape[1] * math.log(2 * math.pi) - half_log_det
        eye = torch.eye(means.shape[1]).to(factors)
        self.register_buffer("average", readout.average.clone())
        self.register_buffer("into", readout.into[:, kept])
        self.register_buffer("back", readout.back[kept])
        self.register_buffer("means", means)
        self.register_buffer("unit", torch.linalg.solve_triangular(factors, eye, upper=False))
        self.register_buffer("gains", gain)
        self.register_buffer("constant", constant + readout.weights[used].log())

    def project(self, code: Float[Tensor, "B K"]) -> Float[Tensor, "B K"]:
        """As `CodeReadout.project`."""
        away = ((code - self.average) @ self.into)[:, None] - self.means  # [B, M, k]
        unit = (self.unit @ away[..., None])[..., 0]
        share = (self.constant - 0.5 * unit.square().sum(-1)).softmax(1)
        expected = self.means + (self.gains @ away[..., None])[..., 0]
        return self.average + (share[..., None] * expected).sum(1) @ self.back


def plain(readout: CodeReadout) -> Linear | Shrunk:
    """What reads a code as the readout does."""
    return Shrunk(readout) if readout.shrunk else Linear(readout)
