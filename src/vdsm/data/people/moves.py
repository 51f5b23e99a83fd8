"""How joints move in each action, by its phase and a take's style.

Angles are degrees; what an action does not name stays as people stand. `phase` counts repetitions:
whole numbers are their beginnings.
"""

from dataclasses import dataclass

import numpy as np

from vdsm.data.clips import Floats

Angles = dict[str, Floats]


@dataclass(frozen=True)
class Style:
    """How a take performs its action."""

    side: str  # left or right, which hand waves or foot kicks
    size: float  # of the movement, about 1
    asymmetry: float  # of the two sides, about 0


def _both(**angles: Floats | float) -> Angles:
    return {f"{side}_{k}": np.asarray(v) for side in ("left", "right") for k, v in angles.items()}


def _one(side: str, **angles: Floats | float) -> Angles:
    return {f"{side}_{k}": np.asarray(v) for k, v in angles.items()}


def _other(side: str) -> str:
    return "left" if side == "right" else "right"


def _sine(phase: Floats) -> Floats:
    return np.asarray(np.sin(2 * np.pi * phase))


def _up(phase: Floats) -> Floats:
    """0 at the beginning of a repetition, 1 in its middle."""
    return np.asarray((1 - np.cos(2 * np.pi * phase)) / 2)


def _bump(phase: Floats, centre: float, width: float) -> Floats:
    """A smooth bump of height 1, once a repetition."""
    away = (phase - centre + 0.5) % 1 - 0.5
    return np.asarray(np.exp(-((away / width) ** 2)))


def wave(phase: Floats, style: Style) -> Angles:
    swing = _sine(phase)
    return _one(
        style.side,
        shoulder_raise=92 + 6 * swing,
        shoulder_swing=8,
        shoulder_twist=86,
        elbow_bend=74 - 30 * style.size * swing,
        wrist_side=16 * style.size * _sine(phase - 0.08),
        fingers_curl=4,
    ) | {"spine_side": -2 * swing, "head_turn": np.asarray(6.0 if style.side == "left" else -6.0)}


def two_hand_wave(phase: Floats, style: Style) -> Angles:
    found: Angles = {}
    for side, sign in (("left", 1), ("right", -1)):
        swing = _sine(phase) * style.size * (1 + sign * style.asymmetry)
        found |= _one(
            side,
            shoulder_raise=132 + 24 * swing,
            shoulder_swing=6,
            shoulder_twist=84,
            elbow_bend=34 - 18 * swing,
            wrist_side=14 * swing,
            fingers_curl=4,
        )
    return found | {"spine_bend": np.asarray(-3.0), "head_nod": np.asarray(-4.0)}


def jumping_jack(phase: Floats, style: Style) -> Angles:
    up = _up(phase)
    found: Angles = {}
    for side, sign in (("left", 1), ("right", -1)):
        own = 1 + 0.5 * sign * style.asymmetry
        found |= _one(
            side,
            shoulder_raise=10 + 142 * up * style.size**0.5 * own,
            shoulder_swing=8,
            shoulder_twist=60 * up,
            elbow_bend=16 + 8 * up,
            fingers_curl=8,
        )
    landing = _bump(phase, 0, 0.11) + _bump(phase, 0.5, 0.11)
    bent = 6 + 18 * landing
    spread = 3 + 19 * up * style.size
    return found | _both(
        hip_spread=spread,
        hip_flex=0.5 * bent,
        knee_bend=bent,
        ankle_point=-0.5 * bent + 22 * (1 - landing) ** 2,
        ankle_side=spread,
    )


def hop(phase: Floats) -> Floats:
    """In the air between the two landings of a jumping jack."""
    return np.asarray(0.075 * np.sin(2 * np.pi * phase) ** 2)


def bend(phase: Floats, style: Style) -> Angles:
    down = _up(phase) * style.size
    trunk = 44 * down
    spine = 46 * down
    return {"pelvis_pitch": trunk, "spine_bend": spine, "head_nod": 8 * down} | _both(
        hip_flex=trunk + 6 * down,
        knee_bend=3 + 12 * down,
        ankle_point=-3 - 6 * down,
        shoulder_swing=3 + 0.94 * (trunk + spine),
        shoulder_raise=9 - 5 * down,
        elbow_bend=14 - 8 * down,
        fingers_curl=22 - 10 * down,
    )


