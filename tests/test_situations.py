"""Where commands run: terminals, home folders, clones, clusters, limits and shared runs."""

import errno
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from small import SMALL, pendula
from vdsm import VDSM, InputError
from vdsm.cli import run as command
from vdsm.data import open_clips
from vdsm.evaluate import resnext
from vdsm.files import POINTER, atomic_write, no_room
from vdsm.store.run import Run
from vdsm.store.shipped import find
from vdsm.train import processes
from vdsm.train.loop import train

ENCODINGS = ("ascii", "cp1252", "latin-1", "koi8-r", "shift_jis")


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dataset and a run of it."""
    folder = tmp_path_factory.mktemp("world")
    data = pendula(folder / "data")
    short = {f"stage{i}": replace(getattr(SMALL, f"stage{i}"), steps=2) for i in (1, 2)}
    config = replace(SMALL, contrast=replace(SMALL.contrast, steps=2), **short)
    train(Run.create(folder / "run", config, data, "debug"), open_clips(data))
    return folder


def vdsm(*words: str, **more: str) -> "subprocess.CompletedProcess[bytes]":
    """The command line in a process of its own."""
    env = os.environ | {"OMP_NUM_THREADS": "1"} | more
    return subprocess.run([sys.executable, "-m", "vdsm", *words], capture_output=True, env=env)


def refused(words: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    """The one line that a refusal prints."""
    assert command(words) == 2
    line = capsys.readouterr().err
    assert line.count("\n") == 1
    return line


# -- letters that a terminal lacks -----------------------------------------------------------------


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("words", ["train --help", "info NAMED", "info MISSING"])
def test_letters_that_the_output_lacks(
    encoding: str, words: str, world: Path, tmp_path: Path
) -> None:
    """All is printed, by Python and by rich, with what has no letter as an escape."""
    named = tmp_path / "данные-κ-名"
    named.symlink_to(world / "data")
    said = words.replace("NAMED", str(named)).replace("MISSING", str(tmp_path / "ж-ü-名"))
    done = vdsm(*said.split(), PYTHONIOENCODING=encoding)
    assert b"Traceback" not in done.stderr
    assert done.returncode == (2 if "MISSING" in words else 0)
    printed = (done.stdout + done.stderr).decode(encoding)
    needed = {"train --help": "κ_z", "info NAMED": "данные-κ-名", "info MISSING": "ж-ü-名"}[words]
    escaped = needed.encode(encoding, "backslashreplace").decode(encoding)
    assert escaped in "".join(printed.split("\n"))


def test_a_locale_of_ascii(world: Path) -> None:
    """Python's own UTF-8 mode off, as where LC_ALL names a locale of one byte a letter."""
    done = vdsm("train", "--help", LC_ALL="C", PYTHONUTF8="0", PYTHONCOERCECLOCALE="0")
    assert (done.returncode, done.stderr) == (0, b"")
    assert rb"\u03ba_z" in done.stdout


# -- paths -----------------------------------------------------------------------------------------


