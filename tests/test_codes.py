"""Codes as Parquet hold what codes as .npz do, of a dataset and of videos."""

from pathlib import Path

import numpy as np
import pyarrow.parquet
import pytest

from media import ramp
from small import pendula
from vdsm.cli import run
from vdsm.data import open_clips
from vdsm.data.clips import SPLITS
from vdsm.use.encode import OfDataset
from vdsm.video import write_clips


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return pendula(tmp_path_factory.mktemp("codes") / "data")


def both(place: Path, out: Path, *more: str) -> tuple[dict[str, np.ndarray], dict[str, list]]:
    """The codes in either form."""
    for name in ("codes.npz", "codes.parquet"):
        assert run(["embed", "pendulum", str(place), "--out", str(out / name), *more]) == 0
    with np.load(out / "codes.npz") as stored:
        arrays = dict(stored)
    return arrays, pyarrow.parquet.read_table(out / "codes.parquet").to_pydict()


@pytest.mark.parametrize("stretch", [256, 5])
def test_of_a_dataset(
    stretch: int, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever clips are one task; labels by name."""
    monkeypatch.setattr(OfDataset.__init__, "__defaults__", (stretch,))
    arrays, rows = both(data, tmp_path, "--window", "9")
    clips = open_clips(data)
    for name in ("clip", "length", "group"):
        assert rows[name] == arrays[name].tolist()
    for name in ("s", "d"):
        np.testing.assert_array_equal(np.array(rows[name], np.float32), arrays[name])
    z = np.concatenate([np.array(poses, np.float32) for poses in rows["z"]])
    np.testing.assert_array_equal(z, arrays["z"])
    assert rows["split"] == [SPLITS[i] for i in arrays["split"]]
    colours = clips.info.factor("colour").values
    assert rows["label.colour"] == [colours[i] for i in arrays["label.colour"]]


def test_of_videos_of_several_lengths(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "in").mkdir()
    for name, frames in (("a", 4), ("b", 7)):
        write_clips(tmp_path / "in" / f"{name}.gif", ramp(frames))
    (tmp_path / "in" / "c.mp4").write_text("no video")
    arrays, rows = both(tmp_path / "in", tmp_path, "--window", "0")
    assert rows["length"] == arrays["length"].tolist() == [4, 7]
    assert [len(poses) for poses in rows["z"]] == [4, 7]
    np.testing.assert_array_equal(np.array(rows["z"][1], np.float32), arrays["z"][4:])
    assert capsys.readouterr().err.count("left out: ") == 2


def test_nothing_to_encode_leaves_no_file(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "c.mp4").write_text("no video")
    out = tmp_path / "codes.parquet"
    assert run(["embed", "pendulum", str(tmp_path / "in"), "--out", str(out)]) == 2
    assert not list(tmp_path.glob("*codes*"))
