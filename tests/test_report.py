"""`vdsm evaluate` on runs, and the report: whole, with all numbers, with nothing from outside."""

import base64
import io
import json
import math
import re
import shlex
import shutil
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from rich.console import Group
from rich.table import Table
from rich.text import Text

from small import SMALL, pendula, start
from vdsm import VDSM, InputError
from vdsm.cli import run as command
from vdsm.config import describe, override
from vdsm.data import open_clips
from vdsm.data.clips import SPLITS, ClipWriter, Info
from vdsm.evaluate import Settings, draw_sample, probes
from vdsm.evaluate.result import FILE, flatten
from vdsm.evaluate.run import evaluate_run
from vdsm.evaluate.stream import quiet
from vdsm.methods.vdsm.presets import preset
from vdsm.methods.vdsm.stages import stages
from vdsm.options import parse_flags
from vdsm.report import html, report
from vdsm.report.curves import INK, schedule_curves, training_curves
from vdsm.report.evaluation import read_evaluation
from vdsm.report.settings import command as train_command
from vdsm.report.settings import duration
from vdsm.store.run import Run
from vdsm.train.loop import train
from vdsm.train.pictures import Painter
from vdsm.use.scene import SceneOptions, scene_of

VOID = {"meta", "img", "br", "hr", "link", "input"}
QUICK = {
    "floor": "0",
    "judge-steps": "4",
    "judge-width": "2",
    "judge-hidden": "4",
    "judge-batch": "8",
    "resamples": "20",
    "shuffles": "2",
}
FLAGS = [word for name, value in QUICK.items() for word in (f"--{name}", value)]


