"""Tars of WebDataset to a dataset: a clip as video or array, and .json, .cls, .txt beside it.

A tar is read twice from its beginning to its end, so that compressed ones do as well: names and
labels first, then clips, one in memory at a time.
"""

import re
import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from vdsm.data.arrays.keys import ending
from vdsm.data.arrays.layout import find_clip_layout, parse_layout
from vdsm.data.arrays.options import ArraysOptions
from vdsm.data.arrays.parts import Found
from vdsm.data.arrays.roles import words
from vdsm.data.arrays.rows import Columns, Rows, sort_out
from vdsm.data.arrays.samples import Content, Sample, members, read_array, samples_of
from vdsm.data.arrays.values import Axes, Extremes, Range, to_bytes
from vdsm.data.arrays.write import bar, check_kept, describe, fitted, say, writer
from vdsm.data.clips import Frames, Info
from vdsm.data.folder.levels import split_of
from vdsm.data.folder.rows import write_csv
from vdsm.errors import InputError
from vdsm.video import VIDEO_SUFFIXES, read_video
from vdsm.words import counted

REPORT = "broken.csv"


class TooShort(InputError):
    """A clip that is read and has too few frames: left out, as in folders."""


def make_of_tars(
    out: Path, tars: Sequence[Path], options: ArraysOptions, limits: Range | None
) -> None:
    """Write the dataset of all samples in some tars."""
    found = Found([])
    extremes = Extremes(str(options.source))
    samples: list[Sample] = []
    for shard in tars:
        samples += samples_of(shard, options, found, extremes if limits is None else None)
    if not samples:
        kinds = ", ".join(suffix.removeprefix(".") for suffix in VIDEO_SUFFIXES)
        raise InputError(f"{options.source} holds no clip: expected npy, {kinds} in its tars")
    shapes = [sample.shape for sample in samples if sample.shape]
    layout = _layout(shapes, options) if shapes else ""
    limits = limits or (extremes.range() if shapes else (0, 255))
    _split_by_shards(samples, tars)
    rows = sort_out(found, _columns(samples, options, found), options)
    check_kept(int((rows.length > 0).sum()), len(samples), options)
    grey = options.grey or (len(shapes) == len(samples) and _channels(layout, shapes) == 1)
    endings = Counter(ending(sample.member) for sample in samples)
    what: dict[str, Any] = {"tars": len(tars)}
    if shapes:
        what |= {"layout": layout, "range": list(limits)}
    name = (options.source if options.source.exists() else tars[0].parent).resolve().name
    name = re.sub(r"(\.tar)?(\.\w+)?$", "", name) or "tars"
    info = Info(name, options.size, 1 if grey else 3, rows.factors, describe(options, what))
    _say(options, tars, endings, rows, found)
    _write(out, info, samples, rows, layout, limits, options)


def _split_by_shards(samples: Sequence[Sample], tars: Sequence[Path]) -> None:
    """Splits from names such as train-000.tar and val-000.tar, where no clip has one."""
    called = {}
    for shard in tars:
        splits = {split_of(word) for word in words(shard.name)} - {None}
        called[shard] = splits.pop() if len(splits) == 1 else None
    if len(set(called.values())) > 1 and not any(sample.split for sample in samples):
        for sample in samples:
            sample.split = called[sample.shard] or "train"


