"""VDSM as it is used: clips to codes and back, swaps, new clips; weights to and from a folder."""

from collections.abc import Mapping
from pathlib import Path
from typing import Literal, get_args

import torch
from jaxtyping import Float
from torch import Tensor

from vdsm.config import ModelConfig
from vdsm.device import autocast, frames_at_once, full_float32, use_bf16
from vdsm.errors import InputError
from vdsm.files import expanded
from vdsm.model.aggregate import Aggregate
from vdsm.model.checks import (
    check_clips,
    check_codes,
    check_weights,
    require_frames,
    require_generator,
    require_some,
)
from vdsm.model.state_space import Continuation, StateSpaceModel
from vdsm.notation import Codes, Dynamics, Gaussian, Identity, Pose, Video

CHUNK = 32  # clips encoded at a time; their frames pass in pieces (`frames_at_once`)
Density = Literal["fitted", "standard"]


class VDSM(StateSpaceModel):
    """The whole model, whose parts and densities are in `vdsm.model.state_space`.

    Weights are float32, or float64 after `.double()`; half of that is not for weights (`.half()`,
    `.bfloat16()`), but for drawing alone, which `precision` says.
    """

    # Of decode, swap and generate; "auto" draws in bfloat16 where the machine is faster at it.
    # Not part of the weights: model.precision = "fp32" holds for this object alone.
    precision: Literal["auto", "fp32", "bf16"] = "auto"

    def __init__(self, config: ModelConfig | None = None) -> None:
        if config is not None and not isinstance(config, ModelConfig):
            raise InputError(
                f"config is {config!r}: give a ModelConfig; VDSM.from_pretrained loads a model"
            )
        super().__init__(config)
        self.identity_aggregate = Aggregate(self.config.identity_dim)  # what training's s became
        self.dynamics_aggregate = Aggregate(self.config.dynamics_dim)

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
        return Codes.cat([self._encode(x) for x in torch.split(clips, CHUNK)])

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
        require_generator(generator)
        parts = [self._encode_and_sample(x, generator) for x in torch.split(clips, CHUNK)]
        means, samples = zip(*parts, strict=True)
        return Codes.cat(means), Codes.cat(samples)

    def _check(self, clips: Tensor) -> None:
        """InputError where these are no clips, or these weights none to compute with."""
        check_weights(self.z_start)
        check_clips(clips, self.config)

    def _encode(self, x: Video) -> Codes:
        q_s, q_d = self._who_and_what(x)
        return self._read(q_s.loc, q_d.loc, x.shape[1], mean=True)

    def _encode_and_sample(
        self, x: Video, generator: torch.Generator | None
    ) -> tuple[Codes, Codes]:
        q_s, q_d = self._who_and_what(x)
        means = self._read(q_s.loc, q_d.loc, x.shape[1], mean=True)
        s, d = q_s.sample(generator), q_d.sample(generator)
        return means, self._read(s, d, x.shape[1], generator)

    def _who_and_what(self, x: Video) -> tuple[Gaussian, Gaussian]:
        """q(s | x_1:T) and q(d | x_1:T)."""
        features, who = self.features(x.to(self.z_start))
        return self.identity(who), self.dynamics(self.frame_pose(features).loc)

    def _read(
        self,
        s: Identity,
        d: Dynamics,
        frames: int,
        generator: torch.Generator | None = None,
        mean: bool = False,
    ) -> Codes:
        """Codes as they read (`vdsm.model.aggregate`), and the poses that follow from d."""
        s, d = self.identity_aggregate.keep(s), self.dynamics_aggregate.keep(d)
        return Codes(s, d, self.infer_poses(d, frames, generator, mean).z)

    @torch.no_grad()
    @full_float32()
    def encode_frames(self, clips: Tensor) -> Codes:
        """Codes of frames in no order, as in stage 1: z_t from x_t by itself, d all zero (Fig. 8).

        Where stage 2 trains the last layer before q(z_t | x_t), as in the paper (Sec. 3.2), it
        does so for q(d) alone, and these z are no longer quite what stage 1 drew from.
        """
        self._check(clips)
        return Codes.cat([self._encode_frames(x) for x in torch.split(clips, CHUNK)])

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
        check_weights(self.z_start)
        check_codes(codes, self.config)
        require_frames(frames)
        frames = codes.z.shape[1] if frames is None else frames
        s, d, z = (code.to(self.z_start) for code in (codes.s, codes.d, codes.z))
        z = self.continue_poses(z, d, frames, None, True, by)
        with autocast(z.device, use_bf16(self.precision, z.device, dtype=z.dtype)):
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
        require_frames(frames)
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
        require_generator(generator)
        check_weights(self.z_start)
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

        save(self.config, self.state_dict(), expanded(folder), dtype)
