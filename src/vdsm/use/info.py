"""What a dataset, a run or a model is, as a table."""

from dataclasses import asdict
from pathlib import Path

import numpy as np
from rich.table import Table

from vdsm.data import open_clips
from vdsm.data.clips import SPLITS, Clips, half_made, is_dataset
from vdsm.data.crop.store import TABLE as CROPS
from vdsm.data.crop.store import Cropped, read_crops
from vdsm.errors import InputError
from vdsm.files import check_writable, read_json
from vdsm.letters import legible
from vdsm.screen import screen
from vdsm.store import verdict, who
from vdsm.store.run import Run, is_run
from vdsm.store.shipped import CARD, examples, find
from vdsm.store.trained import read
from vdsm.store.weights import WEIGHTS, Stored, load
from vdsm.words import counted

MOST_CROPS = 30  # rows of the table of those that look wrong


def info(path: Path, out: Path | None) -> None:
    """Print what lies at `path`, or is shipped under that name.

    Of a dataset also draw it, if `out` is given.
    """
    console = screen()
    if not path.exists():
        path = find(path)
    if out is not None:
        check_writable(out, ".png")
        if path.exists() and not is_dataset(path):
            raise InputError(f"{path} is no dataset: --out draws the clips of one")
    if is_dataset(path):
        clips = open_clips(path)
        console.print(dataset_table(clips, path))
        crops = read_crops(path)
        if any(row.doubtful for row in crops):
            console.print(crops_table(crops))
        if out is not None:
            from vdsm.data.preview import preview

            preview(clips, out)
            console.print(f"{out}: clips, frame by frame", soft_wrap=True)
    elif is_run(path):
        console.print(run_table(path))
    elif (path / "config.json").exists():
        console.print(model_table(path))
    elif not path.exists():
        raise InputError(f"no dataset or run at {path}")
    elif half_made(path):
        open_clips(path)  # says so
    else:
        raise InputError(f"{path} is neither a dataset (dataset.json) nor a run (run.json)")


def dataset_table(clips: Clips, path: Path) -> Table:
    """Size, split, groups, factors, and how it was made."""
    table = Table(
        title=f"{path}: dataset {clips.info.name}", show_header=False, title_justify="left"
    )
    t = clips.table
    shortest, longest = int(t.length.min()), int(t.length.max())
    some = f"{shortest} to " if shortest < longest else ""
    each = some + counted(longest, "frame")
    channels = counted(clips.info.channels, "channel")
    table.add_row("frames", f"{clips.info.size} x {clips.info.size}, {channels}")
    table.add_row("clips", f"{len(clips):,} of {each}, {int(t.length.sum()):,} in all")
    splits = [f"{name} {int((t.split == i).sum()):,}" for i, name in enumerate(SPLITS)]
    table.add_row("split", ", ".join(splits))
    table.add_row("groups", counted(len(np.unique(t.group)), "individual"))
    for factor in clips.info.factors:
        shown = ", ".join(factor.values[:9]) + (", ..." if len(factor.values) > 9 else "")
        table.add_row(
            f"{factor.name}", f"{factor.role}, {counted(len(factor.values), 'value')}: {shown}"
        )
    for key, value in clips.info.made.items():
        table.add_row(f"made: {key}", str(value))
    table.add_row("fingerprint", clips.fingerprint[:16])
    return table


def crops_table(crops: list[Cropped]) -> Table:
    """What looks wrong with crops, a row for each file."""
    wrong = [row for row in crops if row.doubtful]
    title = f"crops that look wrong: {len(wrong):,} of {len(crops):,} (--out FILE.png shows them)"
    table = Table(title=title, title_justify="left")
    for name in ("file", "crop", "of", "what, and what to do"):
        table.add_column(name, overflow="fold")
    for row in wrong[:MOST_CROPS]:
        square = f"{row.side:.0f} at {row.x:.0f},{row.y:.0f}"
        name = f"{row.file} {row.part}".strip()
        table.add_row(legible(name), square, f"{row.width} x {row.height}", row.advice)
    if len(wrong) > MOST_CROPS:
        table.add_row(f"{len(wrong) - MOST_CROPS:,} more: see {CROPS}", "", "", "")
    return table


def run_table(path: Path) -> Table:
    """Dataset, progress, last metrics, weights and settings; InputError if any is damaged."""
    run = Run.open(path)
    table = Table(title=f"{path}: training run", show_header=False, title_justify="left")
    record = read_json(path / "run.json")
    table.add_row("method", f"{run.recipe.title} ({run.recipe.paper})")
    preset = ", size ".join(str(record[k]) for k in ("preset", "size") if k in record)
    table.add_row("preset", f"{preset}; seed {run.config.seed}")
    table.add_row("data", str(run.data))
    metrics = run.metrics()
    if metrics:
        last = metrics[-1]
        table.add_row("reached", f"{last['name']}, step {last['step']} of {last['steps']}")
        for term in ("log_pose", "log_likelihood", "kl_z", "kl_s", "kl_d"):
            if term in last:
                table.add_row(term, f"{last[term]:,.1f} nats per sequence")
    else:
        table.add_row("reached", "nothing yet")
    if (path / WEIGHTS).exists():
        table.add_row("weights", weights(path, load(path)))
        if (found := verdict.read(path)) is not None:
            table.add_row("verdict", "\n".join(found.lines))
    if (grouping := who.read(path)) is not None:
        table.add_row("who is who", grouping.said + scored(run, grouping))
    for group, fields in asdict(run.config).items():
        if isinstance(fields, dict):
            table.add_row(group, ", ".join(f"{k} {v}" for k, v in fields.items()))
    return table


def scored(run: Run, grouping: who.WhoIsWho) -> str:
    """What was found beside the data's own groups, where both are there."""
    if grouping.by != "found" or not is_dataset(run.data):
        return ""
    score = who.score(grouping, open_clips(run.data))
    return "" if score is None else f"; by the data's own groups {score}"


def weights(path: Path, stored: Stored) -> str:
    """How many and how large the weights of a run or a model are."""
    size = (path / WEIGHTS).stat().st_size / 1e6
    return f"{stored.parameters:,} parameters, {size:.1f} MB"


def model_table(path: Path) -> Table:
    """Sizes of a model that has no run beside it, and what is known of its training."""
    stored = load(path)
    trained = read(path)
    table = Table(title=f"{path}: trained model", show_header=False, title_justify="left")
    table.add_row("weights", weights(path, stored))
    table.add_row("model", ", ".join(f"{k} {v}" for k, v in stored.model.items()))
    if trained is not None:
        table.add_row(
            "trained on", f"{trained.dataset}, {counted(trained.frames, 'frame')} of a clip"
        )
        table.add_row("data fingerprint", trained.fingerprint[:16])
    if count := len(examples(path)):
        table.add_row("example clips", f"example:0 to example:{count - 1}")
    if (path / CARD).exists():
        table.add_row("model card", str(path / CARD))
    return table
