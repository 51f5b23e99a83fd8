"""The command line from end to end on a small dataset: what each command leaves behind."""

import os
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Literal

import av
import numpy as np
import pytest
import torch
from PIL import Image
from pydantic import Field
from rich.table import Table
from torch import Tensor

from vdsm import VDSM, InputError
from vdsm.cli import COMMANDS, options_of, run
from vdsm.config import describe
from vdsm.data import MAKERS, open_clips
from vdsm.data.clips import Clips
from vdsm.data.pendulum import PendulumOptions
from vdsm.evaluate import Settings
from vdsm.figures import pixels
from vdsm.methods.table import METHODS, method_of
from vdsm.options import as_flag, position, read, record
from vdsm.screen import screen
from vdsm.store.run import Run
from vdsm.video import strips, write_clips, write_picture

T = 20  # frames of a stored clip
SEEN = 8  # frames that the debug preset is trained on, and encodes
N = 28


def vdsm(*words: object) -> None:
    """Run a command that must succeed."""
    assert run([str(word) for word in words]) == 0


def test_names_are_printed_as_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    """Square brackets in the name of a file, a factor or a value are no markup."""
    table = Table(title="[/x]")
    table.add_column("[bold]")
    table.add_row("[red] [/sad]")
    screen().print(table)
    screen(stderr=True).print("d[bold]x: [/y]")
    shown = capsys.readouterr()
    for name in ("[/x]", "[bold]", "[red] [/sad]"):
        assert name in shown.out
    assert "d[bold]x: [/y]" in shown.err


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """data, run: a dataset and a model trained on it by the debug preset."""
    folder = tmp_path_factory.mktemp("cli")
    options = f"--size 32 --clips-per-cell 2 --test-share 0.5 --frames {T}"
    vdsm("data", "pendulum", "--out", folder / "data", *options.split())
    vdsm("train", folder / "data", "--preset", "debug", "--out", folder / "run")
    return folder


@pytest.fixture(scope="module")
def clips(folder: Path) -> Clips:
    return open_clips(folder / "data")


@pytest.fixture(scope="module")
def model(folder: Path) -> VDSM:
    return VDSM.from_pretrained(folder / "run")


@pytest.fixture(scope="module")
def videos(folder: Path, clips: Clips) -> Path:
    """Clips 2 and 10 as GIFs, in two folders, and a text file that is no video."""
    for name, clip in (("ann/a2.gif", 2), ("ann/a10.gif", 10), ("bob/b.gif", 20)):
        (folder / "videos" / name).parent.mkdir(parents=True, exist_ok=True)
        write_clips(folder / "videos" / name, clips.whole(clip))
    (folder / "videos" / "readme.txt").write_text("not a video")
    return folder / "videos"


def video(clips: Clips, *chosen: int, frames: int = SEEN) -> Tensor:
    """[B, T, C, H, W] in [0, 1], without the code under test."""
    x = np.stack([clips.whole(i)[:frames] for i in chosen])
    return torch.from_numpy(x).permute(0, 1, 4, 2, 3).float() / 255


def gif(path: Path) -> np.ndarray:
    """uint8 [T, H, W, 3] by Pillow."""
    with Image.open(path) as image:
        images = []
        for i in range(getattr(image, "n_frames", 1)):
            image.seek(i)
            images.append(np.asarray(image.convert("RGB")))
    return np.stack(images)


