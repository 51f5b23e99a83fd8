"""SSM-SKD (the multi-factor benchmark of sequences, NeurIPS 2025): an operator of every clip.

z_t+1 ≈ z_t C of each clip by itself, the least C of T - 1 equations;  one eigenvalue next to 1

The latents of a clip are the sum of a static part, which lies in the direction of that eigenvalue,
and a dynamic one: s is the first, averaged over frames, z_t the second.
"""

import torch
from pydantic import Field
from pydantic.dataclasses import dataclass
from torch import Tensor

from vdsm.config import STRICT
from vdsm.methods.parts.koopman import least_squares, split
from vdsm.methods.parts.linear import Latents, LinearConfig, LinearModel
from vdsm.notation import Codes, Identity, Pose


@dataclass(frozen=True, config=STRICT)
class ModelConfig(LinearConfig):
    """Sizes of SSM-SKD."""

    latent: int = Field(default=15, ge=2, description="dimensions of the latent of a frame")
    static: int = Field(default=1, ge=1, description="eigenvalues that are to be 1")
    hidden: int = Field(default=170, ge=1, description="width of the decoder's LSTM")

    @property
    def identity_dim(self) -> int:
        """Of s."""
        return self.latent

    @property
    def pose_dim(self) -> int:
        """Of z_t."""
        return self.latent


class SSMSKD(LinearModel):
    """Codes lie in the space of the latents."""

    method, title = "ssmskd", "SSM-SKD"

    def __init__(self, config: ModelConfig | None = None) -> None:
        super().__init__(config or ModelConfig())

    @torch.no_grad()
    def codes(self, latents: Latents) -> Codes:
        """s [B, K] and z [B, T, K]; a single frame is static as a whole."""
        static = torch.stack([self.static(z) for z in latents])
        s = static.mean(1)
        return Codes(s, s.new_zeros(s.shape[0], 0), latents - static)

    def static(self, z: Tensor) -> Tensor:
        """The static part of one clip's latents [T, K]."""
        if len(z) == 1:
            return z
        found = split(least_squares(z[:-1], z[1:]), self.config.static)
        return z @ (found.into[:, : found.static] @ found.back[: found.static]).to(z)

    def join(self, s: Identity, z: Pose) -> Latents:
        """The sum of both parts."""
        return s[:, None] + z


MODEL_CONFIG, MODEL = ModelConfig, SSMSKD