class Page(HTMLParser):
    """Checks that tags close in order; collects text, ids, and what tags refer to."""

    def __init__(self, content: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.text: list[str] = []
        self.cells: list[str] = []
        self.references: list[tuple[str, str]] = []
        self.ids: list[str] = []
        self.feed(content)
        self.close()
        assert not self.open, f"left open: {self.open}"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._attributes(attrs)
        if tag in ("td", "th"):
            self.cells.append("")
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._attributes(attrs)

    def _attributes(self, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name in ("src", "href", "srcset", "data", "action", "poster"):
                self.references.append((name, value or ""))
            if name == "id":
                self.ids.append(value or "")

    def handle_endtag(self, tag: str) -> None:
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag, f"</{tag}> at line {self.getpos()[0]}"

    def handle_data(self, data: str) -> None:
        self.text.append(data)
        if self.open and self.open[-1] in ("td", "th"):
            self.cells[-1] += data


@pytest.fixture(scope="module", autouse=True)
def _short_probes() -> Iterator[None]:
    """What probes find is tested elsewhere."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(probes, "MLP_EPOCHS", 3)
        yield


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return pendula(tmp_path_factory.mktemp("report") / "data")


@pytest.fixture(scope="module")
def runs(data: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Two trained runs that differ in their seed."""
    folder = tmp_path_factory.mktemp("report")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Painter, "paint", lambda *_: None)
        for seed in (0, 1):
            train(*start(folder / f"run <{seed}>", data, seed=seed))
    return sorted(folder.iterdir())


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A run on other data, and that data."""
    folder = tmp_path_factory.mktemp("elsewhere")
    data = pendula(folder / "data", seed=5)
    return start(folder / "run", data)[0].path, data


@pytest.fixture(scope="module")
def evaluation(runs: list[Path]) -> dict[str, Any]:
    """What the command wrote for the first run, where the report looks for it."""
    assert command(["evaluate", str(runs[0]), *FLAGS]) == 0
    found = json.loads((runs[0] / FILE).read_text())
    assert isinstance(found, dict)
    return found


@pytest.fixture(scope="module")
def page(runs: list[Path], evaluation: dict[str, Any]) -> str:
    assert command(["report", str(runs[0]), "--frames", "8", "--clips", "2"]) == 0
    return (runs[0] / "report.html").read_text()


# -- evaluate --------------------------------------------------------------------------------------


def test_evaluate_scores_every_test_clip(data: Path, runs: list[Path], evaluation: Any) -> None:
    clips = Run.open(runs[0]).clips()
    assert evaluation["n"] == len(clips.select("test")) == 14
    assert evaluation["counts"]["judge.colour.accuracy"] == 14
    assert evaluation["roles"] == {"colour": "identity", "speed": "action"}
    assert {"s", "d", "z", "s_sample", "d_sample"} == set(evaluation["leakage"])
    assert set(evaluation["leakage_raw"]) == {"s", "d", "z"}
    assert set(evaluation["null"]) == {"still", "mean_clip", "action_clip", "whole_clip", "random"}
    assert evaluation["split"] == evaluation["settings"]["split"] == "test"
    assert evaluation["method"] == "vdsm"
    assert evaluation["fingerprint"] == clips.fingerprint


def test_evaluate_several_runs(
    data: Path, runs: list[Path], evaluation: Any, tmp_path: Path
) -> None:
    """Their mean and spread, each kept; the data named last; the judges learn once."""
    out = tmp_path / "both.json"
    assert command(["evaluate", *map(str, runs), str(data), "--out", str(out), *FLAGS]) == 0
    both = json.loads(out.read_text())
    each = [one["reconstruction"]["psnr"] for one in both["each"]]
    assert each[0] == evaluation["reconstruction"]["psnr"]  # the same seed, the same figure
    assert both["reconstruction"]["psnr"] == pytest.approx(np.mean(each))
    assert both["sd"]["reconstruction.psnr"] == pytest.approx(np.std(each, ddof=1))
    assert both["runs"] == 2
    assert len(list((runs[0] / "judges").glob("*.safetensors"))) == 1
    assert not (runs[1] / "judges").exists()


def test_evaluate_unseen_cells_are_those_left_out(data: Path, tmp_path: Path) -> None:
    """With `holdout_cells`, swaps into the cells that training did not see."""
    run, _ = start(tmp_path / "run", data, holdout_cells=0.2)
    VDSM(SMALL.model).save_pretrained(run.path)
    quick = {name.replace("-", "_"): float(value) for name, value in QUICK.items()}
    begun: list[tuple[str, int]] = []
    found = evaluate_run(
        run.path,
        None,
        Settings(**quick),  # type: ignore[arg-type]
        6,
        None,
        lambda what, done, _: begun.append((what, done)),
    )
    assert begun[0] == ("encoding", 0)  # said before the first clip is encoded
    assert found["n"] == 6
    cells = round(0.2 * 14 + 0.49)  # 7 colours x 2 speeds, rounded up
    assert found["counts"]["unseen.joint"] == cells * 2  # a training and a test clip in each cell

    # Further clips of the kind: what training left out of its own says nothing of these.
    more = pendula(tmp_path / "more", seed=9)
    found = evaluate_run(
        run.path,
        more,
        Settings(**quick, other_data=True),  # type: ignore[arg-type]
        6,
        None,
        quiet,
    )
    assert found["fingerprint"] == open_clips(more).fingerprint != run.fingerprint
    assert found["settings"]["other_data"] is True
    assert found["n"] == 6
    assert "unseen" not in found
    assert found["not_measured"]["unseen"] == "it is not asked of other data than training's own"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["{run}", "--floor", "2"], "floor is '2', it should be less than or equal to 1"),
        (["{run}", "--flor", "1"], "unknown option --flor; did you mean --floor?"),
        (["{run}", "--floor", "1", *FLAGS[2:]], "judge below its floor of 100.0 %"),
        (["{run}", "{run}"], "--out is needed for several runs"),
        (["{run}", "--out", "{tmp}/no/x.json"], "to write x.json to"),
        (["{run}", "--out", "{tmp}"], "is a folder: name a file for --out"),
        (["{data}"], "RUN is needed"),
        (["{tmp}"], "is not a run"),
        (["{run}", "--split", "dev"], "split is 'dev'"),
        (["{run}", "--split", "validation"], "has 0 validation clips"),
        (["{run}", "{other}"], "is not the dataset that"),
        (["{run}", "{other}"], "further clips of the kind: --other-data true"),
        (["{run}", "{data}", "--other-data", "true"], "was trained on: leave out --other-data"),
        (["{run}", "--other-data", "true"], "name the dataset to measure on, after"),
        (["{run}", "{elsewhere}", "--out", "{tmp}/x.json"], "were trained on different data"),
    ],
)
def test_evaluate_bad_input_is_one_line(
    data: Path,
    runs: list[Path],
    elsewhere: tuple[Path, Path],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    words: list[str],
    message: str,
) -> None:
    places = {"run": runs[0], "data": data, "tmp": tmp_path}
    places |= dict(zip(("elsewhere", "other"), elsewhere, strict=True))
    assert command(["evaluate", *(word.format(**places) for word in words)]) == 2
    said = capsys.readouterr().err
    assert message in said
    assert said.count("\n") == 1


def test_evaluate_without_labels(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with ClipWriter(tmp_path / "data", Info("plain", 32, 3)) as out:
        for group, split in enumerate(("train", "train", "test", "test")):
            out.add(np.zeros((9, 32, 32, 3), np.uint8), group=group, split=split)
    run, _ = start(tmp_path / "run", tmp_path / "data")
    VDSM(SMALL.model).save_pretrained(run.path)
    assert command(["evaluate", str(run.path), *FLAGS]) == 0
    said = capsys.readouterr().out
    assert "Measured without labels" in said
    assert "No target of the panel could be measured." in said
    found = json.loads((run.path / FILE).read_text())
    assert found["not_measured"]["unlabelled.motion"] == "no test clip moves"
    assert found["unlabelled"]["diversity"]["ratio"] is None  # the real ones are all alike
    assert found["null"]["still"]["reconstruction"]["psnr"] == pytest.approx(58.92, abs=0.01)
    assert command(["report", str(run.path), "--frames", "4", "--clips", "2"]) == 0
    content = (run.path / "report.html").read_text()
    assert "Reconstruction: " in content
    assert "Swaps right in every factor" not in content


def test_evaluate_of_the_validation_split(data: Path, runs: list[Path], tmp_path: Path) -> None:
    """Other clips than the test split's; judges and probes learn from the same."""
    clips = open_clips(data)
    moved = clips.table.split.copy()
    moved[clips.select("test")[::2]] = SPLITS.index("validation")
    clips.table.split[:] = moved
    one, other = (
        draw_sample(clips, 5, 100, 100, 0, measured=split) for split in ("test", "validation")
    )
    measured = [set(s.real.rows[s.split == 1].tolist()) for s in (one, other)]
    assert measured == [set(clips.select(split).tolist()) for split in ("test", "validation")]
    assert not measured[0] & measured[1]
    taught = [set(s.real.rows[s.split == 0].tolist()) for s in (one, other)]
    assert taught[0] == taught[1] == set(clips.select("train").tolist())
    with pytest.raises(InputError, match="no split 'dev'"):
        draw_sample(clips, 5, 100, 100, 0, measured="dev")


# -- the page --------------------------------------------------------------------------------------


def test_page_is_balanced_and_needs_no_network(page: str) -> None:
    parsed = Page(page)
    assert {name for name, _ in parsed.references} == {"src", "href"}
    for name, target in parsed.references:
        allowed = ("data:image/png;base64,", "data:image/gif;base64,") if name == "src" else ("#",)
        assert target.startswith(allowed), target[:80]
        if target.startswith("#"):
            assert target[1:] in parsed.ids
    style = re.sub(r"url\(#[^)]*\)", "", page)
    assert not re.search(r"url\(|@import|https?:|<script|<link", style)
    assert len(parsed.ids) == len(set(parsed.ids))
    assert 'name="viewport"' in page
    assert "prefers-color-scheme: dark" in page


def test_page_has_every_number_of_the_evaluation(page: str, evaluation: Any) -> None:
    """Key, value, both ends of the interval, and n, in one row."""
    cells = Page(page).cells
    for key, value in flatten(evaluation).items():
        at = cells.index(key)
        row = cells[at + 1 : at + 5]
        assert row[0] == ("" if value is None else row[0])
        if value is not None:
            assert math.isclose(float(row[0]), value, rel_tol=1e-4, abs_tol=1e-12)
        assert row[3] == str(evaluation["counts"][key])
        if key in evaluation["intervals"] and None not in evaluation["intervals"][key]:
            bounds = [float(bound) for bound in row[1].split(", ")]
            assert bounds == pytest.approx(evaluation["intervals"][key], rel=1e-4)


def test_page_names_every_table_of_the_evaluation(page: str) -> None:
    """As the terminal does, each above its table, none of them empty."""
    tables = page.partition('<section id="tables">')[2].partition("<details>")[0]
    titles = re.findall(r'<p class="caption">([^<]*)</p>\s*<div class="scroll"><table', tables)
    assert len(titles) == tables.count("<table") >= 5
    starts = ("Judges on 14 real test clips", "Table 1 of the paper", "What can be read from each")
    starts += ("Swaps: identity of one clip",)
    assert [title[: len(start)] for title, start in zip(titles, starts, strict=False)] == [*starts]
    assert "Fidelity" in titles


def test_page_says_what_the_run_is(page: str, runs: list[Path]) -> None:
    text = " ".join(Page(page).text)
    assert "run <0>: VDSM on pendulum" in text  # escaped in the source, read as it was named
    assert "run <0>" not in page
    assert "stage2, step 6 of 6" in text
    assert "14 train, 14 test" in text
    for field in describe(type(SMALL)):
        assert field in text
    assert "log-likelihood, nats per sequence" in text
    assert "stage 1: frames (Fig. 9)" in text


def test_pictures_are_whole(page: str) -> None:
    images = [target for name, target in Page(page).references if name == "src"]
    kinds = []
    for source in images:
        with Image.open(io.BytesIO(base64.b64decode(source.partition(",")[2]))) as image:
            image.load()
            kinds.append(image.format)
            assert getattr(image, "n_frames", 1) > 1 or image.format == "PNG"
    assert kinds.count("PNG") == 9
    assert kinds.count("GIF") == 7


def test_page_without_an_evaluation_says_how_to_make_one(runs: list[Path]) -> None:
    run = Run.open(runs[1])
    scene = scene_of(runs[1], None, SceneOptions(clips=2))
    content = report(run, run.clips(), scene, None, {})
    text = " ".join(Page(content).text)
    assert "has not been evaluated" in text
    lines = [line for line in "".join(Page(content).text).splitlines() if line[:5] == "vdsm "]
    assert [shlex.split(line) for line in lines[:2]] == [
        ["vdsm", "evaluate", str(runs[1])],
        ["vdsm", "report", str(runs[1])],
    ]


def test_page_of_other_weights_says_so(runs: list[Path], evaluation: dict[str, Any]) -> None:
    run = Run.open(runs[0])
    scene = scene_of(runs[0], None, SceneOptions(clips=2))
    assert "of other weights" not in report(run, run.clips(), scene, evaluation, {})
    with torch.no_grad():
        scene.model.z_start.add_(1)
    assert "of other weights" in report(run, run.clips(), scene, evaluation, {})


def test_page_of_a_run_that_has_not_begun(data: Path, tmp_path: Path) -> None:
    run, clips = start(tmp_path / "run", data)
    VDSM(SMALL.model).save_pretrained(run.path)
    content = report(run, clips, scene_of(run.path, None, SceneOptions(clips=2)), None, {})
    assert "Nothing has been trained yet." in " ".join(Page(content).text)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"fingerprint": "x"}, "was measured on other data"),
        ({"n": None}, "has no entry 'n'"),
    ],
)
def test_evaluation_that_does_not_fit(
    runs: list[Path],
    evaluation: dict[str, Any],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    change: dict[str, Any],
    message: str,
) -> None:
    altered = {k: v for k, v in (evaluation | change).items() if v is not None}
    (tmp_path / "x.json").write_text(json.dumps(altered))
    words = ["report", str(runs[0]), "--evaluation", str(tmp_path / "x.json")]
    assert command([*words, "--out", str(tmp_path / "x.html")]) == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "x.html").exists()


