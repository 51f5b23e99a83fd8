"""q(z_i | x_i): the pose of a frame seen alone, as stage 1 trains it (Eq. 7)."""

from jaxtyping import Float
from torch import Tensor, nn

from vdsm.methods.vdsm.config import ModelConfig
from vdsm.notation import Gaussian


class FramePose(nn.Module):
    """One dense layer FC(F, 2 κ_z), split into location and scale (App. D).

    In stage 2 its location is the pose embedding ENC_z(x_t) that the bi-LSTM reads.
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.head = nn.Linear(config.features, 2 * config.pose_dim)

    def forward(self, features: Float[Tensor, "B T F"]) -> Gaussian:
        """Density over [B, T, Z], independent over frames."""
        loc, scale = self.head(features).chunk(2, -1)
        return Gaussian.from_layers(loc, scale)
