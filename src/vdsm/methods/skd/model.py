"""SKD (Berman, Naiman, Azencot, ICLR 2023): latents of all clips follow one linear operator.

z_t+1 ≈ z_t C;  the directions of the eigenvalues of C next to 1 are static, the others dynamic

s are the static coordinates of a clip's latents, averaged over frames, z_t the dynamic ones. C is
that of the batch in training and that of the training clips ever after, so that the codes of a clip
do not depend on which others are beside it.
"""

import torch
from pydantic.dataclasses import dataclass
from torch import Tensor

from vdsm.config import STRICT
from vdsm.methods.parts.koopman import least_squares, split
from vdsm.methods.parts.linear import Latents, LinearConfig, LinearModel
from vdsm.notation import Codes, Identity, Pose


@dataclass(frozen=True, config=STRICT)
class ModelConfig(LinearConfig):
    """Sizes of SKD."""

    @property
    def identity_dim(self) -> int:
        """Of s."""
        return self.static

    @property
    def pose_dim(self) -> int:
        """Of z_t."""
        return self.latent - self.static


class SKD(LinearModel):
    """Coordinates in which the operator is of two blocks, the static one first."""

    method, title = "skd", "SKD"
    found = ("prior.", "into", "back")
    into: Tensor  # [K, K] from latents to coordinates
    back: Tensor  # [K, K]

    def __init__(self, config: ModelConfig | None = None) -> None:
        super().__init__(config or ModelConfig())
        for name in ("into", "back"):
            self.register_buffer(name, torch.eye(self.config.latent))

    @torch.no_grad()
    def keep(self, operator: Tensor) -> None:
        """Coordinates of an operator [K, K]."""
        found = split(operator, self.config.static)
        self.into.copy_(found.into)
        self.back.copy_(found.back)

    def codes(self, latents: Latents) -> Codes:
        """s [B, S] and z [B, T, K - S]."""
        at = latents @ self.into
        s = at[..., : self.config.static].mean(1)
        return Codes(s, s.new_zeros(s.shape[0], 0), at[..., self.config.static :])

    def join(self, s: Identity, z: Pose) -> Latents:
        """Static coordinates are those of every frame."""
        at = torch.cat([s[:, None].expand(-1, z.shape[1], -1), z], -1)
        latents: Tensor = at @ self.back
        return latents

    @torch.no_grad()
    def fix(self, latents: Latents) -> None:
        """The operator of all of them, and then the priors of their codes."""
        self.keep(least_squares(latents[:, :-1].flatten(0, 1), latents[:, 1:].flatten(0, 1)))
        super().fix(latents)


MODEL_CONFIG, MODEL = ModelConfig, SKD