def test_a_run_of_an_earlier_version_knows_its_data(
    runs: list[Path], evaluation: dict[str, Any], data: Path, tmp_path: Path
) -> None:
    """By the fingerprint that version 0.1.0 recorded, in the run and in its evaluation."""
    former = open_clips(data).former_fingerprint
    path = Path(shutil.copytree(runs[0], tmp_path / "run"))
    record = json.loads((path / "run.json").read_text()) | {"fingerprint": former}
    del record["sha256"]
    (path / "run.json").write_text(json.dumps(record))
    run = Run.open(path)
    clips = run.clips(data)
    for recorded in (former, clips.fingerprint):
        (path / FILE).write_text(json.dumps(evaluation | {"fingerprint": recorded}))
        found = read_evaluation(run, clips, None)
        assert found is not None
        assert found["n"] == evaluation["n"]
    with pytest.raises(InputError, match="is not the dataset that"):
        run.clips(pendula(tmp_path / "other", seed=8))
    assert command(["evaluate", str(path), str(data), "--other-data", "true"]) == 2


# -- its parts -------------------------------------------------------------------------------------


def test_text_is_escaped() -> None:
    bad = "<script>\"&'"
    made = html.table(["a", bad], [[bad, bad]], bad) + html.paragraph(bad) + html.section("x", bad)
    made += html.figure("", bad, bad) + html.details(bad)
    made += html.picture(np.zeros((2, 2, 1), np.uint8), bad)
    assert "<script" not in made
    assert Page(made).text.count(bad) >= 6


