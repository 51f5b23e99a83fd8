"""DiffSDA (Zisling et al., ICLR 2026): every frame by diffusion, told of s of its clip and its d_t.

s, d_1:T = encoder(x_1:T);  x_t ~ p(x_t | s, d_t), by a denoiser D(x; σ, s, d_t)
D = c_skip(σ) x + c_out(σ) F(c_in(σ) x; c_noise(σ), s, d_t)    (Karras et al. 2022, EDM)

d_t is z_t here, as of every method whose motion is a code of each frame. Frames are drawn from one
and the same noise, whatever the clip: that of a clip itself, found by running the sampler back,
would carry it past the codes. There is no prior of the codes.
"""

from collections.abc import Iterator
from itertools import pairwise
from typing import Literal

import torch
from jaxtyping import Float
from pydantic import Field
from pydantic.dataclasses import dataclass
from torch import Tensor

from vdsm.config import STRICT
from vdsm.device import autocast, frames_at_once, full_float32, use_bf16
from vdsm.errors import InputError
from vdsm.methods.checks import check_codes, require_frames
from vdsm.methods.diffsda.networks import Denoiser, Encoder, Frames
from vdsm.methods.parts.verbs import SeesClips
from vdsm.methods.sampling import swap
from vdsm.notation import Codes, Video
from vdsm.protocol import device_of
from vdsm.words import counted

DATA = 0.5  # σ_data, the deviation of pixels in [-1, 1]
LOWEST, HIGHEST, CURVE = 0.002, 80.0, 7.0  # noise levels of the sampler, ρ
SEED = 0  # of the noise that frames are drawn from
CHUNK = 16  # clips encoded at a time

Levels = Float[Tensor, " N"]


@dataclass(frozen=True, config=STRICT)
class ModelConfig:
    """Sizes of DiffSDA."""

    size: Literal[32, 64, 128] = Field(default=64, description="side of a square frame, pixels")
    channels: Literal[1, 3] = Field(default=3, description="colour channels")
    width: int = Field(default=64, ge=1, description="channels of the U-Nets' outermost layer")
    blocks: int = Field(default=2, ge=1, description="blocks of the U-Nets at each resolution")
    hidden: int = Field(default=128, ge=1, description="width of the recurrent networks")
    identity_dim: int = Field(default=256, ge=1, description="dimensions of the static code s")
    pose_dim: int = Field(default=64, ge=1, description="dimensions of the code d_t of a frame")
    steps: int = Field(default=36, ge=1, description="noise levels of the sampler")


class DiffSDA(SeesClips):
    """The encoder of clips and the denoiser of frames."""

    method, title = "diffsda", "DiffSDA"
    precision: Literal["auto", "fp32", "bf16"] = "auto"

    def __init__(self, config: ModelConfig | None = None) -> None:
        super().__init__()
        self.config = c = config or ModelConfig()
        body = (c.channels, c.width, c.blocks)
        self.encoder = Encoder(c.size, *body, c.hidden, c.identity_dim, c.pose_dim)
        self.denoiser = Denoiser(*body, c.identity_dim + c.pose_dim)

    def denoised(self, x: Frames, sigma: Levels, codes: Float[Tensor, "N K"]) -> Frames:
        """D(x; σ, s, d_t): what is beneath the noise, in [-1, 1]."""
        both = sigma.square() + DATA**2
        skip, out, scale = DATA**2 / both, sigma * DATA / both.sqrt(), both.rsqrt()
        skip, out, scale = (c[:, None, None, None] for c in (skip, out, scale))
        found: Tensor = skip * x + out * self.denoiser(scale * x, sigma.log() / 4, codes)
        return found

    def levels(self) -> list[float]:
        """Noise levels from the highest to 0: evenly spaced in σ^(1/ρ)."""
        ends = HIGHEST ** (1 / CURVE), LOWEST ** (1 / CURVE)
        n = self.config.steps
        shares = (i / max(n - 1, 1) for i in range(n))
        return [(ends[0] + share * (ends[1] - ends[0])) ** CURVE for share in shares] + [0.0]

    def sampled(self, codes: Float[Tensor, "N K"], noise: Frames) -> Frames:
        """Frames by Heun's method down the levels; noise: of deviation 1."""
        x = noise * HIGHEST
        for high, low in pairwise(self.levels()):
            slope = self._slope(x, high, codes)
            ahead = x + (low - high) * slope
            if low:
                slope = (slope + self._slope(ahead, low, codes)) / 2
            x = x + (low - high) * slope
        return x

    def _slope(self, x: Frames, sigma: float, codes: Float[Tensor, "N K"]) -> Frames:
        """dx/dσ."""
        level = torch.full((len(x),), sigma, device=x.device).to(x)
        return (x - self.denoised(x, level, codes)) / sigma

    # -- verbs ------------------------------------------------------------------------------------

    @torch.no_grad()
    @full_float32()
    def encode(self, clips: Tensor) -> Codes:
        """Codes of clips [B, T, C, H, W] in [0, 1]: s [B, S], d [B, 0], z [B, T, Z]."""
        self.check(clips)
        like = next(self.parameters())
        parts = [self.encoder(2 * x.to(like) - 1) for x in torch.split(clips, CHUNK)]
        return Codes.cat([Codes(s, s[:, :0], z) for s, z in parts])

    def encode_and_sample(
        self, clips: Tensor, generator: torch.Generator | None = None
    ) -> tuple[Codes, Codes]:
        """`encode(clips)` twice: codes are certain."""
        codes = self.encode(clips)
        return codes, codes

    @torch.no_grad()
    def decode(self, codes: Codes, frames: int | None = None) -> Video:
        """Frames of codes, [B, frames, C, H, W] in [0, 1], each from the same noise.

        InputError for more frames than there are codes.
        """
        require_frames(frames)
        c, length = self.config, codes.z.shape[1]
        check_codes(codes, (c.identity_dim, 0, c.pose_dim))
        if (frames or 1) > length:
            raise InputError(
                f"DiffSDA has codes of {counted(length, 'frame')}, and no prior to go on to "
                f"{frames}: give more of the action (vdsm swap --window), or ask for no more"
            )
        device = device_of(self)
        with autocast(device, use_bf16(self.precision, device, dtype=codes.z.dtype)):
            drawn = torch.cat(list(self._drawn(codes, frames or length)))
        return drawn.view(len(codes), -1, *drawn.shape[1:])

    def _drawn(self, codes: Codes, frames: int) -> Iterator[Frames]:
        """Some frames at a time."""
        like, c = next(self.parameters()), self.config
        z = codes.z[:, :frames].to(like)
        both = torch.cat([codes.s.to(like)[:, None].expand(-1, frames, -1), z], -1).flatten(0, 1)
        seeded = torch.Generator().manual_seed(SEED)
        noise = torch.randn(1, c.channels, c.size, c.size, generator=seeded).to(like)
        for some in torch.split(both, frames_at_once(c.size, like.device)):
            made = self.sampled(some, noise.expand(len(some), -1, -1, -1))
            yield ((made + 1) / 2).clamp(0, 1)

    def swap(self, identity: Tensor, action: Tensor, frames: int | None = None) -> Video:
        """s of one clip, d_t of the other, decoded: [B, frames, C, H, W]."""
        return swap(self, identity, action, frames)


MODEL_CONFIG, MODEL = ModelConfig, DiffSDA
