"""`vdsm train`: train all stages of a method, or resume."""

from dataclasses import replace
from pathlib import Path

from vdsm.config import RunConfig, override
from vdsm.data import open_clips
from vdsm.device import pick_device
from vdsm.errors import InputError
from vdsm.files import read_json
from vdsm.methods.table import METHODS, method_of
from vdsm.options import flag_help, parse_flags
from vdsm.screen import screen
from vdsm.store.run import Run, is_run
from vdsm.train.loop import require_rows
from vdsm.train.method import Method, Size
from vdsm.train.processes import Processes, started
from vdsm.training import CARRIED_OUT, settings, sit_beside

USAGE = (
    "usage: vdsm train DATA --preset NAME --out RUN [--method NAME] [--size paper] [--resume]\n"
    "                  [--field value]"
)
SEVERAL = "several processes train one model: torchrun --nproc-per-node 2 -m vdsm train DATA ..."


def train_help(name: str | None, size: Size | None, method: str | None) -> str:
    """Usage, and every field with its value in the preset."""
    chosen = method_of(method or "vdsm")
    name = name or ("sprites" if "sprites" in chosen.presets else chosen.presets[0])
    fields = flag_help(chosen.config, chosen.preset(name, size or "compact"))
    methods = "\n".join(f"  {key:<14} {text}" for key, text in METHODS.items())
    presets = f"presets of {chosen.name}: {', '.join(chosen.presets)}"
    return (
        f"{USAGE}\n{SEVERAL}\n\nmethods:\n{methods}\n\n{presets}\n\n"
        f"fields of {chosen.name} [value in {name}]:\n{fields}"
    )


def train_command(
    data: Path | None,
    name: str | None,
    size: Size | None,
    out: Path | None,
    words: list[str],
    resume: bool,
    method: str | None = None,
) -> None:
    """Start or resume the run in folder `out`, and sit beside it."""
    if out is None:
        raise InputError("vdsm train: --out is needed: the folder of the run")
    changes = parse_flags(words, "vdsm train")
    before = Run.open(out).config.device if resume and is_run(out) else "auto"
    with started(changes.get("device", before)) as processes:
        if resume:
            run = processes.once(lambda: reopen(out, name, size, method, changes))
            clips = processes.each(lambda: run.clips(data))
            processes.each(lambda: check_possible(run.config, run.recipe, processes))
        else:
            if data is None:
                raise InputError("vdsm train: DATA is needed: a folder made by 'vdsm data'")
            recipe = method_of(method or "vdsm")
            clips = processes.each(lambda: open_clips(data))
            config, used = processes.once(
                lambda: settings(clips, recipe, name, size or "compact", changes)
            )
            processes.each(lambda: check_possible(config, recipe, processes))
            run = processes.once(
                lambda: Run.create(out, config, data, used, size or "compact", recipe.name)
            )
        console = screen(quiet=not processes.first)
        if not resume:
            begun = f"{run.recipe.title}: preset {used}, size {size or 'compact'}"
            console.print(begun, soft_wrap=True)
        if remark := run.recipe.remark(run.config, clips):
            console.print(f"{clips.path}: {remark}", soft_wrap=True)
        again = f"vdsm train --resume --out {out}"
        sit_beside(run, clips, console, again, processes)


def check_possible(config: RunConfig, method: Method, processes: Processes) -> None:
    """InputError, before anything is written, where these processes cannot train so."""
    pick_device(config.device)
    require_rows(method.stages(config), processes)


def reopen(
    out: Path, name: str | None, size: Size | None, method: str | None, changes: dict[str, str]
) -> Run:
    """The run in folder `out`, which keeps its settings but for how they are carried out."""
    run = Run.open(out)
    others = {k: v for k, v in changes.items() if k not in CARRIED_OUT}
    refuse_changes(run, name, size, method, others)
    return replace(run, config=override(run.config, changes, "vdsm train --resume"))


def refuse_changes(
    run: Run, name: str | None, size: Size | None, method: str | None, changes: dict[str, str]
) -> None:
    """A resumed run keeps its settings: schedules are functions of them."""
    record = read_json(run.path / "run.json")
    start = {"preset": name, "size": size, "method": method}
    others = {k: v for k, v in start.items() if v is not None and v != record.get(k)}
    for field, value in changes.items():
        if override(run.config, {field: value}, "vdsm train --resume") != run.config:
            others[field] = value
    if others:
        flags = " ".join(f"--{k} {v}" for k, v in others.items())
        raise InputError(
            f"{run.path} was not started with {flags}: a resumed run keeps its settings; "
            "start a new run to change them"
        )
