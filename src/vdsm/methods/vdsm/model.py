"""VDSM as it is used: clips to codes and back, swaps, new clips; weights to and from a folder."""

from pathlib import Path
from typing import TYPE_CHECKING, Literal

import torch
from jaxtyping import Float
from torch import Tensor

from vdsm.device import autocast, frames_at_once, full_float32, pieces, use_bf16
from vdsm.errors import InputError
from vdsm.files import expanded
from vdsm.methods.checks import (
    check_clips,
    check_codes,
    check_weights,
    require_frames,
    require_generator,
)
from vdsm.methods.sampling import PosesFrom, generate, swap
from vdsm.methods.vdsm.config import ModelConfig
from vdsm.methods.vdsm.exported import unrolled
from vdsm.methods.vdsm.state_space import Continuation, StateSpaceModel
from vdsm.notation import Codes, Dynamics, Gaussian, Identity, Pose, Video

if TYPE_CHECKING:
    from vdsm.methods.readout import Readout

CHUNK = 32  # clips encoded at a time; their frames pass in pieces (`frames_at_once`)


class VDSM(StateSpaceModel):
    """The whole model, whose parts and densities are in `vdsm.methods.vdsm.state_space`.

    Weights are float32, or float64 after `.double()`; half of that is not for weights (`.half()`,
    `.bfloat16()`), but for drawing alone, which `precision` says.
    """

    method, title = "vdsm", "VDSM"
    # Of decode, swap and generate; "auto" draws in bfloat16 where the machine is faster at it.
    # Not part of the weights: model.precision = "fp32" holds for this object alone.
    precision: Literal["auto", "fp32", "bf16"] = "auto"

    def __init__(self, config: ModelConfig | None = None) -> None:
        if config is not None and not isinstance(config, ModelConfig):
            raise InputError(
                f"config is {config!r}: give a ModelConfig; VDSM.from_pretrained loads a model"
            )
        super().__init__(config)

    def check(self, clips: Tensor) -> None:
        """InputError where these are no clips, or these weights none to compute with."""
        check_weights(self.z_start)
        check_clips(clips, self.config)

    @torch.no_grad()
    @full_float32()
    def encode(self, clips: Tensor) -> Codes:
        """Posterior means of clips [B, T, C, H, W] in [0, 1]; T >= 1, a single frame will do.

        Returns s [B, κ_s], d [B, κ_d], z [B, T, κ_z].
        """
        self.check(clips)
        # In float32 whatever `precision` says: codes are measured, frames are looked at.
        return Codes.cat([self._encode(x) for x in pieces(clips, CHUNK)])

    @torch.no_grad()
    @full_float32()
    def encode_and_sample(
        self, clips: Tensor, generator: torch.Generator | None = None
    ) -> tuple[Codes, Codes]:
        """`encode(clips)` and, of the same shapes, a sample of q(s, d, z_1:T | x_1:T) (Eq. 2).

        InputError as for `encode`.
        """
        self.check(clips)
        require_generator(generator)
        parts = [self._encode_and_sample(x, generator) for x in pieces(clips, CHUNK)]
        means, samples = zip(*parts, strict=True)
        return Codes.cat(means), Codes.cat(samples)

    def _encode(self, x: Video) -> Codes:
        q = self.posteriors(x)
        s, d = q["s"].loc, q["d"].loc
        return Codes(s, d, self.unroll(d, x.shape[1]))

    def _encode_and_sample(
        self, x: Video, generator: torch.Generator | None
    ) -> tuple[Codes, Codes]:
        q, frames = self.posteriors(x), x.shape[1]
        means = Codes(q["s"].loc, q["d"].loc, self.unroll(q["d"].loc, frames))
        s, d = q["s"].sample(generator), q["d"].sample(generator)
        return means, Codes(s, d, self.infer_poses(d, frames, generator).z)

    def posteriors(self, x: Video) -> dict[str, Gaussian]:
        """q(s | x_1:T) and q(d | x_1:T)."""
        features, who = self.features(x.to(self.z_start))
        return {"s": self.identity(who), "d": self.dynamics(self.frame_pose(features).loc)}

    def unroll(self, d: Dynamics, frames: int, generator: torch.Generator | None = None) -> Pose:
        """z_1:T of q(z_1:T | d), one after the other: the mean, or with a generator a sample."""
        if torch.compiler.is_exporting():
            return unrolled(self, d, frames)
        return self.infer_poses(d, frames, generator, mean=generator is None).z

    @torch.no_grad()
    @full_float32()
    def encode_frames(self, clips: Tensor) -> Codes:
        """Codes of frames in no order, as in stage 1: z_t from x_t by itself, d all zero (Fig. 8).

        Where stage 2 trains the last layer before q(z_t | x_t), as in the paper (Sec. 3.2), it
        does so for q(d) alone, and these z are no longer quite what stage 1 drew from.
        """
        self.check(clips)
        return Codes.cat([self._encode_frames(x) for x in pieces(clips, CHUNK)])

    def _encode_frames(self, x: Video) -> Codes:
        features, who = self.features(x.to(self.z_start))
        q = self.infer_frames(features, who=who)
        return Codes(q.s.loc, q.codes.d, q.poses.q.loc)

    @torch.no_grad()
    def decode(
        self, codes: Codes, frames: int | None = None, by: Continuation = "dynamics"
    ) -> Video:
        """Mean frames [B, frames, C, H, W] in [0, 1]; beyond T z goes on as `continue_motion` says.

        On the model's device, though drawn in bfloat16 where `precision` says so: within a few
        1/255. InputError for codes of another model's sizes, of unequal numbers, or no frames.
        """
        c = self.config
        check_weights(self.z_start)
        check_codes(codes, (c.identity_dim, c.dynamics_dim, c.pose_dim))
        require_frames(frames)
        frames = codes.z.shape[1] if frames is None else frames
        s, d, z = (code.to(self.z_start) for code in (codes.s, codes.d, codes.z))
        z = self.continue_poses(z, d, frames, None, True, by)
        with autocast(z.device, use_bf16(self.precision, z.device, dtype=z.dtype)):
            return self._draw(s, d, z)

    def _draw(self, s: Identity, d: Dynamics, z: Pose) -> Video:
        """Mean frames, of as many at once as suit the machine."""
        if torch.compiler.is_exporting():
            return self.likelihood(Codes(s, d, z)).mean
        some = frames_at_once(self.config.size, z.device)
        clips = max(1, some // z.shape[1])
        drawn = []
        for who, what, poses in zip(*(torch.split(x, clips) for x in (s, d, z)), strict=True):
            parts = [Codes(who, what, part) for part in torch.split(poses, some, 1)]
            drawn.append(torch.cat([self.likelihood(part).mean for part in parts], 1))
        return torch.cat(drawn)

    def swap(
        self,
        identity: Tensor,
        action: Tensor,
        frames: int | None = None,
        by: PosesFrom = "dynamics",
    ) -> Video:
        """The person of `identity` doing the action of `action`, [B, frames, C, H, W].

        Both are clips [B, T, C, H, W] in [0, 1], T of each its own; without `frames` as long as
        the action's. by: poses follow from d, or are those of the action's frames
        (`vdsm.methods.sampling.swap`). InputError where they are not equally many, or not such
        clips.
        """
        return swap(self, identity, action, frames, by)

    @torch.no_grad()
    def generate(
        self,
        num: int,
        frames: int,
        generator: torch.Generator | None = None,
        given: Tensor | None = None,
        density: str = "standard",
    ) -> Video:
        """Sample `num` clips of `frames` frames, [num, frames, C, H, W] in [0, 1].

        With `given` clips [1 or num, T, C, H, W], s, d and z_1 are theirs (Sec. 3.2, Testing); a
        single frame (T = 1) gives s and z_1, and d is sampled. What is sampled comes from the
        paper's p(s), p(d), p(z_1), p(z_t | z_{t-1}, d); `density` is for a model that is read out
        (`vdsm.methods.readout`), which has another too.
        """
        if density not in ("fitted", "standard"):
            raise InputError(f"density is '{density}': it is fitted or standard")
        return generate(self, num, frames, generator, given)

    def sample_identity(
        self, num: int, generator: torch.Generator | None = None
    ) -> Float[Tensor, "{num} S"]:
        """From p(s)."""
        return self.identity_prior(num).sample(generator)

    def sample_motion(
        self, num: int, generator: torch.Generator | None = None
    ) -> tuple[Float[Tensor, "{num} D"], Float[Tensor, "{num} Z"]]:
        """d and z_1 from p(d) and p(z_1)."""
        d = self.dynamics_prior(num).sample(generator)
        return d, self._isotropic(num, self.config.pose_dim, 1.0).sample(generator)

    def continue_motion(
        self,
        d: Dynamics,
        z: Pose,
        frames: int,
        generator: torch.Generator | None = None,
        by: Continuation = "transition",
    ) -> Float[Tensor, "B {frames} Z"]:
        """Extend z to `frames` by samples: by the prior's transition, or by d unrolled further."""
        return self.continue_poses(z, d, frames, generator, False, by)

    # -- weights ----------------------------------------------------------------------------------

    @classmethod
    def from_pretrained(cls, folder: str | Path) -> "VDSM | Readout":
        """A model from a folder with model.safetensors and config.json, such as a run.

        A name without a folder of that name is one of the models that come with the package.
        "USER/NAME", where no folder USER is here, or "hf:USER/NAME" is fetched from Hugging Face.
        Trained to its end it comes read out (`vdsm.methods.readout`), and does all that this does.
        """
        from vdsm.store.hub import address
        from vdsm.store.open import open_model

        model = open_model(address(folder))
        if not isinstance(getattr(model, "model", model), cls):
            raise InputError(f"{folder} holds a model of another method: open it by open_model")
        return model  # type: ignore[return-value]

    def save_pretrained(self, folder: str | Path, dtype: torch.dtype | None = None) -> None:
        """Write model.safetensors (with a checksum) and config.json.

        dtype: torch.bfloat16 halves the size; such weights are read back as float32.
        """
        from vdsm.store.weights import save

        save(self, expanded(folder), dtype)

    def push_to_hub(self, name: str, private: bool = False) -> str:
        """Send weights and a card of a few lines to USER/NAME on Hugging Face; its address.

        Needs vdsm[hub], and 'hf auth login'. InputError where it does not get there.
        """
        from vdsm.store.hub import push_model

        return push_model(self, name, private)


MODEL_CONFIG, MODEL = ModelConfig, VDSM
