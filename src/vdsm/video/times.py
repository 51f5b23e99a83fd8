"""When each picture is shown, from the times of packets: in order, each time once.

Containers without presentation times (avi, asf) give those of decoding, which B-frames shuffle.
Pictures come out of a decoder in the order in which they are shown, and their times are the times
of all packets, sorted: the k-th picture has the k-th.
"""

import heapq
from collections import deque
from collections.abc import Iterator
from typing import Any

DEEPEST = 16  # pictures that a decoder holds back at most


class Times:
    """Times in units of the track. Give it packets and pictures as they come, in that order."""

    def __init__(self, step: int) -> None:
        self.step = step  # from one picture to the next, where no clock says it
        self.waiting: set[int] = set()  # times of packets whose picture is yet to come
        self.standing: list[int] = []  # times at which the picture before stands on, a heap
        self.times: list[int] = []  # of the pictures that came, a heap
        self.pictures: deque[Any] = deque()
        self.lost: set[int] = set()
        self.first: int | None = None
        self.given: int | None = None  # the last time
        self.latest = -step

    def packet(self, time: int, *, coded: bool) -> None:
        """A packet that a picture should come of, or (not coded) the one before should stand."""
        if coded:
            self.waiting.add(time)
        else:
            heapq.heappush(self.standing, time)

    def stands_at(self, time: int | None) -> bool:
        return time in self.standing

    def picture(self, picture: Any) -> Iterator[tuple[int, Any]]:
        """Takes a decoded picture; gives those whose times are certain."""
        time = self.latest + self.step if picture.pts is None else picture.pts
        self.latest = max(self.latest, time)
        self.waiting.discard(time)
        heapq.heappush(self.times, time)
        self.pictures.append(picture)
        while self.pictures and self._certain():
            yield from self._give()

    def rest(self) -> Iterator[tuple[int, Any]]:
        """What is left after the last packet."""
        while self.pictures:
            yield from self._give()
        yield from self._stand(None)
        self.lost |= self.waiting

    def _certain(self) -> bool:
        earliest = min(self.waiting, default=self.times[0])
        return self.times[0] <= earliest or len(self.pictures) > DEEPEST

    def _give(self) -> Iterator[tuple[int, Any]]:
        time = heapq.heappop(self.times)
        late = {other for other in self.waiting if other < time}
        self.waiting -= late
        self.lost |= late
        yield from self._stand(time)
        self.first = time if self.first is None else self.first
        self.given = time
        yield time, self.pictures.popleft()

    def _stand(self, until: int | None) -> Iterator[tuple[int, None]]:
        """Times before the next picture at which the one before stands; none before the first."""
        while self.standing and (until is None or self.standing[0] <= until):
            time = heapq.heappop(self.standing)
            if self.given is not None and self.given < time != until:
                self.given = time
                yield time, None
