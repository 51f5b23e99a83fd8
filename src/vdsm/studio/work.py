"""What a studio does with its model: takes clips apart, draws, samples, maps."""

import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import PurePath
from typing import Any

import numpy as np
import torch

from vdsm.errors import InputError
from vdsm.protocol import Generates, missing
from vdsm.studio.asked import Cell, Draw, Way
from vdsm.studio.clips import Clip, batch, sampled
from vdsm.studio.limits import Limits
from vdsm.studio.parts import Actor, Alone, Blend, ByCodes, ByDraws, Parts, mixed
from vdsm.studio.plane import plane
from vdsm.studio.sessions import Session
from vdsm.studio.usual import Usual, crops
from vdsm.studio.worker import Worker
from vdsm.video.limits import Frames

AT_ONCE = 4  # clips that are taken apart before somebody who waits has a turn


@dataclass
class Studio:
    """A model, the clips that all sessions see, and the thread that may use the model."""

    name: str  # as the user named the model
    model: Any
    actor: Actor
    window: int  # frames of a clip that are seen
    shelf: dict[str, Clip]
    verdict: dict[str, Any]
    limits: Limits
    worker: Worker
    source: str = ""  # what the clips of the shelf are
    roles: Mapping[str, str] = field(default_factory=dict)  # label -> "identity" or "action"
    usual: Usual = field(default_factory=Usual)  # how files from the outside are read

    def about(self) -> dict[str, Any]:
        """What the page is told of the model."""
        samples = isinstance(self.model, Generates) or not isinstance(self.actor, ByCodes)
        return {
            "name": PurePath(self.name).name,
            "title": self.title,
            "size": self.model.config.size,
            "window": self.window,
            "longest": self.longest,
            "takes": isinstance(self.actor, ByCodes),
            "swaps": not isinstance(self.actor, Alone),
            "samples": samples,
            "cannot": list(self._cannot(samples)),
            "source": self.source,
            "crops": crops(),
            "crop": self.usual.crop,
            "fps": self.usual.fps,
        }

    @property
    def title(self) -> str:
        """The method's name."""
        inner = getattr(self.model, "model", self.model)
        return str(getattr(inner, "title", "") or type(inner).__name__)

    def _cannot(self, samples: bool) -> Iterable[str]:
        if isinstance(self.actor, ByDraws):
            yield (
                f"{self.title} has no encoder, so it cannot take clips of yours apart: who and "
                "what are exchanged between clips that it drew itself."
            )
        if isinstance(self.actor, Alone):
            yield f"{self.title} draws clips as a whole: it has no who and what to exchange."
        if not samples and (lacks := missing(self.model, Generates)):
            yield f"{lacks}."
        if self.longest <= self.window:
            yield f"{self.title} draws clips of {self.window} frames alone."

    @cached_property
    def longest(self) -> int:
        """Frames that may be drawn."""
        if isinstance(self.actor, ByCodes):
            return self.limits.frames
        first = next(iter(self.shelf.values()))
        if isinstance(self.actor, Alone) or first.parts is None:
            return self.window
        try:
            self.actor.draw([first.parts], self.window + 1)
        except InputError:
            return self.window
        return self.limits.frames

    # -- clips ------------------------------------------------------------------------------------

    def find(self, session: Session, name: str) -> Clip:
        """A clip of the shelf or of the session, never of another."""
        clip = session.clips.get(name) or self.shelf.get(name)
        if clip is None:
            raise InputError("that clip is not here any more: choose another")
        return clip

    def apart(self, clips: list[Clip]) -> None:
        """Take clips of one length apart, where that was not done yet."""
        rest = [clip for clip in clips if clip.parts is None]
        if rest and isinstance(self.actor, ByCodes):
            parts = self.actor.encode(batch(rest, self.model))
            for clip, found in zip(rest, parts, strict=True):
                clip.parts = found

    def prepare(self) -> None:
        """Take the clips of the shelf apart while nobody waits."""
        if not isinstance(self.actor, ByCodes):
            return
        by_length: dict[int, list[Clip]] = {}
        for clip in self.shelf.values():
            by_length.setdefault(len(clip.frames), []).append(clip)
        for clips in by_length.values():
            for i in range(0, len(clips), AT_ONCE):
                some = clips[i : i + AT_ONCE]
                self.worker.later(lambda some=some: self.apart(some))  # type: ignore[misc]

    def sample(self, session: Session, count: int) -> list[Clip]:
        """New clips of the model."""
        numbers = range(session.samples + 1, session.samples + count + 1)
        names = [f"new {number}" for number in numbers]
        clips = sampled(self.actor, count, self.window, session.generator, names)
        session.samples += count
        for clip in clips:
            clip.id = "n" + secrets.token_urlsafe(9)
        return clips

    # -- what is drawn ----------------------------------------------------------------------------

    def draw(self, session: Session, asked: Draw) -> Frames:
        """uint8 [cells, frames, H, W, C]."""
        if len(asked.cells) * asked.frames > self.limits.drawn_frames:
            raise InputError(
                f"{len(asked.cells)} clips of {asked.frames} frames are more than "
                f"{self.limits.drawn_frames} in all: draw shorter ones, or fewer"
            )
        actor = self.actor
        if isinstance(actor, Alone):
            return np.stack([self.find(session, cell.who.a).frames for cell in asked.cells])
        with torch.no_grad():
            return actor.draw([self._cell(session, cell) for cell in asked.cells], asked.frames)

    def _cell(self, session: Session, cell: Cell) -> Parts:
        assert not isinstance(self.actor, Alone)
        return mixed(self.actor, self._blend(session, cell.who), self._blend(session, cell.what))

    def _blend(self, session: Session, way: Way) -> Blend:
        a, b = (self._parts(session, name) for name in (way.a, way.b or way.a))
        return Blend(a, b, way.share if way.b else 0.0)

    def _parts(self, session: Session, name: str) -> Parts:
        clip = self.find(session, name)
        self.apart([clip])
        assert clip.parts is not None
        return clip.parts

    # -- the map ----------------------------------------------------------------------------------

    def map(self, session: Session) -> dict[str, Any]:
        """Where clips lie by who and by what, each in [-1, 1]; how many are still to be read."""
        shelf = [clip for clip in self.shelf.values() if clip.parts]
        own = [clip for clip in session.clips.values() if clip.parts]
        if len(shelf) < 3:
            shelf, own = shelf + own, []
        missing = sum(clip.parts is None for clip in self.shelf.values())
        found: dict[str, Any] = {"points": {}, "waiting": missing}
        for side, points in (("who", Parts.who_point), ("what", Parts.what_point)):
            rows = [
                [points(c.parts).double().numpy() for c in cs if c.parts] for cs in (shelf, own)
            ]
            if not rows[0]:
                break
            width = rows[0][0].shape
            places = plane(*(np.array(r).reshape(-1, *width) for r in rows))
            for clip, place in zip([*shelf, *own], np.concatenate(places), strict=True):
                found["points"].setdefault(clip.id, {})[side] = place.round(4).tolist()
        return found