def _columns(samples: Sequence[Sample], options: ArraysOptions, found: Found) -> Columns:
    """What is known of all samples, as of arrays. Captions, all different, are no labels."""
    names = dict.fromkeys(name for sample in samples for name in sample.values)
    values = {name: [sample.values.get(name) for sample in samples] for name in names}
    texts = values.get("text", [])
    if len(set(texts)) > max(1, len(texts) // 2):
        del values["text"]
        found.passed["txt"] = "captions, most of them different"
    split = [sample.split for sample in samples]
    if any(split):
        split = [called or "train" for called in split]
    group = [sample.group for sample in samples]
    return Columns([options.min_length] * len(samples), values, split, group)


def _layout(shapes: Sequence[tuple[int, ...]], options: ArraysOptions) -> str:
    if options.layout is None:
        return find_clip_layout(str(options.source), shapes)
    for shape in shapes:
        layout = parse_layout(options.layout, str(options.source), shape)
    if "n" in layout:
        raise InputError(f"layout '{layout}': in tars each array is one clip, leave the n out")
    return layout


def _channels(layout: str, shapes: Sequence[tuple[int, ...]]) -> int:
    return max(shape[layout.index("c")] if "c" in layout else 1 for shape in shapes)


def _say(
    options: ArraysOptions, tars: Sequence[Path], kinds: Counter[str], rows: Rows, found: Found
) -> None:
    kinds_said = ", ".join(f"{count} {kind}" for kind, count in kinds.items())
    says = [f"{options.source.name}: {counted(len(tars), 'tar')}, clips {kinds_said}"]
    for role in ("identity", "action"):
        names = [factor.name for factor in rows.factors if factor.role == role]
        says += [f"{role}: {', '.join(names)}"] if names else []
    counts = Counter(rows.split)
    says.append("split " + ", ".join(f"{count} {split}" for split, count in counts.items()))
    if found.passed:
        says.append("note " + ", ".join(f"{k} ({v})" for k, v in found.passed.items()))
    say("; ".join(says))


def _write(
    out: Path,
    info: Info,
    samples: Sequence[Sample],
    rows: Rows,
    layout: str,
    limits: Range,
    options: ArraysOptions,
) -> None:
    number = {(s.shard, s.member): i for i, s in enumerate(samples)}
    left_out: list[tuple[str, str, str]] = []
    with writer(out, info) as clips, bar(len(samples)) as advance:
        for shard in dict.fromkeys(sample.shard for sample in samples):
            for name, content in members(shard):
                row = number.get((shard, name))
                if row is None:
                    continue
                advance()
                try:
                    frames = _clip(samples[row], content, layout, limits, options, info.channels)
                except InputError as error:
                    if samples[row].shape and not isinstance(error, TooShort):
                        raise
                    kind = "short" if isinstance(error, TooShort) else "broken"
                    left_out.append((samples[row].name, kind, str(error)))
                    continue
                clips.add(
                    frames,
                    group=int(rows.group[row]),
                    split=rows.split[row],
                    labels={name: int(values[row]) for name, values in rows.labels.items()},
                )
        _check_left_out(left_out, len(samples), options)
    if left_out:
        write_csv(out / REPORT, ["path", "kind", "reason"], left_out)


def _check_left_out(
    left_out: Sequence[tuple[str, str, str]], all_of_them: int, options: ArraysOptions
) -> None:
    """Say what is left out; InputError where too much of it is broken, or nothing is left."""
    broken = [reason for _, kind, reason in left_out if kind == "broken"]
    if len(broken) > options.max_broken * all_of_them or len(left_out) == all_of_them:
        more = f", more than the share {options.max_broken:g} allowed" if broken else ""
        raise InputError(
            f"{len(left_out)} of {counted(all_of_them, 'clip')} cannot be used{more}; the first:"
            f" {(broken or [left_out[0][2]])[0]}"
        )
    if left_out:
        short = len(left_out) - len(broken)
        say(f"left out: {len(broken)} broken, {short} too short, of {all_of_them}: see {REPORT}")


def _clip(
    sample: Sample,
    content: Content,
    layout: str,
    limits: Range,
    options: ArraysOptions,
    channels: int,
) -> Frames:
    """uint8 [T, size, size, C] of one clip; InputError that names it."""
    if sample.shape is None:
        frames = _decode(sample, content.read(), options, channels)
    else:
        block = Axes(sample.name, read_array(sample.name, content.read()), layout).block(0, 1)
        frames = fitted(to_bytes(sample.name, 0, block, limits)[0], options, channels)
    if len(frames) < options.min_length:
        has = counted(len(frames), "frame")
        raise TooShort(f"{sample.name} has {has}, fewer than {options.min_length}")
    return frames


def _decode(sample: Sample, content: bytes, options: ArraysOptions, channels: int) -> Frames:
    """The frames of a video, which decoders read from a file."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"clip.{ending(sample.member)}"
        path.write_bytes(content)
        try:
            return read_video(path, size=options.size, crop=options.crop, grey=channels == 1)
        except InputError as error:
            raise InputError(str(error).replace(str(path), sample.name)) from error
