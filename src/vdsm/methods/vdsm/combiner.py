"""q(z_t | z_{t-1}, h̄_t, d): the combiner (Eq. 5)."""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from vdsm.methods.vdsm.config import ModelConfig
from vdsm.notation import Dynamics, Gaussian


class Combiner(nn.Module):
    """Mixes where the pose was with where the action takes it.

    Eq. 5 adds f_7(z_{t-1}) to ĥ_t = {h̄_t, d}, which asks for equal widths, so a dense layer with
    a LeakyReLU brings ĥ_t to the hidden width first. That part needs no recursion: `context`
    computes it for all t at once and `step` is what remains.
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        width = config.combiner_hidden
        self.f_h = nn.Linear(config.lstm_width + config.dynamics_dim, width)
        self.f7 = nn.Linear(config.pose_dim, width)
        self.f8 = nn.Linear(width, config.pose_dim)
        self.f9 = nn.Linear(width, config.pose_dim)

    def context(self, h_bar: Float[Tensor, "B T R"], d: Dynamics) -> Float[Tensor, "B T X"]:
        """ĥ_t for every t, in the hidden width."""
        d_t = d[:, None].expand(-1, h_bar.shape[1], -1)
        return F.leaky_relu(self.f_h(torch.cat([h_bar, d_t], -1)))

    def step(self, z_prev: Float[Tensor, "B Z"], h_t: Float[Tensor, "B X"]) -> Gaussian:
        """Eq. 5: density over z_t [B, Z]."""
        c_t = 0.5 * (torch.tanh(self.f7(z_prev)) + h_t)
        return Gaussian.from_layers(self.f8(c_t), self.f9(c_t))