def test_tables_for_the_terminal_become_html() -> None:
    rich = Table("", "value", title="A title")
    rich.add_row("PSNR", "27.5 [26.4, 28.5]")
    rich.add_row(Text("SSIM", "bold"), "[/x] is no markup")
    (made,) = html.of_rich(Group(rich))
    assert Page(made).cells == [
        "",
        "value",
        "PSNR",
        "27.5 [26.4, 28.5]",
        "SSIM",
        "[/x] is no markup",
    ]
    assert "A title" in made


def test_moving_picture_keeps_its_frames() -> None:
    clip = np.arange(4, dtype=np.uint8)[:, None, None, None].repeat(3, 1).repeat(5, 2) * 60
    made = html.moving_picture(clip, "alt", fps=8, scale=2)
    assert 'width="10" height="6"' in made
    source = made.partition("base64,")[2].partition('"')[0]
    with Image.open(io.BytesIO(base64.b64decode(source))) as image:
        assert image.n_frames == 4  # type: ignore[attr-defined]


def test_curves_have_a_point_for_every_line_of_metrics() -> None:
    """As many vertices as finite values, in the page's colours."""
    metrics: list[dict[str, Any]] = [
        {"stage": stage, "step": step, "steps": 10, "lr": 1e-3, "gradient_norm": 2.0, "kl_z": 3.0}
        | {"log_likelihood": -float(step), "kl_s": float("nan")}
        for stage in (0, 1)
        for step in range(1, 11)
    ]
    curves = dict(training_curves(metrics))
    likelihood = curves["log-likelihood, nats per sequence"]
    assert INK not in likelihood
    assert "currentColor" in likelihood
    drawn = re.findall(r'<path d="([^"]*)" clip-path[^>]*stroke: #3f87d0', likelihood)
    assert len(drawn) == 1
    assert len(re.findall(r"[ML] ", drawn[0])) == 20
    for svg in curves.values():
        Page(svg)


