"""One training as a command sees it: settings that fit the data, a progress bar, a way to stop."""

import sys
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import replace
from signal import SIGTERM
from typing import Any

from rich.console import Console

from vdsm.config import RunConfig, override
from vdsm.data.clips import Clips
from vdsm.device import keep_freed_memory
from vdsm.loggers import logging
from vdsm.options import as_flag
from vdsm.progress import TrainingBar, stop_on_signal
from vdsm.store import who
from vdsm.store.run import Run
from vdsm.train.loop import Diverged, Events, Stopped, train
from vdsm.train.method import Method, Size
from vdsm.train.processes import ALONE, Processes
from vdsm.verdict import give

# What a resumed run may change: nothing that is learned depends on it but for rounding and, on
# another kind of device, for the noise, which each draws by its own generator.
CARRIED_OUT = (
    "device",
    "precision",
    "capture",
    "log_every",
    "picture_every",
    "checkpoint_every",
    "checkpoint_seconds",
    "minutes",
)


def carried_out_as(run: Run, config: RunConfig) -> Run | None:
    """The run, carried out as a config says; None where that differs in more."""
    how = {name: getattr(config, name) for name in CARRIED_OUT}
    return replace(run, config=config) if replace(run.config, **how) == config else None


def settings(
    clips: Clips,
    method: Method,
    name: str | None,
    size: Size,
    changes: Mapping[str, str],
    command: str = "vdsm train",
) -> tuple[RunConfig, str]:
    """The preset (by default the dataset's own), made to fit the data, with the user's changes.

    command: whom errors name.
    """
    name = name or method.usual(method, clips)
    fitted = {"model.size": str(clips.info.size), "model.channels": str(clips.info.channels)}
    plain = override(method.preset(name, size), fitted, command)
    plain = method.adapt(plain, override(plain, changes, command, as_flag), clips)
    return override(plain, changes, command, as_flag), name


def hold(run: Run, held: ExitStack) -> None:
    """Lock the run, whose settings nobody else then writes; for as long as the stack is open."""
    held.enter_context(run.locked())
    run.keep_config()


def sit_beside(
    run: Run,
    clips: Clips,
    console: Console,
    again: str,
    processes: Processes = ALONE,
    logger: str | None = None,
) -> None:
    """Train with a progress bar; save and leave on Ctrl-C or SIGTERM.

    again: the command that goes on from there. logger: what shows metrics and pictures too.
    """
    keep_freed_memory()
    bar = TrainingBar(console)
    with ExitStack() as held, stop_on_signal() as received, bar.bar:
        processes.once(lambda: hold(run, held))
        processes.once(lambda: who.write(run, clips))
        told = held.enter_context(logging(logger if processes.first else None, run))

        def tell(record: dict[str, Any]) -> None:
            bar.metrics(record)
            told(record)

        events = Events(tell, bar.message, lambda: bool(received))
        try:
            model = train(run, clips, events, processes)
        except Stopped as stopped:
            bar.message(f"{stopped}; continue with: {again}")
            raise SystemExit(128 + (received or [SIGTERM])[0]) from stopped  # or another process
        except Diverged as diverged:
            if processes.first:
                print(f"vdsm: {diverged}", file=sys.stderr)
            raise SystemExit(1) from diverged
    console.print(f"trained: {run.path}, see 'vdsm info {run.path}'", soft_wrap=True)
    if processes.first:
        for line in give(run, clips, model).lines:
            console.print(line, soft_wrap=True, highlight=False)
