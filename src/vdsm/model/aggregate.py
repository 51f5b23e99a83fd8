"""q(s) and q(d) over a whole training set: which directions carry anything, and what to sample.

Both are found once, after training, from training clips alone and without labels.

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

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from vdsm.notation import Gaussian, draw

COMPONENTS = 10
SIGNIFICANT = 3.0  # standard errors by which a variance has to exceed that of noise
LEAST_VARIANCE = 1e-6  # of the nuisance in any direction, relative to the codes' mean variance


class Aggregate(nn.Module):
    """What became of one code, s or d. Before `fit` every direction is kept."""

    average: Tensor  # [K] of the posterior means
    into: Tensor  # [K, K] to coordinates in which the nuisance has variance 1, the best first
    back: Tensor  # [K, K] from these
    kept: Tensor  # [K] 1 or 0, of these
    denoised: Tensor  # [] whether codes read without noise
    weights: Tensor  # [M] of the mixture; all 0 before `fit`
    means: Tensor  # [M, K] in these coordinates
    factors: Tensor  # [M, K, K] lower Cholesky factors of the covariances

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.register_buffer("average", torch.zeros(dim))
        self.register_buffer("into", torch.eye(dim))
        self.register_buffer("back", torch.eye(dim))
        self.register_buffer("kept", torch.ones(dim))
        self.register_buffer("denoised", torch.zeros(()))
        self.register_buffer("weights", torch.zeros(COMPONENTS))
        self.register_buffer("means", torch.zeros(COMPONENTS, dim))
        self.register_buffer("factors", torch.zeros(COMPONENTS, dim, dim))

    @property
    def fitted(self) -> bool:
        """Whether there is a density to sample from."""
        return bool(self.weights.any())

    def keep(self, code: Float[Tensor, "B K"]) -> Float[Tensor, "B K"]:
        """The code as it reads: the directions kept, without noise; the others at their average."""
        if self.denoised:
            return self.average + self._denoise((code - self.average) @ self.into) @ self.back
        if self.kept.all():
            return code
        return self.average + (code - self.average) @ (self.into * self.kept) @ self.back

    def _denoise(self, at: Float[Tensor, "B K"]) -> Float[Tensor, "B K"]:
        """Expected coordinates without noise, which has variance 1 in each, given those with it.

        Of a component N(m, C), where C = C' + 1 with the noise: m + C' C⁻¹ (u - m). C' is C - 1
        where that is positive.
        """
        used, kept = self.weights > 0, self.kept > 0
        means, u = self.means[used][:, kept], at[:, kept]
        factors = self.factors[used][:, kept][:, :, kept]
        # log N(u; m, C) but for a constant. MultivariateNormal would import a computer algebra.
        unit = torch.linalg.solve_triangular(factors, (u - means[:, None]).mT, upper=False)
        narrow = factors.diagonal(dim1=-2, dim2=-1).log().sum(-1)
        logits = -0.5 * unit.square().sum(1).T - narrow
        share = (logits + self.weights[used].log()).softmax(1)
        variance, axes = torch.linalg.eigh((factors @ factors.mT).cpu())  # MPS has none
        gain = ((axes * ((variance - 1).clamp_min(0) / variance)[:, None]) @ axes.mT).to(at)
        expected = means + torch.einsum("mij,bmj->bmi", gain, u[:, None] - means)
        clean = torch.zeros_like(at)
        clean[:, kept] = torch.einsum("bm,bmi->bi", share, expected)
        return clean

    @torch.no_grad()
    def fit(
        self,
        q: Gaussian,
        resolution: float,
        seed: int,
        nuisance: Float[Tensor, "K K"] | None = None,
        denoise: bool = False,
    ) -> None:
        """From the posteriors [N, K] of N clips.

        A direction is kept if the means' standard deviation over clips is at least `resolution`
        times that of what should not matter: the posterior itself, and, where given, `nuisance`,
        the covariance of the means over what the code is not to hold. `denoise`: whether codes
        are to read without these.
        """
        loc = q.loc.cpu().double()  # MPS has no float64
        noise = torch.diag(q.scale.cpu().double().square().mean(0))
        noise = noise if nuisance is None else noise + nuisance.to(noise)
        codes = (loc - loc.mean(0)).T.cov() if len(loc) > 1 else torch.zeros_like(noise)
        noise.diagonal().add_(LEAST_VARIANCE * codes.diagonal().mean() + 1e-12)
        # Noise to the identity, then the codes' principal directions.
        root = torch.linalg.cholesky(noise)
        whitened = torch.linalg.solve_triangular(root, codes, upper=False)
        whitened = torch.linalg.solve_triangular(root, whitened.T, upper=False)
        ratio, directions = torch.linalg.eigh((whitened + whitened.T) / 2)
        directions = directions.flip(1)
        self.average.copy_(loc.mean(0))
        self.into.copy_(torch.linalg.solve_triangular(root.T, directions, upper=True))
        self.back.copy_(directions.T @ root.T)
        self.kept.copy_(ratio.flip(0).clamp_min(0) >= resolution**2)
        self._fit_density(q.sample(torch.Generator().manual_seed(seed)), seed, denoise)
        self.denoised.fill_(float(denoise and bool(self.kept.any())))

    def _fit_density(self, codes: Float[Tensor, "N K"], seed: int, denoise: bool) -> None:
        from sklearn.mixture import GaussianMixture  # slow to import: only where training ends

        kept = self.kept > 0
        dims = int(kept.sum())
        self.weights.zero_()
        self.means.zero_()
        self.factors.zero_()
        if dims == 0:
            self.weights[0] = 1
            return
        coordinates = ((codes - self.average) @ self.into)[:, kept].cpu().double().numpy()
        if len(coordinates) == 1:  # of a single clip
            coordinates = np.repeat(coordinates, 2, axis=0)
        count = max(1, min(COMPONENTS, len(codes) // 20))
        state = seed % 2**32  # numpy's older generators take no more
        mixture = GaussianMixture(count, reg_covar=1e-4, random_state=state, max_iter=200)
        mixture.fit(coordinates)
        self.weights[:count] = self._tensor(mixture.weights_)
        self.means[:count, :dims] = self._tensor(mixture.means_)
        covariances = torch.as_tensor(mixture.covariances_)
        if denoise:
            sizes = torch.as_tensor(mixture.weights_) * len(codes)
            covariances = without_noise_in_doubt(covariances, sizes)
        self.factors[:count, :dims, :dims] = self._tensor(torch.linalg.cholesky(covariances))

    def sample(
        self, num: int, generator: torch.Generator | None = None
    ) -> Float[Tensor, "{num} K"]:
        """Codes from the fitted mixture."""
        share = draw(torch.rand, (num,), generator, self.weights)
        component = torch.searchsorted(self.weights.cumsum(0), share).clamp_max(COMPONENTS - 1)
        noise = draw(torch.randn, (num, len(self.average)), generator, self.weights)
        at = self.means[component] + torch.einsum("bij,bj->bi", self.factors[component], noise)
        return self.average + (self._denoise(at) if self.denoised else at) @ self.back

    def _tensor(self, array: object) -> Tensor:
        return torch.as_tensor(array).to(self.means)


def without_noise_in_doubt(
    covariances: Float[Tensor, "M K K"], sizes: Float[Tensor, " M"]
) -> Float[Tensor, "M K K"]:
    """Variances along principal axes that may well be noise, whose variance is 1, are set to it.

    sizes: how many codes n each covariance was estimated from. The largest of K variances of pure
    noise is about (1 + √(K/n))² (Marchenko and Pastur 1967); a variance has to exceed that by
    `SIGNIFICANT` standard errors √(2/n).
    """
    variance, axes = torch.linalg.eigh(covariances)
    edge = (1 + (covariances.shape[-1] / sizes).sqrt()).square()
    least = edge + SIGNIFICANT * (2 / sizes).sqrt()
    clear = torch.where(variance < least[:, None], variance.clamp_max(1), variance)
    made: Tensor = (axes * clear[:, None]) @ axes.mT
    return made
