"""`--boxes`: boxes from any detector or tracker, one file for all clips or a folder of files."""

import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath

from vdsm.data.crop.given import Given
from vdsm.data.folder.boxes_poses import read_deeplabcut, read_h5, read_sleap
from vdsm.data.folder.boxes_table import Rows, first_cells, read_table_of_boxes
from vdsm.data.folder.item import Item
from vdsm.errors import InputError
from vdsm.video import natural_key
from vdsm.words import counted

TABLES = (".csv", ".tsv", ".parquet", ".jsonl", ".ndjson")
ARRAYS = (".h5", ".hdf5")
KNOWN = "CSV, TSV, Parquet, JSON lines, or HDF5 (.h5) of DeepLabCut or SLEAP"
FILTERED = "_filtered"  # what DeepLabCut puts behind the name of a smoothed file
DEEPLABCUT = "DLC"  # what it puts behind the name of the clip
FEW = 3  # names in a remark


def file_digest(path: Path) -> str:
    """SHA-256 of a file, or of all boxes in a folder."""
    files = _files_in(path) if path.is_dir() else [path]
    digest = hashlib.sha256()
    try:
        for file in files:
            digest.update(file.name.encode(errors="surrogateescape"))
            with open(file, "rb") as content:
                digest.update(hashlib.file_digest(content, "sha256").digest())
    except OSError as error:
        raise InputError(f"cannot read {error.filename}: {error.strerror}") from error
    return digest.hexdigest()


def read_boxes(
    path: Path, items: list[Item], likelihood: float
) -> tuple[dict[str, Given], list[str]]:
    """The boxes of the clips by their names, and remarks, a line each.

    InputError for a file that cannot be read, or holds boxes of none of the clips.
    """
    found = (
        _from_folder(path, items, likelihood)
        if path.is_dir()
        else _from_file(path, items, likelihood)
    )
    given, strangers = found
    if not given:
        named = f"; it names {_some(strangers)}" if strangers else ""
        raise InputError(f"{path} holds boxes of none of the clips, such as {items[0].file}{named}")
    told = []
    if strangers:
        names = _some(strangers)
        told.append(f"{path.name}: {counted(len(strangers), 'name')} that no clip has: {names}")
    lacking = [item.file for item in items if item.name not in given]
    if lacking:
        told.append(f"{path.name}: no boxes of {counted(len(lacking), 'clip')}: {_some(lacking)}")
    return given, told


def _some(names: Iterable[str]) -> str:
    ordered = sorted(names, key=natural_key)
    more = f" and {len(ordered) - FEW:,} more" if len(ordered) > FEW else ""
    return ", ".join(ordered[:FEW]) + more


# -- one file --------------------------------------------------------------------------------------


def _from_file(
    path: Path, items: list[Item], likelihood: float
) -> tuple[dict[str, Given], list[str]]:
    rows = read_file(path, likelihood)
    if set(rows) == {""}:
        files = {item.file for item in items}
        if len(files) > 1:
            raise InputError(
                f"{path} does not say which clip its boxes are of, and there are"
                f" {counted(len(files), 'clip')}: add a column 'file', or give a folder with a file"
                " for each clip"
            )
        return {item.name: rows[""] for item in items}, []
    owners = _owners(path, list(rows), items)
    given = {item.name: rows[owners[item.file]] for item in items if item.file in owners}
    return given, [name for name in rows if name not in owners.values()]


def read_file(path: Path, likelihood: float) -> Rows:
    """The boxes of one file by the names of clips in it, '' where it names none."""
    suffix = path.suffix.lower()
    if suffix not in (*TABLES, *ARRAYS):
        more = "; export it by SLEAP as analysis HDF5 or CSV" if suffix == ".slp" else ""
        raise InputError(f"{path} ends in '{path.suffix}': boxes are read from {KNOWN}{more}")
    if not path.is_file():
        raise InputError(f"no file {path}: name the file of --boxes, or a folder of such files")
    if suffix in ARRAYS:
        return {"": read_h5(path, likelihood)}
    if suffix == ".csv":
        cells = first_cells(path)
        if cells[:1] == ["scorer"]:
            return {"": read_deeplabcut(path, likelihood)}
        if "frame_idx" in cells and any(name.endswith(".x") for name in cells):
            return {"": read_sleap(path, likelihood)}
    return read_table_of_boxes(path)


