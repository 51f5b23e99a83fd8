"""Where a model stands between ends that are measured on the same clips: no constant is tuned.

How well it draws is held against systems that learned nothing: the average training clip, the first
frame held still, and the clips themselves seen through 2 x 2, 4 x 4, ... cells.

How far its codes came apart is a share of a way. Of a swap, a = the clip of the individual, b = the
clip of the motion, drawn again A and B:

    who    from B, which a swap is whose s did nothing, to A, which has the right individual
    what   from A, which a swap is whose motion did nothing, to B, which has the right motion

by colours (Hellinger's distance from the histogram of a), by forms (`evaluate.forms`: what of the
edges of a stays through a clip) and by motion (where and when b changes).
How far A and B are apart themselves, beside a and b, is how much of who or what is drawn at all.
Swaps encoded again count from chance, where the nearest clip is any, to what drawn clips encoded
again reach. A share above one half is nearer to the good end than to the bad one; a code came apart
where the whole 95 % interval of its share is above it, and did not where that is below. Where
surely less than half of the differences is drawn at all it did in part at best: of the rest nothing
is told.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F

from vdsm.data.clips import Floats, Ints
from vdsm.evaluate.diversity import small, spread
from vdsm.evaluate.forms import FRAMES, Discriminants, forms
from vdsm.evaluate.inputs import Array
from vdsm.evaluate.intervals import Bootstrap
from vdsm.evaluate.motion import GRID, change, correlation, displaced
from vdsm.evaluate.reconstruction import psnr
from vdsm.evaluate.result import Number
from vdsm.evaluate.retrieval import directions
from vdsm.notation import Video
from vdsm.verdict.seen import Chosen, Seen
from vdsm.who.looks import look

BOOTSTRAP = Bootstrap(400, 0)
HALF = 0.5  # of the way


@dataclass(frozen=True)
class Way:
    """How much of the way from one end to the other: 0 and 1 are the ends."""

    name: str  # colours, forms, motion, s, d or z
    value: float  # what was measured,
    bad: float  # at the end of what learned nothing,
    good: float  # at the end of what the model can draw
    share: Number  # (value - bad) / (good - bad); not finite where these ends are one
    drawn: Number | None = None  # good - bad beside the same of the clips themselves

    @property
    def apart(self) -> bool | None:
        """Whether the share is past the half; None where its interval holds it."""
        shown = self.drawn is None or past_half(self.drawn) is not False
        parted = past_half(self.share) if np.isfinite(self.share.value) else None
        if shown:
            return parted
        return None if parted else False


def past_half(share: Number) -> bool | None:
    """None where its interval holds one half."""
    low, high = share.interval or (share.value, share.value)
    return True if low > HALF else False if high < HALF else None


@dataclass(frozen=True)
class Drawing:
    """PSNR of clips held out, dB, beside those of systems that learned nothing."""

    model: float
    average: float  # the average training clip
    still: float  # the first frame of each clip
    above_average: Number  # mean difference
    above_still: Number
    cells: dict[int, float]  # the clips themselves through so many cells in a row
    taught: float  # of training clips
    taught_above: Number  # and by how much more than the average clip gives there
    moves: bool  # whether clips are anything but their first frame

    @property
    def sharp(self) -> int:
        """As through so many cells in a row; 1: less than 2 x 2."""
        return max((n for n, value in self.cells.items() if self.model >= value), default=1)


def drawing(seen: Seen, chosen: Chosen) -> Drawing:
    """How well clips are drawn again."""
    assert seen.taught is not None
    average = chosen.taught.mean(0, keepdim=True)
    model, mean = (
        np.asarray(psnr(seen.real, x)) for x in (seen.same, average.expand_as(seen.real))
    )
    still = np.asarray(psnr(seen.real, seen.real[:, :1].expand_as(seen.real)))
    taught = np.asarray(psnr(chosen.taught, seen.taught))
    gained = taught - np.asarray(psnr(chosen.taught, average.expand_as(chosen.taught)))
    units = seen.groups
    return Drawing(
        model=float(model.mean()),
        average=float(mean.mean()),
        still=float(still.mean()),
        above_average=BOOTSTRAP.mean(model - mean, units),
        above_still=BOOTSTRAP.mean(model - still, units),
        cells=through_cells(seen.real),
        taught=float(taught.mean()),
        taught_above=BOOTSTRAP.mean(gained, np.arange(len(gained))),
        moves=bool((seen.real != seen.real[:, :1]).any()),
    )


def through_cells(clips: Video) -> dict[int, float]:
    """PSNR of clips averaged over N x N cells of each frame, by N: 2, 4, ... below their size."""
    size, flat = clips.shape[-1], clips.flatten(0, 1)
    found = {}
    for n in (2**k for k in range(1, int(np.log2(size)) + 1) if 2**k < size):
        coarse = F.interpolate(F.adaptive_avg_pool2d(flat, n), size=flat.shape[-2:])
        found[n] = float(psnr(clips, coarse.view_as(clips)).mean())
    return found


def who(seen: Seen, kinds: Discriminants | None = None) -> list[Way]:
    """By colours and forms where individuals differ in them, and by s where swaps can be encoded.

    kinds: what tells forms apart.
    """
    rows = seen.groups[seen.pairs[:, 0]] != seen.groups[seen.pairs[:, 1]]
    a, b = seen.pairs[rows].T
    if not len(a):
        return []
    real, same, swap = (looks(x) for x in (seen.real, seen.same, seen.swap[rows]))
    units = seen.groups[seen.pairs[rows]]
    found = _way(
        "colours",
        near(swap, real[a]),
        (near(same[b], real[a]), near(same[a], real[a])),
        units,
        (near(real[b], real[a]), np.zeros(len(a))),
    )
    ways = (found, _forms(seen, kinds, rows), _cycle(seen, "s", rows))
    return [way for way in ways if way is not None]


def _forms(seen: Seen, kinds: Discriminants | None, rows: Array) -> Way | None:
    """Of swaps beside clips drawn again: what blurs both alike does not count.

    None where half of a clip's frames do not tell which clip the other half is of.
    """
    if kinds is None or seen.real.shape[1] < 2 * FRAMES:
        return None
    real, other_real = (kinds(forms(seen.real[:, start::2])) for start in (0, 1))
    found = np.linalg.norm(real[:, None] - other_real, axis=2).argmin(1)
    own = (seen.groups[found] == seen.groups).astype(np.float64)
    if not past_half(BOOTSTRAP.mean(own, seen.groups)):
        return None
    same, other = (kinds(forms(seen.same[:, start::2])) for start in (0, 1))
    swap = kinds(forms(seen.swap[rows, ::2]))
    a, b = seen.pairs[rows].T
    return _way(
        "forms",
        near(swap, other[a]),
        (near(same[b], other[a]), near(same[a], other[a])),
        seen.groups[seen.pairs[rows]],
        (near(real[b], other_real[a]), near(real[a], other_real[a])),
    )


def looks(clips: Video) -> Floats:
    """[n, K] square roots of histograms of colours."""
    pixels = (clips.movedim(2, -1) * 255).round().to(torch.uint8).numpy()
    return np.stack([look(clip) for clip in pixels]).astype(np.float64)


def near(one: Floats, other: Floats) -> Floats:
    """[n] Distances, Hellinger's of looks, negative: more is nearer."""
    return -np.asarray(np.linalg.norm(one - other, axis=1))


