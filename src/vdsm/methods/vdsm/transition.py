"""p(z_t | z_{t-1}, d): the gated transition (Eq. 6)."""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from vdsm.methods.vdsm.config import ModelConfig
from vdsm.notation import Gaussian


class Transition(nn.Module):
    """The prior dynamics: a gate g chooses between a nonlinear and a linear prediction."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        inputs, width, outputs = (
            config.pose_dim + config.dynamics_dim,
            config.transition_hidden,
            config.pose_dim,
        )
        self.f1, self.f2 = nn.Linear(inputs, width), nn.Linear(width, outputs)
        self.f3, self.f4 = nn.Linear(inputs, width), nn.Linear(width, outputs)
        self.f5 = nn.Linear(inputs, outputs)
        self.f6 = nn.Linear(outputs, outputs)

    def forward(self, z_prev: Float[Tensor, "*rows Z"], d: Float[Tensor, "*rows D"]) -> Gaussian:
        """Eq. 6: density over z_t, for one step [B, Z] or for all of them at once [B, T-1, Z]."""
        zd = torch.cat([z_prev, d], -1)
        g = torch.sigmoid(self.f2(F.relu(self.f1(zd))))
        h = self.f4(F.relu(self.f3(zd)))
        loc = g * h + (1 - g) * self.f5(zd)
        return Gaussian.from_layers(loc, self.f6(F.relu(h)))
