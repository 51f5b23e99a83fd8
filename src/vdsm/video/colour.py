"""Wide colours and high dynamic range become sRGB, so that every camera gives the same picture.

Reference white (BT.2408: 203 cd/m²; HLG signal 75 %) becomes white. Below 85 % of it light is
kept as it is, highlights above are rolled off, colours beyond sRGB are clipped. Cameras and
converters take an SDR signal for light by the curve of sRGB or by the power 2.4 of BT.1886, which
differ by up to 13/255 in shadows; the mean of both is written, so neither is off by more than 7.

    PQ      BT.2100-2 table 4: the signal is light on the display, up to 10,000 cd/m²
    HLG     BT.2100-2 table 5: with the OOTF of a display of 1,000 cd/m², gamma 1.2
    others  primaries alone are converted, through sRGB's own curve, so greys stay as they are
"""

from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageFilter

from vdsm.video.limits import Frames

Light = npt.NDArray[np.float64]

PQ, HLG = 16, 18  # transfer characteristics, ISO 23091-2
BT709, BT2020, P3 = 1, 9, 12  # primaries
HIGH_RANGE = (PQ, HLG)
WHITE = 203.0  # cd/m²
KNEE = 0.85  # of white, from which highlights are rolled off
NODES = 65  # of the table, along each channel
# x, y of red, green and blue; all with white D65.
PRIMARIES = {
    BT709: ((0.64, 0.33), (0.3, 0.6), (0.15, 0.06)),
    BT2020: ((0.708, 0.292), (0.17, 0.797), (0.131, 0.046)),
    P3: ((0.68, 0.32), (0.265, 0.69), (0.15, 0.06)),
}
D65 = (0.3127, 0.329)


def is_wide(transfer: int, primaries: int) -> bool:
    """Whether colours with these characteristics need `to_srgb`."""
    return transfer in HIGH_RANGE or primaries in (BT2020, P3)


def to_srgb(image: Frames, transfer: int, primaries: int) -> Frames:
    """uint8 [H, W, 3] in sRGB of R'G'B' [H, W, 3] with other characteristics."""
    if transfer in HIGH_RANGE and primaries not in PRIMARIES:
        primaries = BT2020
    table = _table(transfer if transfer in HIGH_RANGE else 0, primaries)
    return np.asarray(Image.fromarray(np.ascontiguousarray(image)).filter(table))


@lru_cache
def _table(transfer: int, primaries: int) -> Any:
    """The conversion at a grid of colours; Pillow interpolates between them."""
    grid = np.linspace(0, 1, NODES)
    blue, green, red = np.meshgrid(grid, grid, grid, indexing="ij")  # red changes fastest
    colours = convert(np.stack([red, green, blue], -1).reshape(-1, 3), transfer, primaries)
    return ImageFilter.Color3DLUT(NODES, colours.ravel().tolist())


def convert(signal: Light, transfer: int, primaries: int) -> Light:
    """sRGB [N, 3] in [0, 1] of signals [N, 3] in [0, 1]."""
    to_xyz = _to_xyz(primaries)
    if transfer == PQ:
        light = _pq(signal) / WHITE
    elif transfer == HLG:
        light = _hlg(signal, to_xyz[1]) / WHITE
    else:
        light = np.where(signal <= 0.04045, signal / 12.92, ((signal + 0.055) / 1.055) ** 2.4)
    light = np.clip(light @ (np.linalg.inv(_to_xyz(BT709)) @ to_xyz).T, 0, None)
    if transfer in HIGH_RANGE:
        light = _roll_off(light)
        light = np.clip(light, 0, 1)
        return (_srgb(light) + light ** (1 / 2.4)) / 2
    return _srgb(np.clip(light, 0, 1))


def _srgb(light: Light) -> Light:
    """The signal of sRGB for light in [0, 1]."""
    return np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)


def _to_xyz(primaries: int) -> Light:
    """[3, 3]: linear RGB to XYZ (SMPTE RP 177)."""
    columns = np.array([[x / y, 1, (1 - x - y) / y] for x, y in PRIMARIES[primaries]]).T
    x, y = D65
    scale: Light = np.linalg.solve(columns, [x / y, 1, (1 - x - y) / y])
    return columns * scale


def _pq(signal: Light) -> Light:
    """cd/m² of a PQ signal."""
    m1, m2 = 2610 / 16384, 2523 / 4096 * 128
    c1, c2, c3 = 3424 / 4096, 2413 / 4096 * 32, 2392 / 4096 * 32
    power = signal ** (1 / m2)
    light: Light = 10000 * (np.maximum(power - c1, 0) / (c2 - c3 * power)) ** (1 / m1)
    return light


def _hlg(signal: Light, luma: Light) -> Light:
    """cd/m² of an HLG signal on a display of 1,000 cd/m²; luma: weights of the channels."""
    a, b, c = 0.17883277, 0.28466892, 0.55991073
    scene = np.where(signal <= 0.5, signal**2 / 3, (np.exp((signal - c) / a) + b) / 12)
    light: Light = 1000 * scene * (scene @ luma)[:, None] ** 0.2
    return light


def _roll_off(light: Light) -> Light:
    """Bring highlights below 1, by the brightest channel, so that hues stay."""
    most = np.maximum(light.max(axis=1, keepdims=True), 1e-9)
    rest = 1 - KNEE
    bent = np.where(most > KNEE, KNEE + rest * (1 - np.exp((KNEE - most) / rest)), most)
    return light * bent / most