def what(seen: Seen) -> list[Way]:
    """By where and when pixels change, and by the code of the motion."""
    rows = np.ones(len(seen.pairs), bool)
    ways = [_motion(seen)] if seen.real.shape[1] > 1 else []
    ways += [_cycle(seen, name, rows) for name in seen.codes if name != "s"]
    return [way for way in ways if way is not None]


def _motion(seen: Seen) -> Way | None:
    """By correlation, or cosine at the best displacement: what tells the ends further apart."""
    real, same, swap = (change(x) for x in (seen.real, seen.same, seen.swap))
    a, b = seen.pairs.T
    moves = real[b].std(axis=1) > 0
    if moves.sum() < 2:
        return None
    a, b, swap = a[moves], b[moves], swap[moves]
    cells = tuple(min(GRID, side) for side in seen.real.shape[-2:])
    agreements: tuple[Callable[[Floats, Floats], Floats], ...] = (
        correlation,
        lambda x, y: displaced(x, y, (cells[0], cells[1])),
    )
    units = seen.groups[seen.pairs[moves]]
    found = [
        _way(
            "motion",
            agree(swap, real[b]),
            (agree(same[a], real[b]), agree(same[b], real[b])),
            units,
            (agree(real[a], real[b]), agree(real[b], real[b])),
        )
        for agree in agreements
    ]
    told = [way for way in found if way is not None]
    return max(told, key=lambda way: way.good - way.bad, default=None)  # of the drawn ends


