"""One performance: how it is done, where, and before which camera; drawn by chance for itself.

Nothing of it depends on who performs: style, tempo, phase, heading, sway, camera and room follow
from the seed and the numbers of the clip, so that they tell nothing of the person.
"""

from dataclasses import dataclass

import numpy as np

from vdsm.data.clips import Floats
from vdsm.data.people.actions import ACTIONS, Action, angles_of
from vdsm.data.people.figure import Figure
from vdsm.data.people.moves import Style
from vdsm.data.people.rooms import ROOMS, Room
from vdsm.data.people.scene import View, view_of
from vdsm.data.people.skeleton import ANGLES
from vdsm.data.people.stand import Performance, perform

CAMERA = ("yaw", "height", "distance", "roll", "zoom", "shift")
ROOT = ("root_x", "root_y", "root_z")
TRUTH = (
    *(f"pose.{name}" for name in (*ANGLES, *ROOT, "heading")),
    *(f"pose.camera_{name}" for name in CAMERA),
    "scene.room",
)


@dataclass(frozen=True)
class Take:
    """All of a clip but its person."""

    action: Action
    angles: Floats  # [T, ANGLES] rad
    heading: Floats  # [T] rad
    hop: Floats  # [T] lengths of the leg
    feet: tuple[float, float]  # how far left and right foot keep their place
    view: View
    room: int

    @property
    def place(self) -> Room:
        return ROOMS[self.room]

    def performed(self, figure: Figure) -> Performance:
        return perform(figure.rest, self.angles, self.heading, self.hop, self.feet)

    def truth(self, performance: Performance) -> Floats:
        """[T, TRUTH] of this take, performed."""
        view = [getattr(self.view, name) for name in CAMERA]
        still = np.tile([*view, float(self.room)], (len(self.heading), 1))
        return np.concatenate([self.angles, performance.root, self.heading[:, None], still], 1)


def take_of(seed: int, person: int, action: int, number: int, frames: int) -> Take:
    """Of these numbers always the same take."""
    random = np.random.default_rng([seed, 5, person, action, number])
    performed = ACTIONS[action]
    style = Style(
        side="left" if random.random() < 0.5 else "right",
        size=float(random.uniform(0.86, 1.1)),
        asymmetry=float(random.uniform(-0.12, 0.12)),
    )
    period = performed.period * random.uniform(0.85, 1.2)
    phase = random.random() + np.arange(frames) / period
    sway = _sway(random, frames)
    heading = np.deg2rad(performed.heading + random.uniform(-13, 13)) + 0.02 * sway[:, 0]
    return Take(
        performed,
        angles_of(performed, phase, style, sway),
        heading,
        performed.hop(phase) if performed.hop else np.zeros(frames),
        performed.feet(style),
        view_of(random),
        _room(seed, person, action, number),
    )


def _sway(random: np.random.Generator, frames: int) -> Floats:
    """[T, ANGLES] slow waves about 0, each angle its own: nobody moves like clockwork."""
    times = np.arange(frames)[:, None]
    found = np.zeros((frames, len(ANGLES)))
    for slowest, fastest in ((30, 60), (14, 30)):
        rate = 1 / random.uniform(slowest, fastest, len(ANGLES))
        phase = random.random(len(ANGLES))
        found += random.normal(0, 0.7, len(ANGLES)) * np.sin(2 * np.pi * (rate * times + phase))
    return found


def _room(seed: int, person: int, action: int, number: int) -> int:
    """The takes of a person's action go through all rooms, in an order of their own."""
    random = np.random.default_rng([seed, 6, person, action])
    return int(random.permutation(len(ROOMS))[number % len(ROOMS)])
