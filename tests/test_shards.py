"""Tar shards hold the same clips as their source, read at random, in the same order every time."""

import io
import json
import os
import pickle
import tarfile
import tracemalloc
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from vdsm.data import open_clips
from vdsm.data.arrays import ArraysOptions, make
from vdsm.data.clips import Clips, ClipWriter, Factor, Info, Table
from vdsm.data.shard_index import index_shards
from vdsm.data.shards import ShardClips, open_shards, write_shards
from vdsm.errors import InputError

FACTORS = (
    Factor("hair", "identity", ("blond", "grün", "no hair")),
    Factor("action", "action", ("run", "sit")),
)
Frames = npt.NDArray[np.uint8]


def stored(out: Path, clips: int = 23, channels: int = 3) -> Clips:
    """A dataset of random clips of different lengths."""
    rng = np.random.default_rng(0)
    with ClipWriter(out, Info("toy", 8, channels, FACTORS, {"maker": "test"})) as writer:
        for i in range(clips):
            frames = rng.integers(0, 256, (1 + i % 5, 8, 8, channels), np.uint8)
            labels = {"hair": i % 4 - 1, "action": i % 2}
            split = ("train", "test")[i % 3 == 0]
            writer.add(frames, group=i // 2, split=split, labels=labels)
    return open_clips(out)


def same(a: Clips, b: Clips) -> bool:
    """Whether two datasets hold the same rows and frames."""
    table = [a.table, b.table]
    for name in ("length", "group", "split"):
        if not np.array_equal(*(getattr(t, name) for t in table)):
            return False
    if table[0].labels.keys() != table[1].labels.keys():
        return False
    if not all(np.array_equal(table[0].labels[k], table[1].labels[k]) for k in table[0].labels):
        return False
    return all(np.array_equal(a.whole(i), b.whole(i)) for i in range(len(a)))


@pytest.mark.parametrize(("shards", "channels"), [(1, 3), (4, 1), (23, 3)])
def test_shards_read_as_their_source(shards: int, channels: int, tmp_path: Path) -> None:
    source = stored(tmp_path / "source", channels=channels)
    write_shards(source, tmp_path / "out", shards)
    clips = open_clips(tmp_path / "out")
    assert isinstance(clips, ShardClips)
    assert clips.info.factors == source.info.factors
    assert same(source, clips)
    assert clips.fingerprint == source.fingerprint
    for clip, start, frames in ((4, 0, 5), (4, 2, 2), (9, 4, 1), (13, 1, 0)):
        assert np.array_equal(clips.read(clip, start, frames), source.read(clip, start, frames))
    chosen, starts = np.array([4, 9, 22, 4]), np.array([3, 0, 1, 0])
    assert np.array_equal(clips.batch(chosen, starts, 2), source.batch(chosen, starts, 2))


def test_layout_is_plain_webdataset(tmp_path: Path) -> None:
    """Read as the WebDataset convention says: files of one key, in a row, by their extension."""
    source = stored(tmp_path / "source")
    write_shards(source, tmp_path / "out", 3)
    for shard in range(3):
        with tarfile.open(tmp_path / "out" / f"shard-{shard:05d}.tar") as tar:
            members = tar.getmembers()
            assert {(m.mtime, m.uid, m.gid, m.uname) for m in members} == {(0, 0, 0, "")}
            clips = range(shard, 23, 3)
            wanted = [f"{i:09d}.{kind}" for i in clips for kind in ("npy", "json")]
            assert [m.name for m in members] == wanted
            for i, pair in zip(clips, zip(members[::2], members[1::2], strict=True), strict=True):
                npy, about = (tar.extractfile(member) for member in pair)
                assert npy is not None
                assert about is not None
                assert np.array_equal(np.load(io.BytesIO(npy.read())), source.whole(i))
                found = json.load(about)
                labels = {f.name: source.table.labels[f.name][i] for f in FACTORS}
                assert found == {
                    "group": i // 2,
                    "split": ("train", "test")[i % 3 == 0],
                    "labels": {f.name: f.values[labels[f.name]] for f in FACTORS
                               if labels[f.name] >= 0},
                }  # fmt: skip


def test_bytes_are_the_same_every_time(tmp_path: Path) -> None:
    source = stored(tmp_path / "source")
    write_shards(source, tmp_path / "a", 2)
    os.utime(tmp_path / "source" / "frames.u8", (1, 1))
    write_shards(source, tmp_path / "b", 2)
    for file in sorted((tmp_path / "a").iterdir()):
        if file.suffix != ".npz":  # a zip file holds the time of day
            assert file.read_bytes() == (tmp_path / "b" / file.name).read_bytes()
    assert open_clips(tmp_path / "a").fingerprint == open_clips(tmp_path / "b").fingerprint


def test_memory_stays_flat(tmp_path: Path) -> None:
    class Long(Clips):
        def read(self, clip: int, start: int, frames: int) -> Frames:
            return np.full((frames, 64, 64, 3), clip, np.uint8)

    ones = np.ones(2, np.int64)
    table = Table(ones * 4000, ones, ones * 0, {})
    tracemalloc.start()
    write_shards(Long(Info("long", 64, 3), table), tmp_path / "out", 1)  # 2 clips of 49 MB
    clips = open_clips(tmp_path / "out")
    for start in range(0, 4000, 100):
        assert (clips.read(1, start, 100) == 1).all()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 20e6


# ---- elsewhere than on the disk


def test_behind_a_range_reader(tmp_path: Path) -> None:
    source = stored(tmp_path / "source")
    write_shards(source, tmp_path / "out", 3)
    remote = {}
    for shard in (tmp_path / "out").glob("*.tar"):
        remote[f"https://bucket/x/{shard.name}"] = shard.read_bytes()
        shard.unlink()
    asked: list[tuple[str, int, int]] = []

    def read_range(url: str, offset: int, length: int) -> bytes:
        asked.append((url, offset, length))
        return remote[url][offset : offset + length]

    with pytest.raises(InputError, match=r"no shard .*shard-00000\.tar"):
        open_clips(tmp_path / "out")
    clips = open_shards(tmp_path / "out", read_range, "https://bucket/x/")
    assert asked == []
    assert np.array_equal(clips.read(5, 0, 1), source.read(5, 0, 1))
    assert [(url, length) for url, _, length in asked] == [
        ("https://bucket/x/shard-00002.tar", 8 * 8 * 3)
    ]
    assert same(source, clips)
    chosen = np.arange(4, 23, 5)
    assert np.array_equal(clips.batch(chosen, chosen * 0, 5), source.batch(chosen, chosen * 0, 5))
    remote = {url: content[:2000] for url, content in remote.items()}
    with pytest.raises(InputError, match=r"shard-00001\.tar gave \d+ bytes of 384 at \d+"):
        clips.whole(16)


def test_survives_pickling(tmp_path: Path) -> None:
    write_shards(stored(tmp_path / "source"), tmp_path / "out", 3)
    clips = open_clips(tmp_path / "out")
    copy = pickle.loads(pickle.dumps(clips))
    assert same(clips, copy)


# ---- an index for shards of others


def foreign(path: Path, samples: dict[str, bytes | Frames]) -> None:
    with tarfile.open(path, "w") as tar:
        for name, content in samples.items():
            if isinstance(content, np.ndarray):
                buffer = io.BytesIO()
                np.save(buffer, content)
                content = buffer.getvalue()
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))


