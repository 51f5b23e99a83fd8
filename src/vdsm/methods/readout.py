"""A model, read out: what is found after training wraps any model that encodes, itself a model.

Codes read in the directions that carry anything, and where asked for without their noise
(`vdsm.methods.code_readout`); identities and motions are sampled as training clips have them. The
model inside stays as training left it: `readout.model`, or `encode(clips, raw=True)`.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal, get_args

import torch
from jaxtyping import Float
from torch import Tensor, nn

from vdsm.config import ReadoutConfig
from vdsm.device import full_float32
from vdsm.errors import InputError
from vdsm.files import expanded
from vdsm.methods.code_readout import CodeReadout
from vdsm.methods.sampling import PosesFrom, generate, swap
from vdsm.notation import Codes, Dynamics, Identity, Pose, Video

Density = Literal["fitted", "standard"]


class Readout(nn.Module):
    """`model`, with a `CodeReadout` for each of its codes "s" and "d" (or "z" without a d)."""

    model: Any
    codes: Any  # nn.ModuleDict of CodeReadout

    def __init__(
        self,
        model: nn.Module,
        codes: Mapping[str, CodeReadout],
        settings: ReadoutConfig | None = None,
    ) -> None:
        super().__init__()
        self.model = model
        self.codes = nn.ModuleDict(dict(codes))
        self.settings = settings or ReadoutConfig()

    @classmethod
    def of(
        cls,
        model: nn.Module,
        tensors: Mapping[str, Tensor],
        settings: ReadoutConfig | None = None,
    ) -> "Readout":
        """From tensors as `fitted` gives them."""
        sizes = {n.split(".")[0]: len(t) for n, t in tensors.items() if n.endswith(".average")}
        device = next(model.parameters()).device
        codes = nn.ModuleDict({name: CodeReadout(size) for name, size in sizes.items()})
        codes.load_state_dict(dict(tensors))
        return cls(model, dict(codes.to(device).items()), settings)  # type: ignore[arg-type]

    def fitted(self) -> dict[str, Tensor]:
        """What was fitted, on the CPU: names `<code>.<tensor>`."""
        return {name: t.cpu() for name, t in self.codes.state_dict().items()}

    def __getattr__(self, name: str) -> Any:
        """What is not of the readout is the model's: `config`, its parts, its own verbs."""
        try:
            return super().__getattr__(name)
        except AttributeError:
            return getattr(super().__getattr__("model"), name)

    @property
    def precision(self) -> str:
        """Of decoding, as the model has it."""
        return str(self.model.precision)

    @precision.setter
    def precision(self, precision: str) -> None:
        self.model.precision = precision

    # -- codes ------------------------------------------------------------------------------------

    def project(self, codes: Codes, generator: torch.Generator | None = None) -> Codes:
        """Codes as they read. Where z is a function of d it follows from the d read."""
        s, d, z = (self._read(name, getattr(codes, name)) for name in ("s", "d", "z"))
        if "d" in self.codes and hasattr(self.model, "unroll"):
            z = self.model.unroll(d, codes.z.shape[1], generator)
        return Codes(s, d, z)

    def _read(self, name: str, code: Float[Tensor, "B *rest"]) -> Float[Tensor, "B *rest"]:
        if name not in self.codes:
            return code
        read: Tensor = self.codes[name].project(code.flatten(0, -2))
        return read.view(code.shape)

    @torch.no_grad()
    @full_float32()
    def encode(self, clips: Tensor, raw: bool = False) -> Codes:
        """Codes of clips [B, T, C, H, W] in [0, 1]: s [B, κ_s], d [B, κ_d], z [B, T, κ_z].

        Directions that carry nothing are constant, and with `readout.shrink` the others are
        without noise. raw: posterior means, as the model has them.
        """
        codes: Codes = self.model.encode(clips)
        return codes if raw else self.project(codes)

    @torch.no_grad()
    @full_float32()
    def encode_and_sample(
        self, clips: Tensor, generator: torch.Generator | None = None
    ) -> tuple[Codes, Codes]:
        """`encode(clips)` and, of the same shapes, a sample of the posterior as it reads."""
        means, samples = self.model.encode_and_sample(clips, generator)
        return self.project(means), self.project(samples, generator or torch.default_generator)

    @property
    def encode_frames(self) -> Callable[[Tensor], Codes]:
        """Codes of frames in no order, s as it reads; missing where the model has none."""
        alone = self.model.encode_frames

        def encode_frames(clips: Tensor) -> Codes:
            codes = alone(clips)
            return Codes(self._read("s", codes.s), codes.d, codes.z)

        return encode_frames

    def decode(self, codes: Codes, frames: int | None = None, **how: Any) -> Tensor:
        """Mean frames, as the model draws them."""
        drawn: Tensor = self.model.decode(codes, frames, **how)
        return drawn

    def swap(
        self,
        identity: Tensor,
        action: Tensor,
        frames: int | None = None,
        by: PosesFrom = "dynamics",
    ) -> Video:
        """The individual of `identity` doing the action of `action`, by codes as they read.

        Both are clips [B, T, C, H, W] in [0, 1], T of each its own; without `frames` as long as
        the action's. by: poses follow from d, or are those of the action's frames
        (`vdsm.methods.sampling.swap`). InputError where they are not equally many, or not such
        clips.
        """
        return swap(self, identity, action, frames, by)

    # -- samples ----------------------------------------------------------------------------------

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
        "standard" from the model's priors.
        """
        if density not in get_args(Density):
            raise InputError(f"density is '{density}': it is {' or '.join(get_args(Density))}")
        return generate(_Sampler(self, density), num, frames, generator, given)

    def sample_identity(
        self, num: int, generator: torch.Generator | None = None, density: Density = "fitted"
    ) -> Identity:
        """Identities of nobody [num, κ_s]: from the fitted density of s, or from the model's p(s).

        A mixture of Gaussians also gives what lies between individuals, which is drawn as a blend
        of some. With `readout.walkback_steps` what comes from it is drawn as a frame and encoded,
        so many times: an alternation of p(x | s) and q(s | x), by their means (Bengio et al. 2013,
        "walkback"; Rezende et al. 2014, App. F). Where the model draws individuals sharply, that
        moves a blend to somebody; where it does not, everybody to the average.

        What is drawn from p(s) reads as every s does: where s keeps some directions alone, no
        clip's code differs in the others, and nobody who does was ever drawn.
        """
        if density == "standard":
            return self._read("s", self.model.sample_identity(num, generator))
        s: Identity = self.codes["s"].sample(num, generator)
        for _ in range(self.settings.walkback_steps):
            d, z_first = self.sample_motion(num, generator, density)
            s = self.encode(self.decode(Codes(s, d, z_first[:, None]))).s
        return s

    def sample_motion(
        self, num: int, generator: torch.Generator | None = None, density: Density = "fitted"
    ) -> tuple[Dynamics, Float[Tensor, "{num} Z"]]:
        """d and z_1: from the fitted density of d, or from the priors, d read as every d is."""
        if density == "fitted" and "d" in self.codes:
            d = self.codes["d"].sample(num, generator)
            return d, self.model.unroll(d, 1, generator or torch.default_generator)[:, 0]
        d, z_first = self.model.sample_motion(num, generator)
        return self._read("d", d), z_first

    # -- weights ----------------------------------------------------------------------------------

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


class _Sampler:
    """A readout that samples by one density, as `vdsm.methods.sampling.generate` asks."""

    def __init__(self, readout: Readout, density: Density) -> None:
        self.readout, self.density = readout, density
        self.check, self.encode, self.decode = readout.check, readout.encode, readout.decode
        self.encode_frames = getattr(readout.model, "encode_frames", readout.encode)

    def sample_identity(self, num: int, generator: torch.Generator | None = None) -> Identity:
        return self.readout.sample_identity(num, generator, self.density)

    def sample_motion(
        self, num: int, generator: torch.Generator | None = None
    ) -> tuple[Dynamics, Tensor]:
        return self.readout.sample_motion(num, generator, self.density)

    def continue_motion(
        self, d: Dynamics, z: Pose, frames: int, generator: torch.Generator | None = None
    ) -> Float[Tensor, "B {frames} Z"]:
        """By d unrolled where d was fitted, else by the model's prior."""
        more = {"by": "dynamics"} if self.density == "fitted" and "d" in self.readout.codes else {}
        poses: Tensor = self.readout.model.continue_motion(d, z, frames, generator, **more)
        return poses