def png(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB"))


def strip(frames: np.ndarray) -> np.ndarray:
    """[T, H, W, 3] side by side."""
    return np.concatenate(list(frames), axis=1)


# -- train -----------------------------------------------------------------------------------------


def test_debug_runs_the_whole_pipeline(folder: Path) -> None:
    """Both stages; metrics, pictures, a checkpoint and the weights."""
    trained = Run.open(folder / "run")
    reached = [(m["name"], m["step"]) for m in trained.metrics()]
    assert reached == [(s, n) for s in ("stage1", "stage2") for n in (5, 10, 15, 20)]
    assert {p.name for p in trained.path.iterdir()} == {
        "run.json",
        "verdict.json",
        "who.json",
        "metrics.jsonl",
        "pictures",
        "checkpoint.json",
        "checkpoint-finished.pt",
        "config.json",
        "model.safetensors",
    }
    names = {p.name for p in (trained.path / "pictures").iterdir()}
    one = {f"stage1-0000{n}-{what}.png" for n in (10, 20) for what in ("reconstruction", "swap")}
    two = {name.replace("stage1", "stage2") for name in one}
    assert names == one | two | {f"stage2-0000{n}-swap.gif" for n in (10, 20)}
    side, gap = 32, 1
    shown = png(trained.path / "pictures" / "stage2-000020-reconstruction.png")
    assert len(shown) == 6 * 2 * (side + gap) - 6 * gap + 5 * 8  # a white gap between clips
    assert (shown[:, : -(SEEN * (side + gap) - gap)] < 128).any(), "no labels at the left"
    assert len(gif(trained.path / "pictures" / "stage2-000020-swap.gif")) == SEEN


def test_fields_may_stand_anywhere(folder: Path, tmp_path: Path) -> None:
    """Before the dataset, after it, with = and without."""
    first = f"train --stage1.steps 2 --seed=3 {folder / 'data'} --preset debug --stage2.steps 2"
    vdsm(*first.split(), "--stage2.lr", "1e-4", "--out", tmp_path / "run")
    config = Run.open(tmp_path / "run").config
    assert (config.stage1.steps, config.stage2.steps, config.seed) == (2, 2, 3)
    assert config.stage2.lr == 1e-4
    assert config.model.size == 32  # made to fit the data


# -- embed -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("words", "length"), [("", SEEN), ("--window 5", 5), ("--window 0", T)])
def test_embed_a_dataset(
    words: str, length: int, folder: Path, clips: Clips, model: VDSM, tmp_path: Path
) -> None:
    """Codes of every clip in order, its labels, group and split."""
    out = tmp_path / "codes.npz"
    vdsm("embed", folder / "run", folder / "data", "--out", out, *words.split())
    with np.load(out) as stored:
        codes = dict(stored)
    table = clips.table
    assert codes.keys() == {
        *("s", "d", "z", "clip", "length", "group", "split"),
        *("label.colour", "label.speed"),
    }
    assert codes["clip"].tolist() == [str(i) for i in range(N)]
    assert (codes["length"] == length).all()
    np.testing.assert_array_equal(codes["group"], table.group)
    np.testing.assert_array_equal(codes["split"], table.split)
    np.testing.assert_array_equal(codes["label.speed"], table.labels["speed"])
    z = codes["z"].reshape(N, length, -1)
    for clip in (0, 13, N - 1):
        expected = model.encode(video(clips, clip, frames=length))
        for name, found in (("s", codes["s"][clip]), ("d", codes["d"][clip]), ("z", z[clip])):
            torch.testing.assert_close(torch.from_numpy(found), getattr(expected, name)[0])


def test_embed_a_folder_of_videos(
    folder: Path, videos: Path, clips: Clips, model: VDSM, tmp_path: Path
) -> None:
    """In natural order, wherever below the folder."""
    out = tmp_path / "codes.npz"
    vdsm("embed", folder / "run", videos, "--out", out)
    with np.load(out) as codes:
        assert codes["clip"].tolist() == [
            str(videos / name) for name in ("ann/a2.gif", "ann/a10.gif", "bob/b.gif")
        ]
        assert codes["length"].tolist() == [SEEN] * 3
        frames = torch.from_numpy(gif(videos / "ann/a10.gif")[:SEEN]).permute(0, 3, 1, 2)
        expected = model.encode(frames[None].float() / 255)
        torch.testing.assert_close(torch.from_numpy(codes["s"][1]), expected.s[0])
        torch.testing.assert_close(torch.from_numpy(codes["z"][SEEN : 2 * SEEN]), expected.z[0])


def test_embed_one_video(folder: Path, videos: Path, tmp_path: Path) -> None:
    out = tmp_path / "codes.npz"
    vdsm("embed", folder / "run", videos / "bob/b.gif", "--out", out, "--window", "0")
    with np.load(out) as codes:
        assert codes["z"].shape == (T, 8)
        assert codes["s"].shape == (1, 7)


def test_embed_one_clip_of_a_dataset_and_a_folder_of_frames(
    folder: Path, clips: Clips, tmp_path: Path
) -> None:
    """As DATA:NUMBER and as pictures; the codes are those of the same clip in the dataset."""
    (tmp_path / "frames").mkdir()
    for i, frame in enumerate(clips.whole(9)):
        write_picture(tmp_path / "frames" / f"{i}.png", frame)
    data = folder / "data"
    vdsm("embed", folder / "run", data, "--out", tmp_path / "all.npz")
    with np.load(tmp_path / "all.npz") as stored:
        expected = stored["s"][9]
    for place in (f"{data}:9", tmp_path / "frames"):
        vdsm("embed", folder / "run", place, "--out", tmp_path / "one.npz")
        with np.load(tmp_path / "one.npz") as codes:
            assert codes["clip"].tolist() == [str(place)]
            assert codes["length"].tolist() == [SEEN]
            np.testing.assert_allclose(codes["s"][0], expected, atol=1e-5)


def test_embed_leaves_out_what_is_broken(
    folder: Path, videos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(videos, tmp_path / "videos")
    (tmp_path / "videos/ann/a3.mp4").write_text("no video")
    capsys.readouterr()
    vdsm("embed", folder / "run", tmp_path / "videos", "--out", tmp_path / "codes.npz")
    with np.load(tmp_path / "codes.npz") as codes:
        assert [Path(name).name for name in codes["clip"]] == ["a2.gif", "a10.gif", "b.gif"]
        assert len(codes["s"]) == len(codes["length"]) == 3
    said = capsys.readouterr()
    assert "codes of 3 clips" in said.out
    assert said.err.startswith(f"left out: {tmp_path / 'videos/ann/a3.mp4'} is no video")
    assert said.err.count("\n") == 1


# -- swap ------------------------------------------------------------------------------------------


def test_swap_as_a_strip(folder: Path, clips: Clips, model: VDSM, tmp_path: Path) -> None:
    """DATA:NUMBER for both; as long as what was seen of the action; pixels as the model says."""
    out = tmp_path / "swap.png"
    data = folder / "data"
    vdsm(
        *("swap", folder / "run", "--out", out),
        *("--identity", f"{data}:1", "--action", f"{data}:9"),
    )
    expected = pixels(model.swap(video(clips, 1), video(clips, 9)))[0]
    np.testing.assert_array_equal(png(out), strip(expected))


@pytest.mark.parametrize("frames", [1, 5, 60])
def test_swap_of_any_length(frames: int, folder: Path, videos: Path, tmp_path: Path) -> None:
    """From video files, as GIF and mp4, shorter and longer than what was seen."""
    for suffix in (".gif", ".mp4"):
        out = tmp_path / f"swap{suffix}"
        vdsm(
            *("swap", folder / "run", "--out", out, "--frames", frames),
            *("--identity", videos / "ann/a2.gif", "--action", videos / "bob/b.gif"),
        )
    assert gif(tmp_path / "swap.gif").shape == (frames, 32, 32, 3)
    with av.open(str(tmp_path / "swap.mp4")) as container:
        shown = [f.to_ndarray(format="rgb24") for f in container.decode(video=0)]
    assert np.stack(shown).shape == (frames, 32, 32, 3)


def test_swap_with_its_inputs(folder: Path, clips: Clips, tmp_path: Path) -> None:
    """Who, doing what, and the swap side by side; of a strip, one above the other."""
    data = folder / "data"
    for suffix in (".gif", ".png"):
        vdsm(
            *("swap", folder / "run", "--out", tmp_path / f"swap{suffix}", "--show-inputs"),
            *("--identity", f"{data}:0", "--action", f"{data}:9", "--frames", 12),
        )
    moving, still = gif(tmp_path / "swap.gif"), png(tmp_path / "swap.png")
    assert moving.shape == (12, 32, 3 * 33 - 1, 3)
    who, what = clips.whole(0)[:SEEN], clips.whole(9)[:SEEN]
    held = np.minimum(np.arange(12), SEEN - 1)  # the last frame seen stays
    shown = strips(np.stack([who[held], what[held]]))
    assert len(still) == 3 * 33 - 1
    np.testing.assert_array_equal(still[: len(shown), -shown.shape[1] :], shown)
    assert (still[:, : -shown.shape[1]] < 128).any(), "no labels at the left"


def test_a_damaged_frame_that_nobody_asked_for_does_no_harm(
    folder: Path, clips: Clips, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    frames = tmp_path / "frames"
    frames.mkdir()
    for i, frame in enumerate(clips.whole(0)[:4]):
        write_picture(frames / f"{i}.png", frame)
    (frames / "3.png").write_bytes((frames / "3.png").read_bytes()[:60])
    capsys.readouterr()
    words = ["embed", folder / "run", frames, "--out", tmp_path / "codes.npz", "--window"]
    vdsm(*words, 3)
    assert "of 1 the first 3 frames" in capsys.readouterr().out
    assert run([str(word) for word in [*words, 4]]) == 2


def test_what_is_cut_off_is_said(
    folder: Path, videos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of clips longer than the window; nothing where all of a clip is seen."""
    data, out = folder / "data", tmp_path / "swap.gif"
    words = ["swap", folder / "run", "--out", out, "--identity", f"{data}:1", "--action"]
    capsys.readouterr()
    vdsm(*words, videos / "bob/b.gif")
    cut = f"the first {SEEN} of {T} of --identity, the first {SEEN} of --action"
    said = capsys.readouterr().out
    assert said == f"{out}: {SEEN} frames; seen: {cut} (--window 0 for all)\n"
    for window in (0, T):
        vdsm(*words, videos / "bob/b.gif", "--window", window)
        assert capsys.readouterr().out == f"{out}: {T} frames\n"

    out = tmp_path / "codes.npz"
    for place, clips in ((data, N), (videos, 3)):
        vdsm("embed", folder / "run", place, "--out", out)
        cut = f"of {clips} the first {SEEN} frames (--window 0 for all)"
        assert capsys.readouterr().out == f"{out}: codes of {clips} clips; {cut}\n"
        vdsm("embed", folder / "run", place, "--out", out, "--window", T)
        assert capsys.readouterr().out == f"{out}: codes of {clips} clips\n"


def test_one_of_a_kind_is_said_so(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model, clip = folder / "run", f"{folder / 'data'}:1"
    words = ["--num", 1, "--frames", 1, "--out", tmp_path / "new"]
    capsys.readouterr()
    vdsm("generate", model, *words)
    assert capsys.readouterr().out == f"{tmp_path / 'new'}: 1 clip of 1 frame and samples.png\n"
    words = ["--frames", 1, "--window", 0, "--out", tmp_path / "swap.gif"]
    vdsm("swap", model, "--identity", clip, "--action", clip, *words)
    assert capsys.readouterr().out == f"{tmp_path / 'swap.gif'}: 1 frame\n"


# -- generate --------------------------------------------------------------------------------------


def test_generate(folder: Path, model: VDSM, tmp_path: Path) -> None:
    """Longer than trained on; the seed decides, and pixels are the model's."""
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        words = f"--num 2 --frames 33 --seed {seed}".split()
        vdsm("generate", folder / "run", *words, "--out", tmp_path / name)
    names = {p.name for p in (tmp_path / "a").iterdir()}
    assert names == {"000.gif", "001.gif", "samples.png"}
    a, b, c = (gif(tmp_path / name / "001.gif") for name in "abc")
    assert a.shape == (33, 32, 32, 3)
    np.testing.assert_array_equal(a, b)
    assert (a != c).any()
    drawn = pixels(model.generate(2, 33, torch.Generator().manual_seed(1)))
    sheet = png(tmp_path / "a" / "samples.png")
    for row in range(2):
        for column, frame in enumerate(range(0, 33, 2)):
            cell = sheet[33 * row :, 33 * column :][:32, :32]
            np.testing.assert_array_equal(cell, drawn[row, frame])


def test_generate_from_a_clip_and_from_one_picture(
    folder: Path, clips: Clips, model: VDSM, tmp_path: Path
) -> None:
    """--given: a clip gives s, d and z_1; a single picture s and z_1."""
    write_picture(tmp_path / "frame.png", clips.whole(4)[0])
    for name, given, x in (
        ("clip", f"{folder / 'data'}:4", video(clips, 4)),
        ("picture", tmp_path / "frame.png", video(clips, 4, frames=1)),
    ):
        words = ["--num", "2", "--frames", "6", "--seed", "7", "--given"]
        vdsm("generate", folder / "run", *words, given, "--out", tmp_path / name)
        drawn = pixels(model.generate(2, 6, torch.Generator().manual_seed(7), x))
        sheet = png(tmp_path / name / "samples.png")
        np.testing.assert_array_equal(sheet[:32, 33:65], drawn[0, 1])
    clip, picture = (gif(tmp_path / n / "000.gif") for n in ("clip", "picture"))
    assert (clip != picture).any()


def test_generate_says_what_it_saw_of_a_longer_clip(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, given = tmp_path / "out", f"{folder / 'data'}:4"
    capsys.readouterr()
    vdsm("generate", folder / "run", "--num", "1", "--frames", "6", "--given", given, "--out", out)
    cut = f"the first {SEEN} of {T} of --given"
    assert capsys.readouterr().out == f"{out}: 1 clip of 6 frames and samples.png; seen: {cut}\n"


# -- info, data, demo ------------------------------------------------------------------------------


def test_info(
    folder: Path,
    model: VDSM,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Of a dataset (with a picture), of a run, and of weights alone."""
    monkeypatch.setenv("COLUMNS", "300")
    vdsm("info", folder / "data", "--out", tmp_path / "preview.png")
    said = capsys.readouterr().out
    for part in ("pendulum", "32 x 32, 3 channels", f"{N} of {T} frames", "train 14, test 14"):
        assert part in said
    assert "identity, 7 values: red, green" in said
    assert png(tmp_path / "preview.png").shape[2] == 3

    vdsm("info", folder / "run")
    said = capsys.readouterr().out
    for part in ("stage2, step 20 of 20", "log_likelihood", "nats per sequence", "identity_dim 7"):
        assert part in said

    model.save_pretrained(tmp_path / "weights")
    vdsm("info", tmp_path / "weights")
    said = capsys.readouterr().out
    assert f"{sum(p.numel() for p in model.parameters()):,}" in said


def test_data_as_shards(folder: Path, clips: Clips, tmp_path: Path) -> None:
    options = f"--size 32 --clips-per-cell 2 --test-share 0.5 --frames {T}"
    vdsm("data", "pendulum", "--shards", 3, "--out", tmp_path / "shards", *options.split())
    shards = open_clips(tmp_path / "shards")
    assert len(shards) == N
    assert sorted(p.name for p in tmp_path.iterdir()) == ["shards"]
    np.testing.assert_array_equal(shards.whole(11), clips.whole(11))


def test_weights_without_a_run_serve_as_a_model(
    folder: Path, model: VDSM, clips: Clips, tmp_path: Path
) -> None:
    """A folder with config.json and model.safetensors; clips are then seen whole."""
    model.save_pretrained(tmp_path / "weights")
    out = tmp_path / "swap.gif"
    place = f"{folder / 'data'}:3"
    vdsm("swap", tmp_path / "weights", "--identity", place, "--action", place, "--out", out)
    assert len(gif(out)) == T


def test_demo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The whole of it with the debug preset; started again, it does not train again."""
    from vdsm.commands import demo

    few: Any = partial(PendulumOptions, clips_per_cell=2, frames=12)
    monkeypatch.setitem(demo.MAKERS, "pendulum", replace(MAKERS["pendulum"], options=few))
    monkeypatch.setattr(demo, "PRESET", "debug")
    monkeypatch.setattr(demo, "evaluate", not_evaluated)
    monkeypatch.setattr(demo, "FRAMES", 12)
    out = tmp_path / "demo"
    vdsm("demo", "--out", out, "--seed", 2)
    assert gif(out / "swap.gif").shape == (12, 7 * 34 - 2, 7 * 34 - 2, 3)  # 6 x 6 and headings
    assert len(png(out / "swap.png")) == 4 * (3 * 66 - 2) + 3 * 8  # four pairs, enlarged; gaps
    assert Run.open(out / "run").config.seed == 2
    assert (out / "report.html").stat().st_size > 10_000
    before = (out / "run" / "checkpoint.json").stat().st_mtime_ns
    for drawing in ("draw", "write_report"):
        monkeypatch.setattr(demo, drawing, lambda *_: None)
    vdsm("demo", "--out", out, "--seed", 2)
    assert (out / "run" / "checkpoint.json").stat().st_mtime_ns == before
    assert run(["demo", "--out", str(out), "--seed", "3"]) == 2


def not_evaluated(*_: Any) -> None:
    raise InputError("judges are tested elsewhere")


# -- the program -----------------------------------------------------------------------------------


@pytest.mark.parametrize("words", [[], *([name] for name in COMMANDS)], ids=str)
def test_help_fits_a_screen(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    vdsm(*words, "--help")
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith(f"usage: vdsm {words[0] if words else 'COMMAND'}")
    assert len(lines) <= 40
    assert max(map(len, lines)) <= 80


def test_help_shows_what_is_seldom_needed_on_request(capsys: pytest.CaptureFixture[str]) -> None:
    for words, cls in (
        (["evaluate"], Settings),
        (["train"], method_of("vdsm").config),
        (["train", "--method", "dsvae"], method_of("dsvae").config),
    ):
        shown = []
        for flag in ("--help", "--help-all"):
            vdsm(*words, flag)
            said = capsys.readouterr().out
            shown.append({name for name in describe(cls) if f"{as_flag(name)} " in said})
        assert shown[0] < shown[1] == set(describe(cls))


def test_help_of_every_dataset_and_method(capsys: pytest.CaptureFixture[str]) -> None:
    for name, maker in MAKERS.items():
        vdsm("data", name, "--help")
        said = " ".join(capsys.readouterr().out.split())
        for field, info in maker.options.__pydantic_fields__.items():
            assert f"--{field.replace('_', '-')} " in said
            assert info.description in said
    for name in METHODS:
        vdsm("train", "--method", name, "--help")
        said = capsys.readouterr().out
        assert f"fields of {name} [value in" in said
        assert len(said.splitlines()) <= 40


# -- words and records -----------------------------------------------------------------------------


@record
class Words:
    """A record of every kind of option."""

    first: str = position("FIRST", "a word")
    others: list[Path] = position("OTHERS", "more words", default_factory=list)
    some_count: int = Field(default=1, ge=0, description="a number")
    on: bool = Field(default=False, description="a switch")
    size: Literal[32, 64] = Field(default=32, description="one of some")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("a", Words(first="a")),
        ("a b c", Words(first="a", others=[Path("b"), Path("c")])),
        ("--some-count 2 a", Words(first="a", some_count=2)),
        ("--some_count=2 a --on", Words(first="a", some_count=2, on=True)),
        ("--on a", Words(first="a", on=True)),
        ("--on true a", Words(first="a", on=True)),
        ("a --on=false --size 64", Words(first="a", size=64)),
        ("a --some-count 1 --some-count 3", Words(first="a", some_count=3)),
        ("a ~/b", Words(first="a", others=[Path("~/b").expanduser()])),
    ],
)
def test_words_become_a_record(words: str, said: Words) -> None:
    assert read(Words, words.split(), "test") == said


@pytest.mark.parametrize(
    ("words", "line"),
    [
        ("", "test: FIRST is needed: a word"),
        ("a --some-cout 3", "test: unknown option --some-cout; did you mean --some-count?"),
        ("a --some-count", "test: --some-count needs a value after it"),
        ("a --some-count --on", "test: --some-count needs a value after it"),
        ("a --some-count=", "test: --some-count is '', it should be a valid integer"),
        ("a --some-count -1", "test: --some-count is '-1', it should be greater than"),
        ("a --on=maybe", "test: --on is 'maybe', it should be a valid boolean"),
        ("a --size 48", "test: --size is '48', it should be 32 or 64"),
        ("a --first b", "test: unknown option --first"),
    ],
)
def test_wrong_words_are_one_line(words: str, line: str) -> None:
    with pytest.raises(InputError, match=f"^{re.escape(line)}"):
        read(Words, words.split(), "test")


def test_one_word_too_many() -> None:
    with pytest.raises(InputError, match="unexpected 'b'"):
        options_of(["info", "a", "b"])


def test_a_flag_of_another_method() -> None:
    with pytest.raises(InputError, match=r"--stage1.lr is a setting of vdsm, not of dsvae"):
        options_of(["train", "data", "--out", "x", "--method", "dsvae", "--stage1.lr", "1"])


def test_the_program_starts_without_torch() -> None:
    """`python -m vdsm --version` is quick: nothing heavy is imported to parse words."""
    program = (
        "import sys; from vdsm.cli import run; code = run(['--version']);"
        "heavy = {'torch', 'av', 'matplotlib', 'sklearn'} & sys.modules.keys();"
        "sys.exit(code or f'imported {heavy}' if heavy else 0)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("vdsm 0.")


def test_python_m_vdsm() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "vdsm", "nosuch"],
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONWARNINGS": "error"},
    )
    assert done.returncode == 2
    assert done.stderr.startswith("vdsm: no command 'nosuch'; did you mean")
    assert done.stderr.count("\n") == 1
