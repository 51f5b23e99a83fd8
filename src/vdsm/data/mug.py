"""MUG: faces that perform six expressions, from a licensed copy in either layout in use.

Paper, Sec. 4: "3528 videos of 52 individuals performing different facial expressions for anger,
disgust, fear, happiness, sadness, and surprise ... downsampled by a factor of two ... aligned
using OpenFace, centre cropped, and resized to 64x64 ... Random segments of length 16 frames ...
a 15% holdout set". Whole clips are stored; training cuts random segments from them.

The database: N. Aifanti, C. Papachristou, A. Delopoulos, https://mug.ee.auth.gr/fed
"""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, Literal

import numpy as np
from pydantic import Field
from pydantic.dataclasses import dataclass as options_dataclass
from rich.progress import track

from vdsm.config import Seed
from vdsm.data.clips import SPLITS, ClipWriter, Factor, Frames, Info, Ints, three_splits
from vdsm.data.maker import provenance
from vdsm.data.mug_npz import check_clip, expression_codes, load_array
from vdsm.errors import InputError
from vdsm.screen import screen
from vdsm.video import IMAGE_SUFFIXES, Fit, natural_key, parse_crop, read_video
from vdsm.words import counted

EXPRESSIONS = ("anger", "disgust", "fear", "happiness", "sadness", "surprise")
CLIPS_FILE, LABELS_FILE = "MUG_0-255_OF_112x112_color.npz", "labels.npz"
CODES = "0=anger,1=disgust,3=fear,4=happiness,7=sadness,8=surprise"
AT_ONCE = 32  # clips read ahead of the writer
BROKEN_SHARE = 0.05  # more broken clips than this are an error


@options_dataclass(frozen=True)
class MugOptions:
    """Options of `vdsm data mug`."""

    source: Path = Field(description="the tree subject/expression/take/*.jpg, or the authors' npz")
    size: Literal[32, 64, 128] = Field(default=64, description="side of a frame in pixels")
    every: int = Field(default=2, ge=1, description="keep every n-th frame")
    crop: str = Field(default="centre", description="centre, square, or a box x,y,width,height")
    min_frames: int = Field(default=16, ge=1, description="clips with fewer frames are left out")
    holdout: Literal["clip", "person"] = Field(
        default="clip", description="what is held out: clips or whole persons"
    )
    test_share: float = Field(default=0.15, gt=0, lt=1, description="share that is held out")
    validation_share: float = Field(
        default=0.1, ge=0, lt=1, description="share held out of training for choices; 0: none"
    )
    seed: Seed = Field(default=0, description="seed of the split")
    labels: Path | None = Field(
        default=None, description=f"npz: file of labels, if it is not {LABELS_FILE} beside source"
    )
    clips_key: str = Field(default="arr_0", description="npz: name of the array of clips")
    labels_key: str = Field(
        default="arr_0", description="npz: name of the labels, [N] expression or [N, 2] who, what"
    )
    identity_key: str | None = Field(
        default=None, description="npz: name of an array [N] of persons in the file of labels"
    )
    codes: str = Field(default=CODES, description="npz: which numbers are which expressions")


@dataclass(frozen=True)
class Take:
    """One performance, not yet read."""

    name: str  # for messages
    person: str | None
    expression: int  # index into EXPRESSIONS
    length: int  # frames that are kept
    read: Callable[[], Frames]  # uint8 [length, size, size, 3]


