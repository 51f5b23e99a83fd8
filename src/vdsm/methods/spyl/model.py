"""SPYL (Naiman, Berman, Azencot, ICML 2023): C-DSVAE's densities, held against its own samples.

p(x_1:T, s, z_1:T) = p(s) Π_t p(z_t | z_<t) p(x_t | s, z_t)
q(s, z_1:T | x_1:T) = q(s | x_1:T) Π_t q(z_t | x_1:T)

Clips drawn by the model and encoded again take the place of augmented ones (Sec. 4).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from jaxtyping import Float
from pydantic.dataclasses import dataclass as settings
from torch import Tensor

from vdsm.config import STRICT
from vdsm.methods.cdsvae.model import CDSVAE
from vdsm.methods.parts.vae import SequenceConfig
from vdsm.notation import Codes, Gaussian, Identity, Pose


@settings(frozen=True, config=STRICT)
class ModelConfig(SequenceConfig):
    """Sizes of SPYL."""


@dataclass(frozen=True)
class Seen:
    """Posteriors of clips that the model has drawn."""

    s: Gaussian  # [N, S]
    z: Gaussian  # [N, T, Z]


class SPYL(CDSVAE):
    """The networks are those of C-DSVAE."""

    method, title = "spyl", "SPYL"
    contrasting = False  # a schedule sets it

    def __init__(self, config: ModelConfig | None = None) -> None:
        super().__init__(config or ModelConfig())

    def imagine(self, num: int, frames: int, generator: torch.Generator | None) -> Codes:
        """Codes from both priors."""
        s = self.sample_identity(num, generator)
        nothing = s.new_zeros(num, 0)
        z = self.prior.extend(
            nothing.new_zeros(num, 0, self.config.pose_dim), frames, generator, False
        )
        return Codes(s, nothing, z)

    @torch.no_grad()
    def seen(self, s: Identity, z: Pose) -> Seen:
        """Codes drawn and encoded again, by batch norm as it is after training, which learns
        nothing of what is drawn.
        """
        with evaluated(self):
            found = self.infer(self.render(s, z), mean=True)
        return Seen(found.s, found.z)


@contextmanager
def evaluated(model: CDSVAE) -> Iterator[None]:
    """Inside, the model does not train."""
    training = model.training
    model.eval()
    try:
        yield
    finally:
        model.train(training)


def farthest(q: Gaussian, others: Gaussian, count: int) -> Float[Tensor, "B {count} K"]:
    """Means of those of N others of which KL[q, other] is largest; K numbers each, flattened.

    Of poses the divergence is that of all frames.
    """
    one = Gaussian(q.loc.flatten(1)[:, None], q.scale.flatten(1)[:, None])
    other = Gaussian(others.loc.flatten(1)[None], others.scale.flatten(1)[None])
    with torch.no_grad():
        chosen = one.kl(other).topk(count, 1).indices
    found: Tensor = other.loc[0][chosen]
    return found


MODEL_CONFIG, MODEL = ModelConfig, SPYL
