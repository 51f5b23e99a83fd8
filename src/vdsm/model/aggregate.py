"""q(s) and q(d) over a whole training set: which dimensions carry anything, and what to sample.

Both are found once, after training, from training clips alone and without labels.

Active units (Burda et al. 2016, Sec. 5.2; here measured against the posterior's own scale): in a
dimension that carries nothing, posterior means still differ from clip to clip by far less than
the posterior's scale. No decoder can use that, but whoever standardizes the means can. Such a
dimension reads as its average.

Density fitted after training (Ghosh et al. 2020, "ex-post density estimation"): the clips' codes
fill a part of p(s) = N(0, 1/N_s) only; a mixture of Gaussians says which.
"""

import torch
from jaxtyping import Float
from sklearn.mixture import GaussianMixture
from torch import Tensor, nn

from vdsm.notation import Gaussian, draw

COMPONENTS = 10


class Aggregate(nn.Module):
    """What became of one code, s or d. Before `fit` every dimension is active."""

    active: Tensor  # [K] 1 or 0
    average: Tensor  # [K] of the posterior means
    weights: Tensor  # [M] of the mixture; all 0 before `fit`
    means: Tensor  # [M, K]
    factors: Tensor  # [M, K, K] lower Cholesky factors of the covariances

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.register_buffer("active", torch.ones(dim))
        self.register_buffer("average", torch.zeros(dim))
        self.register_buffer("weights", torch.zeros(COMPONENTS))
        self.register_buffer("means", torch.zeros(COMPONENTS, dim))
        self.register_buffer("factors", torch.zeros(COMPONENTS, dim, dim))

    @property
    def fitted(self) -> bool:
        """Whether there is a density to sample from."""
        return bool(self.weights.any())

    def keep(self, code: Float[Tensor, "B K"]) -> Float[Tensor, "B K"]:
        """The code with inactive dimensions at their average."""
        return torch.where(self.active > 0, code, self.average)

    @torch.no_grad()
    def fit(self, q: Gaussian, resolution: float, seed: int) -> None:
        """From the posteriors [N, K] of N clips.

        A dimension is active if its means have a standard deviation over clips of at least
        `resolution` times the posterior's scale (root mean square over clips).
        """
        scale = q.scale.square().mean(0).sqrt()
        self.active.copy_(q.loc.std(0) >= resolution * scale)
        self.average.copy_(q.loc.mean(0))
        generator = torch.Generator(q.loc.device).manual_seed(seed)
        codes = self.keep(q.sample(generator))
        unit = codes.std(0).clamp_min(1e-8)  # of an inactive dimension: it stays at its average
        count = max(1, min(COMPONENTS, len(codes) // 20))
        mixture = GaussianMixture(count, reg_covar=1e-4, random_state=seed, max_iter=200)
        mixture.fit(((codes - self.average) / unit).double().cpu().numpy())
        self.weights.zero_()
        self.weights[:count] = self._tensor(mixture.weights_)
        self.means[:count] = self.average + unit * self._tensor(mixture.means_)
        factors = torch.linalg.cholesky(self._tensor(mixture.covariances_))
        self.factors[:count] = unit[:, None] * factors

    def sample(
        self, num: int, generator: torch.Generator | None = None
    ) -> Float[Tensor, "{num} K"]:
        """Codes from the fitted mixture."""
        share = draw(torch.rand, (num,), generator, self.weights)
        component = torch.searchsorted(self.weights.cumsum(0), share).clamp_max(COMPONENTS - 1)
        noise = draw(torch.randn, (num, len(self.average)), generator, self.weights)
        code = self.means[component] + torch.einsum("bij,bj->bi", self.factors[component], noise)
        return self.keep(code)

    def _tensor(self, array: object) -> Tensor:
        return torch.as_tensor(array).to(self.means)
