"""q(s | x_1:T) = N(f_s(mean_t ENC_s(x_t))): who is in the clip (Eq. 2, Sec. 3.1)."""

import math

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from vdsm.methods.vdsm.additions.pooled import PooledEncoder
from vdsm.methods.vdsm.config import ModelConfig
from vdsm.methods.vdsm.encoder import FrameEncoder
from vdsm.notation import Gaussian


class IdentityPosterior(nn.Module):
    """The average over frames forces s to hold what stays constant in them."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.encoder = own_encoder(config)  # None: the model's
        self.embed = nn.Linear(config.features, config.identity_hidden)  # ENC_s
        self.head = nn.Linear(config.identity_hidden, 2 * config.identity_dim)  # f_s
        nn.init.kaiming_normal_(self.embed.weight)
        # Start with the prior's scale: at softplus(0) noise would drown s for hundreds of steps.
        nn.init.constant_(
            self.head.bias[config.identity_dim :], math.log(math.expm1(1 / config.num_experts))
        )

    def forward(self, features: Float[Tensor, "B T F"]) -> Gaussian:
        """Density over [B, S] from the features of T frames in any order."""
        loc, scale = self.head(self.embedding(features)).chunk(2, -1)
        return Gaussian.from_layers(loc, scale)

    def embedding(self, features: Float[Tensor, "B T F"]) -> Float[Tensor, "B X"]:
        """mean_t ENC_s(x_t), which f_s reads."""
        return F.leaky_relu(self.embed(features)).mean(1)


def own_encoder(config: ModelConfig) -> nn.Module | None:
    """What q(s) sees through, unless that is what q(z) and q(d) see through."""
    kinds = {"own": FrameEncoder, "pooled": PooledEncoder}
    kind = kinds.get(config.identity_encoder)
    return None if kind is None else kind(config)
