"""`vdsm ablate`: the ablation of App. G, the same run with the bank of decoders and with one.

The paper's single decoder is given "only the inferred mixing coefficient as a latent variable", ŝ.
With one decoder N_s is 1, so that p(s) = N(0, 1).
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, cast

from pydantic import Field
from rich.console import Console
from rich.table import Table

from vdsm.config import build, describe, override, suggest
from vdsm.data import open_clips
from vdsm.errors import InputError
from vdsm.evaluate import Settings
from vdsm.evaluate.bar import progress_bar
from vdsm.evaluate.readings import Readings
from vdsm.evaluate.result import FILE
from vdsm.evaluate.run import evaluate_run
from vdsm.figures import Scene, action_transfer, identity_pose_grid
from vdsm.figures.layout import beside, enlarge, stacked, titled
from vdsm.files import atomic_write, claim_folder
from vdsm.methods.vdsm.config import Config
from vdsm.methods.vdsm.recipe import METHOD
from vdsm.options import as_flag, others, position, record, split, typed
from vdsm.screen import screen
from vdsm.store.run import Run, is_run
from vdsm.train.method import Size
from vdsm.training import carried_out_as, settings, sit_beside
from vdsm.use.scene import SceneOptions, scene_of
from vdsm.video import write_clips, write_picture

SOURCE = "vdsm ablate"
EVALUATE = "evaluate."  # flags of the evaluation begin with this
VARIANTS: Mapping[str, Mapping[str, str]] = {
    "bank": {},
    "single": {"model.experts": "1", "model.decoder_input": "s_hat"},
}
NUMBERS = {
    "swap: motion of the action's clip": "unlabelled.motion.action",
    "swap: colours of the identity's clip": "unlabelled.colours.identity",
    "PSNR, dB": "reconstruction.psnr",
    "SSIM": "reconstruction.ssim",
}
TITLES = {"bank": "bank of decoders", "single": "one decoder (App. G)"}


@record
class Options:
    """Train DATA twice, in DIR/bank and DIR/single: with the bank of decoders and with one.

    Measures both, and writes ablation.json, ablation.png and ablation.gif. Started again, it goes
    on where it was. Flags of 'vdsm train' are taken too, and of 'vdsm evaluate' as
    --evaluate.floor.
    """

    data: Path = position("DATA", "a dataset")
    out: Path = Field(title="DIR", description="folder for both runs")
    preset: str | None = Field(
        default=None, description="settings to start from [the dataset's own]"
    )
    size: Size = Field(default="compact", description="compact, paper or paper-compact")
    test_clips: int = Field(
        default=0, ge=0, title="N", description="test clips to measure, 0 for all"
    )
    fields: dict[str, str] = others()  # of the training, and of the evaluation


def read(words: list[str]) -> Options:
    """The record; its other fields are looked at where they are parted."""
    known = describe(Options)
    places, flags = split(words, SOURCE, describe(Config) | known)
    rest = {k: v for k, v in flags.items() if k not in known}
    split_flags(rest)  # refuses those that there are not
    return typed(Options, flags, SOURCE, places, dict.fromkeys(rest, known["fields"]))


def run(options: Options) -> None:
    """Train, measure and compare both variants."""
    data, out = options.data, options.out
    changes, measuring = split_flags(options.fields)
    clips = open_clips(data)
    asked, used = settings(clips, METHOD, options.preset, options.size, changes, SOURCE)
    if not is_run(out / "bank"):
        claim_folder(out)
    console = screen()
    for variant, config in variants(cast(Config, asked)).items():
        console.rule(f"{TITLES[variant]}: training")
        begun = start(out / variant, config, data, used, options.size)
        sit_beside(begun, clips, console, "the same command")
    compare(out, data, asked.device, measuring, options.test_clips, console)


def variants(config: Config) -> dict[str, Config]:
    """Settings of each run.

    Where these have one decoder, as presets for few individuals do, the bank is the paper's,
    N_s = κ_s.
    """
    bank = {} if config.model.num_experts > 1 else {"model.experts": "0"}
    return {name: override(config, bank | dict(c), SOURCE) for name, c in VARIANTS.items()}


def split_flags(flags: Mapping[str, str]) -> tuple[dict[str, str], Settings]:
    """Fields of the training, and settings of the evaluation."""
    own = {k: v for k, v in flags.items() if not k.startswith(EVALUATE)}
    rest = {k.removeprefix(EVALUATE): v for k, v in flags.items() if k.startswith(EVALUATE)}
    training, measuring = describe(Config), describe(Settings)
    for name in rest:
        if name not in measuring:
            near = suggest(name, list(measuring), as_evaluation)
            raise InputError(f"{SOURCE}: unknown option {as_evaluation(name)}{near}")
    for name in own:
        if name not in training:
            near = suggest(name, [*describe(Options), *training], as_flag)
            if name in measuring:
                near = f"; of the evaluation it is {as_evaluation(name)}"
            near = near or f" (see '{SOURCE} --help')"
            raise InputError(f"{SOURCE}: unknown option {as_flag(name)}{near}")
    return own, build(Settings, rest, SOURCE, as_evaluation)


def as_evaluation(name: str) -> str:
    """A setting of the evaluation as it is typed."""
    return as_flag(EVALUATE + name)


def start(path: Path, config: Config, data: Path, used: str, size: str) -> Run:
    """The run of a variant, new or from before."""
    if not is_run(path):
        return Run.create(path, config, data, used, size)
    run = carried_out_as(Run.open(path), config)
    if run is None:
        raise InputError(f"{path} was started with other settings: choose another --out")
    run.clips(data)
    return run


def compare(
    out: Path, data: Path, device: str, measuring: Settings, test_clips: int, console: Console
) -> None:
    """Measure both runs; write and print what differs. device: where pictures are drawn."""
    results: dict[str, dict[str, Any]] = {}
    for variant in VARIANTS:
        with progress_bar(console) as bar:
            results[variant] = evaluate_run(
                out / variant, data, measuring, test_clips, out / "judges", bar
            )
        atomic_write(out / variant / FILE, json.dumps(results[variant], indent=2).encode())
    atomic_write(out / "ablation.json", json.dumps(results, indent=2).encode())
    shown = SceneOptions(device=device)
    scenes = [scene_of(out / variant, data, shown) for variant in VARIANTS]
    draw(scenes, out)
    console.print(side_by_side(results))
    console.print(
        f"{out}: ablation.json, ablation.png, ablation.gif; in full: vdsm report {out / 'bank'}",
        soft_wrap=True,
    )


def side_by_side(results: Mapping[str, Mapping[str, Any]]) -> Table:
    """The figures that tell whether identity and motion came apart, a column for each variant."""
    table = Table(title="App. G: bank of decoders and one decoder, percent", title_justify="left")
    table.add_column("")
    for variant in results:
        table.add_column(TITLES[variant], justify="right")
    table.add_column("chance", justify="right")
    columns = [Readings(result) for result in results.values()]
    roles = results["bank"].get("roles") or {}
    asked = labelled(columns[0], roles) if roles else unlabelled(columns[0])
    for label, key, chance in asked:
        usual = columns[0].value(chance)
        shown = "" if usual is None else f"{100 * usual:.1f}"
        table.add_row(label, *(figures.percent(key) for figures in columns), shown)
    for label, key in NUMBERS.items():
        if any(figures.value(key) is not None for figures in columns):
            table.add_row(label, *(figures.number(key, 2) for figures in columns))
    return table


def unlabelled(figures: Readings) -> Iterator[tuple[str, str, str]]:
    """The same of what needs no label."""
    for code in figures.children("unlabelled.cycle"):
        key = f"unlabelled.cycle.{code}"
        yield f"swaps: {code} nearest to the right clip's", f"{key}.nearest", f"{key}.chance"
        yield f"swaps: {code} nearer to the right one of two", f"{key}.between", ""


def labelled(figures: Readings, roles: Mapping[str, str]) -> Iterator[tuple[str, str, str]]:
    """(what it says, key of the figure, key of its chance)."""
    yield "judges agree on reconstructions", "paper.accuracy_consistency", ""
    yield "swaps: all factors right", "swap.joint", ""
    for factor in roles:
        key = f"swap.factors.{factor}"
        yield f"swaps: {factor} right", f"{key}.on_target", f"{key}.chance"
    for factor, role in roles.items():
        other = "d" if role == "identity" else "s"
        for probe in figures.children(f"leakage.{other}.{factor}"):
            key = f"leakage.{other}.{factor}.{probe}"
            if figures.value(f"{key}.chance") is not None:
                yield f"leak: {factor} from {other}, {probe}", f"{key}.accuracy", f"{key}.chance"


def draw(scenes: list[Scene], out: Path) -> None:
    """ablation.png: swaps of frames, and a frame of swaps of d; ablation.gif: these moving."""
    stills, moving = [], []
    for scene, title in zip(scenes, TITLES.values(), strict=True):
        clips = scene.clips
        middle = scene.trained // 2
        poses = identity_pose_grid(scene.model, clips[:, middle : middle + 1])
        swaps = action_transfer(scene.model, clips, clips)
        sheets = [
            titled(scene.enlarge(poses), f"{title}: s of row, z of column"),
            titled(scene.enlarge(swaps[middle]), f"{title}: s of row, d of column"),
        ]
        stills.append(stacked(sheets))
        moving.append(titled(enlarge(swaps, scene.scale), title))
    write_picture(out / "ablation.png", beside(stills))
    write_clips(out / "ablation.gif", beside(moving))
