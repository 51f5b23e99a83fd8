"""`vdsm export`, and models found by name: card, examples, half the size, nothing lost."""

import errno
import json
import os
import re
import shlex
import shutil
import zipfile
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from small import SMALL, pendula, start
from vdsm import VDSM, InputError
from vdsm.card import MEASURED
from vdsm.card.commands import data_command
from vdsm.card.numbers import table
from vdsm.card.sources import SOURCES
from vdsm.cli import options_of
from vdsm.cli import run as command
from vdsm.data import MAKERS, open_clips
from vdsm.data.clips import Clips, ClipWriter, Factor, Info
from vdsm.data.folder import FolderOptions
from vdsm.data.maker import provenance
from vdsm.data.pendulum import PendulumOptions
from vdsm.data.sprites import SpritesOptions
from vdsm.evaluate import probes
from vdsm.figures import pixels
from vdsm.options import typed
from vdsm.store import shipped
from vdsm.store.run import Run
from vdsm.store.trained import read
from vdsm.store.weights import digest, stored
from vdsm.train.loop import train
from vdsm.train.pictures import Painter

ROOT = Path(__file__).resolve().parents[1]
SEEN = SMALL.stage2.frames
QUICK = {
    "floor": 0,
    "judge-steps": 4,
    "judge-width": 2,
    "judge-hidden": 4,
    "judge-batch": 8,
    "resamples": 20,
    "shuffles": 2,
    "test-clips": 8,
}


def vdsm(*words: object) -> None:
    """Run a command that must succeed."""
    assert command([str(word) for word in words]) == 0


def refused(capsys: pytest.CaptureFixture[str], *words: object) -> str:
    """The one line that a command says before it exits with 2."""
    capsys.readouterr()
    assert command([str(word) for word in words]) == 2
    line = capsys.readouterr().err
    assert line.startswith("vdsm")
    assert line.count("\n") == 1, line
    return line


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """data; run, trained on it; weights/pendulum, exported with 3 examples."""
    world = tmp_path_factory.mktemp("export")
    pendula(world / "data")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Painter, "paint", lambda *_: None)
        train(*start(world / "run", world / "data"))
    (world / "weights").mkdir()
    vdsm("export", world / "run", "--out", world / "weights" / "pendulum", "--examples", 3)
    return world