def test_index_of_own_shards_gives_the_same_dataset(tmp_path: Path) -> None:
    source = stored(tmp_path / "source")
    write_shards(source, tmp_path / "out", 1)
    for name in ("dataset.json", "clips.npz"):
        (tmp_path / "out" / name).unlink()
    index_shards(tmp_path / "out")
    clips = open_clips(tmp_path / "out")
    assert same(source, clips)


def test_index_of_foreign_shards(tmp_path: Path) -> None:
    clip = np.arange(3 * 4 * 4, dtype=np.uint8).reshape(3, 4, 4, 1)
    (tmp_path / "x").mkdir()
    foreign(tmp_path / "x" / "b.tar", {
        "./": b"", "v/1.npy": clip, "v/1.json": b'{"who": "ann", "mood": 3, "box": [1, 2]}',
        "v/1.txt": b"a caption", "v/2.npy": clip + 50,
    })  # fmt: skip
    foreign(tmp_path / "x" / "a.tar", {"3.json": b'{"who": "bob"}', "3.npy": clip[:2] + 100})
    index_shards(tmp_path / "x", test_share=0.5)
    clips = open_clips(tmp_path / "x")
    assert clips.table.length.tolist() == [2, 3, 3]
    assert [clips.whole(i)[1, 0, 0, 0] for i in range(3)] == [116, 16, 66]
    assert {f.name: f.values for f in clips.info.factors} == {"who": ("ann", "bob"), "mood": ("3",)}
    assert clips.table.labels["who"].tolist() == [1, 0, -1]
    assert clips.table.split.sum() == 2
    with pytest.raises(InputError, match="has an index already"):
        index_shards(tmp_path / "x")
    # The same behind a range reader: the folder holds the index alone.

    def read_range(address: str, offset: int, length: int) -> bytes:
        return Path(address).read_bytes()[offset : offset + length]

    base = f"{tmp_path}/x/"
    index_shards(tmp_path / "y", ["a.tar", "b.tar"], read_range=read_range, base=base)
    assert np.array_equal(open_shards(tmp_path / "y", read_range, base).whole(2), clip + 50)


