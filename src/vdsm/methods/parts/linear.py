"""What SKD and SSM-SKD share: an autoencoder of clips whose latents are to follow linear dynamics.

Z = LSTM(encoder(x_1:T)) [B, T, K];  x_1:T = decoder(LSTM(Z))

A model adds how Z splits into s and z (`infer`) and how it is put together again (`join`).
"""

from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from pydantic import Field
from pydantic.dataclasses import dataclass
from torch import Tensor, nn

from vdsm.config import STRICT
from vdsm.data.clips import Clips
from vdsm.device import autocast, full_float32
from vdsm.errors import InputError
from vdsm.methods.fit_readout import CHUNK, MOST_CLIPS
from vdsm.methods.fit_readout import segments as some
from vdsm.methods.parts.dcgan import FrameDecoder, FrameEncoder
from vdsm.methods.parts.fitted import FittedPrior
from vdsm.methods.parts.recipe import finished as finished_codes
from vdsm.methods.parts.recipe import one_by_one
from vdsm.methods.parts.recipe import read_out as read_codes
from vdsm.methods.parts.vae import BodyConfig, Inferred, SequenceVAE
from vdsm.notation import MIN_SCALE, Codes, Dynamics, Gaussian, Identity, Pose, Video, full
from vdsm.protocol import device_of
from vdsm.train.batches import SegmentSampler

Latents = Float[Tensor, "B T K"]


@dataclass(frozen=True, config=STRICT)
class LinearConfig(BodyConfig):
    """Sizes of an autoencoder with linear dynamics."""

    latent: int = Field(default=40, ge=2, description="dimensions of the latent of a frame")
    static: int = Field(default=8, ge=1, description="eigenvalues that are to be 1")
    width: int = Field(default=32, ge=1, description="channels of the frame networks' first layer")
    features: int = Field(default=40, ge=1, description="numbers that a frame is encoded to")
    hidden: int = Field(default=40, ge=1, description="width of the decoder's LSTM")


def require_dynamic(c: LinearConfig) -> None:
    """InputError where all dimensions are static."""
    if c.static >= c.latent:
        raise InputError(f"{c.static} static dimensions of {c.latent}: lower --model.static")


class LinearModel(SequenceVAE):
    """Codes are numbers, not densities; the priors are fitted after training."""

    found: tuple[str, ...] = ("prior.",)  # what names of tensors begin with that `fix` finds
    prior: FittedPrior  # type: ignore[assignment]

    def networks(self) -> None:
        """Of frames, and of sequences."""
        c = self.config
        self.encoder = FrameEncoder(c.size, c.channels, c.width, c.features)
        self.decoder = FrameDecoder(c.size, c.channels, c.width, c.hidden)
        self.lstm = nn.LSTM(c.features, c.latent, batch_first=True)
        self.decoder_lstm = nn.LSTM(c.latent, c.hidden, batch_first=True)
        self.prior = FittedPrior(c.identity_dim, c.pose_dim)

    # -- what a model adds ------------------------------------------------------------------------

    def codes(self, latents: Latents) -> Codes:
        """s and z of latents."""
        raise NotImplementedError

    def join(self, s: Identity, z: Pose) -> Latents:
        """Latents of codes."""
        raise NotImplementedError

    # -- networks ---------------------------------------------------------------------------------

    def latents(self, x: Video) -> Latents:
        """Z."""
        features = full(self.features(x))
        with autocast(x.device, False):  # linear dynamics of rounded numbers are not
            latents: Tensor = self.lstm(features)[0]
        return latents

    def drawn(self, latents: Latents) -> Video:
        """Frames of latents."""
        hidden, _ = self.decoder_lstm(latents)
        frames: Tensor = self.decoder(hidden.flatten(0, 1))
        return full(frames).view(*hidden.shape[:2], *frames.shape[1:])

    def infer(
        self, x: Video, generator: torch.Generator | None = None, mean: bool = False
    ) -> Inferred:
        """The codes, which are certain."""
        codes = self.codes(self.latents(x))
        return Inferred(certain(codes.s), certain(codes.z), codes)

    def render(self, s: Identity, z: Pose) -> Video:
        """Mean frames, [B, T, C, H, W]."""
        return self.drawn(self.join(s, z))

    # -- after training ---------------------------------------------------------------------------

    @torch.no_grad()
    @full_float32()
    def fix(self, latents: Latents) -> None:
        """What is found of training clips' latents."""
        codes = self.codes(latents)
        self.prior.fit(codes.s, codes.z)

    def sample_identity(self, num: int, generator: torch.Generator | None = None) -> Identity:
        """From a Gaussian of the training clips' codes."""
        return self.prior.sample_s(num, generator)

    @torch.no_grad()
    def sample_motion(
        self, num: int, generator: torch.Generator | None = None
    ) -> tuple[Dynamics, Float[Tensor, "{num} Z"]]:
        """No d, [num, 0], and z_1 from a Gaussian of the training clips' codes."""
        z_first = self.prior.sample_first(num, generator)
        return z_first.new_zeros(num, 0), z_first


def certain(code: Float[Tensor, "*rows K"]) -> Gaussian:
    """As narrow a density as there is."""
    return Gaussian(code, torch.full_like(code, MIN_SCALE))


@torch.no_grad()
@full_float32()
def training_latents(model: Any, clips: Clips, config: Any) -> Latents:
    """Of a segment of each of at most 2000 training clips."""
    frames = config.train.frames
    sampler = SegmentSampler(one_by_one(clips, config), frames)
    rng = np.random.default_rng(config.seed)
    chosen = torch.from_numpy(rng.permutation(sampler.pool)[:MOST_CLIPS])
    parts = [
        model.latents(some(clips, rows.numpy(), frames, rng, device_of(model)))
        for rows in torch.split(chosen, CHUNK)
    ]
    return torch.cat(parts)


FIXED = "fixed."  # what names of tensors of the model that are found after training begin with


def read_out(model: Any, clips: Clips, config: Any) -> dict[str, Tensor]:
    """What `fix` finds, and the readout of the codes that follow."""
    model.fix(training_latents(model, clips, config))
    tensors = model.state_dict().items()
    fixed = {FIXED + name: t.cpu() for name, t in tensors if name.startswith(model.found)}
    return fixed | read_codes(model, clips, config)


def finished(model: Any, tensors: dict[str, Tensor], config: Any) -> nn.Module:
    """The model with what was found, read out."""
    fixed = {k.removeprefix(FIXED): t for k, t in tensors.items() if k.startswith(FIXED)}
    model.load_state_dict(fixed, strict=False)
    rest = {k: t for k, t in tensors.items() if not k.startswith(FIXED)}
    return finished_codes(model, rest, config)
