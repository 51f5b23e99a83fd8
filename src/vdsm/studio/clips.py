"""Clips of a studio: those of DATA, a model's examples, samples of it; uploads come later."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from vdsm.data.clips import Clips
from vdsm.device import as_video
from vdsm.figures.choose import diverse
from vdsm.protocol import Generates, device_of
from vdsm.store.named import load_clip
from vdsm.store.shipped import examples
from vdsm.studio.parts import Actor, ByCodes, Parts
from vdsm.video.limits import Frames
from vdsm.words import counted

Kind = Literal["data", "example", "sample", "upload"]
SHOWN = 96  # clips of a dataset
SAMPLES = 12  # of a model without any clip


@dataclass
class Clip:
    """What the model sees of a clip, and how it took it apart, once it has."""

    id: str
    name: str
    kind: Kind
    frames: Frames  # uint8 [T, H, W, C]
    note: str = ""  # 'the first 16 of 240 frames'
    labels: Mapping[str, str] = field(default_factory=dict)
    parts: Parts | None = None

    def public(self) -> dict[str, Any]:
        """What the page is told."""
        return {
            "id": self.id,
            "name": self.name,
            "kind": self.kind,
            "note": self.note,
            "labels": dict(self.labels),
            "frames": len(self.frames),
        }


def shared(
    model: Any, actor: Actor, folder: Path, data: Clips | None, window: int
) -> dict[str, Clip]:
    """The clips that all sessions see, by their ids: of DATA, or examples, or else samples."""
    found: Iterator[Clip] = iter(())
    if isinstance(actor, ByCodes):
        found = from_data(data, window) if data else from_examples(model, folder, window)
    clips = list(found)
    if not clips and (not isinstance(actor, ByCodes) or isinstance(model, Generates)):
        generator = torch.Generator().manual_seed(0)
        clips = sampled(actor, SAMPLES, window, generator, [f"sample {i + 1}" for i in range(12)])
    return {clip.id: clip for clip in clips}


def from_data(data: Clips, window: int) -> Iterator[Clip]:
    """Clips of the test split (of all, where there is none) that differ as much as can be."""
    for number in diverse(data, SHOWN, 1):
        length = int(data.table.length[number])
        seen = min(length, window)
        labels = {
            factor.name: factor.values[value]
            for factor in data.info.factors
            if (value := int(data.table.labels[factor.name][number])) >= 0
        }
        frames = np.array(data.read(int(number), 0, seen))
        yield Clip(f"c{number}", f"clip {number}", "data", frames, cut(seen, length), labels)


def from_examples(model: Any, folder: Path, window: int) -> Iterator[Clip]:
    """Those that lie beside the weights."""
    for number, file in enumerate(examples(folder)):
        clip = load_clip(str(file), model, window)
        note = f"{clip.cut} frames" if clip.cut else ""
        yield Clip(f"e{number}", f"example {number}", "example", clip.frames, note)


def sampled(
    actor: Actor, num: int, frames: int, generator: torch.Generator, names: list[str]
) -> list[Clip]:
    """Clips of nobody, as the model draws them."""
    drawn, parts = actor.sample(num, frames, generator)
    some: list[Parts | None] = [*parts] or [None] * num
    said = "drawn by the model"
    each = zip(names, drawn, some, strict=False)
    return [Clip(f"s{i}", n, "sample", f, said, parts=p) for i, (n, f, p) in enumerate(each)]


def cut(seen: int, length: int) -> str:
    """In words, where not all is seen."""
    return f"the first {seen} of {counted(length, 'frame')}" if seen < length else ""


def batch(clips: list[Clip], model: Any) -> Tensor:
    """[B, T, C, H, W] on the model's device, of clips of one length."""
    return as_video(np.stack([clip.frames for clip in clips]), device_of(model))