def _owners(path: Path, names: list[str], items: list[Item]) -> dict[str, str]:
    """Of each clip's file the name that means it: its path, less of it, or without suffix."""
    owners: dict[str, str] = {}
    meant = _meanings(item.file for item in items)
    for name in names:
        plain = PurePosixPath(name.replace("\\", "/")).as_posix().removeprefix("./")
        files = meant.get(plain) or meant.get(PurePosixPath(plain).name) or set()
        if len(files) > 1:
            raise InputError(
                f"{path}: '{name}' may be {_some(files)}: name clips by their paths in the source"
            )
        for file in files:
            if owners.setdefault(file, name) != name:
                raise InputError(
                    f"{path}: '{owners[file]}' and '{name}' both mean {file}: keep one"
                )
    return owners


def _meanings(files: Iterable[str]) -> Mapping[str, set[str]]:
    """What a clip may be called -> the files that may be so called."""
    meant: dict[str, set[str]] = {}
    for file in files:
        parts = PurePosixPath(file).parts
        for i in range(len(parts)):
            tail = PurePosixPath(*parts[i:])
            for name in {tail.as_posix(), tail.with_suffix("").as_posix()}:
                meant.setdefault(name, set()).add(file)
    return meant


# -- a folder of files -----------------------------------------------------------------------------


def _files_in(folder: Path) -> list[Path]:
    """Files of boxes; of one name with several suffixes the table, of two the filtered one."""
    found = [f for f in folder.rglob("*") if f.suffix.lower() in (*TABLES, *ARRAYS) and f.is_file()]
    found = [file for file in found if not file.name.startswith(".")]
    by_stem: dict[Path, Path] = {}
    for file in sorted(found, key=lambda f: (f.suffix.lower() in ARRAYS, f.as_posix())):
        by_stem.setdefault(file.with_suffix(""), file)
    better = {s.with_name(s.name.removesuffix(FILTERED)) for s in by_stem if _is_filtered(s)}
    return [file for stem, file in by_stem.items() if stem not in better]


def _is_filtered(stem: Path) -> bool:
    return stem.name.endswith(FILTERED)


def _from_folder(
    folder: Path, items: list[Item], likelihood: float
) -> tuple[dict[str, Given], list[str]]:
    files = _files_in(folder)
    if not files:
        raise InputError(f"{folder} holds no file of boxes: they are {KNOWN}")
    owners: dict[str, Path] = {}
    strangers = []
    clips = {item.file for item in items}
    for file in files:
        clip = _clip_of(file, folder, clips)
        if clip is None:
            strangers.append(file.relative_to(folder).as_posix())
        elif clip in owners:
            raise InputError(f"{owners[clip]} and {file.name} both are of {clip}: keep one")
        else:
            owners[clip] = file
    read = {clip: _single(read_file(file, likelihood), file) for clip, file in owners.items()}
    return {item.name: read[item.file] for item in items if item.file in read}, strangers


def _single(rows: Rows, file: Path) -> Given:
    """The boxes of a file that is of one clip by its name."""
    if len(rows) > 1:
        raise InputError(f"{file} holds boxes of {len(rows)} clips: give it as --boxes by itself")
    return next(iter(rows.values()))


def _clip_of(file: Path, folder: Path, clips: Iterable[str]) -> str | None:
    """The clip whose name a file bears: alone, in front (DeepLabCut), or somewhere (SLEAP).

    Of several the longest name, then one in the folder of the same path.
    """
    here = file.relative_to(folder)
    best: tuple[int, int, int] = (0, 0, 0)
    found: list[str] = []
    for clip in clips:
        path = PurePosixPath(clip)
        rank = _bears(here.stem, path.stem)
        same = path.parent.as_posix() == here.parent.as_posix()
        key = (rank, len(path.stem), int(same))
        if rank and key >= best:
            found = [*found, clip] if key == best else [clip]
            best = key
    if len(found) > 1:
        raise InputError(f"{file} may be of {_some(found)}: put it in a folder of the same path")
    return found[0] if found else None


def _bears(name: str, clip: str) -> int:
    """3: it is the clip's name; 2: it begins with it; 1: it holds it; 0: it does not."""
    if name == clip:
        return 3
    rest = name.removeprefix(clip)
    if rest != name and (not rest[0].isalnum() or rest.startswith(DEEPLABCUT)):
        return 2
    return 1 if len(clip) > 2 and f"_{clip}" in name else 0
