"""Keypoints of DeepLabCut and SLEAP, CSV and HDF5, as boxes around those that are likely."""

import csv
import io
import pickle
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from vdsm.data.clips import Floats
from vdsm.data.crop.given import Given
from vdsm.data.folder.cells import read_rows
from vdsm.errors import InputError

Keypoints = npt.NDArray[np.float64]  # [individuals, F, K, 3]: x, y, likelihood; NaN: not seen
COORDS = ("x", "y", "likelihood")
LEVELS = ("scorer", "individuals", "bodyparts", "coords")  # rows above DeepLabCut's numbers


def boxes_of(path: Path, points: Keypoints, likelihood: float, first_row: int) -> Given:
    """Boxes around the likely keypoints of the individual that is seen most."""
    unsure = ~(points[..., 2] >= likelihood) & np.isfinite(points[..., 2])
    places = np.where(unsure[..., None], np.nan, points[..., :2])
    places[~np.isfinite(places).all(-1)] = np.nan
    seen = np.isfinite(places[..., 0]).sum((1, 2))
    if not seen.any():
        raise InputError(
            f"{path} has no keypoint as likely as {likelihood:g}: lower --likelihood, or look"
            " whether it is the right file"
        )
    mine = places[int(seen.argmax())]
    low = np.min(np.where(np.isnan(mine), np.inf, mine), 1)
    high = np.max(np.where(np.isnan(mine), -np.inf, mine), 1)
    boxes = np.concatenate([low, high], 1)
    boxes[~np.isfinite(boxes).all(1)] = np.nan
    rows = np.arange(len(boxes), dtype=np.int64) + first_row
    several = int((seen > 0.3 * seen.max()).sum()) > 1
    return Given(str(path), boxes, rows, per_frame=True, several=several)


# -- DeepLabCut ------------------------------------------------------------------------------------


def read_deeplabcut(path: Path, likelihood: float) -> Given:
    """Its CSV: rows of names above x, y, likelihood of each body part; Lightning Pose's too."""
    try:
        with open(path, newline="", encoding="utf-8-sig") as file:
            rows = list(csv.reader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path} is not a CSV file in UTF-8 ({error})") from error
    names = [row for row in rows[: len(LEVELS)] if row and row[0] in LEVELS]
    columns = list(zip(*(row[1:] for row in names), strict=False))
    values = np.full((len(rows) - len(names), len(columns)), np.nan)
    for i, row in enumerate(rows[len(names) :]):
        number = len(names) + i + 1
        if len(row) != len(columns) + 1:
            raise InputError(f"{path}, row {number} has {len(row)} cells of {len(columns) + 1}")
        values[i] = [_number(cell, f"{path}, row {number}") for cell in row[1:]]
    return boxes_of(path, _by_names(path, columns, values), likelihood, len(names) + 1)


def _number(cell: str, where: str) -> float:
    try:
        return float(cell) if cell.strip() else np.nan
    except ValueError:
        raise InputError(f"{where}: '{cell}' is no number: write keypoints in pixels") from None


def _by_names(path: Path, columns: Sequence[Sequence[str]], values: Floats) -> Keypoints:
    """Columns named (scorer, [individual,] body part, coordinate) as keypoints."""
    coords = [str(column[-1]) for column in columns]
    if not columns or len(values) == 0 or not {"x", "y"} <= set(coords):
        raise InputError(f"{path} has no x and y of body parts: export it by DeepLabCut again")
    individuals = [str(column[-3]) if len(column) > 3 else "" for column in columns]
    people, parts = list(dict.fromkeys(individuals)), list(dict.fromkeys(c[-2] for c in columns))
    points = np.full((len(people), len(values), len(parts), 3), np.nan)
    for i, column in enumerate(columns):
        if coords[i] in COORDS:
            place = people.index(individuals[i]), parts.index(column[-2]), COORDS.index(coords[i])
            points[place[0], :, place[1], place[2]] = values[:, i]
    return points


# -- SLEAP -----------------------------------------------------------------------------------------


