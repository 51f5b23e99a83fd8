"""Makes a dataset of clips in arrays: recognizes, says what it took them for, writes."""

from collections import Counter
from pathlib import Path

from vdsm.data.arrays.containers import Container, open_container
from vdsm.data.arrays.layout import find_layout, parse_layout
from vdsm.data.arrays.options import ArraysOptions
from vdsm.data.arrays.packings import by_packing
from vdsm.data.arrays.parts import Found, by_names
from vdsm.data.arrays.rows import Rows, read_columns, sort_out
from vdsm.data.arrays.samples import find_tars
from vdsm.data.arrays.tars import make_of_tars
from vdsm.data.arrays.values import Axes, Range, find_range, parse_range, to_bytes
from vdsm.data.arrays.write import bar, check_kept, claimed, describe, fitted, say, writer
from vdsm.data.clips import Info
from vdsm.errors import InputError
from vdsm.video import parse_crop
from vdsm.words import counted


def make(out: Path, options: ArraysOptions) -> None:
    """Write the dataset folder `out` from arrays or tars; InputError names array and value."""
    parse_crop(options.crop)
    limits = parse_range(options.range) if options.range is not None else None
    with claimed(out):
        tars = find_tars(options.source)
        if tars:
            make_of_tars(out, tars, options, limits)
            return
        with open_container(options.source, out.resolve().parent) as container:
            found = find_clips(container, options)
            axes = [_axes(found, i, options) for i in range(len(found.parts))]
            rows = sort_out(found, read_columns(found, axes), options)
            _check(axes, rows, options)
            limits = limits or find_range(axes)
            say(_line(options, found, axes, rows, limits))
            _write(out, axes, rows, limits, options)


def find_clips(container: Container, options: ArraysOptions) -> Found:
    """The parts of a known packing, else by names. `--clips` asks for an array by its name."""
    found = by_packing(container) if options.clips is None else None
    return found or by_names(container, options.clips)


def _axes(found: Found, number: int, options: ArraysOptions) -> Axes:
    """One array of clips with its layout; all parts have the same."""
    part = found.parts[number]
    name = f"{options.source}: {part.name}"
    if 0 in part.clips.shape:
        raise InputError(f"{name} is empty: {list(part.clips.shape)}")
    if found.layout is None:
        lengths = [a.shape[0] for a in part.labels.values() if 1 <= len(a.shape) <= 4]
        shape = tuple(part.clips.shape)
        told = options.layout
        found.layout = (
            parse_layout(told, name, shape)
            if told is not None
            else find_layout(name, part.clips, lengths)
        )
    elif len(part.clips.shape) != len(found.layout):
        raise InputError(f"{name} is {list(part.clips.shape)}, {found.parts[0].name} is not")
    return Axes(name, part.clips, found.layout)


def _check(axes: list[Axes], rows: Rows, options: ArraysOptions) -> None:
    """InputError for clips that do not fit one another, that do not move, or none at all."""
    first = axes[0]
    for other in axes:
        if other.shape[2:] != first.shape[2:]:
            raise InputError(
                f"{other.name} has frames {list(other.shape[2:])} [H, W, C], {first.name} has"
                f" {list(first.shape[2:])}"
            )
        if other.stored.dtype.kind not in "biuf":
            raise InputError(f"{other.name} holds {other.stored.dtype}, not numbers")
        if other.size("t") < 2:
            raise InputError(
                f"{other.name} is {list(other.stored.shape)} [{_spelt(other.layout)}], clips of"
                " one frame: nothing moves in them; if time is another axis, give --layout"
            )
    check_kept(int((rows.length > 0).sum()), len(rows.length), options)


def _spelt(layout: str) -> str:
    return ", ".join(layout.upper())


def _line(options: ArraysOptions, found: Found, axes: list[Axes], rows: Rows, limits: Range) -> str:
    """What the arrays were taken for, in one line."""
    first = axes[0]
    kept = rows.length > 0
    frames = sorted({int(rows.length[kept].min()), int(rows.length[kept].max())})
    height, width = first.shape[2:4]
    says = [
        f"{options.source.name or options.source}: {found.what or 'clips'}"
        f" '{', '.join(part.name for part in found.parts[:3])}{', ...' * (len(axes) > 3)}'"
        f" [{_spelt(first.layout)}], {counted(int(kept.sum()), 'clip')} of"
        f" {' to '.join(map(str, frames))} frames, {width} x {height}"
        f"{'' if first.size('c') == 3 else ' grey'}",
        f"{first.stored.dtype} from {limits[0]:g} to {limits[1]:g}",
        *_roles(rows),
        "split " + ", ".join(f"{n} {s}" for s, n in Counter(
            s for s, k in zip(rows.split, kept, strict=True) if k).items()),
    ]  # fmt: skip
    if not kept.all():
        says.append(f"{int((~kept).sum())} left out, too short or without split")
    if found.passed:
        says.append("note " + ", ".join(f"{k} ({v})" for k, v in found.passed.items()))
    return "; ".join(says)


def _roles(rows: Rows) -> list[str]:
    """identity: a, b; action: c."""
    said = []
    for role in ("identity", "action"):
        names = [factor.name for factor in rows.factors if factor.role == role]
        said += [f"{role}: {', '.join(names)}"] if names else []
    return said or ["no labels"]


def _write(out: Path, axes: list[Axes], rows: Rows, limits: Range, options: ArraysOptions) -> None:
    channels = 1 if options.grey else axes[0].size("c")
    recognized = {"layout": axes[0].layout, "range": list(limits)}
    source = options.source.resolve()
    name = source.name if source.is_dir() else source.stem
    info = Info(name, options.size, channels, rows.factors, describe(options, recognized))
    at = 0
    with writer(out, info) as clips, bar(len(rows.length)) as advance:
        for part in axes:
            for start, block in part.blocks():
                for i in range(len(block)):
                    row, length = at + start + i, int(rows.length[at + start + i])
                    if length:
                        frames = to_bytes(part.name, start + i, block[i : i + 1, :length], limits)
                        clips.add(
                            fitted(frames[0], options, channels),
                            group=int(rows.group[row]),
                            split=rows.split[row],
                            labels={name: int(v[row]) for name, v in rows.labels.items()},
                        )
                    advance()
            at += part.shape[0]
