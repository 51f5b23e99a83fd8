"""q(d | x_1:T), and the LSTM decoder that unrolls d into h̄_1:T (Eq. 2, Sec. 3.1)."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from vdsm.methods.vdsm.config import ModelConfig
from vdsm.notation import Dynamics, Gaussian, Pose


class DynamicsPosterior(nn.Module):
    """q(d | x_1:T): the last hidden states of a bi-LSTM over pose embeddings, then f_dμ, f_dσ."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.lstm = nn.LSTM(
            config.pose_dim,
            config.lstm_width,
            config.lstm_layers,
            batch_first=True,
            bidirectional=True,
        )
        self.head = nn.Linear(2 * config.lstm_layers * config.lstm_width, 2 * config.dynamics_dim)

    def forward(self, poses: Pose) -> Gaussian:
        """Density over [B, D] from a clip's pose embeddings, in order."""
        _, (h, _) = self.lstm(poses)  # [2L, B, R]
        loc, scale = self.head(h.transpose(0, 1).flatten(1)).chunk(2, -1)
        return Gaussian.from_layers(loc, scale)


class DynamicsDecoder(nn.Module):
    """d -> h̄_1:T. The sequence-to-sequence model has d as its bottleneck.

    The paper duplicates d as the initial hidden and cell state; the sizes differ, so two dense
    layers do it. The input is one learned vector at every step, not the previous output: then all
    T steps are a single fused LSTM call, and T may exceed any length trained on.
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.layers, self.width = config.lstm_layers, config.lstm_width
        self.hidden = nn.Linear(config.dynamics_dim, self.layers * self.width)
        self.cell = nn.Linear(config.dynamics_dim, self.layers * self.width)
        self.start = nn.Parameter(torch.zeros(config.pose_dim))
        self.lstm = nn.LSTM(config.pose_dim, self.width, self.layers, batch_first=True)

    def forward(self, d: Dynamics, frames: int) -> Float[Tensor, "B {frames} R"]:
        """h̄_1:T: hidden states of the top layer, for as many frames as wanted."""
        h = self.hidden(d).unflatten(1, (self.layers, self.width)).transpose(0, 1).contiguous()
        c = self.cell(d).unflatten(1, (self.layers, self.width)).transpose(0, 1).contiguous()
        outputs: Tensor = self.lstm(self.start.expand(d.shape[0], frames, -1), (h, c))[0]
        return outputs
