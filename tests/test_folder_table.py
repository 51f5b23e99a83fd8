"""Tables of clips: their columns, parts of videos, and those that lie among the videos."""

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from folders import empty, made, rows_of, tree
from media import encode, ramp
from vdsm.cli import run
from vdsm.data.clips import Factor
from vdsm.data.folder.find import find
from vdsm.data.folder.item import Found
from vdsm.data.folder.table import read_table
from vdsm.errors import InputError
from vdsm.video import write_clips, write_picture

# ---- columns


def table(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def test_table_gives_groups_labels_and_split(tmp_path: Path) -> None:
    root = tree(tmp_path / "in")
    lines = [
        "path,group,split,mood,hat",
        "Ann/run/take 2.gif,a,train,glad,red",
        "Ann/run/take 10.mp4,a,,sad,red",
        "Zoë/run/take 2.gif,b,test,,blue",
        '"Zoë/wave hand/take 2.gif",b,test,glad,blue',
        "Bob 2/run/take 2.gif,,train,10,",
    ]
    names = table(tmp_path / "t.csv", "\ufeff" + "\n".join(lines) + "\n\n")
    clips = made(tmp_path / "out", root, table=names)
    assert clips.info.factors == (
        Factor("group", "identity", ("a", "b")),
        Factor("mood", "action", ("10", "glad", "sad")),
        Factor("hat", "identity", ("blue", "red")),
    )
    assert clips.table.group.tolist() == [0, 0, 1, 1, 2]
    assert clips.table.split.tolist() == [0, 0, 1, 1, 0]
    assert clips.table.labels["mood"].tolist() == [1, 2, -1, 1, 0]
    assert clips.table.labels["hat"].tolist() == [1, 1, 0, 0, -1]


def test_parquet_and_tabs_read_as_csv_does(tmp_path: Path) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    columns = {"path": ["a.gif", "b.gif"], "group": [1, None], "mood": ["ö", "x"]}
    parquet.write_table(pyarrow.table(columns), tmp_path / "t.parquet")
    table(tmp_path / "t.csv", "path,group,mood\na.gif,1,ö\nb.gif,,x\n")
    table(tmp_path / "t.tsv", "path\tgroup\tmood\na.gif\t1\tö\nb.gif\t\tx\n")
    items = read_table(tmp_path / "t.csv", tmp_path).items
    assert [item.group for item in items] == ["1", None]
    assert read_table(tmp_path / "t.parquet", tmp_path).items == items
    assert read_table(tmp_path / "t.tsv", tmp_path).items == items
    (tmp_path / "no.parquet").write_text("path\n")
    for name, text in (("no.parquet", "is not a Parquet file"), ("gone.parquet", "no such file")):
        with pytest.raises(InputError, match=text):
            read_table(tmp_path / name, tmp_path)


def test_parquet_without_pyarrow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(InputError, match=r'pip install "vdsm\[parquet\]"'):
        read_table(tmp_path / "t.parquet", tmp_path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("file,group\na.gif,1\n", r"t\.csv has no column 'path': it has \['file', 'group'\]"),
        ("", "has no column 'path'"),
        ("path\n", "has no rows"),
        ("path\na.gif\nb.gif\n./a.gif\n", r"row 4: a\.gif stands in row 2 already"),
        ("path,group\na.gif\n", "row 2: 1 cell, but 2 columns"),
        ("path,mood,mood\na.gif,1,2\n", "give each its own name"),
        ("path,split\na.gif,tset\n", "row 2: split is 'tset', it should be train,"),
        ("path,mood\n,1\n", "row 2: the path is empty"),
        ('path\n"a.gif\n', "is not a CSV file"),
    ],
)
def test_wrong_tables(text: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=message):
        read_table(table(tmp_path / "t.csv", text), tmp_path)


def test_table_that_is_missing_or_binary(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="No such file"):
        read_table(tmp_path / "t.csv", tmp_path)
    (tmp_path / "t.csv").write_bytes(b"\xff\xfe\x00path")
    with pytest.raises(InputError, match=r"not a CSV file in UTF-8"):
        read_table(tmp_path / "t.csv", tmp_path)


