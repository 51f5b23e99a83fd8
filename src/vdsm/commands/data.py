"""`vdsm data`: make a dataset."""

import hashlib
import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from vdsm.config import suggest
from vdsm.data import MAKERS, open_clips
from vdsm.data.clips import half_made, is_dataset, resumable
from vdsm.data.maker import Maker
from vdsm.data.shards import check_number, write_shards
from vdsm.errors import InputError
from vdsm.files import atomic_write, claim_folder, read_json
from vdsm.options import flag_help, from_flags
from vdsm.screen import screen
from vdsm.version import __version__
from vdsm.words import counted

ASKED = "asked.json"  # in a hidden folder: which options made it


def data(
    name: str | None, out: Path | None, shards: int, words: list[str], wants_help: bool
) -> None:
    """Make the dataset `name` in the folder `out`; or say which options it has."""
    if name is None and wants_help:
        print("usage: vdsm data NAME --out DATA [--shards N] [options]\n")
        print("\n".join(f"  {name:<14} {maker.help}" for name, maker in MAKERS.items()))
        return
    if name is None:
        raise InputError(f"vdsm data: NAME is needed, one of {', '.join(MAKERS)}")
    if name not in MAKERS:
        raise InputError(f"unknown dataset '{name}'{suggest(name, list(MAKERS))}")
    maker = MAKERS[name]
    if wants_help:
        print(f"usage: vdsm data {name} --out DATA [--shards N] [options]\n\n{maker.help}\n")
        print(flag_help(maker.options))
        return
    if out is None:
        raise InputError(f"vdsm data {name}: --out is needed: the folder to write")
    if shards < 0:
        raise InputError(f"vdsm data {name}: --shards is {shards}, it should be at least 1")
    options = from_flags(maker.options, words, f"vdsm data {name}")
    if shards:
        make_shards(maker, options, out, shards)
    else:
        maker.make(out, options)
    if not is_dataset(out):  # pictures in another layout, of which the maker has spoken
        return
    clips = open_clips(out)
    screen().print(
        f"{out}: {counted(len(clips), 'clip')} of {clips.info.name}, see 'vdsm info {out}'",
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
    for kept in (*folder.glob("*.csv"), *folder.glob("truth.npz"), *folder.glob("model.*")):
        shutil.copy(kept, out)  # what files were called, which were broken; what drawn data add
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
