"""Files that may not grow: one line, exit code 2, and the same command goes on later."""

import errno
import os
import resource
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from folders import tree
from media import ramp
from vdsm.cli import run
from vdsm.data import open_clips
from vdsm.errors import InputError
from vdsm.files import NO_ROOM, atomic_write, is_disk_full
from vdsm.video import write_clips


@contextmanager
def limited(size: int) -> Iterator[None]:
    """No file grows beyond `size` bytes, as after `ulimit -f`, or on FAT32 at 4 GiB."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)


def only_line(capsys: pytest.CaptureFixture[str]) -> str:
    (line,) = capsys.readouterr().err.splitlines()
    return line


def long_words(name: str, out: Path, root: Path) -> list[str]:
    words = ["data", "folder", "--source", str(root), "--size", "32", "--workers", "1"]
    return [*words, "--out", str(out / name), "--test-share", "0", "--validation-share", "0"]


def test_frames_that_may_not_grow(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """At whatever size the limit is met: in a part, between two clips, in the journal."""
    root = tree(tmp_path / "in", ("a", "b"))
    assert run(long_words("whole", tmp_path, root)) == 0
    wanted = (tmp_path / "whole" / "frames.u8").read_bytes()
    capsys.readouterr()
    for limit in (10, 200, 20_000, len(wanted) // 2, len(wanted) - 1):
        name = f"out {limit}"
        for _ in range(2):
            with limited(limit):
                assert run(long_words(name, tmp_path, root)) == 2
            assert "may not grow so large (ulimit -f, or the disk's format)" in only_line(capsys)
        assert run(long_words(name, tmp_path, root)) == 0
        assert (tmp_path / name / "frames.u8").read_bytes() == wanted
        capsys.readouterr()


def test_shards_that_may_not_grow(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A limit that the frames just meet; the tar, with its headers, does not."""
    root = tree(tmp_path / "in", ("a", "b"))
    assert run(long_words("whole", tmp_path, root)) == 0
    limit = (tmp_path / "whole" / "frames.u8").stat().st_size
    words = [*long_words("shards", tmp_path, root), "--shards", "1"]
    capsys.readouterr()
    with limited(limit):
        assert run(words) == 2
    line = only_line(capsys)
    assert "may not grow so large" in line
    assert ".shards.clips keeps what is made, for the next try" in line
    assert not (tmp_path / "shards").exists()
    assert run([*words[:-1], "4"]) == 0
    assert len(open_clips(tmp_path / "shards")) == 8


def test_smaller_shards_pass_where_one_does_not(tmp_path: Path) -> None:
    root = tree(tmp_path / "in", ("a", "b"))
    assert run(long_words("whole", tmp_path, root)) == 0
    with limited((tmp_path / "whole" / "frames.u8").stat().st_size):
        assert run([*long_words("shards", tmp_path, root), "--shards", "1"]) == 2
        assert run([*long_words("shards", tmp_path, root), "--shards", "2"]) == 0


@pytest.mark.parametrize("number", NO_ROOM)
def test_every_reason_is_one_line(number: int, tmp_path: Path) -> None:
    (tmp_path / "x").write_text("before")

    def full(file: object) -> None:
        raise OSError(number, os.strerror(number))

    with pytest.raises(InputError, match="what was there before is kept") as caught:
        atomic_write(tmp_path / "x", full)
    assert str(caught.value).startswith(NO_ROOM[number].format(tmp_path / "x"))
    assert (tmp_path / "x").read_text() == "before"
    assert [path.name for path in tmp_path.iterdir()] == ["x"]


def test_words_of_libraries_are_known() -> None:
    """torch, safetensors and others raise exceptions of their own, with the system's words."""
    assert is_disk_full(RuntimeError("[enforce fail] write failed: No space left on device"))
    assert is_disk_full(Exception("I/O error: File too large (os error 27)"))
    assert not is_disk_full(RuntimeError("CUDA error: out of memory"))
    assert not is_disk_full(OSError(errno.EACCES, "Permission denied"))
    assert not is_disk_full(KeyboardInterrupt())


def test_other_commands_give_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "in").mkdir()
    for name in "ab":
        write_clips(tmp_path / "in" / f"{name}.gif", ramp(3))
    assert run(long_words("data", tmp_path, tmp_path / "in")) == 0
    capsys.readouterr()
    with limited(100):
        assert run(["info", str(tmp_path / "data"), "--out", str(tmp_path / "p.png")]) == 2
    assert "may not grow so large" in only_line(capsys)