@pytest.mark.parametrize(
    ("word", "split"),
    [("valid", "validation"), ("dev", "validation"), ("Training", "train"), ("eval", "test")],
)
def test_split_in_any_usual_spelling(word: str, split: str, tmp_path: Path) -> None:
    rows = read_table(table(tmp_path / "t.csv", f"path,split\na.gif,{word}\n"), tmp_path)
    assert rows.items[0].split == split


@pytest.mark.parametrize(
    ("column", "meant"),
    [
        ("Split", "split"), ("splits", "split"), ("subset", "split"), ("Group", "group"),
        ("gruop", "group"), ("person", "group"), ("subject", "group"), ("begin", "start"),
        ("Start", "start"), ("strat", "start"), ("stop", "end"), ("End", "end"),
        ("startFrame", "start_frame"), ("end frame", "end_frame"), ("last_frame", "end_frame"),
    ],
)  # fmt: skip
def test_columns_that_seem_to_mean_something_else(column: str, meant: str, tmp_path: Path) -> None:
    rows = read_table(table(tmp_path / "t.csv", f"path,{column}\na.gif,1\n"), tmp_path)
    assert rows.said == [f"t.csv: the column '{column}' is read as a label; is it '{meant}'?"]
    assert rows.items[0].labels == {column: "1"}


@pytest.mark.parametrize("column", ["action", "mood", "state", "age", "hat", "emotion", "label"])
def test_labels_are_no_misspelt_columns(column: str, tmp_path: Path) -> None:
    text = f"path,group,{column}\na.gif,1,2\n"
    assert read_table(table(tmp_path / "t.csv", text), tmp_path).said == []


@pytest.mark.parametrize("column", ["Path", "filename", "file", "video"])
def test_a_column_that_may_be_the_path(column: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=f"no column 'path'.*is it '{column}'\\? rename it"):
        read_table(table(tmp_path / "t.csv", f"{column},mood\na.gif,1\n"), tmp_path)


# ---- one file under two names


def second_names(root: Path) -> list[str]:
    """Of A/a.gif: every spelling there is of it."""
    empty(root, ["A/a.gif"])
    (root / "link.gif").symlink_to(root / "A" / "a.gif")
    (root / "hard.gif").hardlink_to(root / "A" / "a.gif")
    (root / "B").symlink_to(root / "A")
    plain = ["A/a.gif", "./A/a.gif", "A/../A/a.gif", "A//a.gif", str(root / "A" / "a.gif")]
    return [*plain, "link.gif", "hard.gif", "B/a.gif"]


@pytest.mark.parametrize("which", range(1, 8))
def test_one_file_under_two_spellings(which: int, tmp_path: Path) -> None:
    names = second_names(tmp_path)
    text = f"path,split\n{names[0]},train\nother.gif,train\n{names[which]},test\n"
    with pytest.raises(InputError, match=r"row 4: A/a\.gif stands in row 2 already"):
        read_table(table(tmp_path / "t.csv", text), tmp_path)


def test_parts_of_one_file_are_held_out_together(tmp_path: Path) -> None:
    """However each row spells it."""
    for name in "abc":
        write_clips(tmp_path / f"{name}.gif", ramp(12), fps=10)
    lines = [f"{dots}{n}.gif,{i * 0.4},{i * 0.4 + 0.4}"
             for n in "abc" for i, dots in enumerate(("", "./", "../in/"))]  # fmt: skip
    (tmp_path / "in").mkdir()
    for name in "abc":
        (tmp_path / f"{name}.gif").rename(tmp_path / "in" / f"{name}.gif")
    names = table(tmp_path / "t.csv", "path,start,end\n" + "\n".join(lines) + "\n")
    for holdout in ("group", "clip"):
        clips = made(tmp_path / holdout, tmp_path / "in", table=names, holdout=holdout,
                     test_share=0.3)  # fmt: skip
        rows = rows_of(tmp_path / holdout / "files.csv")
        assert {row["file"] for row in rows} == {"a.gif", "b.gif", "c.gif"}
        assert [row["part"] for row in rows[:3]] == ["0-0.4 s", "0.4-0.8 s", "0.8-1.2 s"]
        assert clips.table.group.tolist() == [0] * 3 + [1] * 3 + [2] * 3
        assert sorted(clips.table.split.reshape(3, 3).sum(1).tolist()) == [0, 0, 3]


