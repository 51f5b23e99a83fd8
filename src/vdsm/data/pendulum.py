"""Coloured pendula at two speeds, simulated from the equation of motion θ'' = -(g/L) sin θ.

Paper, Sec. 4: "a synthetic dataset which comprises seven different colored pendula swinging at
two speeds (fast and slow)". Time is counted in frames: a speed is given by the period of small
swings, 2π √(L/g). A swing of amplitude A takes longer, by 1/agm(1, cos(A/2)).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from pydantic import Field
from pydantic.dataclasses import dataclass as options_dataclass

from vdsm.config import Seed
from vdsm.data.clips import SPLITS, ClipWriter, Factor, Floats, Frames, Info, three_splits
from vdsm.data.maker import provenance
from vdsm.errors import InputError

COLOURS: dict[str, tuple[int, int, int]] = {
    "red": (235, 40, 40),
    "green": (50, 200, 60),
    "blue": (50, 90, 255),
    "yellow": (245, 225, 40),
    "magenta": (225, 50, 220),
    "cyan": (40, 215, 225),
    "white": (240, 240, 240),
}
SPEEDS = ("fast", "slow")

# The drawing, in shares of the frame's side. The widest swing stays inside the frame.
PIVOT = (0.5, 0.27)  # x, y from the top left corner
LENGTH = 0.425  # pivot to the centre of the bob
BOB_RADIUS = 0.13
ROD_RADIUS = 0.035
WIDEST = 1.05  # rad
LONGEST = 20  # clips that a slow swing may last; in a longer one nothing is seen to move

Values = float | Sequence[float] | npt.NDArray[Any]


@options_dataclass(frozen=True)
class PendulumOptions:
    """Options of `vdsm data pendulum`."""

    size: Literal[32, 64, 128] = Field(default=64, description="side of a frame in pixels")
    clips_per_cell: int = Field(default=40, ge=2, description="clips of each colour at each speed")
    frames: int = Field(default=60, ge=2, description="frames in a clip")
    fast_period: float = Field(default=11.0, gt=2, description="frames in a small fast swing")
    slow_period: float = Field(default=22.0, gt=2, description="frames in a small slow swing")
    smallest: float = Field(default=0.4, gt=0, le=WIDEST, description="smallest amplitude, radians")
    largest: float = Field(default=1.0, gt=0, le=WIDEST, description="largest amplitude, radians")
    test_share: float = Field(
        default=0.2, gt=0, lt=1, description="share of each cell's clips held out"
    )
    validation_share: float = Field(
        default=0.1, ge=0, lt=1, description="share of them held out of training for choices"
    )
    seed: Seed = Field(default=0, description="seed of amplitudes, phases and split")

    def period(self, speed: str) -> float:
        return self.fast_period if speed == "fast" else self.slow_period


@dataclass(frozen=True)
class Swing:
    """Angles and angular velocities of N pendula at T frames."""

    angle: Floats  # [N, T] rad, 0 hangs down, positive to the right
    velocity: Floats  # [N, T] rad per frame


def period(amplitude: Values, small_period: Values) -> Floats:
    """The exact period of a swing of this amplitude, in frames: small_period / agm(1, cos(A/2)).

    Equal to (2/π) K(sin²(A/2)) times the small period, by Gauss's form of the elliptic integral.
    """
    a, g = np.broadcast_arrays(1.0, np.cos(np.asarray(amplitude, np.float64) / 2))
    for _ in range(8):  # converges quadratically
        a, g = (a + g) / 2, np.sqrt(a * g)
    return np.asarray(np.asarray(small_period, np.float64) / a)


def simulate(
    amplitude: Values,
    phase: Values,
    small_period: Values,
    frames: int,
    substeps: int = 16,
) -> Swing:
    """Swing N pendula for some frames, by the classical Runge-Kutta method.

    amplitude [N] rad; phase [N] in [0, 1), the share of a period since the rightmost point at the
    first frame; small_period [N] frames, 2π √(L/g); `substeps` integration steps between frames.
    """
    amplitude, phase, small = np.broadcast_arrays(
        *(np.atleast_1d(np.asarray(x, np.float64)) for x in (amplitude, phase, small_period))
    )
    g_over_l = (2 * np.pi / small) ** 2
    state = np.stack([amplitude, np.zeros_like(amplitude)])
    lead = 256  # steps from rest at the rightmost point to the first frame
    for _ in range(lead):
        state = _rk4(state, phase * period(amplitude, small) / lead, g_over_l)
    states = [state]
    for _ in range(frames - 1):
        for _ in range(substeps):
            state = _rk4(state, np.full_like(small, 1 / substeps), g_over_l)
        states.append(state)
    angle, velocity = np.stack(states, axis=-1)
    return Swing(angle, velocity)


def _rk4(state: Floats, dt: Floats, g_over_l: Floats) -> Floats:
    def slope(state: Floats) -> Floats:
        return np.stack([state[1], -g_over_l * np.sin(state[0])])

    k1 = slope(state)
    k2 = slope(state + dt / 2 * k1)
    k3 = slope(state + dt / 2 * k2)
    k4 = slope(state + dt * k3)
    return np.asarray(state + dt / 6 * (k1 + 2 * k2 + 2 * k3 + k4))


def draw(angle: Values, colour: tuple[int, int, int], size: int) -> Frames:
    """uint8 [T, size, size, 3]: a rod and a bob of one colour on black, at angles [T].

    Edges are smoothed by coverage: a pixel's share is how far the outline passes its centre.
    """
    angle = np.asarray(angle, np.float32)[:, None, None]
    centre = (np.arange(size, dtype=np.float32) + 0.5) / size
    x, y = centre[None, None, :] - PIVOT[0], centre[None, :, None] - PIVOT[1]
    along = x * np.sin(angle) + y * np.cos(angle)  # from the pivot towards the bob
    across = x * np.cos(angle) - y * np.sin(angle)
    rod = np.sqrt(across**2 + (along - np.clip(along, 0, LENGTH)) ** 2) - ROD_RADIUS
    bob = np.sqrt(across**2 + (along - LENGTH) ** 2) - BOB_RADIUS
    cover = np.clip(0.5 - size * np.minimum(rod, bob), 0, 1)
    shades = np.rint(np.linspace(0, 1, 256)[:, None] * colour).astype(np.uint8)
    return shades[np.rint(255 * cover).astype(np.uint8)]


def angle_of(frames: npt.NDArray[Any]) -> Floats:
    """Angles [...] measured from frames [..., H, W, C], drawn or generated, of any value range.

    The drawing is symmetric about its rod, so the pivot and the centroid of brightness lie on it.
    A haze below a fifth of the brightest value does not count. A frame that is black has no
    angle: nan.
    """
    light = np.asarray(frames, np.float64).max(axis=-1)
    light = np.clip(light - 0.2 * light.max(axis=(-2, -1), keepdims=True), 0, None)
    height, width = light.shape[-2:]
    x = (np.arange(width) + 0.5) / width - PIVOT[0]
    y = (np.arange(height) + 0.5) / height - PIVOT[1]
    across, down = (light * x).sum((-2, -1)), (light * y[:, None]).sum((-2, -1))
    angle = np.arctan2(across, down)
    return np.asarray(np.where(light.sum((-2, -1)) > 0, angle, np.nan))


def period_of(angle: Values, shortest: float = 4.0) -> Floats:
    """Periods [...] in frames of swings [..., T]: the sinusoid of least squared error.

    Looks between `shortest` and 2 T frames, to a hundredth of a frame or finer.
    """
    angle = np.asarray(angle, np.float64)
    t = np.arange(angle.shape[-1])
    rates = np.arange(1 / (2 * len(t)), 1 / shortest, 1e-4)  # cycles per frame
    flat = angle.reshape(-1, len(t))
    fitted = np.stack([_explained(flat, t, rate) for rate in rates])
    rate = rates[fitted.argmax(axis=0)]
    fine = np.linspace(-1e-4, 1e-4, 21)
    finer = np.stack([_explained_each(flat, t, rate + offset) for offset in fine])
    return np.asarray(1 / (rate + fine[finer.argmax(axis=0)])).reshape(angle.shape[:-1])


def _explained(angle: Floats, t: npt.NDArray[np.int64], rate: float) -> Floats:
    """[N] squared length of angles [N, T] within the span of 1, cos, sin at one rate."""
    basis = np.stack([np.ones(len(t)), *(f(2 * np.pi * rate * t) for f in (np.cos, np.sin))], 1)
    q, _ = np.linalg.qr(basis)
    return np.asarray(((angle @ q) ** 2).sum(axis=1))


def _explained_each(angle: Floats, t: npt.NDArray[np.int64], rate: Floats) -> Floats:
    return np.array([_explained(a[None], t, float(r))[0] for a, r in zip(angle, rate, strict=True)])


def make(out: Path, options: PendulumOptions) -> None:
    """Write the pendulum dataset: every colour at every speed, `clips_per_cell` times."""
    _check(options)
    with ClipWriter(out, _info(options)) as writer:
        for colour, speed, swing, split in _cells(options):
            labels = {"colour": colour, "speed": speed}
            for angle, held in zip(swing.angle, split, strict=True):
                frames = draw(angle, list(COLOURS.values())[colour], options.size)
                writer.add(frames, group=colour, split=SPLITS[held], labels=labels)


def _check(options: PendulumOptions) -> None:
    """InputError for options that do not go together."""
    fast, slow, frames = options.fast_period, options.slow_period, options.frames
    if options.smallest > options.largest:
        raise InputError(
            f"smallest amplitude {options.smallest} exceeds largest {options.largest}: swap them"
        )
    if fast >= slow:
        raise InputError(
            f"--fast-period {fast:g} is not shorter than --slow-period {slow:g}: speeds must differ"
        )
    longest, shortest = period(options.largest, fast), period(options.smallest, slow)
    if longest >= shortest:
        raise InputError(
            f"fast swings last up to {longest:.4g} frames and slow ones from {shortest:.4g}, so "
            "speeds cannot be told apart: raise --slow-period, or lower --fast-period or --largest"
        )
    if slow > LONGEST * frames:
        raise InputError(
            f"--slow-period is {slow:g} but clips have {frames} frames, in which such a pendulum "
            f"hardly moves: choose {LONGEST * frames} at most, or more --frames"
        )


def _cells(options: PendulumOptions) -> Iterator[tuple[int, int, Swing, npt.NDArray[np.int64]]]:
    """Per colour and speed: their indices, swings, and which clips are held out."""
    n = options.clips_per_cell
    for colour in range(len(COLOURS)):
        for speed, name in enumerate(SPEEDS):
            cell = colour * len(SPEEDS) + speed
            random = np.random.default_rng([options.seed, cell])
            amplitude = random.uniform(options.smallest, options.largest, n)
            swing = simulate(amplitude, random.random(n), options.period(name), options.frames)
            shares = options.test_share, options.validation_share
            split = three_splits(range(n), *shares, int(random.integers(2**31)))
            yield colour, speed, swing, split


def _info(options: PendulumOptions) -> Info:
    amplitudes = (options.smallest, options.largest)
    periods = {
        speed: {
            "small_swing": options.period(speed),
            "range": [float(period(a, options.period(speed))) for a in amplitudes],
        }
        for speed in SPEEDS
    }
    made = provenance(
        "pendulum",
        options,
        source="simulated: the equation of motion of a pendulum, drawn by this package",
        licence="CC0-1.0",
        periods=periods,
    )
    factors = (Factor("colour", "identity", tuple(COLOURS)), Factor("speed", "action", SPEEDS))
    return Info("pendulum", options.size, 3, factors, made)
