"""Which frames are taken, by their times: a span in seconds, an even rate."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeVar

from vdsm.errors import InputError

P = TypeVar("P")  # a picture, with whatever goes with it
TimedPictures = Iterator[tuple[float | None, P]]

LONGEST_STILL = 600.0  # s that one frame may stand; a longer gap is a damaged clock
SLACK = 1e-6  # s: times are sums of rounded ones


@dataclass(frozen=True)
class Span:
    """Seconds since the first frame: start <= time < end."""

    start: float = 0.0
    end: float = math.inf

    def __post_init__(self) -> None:
        if not 0 <= self.start < math.inf:
            raise InputError(f"start {self.start} is no time in seconds: use 0 or more")
        if not self.end > self.start:
            raise InputError(f"end {self.end:g} s is not after start {self.start:g} s")

    def ends_by(self, time: float) -> bool:
        return time >= self.end - SLACK

    def missed(self, last: float) -> InputError:
        where = f"{self.start:g} s" if self.end == math.inf else f"{self.start:g} to {self.end:g} s"
        return InputError(f"no frame is shown at {where}: the last one is shown at {last:g} s")


WHOLE = Span()


def cut(timed: TimedPictures[P], span: Span) -> TimedPictures[P]:
    """The frames that are shown within a span; those without a clock pass."""
    time: float | None = None
    count = 0
    for time, image in timed:
        if time is not None and span.ends_by(time):
            break
        if time is None or time >= span.start - SLACK:
            count += 1
            yield time, image
    if time is not None and not count:
        raise span.missed(time)


def clocked(timed: TimedPictures[P]) -> TimedPictures[P]:
    """The frames as they are. InputError where they have no times."""
    for time, image in timed:
        if time is None:
            raise InputError("pictures have no times: start and end cannot be given in seconds")
        yield time, image


def resample(timed: TimedPictures[P], fps: float, span: Span = WHOLE) -> TimedPictures[P]:
    """Frames at times start + k / fps, each the one nearest in time, while video and span last.

    The last frame stands as long as the one before it. Frames without a clock pass unchanged.
    """
    held: P | None = None
    since = step = 0.0
    count = 0
    for time, image in timed:
        if time is None:
            yield None, image
            continue
        if held is not None:
            step = time - since
            if step > LONGEST_STILL:
                raise InputError(
                    f"the clock jumps by {step:.0f} s after {since:.2f} s, over the limit of"
                    f" {LONGEST_STILL:.0f} s: encode the video again"
                )
            while (at := span.start + count / fps) <= since + step / 2 + 1e-9:
                if span.ends_by(at):
                    return
                yield at, held
                count += 1
        held, since = image, time
    if held is None:
        return
    total = max(count, math.floor((since + step - span.start) * fps + 0.5 + SLACK))
    if not total and span.start:
        raise span.missed(since)
    for k in range(count, max(1, total)):
        if not span.ends_by(span.start + k / fps):
            yield span.start + k / fps, held
