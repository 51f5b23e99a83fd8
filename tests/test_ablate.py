"""`vdsm ablate`: one change between the two runs, both measured, resumed, and set side by side."""

import io
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from shutil import copytree
from typing import Any

import numpy as np
import pytest
from PIL import Image
from rich.console import Console

from small import pendula
from vdsm import VDSM
from vdsm.cli import run as command
from vdsm.commands.ablate import VARIANTS, side_by_side, split_flags, variants
from vdsm.config import describe, override
from vdsm.errors import InputError
from vdsm.evaluate import probes
from vdsm.figures import Scene
from vdsm.methods.vdsm.presets import preset
from vdsm.report.settings import value_of
from vdsm.store.run import Run
from vdsm.train.pictures import Painter
from vdsm.use.scene import SceneOptions, scene_of
from vdsm.video import read_video

TRAINING = {
    "stage1.steps": "3",
    "stage2.steps": "3",
    "stage1.frames": "4",
    "stage2.frames": "5",
    "model.lstm_width": "8",
}
MEASURING = {
    "floor": "0",
    "judge-steps": "2",
    "judge-width": "2",
    "judge-hidden": "4",
    "judge-batch": "8",
    "resamples": "20",
    "shuffles": "2",
}
FLAGS = [w for name, value in TRAINING.items() for w in (f"--{name}", value)]
FLAGS += [w for name, value in MEASURING.items() for w in (f"--evaluate.{name}", value)]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return pendula(tmp_path_factory.mktemp("ablate") / "data")


@pytest.fixture(scope="module")
def out(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """What the command leaves."""
    folder = tmp_path_factory.mktemp("ablate") / "out"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Painter, "paint", lambda *_: None)
        patch.setattr(probes, "MLP_EPOCHS", 3)
        words = ["ablate", str(data), "--preset", "debug", "--out", str(folder)]
        assert command([*words, *FLAGS]) == 0
        yield folder


def test_only_the_decoder_differs(out: Path) -> None:
    bank, single = (Run.open(out / name).config for name in VARIANTS)
    changed = {f for f in describe(type(bank)) if value_of(bank, f) != value_of(single, f)}
    assert changed == {"model.experts", "model.decoder_input"}
    assert bank.model.num_experts == bank.model.identity_dim
    assert (single.model.num_experts, single.model.decoder_input) == (1, "s_hat")
    assert bank.stage1.steps == 3


def test_one_decoder_is_one(out: Path) -> None:
    """Its weights are 1 / N_s of the bank's, layer by layer."""
    bank, single = (VDSM.from_pretrained(out / name) for name in VARIANTS)
    for many, one in zip(bank.decoder.weights, single.decoder.weights, strict=True):
        assert many.shape[1:] == one.shape[1:]
        assert (len(many), len(one)) == (bank.config.identity_dim, 1)


def test_a_preset_with_one_decoder_is_compared_with_the_bank_of_the_paper() -> None:
    found = variants(override(preset("debug"), {"model.experts": "1"}, "test"))
    assert found["bank"].model.num_experts == found["bank"].model.identity_dim > 1
    assert found["single"].model.num_experts == 1


def test_both_are_measured_by_the_same_judges(out: Path) -> None:
    results = json.loads((out / "ablation.json").read_text())
    assert list(results) == ["bank", "single"]
    for name, result in results.items():
        assert result == json.loads((out / name / "evaluation.json").read_text())
        assert result["n"] == 14
    judged = [result["judge"] for result in results.values()]
    assert judged[0] == judged[1]
    assert len(list((out / "judges").glob("*.safetensors"))) == 1
    reached = [result["reconstruction"]["psnr"] for result in results.values()]
    assert reached[0] != reached[1]


def test_pictures_show_both(out: Path) -> None:
    """Left the bank, right the single decoder: the real clips alike, the drawn ones not."""
    with Image.open(out / "ablation.png") as image:
        sheet = np.asarray(image)
    half = (sheet.shape[1] - 16) // 2
    left, right = sheet[:, :half], sheet[:, -half:]
    tile = 64 + 4
    real = slice(24, 24 + 64), slice(tile, None)  # below the title, right of the corner
    assert np.array_equal(left[real], right[real])
    drawn = slice(24 + tile, 24 + 7 * tile - 4), slice(tile, None)
    assert not np.array_equal(left[drawn], right[drawn])
    assert len(read_video(out / "ablation.gif")) == 5


