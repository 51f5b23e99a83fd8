"""The actions: joint angles over time, of a take's style. Nothing here knows who performs them."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from vdsm.data.clips import Floats
from vdsm.data.people import moves
from vdsm.data.people.moves import Angles, Style
from vdsm.data.people.skeleton import ANGLES

STANCE = {
    "shoulder_raise": 9.0,
    "shoulder_swing": 3.0,
    "elbow_bend": 14.0,
    "fingers_curl": 22.0,
    "hip_spread": 4.0,
    "knee_bend": 3.0,
    "hip_flex": 2.0,
    "ankle_point": -1.0,
    "ankle_side": 4.0,
}
SWAY = 1.4  # degrees: nobody stands still


@dataclass(frozen=True)
class Action:
    """One of the actions."""

    name: str
    period: float  # frames of a repetition, at the usual speed
    heading: float  # degrees to the left; 0 faces the camera
    angles: Callable[[Floats, Style], Angles]
    hop: Callable[[Floats], Floats] | None = (
        None  # height of the feet above the ground, legs' lengths
    )
    one_leg: bool = False  # stands on the leg of the other side than the style's

    def feet(self, style: Style) -> tuple[float, float]:
        """How far left and right foot keep their place."""
        if not self.one_leg:
            return 0.5, 0.5
        return (0.0, 1.0) if style.side == "left" else (1.0, 0.0)


ACTIONS = (
    Action("wave", 13, 0, moves.wave),
    Action("two-hand wave", 15, 0, moves.two_hand_wave),
    Action("jumping jack", 17, 0, moves.jumping_jack, moves.hop),
    Action("bend", 24, 58, moves.bend),
    Action("walk", 17, 62, moves.walk),
    Action("box", 14, 48, moves.box),
    Action("squat", 24, 46, moves.squat),
    Action("kick", 18, 60, moves.kick, one_leg=True),
)


def angles_of(action: Action, phase: Floats, style: Style, sway: Floats) -> Floats:
    """[T, ANGLES] rad. sway: [T, ANGLES] about 0, how much each angle strays by itself."""
    found = {f"{side}_{k}": np.asarray(v) for side in ("left", "right") for k, v in STANCE.items()}
    found |= action.angles(phase, style)
    columns = [np.broadcast_to(found.get(name, np.asarray(0.0)), phase.shape) for name in ANGLES]
    return np.asarray(np.deg2rad(np.stack(columns, 1) + SWAY * sway))