def test_keys_with_dots_and_endings_of_several_parts(tmp_path: Path) -> None:
    """Names pair up to the last dot, else up to the first, as WebDataset reads them."""
    clip = np.zeros((2, 4, 4, 1), np.uint8)
    names = ("take_2.5", "take_2.6", "v1.0/a", "b")
    samples: dict[str, bytes | Frames] = {f"./{name}.npy": clip + i for i, name in enumerate(names)}
    samples |= {f"./{name}.json": b'{"who": "%d"}' % i for i, name in enumerate(names)}
    samples |= {"c.video.npy": clip + 4, "c.meta.json": b'{"who": "4"}'}
    samples |= {".hidden.npy": b"x", "a/._b.json": b"x"}
    foreign(tmp_path / "a.tar", samples)
    index_shards(tmp_path)
    clips = open_clips(tmp_path)
    assert len(clips) == 5
    who = clips.info.factor("who").values
    for i in range(5):
        assert who[clips.table.labels["who"][i]] == str(clips.whole(i)[0, 0, 0, 0])
    (tmp_path / "dataset.json").unlink()
    foreign(tmp_path / "a.tar", {"a.1.npy": clip, "a.2.npy": clip, "a.json": b"{}"})
    with pytest.raises(InputError, match=r"a\.tar: a\.json could belong to a\.1\.npy or a\.2\.npy"):
        index_shards(tmp_path)


def test_fractions_are_labels_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    clip = np.zeros((2, 4, 4, 1), np.uint8)
    samples: dict[str, bytes | Frames] = {}
    for i in range(40):
        samples[f"{i}.npy"] = clip
        about = {"speed": [0.5, 2.0][i % 2], "age": i / 7, "box": [1], "v": None, "ok": i < 20}
        samples[f"{i}.json"] = json.dumps(about).encode()
    foreign(tmp_path / "a.tar", samples)
    index_shards(tmp_path)
    clips = open_clips(tmp_path)
    assert clips.info.factor("speed").values == ("0.5", "2")
    np.testing.assert_array_equal(clips.table.labels["speed"], np.arange(40) % 2)
    assert clips.info.factor("ok").values == ("False", "True")
    ages = clips.info.factor("age").values
    assert "0 to 1" in ages
    for i in range(40):
        low, high = map(float, ages[clips.table.labels["age"][i]].split(" to "))
        assert low - 1e-5 <= i / 7 <= high + 1e-5
    assert "passed over: box (list), v (NoneType)" in capsys.readouterr().err