def test_again_trains_nothing_and_gives_the_same(out: Path, data: Path) -> None:
    before = json.loads((out / "ablation.json").read_text())
    checkpoints = {p: p.read_bytes() for p in out.rglob("checkpoint-*.pt")}
    words = ["ablate", str(data), "--preset", "debug", "--out", str(out), *FLAGS]
    assert command(words) == 0
    after = json.loads((out / "ablation.json").read_text())
    for name in VARIANTS:
        assert after[name] | {"seconds": 0} == before[name] | {"seconds": 0}
    assert {p: p.read_bytes() for p in out.rglob("checkpoint-*.pt")} == checkpoints


def test_again_it_may_be_carried_out_otherwise(
    out: Path, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As `train --resume` may; pictures are drawn there too."""
    before = {name: Run.open(out / name) for name in VARIANTS}
    drawn: list[str] = []

    def noted(folder: Path, data: Path, options: SceneOptions) -> Scene:
        drawn.append(options.device)
        return scene_of(folder, data, options)

    monkeypatch.setattr("vdsm.commands.ablate.scene_of", noted)
    words = ["ablate", str(data), "--preset", "debug", "--out", str(out), *FLAGS]
    assert command([*words, "--device", "cpu", "--log_every", "3", "--precision", "fp32"]) == 0
    how = {"device": "cpu", "log_every": 3, "precision": "fp32"}
    for name, run in before.items():
        assert Run.open(out / name).config == replace(run.config, **how)
    assert drawn == ["cpu", "cpu"]
    assert command([*words, "--stage1.lr", "0.5"]) == 2


def printed(results: dict[str, Any]) -> str:
    """The table, on a wide terminal."""
    console = Console(width=200, record=True, file=io.StringIO())
    console.print(side_by_side(results))
    return console.export_text()


def test_table_has_both_numbers_and_chance(out: Path) -> None:
    results = json.loads((out / "ablation.json").read_text())
    said = printed(results)
    row = next(line for line in said.splitlines() if "swaps: colour right" in line)
    for name in VARIANTS:
        on_target = results[name]["swap"]["factors"]["colour"]["on_target"]
        assert f"{100 * on_target:.1f}" in row
    assert f"{100 / 7:.1f}" in row


def test_clips_without_labels_are_compared_by_what_needs_none(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Painter, "paint", lambda *_: None)
    bare = copytree(data, tmp_path / "bare")
    about = json.loads((bare / "dataset.json").read_text())
    (bare / "dataset.json").write_text(json.dumps(about | {"factors": []}))
    words = ["ablate", str(bare), "--preset", "debug", "--out", str(tmp_path / "out")]
    assert command([*words, *FLAGS]) == 0
    said = printed(json.loads((tmp_path / "out" / "ablation.json").read_text()))
    row = next(line for line in said.splitlines() if "swaps: s nearer to the right" in line)
    for result in json.loads((tmp_path / "out" / "ablation.json").read_text()).values():
        assert f"{100 * result['unlabelled']['cycle']['s']['between']:.1f}" in row
    assert "all factors right" not in said


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--preset", "debug"], "was started with other settings: choose another --out"),
        ([*FLAGS, "--evaluate.flor", "1"], "unknown option --evaluate.flor"),
        (["--judges", "1"], "vdsm ablate: unknown option --judges; of the evaluation it is"),
        (["--step", "1"], "vdsm ablate: unknown option --step; did you"),
        ([*FLAGS, "--evaluate.floor", "7"], "--evaluate.floor is '7', it should be less"),
        ([*FLAGS, "--stage1.step", "7"], "did you mean --stage1.steps"),
    ],
)
def test_bad_input_is_one_line(
    out: Path, data: Path, capsys: pytest.CaptureFixture[str], words: list[str], message: str
) -> None:
    assert command(["ablate", str(data), "--out", str(out), "--preset", "debug", *words]) == 2
    said = capsys.readouterr().err
    assert message in said
    assert said.count("\n") == 1


def test_output_in_use_and_nothing_given(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "something").touch()
    assert command(["ablate", str(data), "--out", str(tmp_path)]) == 2
    assert "is in use" in capsys.readouterr().err
    assert command(["ablate", "--out", str(tmp_path)]) == 2
    assert "DATA is needed: a dataset" in capsys.readouterr().err


def test_flags_are_parted() -> None:
    own, settings = split_flags({"stage1.steps": "3", "evaluate.floor": "0.5", "seed": "2"})
    assert own == {"stage1.steps": "3", "seed": "2"}
    assert (settings.floor, settings.seed) == (0.5, 0)
    with pytest.raises(InputError, match=r"unknown option --evaluate\.steps"):
        split_flags({"evaluate.steps": "3"})
