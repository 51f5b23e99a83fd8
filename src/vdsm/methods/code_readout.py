"""One code of a model, read out: which directions carry anything, and what to sample.

Both are found once, after training, from training clips alone and without labels
(`vdsm.methods.fit_readout`).

Directions. A posterior mean differs from clip to clip also by what it should not hold (s by the
action, d by the looks), and by less than its own scale. No decoder can use that, but whoever
standardizes the means can read it. So a code keeps the directions in which clips differ by much
more than the same code differs by such nuisance: the generalized eigenvectors of the covariance
of the means against that of the nuisance (linear discriminant analysis, Fisher 1936; as a
projection of codes, nuisance attribute projection, Solomonoff et al. 2005). In the other
directions a code reads as its average.

Denoising. What is left of nuisance in the directions kept is as large as the noise, and a probe
can still read it. So a code reads as what it is to be expected without noise and nuisance, given
the density below (empirical Bayes, Robbins 1956): where codes cluster more tightly than noise
explains it becomes the cluster's centre, where they spread wider it hardly moves. A spread that is
not significantly wider than noise counts as noise: shrunk to a hundredth, it could still be read.

Density fitted after training (Ghosh et al. 2020, "ex-post density estimation"): the clips' codes
fill a part of p(s) = N(0, 1/N_s) only; a mixture of Gaussians says which.
"""

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn

from vdsm.notation import draw

COMPONENTS = 10


class CodeReadout(nn.Module):
    """How one code reads. As it is made every direction is kept."""

    average: Tensor  # [K] of the posterior means
    into: Tensor  # [K, K] to coordinates in which the nuisance has variance 1, the best first
    back: Tensor  # [K, K] from these
    kept: Tensor  # [K] 1 or 0, of these
    shrunk: Tensor  # [] whether codes read without noise
    weights: Tensor  # [M] of the mixture; all 0 before it is fitted
    means: Tensor  # [M, K] in these coordinates
    factors: Tensor  # [M, K, K] lower Cholesky factors of the covariances

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.register_buffer("average", torch.zeros(dim))
        self.register_buffer("into", torch.eye(dim))
        self.register_buffer("back", torch.eye(dim))
        self.register_buffer("kept", torch.ones(dim))
        self.register_buffer("shrunk", torch.zeros(()))
        self.register_buffer("weights", torch.zeros(COMPONENTS))
        self.register_buffer("means", torch.zeros(COMPONENTS, dim))
        self.register_buffer("factors", torch.zeros(COMPONENTS, dim, dim))

    @property
    def fitted(self) -> bool:
        """Whether there is a density to sample from."""
        return bool(self.weights.any())

    def project(self, code: Float[Tensor, "B K"]) -> Float[Tensor, "B K"]:
        """The code as it reads: the directions kept, without noise; the others at their average."""
        if self.shrunk:
            return self.average + self._shrink((code - self.average) @ self.into) @ self.back
        if self.kept.all():
            return code
        return self.average + (code - self.average) @ (self.into * self.kept) @ self.back

    def _shrink(self, at: Float[Tensor, "B K"]) -> Float[Tensor, "B K"]:
        """Expected coordinates without noise, which has variance 1 in each, given those with it.

        Of a component N(m, C), where C = C' + 1 with the noise: m + C' C⁻¹ (u - m). C' is C - 1
        where that is positive.
        """
        used, kept = self.weights > 0, self.kept > 0
        means, u = self.means[used][:, kept], at[:, kept]
        factors = self.factors[used][:, kept][:, :, kept]
        # log N(u; m, C). MultivariateNormal would import a computer algebra.
        unit = torch.linalg.solve_triangular(factors, (u - means[:, None]).mT, upper=False)
        half_log_det = factors.diagonal(dim1=-2, dim2=-1).log().sum(-1)
        constant = u.shape[1] * math.log(2 * math.pi)
        logits = -0.5 * (constant + unit.pow(2).sum(-2).T) - half_log_det
        share = (logits + self.weights[used].log()).softmax(1)
        variance, axes = torch.linalg.eigh((factors @ factors.mT).cpu())  # MPS has none
        gain = ((axes * ((variance - 1).clamp_min(0) / variance)[:, None]) @ axes.mT).to(at)
        expected = means + torch.einsum("mij,bmj->bmi", gain, u[:, None] - means)
        clean = torch.zeros_like(at)
        clean[:, kept] = torch.einsum("bm,bmi->bi", share, expected)
        return clean

    def sample(
        self, num: int, generator: torch.Generator | None = None
    ) -> Float[Tensor, "{num} K"]:
        """Codes from the fitted mixture."""
        share = draw(torch.rand, (num,), generator, self.weights)
        component = torch.searchsorted(self.weights.cumsum(0), share).clamp_max(COMPONENTS - 1)
        noise = draw(torch.randn, (num, len(self.average)), generator, self.weights)
        at = self.means[component] + torch.einsum("bij,bj->bi", self.factors[component], noise)
        return self.average + (self._shrink(at) if self.shrunk else at) @ self.back
