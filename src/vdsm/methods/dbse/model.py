"""DBSE (Berman, Naiman, Arbiv, Fadlon, Azencot, ICLR 2024): s from a single frame.

p(x_1:T, s, d_2:T) = p(s) p(x_1 | s) Π_t>1 p(d_t | d_2:t-1) p(x_t | s, d_t)
q(s, d_2:T | x_1:T) = q(s | x_1) Π_t>1 q(d_t | x_2 - x_1, .., x_T - x_1)    of features

The d_t of the paper is the code z_t here, as in the other methods. The first frame has none: z_1 is
0 and no random variable.
"""

import torch
from jaxtyping import Float
from pydantic.dataclasses import dataclass
from torch import Tensor, nn

from vdsm.config import STRICT
from vdsm.methods.parts.prior import SequencePrior
from vdsm.methods.parts.vae import Inferred, SequenceConfig, SequenceVAE
from vdsm.notation import MIN_SCALE, Codes, Dynamics, Gaussian, Pose, Video, full

LAYERS = 2  # of the LSTM of differences


@dataclass(frozen=True, config=STRICT)
class ModelConfig(SequenceConfig):
    """Sizes of DBSE."""


class LaterPrior(SequencePrior):
    """p(z_2:T) of poses z_1:T, of which z_1 is 0."""

    def forward(self, z: Pose) -> Gaussian:
        """p(z_t | z_2:t-1) for t > 1, [B, T - 1, Z]."""
        return super().forward(z[:, 1:])

    def extend(
        self, z: Pose, frames: int, generator: torch.Generator | None, mean: bool
    ) -> Float[Tensor, "B {frames} Z"]:
        """z continued to `frames`; the first stays as it is."""
        if frames == 1:
            return z[:, :1]
        return torch.cat([z[:, :1], super().extend(z[:, 1:], frames - 1, generator, mean)], 1)


class DBSE(SequenceVAE):
    """A dense layer reads the first frame, a bidirectional LSTM what differs from it."""

    method, title = "dbse", "DBSE"
    prior_kind = LaterPrior

    def __init__(self, config: ModelConfig | None = None) -> None:
        super().__init__(config or ModelConfig())
        c = self.config
        self.s_layers = nn.Sequential(nn.Linear(c.features, c.hidden), nn.Tanh())
        self.s_head = nn.Linear(c.hidden, 2 * c.identity_dim)
        self.lstm = nn.LSTM(c.features, c.hidden, LAYERS, batch_first=True, bidirectional=True)
        self.z_head = nn.Linear(2 * c.hidden, 2 * c.pose_dim)

    def infer(
        self, x: Video, generator: torch.Generator | None = None, mean: bool = False
    ) -> Inferred:
        """q(s | x_1), and q(z_t | x_1:T) of t > 1; z_1 is 0."""
        features = full(self.features(x))
        first = features[:, :1]

        # s: of the first frame alone.
        q_s = Gaussian.from_layers(*self.s_head(self.s_layers(first[:, 0])).chunk(2, -1))
        s = q_s.loc if mean else q_s.sample(generator)

        # z_2:T: of what is not in the first frame.
        hidden, _ = self.lstm(features - first)
        q_z = Gaussian.from_layers(*self.z_head(hidden[:, 1:]).chunk(2, -1))
        z = q_z.loc if mean else q_z.sample(generator)

        nothing = s.new_zeros(s.shape[0], 1, self.config.pose_dim)
        certain = Gaussian(
            torch.cat([nothing, q_z.loc], 1), torch.cat([nothing + MIN_SCALE, q_z.scale], 1)
        )
        no_d = s.new_zeros(s.shape[0], 0)
        return Inferred(q_s, certain, Codes(s, no_d, torch.cat([nothing, z], 1)))

    @torch.no_grad()
    def sample_motion(
        self, num: int, generator: torch.Generator | None = None
    ) -> tuple[Dynamics, Float[Tensor, "{num} Z"]]:
        """No d, [num, 0], and z_1, which is 0."""
        like = next(self.parameters())
        return like.new_zeros(num, 0), like.new_zeros(num, self.config.pose_dim)


def later(q: Gaussian) -> Gaussian:
    """Of the frames that have a code of their own, [B, T - 1, Z]."""
    return Gaussian(q.loc[:, 1:], q.scale[:, 1:])


MODEL_CONFIG, MODEL = ModelConfig, DBSE