def read_sleap(path: Path, likelihood: float) -> Given:
    """Its CSV: track, frame_idx, and <node>.x, .y, .score in each row."""
    header, rows = read_rows(path)
    nodes = [name.removesuffix(".x") for name in header if name.endswith(".x")]
    found: dict[str, dict[int, list[list[float]]]] = {}
    for number, cells in rows:
        where = f"{path}, row {number}"
        frame = _number(cells["frame_idx"], where)
        if not (frame >= 0 and frame.is_integer()):
            raise InputError(f"{where}: frame_idx '{cells['frame_idx']}' is no frame")
        point = [
            [_number(cells.get(f"{n}.{c}", ""), where) for c in ("x", "y", "score")] for n in nodes
        ]
        found.setdefault(cells.get("track", ""), {})[int(frame)] = point
    if not found:
        raise InputError(f"{path} has no rows: export it by SLEAP again")
    frames = 1 + max(max(track) for track in found.values())
    points = np.full((len(found), frames, len(nodes), 3), np.nan)
    for i, track in enumerate(found.values()):
        for frame_number, values in track.items():
            points[i, frame_number] = values
    given = boxes_of(path, points, likelihood, 2)
    return Given(given.where, given.boxes, given.rows, True, dense=False, several=given.several)


# -- HDF5 ------------------------------------------------------------------------------------------


def read_h5(path: Path, likelihood: float) -> Given:
    """HDF5 of DeepLabCut (a table of pandas) or SLEAP's analysis; needs h5py."""
    try:
        import h5py
    except ImportError:
        raise InputError(
            f'reading {path} needs h5py: pip install "vdsm[hdf5]", or give the CSV file'
        ) from None
    try:
        with h5py.File(path, "r") as file:
            if "tracks" in file:
                return boxes_of(path, _analysis(path, file), likelihood, 0)
            group = next((g for g in file.values() if "table" in g), None)
            if group is not None:
                columns, values = _pandas(path, group)
                return boxes_of(path, _by_names(path, columns, values), likelihood, 0)
            held = ", ".join(file)
    except OSError as error:
        raise InputError(f"{path} is not an HDF5 file that can be read: copy it again") from error
    raise InputError(
        f"{path} holds {held or 'nothing'}: expected a table of DeepLabCut, or 'tracks' of SLEAP"
        " (Export Analysis HDF5)"
    )


def _analysis(path: Path, file: Any) -> Keypoints:
    """SLEAP's `tracks` [individuals, 2, K, F] and `point_scores` [individuals, K, F]."""
    tracks = np.asarray(file["tracks"], np.float64)
    if tracks.ndim != 4 or 2 not in (tracks.shape[1], tracks.shape[2]):
        raise InputError(
            f"{path} has tracks of shape {list(tracks.shape)}: export it by SLEAP again"
        )
    if tracks.shape[1] != 2:  # frames first
        tracks = tracks.T
    points = np.full((tracks.shape[0], tracks.shape[3], tracks.shape[2], 3), np.nan)
    points[..., :2] = tracks.transpose(0, 3, 2, 1)
    scores = np.asarray(file["point_scores"], np.float64) if "point_scores" in file else None
    if scores is not None and scores.shape == points.shape[:1] + points.shape[2:0:-1]:
        points[..., 2] = scores.transpose(0, 2, 1)
    return points


def _pandas(path: Path, group: Any) -> tuple[list[tuple[str, ...]], Floats]:
    """The columns' names and the numbers of a table that pandas has written."""
    table = group["table"]
    names = [name for name in table.dtype.names or () if name.startswith("values_block_")]
    columns: list[tuple[str, ...]] = []
    blocks = []
    for name in names:
        kind = table.attrs.get(f"{name}_kind")
        columns += _plain_unpickled(path, kind)
        blocks.append(np.asarray(table[name], np.float64).reshape(len(table), -1))
    if not blocks or len(columns) != sum(block.shape[1] for block in blocks):
        raise InputError(f"{path} is no table of DeepLabCut: give its CSV file")
    return columns, np.concatenate(blocks, 1)


class _Plain(pickle.Unpickler):
    """Lists, tuples and text alone; nothing in a file can name anything to run."""

    def find_class(self, module: str, name: str) -> Any:
        raise pickle.UnpicklingError(f"{module}.{name}")


def _plain_unpickled(path: Path, content: Any) -> list[tuple[str, ...]]:
    raw = content.tobytes() if hasattr(content, "tobytes") else content
    raw = raw if isinstance(raw, bytes) else str(raw).encode("latin-1")
    try:
        found = _Plain(io.BytesIO(raw), encoding="latin-1").load()
    except Exception as error:  # damaged pickles raise many kinds
        raise InputError(f"{path} is no table of DeepLabCut: give its CSV file") from error
    if not isinstance(found, list) or not all(isinstance(name, tuple) for name in found):
        raise InputError(f"{path} is no table of DeepLabCut: give its CSV file")
    return found
