"""Moving MNIST: the IDX reader on good and damaged files, motion against a slow loop, splits."""

import gzip
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from small import idx, write_digits
from vdsm.data import open_clips
from vdsm.data.clips import Clips
from vdsm.data.idx import read_idx
from vdsm.data.moving_mnist import TRAJECTORIES, MovingMnistOptions, bounce, make, read_digits
from vdsm.errors import InputError

CASES = int(os.environ.get("VDSM_FUZZ_CASES", "200"))
SHARED = Path(__file__).resolve().parents[2] / "shared" / "data" / "mnist"


@pytest.fixture(scope="module")
def digits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("mnist")
    write_digits(folder)
    return folder


@pytest.mark.parametrize("shape", [(5,), (3, 4, 2), (0,), (2, 1)])
def test_idx_is_read(tmp_path: Path, shape: tuple[int, ...]) -> None:
    array = np.arange(np.prod(shape), dtype=np.uint8).reshape(shape)
    (tmp_path / "plain").write_bytes(idx(array))
    (tmp_path / "packed").write_bytes(gzip.compress(idx(array)))
    for name in ("plain", "packed"):
        read = read_idx(tmp_path / name, len(shape))
        assert read.shape == shape
        np.testing.assert_array_equal(read, array)


def test_idx_that_is_wrong_is_one_clear_line(tmp_path: Path) -> None:
    good = idx(np.zeros((3, 4), np.uint8))
    packed = gzip.compress(good)
    wrong_sum = packed[:-8] + b"\0\0\0\0" + packed[-4:]
    huge = good[:4] + b"\xff\xff\xff\xff" * 2 + good[12:]
    cases = {
        "magic number 0x00000d02, expected 0x00000802": idx(np.zeros((3, 4), np.uint8), kind=13),
        "magic number 0x00000801": idx(np.zeros(3, np.uint8)),
        "magic number 0x6e6f7420": b"not an idx file",
        "magic number 0x,": b"",
        "ends within its header": good[:9],
        "holds 11 bytes of data, its header says 12": good[:-1],
        "holds more bytes of data, its header says 12": good + b"\0",
        "claims 18446744065119617025 bytes": huge,
        "damaged gzip": packed[:-9],
        "CRC check failed": wrong_sum,
        "damaged gzip file": packed[:12] + b"\xff\xff" + packed[14:],
        "its header says 12": gzip.compress(good + bytes(100)),
    }
    for i, (message, content) in enumerate(cases.items()):
        path = tmp_path / f"file {i}"
        path.write_bytes(content)
        with pytest.raises(InputError, match=message) as caught:
            read_idx(path, 2)
        assert str(path) in str(caught.value)
        assert "\n" not in str(caught.value)
    with pytest.raises(InputError, match=r"cannot read .*absent: No such file"):
        read_idx(tmp_path / "absent", 2)
    with pytest.raises(InputError, match=r"cannot read .*: Is a directory"):
        read_idx(tmp_path, 2)


