"""MonkeyNet (Siarohin et al., CVPR 2019): a frame animated by the movement of learned keypoints.

Δ finds keypoints of a frame, means h_k and covariances Σ_k.
M turns their movement from one frame to another into a dense optical flow.
G draws the other frame: features of the one, warped by the flow, with the keypoints' difference.

A clip is swapped by moving the keypoints of the identity's first frame as those of the action have
moved since its first frame (Eq. 7), or to where those are, as the paper has it of MGif. It has no
code of who, and no prior: it draws what it is shown.
"""

from typing import Literal

import torch
from jaxtyping import Float
from pydantic import Field
from pydantic.dataclasses import dataclass
from torch import Tensor, nn

from vdsm.config import STRICT
from vdsm.device import autocast, frames_at_once, full_float32, use_bf16
from vdsm.errors import InputError
from vdsm.methods.checks import require_frames
from vdsm.methods.monkeynet.keypoints import Frames, Keypoints, gaussians, moved
from vdsm.methods.monkeynet.networks import Critic, DenseMotion, Detector, Generator, widths
from vdsm.methods.parts.verbs import SeesClips
from vdsm.notation import Codes, Video
from vdsm.protocol import device_of
from vdsm.words import counted

UPPER = (0, 0), (0, 1), (1, 1)  # the numbers of a covariance that differ


@dataclass(frozen=True, config=STRICT)
class ModelConfig:
    """Sizes of MonkeyNet."""

    size: Literal[32, 64, 128] = Field(default=64, description="side of a square frame, pixels")
    channels: Literal[1, 3] = Field(default=3, description="colour channels")
    keypoints: int = Field(default=10, ge=1, description="keypoints K of a frame")
    width: int = Field(default=32, ge=1, description="channels of the networks' outermost layer")
    most: int = Field(default=512, ge=1, description="channels of a layer at most")
    halvings: int = Field(default=5, ge=1, description="times that the U-Nets halve a frame")
    refinements: int = Field(default=4, ge=0, description="residual blocks before the last layer")
    critic_most: int = Field(default=256, ge=1, description="channels of the critic at most")
    temperature: float = Field(default=0.1, gt=0, description="of the softmax of heat maps")
    transfer: Literal["relative", "absolute"] = Field(
        default="relative",
        description="in a swap keypoints move as the action's have since its first frame, or are "
        "where these are, for actions that are aligned with whom they are given to",
    )
    alpha: float = Field(default=100.0, gt=0, description="what keypoints' Gaussians are over, α")


class MonkeyNet(SeesClips):
    """Δ, M and G, and the critic that taught them."""

    method, title = "monkeynet", "MonkeyNet"
    precision: Literal["auto", "fp32", "bf16"] = "auto"

    def __init__(self, config: ModelConfig | None = None) -> None:
        super().__init__()
        self.config = c = config or ModelConfig()
        body = (c.channels, widths(c.width, c.most, c.halvings), c.width, c.keypoints)
        self.detector = Detector(*body, c.temperature)
        self.motion = DenseMotion(*body)
        self.generator = Generator(*body, c.refinements)
        self.critic = Critic(c.size, c.channels + c.keypoints, c.width, c.critic_most)

    @property
    def drawing(self) -> list[nn.Module]:
        """What draws."""
        return [self.detector, self.motion, self.generator]

    def maps(self, points: Keypoints) -> Float[Tensor, "N K H W"]:
        """H, the keypoints' Gaussians."""
        return gaussians(points, self.config.size, self.config.alpha)

    def draw(self, frame: Frames, source: Keypoints, target: Keypoints) -> Frames:
        """The frame, whose keypoints are `source`, as it is with its keypoints at `target`."""
        difference = self.maps(target) - self.maps(source)
        flow = self.motion(frame, difference, source, target)
        drawn: Tensor = self.generator(frame, flow, difference)
        return drawn

    def points(self, frames: Frames) -> Keypoints:
        """Keypoints of frames [N, C, H, W], some at a time."""
        parts = [self.detector(x) for x in torch.split(frames, self._at_once())]
        pairs = zip(*((p.mean, p.covariance) for p in parts), strict=True)
        return Keypoints(*(torch.cat(part) for part in pairs))

    # -- verbs ------------------------------------------------------------------------------------

    @torch.no_grad()
    @full_float32()
    def encode(self, clips: Tensor) -> Codes:
        """What a swap takes of the action: z_t = [h_t - h_1, Σ_t], 5 numbers a keypoint.

        By absolute transfer the first are h_t. Of who it has no code: s [B, 0], d [B, 0].
        """
        self.check(clips)
        x = clips.to(next(self.parameters()))
        found = self.points(x.flatten(0, 1))
        mean = found.mean.view(*x.shape[:2], -1)
        upper = torch.stack([found.covariance[:, :, i, j] for i, j in UPPER], -1)
        if self.config.transfer == "relative":
            mean = mean - mean[:, :1]
        z = torch.cat([mean, upper.view(*x.shape[:2], -1)], -1)
        return Codes(z.new_zeros(len(z), 0), z.new_zeros(len(z), 0), z)

    def encode_and_sample(
        self, clips: Tensor, generator: torch.Generator | None = None
    ) -> tuple[Codes, Codes]:
        """`encode(clips)` twice: nothing is drawn."""
        codes = self.encode(clips)
        return codes, codes

    @torch.no_grad()
    def swap(self, identity: Tensor, action: Tensor, frames: int | None = None) -> Video:
        """The first frame of `identity` moved as `action` moves, [B, frames, C, H, W].

        InputError for more frames than the action has, or not as many clips of both.
        """
        for clips in (identity, action):
            self.check(clips)
        require_frames(frames)
        length = action.shape[1]
        if len(identity) != len(action):
            raise InputError(f"{len(identity)} identity clips but {len(action)} action clips")
        if (frames or 1) > length:
            raise InputError(
                f"MonkeyNet moves as the action's clip does, which has {counted(length, 'frame')}, "
                f"not {frames}: give more of it (vdsm swap --window), or ask for no more"
            )
        device, like = device_of(self), next(self.parameters())
        first, driving = identity[:, 0].to(like), action[:, : frames or length].to(like)
        with autocast(device, use_bf16(self.precision, device, dtype=like.dtype)):
            return self._animated(first, driving)

    def _animated(self, first: Frames, driving: Video) -> Video:
        b, t = driving.shape[:2]
        source = self.points(first)
        moving = self.points(driving.flatten(0, 1))
        each = torch.arange(b, device=first.device).repeat_interleave(t)
        start = torch.arange(b, device=first.device).repeat_interleave(t) * t
        here, there = source[each], moving
        if self.config.transfer == "relative":
            here, there = moved(here, moving, moving[start])
        rows = torch.split(torch.arange(b * t, device=first.device), self._at_once())
        drawn = [self.draw(first[each[r]], here[r], there[r]) for r in rows]
        return torch.cat(drawn).view(b, t, *first.shape[1:])

    def _at_once(self) -> int:
        return frames_at_once(self.config.size, device_of(self))


MODEL_CONFIG, MODEL = ModelConfig, MonkeyNet
