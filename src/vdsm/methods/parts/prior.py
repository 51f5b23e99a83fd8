"""p(z_1:T) = Π_t p(z_t | z_<t): an LSTM that reads the poses before, and two affine layers."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from vdsm.notation import Gaussian, Pose

State = tuple[Tensor, Tensor] | None


class SequencePrior(nn.Module):
    """z_1 follows a vector of zeros."""

    def __init__(self, pose_dim: int, hidden: int, layers: int = 1) -> None:
        super().__init__()
        self.lstm = nn.LSTM(pose_dim, hidden, layers, batch_first=True)
        self.head = nn.Linear(hidden, 2 * pose_dim)

    def forward(self, z: Pose) -> Gaussian:
        """p(z_t | z_<t) for every t at once, [B, T, Z], at the poses given."""
        before = torch.cat([torch.zeros_like(z[:, :1]), z[:, :-1]], 1)
        return self.step(before)[0]

    def step(self, before: Pose, state: State = None) -> tuple[Gaussian, State]:
        """Densities of the poses that follow `before` [B, t, Z], and the LSTM's state after it."""
        hidden, state = self.lstm(before, state)
        loc, raw = self.head(hidden).chunk(2, -1)
        return Gaussian.from_layers(loc, raw), state

    def first(self, num: int) -> Gaussian:
        """p(z_1) of `num` clips, [num, Z]."""
        nothing = self.head.weight.new_zeros(num, 1, self.lstm.input_size)
        q, _ = self.step(nothing)
        return Gaussian(q.loc[:, 0], q.scale[:, 0])

    def extend(
        self, z: Pose, frames: int, generator: torch.Generator | None, mean: bool
    ) -> Float[Tensor, "B {frames} Z"]:
        """z continued to `frames`, by samples or by means."""
        if frames <= z.shape[1]:
            return z[:, :frames]
        drawn = list(z.unbind(1))
        before = torch.cat([z.new_zeros(len(z), 1, z.shape[-1]), z], 1)
        q, state = self.step(before)
        while len(drawn) < frames:
            last = Gaussian(q.loc[:, -1], q.scale[:, -1])
            drawn.append(last.loc if mean else last.sample(generator))
            q, state = self.step(drawn[-1][:, None], state)
        return torch.stack(drawn[:frames], 1)
