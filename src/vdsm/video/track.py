"""Which video track of a file is shown: not its cover or its thumbnails."""

from collections import Counter
from pathlib import Path
from typing import Any

from av.stream import Disposition

from vdsm.errors import InputError
from vdsm.video.limits import NoVideo

BESIDE = Disposition.attached_pic | Disposition.timed_thumbnails


def shown_track(container: Any, path: Path) -> Any:
    """The default track, of several the one of most frames, then the one of most pixels."""
    tracks = [s for s in container.streams.video if not s.disposition & BESIDE]
    if not tracks:
        raise NoVideo(f"{path} has no video in it")
    known = [track for track in tracks if track.codec_context is not None]
    if not known:
        raise InputError(f"{path} has video of an unknown codec: convert it to H.264 mp4")
    if len(known) == 1:
        return known[0]
    frames = _count(container, known)
    container.seek(0)
    return max(known, key=lambda track: (*_rank(track, frames), -track.index))


def _rank(track: Any, frames: Counter[int]) -> tuple[bool, int, int]:
    pixels = track.codec_context.width * track.codec_context.height
    return bool(track.disposition & Disposition.default), frames[track.index], pixels


def _count(container: Any, tracks: list[Any]) -> Counter[int]:
    """Packets of each track; few containers say how many there are."""
    return Counter(packet.stream.index for packet in container.demux(tracks) if packet.size)