def walk(phase: Floats, style: Style) -> Angles:
    found: Angles = {}
    for side, late in (("left", 0.0), ("right", 0.5)):
        own = phase + late
        stride = np.cos(2 * np.pi * own)
        found |= _one(
            side,
            hip_flex=8 + 25 * style.size * stride,
            hip_spread=2,
            ankle_side=2,
            knee_bend=5 + 58 * style.size * _bump(own, 0.73, 0.13) + 13 * _bump(own, 0.13, 0.09),
            ankle_point=-6 * _bump(own, 0.42, 0.12) + 22 * _bump(own, 0.6, 0.08),
            toes_lift=24 * _bump(own, 0.55, 0.07),
            shoulder_swing=2 - 25 * style.size * stride,
            elbow_bend=24 - 10 * stride,
            shoulder_raise=7,
        )
    turn = np.cos(2 * np.pi * phase)
    return found | {
        "pelvis_turn": -4 * turn,
        "spine_turn": 9 * turn,
        "spine_bend": np.asarray(3.0),
    }


def box(phase: Floats, style: Style) -> Angles:
    found: Angles = {}
    front = style.side
    for side, late in ((front, 0.0), (_other(front), 0.5)):
        punch = np.clip(_sine(phase + late), 0, None) ** 1.3 * min(style.size, 1.05)
        found |= _one(
            side,
            shoulder_swing=34 + 52 * punch,
            shoulder_raise=10 + 4 * punch,
            shoulder_twist=-14 - 40 * punch,
            elbow_bend=128 - 118 * punch,
            forearm_twist=-30,
            fingers_curl=84,
        )
    sign = 1 if front == "left" else -1
    legs = _one(front, hip_flex=22, knee_bend=18, ankle_point=4) | _one(
        _other(front), hip_flex=-4, knee_bend=18, ankle_point=-22
    )
    return (
        found
        | legs
        | {
            "pelvis_turn": np.asarray(-sign * 18.0),
            "spine_turn": -sign * 26 * _sine(phase),
            "spine_bend": np.asarray(10.0),
            "head_nod": np.asarray(4.0),
            "head_turn": sign * (10 + 18 * _sine(phase)),
        }
    )


def squat(phase: Floats, style: Style) -> Angles:
    down = _up(phase) * style.size
    knee, hip, pitch = 108 * down, 98 * down, 34 * down
    return {"pelvis_pitch": pitch, "spine_bend": 12 * down, "head_nod": -26 * down} | _both(
        hip_flex=2 + hip,
        hip_spread=5 + 9 * down,
        knee_bend=3 + knee,
        ankle_point=hip - pitch - knee - 1,
        ankle_side=5 + 9 * down,
        shoulder_swing=3 + 92 * down + 0.35 * (pitch + 12 * down),
        shoulder_raise=9 - 3 * down,
        elbow_bend=14 - 8 * down,
        fingers_curl=22 - 14 * down,
    )


def kick(phase: Floats, style: Style) -> Angles:
    chamber, strike = _bump(phase, 0.5, 0.25), _bump(phase, 0.5, 0.14)
    folded = np.clip(_bump(phase, 0.29, 0.12) + 0.85 * _bump(phase, 0.72, 0.12), 0, 1)
    leg, sign = style.side, 1 if style.side == "left" else -1
    kicking = _one(
        leg,
        hip_flex=2 + 80 * style.size * chamber,
        knee_bend=5 + 88 * folded,
        ankle_point=28 * strike,
        shoulder_swing=8 - 26 * strike,
        elbow_bend=104 - 40 * strike,
    )
    standing = _one(
        _other(leg),
        hip_flex=2 + 6 * chamber,
        knee_bend=5 + 10 * chamber,
        ankle_point=-3 - 4 * chamber,
        shoulder_swing=14 + 20 * strike,
        elbow_bend=112,
    )
    both = _both(shoulder_raise=16 + 8 * strike, fingers_curl=66)
    trunk = {
        "pelvis_pitch": -9 * strike,
        "spine_bend": 10 * strike,
        "pelvis_turn": -sign * 12 * strike,
        "spine_turn": sign * 14 * strike,
    }
    return kicking | standing | both | trunk
