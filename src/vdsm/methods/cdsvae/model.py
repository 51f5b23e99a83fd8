"""C-DSVAE (Bai, Wang, Gomes, NeurIPS 2021): DSVAE whose posterior of z does not see s.

p(x_1:T, s, z_1:T) = p(s) Π_t p(z_t | z_<t) p(x_t | s, z_t)
q(s, z_1:T | x_1:T) = q(s | x_1:T) Π_t q(z_t | x_1:T)

One bidirectional LSTM reads the frames for both; what teaches them apart is in `recipe`.
"""

import torch
from pydantic.dataclasses import dataclass
from torch import nn

from vdsm.config import STRICT
from vdsm.methods.parts.vae import Inferred, SequenceConfig, SequenceVAE
from vdsm.notation import Codes, Gaussian, Video, full


@dataclass(frozen=True, config=STRICT)
class ModelConfig(SequenceConfig):
    """Sizes of C-DSVAE."""


class CDSVAE(SequenceVAE):
    """Inference networks on the features of frames; the prior's LSTM has two layers."""

    method, title = "cdsvae", "C-DSVAE"
    prior_layers = 2

    def __init__(self, config: SequenceConfig | None = None) -> None:
        super().__init__(config or ModelConfig())
        c = self.config
        self.lstm = nn.LSTM(c.features, c.hidden, batch_first=True, bidirectional=True)
        self.s_head = nn.Linear(2 * c.hidden, 2 * c.identity_dim)
        self.z_rnn = nn.RNN(2 * c.hidden, c.hidden, batch_first=True)
        self.z_head = nn.Linear(c.hidden, 2 * c.pose_dim)

    def infer(
        self, x: Video, generator: torch.Generator | None = None, mean: bool = False
    ) -> Inferred:
        """q(s | x_1:T) and q(z_1:T | x_1:T)."""
        both, (last, _) = self.lstm(full(self.features(x)))

        # s: the last states of both directions.
        q_s = Gaussian.from_layers(*self.s_head(torch.cat([last[0], last[1]], -1)).chunk(2, -1))
        s = q_s.loc if mean else q_s.sample(generator)

        # z_1:T: the states of every frame, read by an RNN.
        hidden, _ = self.z_rnn(both)
        q_z = Gaussian.from_layers(*self.z_head(hidden).chunk(2, -1))
        z = q_z.loc if mean else q_z.sample(generator)
        return Inferred(q_s, q_z, Codes(s, s.new_zeros(s.shape[0], 0), z))


MODEL_CONFIG, MODEL = ModelConfig, CDSVAE
