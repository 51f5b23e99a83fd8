"""The generative and the inference model: the paper's Figs. 3 and 4.

p(x_1:T, s, d, z_1:T) = p(s) p(d) p(z_1) Π_t p(x_t | s, z_t) Π_t>1 p(z_t | z_{t-1}, d)   Eq. 1
q(s, d, z_1:T | x_1:T) = q(s | x_1:T) q(d | x_1:T) Π_t q(z_t | z_{t-1}, x_1:T, d)        Eq. 2
"""

from dataclasses import dataclass
from typing import Literal, get_args

import torch
from jaxtyping import Float
from torch import Tensor, nn

from vdsm.device import full_float32
from vdsm.errors import InputError
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

    sharpness: Tensor

    def __init__(self, config: ModelConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or ModelConfig()
        self.encoder = FrameEncoder(config)
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
        self.register_buffer("sharpness", torch.tensor(1.0))  # 1 / τ_s, set by the schedule

    # -- inference model, Eq. 2 -------------------------------------------------------------------

    def features(
        self,
        x: Video,
        seen: Video | None = None,
        reference: Float[Tensor, "B M C H W"] | None = None,
    ) -> tuple[Features, Float[Tensor, "B M F"]]:
        """What q(z) and q(d) see, and what q(s) sees: x, or `seen` and `reference` instead."""
        what = self.encoder(x if seen is None else seen)
        if self.identity.encoder is None and seen is None and reference is None:
            return what, what
        return what, self.identity_features(x if reference is None else reference)

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
        context = self.combiner.context(self.dynamics_decoder(d, frames), d)
        z_prev = self.z_start.expand(len(d), -1)
        steps: list[tuple[Gaussian, Tensor, Tensor]] = []
        log_dets: list[Tensor] = []
        for h_t in context.unbind(1):
            q_t = self.combiner.step(z_prev, h_t)
            base = z_prev = q_t.loc if mean else q_t.sample(generator)
            if self.flow is not None:
                z_prev, log_det = self.flow(base, h_t)
                log_dets.append(log_det)
            steps.append((q_t, z_prev, base))
        q_z, z, z_base = zip(*steps, strict=True)
        return Poses(
            Gaussian(torch.stack([q.loc for q in q_z], 1), torch.stack([q.scale for q in q_z], 1)),
            torch.stack(z, 1),
            torch.stack(z_base, 1),
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
        later = self.transition(z[:, :-1], d[:, None].expand(-1, z.shape[1] - 1, -1))
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
        logits = full(self.decoder(codes.s, codes.z, self.sharpness))
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
        steps = list(z.unbind(1))
        if by == "dynamics" and frames > len(steps):
            context = self.combiner.context(self.dynamics_decoder(d, frames), d)
            for h_t in context[:, len(steps) :].unbind(1):
                q_t = self.combiner.step(steps[-1], h_t)
                z_t = q_t.loc if mean else q_t.sample(generator)
                steps.append(z_t if self.flow is None else self.flow(z_t, h_t)[0])
        for _ in range(frames - len(steps)):
            p_t = self.transition(steps[-1], d)
            steps.append(p_t.loc if mean else p_t.sample(generator))
        return torch.stack(steps[:frames], 1)
