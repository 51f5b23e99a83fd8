"""Clips apart: who and what, as each kind of method holds them, and clips drawn of them again.

A studio of a model that encodes takes anybody's clips; one of a model that only draws has its own
draws for clips. A model that does neither swaps nothing, and samples alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from vdsm.device import as_video
from vdsm.errors import InputError
from vdsm.figures import pixels
from vdsm.notation import Codes
from vdsm.protocol import Decodes, Encodes, Generates, Recombines, Unrolls, device_of, missing
from vdsm.video.limits import Frames

LONGEST = 240  # frames that a draw's motion is drawn for, where it has one for each


@dataclass(frozen=True)
class Parts:
    """One clip: who [1, ...], and what, each [1, ...]: d and z, or the motion of a draw."""

    who: Tensor
    what: tuple[Tensor, ...]

    def who_point(self) -> Tensor:
        """[K]: where a map of individuals has it."""
        return self.who.flatten().cpu()

    def what_point(self) -> Tensor:
        """[K]: where a map of motions has it: d, or mean and deviation in time of what moves."""
        still, *moving = (code[0].cpu() for code in self.what)
        if still.ndim == 1 and len(still):
            return still
        path = moving[0] if moving else still
        return torch.cat([path.mean(0), path.std(0, correction=0)])


class ByCodes:
    """A model that encodes and decodes: who is s, what is d and z."""

    def __init__(self, model: Any) -> None:
        self.model = model

    def encode(self, clips: Tensor) -> list[Parts]:
        """Of clips [B, T, C, H, W]."""
        codes = self.model.encode(clips)
        each = (codes[i] for i in range(len(codes)))
        return [Parts(code.s, (code.d, code.z)) for code in each]

    def draw(self, parts: Sequence[Parts], frames: int) -> Frames:
        """uint8 [B, frames, H, W, C]; clips whose motion is as long go through together."""
        lengths = [part.what[1].shape[1] for part in parts]
        drawn: dict[int, Frames] = {}
        for length in set(lengths):
            chosen = [i for i, other in enumerate(lengths) if other == length]
            codes = Codes.cat([Codes(parts[i].who, *parts[i].what) for i in chosen])
            drawn |= dict(zip(chosen, pixels(self.model.decode(codes, frames)), strict=True))
        return np.stack([drawn[i] for i in range(len(parts))])

    def between(self, a: Parts, b: Parts, share: float) -> Parts:
        """The way from one motion to another, `share` of it; who stays a's."""
        (d_a, z_a), (d_b, z_b) = a.what, b.what
        d, length = torch.lerp(d_a, d_b, share), min(z_a.shape[1], z_b.shape[1])
        if isinstance(self.model, Unrolls):
            return Parts(a.who, (d, self.model.unroll(d, length)))
        return Parts(a.who, (d, torch.lerp(z_a[:, :length], z_b[:, :length], share)))

    def sample(
        self, num: int, frames: int, generator: torch.Generator
    ) -> tuple[Frames, list[Parts]]:
        """New clips uint8 [num, frames, H, W, C], read as any clip is."""
        drawn = pixels(self.model.generate(num, frames, generator))
        return drawn, self.encode(as_video(drawn, device_of(self.model)))


class ByDraws:
    """A generator without an encoder, whose draws can be exchanged: content and motion."""

    def __init__(self, model: Any) -> None:
        self.model = model

    def draw(self, parts: Sequence[Parts], frames: int) -> Frames:
        """uint8 [B, frames, H, W, C]."""
        content = torch.cat([part.who for part in parts])
        motion = torch.cat([part.what[0] for part in parts])
        return pixels(self.model.render(content, motion, frames))

    def between(self, a: Parts, b: Parts, share: float) -> Parts:
        """The way from one motion to another, `share` of it; who stays a's."""
        return Parts(a.who, (torch.lerp(a.what[0], b.what[0], share),))

    def sample(
        self, num: int, frames: int, generator: torch.Generator
    ) -> tuple[Frames, list[Parts]]:
        """New clips uint8 [num, frames, H, W, C], with motion for as long as may be asked."""
        try:
            content, motion = self.model.draw(num, LONGEST, generator)
        except InputError:  # of one length alone
            content, motion = self.model.draw(num, frames, generator)
        parts = [Parts(content[i : i + 1], (motion[i : i + 1],)) for i in range(num)]
        return self.draw(parts, frames), parts


class Alone:
    """A generator whose draws have no parts."""

    def __init__(self, model: Any) -> None:
        self.model = model

    def sample(
        self, num: int, frames: int, generator: torch.Generator
    ) -> tuple[Frames, list[Parts]]:
        """New clips uint8 [num, frames, H, W, C]."""
        return pixels(self.model.generate(num, frames, generator)), []


Actor = ByCodes | ByDraws | Alone


def actor_of(model: Any) -> Actor:
    """What a model can do for a studio; InputError where that is nothing."""
    if isinstance(model, Encodes) and isinstance(model, Decodes):
        return ByCodes(model)
    if isinstance(model, Recombines):
        return ByDraws(model)
    if isinstance(model, Generates):
        return Alone(model)
    raise InputError(f"{missing(model, Decodes)}; {missing(model, Generates)}: nothing to show")


@dataclass(frozen=True)
class Blend:
    """`share` of the way from one clip to another."""

    a: Parts
    b: Parts
    share: float

    @property
    def whole(self) -> bool:
        """Whether it is the first alone."""
        return self.share == 0


def mixed(actor: ByCodes | ByDraws, who: Blend, what: Blend) -> Parts:
    """Somebody on the way from one to another, doing what is on the way from one to another."""
    person = who.a.who if who.whole else torch.lerp(who.a.who, who.b.who, who.share)
    motion = what.a if what.whole else actor.between(what.a, what.b, what.share)
    return Parts(person, motion.what)