# ---- parts of videos


@pytest.fixture
def videos(tmp_path: Path) -> Path:
    """Two videos of 30 frames, 10 a second."""
    for name in ("a.mp4", "b.mkv"):
        encode(tmp_path / name, ramp(30), rate=10)
    return tmp_path


def levels(clip: np.ndarray) -> list[int]:
    return [int(v) for v in clip[:, 16, 16, 0]]


@pytest.mark.parametrize(
    ("header", "cells", "wanted"),
    [
        ("start,end", "0.5,1.25", slice(5, 13)),
        ("start,end", ",1", slice(0, 10)),
        ("start,end", "2.0,", slice(20, 30)),
        ("start,end", "2.5,99", slice(25, 30)),
        ("start,end", "0:00:01,0:02.5", slice(10, 25)),
        ("start,end", ",", slice(0, 30)),
        ("start_frame,end_frame", "3,9", slice(3, 9)),
        ("start_frame,end_frame", "20,", slice(20, 30)),
        ("start_frame,end_frame", ",2.0", slice(0, 2)),
        ("start_frame", "28", slice(28, 30)),
        ("end", "0.2", slice(0, 2)),
    ],
)
@pytest.mark.parametrize("name", ["a.mp4", "b.mkv"])
def test_part_of_a_video(header: str, cells: str, wanted: slice, name: str, videos: Path) -> None:
    (videos / "out").mkdir()
    whole = made(videos / "whole", videos, table=table(videos / "w.csv", f"path\n{name}\n"))
    names = table(videos / "t.csv", f"path,{header}\n{name},{cells}\n")
    clips = made(videos / "part", videos, table=names, min_length=1)
    assert np.array_equal(clips.whole(0), whole.whole(0)[wanted])
    assert clips.info.factors == ()


def test_a_video_stands_twice_with_two_parts(videos: Path) -> None:
    names = table(
        videos / "t.csv",
        "path,start,end,group,action\na.mp4,0,1,ann,run\na.mp4,1,2,ann,walk\na.mp4,,,ann,\n",
    )
    clips = made(videos / "out", videos, table=names, test_share=0)
    assert clips.table.length.tolist() == [10, 10, 30]
    assert np.array_equal(clips.whole(1), clips.whole(2)[10:20])
    assert clips.table.labels["action"].tolist() == [0, 1, -1]
    text = "path,start,end\na.mp4,0,1\na.mp4,1,2\n./a.mp4,1.0,2.00\n"
    with pytest.raises(InputError, match=r"row 4: a\.mp4 \[1-2 s\] stands in row 3 already"):
        read_table(table(videos / "u.csv", text), videos)


def test_parts_at_a_rate(videos: Path) -> None:
    text = "path,start,end\na.mp4,0.5,1.5\nb.mkv,,\n"
    clips = made(videos / "out", videos, table=table(videos / "t.csv", text), fps=5)
    assert clips.table.length.tolist() == [5, 15]
    text = "path,start_frame,end_frame\na.mp4,5,15\n"
    frames = made(videos / "f", videos, table=table(videos / "f.csv", text), fps=5)
    assert levels(frames.whole(0)) == levels(clips.whole(0))


def test_part_of_a_folder_of_frames(tmp_path: Path) -> None:
    (tmp_path / "take").mkdir()
    for i, image in enumerate(ramp(10)):
        write_picture(tmp_path / "take" / f"{i}.png", image)
    text = "path,start_frame,end_frame\ntake,2,5\n"
    clips = made(tmp_path / "out", tmp_path, table=table(tmp_path / "t.csv", text))
    assert levels(clips.whole(0)) == ramp(10)[2:5, 0, 0, 0].tolist()
    names = table(tmp_path / "s.csv", "path,start,end\ntake,0.1,0.5\n")
    with pytest.raises(InputError, match="which have no times: cut it by start_frame"):
        made(tmp_path / "no", tmp_path, table=names)


