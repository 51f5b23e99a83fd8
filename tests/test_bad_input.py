"""The user's mistakes: one line that names the fault, exit code 2, nothing lost."""

import errno
import hashlib
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from small import pendula, start
from vdsm import VDSM
from vdsm.cli import run as command
from vdsm.methods.readout import Readout
from vdsm.store.run import Run
from vdsm.store.weights import digest
from vdsm.train.loop import train
from vdsm.train.pictures import Painter


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Datasets (data, data64, grey), a trained run, a folder in use, and things that are none."""
    world = tmp_path_factory.mktemp("bad")
    pendula(world / "data")
    pendula(world / "data64", size=64, clips_per_cell=2)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Painter, "paint", lambda *_: None)
        run, clips = start(world / "run", world / "data")
        train(run, clips)
    (world / "used").mkdir()
    (world / "used" / "thesis.txt").write_text("ten years of work")
    (world / "empty").mkdir()
    (world / "text.mp4").write_text("no video at all")
    (world / "broken").mkdir()
    for name in ("a.gif", "b.mp4"):
        (world / "broken" / name).write_text("no video either")
    (world / "file").write_text("a file")
    sheet = Image.fromarray(np.zeros((64, 64, 4), np.uint8))
    for layer in ("body", "bottomwear", "topwear", "hair", "shoes"):
        (world / "sheets" / layer).mkdir(parents=True)
        for i in range(8):
            sheet.save(world / "sheets" / layer / f"{i}.png")
    return world


def contents(folder: Path) -> dict[str, str]:
    """Every file with a digest, and every folder."""
    return {
        str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest()
        if p.is_file()
        else ""
        for p in sorted(folder.rglob("*"))
    }


def refused(words: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    """The one line that a command says before it exits with 2."""
    capsys.readouterr()
    assert command(words) == 2
    line = capsys.readouterr().err
    assert line.startswith("vdsm")
    assert line.endswith("\n")
    assert line.count("\n") == 1, line
    assert "Traceback" not in line
    return line


# Words of a command, with {} for the world's folder, and what the line must hold.
MISTAKES = [
    # missing folders, and places that are not what they should be
    ("train {}/nosuch --out {}/new", "{}/nosuch"),
    ("train {}/empty --out {}/new", "{}/empty"),
    ("train {}/run --out {}/new", "{}/run"),
    ("train {}/file --out {}/new", "{}/file"),
    ("train --resume --out {}/nosuch", "{}/nosuch is not a run: it has no run.json"),
    ("train --resume --out {}/data", "{}/data is not a run"),
    ("report pendulum", "pendulum is not a run: it is a shipped model, which is weights alone"),
    ("train --resume --out {}/run {}/data64", "{}/data64 is not the dataset that {}/run was"),
    ("evaluate {}/run {}/data64 --other-data true --out {}/new.json", "has frames of 64 pixels, "),
    ("info {}/nosuch", "no dataset or run at {}/nosuch"),
    ("info {}/empty", "{}/empty is neither a dataset (dataset.json) nor a run (run.json)"),
    ("embed {}/nosuch {}/data --out {}/new.npz", "{}/nosuch is not a trained model or run"),
    ("embed {}/data {}/data --out {}/new.npz", "{}/data is not a trained model or run"),
    ("embed {}/run {}/nosuch --out {}/new.npz", "no video, folder of videos or dataset at {}/nos"),
    ("embed {}/run {}/empty --out {}/new.npz", "{}/empty holds no video"),
    ("embed {}/run {}/text.mp4 --out {}/new.npz", "{}/text.mp4"),
    ("embed {}/run {}/data --out {}/new.npy", "{}/new.npy ends in '.npy': name a .npz or .parq"),
    ("embed {}/run {}/data --out {}/no/new.npz", "{}/no"),
    ("embed {}/run {}/data64 --out {}/new.npz", "{}/data64 has frames of 64 pixels, 3 channels;"),
    ("embed {}/run {}/data:28 --out {}/new.npz", "{}/data has clips 0 to 27, not 28"),
    ("embed {}/run {}/broken --out {}/new.npz", "none of 2 clips in {}/broken can be read; the"),
    ("embed {}/run {}/data --out {}/new.npz --window -1", "--window is -1"),
    ("embed {}/run {}/data --out {}/new.npz --device tpu", "device 'tpu' is not to be had"),
    ("embed {}/run {}/data --out {}/new.npz --device meta", "device 'meta' is not to be had"),
    ("embed {}/run {}/data --out {}/new.npz --device hpu:0", "device 'hpu:0' is not to be had"),
    ("embed {}/run {}/data", "vdsm embed: --out is needed"),
    # clips
    ("swap {}/run --identity {}/nosuch --action {}/data:0 --out {}/new.gif", "no clip at {}/nosu"),
    ("swap {}/run --identity {}/data:0 --action {}/data:99 --out {}/new.gif", "clips 0 to 27, not"),
    (
        "swap {}/run --identity {}/data:x --action {}/data:0 --out {}/new.gif",
        "no clip at {}/data:x",
    ),
    ("swap {}/run --identity {}/data --action {}/data:0 --out {}/new.gif", "as {}/data:NUMBER"),
    (
        "swap {}/run --identity {}/data64:0 --action {}/data:0 --out {}/new.gif",
        "frames of 64 pixels",
    ),
    ("swap {}/run --identity {}/text.mp4 --action {}/data:0 --out {}/new.gif", "{}/text.mp4"),
    ("swap {}/run --identity {}/empty --action {}/data:0 --out {}/new.gif", "{}/empty"),
    ("swap {}/run --identity {}/data:0 --action {}/data:1 --out {}/new.avi", "ends in '.avi'"),
    (
        "swap {}/run --identity {}/data:0 --action {}/data:1 --out {}/file/new.gif",
        "no folder {}/file to write new.gif to",
    ),
    (
        "swap {}/run --identity {}/data:0 --action {}/data:1 --out {}/new.gif --frames 0",
        "frames is 0",
    ),
    ("swap {}/run --identity {}/data:0 --action {}/data:1 --out {}/new.gif --frames x", "'x'"),
    (
        "swap {}/run --identity {}/text.mp4 --action {}/data:1 --out {}/text.mp4",
        "{}/text.mp4 is what is to be read",
    ),
    ("swap {}/run --identity {}/data:0 --action {}/data:1 --out {}/no/new.gif", "no folder"),
    ("embed {}/run {}/data --out {}/data/clips.npz", "{}/data/clips.npz belongs to the dataset in"),
    ("evaluate {}/run --out {}/run/run.json", "{}/run/run.json belongs to the run in {}/run"),
    ("bench --preset debug --out {}/run/config.json", "{}/run/config.json belongs to the run"),
    ("evaluate {}/run {}/run --out {}/new.json", "{}/run is named twice"),
    ("evaluate {}/run --out {}/new.png", "ends in '.png': name a .json file"),
    ("evaluate {}/run --out {}/new.json --test-clips -1", "--test-clips is '-1', it should be"),
    ("report {}/run --out {}/new.mp4", "ends in '.mp4': name a .html file"),
    ("info {}/run --out {}/new.png", "{}/run is no dataset"),
    ("info {}/data --out {}/new.jpg", "ends in '.jpg': name a .png file"),
    (
        "train {}/data --preset debug --device cuda:99 --out {}/new",
        "device 'cuda:99' is not to be had",
    ),
    (
        "generate {}/run --num 2 --frames 5 --seed -1 --out {}/new",
        "--seed is '-1', it should be greater",
    ),
    (
        "generate {}/run --num 2 --frames 5 --seed 99999999999999999999 --out {}/new",
        "--seed is '99999999999999999999', it",
    ),
    ("demo --seed -1 --out {}/new", "--seed is '-1', it should be greater"),
    ("train {}/data --seed 18446744073709551616 --out {}/new", "--seed is '184467440737095516"),
    ("evaluate {}/run --seed 18446744073709551616 --out {}/new.json", "--seed is '18446744073709"),
    ("figures {}/run --seed 18446744073709551616 --out {}/new", "--seed is '18446744073709551616'"),
    ("data pendulum --seed 18446744073709551616 --out {}/new", "--seed is '18446744073709551616'"),
    ("generate {}/run --num 0 --frames 5 --out {}/new", "asked for 0 clips"),
    ("generate {}/run --num 2 --frames 0 --out {}/new", "of 0 frames"),
    ("generate {}/run --num 1 --frames 0 --out {}/new", "asked for 1 clip of 0 frames"),
    ("generate {}/run --num 2 --frames 5 --given {}/nosuch --out {}/new", "no clip at {}/nosuch"),
    # output folders in use
    (
        "train {}/data --preset debug --out {}/used",
        "output folder {}/used is in use: choose another --out",
    ),
    ("train {}/data --preset debug --out {}/run", "output folder {}/run is in use"),
    ("train {}/data --preset debug --out {}/file", "{}/file is a file, not a folder"),
    ("data pendulum --out {}/used", "output folder {}/used is in use"),
    ("data pendulum --out {}/data", "output folder {}/data is in use"),
    ("data pendulum --shards 2 --out {}/used", "output folder {}/used is in use"),
    ("generate {}/run --num 1 --frames 2 --out {}/used", "output folder {}/used is in use"),
    # presets, fields, values
    (
        "train {}/data --preset nosuch --out {}/new",
        "unknown preset 'nosuch': choose one of mug, sp",
    ),
    ("train {}/data --size huge --out {}/new", "--size is 'huge', it should be 'compact', 'p"),
    (
        "train {}/data --out {}/new --stage1.step 5",
        "unknown option --stage1.step; did you mean --stage",
    ),
    (
        "train {}/data --out {}/new --stage1.steps many",
        "stage1.steps is 'many', it should be a val",
    ),
    ("train {}/data --out {}/new --stage1.batch 0", "stage1.batch is '0', it should be greater"),
    (
        "train {}/data --out {}/new --model.size 48",
        "model.size is '48', it should be 32, 64 or 128",
    ),
    ("train {}/data --out {}/new --model.size 64", "{}/data has size 32 but the model expects 64"),
    ("train {}/data --out {}/new --model.channels 1", "{}/data has channels 3 but the model exp"),
    ("train {}/data --out {}/new --stage2.frames 13", "no training clip of pendulum has 13 frames"),
    ("train {}/data --out {}/new extra", "unexpected 'extra'"),
    ("train {}/data", "--out is needed"),
    ("train --out {}/new", "DATA is needed"),
    ("train --resume", "--out is needed"),
    # datasets
    ("data", "NAME is needed, one of pendulum, sprites"),
    ("data pendulums --out {}/new", "unknown dataset 'pendulums'; did you mean pendulum?"),
    ("data pendulum", "--out is needed"),
    ("data pendulum --out {}/new --colour red", "unknown option --colour"),
    ("data pendulum --out {}/new --test_shore 1", "--test-shore; did you mean --test-share?"),
    ("data pendulum --out {}/new --test-share 7", "--test-share is '7', it should be less"),
    ("data pendulum --out {}/new --frames 1", "--frames is '1', it should be greater"),
    ("data pendulum --out {}/new --size 48", "--size is '48', it should be 32, 64 or 128"),
    ("evaluate {}/run --judge-steps 0 --out {}/new.json", "--judge-steps is '0', it should be"),
    ("data pendulum --out {}/new --shards -1", "--shards is '-1', it should be"),
    ("data pendulum --out {}/new --smallest 0.9 --largest 0.5", "exceeds largest"),
    ("data pendulum --out {}/file/new", "{}/file/new"),
    ("data sprites --out {}/new", "--source is needed"),
    ("data sprites --source {}/nosuch --out {}/new", "{}/nosuch"),
    ("data sprites --source {}/sheets --out {}/new", "is 64x64 pixels"),
    ("data weizmann --source {}/empty --out {}/new", "{}/empty"),
    ("data moving-mnist --source {}/empty --out {}/new", "{}/empty"),
    ("data mug --source {}/empty --out {}/new", "{}/empty"),
    ("data folder --source {}/empty --out {}/new", "{}/empty"),
    # words
    ("", "COMMAND is needed, one of demo, data"),
    ("nosuch", "no command 'nosuch'; did you mean"),
    ("info", "RUN|DATA is needed: a dataset"),
    ("info {}/data --verbose", "unknown option --verbose"),
    (
        "generate {}/run --num two --frames 5 --out {}/new",
        "--num is 'two', it should be a val",
    ),
    ("demo --out {}/used/thesis.txt", "{}/used/thesis.txt"),
]


@pytest.mark.parametrize(("words", "expected"), MISTAKES, ids=[words for words, _ in MISTAKES])
def test_a_mistake_is_one_line(
    words: str, expected: str, world: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = contents(world)
    line = refused(words.replace("{}", str(world)).split(), capsys)
    assert expected.replace("{}", str(world)) in line
    left = contents(world)
    assert {k: v for k, v in left.items() if k in before} == before
    assert not [k for k in left.keys() - before.keys() if (world / k).is_file()]
    shutil.rmtree(world / "new", ignore_errors=True)


def test_data_that_moved(world: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Every command that needs it says where it lay, and takes the new place."""
    shutil.copytree(world / "run", tmp_path / "run")
    data = shutil.copytree(world / "data", tmp_path / "data")
    record = json.loads((tmp_path / "run" / "run.json").read_text())
    del record["sha256"]
    text = json.dumps(record | {"data": str(tmp_path / "gone")})
    (tmp_path / "run" / "run.json").write_text(text)
    run, out = str(tmp_path / "run"), str(tmp_path / "out")
    for words in (
        ["train", "--resume", "--out", run],
        ["evaluate", run, "--out", f"{out}.json"],
        ["figures", run, "--out", out],
    ):
        line = refused(words, capsys)
        assert f"{run} was trained on {tmp_path / 'gone'}, where no dataset is" in line
        assert "as DATA" in line
    assert command(["train", str(data), "--resume", "--out", run]) == 0


