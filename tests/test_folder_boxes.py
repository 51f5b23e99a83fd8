"""Boxes that somebody else has made: tables, DeepLabCut, SLEAP; and what is wrong with some."""

import csv
import pickle
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from folders import made, rows_of
from media import encode
from movers import film, sway
from vdsm.cli import run
from vdsm.data.crop.store import read_crops, squares_of
from vdsm.data.folder.boxes import read_file
from vdsm.errors import InputError

T = 6
BOXES = np.array([[20 + 5 * t, 30 + t, 60 + 5 * t, 70 + t] for t in range(T)], float)  # corners
SIDE = 40


def source(root: Path, names: Sequence[str] = ("ann/wave.mkv",)) -> Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        encode(root / name, film(sway(60, 50, 10), frames=T))
    return root


def table(path: Path, header: str, rows: Sequence[Sequence[object]]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerows([*([header.split(",")] if header else []), *rows])
    return path


def corner(box: Sequence[float]) -> list[float]:
    return [box[0], box[1], box[2] - box[0], box[3] - box[1]]


def centred(box: Sequence[float]) -> list[float]:
    return [(box[0] + box[2]) / 2, (box[1] + box[3]) / 2, box[2] - box[0], box[3] - box[1]]


CSVS = {
    "plain": ("x,y,w,h", [corner(b) for b in BOXES]),
    "spaces and capitals": (
        "Frame, X ,Y,Width,Height", [[t, *corner(b)] for t, b in enumerate(BOXES)]
    ),
    "corners": ("frame,x1,y1,x2,y2", [[t, *b] for t, b in enumerate(BOXES)]),
    "bbox corners": ("bbox_xmin,bbox_ymin,bbox_xmax,bbox_ymax", BOXES.tolist()),
    "sides": ("left,top,right,bottom", BOXES.tolist()),
    "centre": ("cx,cy,w,h", [centred(b) for b in BOXES]),
    "x center": ("x_center,y_center,width,height", [centred(b) for b in BOXES]),
    "MOT": (
        "frame,id,bb_left,bb_top,bb_width,bb_height,conf",
        [[t + 1, 3, *corner(b), 0.9] for t, b in enumerate(BOXES)],
    ),
    "by clip": ("video,frame_id,x,y,w,h", [["wave", t, *corner(b)] for t, b in enumerate(BOXES)]),
    "two tracks": (
        "frame,track_id,x,y,w,h",
        [[t, k, *c] for t, b in enumerate(BOXES) for k, c in ((1, [1, 1, 5, 5]), (2, corner(b)))],
    ),
    "gaps": (
        "frame,x,y,w,h",
        [[t, *corner(b)] for t, b in enumerate(BOXES) if t not in (2, 3)],
    ),
    "empty cells": (
        "x,y,w,h",
        [["", "nan", "NaN", ""] if t == 2 else corner(b) for t, b in enumerate(BOXES)],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CSVS)
def test_every_spelling_of_a_table_gives_the_same_boxes(name: str, tmp_path: Path) -> None:
    boxes = table(tmp_path / "b.csv", *CSVS[name])
    made(tmp_path / "out", source(tmp_path / "in"), boxes=boxes, margin=0.0)
    (row,) = read_crops(tmp_path / "out")
    wide = BOXES[-1, 2] - BOXES[0, 0]  # what holds all, but for 1 % of frames
    assert row.side == pytest.approx(wide, abs=1.5)
    assert row.x == pytest.approx(BOXES[0, 0], abs=1)
    assert row.doubtful == ("several found" if name == "two tracks" else "")


def test_a_box_for_each_clip(tmp_path: Path) -> None:
    names = ("ann/wave.mkv", "bob/wave.mkv", "bob/run.mkv")
    rows = [["ann/wave.mkv", 10, 20, 40, 30], ["bob\\wave", 30, 20, 50, 50], ["run", 5, 6, 7, 80]]
    boxes = table(tmp_path / "b.csv", "file,x,y,w,h", rows)
    made(tmp_path / "out", source(tmp_path / "in", names), boxes=boxes, margin=0.0)
    squares = {row.file: (row.x, row.y, row.side) for row in read_crops(tmp_path / "out")}
    assert squares["ann/wave.mkv"] == (10, 15, 40)
    assert squares["bob/wave.mkv"] == (30, 20, 50)
    assert squares["bob/run.mkv"] == (0, 6, 80)  # moved inside


def test_crops_mended_by_hand_are_boxes_again(tmp_path: Path) -> None:
    """crops.csv of a dataset, another square for one file."""
    root = source(tmp_path / "in", ("a.mkv", "b.mkv"))
    made(tmp_path / "out", root, crop="subject")
    text = (tmp_path / "out" / "crops.csv").read_text().splitlines()
    cells = text[2].split(",")
    cells[6:9] = ["7", "9", "55"]
    (tmp_path / "mended.csv").write_text("\n".join([*text[:2], ",".join(cells)]))
    made(tmp_path / "new", root, boxes=tmp_path / "mended.csv", margin=0.0)
    (first, _), (same, other) = read_crops(tmp_path / "out"), read_crops(tmp_path / "new")
    assert (same.x, same.y, same.side) == (first.x, first.y, first.side)
    assert (other.x, other.y, other.side) == (7, 9, 55)


def test_the_crop_follows_boxes_smoothly(tmp_path: Path) -> None:
    boxes = table(tmp_path / "b.csv", *CSVS["plain"])
    made(tmp_path / "out", source(tmp_path / "in"), boxes=boxes, follow=True, margin=0.0)
    (row,) = read_crops(tmp_path / "out")
    squares = squares_of(tmp_path / "out", row)
    assert np.ptp(squares[:, 2]) == 0
    left, _, side = squares.T
    assert (left <= BOXES[:, 0] + 0.5).all()
    assert (left + side >= BOXES[:, 2] - 0.5).all()
    assert (np.diff(left) >= 0).all()


def test_parts_and_rates_take_the_boxes_of_their_frames(tmp_path: Path) -> None:
    """Rows count frames of the file, whichever of them are taken."""
    far = BOXES.copy()
    far[3:] += [60, 30, 60, 30]
    boxes = table(tmp_path / "b.csv", "x,y,w,h", [corner(b) for b in far])
    cuts = table(tmp_path / "t.csv", "path,start_frame,end_frame", [["ann/wave.mkv", 3, 6]])
    made(tmp_path / "out", source(tmp_path / "in"), boxes=boxes, table=cuts, margin=0.0)
    (row,) = read_crops(tmp_path / "out")
    assert row.x == pytest.approx(far[3, 0], abs=1)
    made(tmp_path / "slow", tmp_path / "in", boxes=boxes, fps=5, follow=True, margin=0.0)
    (row,) = read_crops(tmp_path / "slow")
    assert row.frames == 3


# ---- keypoints


def keypoints() -> tuple[list[str], np.ndarray[Any, Any]]:
    """[T, 3 parts, (x, y, likelihood)]: two at the corners of `BOXES`, one unlikely far away."""
    points = np.zeros((T, 3, 3))
    points[:, 0, :2], points[:, 1, :2] = BOXES[:, :2], BOXES[:, 2:]
    points[:, :2, 2] = 0.95
    points[:, 2] = [150, 5, 0.1]
    points[2, 0, 2] = 0.2  # one frame lacks a corner
    return ["nose", "tail", "paw"], points


def deeplabcut_csv(path: Path, individuals: bool = False) -> Path:
    parts, points = keypoints()
    columns = [(part, c) for part in parts for c in ("x", "y", "likelihood")]
    head = [["scorer", *["DLC"] * len(columns)]]
    head += [["individuals", *["m1"] * len(columns)]] if individuals else []
    head += [["bodyparts", *[c[0] for c in columns]], ["coords", *[c[1] for c in columns]]]
    rows = [[t, *points[t].ravel()] for t in range(T)]
    return table(path, "", [*head, *rows])


def deeplabcut_h5(path: Path) -> Path:
    """As pandas writes it: a table whose columns' names are pickled in an attribute."""
    h5py = pytest.importorskip("h5py")
    parts, points = keypoints()
    columns = [("DLC", part, c) for part in parts for c in ("x", "y", "likelihood")]
    kind = np.dtype([("index", "<i8"), ("values_block_0", "<f8", (len(columns),))])
    rows = np.array([(t, points[t].ravel()) for t in range(T)], kind)
    with h5py.File(path, "w") as file:
        dataset = file.create_dataset("df_with_missing/table", data=rows)
        dataset.attrs["values_block_0_kind"] = np.bytes_(pickle.dumps(columns, 0))
    return path


def sleap_h5(path: Path) -> Path:
    h5py = pytest.importorskip("h5py")
    _, points = keypoints()
    with h5py.File(path, "w") as file:
        file["tracks"] = points[None, ..., :2].transpose(0, 3, 2, 1)  # [1, 2, K, F]
        file["point_scores"] = points[None, ..., 2].transpose(0, 2, 1)
    return path


def sleap_csv(path: Path) -> Path:
    parts, points = keypoints()
    columns = [f"{part}.{c}" for part in parts for c in ("x", "y", "score")]
    rows = [["m1", t, 0.9, *points[t].ravel()] for t in range(T)]
    return table(path, ",".join(["track", "frame_idx", "instance.score", *columns]), rows)


POSES = {
    "waveDLC_resnet50_shuffle1_100000.csv": deeplabcut_csv,
    "wave.csv": lambda path: deeplabcut_csv(path, individuals=True),
    "waveDLC_resnet50.h5": deeplabcut_h5,
    "labels.v001.000_wave.analysis.h5": sleap_h5,
    "wave_sleap.csv": sleap_csv,
}


@pytest.mark.parametrize("name", POSES)
@pytest.mark.parametrize("folder", [False, True])
def test_keypoints_become_boxes(name: str, folder: bool, tmp_path: Path) -> None:
    (tmp_path / "poses").mkdir()
    file = POSES[name](tmp_path / "poses" / name)
    given = read_file(file, 0.6)[""]
    assert np.allclose(np.delete(given.boxes, 2, 0), np.delete(BOXES, 2, 0))
    assert np.allclose(given.boxes[2], np.tile(BOXES[2, 2:], 2))  # the likely corner alone
    boxes = file.parent if folder else file
    made(tmp_path / "out", source(tmp_path / "in"), boxes=boxes, margin=0.0)
    (row,) = read_crops(tmp_path / "out")
    assert row.side == pytest.approx(65, abs=1.5)


def test_a_pickle_that_names_something_is_not_run(tmp_path: Path) -> None:
    h5py = pytest.importorskip("h5py")
    file = deeplabcut_h5(tmp_path / "wave.h5")
    with h5py.File(file, "a") as opened:
        evil = pickle.dumps([Path("x")], 0)
        opened["df_with_missing/table"].attrs["values_block_0_kind"] = np.bytes_(evil)
    with pytest.raises(InputError, match="is no table of DeepLabCut: give its CSV file"):
        read_file(file, 0.6)


def test_files_of_a_folder_are_matched_by_the_longest_name(tmp_path: Path) -> None:
    names = ("clip1.mkv", "clip10.mkv", "clip1_b.mkv")
    for i, name in enumerate(names):
        stem = Path(name).stem
        table(tmp_path / "b" / f"{stem}_boxes.csv", "x,y,w,h", [[10 * i, 5, 40, 40]])
    table(tmp_path / "b" / "clip1_boxes_filtered.csv", "x,y,w,h", [[50, 5, 40, 40]])
    made(tmp_path / "out", source(tmp_path / "in", names), boxes=tmp_path / "b", margin=0.0)
    found = {row.file: row.x for row in read_crops(tmp_path / "out")}
    assert found == {"clip1.mkv": 50, "clip10.mkv": 10, "clip1_b.mkv": 20}


# ---- what is wrong


@pytest.mark.parametrize(
    ("header", "rows", "said"),
    [
        ("x,y,w,h", [[1, 2, -3, 4]], r"row 2: a box x, y, w, h of 1, 2, -3, 4 has no area"),
        ("x1,y1,x2,y2", [[9, 2, 3, 4]], "row 2: a box x1, y1, x2, y2 of 9, 2, 3, 4 has no area"),
        ("x,y,w,h", [[1, 2, 0, 4]], "has no area: its width and height are above 0"),
        ("x,y,w,h", [[1, 2, 3, 4], [1, "nan", 3, 4]], "row 3: y is 'nan': give a number"),
        ("x,y,w,h", [[1, 2, "wide", 4]], "row 2: w is 'wide': give a number of pixels"),
        ("x,y,w,h", [[1, 2, "inf", 4]], "row 2: w is 'inf'"),
        ("a,b,c", [[1, 2, 3]], r"no columns of boxes \(it has \['a', 'b', 'c'\]\)"),
        ("1,2,3,4", [[1, 2, 3, 4]], "row 1 holds numbers, not names of columns"),
        ("x,y,w,h", [], "has no rows: give a box in each"),
        ("x,y,w,h", [[0.1, 0.2, 0.3, 0.4]] * T, "row 2: boxes are shares of the picture"),
        ("frame,x,y,w,h", [[0.5, 1, 2, 3, 4]], "row 2: frame '0.5' is none"),
        ("frame,x,y,w,h", [[-1, 1, 2, 3, 4]], "row 2: frame '-1' is none"),
        ("frame,x,y,w,h", [[3, 1, 2, 3, 4]] * 2, "row 3: frame 3 stands in row 2 already"),
        ("file,x,y,w,h", [["nobody", 1, 2, 3, 4]], "of none of the clips.*it names nobody"),
        ("file,x,y,w,h", [["", 1, 2, 3, 4]], "row 2: the file is empty"),
        ("x,y,w,h", [[200, 50, 40, 40]], "row 2: a box from 200,50 to 240,90 reaches"),
        ("x,y,w,h", [corner(b) for b in BOXES[:4]], "boxes of 4 frames, but the clip has 6"),
        ("frame,x,y,w,h", [[9, 1, 2, 30, 40]], "boxes of 10 frames, but the clip has 6"),
    ],
)  # fmt: skip
def test_a_bad_table_is_refused_in_one_line(
    header: str,
    rows: list[list[object]],
    said: str,
    tmp_path: Path,
) -> None:
    boxes = table(tmp_path / "b.csv", header, rows)
    with pytest.raises(InputError, match=said) as refused:
        made(tmp_path / "out", source(tmp_path / "in"), boxes=boxes)
    assert "\n" not in str(refused.value)
    assert "b.csv" in str(refused.value)


def test_other_files_are_refused(tmp_path: Path) -> None:
    root = source(tmp_path / "in", ("a.mkv", "b.mkv"))
    one = table(tmp_path / "b.csv", "x,y,w,h", [[1, 2, 30, 40]])
    with pytest.raises(InputError, match="does not say which clip its boxes are of"):
        made(tmp_path / "out", root, boxes=one)
    with pytest.raises(InputError, match=r"cannot read .*none\.csv|no file .*none\.csv"):
        made(tmp_path / "out", root, boxes=tmp_path / "none.csv")
    (tmp_path / "b.slp").write_bytes(b"x")
    with pytest.raises(InputError, match="export it by SLEAP as analysis"):
        made(tmp_path / "out", root, boxes=tmp_path / "b.slp")
    (tmp_path / "b.h5").write_bytes(b"x")
    with pytest.raises(InputError, match="is not an HDF5 file that can be read"):
        read_file(tmp_path / "b.h5", 0.6)
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="holds no file of boxes"):
        made(tmp_path / "out", root, boxes=tmp_path / "empty")
    with pytest.raises(InputError, match=r"no keypoint as likely as 0\.99"):
        read_file(deeplabcut_csv(tmp_path / "c.csv"), 0.99)


def test_a_clip_without_boxes_is_listed_and_left_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = source(tmp_path / "in", ("a.mkv", "b.mkv", "c.mkv"))
    rows = [["a", 1, 2, 30, 40], ["b.mkv", 1, 2, 30, 40], ["stranger", 1, 2, 30, 40]]
    boxes = table(tmp_path / "b.csv", "clip,x,y,w,h", rows)
    words = ["data", "folder", "--source", str(root), "--boxes", str(boxes), "--workers", "1"]
    assert run([*words, "--out", str(tmp_path / "out")]) == 2
    said = capsys.readouterr().err
    assert "b.csv: 1 name that no clip has: stranger" in said
    assert "b.csv: no boxes of 1 clip: c.mkv" in said
    assert "no boxes were given of it" in said
    assert run([*words, "--max-broken", "0.5", "--out", str(tmp_path / "out")]) == 0
    (listed,) = rows_of(tmp_path / "out" / "broken.csv")
    assert (listed["path"], listed["kind"]) == ("c.mkv", "crop")
