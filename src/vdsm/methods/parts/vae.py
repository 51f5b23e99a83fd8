"""What every VAE with a static code s and a code z_t for each frame does with clips.

A method adds how codes are inferred (`infer`); the verbs that users and the panel ask for follow.
"""

from dataclasses import dataclass
from typing import Any, Literal

import torch
from jaxtyping import Float
from pydantic import Field
from pydantic.dataclasses import dataclass as settings
from torch import Tensor, nn

from vdsm.config import STRICT
from vdsm.device import autocast, full_float32, pieces, use_bf16
from vdsm.methods.checks import (
    check_codes,
    require_frames,
    require_generator,
)
from vdsm.methods.parts.dcgan import FrameDecoder, FrameEncoder
from vdsm.methods.parts.prior import SequencePrior
from vdsm.methods.parts.verbs import SeesClips
from vdsm.methods.sampling import generate, swap
from vdsm.notation import Codes, Dynamics, Gaussian, Identity, Pose, Video, full
from vdsm.protocol import device_of

CHUNK = 64  # clips at a time


@settings(frozen=True, config=STRICT)
class BodyConfig:
    """Sizes of the networks of frames."""

    size: Literal[32, 64, 128] = Field(default=64, description="side of a square frame, pixels")
    channels: Literal[1, 3] = Field(default=3, description="colour channels")
    width: int = Field(default=64, ge=1, description="channels of the frame networks' first layer")
    features: int = Field(default=128, ge=1, description="numbers that a frame is encoded to")


@settings(frozen=True, config=STRICT)
class SequenceConfig(BodyConfig):
    """Sizes of a VAE of clips."""

    identity_dim: int = Field(default=256, ge=1, description="dimensions of the static code s")
    pose_dim: int = Field(default=32, ge=1, description="dimensions of the code z_t of a frame")
    hidden: int = Field(default=256, ge=1, description="width of the recurrent networks")
    scale: float = Field(
        default=0.5**0.5, gt=0, description="deviation of p(x_t | s, z_t); √½: the squared error"
    )


@dataclass(frozen=True)
class Inferred:
    """q(s | x) and q(z_1:T | x, s), and what was drawn from them."""

    s: Gaussian  # [B, S]
    z: Gaussian  # [B, T, Z], at the s drawn
    codes: Codes  # the samples, or the means