def test_columns_damage_and_compression_are_refused_for_what_they_are(tmp_path: Path) -> None:
    clip = np.arange(2 * 4 * 4, dtype=np.uint8).reshape(2, 4, 4, 1)
    foreign(tmp_path / "a.tar", {"1.npy": np.asfortranarray(clip)})
    with pytest.raises(
        InputError, match=r"1\.npy is stored by columns \(Fortran order\).*data arr"
    ):
        index_shards(tmp_path)
    foreign(tmp_path / "a.tar", {"1.npy": clip, "2.npy": clip})
    content = (tmp_path / "a.tar").read_bytes()
    (tmp_path / "a.tar").write_bytes(content.replace(b"2.npy\0", b"2.npy\1"))  # its checksum
    with pytest.raises(InputError, match=r"not a tar file that can be read \(damaged at byte 1"):
        index_shards(tmp_path)
    (tmp_path / "a.tar").rename(tmp_path / "a.tar.gz")
    for names in (None, ["a.tar.gz"]):
        with pytest.raises(InputError, match=r"a\.tar\.gz is compressed.*vdsm data arrays"):
            index_shards(tmp_path, names)


@pytest.mark.parametrize("name", ["somedots", "fortran"])
def test_reported_shards(name: str, shared: Path, tmp_path: Path) -> None:
    """Those of a bug report: read by `vdsm data arrays`, indexed once unpacked."""
    source = shared / "faults" / "shards" / f"{name}.tar.gz"
    if not source.exists():
        pytest.skip(f"no {source.name} in {shared.name}/")
    make(tmp_path / "made", ArraysOptions(source=source, size=32))
    clips = open_clips(tmp_path / "made")
    truth = {}
    with tarfile.open(source) as tar:
        for member in tar:
            content = tar.extractfile(member)
            assert content is not None
            truth[member.name] = content.read()
    arrays = [np.load(io.BytesIO(b)) for n, b in truth.items() if n.endswith(".npy")]
    assert len(clips) == len(arrays)
    for i, array in enumerate(arrays):
        np.testing.assert_array_equal(clips.whole(i), array)
    if name == "fortran":
        return
    foreign(tmp_path / "a.tar", dict(truth))
    index_shards(tmp_path)
    indexed = open_clips(tmp_path)
    assert len(indexed) == len(arrays)
    assert "take_2.5.json" in truth
    assert all((labels >= 0).all() for labels in indexed.table.labels.values())
    assert {f.name: f.role for f in clips.info.factors} == {"who": "identity", "act": "action"}


def test_equal_keys_in_two_shards_are_two_individuals(tmp_path: Path) -> None:
    clip = np.zeros((2, 4, 4, 1), np.uint8)
    foreign(tmp_path / "a.tar", {"0.npy": clip, "1.npy": clip, "1.json": b'{"group": "ann"}'})
    foreign(tmp_path / "b.tar", {"0.npy": clip, "1.npy": clip, "1.json": b'{"group": "ann"}'})
    index_shards(tmp_path)
    assert open_clips(tmp_path).table.group.tolist() == [1, 0, 2, 0]


def test_indices_are_known_by_their_pixels(tmp_path: Path) -> None:
    """One name, or one size, does not make other clips the same."""
    clip = np.zeros((3, 4, 4, 1), np.uint8)
    prints = []
    for folder, name, frames in (("a", "x", clip), ("b", "y", clip), ("c", "x", clip + 1)):
        (tmp_path / folder).mkdir()
        foreign(tmp_path / folder / f"{name}.tar", {f"{name}.npy": frames})
        index_shards(tmp_path / folder)
        prints.append(open_clips(tmp_path / folder).fingerprint)
    assert prints[0] == prints[1] != prints[2]


