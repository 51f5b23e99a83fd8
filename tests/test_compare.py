"""Methods that cannot do everything: every command as far as they go, and `vdsm compare`."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from small import pendula
from vdsm.cli import run as command
from vdsm.compare.gather import Compared, alike, gather, open_runs
from vdsm.compare.picture import Line, moving, still
from vdsm.compare.rows import table
from vdsm.compare.text import piped
from vdsm.data import open_clips
from vdsm.evaluate import probes
from vdsm.figures import pixels
from vdsm.store.open import open_model
from vdsm.store.run import Run
from vdsm.train.pictures import Painter
from vdsm.video import read_video

QUICK = [
    "--floor",
    "0",
    "--judges",
    "1",
    "--judge-steps",
    "2",
    "--judge-width",
    "2",
    "--judge-hidden",
    "4",
    "--judge-batch",
    "8",
    "--resamples",
    "20",
    "--shuffles",
    "2",
]
NO_ENCODER = "MoCoGAN has no encoder: codes of clips cannot be asked"


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """data, other (data); one, two: DSVAE with two seeds; gan: MoCoGAN."""
    world = tmp_path_factory.mktemp("methods")
    pendula(world / "data")
    pendula(world / "other", seed=3)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Painter, "paint", lambda *_: None)
        for name, words in (
            ("one", "--method dsvae"),
            ("two", "--method dsvae --seed 1"),
            ("gan", "--method mocogan"),
        ):
            place = [str(world / "data"), "--out", str(world / name)]
            steps = ["--train.steps", "3", "--preset", "debug"]
            assert command(["train", *place, *words.split(), *steps]) == 0
    return world


@pytest.fixture(scope="module")
def out(world: Path) -> Path:
    """What the command leaves."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(probes, "MLP_EPOCHS", 3)
        runs = [str(world / name) for name in ("one", "two", "gan")]
        assert command(["compare", *runs, "--out", str(world / "out"), *QUICK]) == 0
    return world / "out"


def refused(words: str, capsys: pytest.CaptureFixture[str]) -> str:
    """The one line that a command says before it exits with 2."""
    capsys.readouterr()
    assert command(words.split()) == 2
    line = capsys.readouterr().err
    assert line.count("\n") == 1, line
    return line


# -- commands --------------------------------------------------------------------------------------


def test_a_model_that_encodes_is_used_as_any(world: Path, tmp_path: Path) -> None:
    data, run = world / "data", world / "one"
    for words in (
        f"embed {run} {data} --out {tmp_path}/codes.npz",
        f"swap {run} --identity {data}:0 --action {data}:9 --frames 11 --out {tmp_path}/s.gif",
        f"generate {run} --num 2 --frames 9 --given {data}:0 --out {tmp_path}/new",
        f"generate {run} --num 2 --frames 9 --density standard --out {tmp_path}/more",
        f"figures {run} --clips 2 --out {tmp_path}/figures",
        f"report {run} --clips 2 --out {tmp_path}/report.html",
        f"export {run} --out {tmp_path}/weights",
        f"info {tmp_path}/weights",
        f"swap {tmp_path}/weights --identity {data}:0 --action {data}:9 --out {tmp_path}/t.gif",
    ):
        assert command(words.split()) == 0, words
    model: Any = open_model(run)
    clips = open_clips(data)
    x = torch.from_numpy(clips.whole(9)[None, :8].copy()).permute(0, 1, 4, 2, 3) / 255
    with np.load(tmp_path / "codes.npz") as codes:
        np.testing.assert_allclose(codes["s"][9], model.encode(x).s[0], atol=1e-5)
        assert codes["d"].shape == (len(clips), 0)
    assert len(read_video(tmp_path / "s.gif")) == 11
    assert "DSVAE on pendulum" in (tmp_path / "weights" / "README.md").read_text()
    assert not (tmp_path / "figures" / "open-loop.png").exists()
    assert (tmp_path / "figures" / "beyond.png").exists()


