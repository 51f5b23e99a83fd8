"""S3VAE (Zhu, Min, Kadav, Graf, CVPR 2020): a sequential VAE that its own clips supervise.

p(x_1:T, s, z_1:T) = p(s) Π_t p(z_t | z_<t) p(x_t | s, z_t)
q(s, z_1:T | x_1:T) = q(s | x_1:T) Π_t q(z_t | x_1:t)

A head reads from z_t how frame t differs from the one before; what it is taught is in `labels`.
"""

import torch
from jaxtyping import Float
from pydantic import Field
from pydantic.dataclasses import dataclass
from torch import Tensor, nn

from vdsm.config import STRICT
from vdsm.methods.parts.vae import Inferred, SequenceConfig, SequenceVAE
from vdsm.notation import Codes, Gaussian, Pose, Video, full


@dataclass(frozen=True, config=STRICT)
class ModelConfig(SequenceConfig):
    """Sizes of S3VAE."""

    motion_outputs: int = Field(
        default=9, ge=0, description="numbers that are predicted from z_t; 0: none"
    )


class S3VAE(SequenceVAE):
    """An LSTM for each code, of which that of z hears of no later frame."""

    method, title = "s3vae", "S3VAE"

    def __init__(self, config: ModelConfig | None = None) -> None:
        super().__init__(config or ModelConfig())
        c = self.config
        self.s_lstm = nn.LSTM(c.features, c.hidden, batch_first=True)
        self.s_head = nn.Linear(c.hidden, 2 * c.identity_dim)
        self.z_lstm = nn.LSTM(c.features, c.hidden, batch_first=True)
        self.z_head = nn.Linear(c.hidden, 2 * c.pose_dim)
        if c.motion_outputs:
            self.motion_head = nn.Sequential(
                nn.Linear(c.pose_dim, c.hidden), nn.ReLU(), nn.Linear(c.hidden, c.motion_outputs)
            )

    def infer(
        self, x: Video, generator: torch.Generator | None = None, mean: bool = False
    ) -> Inferred:
        """q(s | x_1:T), of the last state, and q(z_t | x_1:t)."""
        features = full(self.features(x))
        _, (last, _) = self.s_lstm(features)
        q_s = Gaussian.from_layers(*self.s_head(last[0]).chunk(2, -1))
        s = q_s.loc if mean else q_s.sample(generator)
        hidden, _ = self.z_lstm(features)
        q_z = Gaussian.from_layers(*self.z_head(hidden).chunk(2, -1))
        z = q_z.loc if mean else q_z.sample(generator)
        return Inferred(q_s, q_z, Codes(s, s.new_zeros(s.shape[0], 0), z))

    def motion(self, z: Pose) -> Float[Tensor, "B T M"]:
        """What z_t says of the motion into frame t: logits of cells, or distances."""
        told: Tensor = self.motion_head(z)
        return told


MODEL_CONFIG, MODEL = ModelConfig, S3VAE
