"""What a model draws of clips held out: these again, and each as another one does."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch

from vdsm.data.clips import Clips, Ints
from vdsm.device import as_video, full_float32
from vdsm.evaluate.forms import FRAMES, Discriminants, forms
from vdsm.evaluate.inputs import Array, to_numpy
from vdsm.evaluate.sample import Segments, draw_sample
from vdsm.evaluate.seeds import generator
from vdsm.evaluate.stream import cuts, read
from vdsm.evaluate.swap import match
from vdsm.methods.readout import Readout
from vdsm.notation import Codes, Video
from vdsm.protocol import Coded, Generates, Recombines, Swaps, device_of, mix
from vdsm.who.looks import some_frames

MOST = 48  # clips held out, and training clips
PIXELS = 48 * 16 * 64 * 64  # of all of them, fewer where clips are large
AT_ONCE = 16
INDIVIDUALS, EACH = 64, 4  # for training, and clips of each, whose forms are compared


@dataclass(frozen=True)
class Chosen:
    """Clips that a verdict looks at."""

    split: str  # whose clips are held out
    held: Video  # [n, T, C, H, W] in [0, 1]
    taught: Video  # training clips, likewise
    groups: Ints  # [n] who is in those held out
    kinds: Discriminants | None = None  # of forms, from training clips; None where there is one

    @property
    def frames(self) -> int:
        return self.held.shape[1]


@dataclass(frozen=True)
class Seen:
    """What became of n clips. `pairs` [P, 2]: whose individual, whose motion."""

    real: Video  # [n, T, C, H, W]; draws of its own, of a model without an encoder
    same: Video  # drawn again from their own codes
    pairs: Ints
    swap: Video  # [P, T, C, H, W]
    groups: Ints
    codes: dict[str, Array] = field(default_factory=dict)  # of the clips, "s" and "d" or "z"
    codes_same: dict[str, Array] = field(default_factory=dict)  # of those drawn again
    codes_swap: dict[str, Array] = field(default_factory=dict)
    taught: Video | None = None  # training clips drawn again


def choose(clips: Clips, frames: int, seed: int, learned: bool = False) -> Chosen:
    """Clips for validation, or where there are none for the test; InputError where too few are.

    learned: the model has learned from the clips for validation, as those for training once.
    """
    enough = len(clips.select("validation", min_length=frames)) > 1 and not learned
    split = "validation" if enough else "test"
    size = clips.info.size
    most = int(np.clip(PIXELS // (frames * size * size), 4, MOST))
    sample = draw_sample(clips, frames, most, most, seed, measured=split)
    held = np.flatnonzero(sample.split == 1)
    taught = np.flatnonzero(sample.split == 0)[:most]
    return Chosen(
        split,
        _all(sample.real, held),
        _all(sample.real, taught),
        sample.groups[held],
        kinds(clips, seed),
    )


def kinds(clips: Clips, seed: int) -> Discriminants | None:
    """What tells training individuals apart by their forms; None of a single one."""
    rng = np.random.default_rng(seed)
    train = clips.select("train", min_length=FRAMES)
    groups = clips.table.group[train]
    people = rng.permutation(np.unique(groups))[:INDIVIDUALS]
    if len(people) < 2:
        return None
    rows = np.concatenate([rng.permutation(train[groups == one])[:EACH] for one in people])
    pictures = np.stack([some_frames(clips, int(clip), FRAMES) for clip in rows])
    found = forms(as_video(pictures))
    return Discriminants.of(found, clips.table.group[rows])


def _all(real: Segments, rows: Ints) -> Video:
    return torch.cat([read(real, rows[cut]) for cut in cuts(len(rows), AT_ONCE)])


@torch.no_grad()
@full_float32()
def look(model: Any, chosen: Chosen, seed: int) -> Seen | None:
    """What the model makes of the clips; None of one that has nothing to exchange."""
    inner = model.model if isinstance(model, Readout) else model
    pairs = match(np.arange(len(chosen.held)), chosen.groups, generator(seed, "verdict.pairs"))
    if isinstance(inner, Coded):
        return _coded(model, chosen, pairs)
    if isinstance(inner, Swaps):
        return _swapped(model, chosen, pairs)
    if isinstance(inner, Recombines):
        return _recombined(model, chosen, pairs, seed)
    return None


def _coded(model: Any, chosen: Chosen, pairs: Ints) -> Seen:
    device, frames = device_of(model), chosen.frames

    def codes_of(clips: Video) -> Codes:
        return Codes.cat([model.encode(part.to(device)).to("cpu") for part in _parts(clips)])

    def drawn(codes: Codes) -> Video:
        rows = [torch.arange(len(codes.s))[cut] for cut in cuts(len(codes.s), AT_ONCE)]
        parts = (_some(codes, some).to(device) for some in rows)
        return torch.cat([model.decode(part, frames).float().clamp(0, 1).cpu() for part in parts])

    codes, taught = codes_of(chosen.held), codes_of(chosen.taught)
    who, what = torch.from_numpy(pairs.T.copy())
    same, swap = drawn(codes), drawn(mix(_some(codes, who), _some(codes, what)))
    return Seen(
        real=chosen.held,
        same=same,
        pairs=pairs,
        swap=swap,
        groups=chosen.groups,
        codes=_sides(codes),
        codes_same=_sides(codes_of(same)),
        codes_swap=_sides(codes_of(swap)),
        taught=drawn(taught),
    )


def _swapped(model: Any, chosen: Chosen, pairs: Ints) -> Seen:
    """By its own way of swapping; to draw a clip again is to swap it with itself."""
    device, frames = device_of(model), chosen.frames

    def drawn(who: Video, what: Video) -> Video:
        parts = zip(_parts(who), _parts(what), strict=True)
        made = (model.swap(a.to(device), b.to(device), frames) for a, b in parts)
        return torch.cat([clips.float().clamp(0, 1).cpu() for clips in made])

    held, taught = chosen.held, chosen.taught
    swap = drawn(held[pairs[:, 0]], held[pairs[:, 1]])
    same, again = drawn(held, held), drawn(taught, taught)
    return Seen(held, same, pairs, swap, chosen.groups, taught=again)


def _recombined(model: Any, chosen: Chosen, pairs: Ints, seed: int) -> Seen:
    """Its own draws stand for clips."""
    n = len(chosen.held)
    content, motion = model.draw(n, chosen.frames, torch.Generator().manual_seed(seed))
    own = model.render(content, motion, chosen.frames).float().clamp(0, 1).cpu()
    who, what = torch.from_numpy(pairs.T.copy()).to(content.device)
    swap = torch.cat(
        [
            model.render(content[who[cut]], motion[what[cut]], chosen.frames)
            for cut in cuts(len(pairs), AT_ONCE)
        ]
    )
    return Seen(own, own, pairs, swap.float().clamp(0, 1).cpu(), np.arange(n))


@torch.no_grad()
def samples(model: Any, chosen: Chosen, seed: int) -> Video | None:
    """As many clips from a model's priors as are held out; None where it has none."""
    inner = model.model if isinstance(model, Readout) else model
    if not isinstance(inner, Generates):
        return None
    made = model.generate(len(chosen.held), chosen.frames, torch.Generator().manual_seed(seed))
    found: Video = made.float().clamp(0, 1).cpu()
    return found


def _parts(clips: Video) -> Iterator[Video]:
    for cut in cuts(len(clips), AT_ONCE):
        yield clips[cut]


def _some(codes: Codes, rows: torch.Tensor) -> Codes:
    return Codes(codes.s[rows], codes.d[rows], codes.z[rows])


def _sides(codes: Codes) -> dict[str, Array]:
    """s, and d or where there is none z."""
    motion = "d" if codes.d.shape[-1] else "z"
    found = {"s": codes.s, motion: getattr(codes, motion)}
    return {name: to_numpy(code) for name, code in found.items() if code.shape[-1]}
