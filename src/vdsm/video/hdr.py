"""Wide colours and high dynamic range become sRGB, so that every camera gives the same picture.

Reference white (BT.2408: 203 cd/m²; HLG signal 75 %) becomes white. Below 95 % of it light is
kept as it is, highlights above are rolled off, colours beyond sRGB are clipped. Cameras and
converters take an SDR signal for light by the curve of sRGB or by the power 2.4 of BT.1886, which
differ by up to 13/255 in shadows; the mean of both is written, so neither is off by more than 7.

    PQ      BT.2100-2 table 4: the signal is light on the display, up to 10,000 cd/m²
    HLG     BT.2100-2 table 5: with the OOTF of a display of 1,000 cd/m², gamma 1.2
    others  primaries alone are converted, through sRGB's own curve, so greys stay as they are
"""

from functools import lru_cache

import numpy as np
import numpy.typing as npt

from vdsm.video.limits import Frames

Deep = npt.NDArray[np.uint16]
Light = npt.NDArray[np.float32]

PQ, HLG = 16, 18  # transfer characteristics, ISO 23091-2
BT709, BT2020, P3 = 1, 9, 12  # primaries
HIGH_RANGE = (PQ, HLG)
WHITE = 203.0  # cd/m²
KNEE = 0.95  # of white, from which highlights are rolled off
# x, y of red, green and blue; all with white D65.
PRIMARIES = {
    BT709: ((0.64, 0.33), (0.3, 0.6), (0.15, 0.06)),
    BT2020: ((0.708, 0.292), (0.17, 0.797), (0.131, 0.046)),
    P3: ((0.68, 0.32), (0.265, 0.69), (0.15, 0.06)),
}
D65 = (0.3127, 0.329)
FULL = 255 * 256  # the signal 1 in 16 bits, as libswscale writes it: 8 bits and a fraction
STEPS = 4096  # of the root of light, to which signals are tabled
BLOCK = 2**18  # pixels at a time, so that memory stays small


def is_wide(transfer: int, primaries: int) -> bool:
    """Whether colours with these characteristics need `to_srgb`."""
    return transfer in HIGH_RANGE or primaries in (BT2020, P3)


def to_srgb(image: Deep, transfer: int, primaries: int) -> Frames:
    """uint8 [H, W, 3] in sRGB of R'G'B' [H, W, 3] with other characteristics, from 0 to FULL."""
    high = transfer in HIGH_RANGE
    if primaries not in PRIMARIES:
        primaries = BT2020 if high else BT709
    pixels = image.reshape(-1, 3)
    done = np.empty(pixels.shape, np.uint8)
    for at in range(0, len(pixels), BLOCK):
        light = _shown(_light(transfer)[pixels[at : at + BLOCK]], transfer, primaries)
        steps = np.sqrt(light) * (STEPS - 1) + 0.5
        done[at : at + BLOCK] = _signals(high)[steps.astype(np.uint16)]
    return done.reshape(image.shape)


def _shown(light: Light, transfer: int, primaries: int) -> Light:
    """Light [N, 3] of BT.709 primaries in [0, 1], white 1, of that of other primaries."""
    to_xyz = _to_xyz(primaries)
    if transfer == HLG:  # the OOTF: from light of the scene to light of the display
        light = light * (1000 / WHITE) * (light @ to_xyz[1])[:, None] ** np.float32(0.2)
    light = np.maximum(light @ (np.linalg.inv(_to_xyz(BT709)) @ to_xyz).T, 0)
    if transfer in HIGH_RANGE:
        light = _roll_off(light)
    return np.minimum(light, 1)


@lru_cache
def _light(transfer: int) -> Light:
    """[65536]: linear light of each signal, of the display (HLG: of the scene), white 1."""
    signal = np.minimum(np.arange(2**16) / FULL, 1)
    if transfer == PQ:
        light = _pq(signal) / WHITE
    elif transfer == HLG:
        a, b, c = 0.17883277, 0.28466892, 0.55991073
        light = np.where(signal <= 0.5, signal**2 / 3, (np.exp((signal - c) / a) + b) / 12)
    else:
        light = np.where(signal <= 0.04045, signal / 12.92, ((signal + 0.055) / 1.055) ** 2.4)
    return light.astype(np.float32)


@lru_cache
def _signals(high: bool) -> Frames:
    """[STEPS]: the signal of light, by its root."""
    light = np.linspace(0, 1, STEPS) ** 2
    signal = np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)
    if high:
        signal = (signal + light ** (1 / 2.4)) / 2
    steps: Frames = np.rint(255 * signal).astype(np.uint8)
    return steps


@lru_cache
def _to_xyz(primaries: int) -> Light:
    """[3, 3]: linear RGB to XYZ (SMPTE RP 177)."""
    columns = np.array([[x / y, 1, (1 - x - y) / y] for x, y in PRIMARIES[primaries]]).T
    x, y = D65
    scale = np.linalg.solve(columns, [x / y, 1, (1 - x - y) / y])
    return (columns * scale).astype(np.float32)


def _pq(signal: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """cd/m² of a PQ signal."""
    m1, m2 = 2610 / 16384, 2523 / 4096 * 128
    c1, c2, c3 = 3424 / 4096, 2413 / 4096 * 32, 2392 / 4096 * 32
    power = signal ** (1 / m2)
    light: npt.NDArray[np.float64] = (np.maximum(power - c1, 0) / (c2 - c3 * power)) ** (1 / m1)
    return 10000 * light


def _roll_off(light: Light) -> Light:
    """Bring highlights below 1, by the brightest channel, so that hues stay."""
    most = np.maximum(np.maximum(light[:, 0], light[:, 1]), light[:, 2])
    high = most > KNEE
    rest = 1 - KNEE
    bent = KNEE + rest * (1 - np.exp((KNEE - most[high]) / rest))
    light[high] *= (bent / most[high])[:, None]
    return light