def test_home_and_a_slash_at_the_end(
    world: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """In Python, and of options that no shell has read, as after an equals sign."""
    monkeypatch.setenv("HOME", str(world))
    monkeypatch.chdir(tmp_path)
    keys = VDSM.from_pretrained(world / "run").state_dict().keys()
    for place in ("~/run", "~/run/", Path("~/run"), Path("~", "run")):
        assert VDSM.from_pretrained(place).state_dict().keys() == keys
    assert find("pendulum/") == find("pendulum") != Path("pendulum")
    VDSM.from_pretrained(world / "run").save_pretrained("~/saved")
    assert (world / "saved" / "config.json").is_file()
    assert open_clips("~/data").path == world / "data"
    for words in (
        "info ~/data",
        "info ~/run/",
        "embed ~/run ~/data:0 --out=~/e.npz",
        "swap ~/run/ --identity=~/data:0 --action=~/data:1 --out=~/s.gif",
        "generate ~/run --num 1 --frames 2 --given=~/data:0 --out=~/g",
        "data pendulum --size 32 --clips-per-cell 2 --frames 4 --out=~/new",
        "swap pendulum/ --identity example:0 --action example:1 --out ~/p.gif",
    ):
        assert command(words.split()) == 0, words
    assert {"e.npz", "s.gif", "g", "new", "p.gif"} <= {file.name for file in world.iterdir()}
    assert not list(tmp_path.iterdir())


def test_home_in_an_option_of_a_maker(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    line = refused(["data", "folder", "--source=~/none", "--out", str(tmp_path / "d")], capsys)
    assert f"{tmp_path}/none" in line


# -- pointers of Git LFS ---------------------------------------------------------------------------

TEXT = (
    POINTER + b"v1\noid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393\n"
)


@pytest.mark.parametrize(
    ("file", "words"),
    [
        ("run/model.safetensors", "info {}/run"),
        ("run/config.json", "embed {}/run {}/data:0 --out {}/e.npz"),
        ("data/clips.npz", "info {}/data"),
        ("data/dataset.json", "info {}/data"),
        ("clip.mp4", "embed {}/run {}/clip.mp4 --out {}/e.npz"),
        ("clip.gif", "embed {}/run {}/clip.gif --out {}/e.npz"),
        ("clip.png", "embed {}/run {}/clip.png --out {}/e.npz"),
    ],
)
def test_a_pointer_in_place_of_a_file(
    file: str, words: str, world: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    subprocess.run(["cp", "-r", *map(str, world.glob("*")), str(tmp_path)], check=True)
    (tmp_path / file).write_bytes(TEXT)
    line = refused(words.replace("{}", str(tmp_path)).split(), capsys)
    assert f"{tmp_path / file} is a pointer of Git LFS" in line
    assert "git lfs pull" in line


def test_a_pointer_in_place_of_public_weights(tmp_path: Path) -> None:
    (tmp_path / "r.pth").write_bytes(TEXT)
    with pytest.raises(InputError, match="is a pointer of Git LFS"):
        resnext.load_resnext101(tmp_path / "r.pth")


# -- files that may not grow, disks that are full or read-only -------------------------------------


@pytest.mark.parametrize("number", [errno.EFBIG, errno.ENOSPC, errno.EDQUOT, errno.EROFS])
@pytest.mark.parametrize("kind", [OSError, RuntimeError])
def test_no_room_is_one_line_and_what_was_there_stays(
    number: int, kind: type, tmp_path: Path
) -> None:
    """Torch has the reason in its text alone."""
    file, why = tmp_path / "file", os.strerror(number)
    file.write_bytes(b"old")

    def fail(_: Any) -> None:
        raise OSError(number, why) if kind is OSError else RuntimeError(f"[enforce] {why}")

    with pytest.raises(InputError, match=re.escape(no_room(OSError(number, why), file))):
        atomic_write(file, fail)
    assert [file.read_bytes(), *tmp_path.iterdir()] == [b"old", file]


@pytest.mark.parametrize(
    "words",
    [
        "embed {}/run {}/data --window 0 --out {}/new.npz",
        "export {}/run --out {}/new",
        "train {}/data --preset debug --out {}/new",
    ],
)
def test_a_file_that_may_not_grow(words: str, world: Path) -> None:
    """As under `ulimit -f` or on FAT32: one line, and no part of a file is left."""
    program = shlex.join([sys.executable, "-m", "vdsm", *words.replace("{}", str(world)).split()])
    done = subprocess.run(
        ["sh", "-c", f"ulimit -f 2; exec {program}"],
        capture_output=True,
        text=True,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr
    assert "may not grow so large" in done.stderr
    assert not [file for file in world.rglob(".*") if file.is_file()]
    subprocess.run(["rm", "-rf", str(world / "new")], check=True)


# -- a run that others share -----------------------------------------------------------------------


def test_evaluate_of_a_run_that_is_read_only(
    world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Root may write anywhere, so the refusal is made. It is said first, and the rest is done."""
    import vdsm.files

    make = vdsm.files.TemporaryFile

    def denied(dir: Path) -> Any:
        if dir == world / "run":
            raise OSError(errno.EROFS, os.strerror(errno.EROFS))
        return make(dir=dir)

    monkeypatch.setattr(vdsm.files, "TemporaryFile", denied)

    def measured(*_: Any) -> None:
        raise InputError("came to measuring")

    monkeypatch.setattr("vdsm.evaluate.run.evaluate_run", measured)
    run = str(world / "run")
    assert command(["evaluate", run, "--out", str(tmp_path / "e.json")]) == 2
    said = capsys.readouterr()
    assert said.out == f"note: {run}/judges cannot be written to: new judges are not kept\n"
    assert said.err == "vdsm: came to measuring\n"
    line = refused(["evaluate", run], capsys)
    assert f"{run}/evaluation.json cannot be written in that folder: choose another --out" in line


# -- what a cluster leaves behind ------------------------------------------------------------------

LEFT = {"WORLD_SIZE": "2", "RANK": "0", "MASTER_ADDR": "127.0.0.1"}


def started(
    env: Mapping[str, str], monkeypatch: pytest.MonkeyPatch, rank: int = 0
) -> processes.Processes:
    for name in ("WORLD_SIZE", "RANK", "MASTER_ADDR", "MASTER_PORT", "TORCHELASTIC_RUN_ID"):
        monkeypatch.delenv(name, raising=False)
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    with processes.started("cpu") as found:
        return found


@pytest.mark.parametrize("env", [{"WORLD_SIZE": "2"}, LEFT, LEFT | {"MASTER_PORT": ""}], ids=str)
def test_one_process_that_cannot_meet_others_trains_alone(
    env: Mapping[str, str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert started(env, monkeypatch) == processes.ALONE
    line = capsys.readouterr().err
    assert "trains alone: WORLD_SIZE is set, but not" in line
    assert "MASTER_PORT" in line


@pytest.mark.parametrize("rank", ["0", "1"])
def test_one_process_says_whom_it_waits_for_and_stops(
    rank: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from datetime import timedelta

    monkeypatch.setattr(processes, "PATIENCE", timedelta(seconds=1))
    env = LEFT | {"MASTER_PORT": "29417", "RANK": rank}
    with pytest.raises(InputError, match=r"not all of 2 processes came to 127\.0\.0\.1:29417"):
        started(env, monkeypatch)
    assert f"number {rank} of 2, and waits for the others at" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("env", "pattern"),
    [
        ({"WORLD_SIZE": "two"}, "WORLD_SIZE=two, no whole number: unset WORLD_SIZE"),
        (LEFT | {"MASTER_PORT": "29417", "RANK": "2"}, "RANK is 2, but WORLD_SIZE 2"),
        (LEFT | {"MASTER_PORT": "x"}, "MASTER_PORT=x, no whole number"),
    ],
)
def test_what_is_wrong_in_the_environment(
    env: Mapping[str, str], pattern: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(InputError, match=pattern):
        started(env, monkeypatch)


def test_an_empty_number_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    assert started({"WORLD_SIZE": ""}, monkeypatch) == processes.ALONE


# -- clips without labels --------------------------------------------------------------------------


def test_report_and_evaluate_of_unlabelled_clips(
    world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What needs no label is measured, and the page has it."""
    source, data, run = tmp_path / "clips", tmp_path / "data", tmp_path / "run"
    clips = open_clips(world / "data")
    from vdsm.video import write_clips

    source.mkdir()
    for i in range(8):
        write_clips(source / f"{i}.gif", clips.whole(i), 8)
    words = ["--size", "32", "--source", str(source), "--out", str(data)]
    assert command(["data", "folder", *words]) == 0
    train(
        Run.create(
            run,
            replace(
                SMALL,
                **{f"stage{i}": replace(getattr(SMALL, f"stage{i}"), steps=2) for i in (1, 2)},
            ),
            data,
            "debug",
        ),
        open_clips(data),
    )
    capsys.readouterr()
    assert command(["report", str(run)]) == 0
    said = capsys.readouterr().out
    assert "not evaluated yet, see: vdsm evaluate" in said
    assert command(["evaluate", str(run), "--resamples", "20"]) == 0
    said = capsys.readouterr().out
    assert "the data say neither who nor what their clips show" in " ".join(said.split())
    assert "Measured without labels" in said
    assert command(["report", str(run)]) == 0
    assert "not evaluated" not in capsys.readouterr().out
