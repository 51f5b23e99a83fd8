"""Whole frames with the box in which they were cropped, for a picture of a dataset."""

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from vdsm.data.clips import Clips, Frames
from vdsm.data.crop.store import Cropped, pictures_of, read_crops, squares_of

FILES = "files.csv"
COLOUR = (255, 220, 0)
COUNT = 2  # whole frames of a clip


@dataclass(frozen=True)
class Whole:
    """Of each clip the row of crops.csv, and its first frame in the file."""

    folder: Path
    rows: dict[int, Cropped]
    first: dict[int, int]

    @classmethod
    def of(cls, clips: Clips) -> "Whole":
        """Of no clip, where the dataset was not cropped to a subject."""
        crops = {(row.file, row.part): row for row in read_crops(clips.path)}
        folder = clips.path or Path()
        if not crops or not (folder / FILES).exists():
            return cls(folder, {}, {})
        with open(folder / FILES, newline="", encoding="utf-8", errors="surrogateescape") as file:
            listed = list(csv.DictReader(file))
        keys = [(line["file"], line.get("part", "")) for line in listed]
        rows = {i: crops[key] for i, key in enumerate(keys) if key in crops}
        return cls(folder, rows, {i: int(listed[i]["first_frame"]) for i in rows})

    @property
    def doubtful(self) -> list[int]:
        """Clips whose crops look wrong."""
        return [clip for clip, row in self.rows.items() if row.doubtful]

    def said(self, clip: int) -> list[str]:
        """What looks wrong with a clip's crop."""
        return [str(remark) for remark in self.rows[clip].remarks] if clip in self.rows else []

    def sheet(self, clips: list[int], height: int, gap: int) -> Frames:
        """Whole frames of clips, a row for each of that height; white where there are none."""
        tiles = [[self._tile(p, height) for p in self._pictures(clip)] for clip in clips]
        width = max((tile.shape[1] for row in tiles for tile in row), default=0) + gap
        sheet = np.full((len(clips) * (height + gap) - gap, COUNT * width, 3), 255, np.uint8)
        for i, row in enumerate(tiles):
            for j, tile in enumerate(row):
                y, x = i * (height + gap), j * width
                sheet[y : y + tile.shape[0], x : x + tile.shape[1]] = tile
        return sheet

    def _pictures(self, clip: int) -> list[Image.Image]:
        """Whole frames from the clip's first on, each with its box."""
        if clip not in self.rows:
            return []
        row = self.rows[clip]
        shown, pictures = pictures_of(self.folder, row)
        squares = squares_of(self.folder, row)
        since = [abs(number - self.first[clip]) for number in shown]
        nearest = sorted(np.argsort(since, kind="stable")[:COUNT].tolist())
        if self.first[clip] == 0 and len(shown) > COUNT:
            nearest = [0, len(shown) // 2]
        return [self._boxed(pictures[i], squares[shown[i]], row) for i in nearest]

    def _boxed(self, picture: Frames, square: Frames, row: Cropped) -> Image.Image:
        image = Image.fromarray(np.ascontiguousarray(picture))
        scale = np.array([image.width / row.width, image.height / row.height] * 2)
        left, top, side = (float(value) for value in square)
        box = np.array([left, top, left + side, top + side]) * scale
        limit = np.array([image.width - 1, image.height - 1] * 2)
        edge = np.clip(np.rint(box).astype(int), 0, limit)
        ImageDraw.Draw(image).rectangle(edge.tolist(), outline=COLOUR, width=2)
        return image

    def _tile(self, image: Image.Image, height: int) -> Frames:
        width = max(1, round(image.width * height / image.height))
        width = min(width, 2 * height)
        scaled = image.resize((width, round(width * image.height / image.width) or 1))
        return np.asarray(scaled)[:height]
