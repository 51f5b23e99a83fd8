"""The generative and the inference model: the paper's Figs. 3 and 4.

p(x_1:T, s, d, z_1:T) = p(s) p(d) p(z_1) Π_t p(x_t | s, z_t) Π_t>1 p(z_t | z_{t-1}, d)   Eq. 1
q(s, d, z_1:T | x_1:T) = q(s | x_1:T) q(d | x_1:T) Π_t q(z_t | z_{t-1}, x_1:T, d)        Eq. 2
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import torch
from jaxtyping import Float
from torch import Tensor, nn

from vdsm.device import full_float32
from vdsm.errors import InputError
from vdsm.methods.vdsm.additions.strided import StridedEncoder
from vdsm.methods.vdsm.combiner import Combiner
from vdsm.methods.vdsm.config import ModelConfig
from vdsm.methods.vdsm.decoder import MixtureDecoder
from vdsm.methods.vdsm.dynamics import DynamicsDecoder, DynamicsPosterior
from vdsm.methods.vdsm.encoder import FrameEncoder
from vdsm.methods.vdsm.flow import InverseAutoregressiveFlow
from vdsm.methods.vdsm.identity import IdentityPosterior
from vdsm.methods.vdsm.likelihood import FrameDensity
from vdsm.methods.vdsm.pose import FramePose
from vdsm.methods.vdsm.transition import Transition
from vdsm.notation import Codes, Dynamics, Gaussian, Pose, Video, full

Continuation = Literal["dynamics", "transition"]
Features = Float[Tensor, "B T F"]
PoseNow = Float[Tensor, "*rows Z"]  # z_{t-1} of one step [B, Z], or of all at once [B, T, Z]
Flow = InverseAutoregressiveFlow
Step = Callable[[PoseNow, Tensor], tuple[Gaussian, Flow | None]]


@dataclass(frozen=True)
class Poses:
    """q(z_1:T), and what was drawn from it."""

    q: Gaussian  # [B, T, Z], each given the z_{t-1} drawn; with a flow, the density before it
    z: Pose  # the sample, or the mean
    base: Pose  # z before the flow; without one, the same
    log_det: Float[Tensor, "B T"] | None  # log |det dz/dbase|; None without a flow


@dataclass(frozen=True)
class Posterior:
    """q, with the samples drawn from it. Given its samples, each density is a Gaussian."""

    s: Gaussian  # [B, S]
    d: Gaussian | None  # [B, D]; None in stage 1, which has no dynamics
    poses: Poses
    codes: Codes  # the samples


@dataclass(frozen=True)
class Prior:
    """p of the latents, given the posterior's samples."""

    s: Gaussian
    d: Gaussian
    z: Gaussian


