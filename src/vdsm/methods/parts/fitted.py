"""A density of codes for methods that have none: Gaussians, found after training.

p(s) = N(m, S),  p(z_1) = N(m_1, S_1),  p(z_t+1 | z_t) = N(z_t A + b, S_Δ)
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from vdsm.notation import Identity, Pose, draw

JITTER = 1e-6  # of variances, of their mean


class FittedPrior(nn.Module):
    """Before it is fitted everything is 0, and motion stands still."""

    mean_s: Tensor  # [S]
    factor_s: Tensor  # [S, S], of the covariance
    mean_first: Tensor  # [Z]
    factor_first: Tensor  # [Z, Z]
    step: Tensor  # [Z, Z], A
    shift: Tensor  # [Z], b
    factor_step: Tensor  # [Z, Z]

    def __init__(self, identity_dim: int, pose_dim: int) -> None:
        super().__init__()
        for name, dims in (("s", identity_dim), ("first", pose_dim)):
            self.register_buffer(f"mean_{name}", torch.zeros(dims))
            self.register_buffer(f"factor_{name}", torch.zeros(dims, dims))
        self.register_buffer("step", torch.eye(pose_dim))
        self.register_buffer("shift", torch.zeros(pose_dim))
        self.register_buffer("factor_step", torch.zeros(pose_dim, pose_dim))

    @torch.no_grad()
    def fit(self, s: Identity, z: Pose) -> None:
        """To codes of training clips, by moments and by least squares."""
        for name, code in (("s", s), ("first", z[:, 0])):
            getattr(self, f"mean_{name}").copy_(code.mean(0))
            getattr(self, f"factor_{name}").copy_(factor(code - code.mean(0)))
        before, after = (part.flatten(0, 1).cpu().double() for part in (z[:, :-1], z[:, 1:]))
        average = before.mean(0)
        inputs = before - average
        gram = inputs.T @ inputs
        gram.diagonal().add_(JITTER * gram.diagonal().mean() + 1e-12)
        step = torch.linalg.solve(gram, inputs.T @ (after - after.mean(0)))
        self.step.copy_(step)
        self.shift.copy_(after.mean(0) - average @ step)
        self.factor_step.copy_(factor(after - before @ step - (after.mean(0) - average @ step)))

    def sample_s(self, num: int, generator: torch.Generator | None) -> Identity:
        """[num, S]."""
        return self._normal(self.mean_s, self.factor_s, num, generator)

    def sample_first(self, num: int, generator: torch.Generator | None) -> Float[Tensor, "{num} Z"]:
        """[num, Z]."""
        return self._normal(self.mean_first, self.factor_first, num, generator)

    def extend(
        self, z: Pose, frames: int, generator: torch.Generator | None, mean: bool
    ) -> Float[Tensor, "B {frames} Z"]:
        """z continued to `frames`, by samples or by means."""
        if frames <= z.shape[1]:
            return z[:, :frames]
        drawn = list(z.unbind(1))
        while len(drawn) < frames:
            after = drawn[-1] @ self.step + self.shift
            noise = self._normal(torch.zeros_like(self.shift), self.factor_step, len(z), generator)
            drawn.append(after if mean else after + noise)
        return torch.stack(drawn[:frames], 1)

    def _normal(
        self, mean: Tensor, root: Tensor, num: int, generator: torch.Generator | None
    ) -> Tensor:
        return mean + draw(torch.randn, (num, len(mean)), generator, mean) @ root.T


def factor(centred: Float[Tensor, "N K"]) -> Float[Tensor, "K K"]:
    """Lower Cholesky factor of the covariance of rows whose mean is 0."""
    rows = centred.cpu().double()
    covariance = rows.T @ rows / max(len(rows) - 1, 1)
    covariance.diagonal().add_(JITTER * covariance.diagonal().mean() + 1e-12)
    root: Tensor = torch.linalg.cholesky(covariance)
    return root