def make(out: Path, options: MugOptions) -> None:
    """Write the MUG dataset: whole clips, thinned, cropped and resized."""
    parse_crop(options.crop)  # a bad one is refused before hours of reading
    is_tree = options.source.is_dir() and not (options.source / CLIPS_FILE).exists()
    found = tree_takes(options) if is_tree else npz_takes(options)
    takes = [take for take in found if take.length >= options.min_frames]
    if not takes:
        raise InputError(
            f"{options.source}: none of {counted(len(found), 'clip')} keeps"
            f" {counted(options.min_frames, 'frame')} when every {options.every}. is taken: lower"
            " --min-frames or --every"
        )
    persons = sorted({take.person for take in takes if take.person is not None}, key=natural_key)
    split = _split(takes, persons, options)
    skipped = [
        {"clip": take.name, "reason": counted(take.length, "frame")}
        for take in found
        if take.length < options.min_frames
    ]
    broken: list[dict[str, str]] = []
    # The record holds the list `broken` itself, which is full by the time it is written.
    record = {"clips_found": len(found), "too_short": skipped, "broken": broken}
    with ClipWriter(out, _info(options, persons, record)) as writer:
        for index, (take, frames) in enumerate(_read(takes)):
            if isinstance(frames, InputError):
                broken.append({"clip": take.name, "reason": str(frames)})
                _check_broken(broken, len(takes), options.source)
                continue
            person = index if take.person is None else persons.index(take.person)
            labels = {"expression": take.expression}
            labels |= {"person": person} if take.person is not None else {}
            writer.add(frames, group=person, split=SPLITS[split[index]], labels=labels)


def _read(takes: list[Take]) -> Iterator[tuple[Take, Frames | InputError]]:
    """Takes in order with their frames, or with what is wrong with them; a few read at once."""

    def attempt(take: Take) -> Frames | InputError:
        try:
            return take.read()
        except InputError as error:
            return error

    console = screen(stderr=True)
    hidden = not console.is_terminal
    shown = iter(track(takes, "reading clips", console=console, disable=hidden))
    with ThreadPoolExecutor() as pool:
        while chunk := list(islice(shown, AT_ONCE)):
            yield from zip(chunk, pool.map(attempt, chunk), strict=True)


def _check_broken(broken: list[dict[str, str]], total: int, source: Path) -> None:
    if len(broken) > max(1, BROKEN_SHARE * total):
        raise InputError(
            f"{source}: {len(broken)} of {total} clips are broken so far, more than"
            f" {BROKEN_SHARE:.0%}; the last: {broken[-1]['reason']}"
        )


def _split(takes: list[Take], persons: list[str], options: MugOptions) -> Ints:
    """[takes] index into SPLITS."""
    shares = options.test_share, options.validation_share
    if options.holdout == "clip":
        return three_splits(range(len(takes)), *shares, options.seed)
    if not persons:
        raise InputError(f"{options.source} does not say who is who: hold out clips, not persons")
    who = [persons.index(take.person or "") for take in takes]
    return three_splits(who, *shares, options.seed)


def tree_takes(options: MugOptions) -> list[Take]:
    """The takes of a tree of frames: every folder with pictures that lies under an expression.

    The person is the folder above the expression, or above its session where there are some.
    Other expressions (neutral, mixed) are passed over.
    """
    pictures: dict[Path, list[Path]] = {}
    for file in options.source.rglob("*"):
        if file.suffix.lower() in IMAGE_SUFFIXES and not file.name.startswith("."):
            pictures.setdefault(file.parent, []).append(file)
    takes = []
    fit = Fit(options.size, options.crop)
    for folder in sorted(pictures, key=lambda path: natural_key(str(path))):
        parts = folder.relative_to(options.source).parts
        at = next((i for i, part in enumerate(parts) if part.lower() in EXPRESSIONS), None)
        if at is None:
            continue
        above = [part for part in parts[:at] if not part.lower().startswith("session")]
        if not above:
            raise InputError(f"{folder} has no folder of a person above {parts[at]}")
        files = sorted(pictures[folder], key=lambda path: natural_key(path.name))[:: options.every]
        read = partial(_read_files, files, fit)
        expression = EXPRESSIONS.index(parts[at].lower())
        takes.append(Take("/".join(parts), above[-1], expression, len(files), read))
    if not takes:
        raise InputError(
            f"{options.source} has no pictures under subject/expression/take, with expression one"
            f" of {', '.join(EXPRESSIONS)}"
        )
    return takes