def _cycle(seen: Seen, name: str, rows: Array) -> Way | None:
    """Share of swaps whose nearest clip, by a code, is the right one."""
    if name not in seen.codes:
        return None
    code, n = seen.codes[name], len(seen.codes[name])
    pairs = seen.pairs[rows]
    right = pairs[:, 0 if name == "s" else 1]
    everything = np.concatenate([code, seen.codes_same[name], seen.codes_swap[name][rows]])
    unit = directions(everything, np.arange(n), np.arange(len(everything)))
    fits = np.eye(n, dtype=bool) if name != "s" else seen.groups[:, None] == seen.groups

    def nearest(from_: Floats, of: Ints) -> Floats:
        best = (from_ @ unit[:n].T).argmax(axis=1)
        return np.asarray(fits[of, best], np.float64)

    same = nearest(unit[n : 2 * n], np.arange(n))[right]
    chance = fits.mean(axis=1)[right]
    return _way(name, nearest(unit[2 * n :], right), (chance, same), seen.groups[pairs])


def _way(
    name: str,
    value: Floats,
    drawn: tuple[Floats, Floats],
    units: Ints,
    true: tuple[Floats, Floats] | None = None,
) -> Way | None:
    """Between the ends (bad, good) as drawn.

    true: those of the clips themselves, where they are other ones; None where they are not apart.
    """
    bad, good = drawn
    ends = drawn if true is None else true
    apart = BOOTSTRAP.mean(ends[1] - ends[0], units)
    if not above(apart):
        return None
    shown = None if true is None else BOOTSTRAP.ratio(good - bad, true[1] - true[0], units)
    differ = above(BOOTSTRAP.mean(good - bad, units))
    share = BOOTSTRAP.ratio(value - bad, good - bad, units) if differ else Number(np.nan, len(bad))
    return Way(name, float(value.mean()), float(bad.mean()), float(good.mean()), share, shown)


def above(gain: Number) -> bool:
    """Whether a mean is above 0 with its whole interval."""
    low = gain.value if gain.interval is None else gain.interval[0]
    return bool(low > 0)


def variety(made: Video, chosen: Chosen) -> float:
    """How much samples differ from one another, beside how much clips do: 0, all alike, and 1."""
    one, other = (
        float(spread(small(x), np.ones((1, len(x))))[0]) for x in (made, chosen.held.contiguous())
    )
    return one / other if other > 0 else float("nan")


def likeness(made: Video, chosen: Chosen) -> tuple[float, float, float]:
    """RMS distance to the nearest training clip, on 8 x 8 cells: samples, clips held out, noise.

    Noise is even in [0, 1], as a model that learned nothing may draw it.
    """
    taught = small(chosen.taught)
    noise = torch.rand(chosen.held.shape, generator=torch.Generator().manual_seed(0))

    def nearest(clips: Video) -> float:
        x = small(clips)
        squares = ((x[:, None] - taught[None]) ** 2).mean(-1)
        return float(np.sqrt(squares.min(axis=1)).mean())

    return nearest(made), nearest(chosen.held), nearest(noise)
