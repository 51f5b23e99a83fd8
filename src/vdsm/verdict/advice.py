"""The likely reason where a model falls short, and the next thing to try.

Reasons are looked for in this order, and the first that the figures speak for is given: each is a
comparison of two figures of the same run with its interval, but for one, the crop, which is advised
where a frame of half the side would hold what moves.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from vdsm.store.who import WhoIsWho
from vdsm.verdict.footage import Footage
from vdsm.verdict.rising import Rise
from vdsm.verdict.scales import above
from vdsm.verdict.words import Known, state

UNJUDGED = "but whose form a swap has could not be judged: look at some"
CROP = 0.25  # share of the frame: cropped to half its sides, everything is twice as large


@dataclass(frozen=True)
class Circumstances:
    """What is known of the run beside what it draws."""

    footage: Footage
    rises: Sequence[Rise]
    grouping: WhoIsWho | None  # of a method that asks who is who
    gave_up: bool  # training ended as nothing was learned
    ended_early: bool  # its minutes ended before its steps
    short: bool  # no stage was long enough to see whether it had levelled off


def following(known: Known, about: Circumstances) -> str:
    """One line."""
    reason = next(_reasons(known, about), None)
    if reason is not None:
        return reason
    further = _sharper(about)
    judged = any(way.name == "forms" for way in known.who)
    seen = "nothing stands out" if judged else f"nothing stands out, {UNJUDGED}"
    return f"{seen}; {further}" if further else seen


def _reasons(known: Known, about: Circumstances) -> Iterator[str]:
    fine = known.draws and known.moves
    if not fine:
        yield from _not_drawn(known, about)
        return
    if state(known.what) is not True and known.what:
        yield from _motion(about)
    if state(known.who) is not True and known.who:
        yield from _individuals(about)
    if (state(known.who), state(known.what)) != (True, True):
        yield from _more(about)
        yield (
            "training has levelled off before the codes came apart: try another preset or method "
            "('vdsm compare' sets runs side by side), or more clips"
        )


def _not_drawn(known: Known, about: Circumstances) -> Iterator[str]:
    if about.gave_up:
        yield (
            "nothing was learned, not even of training clips: see them by 'vdsm info DATA --out "
            f"clips.png'{_or_crop(about)}, or lower the stages' lr"
        )
    if above(known.drawing.taught_above) and not known.draws:
        yield (
            f"training clips are drawn at {known.drawing.taught:.1f} dB, others are not: what was "
            "learned holds for these alone; try more clips, of more individuals"
        )
    if not known.moves and known.draws:
        yield from _motion(about)
    yield from _more(about)
    if crop := _crop(about):
        yield crop
    yield "training has levelled off below what clips hold: try a larger decoder, or more steps"


def _more(about: Circumstances) -> Iterator[str]:
    for rise in about.rises[-1:]:
        yield (
            f"{rise.stage} was still learning as it ended ({rise.before:,.1f} to {rise.last:,.1f} "
            f"nats from its third quarter on): try more steps than {rise.steps:,}"
            f" (--{rise.stage}.steps)"
        )
    if about.ended_early:
        yield "its minutes ended before its steps: try more --minutes"
    if about.short:
        yield "training was too short to see whether it had levelled off: try more steps"


def _motion(about: Circumstances) -> Iterator[str]:
    follows = about.footage.follows
    if about.footage.still:
        yield "the clips do not change: there is no motion to learn; take more frames, or fewer fps"
    elif follows is not None and not above(follows):
        yield (
            "a frame is no more like the one before than like any other of its clip: motion is too "
            "fast to follow; try a higher frame rate (vdsm data folder --fps)"
        )


def _individuals(about: Circumstances) -> Iterator[str]:
    who = about.grouping
    if who is not None and not who.twice:
        other = "" if who.by == "found" else ", or --who found"
        yield (
            "nobody is known to be in two training clips: try more clips of each individual, in "
            f"folders named after them{other}"
        )


def sampled(about: Circumstances) -> str:
    """One line on a model that draws new clips alone."""
    return next(_more(about), "look at what it draws: 'vdsm generate', 'vdsm report'")


def _sharper(about: Circumstances) -> str:
    """What may bring more where nothing fails."""
    more = next(_more(about), None) or _crop(about)
    return more or "a larger decoder may draw sharper, 'vdsm evaluate' measures more"


def _crop(about: Circumstances) -> str | None:
    box = about.footage.box
    if box > CROP:
        return None
    return (
        f"all that moves in a clip lies in {100 * box:.0f} % of its frame: try a smaller crop "
        "(vdsm data folder --crop), in which it is larger"
    )


def _or_crop(about: Circumstances) -> str:
    return f"; {crop}" if (crop := _crop(about)) else ""
