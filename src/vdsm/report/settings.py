"""What a run is, in words: dataset, duration, settings, and the command that makes it again."""

import shlex
from collections.abc import Mapping, Sequence
from typing import Any, cast, get_args

import numpy as np

from vdsm.config import RunConfig, describe
from vdsm.data.clips import SPLITS, Clips
from vdsm.store.run import Run
from vdsm.train.method import Size
from vdsm.words import counted

Facts = list[tuple[str, str]]
FITTED = ("model.size", "model.channels")  # follow from the dataset


def facts(run: Run, clips: Clips, record: Mapping[str, Any], weights: int) -> Facts:
    """Name and value of what a reader wants to know first."""
    metrics = run.metrics()
    c = clips.info
    n = {name: int((clips.table.split == i).sum()) for i, name in enumerate(SPLITS)}
    return [
        ("dataset", f"{c.name}, {c.size} x {c.size} pixels, {counted(c.channels, 'channel')}"),
        ("clips", ", ".join(f"{count:,} {name}" for name, count in n.items())),
        ("individuals", f"{len(np.unique(clips.table.group)):,}"),
        *[(f"{f.role} factor", f"{f.name}: {counted(len(f.values), 'value')}") for f in c.factors],
        ("reached", reached(metrics)),
        ("trained for", duration(metrics[-1]["seconds"] if metrics else 0)),
        ("parameters", f"{weights:,}"),
        ("version", f"vdsm {record.get('version', 'unknown')}"),
        ("data fingerprint", clips.fingerprint[:16]),
    ]


def reached(metrics: Sequence[Mapping[str, Any]]) -> str:
    """How far training has come."""
    if not metrics:
        return "nothing yet"
    last = metrics[-1]
    return f"{last['name']}, step {last['step']:,} of {last['steps']:,}"


def duration(seconds: float) -> str:
    """1 h 02 min, 12 min 30 s, or 41 s."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes_left = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes_left:02d} min"
    return f"{minutes} min {rest:02d} s" if minutes else f"{rest} s"


def command(run: Run, record: Mapping[str, Any]) -> str:
    """The `vdsm train` that started the run: preset, and every field that is not the preset's."""
    config, method = run.config, run.recipe
    name, size = str(record.get("preset")), str(record.get("size", "compact"))
    words = ["vdsm", "train", "DATA", "--preset", name]
    if method.name != "vdsm":
        words += ["--method", method.name]
    if size != "compact":
        words += ["--size", size]
    if name in method.presets and size in get_args(Size):
        start = method.preset(name, cast(Size, size))
        for field in describe(method.config):
            if field not in FITTED and value_of(config, field) != value_of(start, field):
                words += [f"--{field}", str(value_of(config, field))]
    return f"{shlex.join(words)} --out RUN"


def value_of(config: Any, field: str) -> Any:
    """The value of a dotted field."""
    for part in field.split("."):
        config = getattr(config, part)
    return config


def settings(config: RunConfig) -> list[tuple[str, str, str]]:
    """Every field with its value and what it means."""
    return [
        (field, str(value_of(config, field)), str(info.description))
        for field, info in describe(type(config)).items()
    ]