@pytest.mark.parametrize(
    ("header", "cells", "message"),
    [
        ("start,end", "2,1", "row 2: end 1 is not after start 2"),
        ("start,end", "1,1", "row 2: end 1 is not after start 1"),
        ("start,end", "-1,1", "row 2: start is '-1', it should be seconds"),
        ("start,end", "soon,1", "row 2: start is 'soon', it should be seconds"),
        ("start,end", "1,inf", "end is 'inf'"),
        ("start,end", "1:2:3:4,", "start is '1:2:3:4'"),
        ("start_frame,end_frame", "0.5,3", "start_frame is '0.5', it should be the number"),
        ("start_frame,end_frame", "9,3", "end_frame 3 is not after start_frame 9"),
        ("start,end_frame", "1,3", "in seconds and in frames: leave one empty"),
    ],
)
def test_wrong_parts(header: str, cells: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=message):
        read_table(table(tmp_path / "t.csv", f"path,{header}\na.gif,{cells}\n"), tmp_path)


def test_a_part_beyond_the_end_is_broken(videos: Path) -> None:
    text = "path,start,end\na.mp4,8,9\nb.mkv,0,1\na.mp4,0,1\n"
    clips = made(videos / "out", videos, table=table(videos / "t.csv", text), max_broken=0.5)
    assert len(clips) == 2
    (row,) = rows_of(videos / "out" / "broken.csv")
    assert (row["path"], row["kind"]) == ("a.mp4 [8-9 s]", "broken")


# ---- tables among the videos, as in Hugging Face's folders


def huggingface(root: Path, kind: str, rows: list[dict[str, Any]]) -> Path:
    """metadata.csv or .jsonl with these rows."""
    root.mkdir(parents=True, exist_ok=True)
    if kind == "jsonl":
        (root / "metadata.jsonl").write_text("\n".join(map(json.dumps, rows)) + "\n")
    else:
        names = list(rows[0])
        lines = [",".join("" if r[n] is None else str(r[n]) for n in names) for r in rows]
        (root / "metadata.csv").write_text("\n".join([",".join(names), *lines]) + "\n")
    return root


def labels_of(found: Found) -> dict[str, tuple[str | None, dict[str, str]]]:
    return {item.name: (item.split, dict(item.labels)) for item in found.items}


@pytest.mark.parametrize("kind", ["csv", "jsonl"])
def test_metadata_in_each_folder_of_a_split(kind: str, tmp_path: Path) -> None:
    for split in ("train", "test"):
        empty(tmp_path / split, ["1.mp4", "sub/2.mp4", "3.mp4"])
        rows = [
            {"file_name": "1.mp4", "group": "ann", "mood": "glad"},
            {"file_name": "sub/2.mp4", "group": "bob", "mood": None},
        ]
        huggingface(tmp_path / split, kind, rows)
    found = find(tmp_path)
    assert labels_of(found) == {
        f"{split}/{name}": (split, labels)
        for split in ("train", "test")
        for name, labels in [
            ("1.mp4", {"group": "ann", "mood": "glad"}),
            ("sub/2.mp4", {"group": "bob", "mood": ""}),
        ]
    }
    assert {item.group for item in found.items} == {"ann", "bob"}
    assert [file.path.name for file in found.passed] == ["3.mp4", "3.mp4"]
    assert found.said[1] == f"test/metadata.{kind} names 2 clips, with group, mood"


