"""DSVAE (Li and Mandt, ICML 2018): a static code f and a code z_t of every frame.

p(x_1:T, f, z_1:T) = p(f) Π_t p(z_t | z_<t) p(x_t | f, z_t)
q(f, z_1:T | x_1:T) = q(f | x_1:T) q(z_1:T | f, x_1:T)          "full"; q(z_t | x_t) "factorised"

f is called s here, as in the other methods. The frame networks are DCGAN's (`methods.parts.dcgan`)
or those of the paper (`printed`).
"""

from typing import Literal

import torch
from pydantic import Field
from pydantic.dataclasses import dataclass
from torch import Tensor, nn

from vdsm.config import STRICT
from vdsm.methods.dsvae.printed import PrintedDecoder, PrintedEncoder
from vdsm.methods.parts.vae import Inferred, SequenceConfig, SequenceVAE
from vdsm.notation import Codes, Gaussian, Video, full


@dataclass(frozen=True, config=STRICT)
class ModelConfig(SequenceConfig):
    """Sizes of DSVAE."""

    posterior: Literal["full", "factorised"] = Field(
        default="full", description="q(z_1:T | f, x_1:T), or q(z_t | x_t) of each frame by itself"
    )
    body: Literal["dcgan", "printed"] = Field(
        default="dcgan", description="frame networks: DCGAN's, or those that the paper prints"
    )


class DSVAE(SequenceVAE):
    """Inference networks on the features of frames."""

    method, title = "dsvae", "DSVAE"

    def __init__(self, config: ModelConfig | None = None) -> None:
        super().__init__(config or ModelConfig())
        c = self.config
        self.f_lstm = nn.LSTM(c.features, c.hidden, batch_first=True, bidirectional=True)
        self.f_head = nn.Linear(2 * c.hidden, 2 * c.identity_dim)
        if c.posterior == "full":
            inputs = c.features + c.identity_dim
            self.z_lstm = nn.LSTM(inputs, c.hidden, batch_first=True, bidirectional=True)
            self.z_rnn = nn.RNN(2 * c.hidden, c.hidden, batch_first=True)
        else:
            self.z_frame = nn.Sequential(nn.Linear(c.features, c.hidden), nn.LeakyReLU(0.2))
        self.z_head = nn.Linear(c.hidden, 2 * c.pose_dim)

    def bodies(self) -> tuple[type[nn.Module], type[nn.Module]]:
        """DCGAN's, or as printed."""
        printed = self.config.body == "printed"
        return (PrintedEncoder, PrintedDecoder) if printed else super().bodies()

    def infer(
        self, x: Video, generator: torch.Generator | None = None, mean: bool = False
    ) -> Inferred:
        """q(f | x_1:T), and q(z_1:T | f, x_1:T) at the f drawn, or at its mean."""
        features = full(self.features(x))

        # f: the last states of both directions.
        _, (last, _) = self.f_lstm(features)
        q_f = Gaussian.from_layers(*self.f_head(torch.cat([last[0], last[1]], -1)).chunk(2, -1))
        f = q_f.loc if mean else q_f.sample(generator)

        # z_1:T: of every frame, with f beside it.
        q_z = Gaussian.from_layers(*self.z_head(self._motion(features, f)).chunk(2, -1))
        z = q_z.loc if mean else q_z.sample(generator)
        return Inferred(q_f, q_z, Codes(f, f.new_zeros(f.shape[0], 0), z))

    def _motion(self, features: Tensor, f: Tensor) -> Tensor:
        if self.config.posterior == "factorised":
            hidden: Tensor = self.z_frame(features)
            return hidden
        beside = f[:, None].expand(-1, features.shape[1], -1)
        both, _ = self.z_lstm(torch.cat([features, beside], -1))
        hidden, _ = self.z_rnn(both)
        return hidden


MODEL_CONFIG, MODEL = ModelConfig, DSVAE
