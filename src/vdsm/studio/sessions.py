"""Who is here: each browser's session has clips of its own, which go with it."""

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Lock

import torch

from vdsm.errors import InputError
from vdsm.studio.clips import Clip
from vdsm.studio.limits import Limits


class Gone(Exception):
    """There is no such session, or no more."""


@dataclass
class Session:
    """Clips that one browser brought or had drawn, and the noise of what it has drawn next."""

    id: str
    seen: float
    clips: dict[str, Clip] = field(default_factory=dict)
    samples: int = 0
    generator: torch.Generator = field(default_factory=torch.Generator)


class Sessions:
    """Those that are open; what was not heard of for long is forgotten, with its clips."""

    def __init__(self, limits: Limits, clock: Callable[[], float] = time.monotonic) -> None:
        self.limits, self.clock = limits, clock
        self.lock = Lock()
        self.open: dict[str, Session] = {}

    def begin(self) -> Session:
        """A new one; InputError where too many are open."""
        with self.lock:
            self._sweep(self.limits.session_seconds)
            if len(self.open) >= self.limits.sessions:
                self._sweep(self.limits.idle_seconds)
            if len(self.open) >= self.limits.sessions:
                raise InputError("as many people as it takes use this studio now: try again later")
            session = Session(secrets.token_urlsafe(16), self.clock())
            session.generator.manual_seed(secrets.randbits(62))
            self.open[session.id] = session
            return session

    def find(self, name: str) -> Session:
        """The session of that id; Gone where there is none."""
        with self.lock:
            self._sweep(self.limits.session_seconds)
            if name not in self.open:
                raise Gone
            self.open[name].seen = self.clock()
            return self.open[name]

    def end(self, name: str) -> None:
        """Forget a session and its clips."""
        with self.lock:
            self.open.pop(name, None)

    def room(self, session: Session, more: int = 1) -> None:
        """InputError where so many clips more are too many for a session."""
        if len(session.clips) + more > self.limits.clips:
            raise InputError(f"{self.limits.clips} clips are kept at most: remove some first")

    def add(self, session: Session, clip: Clip) -> None:
        """Keep a clip."""
        self.room(session)
        session.clips[clip.id] = clip

    def _sweep(self, seconds: float) -> None:
        oldest = self.clock() - seconds
        for name in [n for n, session in self.open.items() if session.seen < oldest]:
            del self.open[name]
