"""`vdsm train`: train both stages, or resume."""

import sys
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from signal import SIGTERM

from rich.console import Console

from vdsm.config import Config, override
from vdsm.data import open_clips
from vdsm.data.clips import Clips
from vdsm.device import keep_freed_memory, pick_device
from vdsm.errors import InputError
from vdsm.files import read_json
from vdsm.options import flag_help, parse_flags
from vdsm.presets import NAMES, Size, preset, ungrouped
from vdsm.progress import TrainingBar, stop_on_signal
from vdsm.screen import screen
from vdsm.train import rules
from vdsm.train.loop import Diverged, Events, Stopped, require_rows, train
from vdsm.train.processes import ALONE, Processes, started
from vdsm.train.run import Run, is_run
from vdsm.train.stages import individuals, stages

USAGE = "usage: vdsm train DATA --preset NAME --out RUN [--size paper] [--resume] [--field value]"
SEVERAL = "several processes train one model: torchrun --nproc-per-node 2 -m vdsm train DATA ..."
# What a resumed run may change: nothing that is learned depends on it but for rounding and, on
# another kind of device, for the noise, which each draws by its own generator.
CARRIED_OUT = {
    "device",
    "precision",
    "log_every",
    "picture_every",
    "checkpoint_every",
    "checkpoint_seconds",
}
ALONE_EACH = (
    "{}: every clip counts as an individual of its own; identity is learned better where the data "
    "say which clips show the same one (docs/data-folder.md)"
)


def train_help(name: str | None, size: Size | None) -> str:
    """Usage, and every field with its value in the preset."""
    name = name or "sprites"
    fields = flag_help(Config, preset(name, size or "compact"))
    presets = f"presets: {', '.join(NAMES)}"
    return f"{USAGE}\n{SEVERAL}\n\n{presets}\n\nfields [value in {name}]:\n{fields}"


def train_command(
    data: Path | None,
    name: str | None,
    size: Size | None,
    out: Path | None,
    words: list[str],
    resume: bool,
) -> None:
    """Start or resume the run in folder `out`, and sit beside it."""
    if out is None:
        raise InputError("vdsm train: --out is needed: the folder of the run")
    changes = parse_flags(words, "vdsm train")
    before = Run.open(out).config.device if resume and is_run(out) else "auto"
    with started(changes.get("device", before)) as processes:
        if resume:
            run = processes.once(lambda: reopen(out, name, size, changes))
            clips = processes.each(lambda: run.clips(data))
            processes.each(lambda: check_possible(run.config, processes))
        else:
            if data is None:
                raise InputError("vdsm train: DATA is needed: a folder made by 'vdsm data'")
            clips = processes.each(lambda: open_clips(data))
            config, used = processes.once(lambda: settings(clips, name, size or "compact", changes))
            processes.each(lambda: check_possible(config, processes))
            run = processes.once(lambda: Run.create(out, config, data, used, size or "compact"))
        console = screen(quiet=not processes.first)
        if not resume:
            console.print(f"preset {used}, size {size or 'compact'}", soft_wrap=True)
        people = individuals(clips, run.config)
        if people.found is not None:
            console.print(str(people.found), soft_wrap=True)
        elif not people.grouped:
            console.print(ALONE_EACH.format(clips.path), soft_wrap=True)
        again = f"vdsm train --resume --out {out}"
        sit_beside(run, clips, console, again, processes)


def check_possible(config: Config, processes: Processes) -> None:
    """InputError, before anything is written, where these processes cannot train so."""
    pick_device(config.device)
    require_rows(stages(config), processes)


def reopen(out: Path, name: str | None, size: Size | None, changes: dict[str, str]) -> Run:
    """The run in folder `out`, which keeps its settings but for how they are carried out."""
    run = Run.open(out)
    refuse_changes(run, name, size, {k: v for k, v in changes.items() if k not in CARRIED_OUT})
    return replace(run, config=override(run.config, changes, "vdsm train --resume"))


def carried_out_as(run: Run, config: Config) -> Run | None:
    """The run, carried out as a config says; None where that differs in more."""
    how = {name: getattr(config, name) for name in CARRIED_OUT}
    return replace(run, config=config) if replace(run.config, **how) == config else None


def settings(
    clips: Clips, name: str | None, size: Size, changes: dict[str, str], command: str = "vdsm train"
) -> tuple[Config, str]:
    """The preset (by default the dataset's own), made to fit the data, with the user's changes.

    command: whom errors name.
    """
    maker = str(clips.info.made.get("maker"))  # a folder of videos may have any name
    name = name or (maker if maker in NAMES else "folder")
    fitted = {"model.size": str(clips.info.size), "model.channels": str(clips.info.channels)}
    changes = fitted | changes
    plain = preset(name, size)
    if name == "auto" and size == "compact":
        plain = rules.fit(plain, clips)
    config = override(plain, changes, command)
    people = individuals(clips, config)
    if plain.contrast.steps and not (people.grouped and len(people.members) > 1):
        config = override(ungrouped(plain), changes, command)
    return config, name


def refuse_changes(run: Run, name: str | None, size: Size | None, changes: dict[str, str]) -> None:
    """A resumed run keeps its settings: schedules are functions of them."""
    record = read_json(run.path / "run.json")
    start = {"preset": name, "size": size}
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


def hold(run: Run, held: ExitStack) -> None:
    """Lock the run, whose settings nobody else then writes; for as long as the stack is open."""
    held.enter_context(run.locked())
    run.keep_config()


def sit_beside(
    run: Run, clips: Clips, console: Console, again: str, processes: Processes = ALONE
) -> None:
    """Train with a progress bar; save and leave on Ctrl-C or SIGTERM.

    again: the command that goes on from there.
    """
    keep_freed_memory()
    bar = TrainingBar(console)
    with ExitStack() as held, stop_on_signal() as received, bar.bar:
        processes.once(lambda: hold(run, held))
        events = Events(bar.metrics, bar.message, lambda: bool(received))
        try:
            train(run, clips, events, processes)
        except Stopped as stopped:
            bar.message(f"{stopped}; continue with: {again}")
            raise SystemExit(128 + (received or [SIGTERM])[0]) from stopped  # or another process
        except Diverged as diverged:
            if processes.first:
                print(f"vdsm: {diverged}", file=sys.stderr)
            raise SystemExit(1) from diverged
    console.print(f"trained: {run.path}, see 'vdsm info {run.path}'", soft_wrap=True)