@pytest.mark.parametrize(
    ("samples", "message"),
    [
        ({"1.txt": b"x"}, r"hold no \.npy file"),
        ({"1.npy": b"text"}, r"1\.npy is not a \.npy file"),
        ({"1.npy": np.zeros((2, 4, 4, 1))}, "is float64.*expected uint8"),
        ({"1.npy": np.zeros((4, 4, 1), np.uint8)}, "expected uint8"),
        ({"1.npy": np.zeros((2, 4, 5, 1), np.uint8)}, "frames of shapes"),
        ({"1.npy": np.zeros((2, 4, 4, 1), np.uint8), "1.json": b"{"}, r"1\.json is not valid JSON"),
        ({"1.npy": np.zeros((2, 4, 4, 1), np.uint8), "1.json": b"[]"}, "not hold a JSON object"),
        (
            {"1.npy": np.zeros((2, 4, 4, 1), np.uint8), "1.json": b'{"split": "x"}'},
            r"a\.tar: 1\.json: expected group, split",
        ),
    ],
)
def test_foreign_shards_that_do_not_fit(
    samples: dict[str, bytes | Frames], message: str, tmp_path: Path
) -> None:
    foreign(tmp_path / "a.tar", samples)
    with pytest.raises(InputError, match=message):
        index_shards(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["a.tar"]


# ---- mistakes


def test_wrong_numbers_of_shards(tmp_path: Path) -> None:
    source = stored(tmp_path / "source")
    for shards in (0, 24):
        with pytest.raises(InputError, match=f"{shards} shards for 23 clips: choose 1 to 23"):
            write_shards(source, tmp_path / "out", shards)
    assert not (tmp_path / "out").exists()
    with pytest.raises(InputError, match="in use"):
        write_shards(source, tmp_path / "source", 2)
    assert same(source, open_clips(tmp_path / "source"))


def test_a_failure_leaves_nothing(tmp_path: Path) -> None:
    class Failing(Clips):
        def read(self, clip: int, start: int, frames: int) -> Frames:
            if clip == 2:
                raise KeyboardInterrupt
            return np.zeros((frames, 8, 8, 3), np.uint8)

    ones = np.ones(3, np.int64)
    source = Failing(Info("bad", 8, 3), Table(ones, ones, ones * 0, {}))
    with pytest.raises(KeyboardInterrupt):
        write_shards(source, tmp_path / "out", 2)
    assert not (tmp_path / "out").exists()


def test_damaged_shards_and_indices(tmp_path: Path) -> None:
    write_shards(stored(tmp_path / "source"), tmp_path / "out", 2)
    shard = tmp_path / "out" / "shard-00001.tar"
    whole = shard.read_bytes()
    shard.write_bytes(whole[:-512])
    with pytest.raises(InputError, match=r"shard-00001\.tar holds \d+ bytes, expected \d+"):
        open_clips(tmp_path / "out")
    shard.unlink()
    with pytest.raises(InputError, match=r"no shard .*shard-00001\.tar"):
        open_clips(tmp_path / "out")
    shard.write_bytes(whole)
    about = json.loads((tmp_path / "out" / "dataset.json").read_text())
    about["made"]["shards"] = about["made"]["shards"][:1]
    (tmp_path / "out" / "dataset.json").write_text(json.dumps(about))
    with pytest.raises(InputError, match="names shards that it does not list"):
        open_clips(tmp_path / "out")
    del about["made"]["shards"]
    (tmp_path / "out" / "dataset.json").write_text(json.dumps(about))
    with pytest.raises(InputError, match="lacks the index of its shards"):
        open_clips(tmp_path / "out")
    with pytest.raises(InputError, match="storage 'memmap', not shards"):
        open_shards(tmp_path / "source", lambda a, o, n: b"", "")