def test_a_model_that_only_draws_says_what_it_lacks(
    world: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data, run = world / "data", world / "gan"
    for words in (
        f"generate {run} --num 2 --frames 9 --out {tmp_path}/new",
        f"figures {run} --clips 2 --out {tmp_path}/figures",
        f"report {run} --clips 2 --out {tmp_path}/report.html",
        f"export {run} --out {tmp_path}/weights",
        f"info {run}",
    ):
        assert command(words.split()) == 0, words
    assert [p.name for p in (tmp_path / "figures").glob("*.png")] == ["generation.png"]
    for words in (
        f"embed {run} {data} --out {tmp_path}/codes.npz",
        f"generate {run} --num 2 --frames 9 --given {data}:0 --out {tmp_path}/more",
        f"figures {run} --kind beyond --out {tmp_path}/beyond",
    ):
        assert NO_ENCODER in refused(words, capsys)
    swap = f"swap {run} --identity {data}:0 --action {data}:9 --out {tmp_path}/s.gif"
    assert "has no way to swap clips" in refused(swap, capsys)
    left = {path.name for path in tmp_path.iterdir()}
    assert left == {"new", "figures", "report.html", "weights"}


# -- compare ---------------------------------------------------------------------------------------


def test_the_table_has_what_the_panel_measured(world: Path, out: Path) -> None:
    found = json.loads((out / "compare.json").read_text())
    rows = {row["label"]: row["values"] for row in found["rows"]}
    results = [json.loads((world / n / "evaluation.json").read_text()) for n in ("one", "two")]
    psnr = [result["reconstruction"]["psnr"] for result in results]
    assert rows["PSNR of reconstructions, dB"]["DSVAE"] == pytest.approx(np.mean(psnr))
    assert rows["PSNR of reconstructions, dB"]["MoCoGAN"] is None
    joint = [100 * result["swap"]["joint"] for result in results]
    assert rows["swaps right in all factors, %"]["DSVAE"] == pytest.approx(np.mean(joint))
    assert found["systems"]["DSVAE"]["seeds"] == [0, 1]
    text = (out / "compare.md").read_text()
    line = next(line for line in text.splitlines() if "PSNR" in line)
    assert f"{np.mean(psnr):.2f} ± {np.std(psnr, ddof=1):.2f}" in line
    assert NO_ENCODER in text
    for null in ("action's clip", "identity held still", "random code"):
        assert f"null: {null}" in text


def test_the_table_has_what_training_took(world: Path, out: Path) -> None:
    rows = {r["label"]: r["values"] for r in json.loads((out / "compare.json").read_text())["rows"]}
    for name, title in (("one", "DSVAE"), ("gan", "MoCoGAN")):
        model, last = open_model(world / name), Run.open(world / name).metrics()[-1]
        bare: Any = getattr(model, "model", model)
        stored = sum(p.numel() for p in bare.parameters())
        assert rows["parameters"][title] == stored
        assert rows["clips or groups of frames seen in training"][title] == 3 * 4
        assert last["clips_seen"] == 3 * 4
        assert last["cpu_seconds"] > 0


def test_the_picture_has_a_row_for_each_method(world: Path, out: Path) -> None:
    """Real clips are as they are; the swaps are the model's; what cannot swap is words on white."""
    frames = read_video(out / "compare.gif")
    assert len(frames) == 8
    clips = np.arange(2 * 3 * 4 * 4, dtype=np.uint8).reshape(2, 3, 4, 4, 1)
    lines = [Line("who", clips), Line("gan", None, "no encoder")]
    drawn = moving(lines, clips.shape)
    assert len(drawn) == 3
    top = drawn[:, :64, -(2 * 64 + 16) :]
    np.testing.assert_array_equal(top[1, :64:16, :64:16], clips[0, 1])
    assert (drawn[0, 64:] < 128).any(), "no words"
    sheet = still(lines, clips.shape)
    np.testing.assert_array_equal(sheet[:64:16, -64::16], clips[0, 2])


def test_again_nothing_is_measured_twice(
    world: Path, out: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither with the data named; and elsewhere another method is left as it is."""

    def fail(*_: Any) -> None:
        raise AssertionError("measured again")

    monkeypatch.setattr("vdsm.commands.compare.evaluate_run", fail)
    runs = [str(world / name) for name in ("one", "two", "gan", "data")]
    assert command(["compare", *runs, "--out", str(tmp_path / "out"), *QUICK]) == 0
    told = [json.loads((f / "compare.json").read_text())["rows"] for f in (out, tmp_path / "out")]
    assert told[0] == told[1]


def test_an_evaluation_of_other_settings_is_made_anew_and_stays(
    world: Path, out: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(world / "gan", tmp_path / "gan")
    before = (tmp_path / "gan" / "evaluation.json").read_bytes()
    words = ["compare", str(tmp_path / "gan"), "--out", str(tmp_path / "out"), *QUICK]
    assert command([*words, "--seed", "5"]) == 0
    assert (tmp_path / "gan" / "evaluation.json").read_bytes() == before
    found = json.loads((tmp_path / "out" / "compare.json").read_text())
    assert found["systems"]["MoCoGAN"]["result"]["settings"]["seed"] == 5


def test_runs_are_of_one_method_if_they_differ_in_seed_alone(world: Path) -> None:
    runs = [Run.open(world / name) for name in ("one", "two", "gan")]
    assert alike(runs[0], runs[1])
    assert not alike(runs[0], runs[2])
    asked = {"roles": {}, "dataset": "x", "n": 1, "seed": 0, "counts": {}, "intervals": {}}
    systems = gather(runs, lambda _: dict(asked))
    assert [system.title for system in systems] == ["DSVAE", "MoCoGAN"]
    assert [len(system.runs) for system in systems] == [2, 1]
    heads, rows = table(systems)
    assert heads == ["DSVAE (2 runs)", "MoCoGAN", "chance"]
    assert rows[0].label == "parameters"
    assert isinstance(systems[0], Compared)


def test_bars_in_a_table_of_markdown_are_escaped() -> None:
    assert piped(["H(y|x)"], [["1"]]) == ["| H(y\\|x) |", "|---|", "| 1 |"]


def test_bad_input_is_one_line(
    world: Path, out: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other, strange = tmp_path / "other", tmp_path / "strange"
    for place in (other, strange):
        shutil.copytree(world / "gan", place)
    record = json.loads((other / "run.json").read_text())
    del record["sha256"]
    there = open_clips(world / "other").fingerprint
    new = record | {"data": str(world / "other"), "fingerprint": there}
    (other / "run.json").write_text(json.dumps(new))
    (strange / "run.json").write_text(json.dumps(record | {"method": "of another day"}))
    (tmp_path / "empty").mkdir()
    shutil.copytree(world / "gan", tmp_path / "young")
    (tmp_path / "young" / "model.safetensors").unlink()
    one, new_out = world / "one", tmp_path / "out"
    for words, said in (
        (f"{one} {other} --out {new_out}", "were trained on different data"),
        (
            f"{one} {strange} --out {new_out}",
            f"{strange} was trained by another version: no m",
        ),
        (f"{one} {tmp_path}/empty --out {new_out}", f"{tmp_path}/empty is not a run"),
        (f"{one} {tmp_path}/none --out {new_out}", f"{tmp_path}/none is not a run"),
        (f"{one} pendulum --out {new_out}", "pendulum is not a run: it is a shipped model"),
        (f"{one} {one} --out {new_out}", f"{one} is named twice"),
        (f"{tmp_path}/young --out {new_out}", "has no weights yet"),
        (f"{world}/data --out {new_out}", "RUN is needed"),
        (f"{one} --out {out}", "is in use"),
        (f"{one}", "--out is needed"),
        (f"{one} {world}/other --out {new_out}", "is not the dataset"),
        (f"{one} --out {new_out} --jugdes 2", "did you mean --judges"),
    ):
        assert said in refused(f"compare {words}", capsys), words
    assert not new_out.exists()


def test_open_runs_takes_runs_of_the_same_clips(world: Path) -> None:
    runs, clips = open_runs([world / "one", world / "gan"], None)
    assert [run.method for run in runs] == ["dsvae", "mocogan"]
    assert clips.fingerprint == open_clips(world / "data").fingerprint


def test_swaps_in_the_picture_are_those_of_the_model(world: Path, out: Path) -> None:
    from vdsm.compare.picture import line

    model: Any = open_model(world / "one")
    x = torch.rand(2, 8, 3, 32, 32)
    drawn = line("DSVAE", model, (x, x.flip(0)), 8).frames
    np.testing.assert_array_equal(drawn, pixels(model.swap(x, x.flip(0), 8)))
    assert line("GAN", open_model(world / "gan"), (x, x), 8).reason == NO_ENCODER