@pytest.fixture
def home(world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The exported model as if it were shipped, seen from an empty folder."""
    monkeypatch.setattr(shipped, "home", lambda: world / "weights")
    monkeypatch.chdir(tmp_path)
    return world / "weights" / "pendulum"


@pytest.fixture(scope="module")
def evaluation(world: Path) -> Path:
    """What `vdsm evaluate` finds of the exported model, which has no run beside it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(probes, "MLP_EPOCHS", 3)
        out = world / "evaluation.json"
        flags = [word for name, value in QUICK.items() for word in (f"--{name}", value)]
        vdsm("evaluate", world / "weights" / "pendulum", world / "data", "--out", out, *flags)
    return out


def gif(path: Path) -> np.ndarray:
    """uint8 [T, H, W, 3] by Pillow."""
    with Image.open(path) as image:
        return np.stack([frame(image, i) for i in range(getattr(image, "n_frames", 1))])


def frame(image: Image.Image, number: int) -> np.ndarray:
    image.seek(number)
    return np.asarray(image.convert("RGB"))


def same_clip(clips: Clips, shown: np.ndarray) -> list[int]:
    """Clips of a dataset that are exactly what is shown."""
    return [i for i in range(len(clips)) if np.array_equal(clips.whole(i), shown)]


def card_of(folder: Path) -> str:
    return (folder / "README.md").read_text()


# -- names -----------------------------------------------------------------------------------------


def test_a_name_is_a_shipped_model(world: Path, home: Path) -> None:
    """Loaded by name: the matrices of the run rounded to bfloat16, all else untouched."""
    assert shipped.shipped() == ["pendulum"]
    named, run = (VDSM.from_pretrained(p).state_dict() for p in ("pendulum", world / "run"))
    assert named.keys() == run.keys()
    for name, trained in run.items():
        rounded = trained.ndim > 1 and not name.startswith("codes.")
        expected = trained.bfloat16().float() if rounded else trained
        assert torch.equal(named[name], expected), name


def test_a_folder_of_that_name_wins(world: Path, home: Path) -> None:
    shutil.copytree(world / "run", "pendulum")
    assert digest(stored(VDSM.from_pretrained("pendulum")).tensors) == digest(
        stored(VDSM.from_pretrained(world / "run")).tensors
    )


def test_unknown_names(world: Path, home: Path) -> None:
    """One line that lists what is shipped; a path is no name; a folder may hide a name."""
    with pytest.raises(InputError, match=r"^no folder pendulums here.*; shipped: pendulum$"):
        VDSM.from_pretrained("pendulums")
    with pytest.raises(InputError, match="it has no config"):
        VDSM.from_pretrained("./weights/pendulum")
    Path("pendulum").mkdir()
    with pytest.raises(InputError, match="the folder pendulum here holds no trained model, and"):
        VDSM.from_pretrained("pendulum")


def test_what_is_shipped_now_is_whole() -> None:
    """Every model in the package: opens, at most 20 MB, with a card; its examples are there."""
    for name in shipped.shipped():
        folder = shipped.home() / name
        VDSM.from_pretrained(folder)
        assert sum(p.stat().st_size for p in folder.rglob("*") if p.is_file()) <= 20e6
        trained = read(folder)
        assert trained is not None
        assert SOURCES[str(trained.dataset)].ours or not shipped.examples(folder)
        assert card_of(folder).startswith("---\nlicense: ")


def test_commands_take_a_name(
    home: Path, world: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """swap, generate, embed and info; an example is encoded as training saw clips."""
    monkeypatch.setenv("COLUMNS", "300")
    clips, model = open_clips(world / "data"), VDSM.from_pretrained("pendulum")
    vdsm("swap", "pendulum", "--identity", "example:0", "--action", "example:1", "--out", "s.gif")
    who, what = (gif(home / "examples" / f"{i}.gif")[:SEEN] for i in (0, 1))
    x, y = (torch.tensor(v).permute(0, 3, 1, 2)[None].float() / 255 for v in (who, what))
    expected = pixels(model.swap(x, y))[0]
    colours = len(np.unique(expected.reshape(-1, 3), axis=0))
    np.testing.assert_allclose(gif(Path("s.gif")), expected, atol=0 if colours <= 256 else 64)

    vdsm("generate", "pendulum", "--num", 1, "--frames", 3, "--given", "example:2", "--out", "g")
    vdsm("embed", "pendulum", "example:2", "--out", "codes.npz")
    with np.load("codes.npz") as codes:
        assert codes["length"].tolist() == [SEEN]
        (clip,) = same_clip(clips, gif(home / "examples" / "2.gif"))
        z = torch.tensor(clips.whole(clip)[:SEEN]).permute(0, 3, 1, 2)[None].float() / 255
        torch.testing.assert_close(torch.tensor(codes["s"]), model.encode(z).s)

    capsys.readouterr()
    vdsm("info", "pendulum")
    said = capsys.readouterr().out
    count = sum(p.numel() for p in model.parameters())
    for part in (f"{count:,}", "pendulum, 5 frames of a clip", "example:0 to example:2"):
        assert part in said


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("swap pendula --identity example:0 --action example:1 --out s.gif", "shipped: pendulum"),
        ("generate pendula --num 1 --frames 2 --out g", "shipped: pendulum"),
        ("embed pendula example:1 --out c.npz", "shipped: pendulum"),
        ("info pendula", "shipped: pendulum"),
        ("evaluate pendula --out e.json", "shipped: pendulum"),
        ("swap pendulum --identity example:3 --action example:1 --out s.gif", "to example:2, no e"),
        (
            "swap pendulum --identity example:x --action example:1 --out s.gif",
            "has example:0 to ex",
        ),
        ("swap {run} --identity example:0 --action example:1 --out s.gif", "run has no example"),
        ("evaluate pendulum --out e.json", "without a run: name its dataset too"),
        ("evaluate pendulum {data}", "--out is needed"),
        ("evaluate pendulum {other} --out e.json", "is not the dataset that"),
        ("figures pendulum --out f", "name a dataset too"),
        ("export pendulum --out new", "pendulum is not a run"),
    ],
)
def test_mistakes_with_names(
    words: str, expected: str, home: Path, world: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    if "{other}" in words:
        pendula(Path("other"), seed=5)
    filled = words.format(run=world / "run", data=world / "data", other="other")
    assert expected in refused(capsys, *filled.split())


@pytest.mark.parametrize("entry", [5, {"frames": "many", "fingerprint": "f"}, {"frames": 4}])
def test_an_altered_record(
    entry: Any, world: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The entry 'trained' of config.json."""
    folder = Path(shutil.copytree(world / "weights" / "pendulum", tmp_path / "model"))
    content = json.loads((folder / "config.json").read_text()) | {"trained": entry}
    (folder / "config.json").write_text(json.dumps(content))
    place = f"{world / 'data'}:0"
    words = ("--identity", place, "--action", place, "--out", tmp_path / "s.gif")
    assert "config.json" in refused(capsys, "swap", folder, *words)


# -- export ----------------------------------------------------------------------------------------


def test_contents(world: Path, home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Card, configuration, weights of half the size, test clips without loss."""
    names = {str(p.relative_to(home)) for p in home.rglob("*") if p.is_file()}
    gifs = {f"examples/{i}.gif" for i in range(3)}
    assert names == {"README.md", "config.json", "model.safetensors", *gifs}
    full, half = ((p / "model.safetensors").stat().st_size for p in (world / "run", home))
    assert half < 0.65 * full  # names and biases weigh something in so small a model
    trained = read(home)
    assert trained is not None
    assert (trained.frames, trained.dataset) == (SEEN, "pendulum")
    assert trained == replace(read(world / "run") or trained, dataset="pendulum")

    clips, found = open_clips(world / "data"), []
    for i in range(3):
        (clip,) = same_clip(clips, gif(home / "examples" / f"{i}.gif"))
        assert clips.table.split[clip] == 1, "a training clip"
        names = [f.values[clips.table.labels[f.name][clip]] for f in clips.info.factors]
        assert f"| `example:{i}` | {' | '.join(names)} |" in card_of(home)
        found.append(names[0])
    assert len(set(found)) == 3, "colours differ"
    vdsm("export", world / "run", "--out", "again")
    said = capsys.readouterr().out
    size = sum(p.stat().st_size for p in Path("again").iterdir())
    assert said.startswith(f"again: {size / 1e6:.1f} MB, ")
    assert "example" not in said + card_of(Path("again")).replace("for example", "")


def test_export_refuses(
    world: Path, evaluation: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A folder in use, wrong numbers, a licence that is none, an evaluation of something else."""
    run, out = world / "run", ("--out", tmp_path / "new")
    used = world / "weights" / "pendulum"
    assert "is in use" in refused(capsys, "export", run, "--out", used)
    assert "is a file" in refused(capsys, "export", run, "--out", world / "evaluation.json")
    assert "--examples is 99" in refused(capsys, "export", run, *out, "--examples", 99)
    assert "--examples is -1" in refused(capsys, "export", run, *out, "--examples", -1)
    line = refused(capsys, "export", run, *out, "--licence", "apache 2\npipeline_tag: x")
    assert "one identifier" in line
    line = refused(capsys, "export", run, *out, "--evaluation", "nofile.json")
    assert "cannot read nofile.json" in line
    assert "is not a run" in refused(capsys, "export", world / "data", *out)
    stale = json.loads(evaluation.read_text()) | {"weights": "0" * 64}
    (tmp_path / "stale.json").write_text(json.dumps(stale))
    line = refused(capsys, "export", run, *out, "--evaluation", tmp_path / "stale.json")
    assert "is of other weights than" in line
    elsewhere = json.loads(evaluation.read_text()) | {"fingerprint": "0" * 64}
    (tmp_path / "elsewhere.json").write_text(json.dumps(elsewhere))
    line = refused(capsys, "export", run, *out, "--evaluation", tmp_path / "elsewhere.json")
    assert "measured on other data" in line
    assert not (tmp_path / "new").exists()


def test_a_full_disk_leaves_nothing(
    world: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def full(*_: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    line = refused(capsys, "export", world / "run", "--examples", 1, "--out", tmp_path / "new")
    assert "no space left" in line
    assert not (tmp_path / "new").exists()


@pytest.fixture
def others_run(world: Path, tmp_path: Path) -> Path:
    """A run on clips that somebody else made, called "pendulum" as ours are."""
    options = {"maker": "folder", "licence": "all rights reserved"}
    factor = Factor("who", "identity", ("ann", "b|b"))
    info = Info("pendulum", 32, 3, (factor,), options)
    clips = open_clips(world / "data")
    with ClipWriter(tmp_path / "theirs", info) as out:
        for i in range(6):
            out.add(clips.whole(i), group=i % 2, split=("train", "test")[i // 4], labels={})
    run = Run.create(tmp_path / "run", SMALL, tmp_path / "theirs", "debug")
    VDSM(SMALL.model).save_pretrained(run.path)
    return run.path


def test_clips_of_others_are_not_shipped(
    others_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What made the data decides, not what it is called; the card says whose it is."""
    line = refused(capsys, "export", others_run, "--examples", 1, "--out", tmp_path / "new")
    assert "clips of pendulum are not ours to pass on" in line
    vdsm("export", others_run, "--out", tmp_path / "new")
    card = card_of(tmp_path / "new")
    assert card.startswith("---\nlicense: other\nlicense_name: as-the-videos\n")
    assert "Do not publish the weights" in card
    assert "Its training was not finished." in card
    assert "vdsm data" not in card
    assert not (tmp_path / "new" / "examples").exists()
    assert "--identity A.mp4" in card


@pytest.mark.parametrize("name", ["sprites", "weizmann", "mug", "folder", "arrays", "moving-mnist"])
def test_only_our_own_data_is_ours(name: str) -> None:
    assert MAKERS.keys() == SOURCES.keys()
    assert not SOURCES[name].ours


# -- the card --------------------------------------------------------------------------------------


def test_front_matter(world: Path, home: Path) -> None:
    """Plain YAML that Hugging Face reads; a licence may be named."""
    vdsm("export", world / "run", "--out", "mine", "--licence", "mit")
    for folder, licence in ((home, "apache-2.0"), (Path("mine"), "mit")):
        _, front, body = card_of(folder).split("---\n", 2)
        lines = front.splitlines()
        keys = [line.partition(": ")[0] for line in lines if not line.startswith("- ")]
        assert keys == ["license", "library_name", "tags:"]
        assert lines[:2] == [f"license: {licence}", "library_name: vdsm"]
        assert all(re.fullmatch(r"- [a-z-]+", line) for line in lines[3:])
        assert body.startswith("# VDSM on pendulum\n")
        assert "$" not in body
        assert "inproceedings{vowels2021vdsm" in body
        assert str(world) not in body, "a path of the machine"


def test_its_python_runs(home: Path) -> None:
    """The example of the card, from the shipped name."""
    (code,) = re.findall(r"```python\n(.*?)```", card_of(home), re.DOTALL)
    code = code.replace("frames=60", "frames=6")
    names: dict[str, Any] = {}
    exec(compile(code, "README.md", "exec"), names)
    assert names["clips"].shape == (4, 6, 3, 32, 32)


def test_its_commands_make_it_again(world: Path, home: Path) -> None:
    """Data and training commands hold every setting; the swap is as it stands."""
    shell = re.findall(r"```sh\n(.*?)```", card_of(home), re.DOTALL)
    swap, data, training = (shlex.split(line)[1:] for line in "".join(shell).splitlines())
    assert command(swap) == 0
    _, asked = options_of(data)
    made = open_clips(world / "data").info.made["options"]
    again = typed(MAKERS[asked.name].options, asked.fields, "data")
    assert asdict(again) == made  # type: ignore[call-overload]
    _, asked = options_of(training)
    from vdsm.config import override
    from vdsm.methods.vdsm.presets import preset

    again = override(preset(asked.preset), asked.fields, "train")
    # Size and channels follow from the data.
    assert replace(again, model=replace(again.model, size=32)) == Run.open(world / "run").config


OPTIONS: dict[str, Any] = {
    "pendulum": PendulumOptions(size=32, slow_period=30.5, seed=3),
    "sprites": SpritesOptions(source=Path("/home/ann/sheets"), variant="benchmark"),
    "folder": FolderOptions(source=Path("/home/ann/clips"), size=128),
}


@pytest.mark.parametrize("name", OPTIONS)
def test_data_commands(name: str) -> None:
    """Read back, they are the options; a source is a placeholder."""
    made = json.loads(json.dumps(provenance(name, OPTIONS[name], source="", licence="")))
    (line,) = data_command(Info(name, 64, 3, (), made))
    assert "ann" not in line
    _, asked = options_of(shlex.split(line)[1:])
    again = typed(type(OPTIONS[name]), asked.fields, "data")
    paths = {k: Path("SOURCE") for k, v in asdict(again).items() if isinstance(v, Path)}
    assert again == replace(OPTIONS[name], **paths)
    assert (asked.name, asked.out) == (name, Path("DATA"))


def test_unknown_makers_have_no_command() -> None:
    assert data_command(Info("x", 64, 3)) == []


def test_numbers_of_an_evaluation(world: Path, home: Path, evaluation: Path) -> None:
    """An evaluation of the exported weights, by place; each figure as it was measured."""
    result = json.loads(evaluation.read_text())
    assert result["weights"] == digest(stored(VDSM.from_pretrained("pendulum")).tensors)
    vdsm("export", world / "run", "--out", "new", "--evaluation", evaluation)
    card = card_of(Path("new"))
    rows = {r[0]: r for r in (line.strip("| ").split(" | ") for line in card.splitlines())}
    assert rows["swaps right in every factor, percent"][1].startswith(
        f"{100 * result['swap']['joint']:.1f}"
    )
    assert rows["reconstruction, PSNR in dB"][1].startswith(
        f"{result['reconstruction']['psnr']:.1f}"
    )
    for factor, code in (("colour", "s (identity)"), ("speed", "d (action)")):
        read_ = result["leakage"]["d"][factor]
        best = max(read_[probe]["accuracy"] for probe in ("linear", "mlp"))
        assert rows[factor][1] == code
        assert rows[factor][6].startswith(f"{100 * best:.1f}")
        assert rows[factor][9] == f"{100 * read_['mlp']['chance']:.1f}"
    limits = card.split("## Limits")[1].split("##")[0]
    assert re.search(
        r"- \d+\.\d % of swaps are right in every factor; the target is 99\.0 %", limits
    )
    assert "_sample" not in limits
    assert MEASURED["stored"] in card
    assert "not been measured" in card_of(home)


def test_numbers_of_the_run_and_of_several(world: Path, home: Path, evaluation: Path) -> None:
    """Measured before rounding, as the card says; the mean of runs, of which this is one."""
    result = json.loads(evaluation.read_text())
    ours = {"weights": digest(stored(VDSM.from_pretrained(world / "run")).tensors)}
    run = Path(shutil.copytree(world / "run", "copy"))
    (run / "evaluation.json").write_text(json.dumps(result | ours))
    vdsm("export", run, world / "data", "--out", "one")  # the run's own evaluation
    assert MEASURED["trained"] in card_of(Path("one"))
    several = {k: v for k, v in result.items() if k != "weights"}
    several |= {"runs": 2, "sd": {"swap.joint": 0.01}, "each": [{"weights": "0"}, ours]}
    Path("several.json").write_text(json.dumps(several))
    vdsm("export", run, "--out", "two", "--evaluation", "several.json")
    card = card_of(Path("two"))
    assert "Means over 2 runs, of which this is one." in card
    assert f"| {100 * result['swap']['joint']:.1f} ± 1.0 |" in card


def test_a_table_in_markdown() -> None:
    """A bar inside a cell does not end it."""
    assert table(("a", "b"), [("1|2", "3")]) == "| a | b |\n| --- | --- |\n| 1&#124;2 | 3 |"


# -- the package -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def tree(world: Path) -> Iterator[Path]:
    """What builds a package, with the exported model in it."""
    tree = world / "tree"
    tree.mkdir()
    for name in ("pyproject.toml", "README.md", "LICENSE", ".gitignore"):
        shutil.copy(ROOT / name, tree)
    kept = shutil.ignore_patterns("__pycache__", "*.safetensors")
    shutil.copytree(ROOT / "src", tree / "src", ignore=kept)
    shutil.copytree(world / "weights" / "pendulum", tree / "src" / "vdsm" / "weights" / "named")
    yield tree
    shutil.rmtree(tree)


def test_the_wheel_holds_the_weights(tree: Path, tmp_path: Path) -> None:
    """Every file of a shipped model, and the templates."""
    build = pytest.importorskip("hatchling.builders.wheel", reason="hatchling builds the package")
    (wheel,) = build.WheelBuilder(str(tree)).build(directory=str(tmp_path), versions=["standard"])
    names = set(zipfile.ZipFile(wheel).namelist())
    folder = tree / "src" / "vdsm" / "weights" / "named"
    wanted = {f"vdsm/weights/named/{p.relative_to(folder)}" for p in folder.rglob("*.*")}
    assert len(wanted) == 6
    assert names >= wanted | {"vdsm/card/card.md", "vdsm/report/page.html"}
