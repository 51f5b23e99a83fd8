"""VDSM: the generative and the inference model of the paper's Figs. 3 and 4, and what users do.

p(x_1:T, s, d, z_1:T) = p(s) p(d) p(z_1) Π_t p(x_t | s, z_t) Π_t>1 p(z_t | z_{t-1}, d)   Eq. 1
q(s, d, z_1:T | x_1:T) = q(s | x_1:T) q(d | x_1:T) Π_t q(z_t | z_{t-1}, x_1:T, d)        Eq. 2
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from numbers import Integral
from pathlib import Path
from typing import Literal, get_args

import torch
from jaxtyping import Float
from torch import Tensor, nn

from vdsm.config import ModelConfig
from vdsm.device import autocast, frames_at_once, full_float32, use_bf16
from vdsm.errors import InputError
from vdsm.model.aggregate import Aggregate
from vdsm.model.combiner import Combiner
from vdsm.model.decoder import MixtureDecoder
from vdsm.model.dynamics import DynamicsDecoder, DynamicsPosterior
from vdsm.model.encoder import FrameEncoder
from vdsm.model.flow import InverseAutoregressiveFlow
from vdsm.model.identity import IdentityPosterior
from vdsm.model.likelihood import FrameDensity
from vdsm.model.pose import FramePose
from vdsm.model.transition import Transition
from vdsm.notation import Codes, Dynamics, Gaussian, Identity, Pose, Video, full
from vdsm.words import counted

CHUNK = 32  # clips encoded at a time; their frames pass in pieces (`frames_at_once`)
Density = Literal["fitted", "standard"]
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


class VDSM(nn.Module):
    """The whole model. Parts are named as in the paper; `docs/model.md` maps every symbol.

    Weights are float32, or float64 after `.double()`; half of that is not for weights (`.half()`,
    `.bfloat16()`), but for drawing alone, which `precision` says.
    """

    sharpness: Tensor
    # Of decode, swap and generate; "auto" draws in bfloat16 where the machine is faster at it.
    # Not part of the weights: model.precision = "fp32" holds for this object alone.
    precision: Literal["auto", "fp32", "bf16"] = "auto"

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
        self.identity_aggregate = Aggregate(config.identity_dim)
        self.dynamics_aggregate = Aggregate(config.dynamics_dim)
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
        """q(z_1:T | d), and z_1:T drawn from it (or its `mean`) one after the other.

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
        """p(z_1), and p(z_t | z_{t-1}, d) for all t > 1 at once."""
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

    # -- use --------------------------------------------------------------------------------------

    @torch.no_grad()
    @full_float32()
    def encode(self, clips: Tensor) -> Codes:
        """Posterior means of clips [B, T, C, H, W] in [0, 1]; T >= 1, a single frame will do.

        Returns s [B, κ_s], d [B, κ_d], z [B, T, κ_z]. Directions of s and d that carry nothing are
        constant, and with `separation.denoise` the others are without noise
        (`vdsm.model.aggregate`).
        """
        self._check(clips)
        # In float32 whatever `precision` says: codes are measured, frames are looked at.
        return _join(self._encode(x) for x in torch.split(clips, CHUNK))

    @torch.no_grad()
    @full_float32()
    def encode_and_sample(
        self, clips: Tensor, generator: torch.Generator | None = None
    ) -> tuple[Codes, Codes]:
        """`encode(clips)` and, of the same shapes, a sample of q(s, d, z_1:T | x_1:T) (Eq. 2).

        s and d of the sample read as every code does (`vdsm.model.aggregate`). InputError as
        for `encode`.
        """
        self._check(clips)
        parts = [self._encode_and_sample(x, generator) for x in torch.split(clips, CHUNK)]
        means, samples = zip(*parts, strict=True)
        return _join(iter(means)), _join(iter(samples))

    def _encode(self, x: Video) -> Codes:
        return self._means(*self.features(x.to(self.z_start)))

    def _encode_and_sample(
        self, x: Video, generator: torch.Generator | None
    ) -> tuple[Codes, Codes]:
        features, who = self.features(x.to(self.z_start))
        q_d = self.dynamics(self.frame_pose(features).loc)
        s = self.identity_aggregate.keep(self.identity(who).sample(generator))
        d = self.dynamics_aggregate.keep(q_d.sample(generator))
        z = self.infer_poses(d, features.shape[1], generator).z
        return self._means(features, who), Codes(s, d, z)

    def _means(self, features: Features, who: Features) -> Codes:
        s = self.identity_aggregate.keep(self.identity(who).loc)
        d = self.dynamics_aggregate.keep(self.dynamics(self.frame_pose(features).loc).loc)
        return Codes(s, d, self.infer_poses(d, features.shape[1], mean=True).z)

    @torch.no_grad()
    @full_float32()
    def encode_frames(self, clips: Tensor) -> Codes:
        """Codes of frames in no order, as in stage 1: z_t from x_t by itself, d all zero (Fig. 8).

        Where stage 2 trains the last layer before q(z_t | x_t), as in the paper (Sec. 3.2), it
        does so for q(d) alone, and these z are no longer quite what stage 1 drew from.
        """
        self._check(clips)
        return _join(self._encode_frames(x) for x in torch.split(clips, CHUNK))

    def _encode_frames(self, x: Video) -> Codes:
        features, who = self.features(x.to(self.z_start))
        q = self.infer_frames(features, who=who)
        return Codes(self.identity_aggregate.keep(q.s.loc), q.codes.d, q.poses.q.loc)

    @torch.no_grad()
    def decode(
        self, codes: Codes, frames: int | None = None, by: Continuation = "dynamics"
    ) -> Video:
        """Mean frames [B, frames, C, H, W] in [0, 1]; beyond T z goes on as `continue_poses` says.

        On the model's device, though drawn in bfloat16 where `precision` says so: within a few
        1/255. InputError for codes of another model's sizes, of unequal numbers, or no frames.
        """
        self._check_codes(codes)
        frames = codes.z.shape[1] if frames is None else frames
        if not isinstance(frames, Integral) or frames < 1:
            raise InputError(f"frames is {frames!r}: ask for a whole number of at least 1")
        s, d, z = (code.to(self.z_start) for code in (codes.s, codes.d, codes.z))
        z = self.continue_poses(z, d, frames, None, True, by)
        with autocast(z.device, use_bf16(self.precision, z.device)):
            return self._draw(s, d, z)

    def _draw(self, s: Identity, d: Dynamics, z: Pose) -> Video:
        """Mean frames, of as many at once as suit the machine."""
        some = frames_at_once(self.config.size, z.device)
        clips = max(1, some // z.shape[1])
        drawn = []
        for who, what, poses in zip(*(torch.split(x, clips) for x in (s, d, z)), strict=True):
            parts = [Codes(who, what, part) for part in torch.split(poses, some, 1)]
            drawn.append(torch.cat([self.likelihood(part).mean for part in parts], 1))
        return torch.cat(drawn)

    def swap(self, identity: Tensor, action: Tensor, frames: int | None = None) -> Video:
        """The person of `identity` doing the action of `action`, [B, frames, C, H, W].

        Both are clips [B, T, C, H, W] in [0, 1], T of each its own; without `frames` as long as
        the action's. InputError where they are not equally many, or not such clips.
        """
        self._check(identity)
        self._check(action)
        if len(identity) != len(action):
            raise InputError(f"{len(identity)} identity clips but {len(action)} action clips")
        who, what = self.encode(identity), self.encode(action)
        return self.decode(Codes(who.s, what.d, what.z), frames)

    @torch.no_grad()
    def generate(
        self,
        num: int,
        frames: int,
        generator: torch.Generator | None = None,
        given: Tensor | None = None,
        density: Density = "fitted",
    ) -> Video:
        """Sample `num` clips of `frames` frames, [num, frames, C, H, W] in [0, 1].

        With `given` clips [1 or num, T, C, H, W], s, d and z_1 are theirs (Sec. 3.2, Testing); a
        single frame (T = 1) gives s and z_1, and d is sampled. What is sampled comes from the
        densities fitted to the training clips' codes and from d unrolled; with density
        "standard", or before training has ended, from the paper's p(s), p(d), p(z_1), p(z_t | ...).
        """
        require_some(num, frames)
        if density not in get_args(Density):
            raise InputError(f"density is '{density}': it is {' or '.join(get_args(Density))}")
        d, z_first = self.sample_dynamics(num, generator, density)
        if given is None:
            s = self.sample_identity(num, generator, density)
        else:
            codes = self._given(given, num)
            s = codes.s
            if given.shape[1] > 1:
                d, z_first = codes.d, codes.z[:, 0]
            else:
                z_first = self.encode_frames(given).z[:, 0].expand(num, -1)
        fitted = density == "fitted" and self.dynamics_aggregate.fitted
        by: Continuation = "dynamics" if fitted else "transition"
        z = self.continue_poses(z_first[:, None], d, frames, generator, False, by)
        return self.decode(Codes(s, d, z))

    def _given(self, clips: Tensor, num: int) -> Codes:
        """Codes of `num` clips, or of one clip `num` times."""
        self._check(clips)
        if len(clips) not in (1, num):
            raise InputError(f"{len(clips)} given clips for {num} to generate: give 1 or {num}")
        codes = self.encode(clips)
        s, d, z = (code.expand(num, *code.shape[1:]) for code in (codes.s, codes.d, codes.z))
        return Codes(s, d, z)

    def sample_identity(
        self, num: int, generator: torch.Generator | None = None, density: Density = "fitted"
    ) -> Float[Tensor, "{num} S"]:
        """Identities of nobody: from the fitted density of s, or from p(s).

        A mixture of Gaussians also gives what lies between individuals, which is drawn as a blend
        of some. With `identity_walks` what comes from it is drawn as a frame and encoded, so many
        times: an alternation of p(x | s) and q(s | x), by their means (Bengio et al. 2013,
        "walkback"; Rezende et al. 2014, App. F). Where the model draws individuals sharply, that
        moves a blend to somebody; where it does not, everybody to the average.

        What is drawn from p(s) reads as every s does (`vdsm.model.aggregate`): where s keeps some
        directions alone, no clip's code differs in the others, and nobody who does was ever drawn.
        """
        if density == "standard" or not self.identity_aggregate.fitted:
            return self.identity_aggregate.keep(self.identity_prior(num).sample(generator))
        s = self.identity_aggregate.sample(num, generator)
        for _ in range(self.config.identity_walks):
            d, z_first = self.sample_dynamics(num, generator, density)
            s = self.encode_frames(self.decode(Codes(s, d, z_first[:, None]))).s
        return s

    def sample_dynamics(
        self, num: int, generator: torch.Generator | None = None, density: Density = "fitted"
    ) -> tuple[Float[Tensor, "{num} D"], Float[Tensor, "{num} Z"]]:
        """d and z_1: from the fitted density of d, or from p(d) p(z_1), d read as every d is."""
        if density == "fitted" and self.dynamics_aggregate.fitted:
            d = self.dynamics_aggregate.sample(num, generator)
            return d, self.infer_poses(d, 1, generator).z[:, 0]
        first = self._isotropic(num, self.config.pose_dim, 1.0)
        d = self.dynamics_aggregate.keep(self.dynamics_prior(num).sample(generator))
        return d, first.sample(generator)

    def _check(self, clips: Tensor) -> None:
        c = self.config
        if not isinstance(clips, Tensor):
            kind = type(clips).__name__
            raise InputError(f"clips are a {kind}: give a tensor (torch.from_numpy makes one)")
        if clips.ndim != 5 or tuple(clips.shape[2:]) != (c.channels, c.size, c.size):
            raise InputError(
                f"clips have shape {tuple(clips.shape)}: this model takes "
                f"[B, T, {c.channels}, {c.size}, {c.size}]"
            )
        if clips.shape[0] < 1 or clips.shape[1] < 1:
            raise InputError(
                f"clips have shape {tuple(clips.shape)}: give at least 1 clip, 1 frame"
            )
        if clips.is_floating_point() and clips.isnan().any():
            raise InputError("clips hold values that are no numbers: see how they were made")
        if not clips.is_floating_point() or not (clips.min() >= 0 and clips.max() <= 1):
            raise InputError("clips must be floating point in [0, 1]: divide 8-bit frames by 255")

    def _check_codes(self, codes: Codes) -> None:
        c = self.config
        for name, dims in (("s", 2), ("d", 2), ("z", 3)):
            code = getattr(codes, name, None)
            if not isinstance(code, Tensor) or code.ndim != dims or 0 in code.shape:
                kind = tuple(code.shape) if isinstance(code, Tensor) else type(code).__name__
                wanted = "[B, T, κ_z]" if name == "z" else f"[B, κ_{name}]"
                raise InputError(f"code {name} is {kind}: give a tensor {wanted}, as encode does")
            if not code.isfinite().all():
                raise InputError(f"code {name} is not finite: see how it was made")
        found = (codes.s.shape[-1], codes.d.shape[-1], codes.z.shape[-1])
        sizes = (c.identity_dim, c.dynamics_dim, c.pose_dim)
        if found != sizes:
            raise InputError(f"codes s, d, z have {found} dimensions: this model takes {sizes}")
        if not len(codes.s) == len(codes.d) == len(codes.z):
            raise InputError(
                f"codes s, d, z are of {len(codes.s)}, {len(codes.d)}, {len(codes.z)} clips: "
                "give as many of each"
            )

    # -- weights ----------------------------------------------------------------------------------

    @classmethod
    def from_pretrained(cls, folder: str | Path) -> "VDSM":
        """A model from a folder with model.safetensors and config.json, such as a run.

        A name without a folder of that name is one of the models that come with the package.
        """
        from vdsm.pretrained import load
        from vdsm.weights import find

        config, tensors = load(find(folder))
        model = cls(config)
        try:
            model.load_weights(tensors)
        except RuntimeError as error:
            raise InputError(
                f"the weights in {folder} are not of the sizes that its config.json states: "
                "copy both files again"
            ) from error
        return model.eval()

    def load_weights(self, tensors: Mapping[str, Tensor]) -> None:
        """Set every weight. Raises RuntimeError where names or sizes differ."""
        self.load_state_dict(dict(tensors))

    def save_pretrained(self, folder: str | Path, dtype: torch.dtype | None = None) -> None:
        """Write model.safetensors (with a checksum) and config.json.

        dtype: torch.bfloat16 halves the size; such weights are read back as float32.
        """
        from vdsm.pretrained import save

        save(self.config, self.state_dict(), Path(folder), dtype)


def require_some(num: int, frames: int) -> None:
    """InputError where nothing is asked for."""
    for name, value in (("num", num), ("frames", frames)):
        if not isinstance(value, Integral):
            raise InputError(f"{name} is {value!r}: give a whole number")
    if num < 1 or frames < 1:
        asked = f"{counted(num, 'clip')} of {counted(frames, 'frame')}"
        raise InputError(f"asked for {asked}: both must be at least 1")


def _join(parts: Iterator[Codes]) -> Codes:
    s, d, z = zip(*((c.s, c.d, c.z) for c in parts), strict=True)
    return Codes(torch.cat(s), torch.cat(d), torch.cat(z))