@pytest.mark.parametrize("kind", ["csv", "jsonl"])
def test_metadata_at_the_top(kind: str, tmp_path: Path) -> None:
    """Its folders of a split are one, and others name nobody."""
    names = ["train/videos/1.mp4", "train/videos/2.mp4", "test/videos/3.mp4"]
    empty(tmp_path, names)
    huggingface(tmp_path, kind, [{"file_name": name, "label": i} for i, name in enumerate(names)])
    assert labels_of(find(tmp_path)) == {
        name: (name.split("/")[0], {"label": str(i)}) for i, name in enumerate(names)
    }
    told = find(tmp_path, levels="split,place")
    assert labels_of(told)[names[0]] == ("train", {"place": "videos", "label": "0"})


def test_metadata_are_found_by_the_command(
    videos: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [
        {"file_name": "a.mp4", "start": 0, "end": 1.5, "group": "ann", "tags": ["x"], "n": 1.5},
        {"file_name": "a.mp4", "start": 2, "end": None, "group": "bob", "tags": [], "n": True},
    ]
    huggingface(videos, "jsonl", rows)
    command = ["data", "folder", "--source", str(videos), "--size", "32", "--workers", "1"]
    assert run([*command, "--out", str(videos / "out")]) == 0
    said = capsys.readouterr().err
    assert "metadata.jsonl names 2 clips, with group, tags, n" in said
    assert "passed over: 1 that metadata do not name" in said
    (row,) = rows_of(videos / "out" / "broken.csv")
    assert (row["path"], row["kind"]) == ("b.mkv", "passed over")
    assert [row["part"] for row in rows_of(videos / "out" / "files.csv")] == ["0-1.5 s", "2- s"]


def test_metadata_of_other_kinds_are_passed_over(tmp_path: Path) -> None:
    empty(tmp_path, ["a/1.mp4"])
    (tmp_path / "metadata.csv").write_text("camera;lens\n1;2\n")
    (tmp_path / "metadata.jsonl").write_text("no json\n")
    found = find(tmp_path)
    assert [item.group for item in found.items] == ["a"]
    reasons = {file.path.name: file.reason for file in found.passed}
    assert "has no column 'path'" in reasons["metadata.csv"]
    assert "row 1 is not JSON" in reasons["metadata.jsonl"]


def test_metadata_of_frames_are_none_of_clips(tmp_path: Path) -> None:
    (tmp_path / "take").mkdir()
    for i, image in enumerate(ramp(3)):
        write_picture(tmp_path / "take" / f"{i}.png", image)
    rows = [{"file_name": f"{i}.png", "time": i / 25} for i in range(3)]
    huggingface(tmp_path / "take", "csv", rows)
    found = find(tmp_path)
    assert [(item.name, item.pictures) for item in found.items] == [
        ("take", ("0.png", "1.png", "2.png"))
    ]
    assert [file.reason for file in found.passed] == ["names pictures that are frames, not clips"]


def test_metadata_name_a_file_that_is_not_there(tmp_path: Path) -> None:
    write_clips(tmp_path / "a.gif", ramp(3))
    huggingface(tmp_path, "csv", [{"file_name": "a.gif"}, {"file_name": "gone.gif"}])
    clips = made(tmp_path / "out", tmp_path, max_broken=0.5)
    assert len(clips) == 1
    (row,) = rows_of(tmp_path / "out" / "broken.csv")
    assert row["path"] == "gone.gif"
    assert "No such file" in row["reason"]


def test_frames_and_series_in_rows(tmp_path: Path) -> None:
    """A row is one clip; a folder of several series has to be cut down to one."""
    (tmp_path / "take").mkdir()
    for i, image in enumerate(ramp(3)):
        write_picture(tmp_path / "take" / f"img_{i}.png", image)
        write_picture(tmp_path / "take" / f"flow_{i}.png", 255 - image)
    names = table(tmp_path / "t.csv", "path\ntake\n")
    with pytest.raises(InputError, match=r"row 2: .*take holds 2 clips \(flow_\*, img_\*\)"):
        made(tmp_path / "out", tmp_path, table=names)
    clips = made(tmp_path / "out", tmp_path, table=names, series="img_*", test_share=0)
    assert levels(clips.whole(0)) == ramp(3)[:, 0, 0, 0].tolist()