class SequenceVAE(SeesClips):
    """p(s) = N(0, 1), p(z_1:T) by an LSTM, p(x_t | s, z_t) a Gaussian around a decoder's frame."""

    method, title = "", ""
    prior_kind, prior_layers = SequencePrior, 1
    precision: Literal["auto", "fp32", "bf16"] = "auto"

    def __init__(self, config: Any) -> None:
        super().__init__()
        self.config = config
        self.networks()

    def networks(self) -> None:
        """Those that every such VAE has."""
        c = self.config
        encoder, decoder = self.bodies()
        self.encoder = encoder(c.size, c.channels, c.width, c.features)
        self.decoder = decoder(c.size, c.channels, c.width, c.identity_dim + c.pose_dim)
        self.prior = self.prior_kind(c.pose_dim, c.hidden, self.prior_layers)

    def bodies(self) -> tuple[type[nn.Module], type[nn.Module]]:
        """Of frames: what encodes and what draws them."""
        return FrameEncoder, FrameDecoder

    # -- what a method adds -----------------------------------------------------------------------

    def infer(
        self, x: Video, generator: torch.Generator | None = None, mean: bool = False
    ) -> Inferred:
        """q of the codes, and a sample or the mean of each."""
        raise NotImplementedError

    # -- densities --------------------------------------------------------------------------------

    def features(self, x: Video) -> Float[Tensor, "B T F"]:
        """Of every frame by itself."""
        features: Tensor = self.encoder(x.flatten(0, 1)).view(*x.shape[:2], -1)
        return features

    def render(self, s: Identity, z: Pose) -> Video:
        """Mean frames, [B, T, C, H, W]."""
        codes = torch.cat([s[:, None].expand(-1, z.shape[1], -1), z], -1)
        frames: Tensor = self.decoder(codes.flatten(0, 1))
        return full(frames).view(*z.shape[:2], *frames.shape[1:])

    def likelihood(self, x: Video, mean: Video) -> Float[Tensor, " B"]:
        """log p(x_1:T | s, z_1:T), in nats."""
        flat = mean.flatten(1)
        return Gaussian(flat, torch.full_like(flat, self.config.scale)).log_prob(x.flatten(1))

    def identity_prior(self, like: Identity) -> Gaussian:
        """p(s) = N(0, 1)."""
        return Gaussian.standard(like)

    # -- verbs ------------------------------------------------------------------------------------

    @torch.no_grad()
    @full_float32()
    def encode(self, clips: Tensor) -> Codes:
        """Posterior means of clips [B, T, C, H, W] in [0, 1]: s [B, S], d [B, 0], z [B, T, Z]."""
        self.check(clips)
        return Codes.cat([self.infer(self._here(x), mean=True).codes for x in pieces(clips, CHUNK)])

    @torch.no_grad()
    @full_float32()
    def encode_and_sample(
        self, clips: Tensor, generator: torch.Generator | None = None
    ) -> tuple[Codes, Codes]:
        """`encode(clips)` and, of the same shapes, a sample of the posterior."""
        require_generator(generator)
        drawn = [self.infer(self._here(x), generator).codes for x in pieces(clips, CHUNK)]
        return self.encode(clips), Codes.cat(drawn)

    @torch.no_grad()
    @full_float32()
    def posteriors(self, clips: Video) -> dict[str, Gaussian]:
        """q(s | x_1:T) and q(z_t | x_1:T, s) at the mean of s."""
        found = self.infer(self._here(clips), mean=True)
        return {"s": found.s, "z": found.z}

    @torch.no_grad()
    def decode(self, codes: Codes, frames: int | None = None) -> Video:
        """Mean frames [B, frames, C, H, W] in [0, 1]; beyond T z goes on by its prior's means."""
        require_frames(frames)
        c = self.config
        check_codes(codes, (c.identity_dim, 0, c.pose_dim))
        device = device_of(self)
        s, z = codes.s.to(device), codes.z.to(device)
        z = self.prior.extend(z, frames or z.shape[1], None, mean=True)
        with autocast(device, use_bf16(self.precision, device, dtype=z.dtype)):
            both = zip(pieces(s, CHUNK), pieces(z, CHUNK), strict=True)
            parts = [self.render(who, poses) for who, poses in both]
        return torch.cat(parts)

    def swap(self, identity: Tensor, action: Tensor, frames: int | None = None) -> Video:
        """s of one clip, z of the other, decoded: [B, frames, C, H, W]."""
        return swap(self, identity, action, frames)

    @torch.no_grad()
    def generate(
        self,
        num: int,
        frames: int,
        generator: torch.Generator | None = None,
        given: Tensor | None = None,
    ) -> Video:
        """Clips from the priors; with `given` clips s and z_1 are theirs."""
        return generate(self, num, frames, generator, given)

    def sample_identity(self, num: int, generator: torch.Generator | None = None) -> Identity:
        """From p(s)."""
        like = next(self.parameters()).new_zeros(num, self.config.identity_dim)
        return self.identity_prior(like).sample(generator)

    @torch.no_grad()
    def sample_motion(
        self, num: int, generator: torch.Generator | None = None
    ) -> tuple[Dynamics, Float[Tensor, "{num} Z"]]:
        """No d, [num, 0], and z_1 from its prior."""
        z_first = self.prior.first(num).sample(generator)
        return z_first.new_zeros(num, 0), z_first

    @torch.no_grad()
    def continue_motion(
        self, d: Dynamics, z: Pose, frames: int, generator: torch.Generator | None = None
    ) -> Float[Tensor, "B {frames} Z"]:
        """z to `frames`, by samples of the prior."""
        return self.prior.extend(z, frames, generator, mean=False)

    def push_to_hub(self, name: str, private: bool = False) -> str:
        """Send weights and a card of a few lines to USER/NAME on Hugging Face; its address.

        Needs vdsm[hub], and 'hf auth login'. InputError where it does not get there.
        """
        from vdsm.store.hub import push_model

        return push_model(self, name, private)

    def _here(self, x: Tensor) -> Tensor:
        return x.to(next(self.parameters()))
