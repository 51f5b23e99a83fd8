"""A verdict in three lines: how well it draws, whether its codes came apart, what to try next."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite

from vdsm.verdict.scales import Drawing, Way, above, past_half

UNDRAWN = "whether who and what came apart cannot be told of clips that are not drawn"
STATES = {True: "came apart", False: "did not come apart", None: "came apart in part"}
ENDS = "0 %: as in the other clip drawn again; 100 %: as in its own"


@dataclass(frozen=True)
class Known:
    """All that a verdict is made of, for a model that draws clips again."""

    drawing: Drawing
    who: Sequence[Way]
    what: Sequence[Way]
    swaps: int
    split: str
    clips: int

    @property
    def draws(self) -> bool:
        """Whether it beats the average clip."""
        return above(self.drawing.above_average)

    @property
    def moves(self) -> bool:
        """Whether it beats the first frame held still, where clips are more than that."""
        return not self.drawing.moves or above(self.drawing.above_still)


def drawn(known: Known) -> str:
    """PSNR beside nulls, and what beats which."""
    d = known.drawing
    nulls = f"the average clip gives {d.average:.1f}"
    nulls += f", the first frame held still {d.still:.1f}" if d.moves else ""
    figure = f"{d.model:.1f} dB ({nulls}; {known.clips} clips held out for {known.split})"
    if not known.draws:
        return f"clips are drawn no better than by the average clip, {figure}"
    sharp = f"as sharp as through {d.sharp} x {d.sharp} cells" if d.sharp > 1 else "as blots"
    but = "" if known.moves else "no better than by their first frame, "
    return f"clips are drawn {sharp}, {but}{figure}"


def state(ways: Sequence[Way]) -> bool | None:
    """Of several measures the worst."""
    found = [way.apart for way in ways]
    return False if False in found else None if None in found else True


def apart(who: Sequence[Way], what: Sequence[Way], swaps: int) -> str:
    """Whether who and what came apart, by all measures that can tell."""
    sides = {"who": who, "what": what}
    told = {name: STATES[state(ways)] for name, ways in sides.items() if ways}
    untold = [name for name in sides if name not in told]
    if not told:
        return "these clips are too much alike, or too few, for who and what to be told apart"
    if len(set(told.values())) == 1:
        said = f"{' and '.join(told)} {next(iter(told.values()))}"
    else:
        said = ", ".join(f"{name} {how}" for name, how in told.items())
    said += "".join(f", {name} cannot be told of these clips" for name in untold)
    return f"{said}: {_ways([*who, *what])} ({swaps} swaps; {ENDS})"


def _ways(ways: Sequence[Way]) -> str:
    names = {
        "colours": "the individual's colours",
        "forms": "its forms",
        "motion": "the action's motion",
        "s": "the individual's s",
    }
    seen = [_way(way, names[way.name]) for way in ways if way.drawn is not None]
    again = [
        _way(way, names.get(way.name, f"the action's {way.name}"))
        for way in ways
        if way.drawn is None
    ]
    parts = [f"swaps have {', '.join(seen)}"] if seen else []
    parts += [f"encoded again, {', '.join(again)}"] if again else []
    return "; ".join(parts)


def _way(way: Way, to: str) -> str:
    share = way.share.value
    said = f"{to} to {100 * share:.0f} %" if isfinite(share) else f"nothing of {to}"
    if way.drawn is not None and past_half(way.drawn) is not True:
        said += f" ({100 * way.drawn.value:.0f} % of whose differences are drawn at all)"
    return said