def _read_files(files: list[Path], fit: Fit) -> Frames:
    return np.stack([fit(read_video(file)[0]) for file in files])


def npz_takes(options: MugOptions) -> list[Take]:
    """The takes of the authors' npz: clips [N] of [T, H, W, 3], and labels beside or within."""
    if not options.source.exists():
        raise InputError(f"no file or folder {options.source}")
    packed = options.source / CLIPS_FILE if options.source.is_dir() else options.source
    beside = packed.with_name(LABELS_FILE)
    labels_file = options.labels or (beside if beside.exists() else packed)
    if labels_file == packed and options.labels_key == options.clips_key:
        raise InputError(f"no {beside}: name the labels with --labels or --labels-key")
    clips = load_array(packed, options.clips_key)
    expressions, persons = _labels(labels_file, len(clips), options)
    codes = expression_codes(options.codes, EXPRESSIONS)
    fit = Fit(options.size, options.crop)
    takes = []
    for i, clip in enumerate(clips):
        code = _code(expressions[i], codes, labels_file)
        if code is not None:
            name = f"{packed.name} clip {i}"
            frames = check_clip(clip, name)[:: options.every]
            read = partial(_fit_all, frames, fit)
            takes.append(Take(name, persons[i], code, len(frames), read))
    if not takes:
        raise InputError(f"{labels_file} has no expression that codes '{options.codes}' name")
    return takes


def _fit_all(frames: Frames, fit: Fit) -> Frames:
    return np.stack([fit(np.ascontiguousarray(frame)) for frame in frames])


def _labels(path: Path, n: int, options: MugOptions) -> tuple[list[Any], list[str | None]]:
    """Expressions [N] as stored, and persons [N] or Nones."""
    labels = load_array(path, options.labels_key)
    if labels.ndim == 1 and labels.dtype == object and n and isinstance(labels[0], np.ndarray):
        labels = np.array([list(row) for row in labels])
    if len(labels) != n or labels.ndim > 2 or (labels.ndim == 2 and labels.shape[1] < 2):
        raise InputError(
            f"'{options.labels_key}' of {path} has shape {labels.shape}, expected"
            f" ({n},) or ({n}, 2)"
        )
    persons: list[str | None] = [None] * n
    if labels.ndim == 2:
        persons, labels = [str(row[0]) for row in labels], labels[:, 1]
    if options.identity_key is not None:
        who = load_array(path, options.identity_key)
        if who.shape != (n,):
            raise InputError(
                f"'{options.identity_key}' of {path} has shape {who.shape}, not ({n},)"
            )
        persons = [str(person) for person in who]
    return labels.tolist(), persons


def _code(label: Any, codes: dict[int, int], path: Path) -> int | None:
    """Index into EXPRESSIONS; None for an expression that is not one of the six."""
    if isinstance(label, bytes | str):
        text = (label.decode("latin1") if isinstance(label, bytes) else label).strip().lower()
        if not text.isdecimal():
            return EXPRESSIONS.index(text) if text in EXPRESSIONS else None
        label = int(text)
    if not isinstance(label, int | float) or not float(label).is_integer():
        raise InputError(f"{path} has label {label!r}, expected a number or an expression's name")
    return codes.get(int(label))


def _info(options: MugOptions, persons: list[str], record: dict[str, Any]) -> Info:
    made = provenance(
        "mug",
        options,
        source="MUG facial expression database, https://mug.ee.auth.gr/fed",
        licence="by agreement with the MUG group, Aristotle University of Thessaloniki",
        **record,
    )
    expression = Factor("expression", "action", EXPRESSIONS)
    person = (Factor("person", "identity", tuple(persons)),) if persons else ()
    return Info("mug", options.size, 3, (*person, expression), made)
