"""`vdsm train`: train all stages of a method, or resume."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import cast

from pydantic import Field

from vdsm.config import RunConfig, describe, override
from vdsm.data import open_clips
from vdsm.data.clips import Clips
from vdsm.device import pick_device
from vdsm.errors import InputError
from vdsm.files import expanded, read_json
from vdsm.loggers import Name, require
from vdsm.methods.table import METHODS, method_of
from vdsm.options import (
    as_flag,
    command_help,
    flag_help,
    others,
    position,
    record,
    split,
    wrapped,
)
from vdsm.options import read as read_record
from vdsm.screen import screen
from vdsm.store.run import Run, is_run
from vdsm.store.upgrade import MOVED
from vdsm.train import capture
from vdsm.train.loop import require_rows
from vdsm.train.method import Method, Size
from vdsm.train.processes import Processes, started
from vdsm.training import CARRIED_OUT, settings, sit_beside

SOURCE, RESUME = "vdsm train", "vdsm train --resume"
SEVERAL = "several processes: torchrun --nproc-per-node 2 -m vdsm train DATA ..."
# Names of fields, at any depth, that people change most; the others are shown by --help-all.
USUAL = ("steps", "batch", "lr", "frames", "who", "seed", "holdout_cells", "device")


@record
class Options:
    """Train a method on a dataset, or resume a run."""

    data: Path | None = position("DATA", "a folder made by 'vdsm data'", default=None)
    out: Path = Field(title="RUN", description="the folder of the run")
    method: str | None = Field(default=None, description="what to train, see below [vdsm]")
    preset: str | None = Field(
        default=None, description="settings to start from [the dataset's own]"
    )
    size: Size | None = Field(default=None, description="compact, paper or paper-compact [compact]")
    resume: bool = Field(default=False, description="continue RUN where it stopped")
    logger: Name | None = Field(
        default=None, description="metrics and pictures in tensorboard or wandb too"
    )
    fields: dict[str, str] = others()  # of the method's settings


def read(words: list[str]) -> Options:
    """The record, whose fields are those of the method: the one named, or the run's."""
    _, flags = split(words, SOURCE, describe(Options))
    config = method_asked(flags).config
    for name in flags:
        if name not in describe(Options) | describe(config):
            refuse_other(name, flags)
    return read_record(Options, words, SOURCE, config)


def method_asked(flags: Mapping[str, str]) -> Method:
    """By --method, or that of the run to be resumed."""
    out = flags.get("out", "")
    if "resume" in flags and "method" not in flags and is_run(expanded(out)):
        return Run.open(expanded(out)).recipe
    return method_of(flags.get("method", "vdsm"))


def refuse_other(name: str, flags: Mapping[str, str]) -> None:
    """InputError where a flag is one of other methods, or of an earlier version."""
    if now := MOVED.get(name):
        raise InputError(f"{SOURCE}: {as_flag(name)} is called {as_flag(now)} now")
    having = [key for key in METHODS if name in describe(method_of(key).config)]
    if having:
        mine = method_asked(flags).name
        raise InputError(
            f"{SOURCE}: {as_flag(name)} is a setting of {', '.join(having)}, not of {mine}: "
            f"leave it out, or name that --method (see '{SOURCE} --method {mine} --help-all')"
        )


def help(words: list[str], all: bool) -> str:
    """Usage, and fields with their values in the preset: those often changed, or all."""
    _, flags = split(words, SOURCE, describe(Options))
    method = method_asked(flags)
    name = flags.get("preset") or ("sprites" if "sprites" in method.presets else method.presets[0])
    size = cast(Size, flags.get("size", "compact"))
    fields = list(describe(method.config))
    shown = fields if all else [f for f in fields if f.split(".")[-1] in USUAL]
    more = f"{len(fields) - len(shown)} more: {SOURCE} --method {method.name} --help-all"
    lines = [
        f"presets: {', '.join(method.presets)}",
        f"fields of {method.name} [value in preset {name}]:\n"
        + flag_help(method.config, method.preset(name, size), shown),
    ]
    return command_help(
        Options,
        SOURCE,
        end="\n".join([wrapped(f"methods: {', '.join(METHODS)}"), *map(wrapped, lines)]),
    ) + ("" if all else f"\n{more}\n{SEVERAL}")


def run(options: Options) -> None:
    """Start or resume the run in its folder, and sit beside it."""
    out, data, changes = options.out, options.data, options.fields
    require(options.logger)
    before = Run.open(out).config.device if options.resume and is_run(out) else "auto"
    with started(changes.get("device", before)) as processes:
        if options.resume:
            run = processes.once(lambda: reopen(options))
            clips = processes.each(lambda: run.clips(data))
            processes.each(lambda: check_possible(run.config, run.recipe, processes))
        else:
            run, clips = begin(options, processes)
        console = screen(quiet=not processes.first)
        if remark := run.recipe.remark(run.config, clips):
            console.print(f"{clips.path}: {remark}", soft_wrap=True)
        again = f"vdsm train --resume --out {out}"
        again += f" --logger {options.logger}" if options.logger else ""
        sit_beside(run, clips, console, again, processes, options.logger)


def begin(options: Options, processes: Processes) -> tuple[Run, Clips]:
    """A new run, its settings from the preset, the data and the user."""
    data, size = options.data, options.size or "compact"
    if data is None:
        raise InputError("vdsm train: DATA is needed: a folder made by 'vdsm data'")
    recipe = method_of(options.method or "vdsm")
    clips = processes.each(lambda: open_clips(data))
    config, used = processes.once(
        lambda: settings(clips, recipe, options.preset, size, options.fields)
    )
    processes.each(lambda: check_possible(config, recipe, processes))
    run = processes.once(lambda: Run.create(options.out, config, data, used, size, recipe.name))
    begun = f"{recipe.title}: preset {used}, size {size}"
    screen(quiet=not processes.first).print(begun, soft_wrap=True)
    return run, clips


def check_possible(config: RunConfig, method: Method, processes: Processes) -> None:
    """InputError, before anything is written, where these processes cannot train so."""
    device, plan = pick_device(config.device), method.stages(config)
    require_rows(plan, processes)
    capture.require(config.capture, plan, device, processes.count)


def reopen(options: Options) -> Run:
    """The run in its folder, which keeps its settings but for how they are carried out."""
    run = Run.open(options.out)
    refuse_changes(run, options)
    return replace(run, config=override(run.config, options.fields, RESUME, as_flag))


def refuse_changes(run: Run, options: Options) -> None:
    """A resumed run keeps its settings: schedules are functions of them."""
    kept = read_json(run.path / "run.json")
    start = {"preset": options.preset, "size": options.size, "method": options.method}
    known = {"method": run.method} | kept
    others = {k: v for k, v in start.items() if v is not None and v != known.get(k)}
    for field, value in options.fields.items():
        changed = override(run.config, {field: value}, RESUME, as_flag) != run.config
        if changed and field not in CARRIED_OUT:
            others[field] = value
    if others:
        flags = " ".join(f"{as_flag(k)} {v}" for k, v in others.items())
        raise InputError(
            f"{run.path} was not started with {flags}: a resumed run keeps its settings; "
            "start a new run to change them"
        )
