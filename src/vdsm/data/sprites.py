"""Sprites: cartoon characters composed from Liberated Pixel Cup layer sheets, labelled in full.

Source: a folder of layer sheets as in https://github.com/YingzhenLi/Sprites, with body,
bottomwear, topwear, hair and shoes. A sheet is 832 x 1344 pixels: 21 rows of 13 cells, 64 x 64.
A character is the alpha-composite of body, bottomwear, topwear, hair and shoes/1 on black. Only
the layers' cells are stored; `SpriteClips` composes frames as they are read, without loss.

Two variants are in use. Paper, Sec. 4: "7 body types, 4 shirts, 8 hairstyles, and 5 pants,
resulting in 1120 identities. A 10% holdout set was used for testing". The benchmark of S3VAE,
C-DSVAE and their successors: 6 of each, 1296 identities, 1000 to train on by a fixed permutation.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt
from PIL import Image
from pydantic import Field
from pydantic.dataclasses import dataclass as options_dataclass

from vdsm.config import Seed
from vdsm.data.clips import (
    Clips,
    Factor,
    Frames,
    Info,
    Ints,
    hold_out_validation,
    table_of,
    three_splits,
    write_arrays,
)
from vdsm.data.maker import provenance
from vdsm.data.scale import scale
from vdsm.errors import InputError

CELL = 64  # pixels
SHEET = (13 * CELL, 21 * CELL)  # width, height
FRAMES = 8
ACTIONS: dict[str, tuple[int, tuple[int, ...]]] = {  # first row of the sheet, columns
    "walk": (8, (1, 2, 3, 4, 5, 6, 7, 8)),
    "spellcast": (0, (0, 1, 2, 3, 4, 5, 4, 6)),
    "slash": (12, (0, 1, 2, 3, 4, 5, 4, 0)),
}
VIEWS = {"front": 2, "left": 1, "right": 3}  # row within an action
PAIRS = tuple(product(ACTIONS, VIEWS))  # the nine clips of an identity
SHOES = 1  # every character wears these

# Factor -> (folder, number of values), from the slowest to the fastest digit of the identity.
Layers = Mapping[str, tuple[str, int]]
VARIANTS: dict[str, Layers] = {
    "paper": {
        "body": ("body", 7),
        "pants": ("bottomwear", 5),
        "shirt": ("topwear", 4),
        "hair": ("hair", 8),
    },
    "benchmark": {
        "body": ("body", 6),
        "pants": ("bottomwear", 6),
        "shirt": ("topwear", 6),
        "hair": ("hair", 6),
    },
}
BENCHMARK_SEED, BENCHMARK_TRAIN = 423, 1000

Cells = npt.NDArray[np.uint8]


@options_dataclass(frozen=True)
class SpritesOptions:
    """Options of `vdsm data sprites`."""

    source: Path = Field(description="folder of layer sheets: body, bottomwear, topwear, hair, ...")
    variant: Literal["paper", "benchmark"] = Field(
        default="paper",
        description="1120 identities, 10 % held out, or 1296 with the standard split",
    )
    size: Literal[32, 64, 128] = Field(default=64, description="side of a frame in pixels")
    test_share: float = Field(
        default=0.1, gt=0, lt=1, description="share of identities held out (paper variant)"
    )
    validation_share: float = Field(
        default=0.1,
        ge=0,
        lt=1,
        description="share of identities held out of training for choices; 0: none",
    )
    seed: Seed = Field(default=0, description="seed of the held-out identities (paper variant)")


def make(out: Path, options: SpritesOptions) -> None:
    """Write the sprites dataset: cells of the layers, and nine clips' rows per identity."""
    layers = VARIANTS[options.variant]
    cells = read_cells(options.source, layers)
    counts = [count for _, count in layers.values()]
    digits = np.array(list(product(*(range(count) for count in counts))), np.int64)
    n = len(digits)
    columns = {
        "length": np.full(n * len(PAIRS), FRAMES, np.int64),
        "group": np.repeat(np.arange(n, dtype=np.int64), len(PAIRS)),
        "split": np.repeat(_split(n, options), len(PAIRS)),
    }
    for name, column in zip(layers, digits.T, strict=True):
        columns[f"label.{name}"] = np.repeat(column, len(PAIRS))
    pair = np.tile(np.arange(len(PAIRS), dtype=np.int64), n)
    columns |= {"label.action": pair, "label.motion": pair // len(VIEWS)}
    columns |= {"label.view": pair % len(VIEWS)}

    write_arrays(out, _info(options), columns, {"cells": cells})


def read_cells(source: Path, layers: Layers) -> Cells:
    """uint8 [layers' values in order, then shoes, 9, 8, 64, 64, 4]: the cells that clips need.

    A missing folder or sheet, or a sheet of another size, is an InputError that names it.
    """
    if not source.is_dir():
        raise InputError(f"no folder {source}: name the folder of layer sheets (--source)")
    sheets = [
        source / folder / f"{i}.png" for folder, count in layers.values() for i in range(count)
    ]
    return np.stack([_sheet_cells(sheet) for sheet in [*sheets, source / "shoes" / f"{SHOES}.png"]])


def _sheet_cells(path: Path) -> Cells:
    """uint8 [9, 8, 64, 64, 4]: RGBA cells of one sheet."""
    if not path.exists():
        raise InputError(
            f"no layer sheet {path}: get the whole folder of sheets (see docs/data.md)"
        )
    try:
        with Image.open(path) as image:
            if image.size != SHEET:
                raise InputError(
                    f"layer sheet {path} is {image.size[0]}x{image.size[1]} pixels, "
                    f"expected {SHEET[0]}x{SHEET[1]}"
                )
            sheet = np.asarray(image.convert("RGBA"))
    except (OSError, SyntaxError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"cannot read layer sheet {path}: {error}") from error
    grid = sheet.reshape(21, CELL, 13, CELL, 4).swapaxes(1, 2)
    rows = [ACTIONS[action][0] + VIEWS[view] for action, view in PAIRS]
    columns = [list(ACTIONS[action][1]) for action, _ in PAIRS]
    return np.stack([grid[row, column] for row, column in zip(rows, columns, strict=True)])


def _split(n: int, options: SpritesOptions) -> Ints:
    """[n] index into SPLITS: by identity, the same for all nine clips of one."""
    if options.variant == "paper":
        shares = options.test_share, options.validation_share
        return three_splits(range(n), *shares, options.seed)
    split = np.ones(n, np.int64)
    # The literature's split is defined by this legacy generator.
    split[np.random.RandomState(BENCHMARK_SEED).permutation(n)[:BENCHMARK_TRAIN]] = 0
    return hold_out_validation(split, range(n), options.validation_share, options.seed)


def _info(options: SpritesOptions) -> Info:
    layers = VARIANTS[options.variant]
    identity = (
        Factor(name, "identity", tuple(f"{name} {i}" for i in range(count)))
        for name, (_, count) in layers.items()
    )
    action = (
        Factor("action", "action", tuple(f"{motion} {view}" for motion, view in PAIRS)),
        Factor("motion", "action", tuple(ACTIONS)),
        Factor("view", "action", tuple(VIEWS)),
    )
    made = provenance(
        "sprites",
        options,
        source="Liberated Pixel Cup layer sheets, https://github.com/YingzhenLi/Sprites",
        licence="CC-BY-SA-3.0 or GPL-3.0, of the sheets' authors",
    )
    return Info("sprites", options.size, 3, (*identity, *action), made, storage="sprites")


@dataclass(frozen=True)
class _Layer:
    """What one layer value draws in the 8 frames of one action and view.

    Pixels are numbered through the 8 frames; `first[t]` is the first that belongs to frame t.
    """

    opaque: Ints  # pixels that hide what is below
    opaque_first: Ints  # [9]
    colour: npt.NDArray[np.uint32]  # RGBA packed
    soft: Ints  # pixels that let through what is below
    soft_first: Ints  # [9]
    soft_rgb: Ints  # [n, 3]
    soft_alpha: Ints  # [n, 1]

    def over(self, canvas: npt.NDArray[np.uint32], start: int, frames: int) -> None:
        """Draw frames start .. start + frames onto the opaque pixels of `canvas`, in place."""
        skipped = start * CELL * CELL
        a, b = self.opaque_first[start], self.opaque_first[start + frames]
        canvas[self.opaque[a:b] - skipped] = self.colour[a:b]
        a, b = self.soft_first[start], self.soft_first[start + frames]
        if a < b:
            below = canvas.view(np.uint8).reshape(-1, 4)
            at, alpha = self.soft[a:b] - skipped, self.soft_alpha[a:b]
            mixed = self.soft_rgb[a:b] * alpha + below[at, :3] * (255 - alpha)
            below[at, :3] = (2 * mixed + 255) // 510  # mixed / 255, rounded


def _layer(cells: Cells) -> _Layer:
    """Sort the pixels of cells [8, 64, 64, 4] by how they cover."""
    pixels = np.ascontiguousarray(cells).reshape(-1, 4)
    alpha = pixels[:, 3]
    opaque, soft = np.flatnonzero(alpha == 255), np.flatnonzero((alpha > 0) & (alpha < 255))
    bounds = np.arange(FRAMES + 1) * CELL * CELL
    return _Layer(
        opaque,
        np.searchsorted(opaque, bounds),
        pixels.view(np.uint32)[opaque, 0],
        soft,
        np.searchsorted(soft, bounds),
        pixels[soft, :3].astype(np.int64),
        pixels[soft, 3:].astype(np.int64),
    )


class SpriteClips(Clips):
    """Composes frames from the stored cells of the layers as they are read."""

    def __init__(self, path: Path, info: Info, columns: Mapping[str, Ints]) -> None:
        super().__init__(info, table_of(columns), path)
        counts = [len(factor.values) for factor in info.factors if factor.role == "identity"]
        try:
            cells = np.load(path / "cells.npy", mmap_mode="r")
        except (OSError, ValueError, EOFError) as error:
            raise InputError(f"{path / 'cells.npy'} is damaged: make the data again") from error
        if cells.shape != (sum(counts) + 1, len(PAIRS), FRAMES, CELL, CELL, 4):
            raise InputError(f"{path / 'cells.npy'} is of another dataset: make the data again")
        self._layers = [[_layer(pair) for pair in value] for value in cells]
        first = np.cumsum([0, *counts])
        values = [self.table.labels[f.name] for f in info.factors if f.role == "identity"]
        n = len(self)
        # [N, layers] which entry of `_layers` each clip draws, from the lowest up.
        self._drawn = np.stack(
            [*(v + f for v, f in zip(values, first, strict=False)), np.full(n, first[-1])], axis=1
        )

    def read(self, clip: int, start: int, frames: int) -> Frames:
        one: Frames = self.batch(np.array([clip]), np.array([start]), frames)[0]
        return one

    def batch(self, clips: Ints, starts: Ints, frames: int) -> Frames:
        canvas = np.zeros((len(clips), frames * CELL * CELL), np.uint32)
        pairs = self.table.labels["action"][clips]
        for row, clip, pair, start in zip(canvas, clips, pairs, starts.tolist(), strict=True):
            self.require_segment(int(clip), int(start), frames)
            for drawn in self._drawn[clip]:
                self._layers[drawn][pair].over(row, start, frames)
        rgba = canvas.view(np.uint8).reshape(len(clips), frames, CELL, CELL, 4)
        rgb = np.empty((*rgba.shape[:-1], 3), np.uint8)
        for channel in range(3):  # five times as fast as one strided copy
            rgb[..., channel] = rgba[..., channel]
        return scale(rgb, self.info.size)
