"""Datasets behind one clip interface (`clips.Clips`): makers write folders, `open_clips` reads."""

from collections.abc import Callable, Mapping
from pathlib import Path

from vdsm.data import folder, moving_mnist, mug, pendulum, shards, sprites, weizmann
from vdsm.data.clips import Clips, Info, Ints, MemmapClips, read_meta
from vdsm.data.families import make as families
from vdsm.data.maker import Maker
from vdsm.errors import InputError

MAKERS: dict[str, Maker] = {
    "pendulum": Maker(
        pendulum.PendulumOptions, pendulum.make, "seven coloured pendula at two speeds, simulated"
    ),
    "sprites": Maker(
        sprites.SpritesOptions, sprites.make, "cartoon characters, from LPC layer sheets"
    ),
    "folder": Maker(
        folder.FolderOptions,
        folder.make,
        "your own videos or folders of frames",
        most=folder.most_clips,
    ),
    "moving-mnist": Maker(
        moving_mnist.MovingMnistOptions,
        moving_mnist.make,
        "handwritten digits that drift and bounce, from IDX files",
    ),
    "mug": Maker(
        mug.MugOptions, mug.make, "faces with six expressions, from a licensed copy of MUG"
    ),
    "family": Maker(
        families.FamilyOptions, families.make, "one of six families of clips, drawn here"
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
    path = Path(path)
    info, columns = read_meta(path)
    if info.storage not in READERS:
        raise InputError(f"{path} has storage '{info.storage}', which this version cannot read")
    return READERS[info.storage](path, info, columns)
