"""What a method's model can do, as small protocols: nobody inherits, everybody is asked.

A model is a `torch.nn.Module` with `config.size` and `config.channels`, the frames that it takes.
What it cannot do is missing, and whoever measures it says so in one sentence (`missing`).

Codes that a method has no use for have no dimensions: a model without d gives d [B, 0], one
without poses gives z [B, T, 0], so T is known all the same.
"""

from typing import Any, Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor, nn

from vdsm.notation import Codes, Dynamics, Gaussian, Identity, Pose, Video


@runtime_checkable
class FrameSpec(Protocol):
    """The frames that a model takes; every method's model configuration says so."""

    @property
    def size(self) -> int: ...

    @property
    def channels(self) -> int: ...


@runtime_checkable
class Encodes(Protocol):
    """Codes of clips [B, T, C, H, W] in [0, 1]: posterior means, and beside them a sample."""

    def encode(self, clips: Video) -> Codes: ...

    def encode_and_sample(
        self, clips: Video, generator: torch.Generator | None = None
    ) -> tuple[Codes, Codes]: ...


@runtime_checkable
class Posteriors(Protocol):
    """q of the codes "s" [B, S] and "d" [B, D] or "z" [B, T, Z]: those that are Gaussian."""

    def posteriors(self, clips: Video) -> dict[str, Gaussian]: ...


@runtime_checkable
class Decodes(Protocol):
    """Mean frames of codes, [B, frames, C, H, W] in [0, 1]; `frames` defaults to z's."""

    def decode(self, codes: Codes, frames: int | None = None) -> Video: ...


@runtime_checkable
class Unrolls(Protocol):
    """z is a function of d: a new d brings its own poses, the mean or with a generator a sample."""

    def unroll(
        self, d: Dynamics, frames: int, generator: torch.Generator | None = None
    ) -> Pose: ...


@runtime_checkable
class Swaps(Protocol):
    """The individual of `identity` doing the action of `action`, [B, frames, C, H, W]."""

    def swap(self, identity: Video, action: Video, frames: int | None = None) -> Video: ...


@runtime_checkable
class Coded(Encodes, Decodes, Swaps, Protocol):
    """What most methods can do, and figures of swaps ask for."""


@runtime_checkable
class Generates(Protocol):
    """Clips of nobody, [num, frames, C, H, W]; with `given` clips what might follow them."""

    def generate(
        self, num: int, frames: int, generator: torch.Generator | None = None
    ) -> Video: ...


@runtime_checkable
class SamplesIdentity(Protocol):
    """s [num, S] from the model's own p(s)."""

    def sample_identity(self, num: int, generator: torch.Generator | None = None) -> Identity: ...


@runtime_checkable
class SamplesMotion(Protocol):
    """d [num, D] and z_1 [num, Z] from the priors, and z [B, T, Z] continued to `frames`."""

    def sample_motion(
        self, num: int, generator: torch.Generator | None = None
    ) -> tuple[Dynamics, Float[Tensor, "{num} Z"]]: ...

    def continue_motion(
        self, d: Dynamics, z: Pose, frames: int, generator: torch.Generator | None = None
    ) -> Pose: ...


@runtime_checkable
class Recombines(Protocol):
    """Draws of its own, whose content and motion can be exchanged: generators without an encoder.

    `draw` gives content [num, ...] and motion [num, ...]; `render` clips [num, frames, C, H, W].
    """

    def draw(
        self, num: int, frames: int, generator: torch.Generator | None = None
    ) -> tuple[Tensor, Tensor]: ...

    def render(self, content: Tensor, motion: Tensor, frames: int) -> Video: ...


ABILITIES: dict[type[Any], tuple[str, str]] = {
    Encodes: ("an encoder", "codes of clips cannot be asked"),
    Decodes: ("a decoder of codes", "clips cannot be drawn from codes"),
    Swaps: ("a way to swap clips", "who of one clip doing what of another cannot be asked"),
    Generates: ("a generator", "new clips cannot be asked"),
    SamplesIdentity: ("a prior of the identity", "identities of nobody cannot be asked"),
    Recombines: ("any draws of its own", "recombination of draws cannot be asked"),
}


def missing(model: object, ability: type[Any]) -> str | None:
    """One sentence on what a model lacks; None where it has the ability."""
    if isinstance(model, ability):
        return None
    what, so = ABILITIES[ability]
    return f"{getattr(model, 'title', type(model).__name__)} has no {what.split(' ', 1)[1]}: {so}"


def device_of(model: nn.Module) -> torch.device:
    """Where a model's parameters are."""
    return next(model.parameters()).device


def mix(identity: Codes, action: Codes) -> Codes:
    """s of one, d and z of the other."""
    return Codes(identity.s, action.d, action.z)