class StateSpaceModel(nn.Module):
    """p and q of clips. Parts are named as in the paper; `docs/model.md` maps every symbol."""

    inverse_temperature: Tensor
    # Dimensions of z that stage 1 has opened (additions.opening).
    poses_open: float | Tensor = math.inf

    def __init__(self, config: ModelConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or ModelConfig()
        self.encoder = (
            StridedEncoder(config) if config.encoder == "strided" else FrameEncoder(config)
        )
        self.identity = IdentityPosterior(config)
        self.frame_pose = FramePose(config)
        self.dynamics = DynamicsPosterior(config)
        self.dynamics_decoder = DynamicsDecoder(config)
        self.combiner = Combiner(config)
        self.transition = Transition(config)
        self.decoder = MixtureDecoder(config)
        self.flow = (
            InverseAutoregressiveFlow(config.flow_steps, config.pose_dim, config.combiner_hidden)
            if config.flow_steps
            else None
        )
        self.z_start = nn.Parameter(torch.zeros(config.pose_dim))  # z_0 of q(z_1 | z_0, ...)
        self.register_buffer("inverse_temperature", torch.tensor(1.0))  # 1 / τ_s, of the schedule

    # -- inference model, Eq. 2 -------------------------------------------------------------------

    def features(self, x: Video) -> tuple[Features, Features]:
        """ENC(x_t), as q(z) and q(d) see it, and as q(s) does."""
        what: Features = self.encoder(x)
        return what, what if self.identity.encoder is None else self.identity_features(x)

    def identity_features(self, x: Video) -> Features:
        """ENC(x_t) for q(s), by the encoder of all or one of its own."""
        encoder = self.encoder if self.identity.encoder is None else self.identity.encoder
        features: Features = encoder(x)
        return features

    def infer_identity(self, x: Video) -> Gaussian:
        """q(s | x_1:T) alone."""
        q: Gaussian = self.identity(self.identity_features(x))
        return q

    def infer_dynamics(self, x: Video) -> Gaussian:
        """q(d | x_1:T) alone."""
        q: Gaussian = self.dynamics(self.infer_frame_poses(x).loc)
        return q

    def infer_frame_poses(self, x: Video) -> Gaussian:
        """q(z_t | x_t) alone, of each frame by itself (Eq. 7)."""
        q: Gaussian = self.frame_pose(self.encoder(x))
        return q

    def infer(
        self,
        features: Features,
        generator: torch.Generator | None = None,
        who: Float[Tensor, "B M F"] | None = None,
    ) -> Posterior:
        """q(s, d, z_1:T | x_1:T) and a sample, from the features of a clip's frames in order.

        `who`: the features that q(s) sees, where they are others (`features` gives both).
        """
        # Who: pooled over frames.
        q_s = self.identity(features if who is None else who)
        s = q_s.sample(generator)

        # What they do: the last hidden states of the bi-LSTM.
        q_d = self.dynamics(self.frame_pose(features).loc)
        d = q_d.sample(generator)

        # How they stand: d unrolled, then combined with the previous pose, step by step.
        found = self.infer_poses(d, features.shape[1], generator)
        return Posterior(q_s, q_d, found, Codes(s, d, found.z))

    def infer_frames(
        self,
        features: Features,
        generator: torch.Generator | None = None,
        who: Float[Tensor, "B M F"] | None = None,
    ) -> Posterior:
        """q(s | x_1:T) Π_i q(z_i | x_i) and a sample: stage 1, frames in no order (Eq. 7)."""
        q_s = self.identity(features if who is None else who)
        q_z = self.frame_pose(features)
        s, z = q_s.sample(generator), q_z.sample(generator)
        d = s.new_zeros(len(s), self.config.dynamics_dim)
        return Posterior(q_s, None, Poses(q_z, z, z, None), Codes(s, d, z))

    def infer_poses(
        self, d: Dynamics, frames: int, generator: torch.Generator | None = None, mean: bool = False
    ) -> Poses:
        """q(z_1:T | d), and z_1:T drawn from it (or its `mean`) one after the other (Eq. 5).

        x enters through d alone: h̄_1:T is a function of d (Sec. 3.1).
        """
        z_0 = self.z_start.expand(len(d), -1)
        return self.scan(self.posterior_step, z_0, self.context(d, frames), generator, mean)

    def context(self, d: Dynamics, frames: int) -> list[Tensor]:
        """ĥ_t = {h̄_t, d} for every t: d unrolled (Eq. 5)."""
        h_bar = self.dynamics_decoder(d, frames)
        return list(self.combiner.context(h_bar, d).unbind(1))

    def posterior_step(self, z_prev: PoseNow, h_t: Tensor) -> tuple[Gaussian, Flow | None]:
        """q(z_t | z_{t-1}, h̄_t, d), and the flow that what is drawn passes through (Eq. 5)."""
        return self.combiner.step(z_prev, h_t), self.flow

    def prior_step(self, z_prev: PoseNow, d: Tensor) -> tuple[Gaussian, Flow | None]:
        """p(z_t | z_{t-1}, d) (Eq. 6)."""
        return self.transition(z_prev, d), None

    def scan(
        self,
        step: Step,
        z: PoseNow,
        given: Sequence[Tensor],
        generator: torch.Generator | None,
        mean: bool,
    ) -> Poses:
        """z_t after z_{t-1} by one step function, of the posterior or of the prior, from z on.

        given: what each step takes beside z_{t-1}.
        """
        densities, drawn, bases, log_dets = [], [], [], []
        for more in given:
            q_t, flow = step(z, more)
            base = z = q_t.loc if mean else q_t.sample(generator)
            if flow is not None:
                z, log_det = flow(base, more)
                log_dets.append(log_det)
            densities.append(q_t)
            drawn.append(z)
            bases.append(base)
        return Poses(
            Gaussian(
                torch.stack([q.loc for q in densities], 1),
                torch.stack([q.scale for q in densities], 1),
            ),
            torch.stack(drawn, 1),
            torch.stack(bases, 1),
            torch.stack(log_dets, 1) if log_dets else None,
        )

    # -- generative model, Eq. 1 ------------------------------------------------------------------

    def prior(self, codes: Codes) -> Prior:
        """p(s), p(d), and p(z_1:T | d) at the z drawn."""
        clips = len(codes.s)
        s, d = self.identity_prior(clips), self.dynamics_prior(clips)
        return Prior(s, d, self.pose_prior(codes.z, codes.d))

    def pose_prior(self, z: Pose, d: Dynamics) -> Gaussian:
        """p(z_1), and p(z_t | z_{t-1}, d) for all t > 1 at once (Eq. 6)."""
        first = Gaussian.standard(z[:, :1])
        later, _ = self.prior_step(z[:, :-1], d[:, None].expand(-1, z.shape[1] - 1, -1))
        return Gaussian(
            torch.cat([first.loc, later.loc], 1), torch.cat([first.scale, later.scale], 1)
        )

    def identity_prior(self, clips: int) -> Gaussian:
        """p(s) = N(0, 1/N_s), the second argument taken as a scale."""
        return self._isotropic(clips, self.config.identity_dim, 1 / self.config.num_experts)

    def dynamics_prior(self, clips: int) -> Gaussian:
        """p(d) = N(0, 1/κ_d), the second argument taken as a scale."""
        return self._isotropic(clips, self.config.dynamics_dim, 1 / self.config.dynamics_dim)

    def _isotropic(self, clips: int, dim: int, scale: float) -> Gaussian:
        loc = self.z_start.new_zeros(clips, dim)
        return Gaussian(loc, torch.full_like(loc, scale))

    def likelihood(self, codes: Codes) -> FrameDensity:
        """p(x_t | s, z_t) for every frame, [B, T]."""
        logits = full(self.decoder(codes.s, codes.z, self.inverse_temperature))
        return FrameDensity(logits, self.config.likelihood, self.config.gaussian_scale)

    @full_float32()
    def continue_poses(
        self,
        z: Pose,
        d: Dynamics,
        frames: int,
        generator: torch.Generator | None,
        mean: bool,
        by: Continuation = "dynamics",
    ) -> Float[Tensor, "B {frames} Z"]:
        """Extend z to `frames`, by samples or by means.

        by: "dynamics" unrolls d further, z_t ~ q(z_t | z_{t-1}, h̄_t, d), which sees no frame but
        through d (Eq. 5); "transition" is the prior's z_t ~ p(z_t | z_{t-1}, d) (Eq. 6).
        """
        if by not in get_args(Continuation):
            raise InputError(f"by is '{by}': z goes on by {' or by '.join(get_args(Continuation))}")
        more = frames - z.shape[1]
        if more <= 0:
            return z[:, :frames]
        step: Step = self.prior_step
        given = [d] * more
        if by == "dynamics":
            step, given = self.posterior_step, self.context(d, frames)[z.shape[1] :]
        return torch.cat([z, self.scan(step, z[:, -1], given, generator, mean).z], 1)
