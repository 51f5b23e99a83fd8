"""Interlaced video: two half pictures of different moments become one, by FFmpeg's bwdif."""

from collections import deque
from collections.abc import Iterator
from typing import Any

import av
from av.filter import Graph

LEAST = 4  # lines and columns that bwdif needs
# Codecs that say of each picture whether it is interlaced. Of others the track says it.
TELLING = {"h264", "hevc", "mpeg1video", "mpeg2video", "mpeg4", "vc1", "wmv3", "dvvideo", "prores"}
FIRST = {2: "tff", 3: "bff", 4: "bff", 5: "tff"}  # field order of a track -> the field shown first


def deinterlaced(frames: Iterator[Any], context: Any) -> Iterator[Any]:
    """As many frames as come in, from the first interlaced one on through a filter graph."""
    told = None if context.name in TELLING else FIRST.get(context.field_order)
    for frame in frames:
        if (told or frame.interlaced_frame) and min(frame.width, frame.height) >= LEAST:
            yield from _filtered(frame, frames, told)
        else:
            yield frame


def _filtered(first: Any, frames: Iterator[Any], told: str | None) -> Iterator[Any]:
    """The first frame and those after it, while they have one shape."""
    graph, times = _graph(first, told), deque([first.pts])
    graph.vpush(first)
    for frame in frames:
        if _shape(frame) != _shape(first):
            yield from _pulled(graph, times, last=True)
            yield from _filtered(frame, frames, told)
            return
        times.append(frame.pts)
        graph.vpush(frame)
        yield from _pulled(graph, times)
    yield from _pulled(graph, times, last=True)


def _graph(frame: Any, told: str | None) -> Graph:
    graph = Graph()
    source = graph.add_buffer(
        width=frame.width, height=frame.height, format=frame.format, time_base=frame.time_base
    )
    steps: list[tuple[str, str | None]] = [("setparams", f"field_mode={told}")] if told else []
    steps += [("bwdif", "mode=send_frame:parity=auto:deint=interlaced"), ("buffersink", None)]
    graph.link_nodes(source, *(graph.add(name, options) for name, options in steps)).configure()
    return graph


def _pulled(graph: Graph, times: deque[int | None], last: bool = False) -> Iterator[Any]:
    """What the graph has ready, with the times that went in."""
    if last:
        graph.vpush(None)
    while times:
        try:
            frame = graph.vpull()
        except (av.BlockingIOError, av.EOFError):
            return
        frame.pts = times.popleft()
        yield frame


def _shape(frame: Any) -> tuple[int, int, str]:
    return frame.width, frame.height, frame.format.name
