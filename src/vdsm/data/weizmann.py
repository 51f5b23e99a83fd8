"""Weizmann: real people in action, from strips of frames as the authors of MoCoGAN packed them.

Paper, App. H. Source: a folder per action, in it one picture per clip, square frames side by
side. In the file's number, number // 8 is the person, and odd numbers are mirrored copies.
Actions as space-time shapes, Weizmann Institute, M. Blank, L. Gorelick et al.:
https://www.wisdom.weizmann.ac.il/~vision/SpaceTimeActions.html
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from pydantic import Field
from pydantic.dataclasses import dataclass as options_dataclass

from vdsm.config import Seed
from vdsm.data.clips import (
    SPLITS,
    ClipWriter,
    Factor,
    Frames,
    Info,
    Ints,
    hold_out,
    hold_out_validation,
)
from vdsm.data.maker import provenance
from vdsm.errors import InputError
from vdsm.video import IMAGE_SUFFIXES, Fit, read_video

ACTIONS = {"0": "one-hand wave", "1": "two-hand wave", "3": "jumping jack", "4": "bend"}


@options_dataclass(frozen=True)
class WeizmannOptions:
    """Options of `vdsm data weizmann`."""

    source: Path = Field(description="folder of strips, with a folder per action: 0, 1, 3, 4")
    size: Literal[32, 64, 128] = Field(default=64, description="side of a frame in pixels")
    holdout: Literal["clip", "person"] = Field(
        default="clip", description="what is held out: clips with their mirrored twins, or persons"
    )
    test_share: float = Field(default=0.25, gt=0, lt=1, description="share that is held out")
    validation_share: float = Field(
        default=0.1, ge=0, lt=1, description="share held out of training for choices; 0: none"
    )
    mirrored: bool = Field(default=True, description="keep the mirrored copies of clips")
    seed: Seed = Field(default=0, description="seed of the split")


@dataclass(frozen=True)
class Strip:
    """One clip's file, and what its place and name say of it."""

    path: Path
    action: int  # index into ACTIONS
    person: int  # number // 8
    recording: int  # number // 2: a clip and its mirrored twin share it


def make(out: Path, options: WeizmannOptions) -> None:
    """Write the Weizmann dataset: whole clips of any length."""
    strips = find_strips(options.source, options.mirrored)
    persons = sorted({strip.person for strip in strips})
    splits = split_of(strips, options)
    with ClipWriter(out, _info(options, persons)) as writer:
        for strip, split in zip(strips, splits, strict=True):
            person = persons.index(strip.person)
            labels = {"person": person, "action": strip.action}
            frames = cut(strip.path, options.size)
            writer.add(frames, group=person, split=SPLITS[split], labels=labels)


def find_strips(source: Path, mirrored: bool = True) -> list[Strip]:
    """The strips of a folder, by action and number."""
    if not source.is_dir():
        raise InputError(f"no folder {source}: name the folder of strips (see docs/data.md)")
    strips = []
    for index, folder in enumerate(ACTIONS):
        files = (source / folder).iterdir() if (source / folder).is_dir() else iter(())
        for path in sorted(file for file in files if file.suffix.lower() in IMAGE_SUFFIXES):
            if not path.stem.isdecimal():
                raise InputError(f"{path} should have a number for a name: person = number // 8")
            number = int(path.stem)
            if mirrored or number % 2 == 0:
                strips.append(Strip(path, index, number // 8, number // 2))
    if not strips:
        raise InputError(f"{source} has no strips in folders {', '.join(ACTIONS)}")
    return strips


def split_of(strips: list[Strip], options: WeizmannOptions) -> Ints:
    """[strips] index into SPLITS: by recording, or by person where persons are held out."""
    held = held_recordings(strips, options)
    test = np.array([strip.recording in held for strip in strips], np.int64)
    by_person = options.holdout == "person"
    values = [strip.person if by_person else strip.recording for strip in strips]
    return hold_out_validation(test, values, options.validation_share, options.seed)


def held_recordings(strips: list[Strip], options: WeizmannOptions) -> set[int]:
    """The recordings of the test split, spread evenly over persons and actions."""
    cells = sorted({(strip.recording, strip.person, strip.action) for strip in strips})
    if options.holdout == "person":
        held = hold_out([person for _, person, _ in cells], options.test_share, options.seed)
        return {recording for (recording, _, _), h in zip(cells, held, strict=True) if h}
    wanted = int(np.clip(round(options.test_share * len(cells)), 1, max(len(cells) - 1, 1)))
    order = np.random.default_rng(options.seed).permutation(len(cells))
    rest, chosen = [cells[i] for i in order], list[tuple[int, int, int]]()
    for _ in range(wanted):
        counts: list[tuple[int, int]] = [
            (sum(c[1] == person for c in chosen), sum(c[2] == action for c in chosen))
            for _, person, action in rest
        ]
        chosen.append(rest.pop(min(range(len(rest)), key=counts.__getitem__)))
    return {recording for recording, _, _ in chosen}


def cut(path: Path, size: int) -> Frames:
    """uint8 [T, size, size, 3]: the square frames of one strip."""
    strip = read_video(path)[0]
    side, width = strip.shape[:2]
    if width % side:
        raise InputError(f"strip {path} is {width}x{side} pixels: its width should be T x {side}")
    frames = strip.reshape(side, width // side, side, 3).swapaxes(0, 1)
    fit = Fit(size)
    return np.stack([fit(np.ascontiguousarray(frame)) for frame in frames])


def _info(options: WeizmannOptions, persons: list[int]) -> Info:
    made = provenance(
        "weizmann",
        options,
        source="Weizmann action videos, https://www.wisdom.weizmann.ac.il/~vision/"
        "SpaceTimeActions.html, as packed for MoCoGAN, https://github.com/sergeytulyakov/mocogan",
        licence="for research, Weizmann Institute of Science",
    )
    factors = (
        Factor("person", "identity", tuple(f"person {person}" for person in persons)),
        Factor("action", "action", tuple(ACTIONS.values())),
    )
    return Info("weizmann", options.size, 3, factors, made)
