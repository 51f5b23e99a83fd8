"""`vdsm data`: make a dataset."""

import hashlib
import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import Field

from vdsm.config import describe, suggest
from vdsm.data import MAKERS, open_clips
from vdsm.data.clips import half_made, is_dataset, resumable
from vdsm.data.crop.store import BOXES, WHOLE
from vdsm.data.maker import Maker
from vdsm.data.shards import check_number, write_shards
from vdsm.errors import InputError
from vdsm.files import atomic_write, claim_folder, read_json
from vdsm.options import entry, flag_help, others, position, record, split, typed
from vdsm.options import read as read_record
from vdsm.screen import screen
from vdsm.version import __version__
from vdsm.words import counted

# What files were called, which were broken, where they were cropped; what drawn data add.
KEPT = ("*.csv", BOXES, WHOLE, "truth.npz", "model.*")
ASKED = "asked.json"  # in a hidden folder: which options made it


@record
class Options:
    """Make a dataset."""

    name: str = position("NAME", f"one of {', '.join(MAKERS)}")
    out: Path = Field(title="DATA", description="the folder to write")
    shards: int = Field(default=0, ge=0, title="N", description="write N tar shards instead")
    fields: dict[str, str] = others()  # of the maker


def read(words: list[str]) -> Options:
    """The record, whose fields are those of the maker that is named."""
    name = named(words)
    if name is None:
        raise InputError(f"vdsm data: NAME is needed, one of {', '.join(MAKERS)}")
    return read_record(Options, words, f"vdsm data {name}", maker_of(name).options)


def named(words: list[str]) -> str | None:
    """The first word that stands alone, if any."""
    places, _ = split(words, "vdsm data", describe(Options))
    return places[0] if places else None


def maker_of(name: str) -> Maker:
    """The maker of that name; InputError, with the nearest, for any other."""
    if name not in MAKERS:
        raise InputError(f"unknown dataset '{name}'{suggest(name, list(MAKERS))}")
    return MAKERS[name]


def help(words: list[str], all: bool) -> str:
    """The datasets, or the options of the one that is named."""
    name = named(words)
    if name is None:
        lines = "\n".join(entry(name, maker.help) for name, maker in MAKERS.items())
        return (
            "usage: vdsm data NAME --out DATA [options]\n\nMake a dataset.\n\n"
            f"{lines}\n\nvdsm data NAME --help    its options"
        )
    maker = maker_of(name)
    own = flag_help(Options, only=("out", "shards"))
    return (
        f"usage: vdsm data {name} --out DATA [options]\n\n{maker.help}\n\n"
        f"options [default]:\n{own}\n{flag_help(maker.options)}"
    )


def run(options: Options) -> None:
    """Make the dataset in its folder."""
    maker = MAKERS[options.name]
    settings = typed(maker.options, options.fields, f"vdsm data {options.name}")
    if options.shards:
        make_shards(maker, settings, options.out, options.shards)
    else:
        maker.make(options.out, settings)
    if not is_dataset(options.out):  # pictures in another layout, of which the maker has spoken
        return
    clips = open_clips(options.out)
    screen().print(
        f"{options.out}: {counted(len(clips), 'clip')} of {clips.info.name}, "
        f"see 'vdsm info {options.out}'",
        soft_wrap=True,
    )


def make_shards(maker: Maker, options: Any, out: Path, shards: int) -> None:
    """Make a dataset in a hidden folder beside `out`, then write it to `out` as tar shards.

    What was made, half or whole, stays after a failure: the same command goes on where it was.
    """
    claim_folder(out)  # now, not after an hour of decoding
    out.rmdir()
    most = maker.most(options)
    if most is not None:
        check_number(shards, most)
    folder = out.resolve().with_name(f".{out.resolve().name}.clips")
    try:
        make_once(maker, options, folder)
        write_shards(open_clips(folder), out, shards)
    except InputError as error:
        if not folder.exists():
            raise
        raise InputError(f"{error}; {folder} keeps what is made, for the next try") from error
    for pattern in KEPT:
        for kept in folder.glob(pattern):
            shutil.copy(kept, out)
    shutil.rmtree(folder)


def make_once(maker: Maker, options: Any, folder: Path) -> None:
    """Make a dataset, unless the folder holds it: whole, of the same options and version."""
    given = {
        name: [str(v.resolve()), files_digest(v)] if isinstance(v, Path) else v
        for name, v in vars(options).items()
    }
    if made_of(folder, given):
        return
    if is_dataset(folder) or (half_made(folder) and not resumable(folder)):
        shutil.rmtree(folder)
    maker.make(folder, options)
    record = {"version": __version__, "options": given}
    atomic_write(folder / ASKED, json.dumps(record).encode())


def files_digest(path: Path) -> str:
    """Digest of names, sizes and times of a file, or of all files in a folder."""
    files = sorted(file for file in [path, *path.rglob("*")] if file.is_file())
    about = [(str(file), s.st_size, s.st_mtime_ns) for file in files for s in [file.stat()]]
    return hashlib.sha256(repr(about).encode()).hexdigest()


def made_of(folder: Path, given: Mapping[str, Any]) -> bool:
    """Whether a whole dataset lies in a folder, made with options that give the same data."""
    try:
        counts = open_clips(folder).info.made["options"]  # those that bear on the data
        asked = read_json(folder / ASKED)
    except InputError:
        return False
    same = all(asked["options"].get(name) == given.get(name) for name in counts)
    return same and asked["version"] == __version__