def test_schedules_end_where_they_should() -> None:
    """Two panels a stage; three weights in stage 2, which has d."""
    one, two = schedule_curves(stages(SMALL))
    assert "λ_d" not in one[1]
    assert all(name in two[1] for name in ("λ_z", "λ_s", "λ_d", "1/τ_s"))
    for _, svg in (one, two):
        Page(svg)


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(41, "41 s"), (59.7, "1 min 00 s"), (750, "12 min 30 s"), (3725, "1 h 02 min")],
)
def test_duration(seconds: float, said: str) -> None:
    assert duration(seconds) == said


def test_command_makes_the_same_settings_again() -> None:
    config = override(preset("sprites"), {"stage1.steps": "7", "model.flow_steps": "1"}, "test")
    run = Run(Path("run"), config, Path("data"), "")
    words = train_command(run, {"preset": "sprites", "size": "compact"}).split()
    assert words[:5] == ["vdsm", "train", "DATA", "--preset", "sprites"]
    changes = parse_flags(words[5:-2], "test")
    assert changes == {"stage1.steps": "7", "model.flow_steps": "1"}
    assert override(preset("sprites"), changes, "test") == config


def test_report_needs_a_run(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is not a run"):
        Run.open(tmp_path)
    assert command(["report"]) == 2
    assert command(["report", str(tmp_path)]) == 2
