"""`vdsm train --logger`: TensorBoard and Weights & Biases show what metrics.jsonl says."""

import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from PIL import Image

from small import pendula
from test_export import refused, vdsm
from vdsm.loggers import OF_THE_LINE, number
from vdsm.store.run import Run

QUICK = ("--preset", "debug", "--model.size", 32, "--stage1.steps", 4, "--stage2.steps", 4,
         "--log-every", 2, "--picture-every", 3, "--device", "cpu")  # fmt: skip


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return pendula(tmp_path_factory.mktemp("loggers") / "data")


def said(run: Path) -> dict[tuple[str, int], float]:
    """Curves of metrics.jsonl: STAGE/NAME and step -> value."""
    return {
        (f"{m['name']}/{key}", m["step"]): value
        for m in Run.open(run).metrics()
        for key, value in m.items()
        if key not in OF_THE_LINE and number(value)
    }


def test_tensorboard_has_every_number_and_picture(data: Path, tmp_path: Path) -> None:
    """As its own reader reads the files; a resumed run adds what is new alone."""
    pytest.importorskip("tensorboard", reason='no tensorboard: pip install "vdsm[tensorboard]"')
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    run = tmp_path / "run"
    vdsm("train", data, *QUICK, "--out", run, "--logger", "tensorboard")
    vdsm("train", "--resume", "--out", run, "--logger", "tensorboard")
    read = EventAccumulator(str(run / "tensorboard"))
    read.Reload()
    tags = read.Tags()
    found = {(tag, e.step): e.value for tag in tags["scalars"] for e in read.Scalars(tag)}
    expected = said(run)
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        np.testing.assert_allclose(found[name], value, rtol=1e-6)  # it keeps float32
    files = list((run / "pictures").glob("*.png"))
    assert files
    shown = {(tag, e.step): e for tag in tags["images"] for e in read.Images(tag)}
    assert len(shown) == len(files)
    for file in files:
        stage, step, what = file.stem.rsplit("-", 2)
        event = shown[f"{stage}/{what}", int(step)]
        with Image.open(file) as picture:
            assert (event.width, event.height) == picture.size


class Recorder(ModuleType):
    """In the place of wandb: keeps what it is told."""

    def __init__(self) -> None:
        super().__init__("wandb")
        self.begun: list[dict[str, Any]] = []
        self.logged: list[dict[str, Any]] = []
        self.steps: list[tuple[Any, ...]] = []
        self.ended = 0
        self.errors = ModuleType("wandb.errors")
        self.errors.Error = type("Error", (Exception,), {})  # type: ignore[attr-defined]
        self.refuses = ""

    def init(self, **about: Any) -> "Recorder":
        if self.refuses:
            raise self.errors.Error(self.refuses)
        self.begun.append(about)
        return self

    def define_metric(self, name: str, step_metric: str) -> None:
        self.steps.append((name, step_metric))

    def log(self, values: dict[str, Any]) -> None:
        self.logged.append(values)

    def finish(self) -> None:
        self.ended += 1

    def Image(self, file: str) -> tuple[str, str]:
        return "image", file

    def Video(self, file: str, format: str) -> tuple[str, str]:
        return "video", file


def test_wandb_is_told_every_number_and_picture(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By a module that keeps what it is told; a resumed run goes on with the same page."""
    told = Recorder()
    monkeypatch.setitem(sys.modules, "wandb", told)
    run = tmp_path / "mine"
    vdsm("train", data, *QUICK, "--out", run, "--logger", "wandb")
    first = len(told.logged)
    vdsm("train", "--resume", "--out", run, "--logger", "wandb")
    assert len(told.logged) == first
    assert told.ended == 2
    before, after = told.begun
    assert before["id"] == after["id"]
    assert before["name"] == "mine"
    assert before["config"]["model"]["size"] == 32
    found, shown = {}, []
    for line in told.logged:
        stage = next(iter(line)).split("/")[0]
        assert (f"{stage}/*", f"{stage}/step") in told.steps
        step = line.pop(f"{stage}/step")
        for name, value in line.items():
            if isinstance(value, tuple):
                shown.append(Path(value[1]))
            else:
                found[name, step] = value
    assert found == said(run)
    files = [f for f in (run / "pictures").iterdir() if f.suffix in (".png", ".gif")]
    assert sorted(shown) == sorted(files)


@pytest.mark.slow
def test_wandb_itself_takes_it_offline(data: Path, tmp_path: Path) -> None:
    """Nothing is sent; its own file is there."""
    pytest.importorskip("wandb", reason='no wandb: pip install "vdsm[wandb]"')
    words = ["train", data, *QUICK, "--out", "run", "--logger", "wandb"]
    source = str(Path(__file__).resolve().parents[1] / "src")
    environment = {**os.environ, "PYTHONPATH": source, "WANDB_MODE": "offline", "WANDB_SILENT": "1"}
    done = subprocess.run(
        [sys.executable, "-m", "vdsm", *map(str, words)],
        cwd=tmp_path, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    (kept,) = tmp_path.glob("run/wandb/offline-run-*/run-*.wandb")
    assert b"stage1/log_likelihood" in kept.read_bytes()


def test_a_logger_that_cannot_be_is_one_line(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not installed, unknown, not logged in; without a run left behind but where wandb refuses."""
    run = tmp_path / "run"
    begin = ("train", data, *QUICK, "--out", run, "--logger")
    for name in ("tensorboard", "wandb"):
        with monkeypatch.context() as patch:
            patch.setitem(sys.modules, name, None)
            assert f'pip install "vdsm[{name}]"' in refused(capsys, *begin, name)
    assert "--logger" in refused(capsys, *begin, "mlflow")
    assert not run.exists()
    told = Recorder()
    told.refuses = "no API key configured"
    monkeypatch.setitem(sys.modules, "wandb", told)
    line = refused(capsys, *begin, "wandb")
    assert "no API key configured" in line
    assert "WANDB_MODE=offline" in line
    told.refuses = ""
    vdsm("train", "--resume", "--out", run, "--logger", "wandb")
    assert told.logged