@settings(max_examples=CASES)
@given(data=st.data(), packed=st.booleans())
def test_damaged_idx_is_an_array_or_an_error(
    data: st.DataObject, packed: bool, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Bytes changed, cut out or put in anywhere: an array of the stated size, or an InputError.

    Gzip has a checksum, so what comes out of a damaged gzip file is what went in.
    """
    array = np.arange(60, dtype=np.uint8).reshape(3, 4, 5)
    content = bytearray(gzip.compress(idx(array), mtime=0) if packed else idx(array))
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(content)))
        end = at + data.draw(st.integers(0, 8))
        content[at:end] = data.draw(st.binary(max_size=8))
    path = tmp_path_factory.getbasetemp() / "damaged"
    path.write_bytes(content)
    try:
        read = read_idx(path, 3)
    except InputError as error:
        message = str(error)
    else:
        message = ""
    if message:
        assert str(path) in message
        return
    assert read.dtype == np.uint8
    if content[:2] == b"\x1f\x8b":
        np.testing.assert_array_equal(read, array)
    else:
        assert content == idx(read)


def test_digits_are_found(tmp_path: Path) -> None:
    images = write_digits(tmp_path / "a", 20, "t10k", "")
    for source in (tmp_path / "a", tmp_path / "a" / "t10k-images-idx3-ubyte"):
        found, labels = read_digits(source)
        np.testing.assert_array_equal(found, images)
        np.testing.assert_array_equal(labels, np.arange(20) % 10)
    write_digits(tmp_path / "a", 30, "train", ".gz")
    assert len(read_digits(tmp_path / "a")[0]) == 30  # preferred
    packed = tmp_path / "a" / "train-labels-idx1-ubyte.gz"
    packed.with_suffix("").write_bytes(gzip.decompress(packed.read_bytes()))
    packed.unlink()
    assert len(read_digits(tmp_path / "a")[1]) == 30  # plain labels beside packed images


def test_bad_sources(tmp_path: Path) -> None:
    def check(source: Path, message: str) -> None:
        with pytest.raises(InputError, match=message):
            make(tmp_path / "out", MovingMnistOptions(source=source))
        assert not (tmp_path / "out").exists()

    check(tmp_path / "absent", "no file or folder .*absent")
    (tmp_path / "empty").mkdir()
    check(tmp_path / "empty", "has no train-images-idx3-ubyte")
    write_digits(tmp_path / "a")
    (tmp_path / "a" / "train-labels-idx1-ubyte.gz").unlink()
    check(tmp_path / "a", "no labels .*train-labels-idx1-ubyte.gz beside")
    labels = tmp_path / "a" / "train-labels-idx1-ubyte"
    labels.write_bytes(idx(np.zeros(59, np.uint8)))
    check(tmp_path / "a", "has 59 labels for 60 pictures")
    labels.write_bytes(idx(np.full(60, 11, np.uint8)))
    check(tmp_path / "a", "has label 11, expected 0 to 9")
    (tmp_path / "b-images").write_bytes(idx(np.zeros((9, 32, 32), np.uint8)))
    check(tmp_path / "b-images", r"has pictures \(32, 32\), expected \(28, 28\)")
    (tmp_path / "digits").write_bytes(idx(np.zeros((9, 28, 28), np.uint8)))
    check(tmp_path / "digits", "no labels .*beside")
    write_digits(tmp_path / "few", 4)
    options = MovingMnistOptions(source=tmp_path / "few", digits=4, test_share=0.5)
    with pytest.raises(InputError, match="4 written digits are too few for 4"):
        make(tmp_path / "out", options)


def test_bounce_is_the_slow_loop() -> None:
    """One small step at a time, turned back at the edges 0 and 36."""
    for start, velocity in ((3.2, 4.0), (35.9, 1.79), (0.0, -2.0), (18.0, 0.0), (36.0, -3.58)):
        place, right, expected = start, velocity, []
        for step in range(40 * 1000):
            if step % 1000 == 0:
                expected.append(place)
            place += right / 1000
            if place < 0 or place > 36:
                right, place = -right, -place if place < 0 else 72 - place
        got = bounce(start, velocity, np.arange(40))
        assert np.abs(got - np.array(expected)).max() <= 0.51


def place_of(frame: np.ndarray, digit: np.ndarray) -> tuple[int, int]:
    """Left and top of a digit without black pixels, found by its outline."""
    rows, columns = np.flatnonzero(frame.any(1)), np.flatnonzero(frame.any(0))
    left, top = int(columns[0]), int(rows[0])
    np.testing.assert_array_equal(frame[top : top + 28, left : left + 28], digit)
    assert np.count_nonzero(frame) == 28 * 28
    return left, top


def test_clips_show_their_digit_and_trajectory(digits: Path, tmp_path: Path) -> None:
    images, labels = read_digits(digits)
    make(tmp_path / "m", MovingMnistOptions(source=digits, clips=200, frames=30, individuals=50))
    clips = open_clips(tmp_path / "m")
    assert clips.whole(0).shape == (30, 64, 64, 1)
    for clip in range(0, 200, 3):
        frames = clips.whole(clip)[..., 0]
        shown = [i for i, image in enumerate(images) if is_shown(frames[0], image)]
        assert len(shown) == 1
        assert labels[shown[0]] == clips.table.labels["digit"][clip]
        path = np.array([place_of(frame, images[shown[0]]) for frame in frames])
        # A single step that meets no edge has the class's speed and slope, either way round.
        slope, speed = TRAJECTORIES[clips.table.labels["trajectory"][clip]].split()
        away = np.abs(np.diff(path, axis=0))
        free = (path.min(axis=1) > 4) & (path.max(axis=1) < 32)
        steps = away[free[1:] & free[:-1]]
        if len(steps) < 5:
            continue
        pixels = {"slow": 2, "fast": 4}[speed]
        degrees = {"horizontal": 0, "shallow": 26.6, "diagonal": 45, "steep": 63.4, "vertical": 90}
        expected = pixels * np.array([np.cos(a := np.radians(degrees[slope])), np.sin(a)])
        assert np.abs(steps - expected).max() <= 1


def is_shown(frame: np.ndarray, image: np.ndarray) -> bool:
    rows, columns = np.flatnonzero(frame.any(1)), np.flatnonzero(frame.any(0))
    window = frame[rows[0] : rows[0] + 28, columns[0] : columns[0] + 28]
    return bool(np.array_equal(window, image))


def test_a_clip_is_the_same_however_it_is_read(digits: Path, tmp_path: Path) -> None:
    options = MovingMnistOptions(source=digits, clips=50, digits=2, individuals=20, seed=5)
    make(tmp_path / "a", options)
    (tmp_path / "elsewhere").symlink_to(digits)
    make(tmp_path / "b", replace(options, source=tmp_path / "elsewhere"))
    a, b = open_clips(tmp_path / "a"), open_clips(tmp_path / "b")
    assert a.fingerprint == b.fingerprint
    for clip in (0, 7, 49):
        np.testing.assert_array_equal(a.whole(clip), b.whole(clip))
        np.testing.assert_array_equal(a.read(clip, 5, 4), a.whole(clip)[5:9])
    np.testing.assert_array_equal(
        a.batch(np.array([3, 9]), np.array([0, 8]), 8),
        np.stack([a.whole(3)[:8], a.whole(9)[8:]]),
    )
    make(tmp_path / "c", MovingMnistOptions(source=digits, clips=50, digits=2, individuals=20))
    c = open_clips(tmp_path / "c")
    assert c.fingerprint != a.fingerprint
    assert not np.array_equal(c.whole(0), a.whole(0))


def digits_of(clips: Clips) -> np.ndarray:
    assert clips.path is not None
    return np.asarray(np.load(clips.path / "digits.npy"))


@pytest.mark.parametrize("count", [1, 2])
def test_held_out_digits_are_not_trained_on(digits: Path, tmp_path: Path, count: int) -> None:
    options = MovingMnistOptions(
        source=digits, clips=300, digits=count, individuals=40, test_share=0.2
    )
    make(tmp_path / "m", options)
    clips = open_clips(tmp_path / "m")
    drawn, group = digits_of(clips), clips.table.group
    train, test = clips.select("train"), clips.select("test")
    assert len(test) == 60
    shown = [{image.tobytes() for image in drawn[group[s]].reshape(-1, 784)} for s in (train, test)]
    assert shown[0]
    assert shown[1]
    assert not shown[0] & shown[1]
    # Every individual of a split is shown as often as any other, give or take one.
    for chosen in (train, test):
        counts = np.unique(group[chosen], return_counts=True)[1]
        assert counts.max() - counts.min() <= 1
    assert len(np.unique(group)) == 40
    if count == 2:
        assert all(len({image.tobytes() for image in pair}) == 2 for pair in drawn)


def test_several_digits_are_laid_over_each_other(digits: Path, tmp_path: Path) -> None:
    make(tmp_path / "m", MovingMnistOptions(source=digits, clips=20, digits=3, individuals=9))
    clips = open_clips(tmp_path / "m")
    names = ["digit1", "digit2", "digit3", "trajectory1", "trajectory2", "trajectory3"]
    assert [f.name for f in clips.info.factors] == names
    images, labels = read_digits(digits)
    by_content = {image.tobytes(): int(label) for image, label in zip(images, labels, strict=True)}
    motion, drawn = np.load(tmp_path / "m" / "motion.npy"), digits_of(clips)
    for clip in range(20):
        expected = np.zeros((16, 64, 64), np.uint8)
        for k in range(3):
            patch = drawn[clips.table.group[clip], k]
            assert by_content[patch.tobytes()] == clips.table.labels[f"digit{k + 1}"][clip]
            x, y, right, down = motion[clip, k]
            for t in range(16):  # lay over in a frame with a margin, then cut the margin off
                left = int(bounce(float(x), float(right), np.array([t]))[0])
                top = int(bounce(float(y), float(down), np.array([t]))[0])
                alone = np.zeros((64, 64), np.uint8)
                alone[top : top + 28, left : left + 28] = patch
                expected[t] = np.maximum(expected[t], alone)
        np.testing.assert_array_equal(clips.whole(clip)[..., 0], expected)


def test_defaults_are_the_papers(digits: Path, tmp_path: Path) -> None:
    make(tmp_path / "m", MovingMnistOptions(source=digits))
    clips = open_clips(tmp_path / "m")
    assert len(clips) == 55_000
    assert len(clips.select("test")) == 5_500
    assert set(clips.table.length.tolist()) == {16}
    counts = np.bincount(clips.table.labels["trajectory"], minlength=10)
    assert np.abs(counts - 5500).max() < 5 * np.sqrt(5500)  # 5 sigma of ten counts


@pytest.mark.parametrize("size", [32, 128])
def test_other_sizes(digits: Path, tmp_path: Path, size: int) -> None:
    for side in (64, size):
        options = MovingMnistOptions(source=digits, clips=10, individuals=9, size=side)  # type: ignore[arg-type]
        make(tmp_path / str(side), options)
    at_64, other = (open_clips(tmp_path / str(side)).whole(3) for side in (64, size))
    assert other.shape == (16, size, size, 1)
    if size == 128:
        np.testing.assert_array_equal(other[:, ::2, ::2], at_64)
    else:
        assert abs(float(other.mean()) - float(at_64.mean())) < 0.5


def test_damaged_arrays(digits: Path, tmp_path: Path) -> None:
    make(tmp_path / "m", MovingMnistOptions(source=digits, clips=10, individuals=9))
    (tmp_path / "m" / "motion.npy").write_bytes(b"junk")
    with pytest.raises(InputError, match="is damaged"):
        open_clips(tmp_path / "m")
    np.save(tmp_path / "m" / "motion.npy", np.zeros((3, 1, 4)))
    with pytest.raises(InputError, match="arrays of another dataset"):
        open_clips(tmp_path / "m")


@pytest.mark.skipif(not SHARED.exists(), reason="the MNIST digits are not at hand")
def test_real_digits(tmp_path: Path) -> None:
    images, labels = read_digits(SHARED)
    assert images.shape == (10_000, 28, 28)
    assert labels[:4].tolist() == [7, 2, 1, 0]
    make(tmp_path / "m", MovingMnistOptions(source=SHARED))
    clips = open_clips(tmp_path / "m")
    assert len(np.unique(clips.table.group)) == 10_000
    frames = clips.whole(11)
    assert np.ptp(frames.sum(axis=(1, 2, 3), dtype=np.int64)) == 0  # the digit stays whole
