"""Writes a family as a dataset, and finds again what every clip of it was drawn from."""

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import numpy as np
from pydantic import Field
from pydantic.dataclasses import dataclass as options_dataclass

from vdsm.config import Seed
from vdsm.data.clips import (
    SPLITS,
    Clips,
    ClipWriter,
    Factor,
    Floats,
    Frames,
    Info,
    Ints,
    three_splits,
)
from vdsm.data.families import FAMILIES, Family
from vdsm.data.families.factors import Params
from vdsm.data.maker import provenance
from vdsm.errors import InputError

CHUNK = 32  # clips drawn at once
Name = Literal["curves", "textures", "grey", "figures", "wheels", "shake", "arms", "tiles"]


@options_dataclass(frozen=True)
class FamilyOptions:
    """Options of `vdsm data family`."""

    family: Name = Field(default="curves", description="which family of clips")
    size: Literal[32, 64, 128] = Field(default=64, description="side of a frame in pixels")
    clips: int = Field(default=1500, ge=2, description="clips, those held out among them")
    frames: int = Field(default=20, ge=2, description="frames in a clip")
    each: int = Field(default=1, ge=1, description="clips of every individual; 1: nobody twice")
    test_share: float = Field(default=0.2, gt=0, lt=1, description="share of individuals held out")
    validation_share: float = Field(
        default=0.1, ge=0, lt=1, description="share of them held out of training for choices"
    )
    seed: Seed = Field(default=0, description="of who is in the clips and what they do")


def make(out: Path, options: FamilyOptions) -> None:
    """Write the family's dataset: `clips` of them, `each` of one individual."""
    family = FAMILIES[options.family]
    params, who = sample(family, options)
    split = three_splits(who, options.test_share, options.validation_share, options.seed)
    with ClipWriter(out, _info(family, options)) as writer:
        for rows in _chunks(len(who)):
            chosen = {name: values[rows] for name, values in params.items()}
            drawn = render(family, chosen, options.frames, options.size)
            labels = {f.name: f.label(chosen[f.name]) for f in family.factors}
            for i, row in enumerate(rows):
                writer.add(
                    drawn[i],
                    group=int(who[row]),
                    split=SPLITS[split[row]],
                    labels={name: int(label[i]) for name, label in labels.items()},
                )


def sample(family: Family, options: FamilyOptions) -> tuple[Params, Ints]:
    """What every clip is drawn from, and who is in it [N]: a function of the options alone."""
    rng = np.random.default_rng([options.seed, options.clips, options.each])
    people = -(-options.clips // options.each)
    who = rng.permutation(np.repeat(np.arange(people), options.each)[: options.clips])
    drawn = {
        f.name: f.draw(rng, people)[who] if f.role == "identity" else f.draw(rng, options.clips)
        for f in family.factors
    }
    return drawn, who.astype(np.int64)


def render(family: Family, params: Params, frames: int, size: int) -> Frames:
    """uint8 [N, T, H, W, C]."""
    return np.rint(255 * np.clip(family.draw(params, frames, size), 0, 1)).astype(np.uint8)


def drawn_from(clips: Clips) -> tuple[Family, Params]:
    """The family that a dataset is of, and what its clips were drawn from, [N] each."""
    made = clips.info.made
    if made.get("maker") != "family":
        raise InputError(f"{clips.info.name} is no family of clips: make one by 'vdsm data family'")
    options = FamilyOptions(**made["options"])
    family = FAMILIES[options.family]
    return family, sample(family, options)[0]


def _chunks(count: int) -> Iterator[Ints]:
    for first in range(0, count, CHUNK):
        yield np.arange(first, min(first + CHUNK, count))


def _info(family: Family, options: FamilyOptions) -> Info:
    factors = tuple(Factor(f.name, f.role, f.names) for f in family.factors)
    made = provenance("family", options, source="drawn by this package", licence="CC0-1.0")
    return Info(options.family, options.size, family.channels, factors, made)


__all__ = ["FamilyOptions", "Floats", "drawn_from", "make", "render", "sample"]
