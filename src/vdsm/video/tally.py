"""Counts what goes into a decoder and what comes out, and finds what is missing."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from vdsm.video.limits import damaged, truncated
from vdsm.video.mov import edited_seconds
from vdsm.video.times import Times
from vdsm.words import counted


class Tally:
    """Of one track. counts: packets of each track by the file's structure, where that says it."""

    def __init__(self, path: Path, container: Any, stream: Any, counts: list[int] | None) -> None:
        self.path, self.container, self.stream = path, container, stream
        self.counts, self.kind = counts, container.format.name
        self.packets = self.frames = self.interlaced = self.dropped = 0
        self.lasts = 0  # all packets together, in units of the stream
        self.next: int | None = None  # of an avi, where every chunk has its place

    def packet(self, packet: Any) -> Iterable[int]:
        """Takes a packet; gives the places before it of an avi that are empty."""
        self.dropped += bool(packet.is_discard and self.packets)
        self.packets += 1
        self.lasts += packet.duration or 0
        if self.kind != "avi" or packet.dts is None:
            return ()
        packet.pts = packet.dts  # an avi has no times but its order
        empty = range(packet.dts if self.next is None else self.next, packet.dts)
        self.next = packet.dts + 1
        return empty if len(empty) <= self.stream.frames else ()

    def empty_after(self) -> Iterable[int]:
        """The empty places after the last packet of an avi."""
        return () if self.next is None else range(self.next, self.stream.frames)

    def frame(self, frame: Any) -> None:
        self.frames += 1
        self.interlaced += bool(frame.interlaced_frame)

    def check(self, times: Times) -> None:
        """After the last packet."""
        self._check_counts()
        if self.dropped and self.lasts <= self._shown():
            raise damaged(self.path, f"times outside of it for {counted(self.dropped, 'frame')}")
        first = times.first or 0
        lost = sum(time >= first for time in times.lost)
        if lost > self.interlaced:  # the second field of a picture can be a packet of its own
            raise damaged(self.path, f"{lost} of {counted(self.packets, 'frame')} did not decode")

    def _check_counts(self) -> None:
        if self.counts is None:
            indexed = "mp4" in self.kind and self.stream.duration  # without what edits leave out
            declared = len(self.stream.index_entries) if indexed else self.stream.frames
            self.counts = [max(self.packets, declared)]
        if self.packets not in self.counts:
            expected = max(self.counts, default=0)
            what = f"{counted(self.packets, 'frame')} found, expected {expected}"
            raise truncated(self.path, what)
        if len(self.counts) > len(self.container.streams):
            raise damaged(self.path, "frames of a track that is not declared")

    def _shown(self) -> float:
        """How long the track is shown, in its units; what is cut off it is meant to be dropped."""
        edited = edited_seconds(self.path, self.stream.id) if "mp4" in self.kind else None
        if edited is None:
            return float(self.stream.duration or 0)
        return edited / float(self.stream.time_base)