def test_one_training_at_a_time(world: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = Run.open(world / "run")
    with run.locked():
        line = refused(["train", "--resume", "--out", str(run.path)], capsys)
    assert f"{run.path} is being trained by another process" in line
    assert command(["train", "--resume", "--out", str(run.path)]) == 0


def test_damaged_weights_of_a_finished_run_are_written_anew(world: Path, tmp_path: Path) -> None:
    run = shutil.copytree(world / "run", tmp_path / "run")
    before = digest(VDSM.from_pretrained(run).state_dict())
    weights = (run / "model.safetensors").read_bytes()
    (run / "model.safetensors").write_bytes(weights[:100])
    assert command(["train", "--resume", "--out", str(run)]) == 0
    assert digest(VDSM.from_pretrained(run).state_dict()) == before


def test_a_run_that_is_not_trained_to_its_end_says_so(
    world: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = shutil.copytree(world / "run", tmp_path / "run")
    model = VDSM.from_pretrained(run)
    words = ["generate", str(run), "--num", "1", "--frames", "2", "--out"]
    assert command([*words, str(tmp_path / "whole")]) == 0
    assert capsys.readouterr().err == ""
    model.model.save_pretrained(run)
    assert command([*words, str(tmp_path / "part")]) == 0
    assert f"{run} is not trained to its end" in capsys.readouterr().err


def test_too_much_for_the_memory_is_one_line(
    world: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Readout, "swap", lambda *_: torch.empty(2**50))
    words = f"swap {world}/run --identity {world}/data:0 --action {world}/data:1 --out"
    assert "not enough memory" in refused([*words.split(), str(world / "new.gif")], capsys)


# -- damaged files ---------------------------------------------------------------------------------


def truncated(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-20])


def altered(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[-20] ^= 1
    file.write_bytes(bytes(content))


def emptied(file: Path) -> None:
    file.write_bytes(b"")


def scribbled(file: Path) -> None:
    file.write_text("not a line of metrics\n")


def misread(file: Path) -> None:
    file.write_bytes(b"\xff" + file.read_bytes())


def elsewhere(file: Path) -> None:
    file.write_text('{"loss": 1.0}\n')


def without(key: str) -> Callable[[Path], None]:
    def drop(file: Path) -> None:
        content: dict[str, Any] = json.loads(file.read_text())
        content.pop(key)
        file.write_text(json.dumps(content))

    return drop


def scrambled(file: Path) -> None:
    content = json.loads(file.read_text())
    content["model"]["size"] = "large"
    file.write_text(json.dumps(content))


DAMAGE: list[tuple[str, str, Callable[[Path], Any], str]] = [
    ("swap", "run/model.safetensors", truncated, "model.safetensors is truncated or damaged"),
    ("swap", "run/model.safetensors", emptied, "model.safetensors is truncated or damaged"),
    ("swap", "run/model.safetensors", altered, "model.safetensors was altered: its checksum"),
    ("swap", "run/model.safetensors", Path.unlink, "it has no model.safetensors"),
    ("swap", "run/config.json", truncated, "config.json is not valid JSON"),
    ("swap", "run/config.json", without("model"), "config.json has no entry 'model'"),
    ("swap", "run/config.json", scrambled, "config.json: size is 'large', it should be"),
    ("swap", "run/run.json", without("config"), "run.json has no entry 'config'"),
    ("swap", "data/frames.u8", truncated, "frames.u8 holds"),
    ("swap", "data/clips.npz", truncated, "data is damaged"),
    ("swap", "data/clips.npz", Path.unlink, "clips.npz"),
    ("swap", "data/dataset.json", truncated, "dataset.json is not valid JSON"),
    ("swap", "data/dataset.json", without("size"), "data is damaged"),
    ("info data", "data/dataset.json", without("factors"), "data is damaged"),
    ("info run", "run/metrics.jsonl", scribbled, "metrics.jsonl is damaged"),
    ("info run", "run/metrics.jsonl", misread, "metrics.jsonl is damaged"),
    ("info run", "run/metrics.jsonl", elsewhere, "metrics.jsonl is damaged"),
    ("info run", "run/model.safetensors", altered, "model.safetensors was altered: its checksum"),
    ("info run", "run/model.safetensors", truncated, "model.safetensors is truncated or damaged"),
    ("info data", "data/dataset.json", Path.unlink, "data is half made: delete it, then run"),
]


@pytest.mark.parametrize(("words", "name", "damage", "expected"), DAMAGE)
def test_damage_is_one_line(
    words: str,
    name: str,
    damage: Callable[[Path], Any],
    expected: str,
    world: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for folder in ("run", "data"):
        shutil.copytree(world / folder, tmp_path / folder)
    damage(tmp_path / name)
    line = refused(spelled(words, tmp_path), capsys)
    assert expected in line
    assert str(tmp_path / name.split("/")[0]) in line


def spelled(words: str, folder: Path) -> list[str]:
    if words != "swap":
        verb, place = words.split()
        return [verb, str(folder / place)]
    clips = ["--identity", f"{folder}/data:0", "--action", f"{folder}/data:1"]
    return ["swap", str(folder / "run"), *clips, "--out", str(folder / "new.gif")]


# -- no space left ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "words",
    [
        "data pendulum --size 32 --clips-per-cell 2 --frames 4 --out {}/new",
        "data pendulum --size 32 --clips-per-cell 2 --frames 4 --shards 2 --out {}/new",
        "embed {}/run {}/data --out {}/new.npz",
        "swap {}/run --identity {}/data:0 --action {}/data:1 --out {}/new.gif",
        "generate {}/run --num 1 --frames 2 --out {}/new",
        "info {}/data --out {}/new.png",
        "train {}/data --preset debug --out {}/new",
    ],
)
def test_a_full_disk_is_one_line(
    words: str, world: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is left half written, and what was there before stays."""
    before = contents(world)

    def full(*_: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    line = refused(words.replace("{}", str(world)).split(), capsys)
    monkeypatch.undo()
    assert "no space left" in line
    left = contents(world)
    assert {k: v for k, v in left.items() if k in before} == before
    assert not [k for k in left.keys() - before.keys() if (world / k).is_file()]
    shutil.rmtree(world / "new", ignore_errors=True)


def test_a_folder_that_may_not_be_written_to(
    world: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Root may write anywhere, so the refusal is made."""

    def denied(*_: Any, **more: Any) -> None:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), "/vault")

    monkeypatch.setattr(Path, "mkdir", denied)
    line = refused(["data", "pendulum", "--out", str(world / "new")], capsys)
    assert "Permission denied" in line


def test_an_interrupt_leaves_nothing_half_made(
    world: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C while a dataset is made: exit 130, and the same command works again."""
    from vdsm.data import pendulum

    def interrupted(*_: Any) -> None:
        raise KeyboardInterrupt

    words = ["data", "pendulum", "--size", "32", "--clips-per-cell", "2", "--frames", "4"]
    words += ["--out", str(world / "new")]
    with monkeypatch.context() as patch:
        patch.setattr(pendulum, "draw", interrupted)
        assert command(words) == 130
    assert capsys.readouterr().err == "vdsm: interrupted\n"
    assert command(words) == 0
    shutil.rmtree(world / "new")
