"""Previews show real frames beside their labels."""

from pathlib import Path

import matplotlib
import numpy as np
import pytest

from vdsm import letters
from vdsm.data import open_clips
from vdsm.data.clips import Clips, ClipWriter, Factor, Info
from vdsm.data.preview import GAP, label, preview
from vdsm.data.spread import spread
from vdsm.video import read_video

FACTORS = (
    Factor("hair", "identity", ("black", "grün")),
    Factor("action", "action", ("run", "sit", "stand")),
)


def stored(out: Path, size: int, channels: int, lengths: list[int]) -> Clips:
    rng = np.random.default_rng(0)
    with ClipWriter(out, Info("toy", size, channels, FACTORS)) as writer:
        for i, length in enumerate(lengths):
            frames = rng.integers(0, 256, (length, size, size, channels), np.uint8)
            labels = {"hair": i // 3 % 2, "action": i % 3 if i else -1}
            writer.add(frames, group=i // 3, split=("train", "test")[i % 2], labels=labels)
    return open_clips(out)


@pytest.mark.parametrize(("size", "channels", "scale"), [(32, 3, 2), (64, 1, 1), (128, 3, 1)])
def test_frames_stand_in_rows(size: int, channels: int, scale: int, tmp_path: Path) -> None:
    clips = stored(tmp_path / "data", size, channels, [4, 9, 30])
    preview(clips, tmp_path / "p.png", rows=3, frames=6)
    sheet = read_video(tmp_path / "p.png")[0]
    side = scale * size
    across = 6 * (side + GAP) - GAP
    assert sheet.shape[0] == 3 * (side + GAP) - GAP
    tiles = sheet[:, sheet.shape[1] - across :]
    shown = {0: [0, 1, 2, 3], 1: [0, 1, 2, 3, 4, 5], 2: [0, 3, 6, 9, 12, 15]}
    for row, times in shown.items():
        for column in range(6):
            y, x = row * (side + GAP), column * (side + GAP)
            tile = tiles[y : y + side : scale, x : x + side : scale]
            if column < len(times):
                wanted = np.broadcast_to(clips.whole(row)[times[column]], tile.shape)
            else:
                wanted = np.full_like(tile, 255)
            assert np.array_equal(tile, wanted)
    texts = sheet[:, : sheet.shape[1] - across]
    assert texts.min() < 100  # something is written
    assert (texts[:, :4] == 255).all()


def test_labels_are_named(tmp_path: Path) -> None:
    clips = stored(tmp_path / "data", 32, 1, [2] * 8)
    assert label(clips, 0) == ["clip 0, group 0, train, 2 frames", "hair: black", "action: unknown"]
    assert label(clips, 4) == ["clip 4, group 1, train, 2 frames", "hair: grün", "action: sit"]


def test_letters_that_no_font_has_are_spelt_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a font of the system they stay, and it draws them; DejaVu Sans has neither ⌒ nor 動."""
    stix = Path(matplotlib.get_data_path(), "fonts/ttf/STIXGeneral.ttf")
    word = "\u2312"
    monkeypatch.setattr(letters, "_of_system", lambda: [])
    assert letters.legible("grün ж Ω") == "grün ж Ω"
    assert letters.legible(f"a {word} 動") == r"a \u2312 \u52d5"
    monkeypatch.setattr(letters, "_of_system", lambda: [str(tmp_path / "absent"), str(stix)])
    assert letters.legible(f"a {word}") == f"a {word}"
    assert letters.font(11, f"a {word}").getname()[0] == "STIXGeneral"
    assert letters.font(11, "a").getname()[0] == "DejaVu Sans"
    assert letters.legible(f"a {word} 動") == r"a \u2312 \u52d5"
    with ClipWriter(tmp_path / "data", Info("x", 32, 1, (Factor("動", "action", ("走",)),))) as out:
        out.add(np.zeros((2, 32, 32, 1), np.uint8), group=0, split="train", labels={"動": 0})
    assert label(open_clips(tmp_path / "data"), 0)[1] == r"\u52d5: \u8d70"


def test_clips_are_spread_over_groups_and_factors(tmp_path: Path) -> None:
    clips = stored(tmp_path / "data", 32, 1, [2] * 24)
    columns = [clips.table.group, clips.table.split, *clips.table.labels.values()]
    chosen = spread(columns, 6)
    assert len(set(clips.table.group[chosen].tolist())) == 6
    assert set(clips.table.labels["action"][chosen].tolist()) >= {0, 1, 2}
    assert set(clips.table.labels["hair"][chosen].tolist()) == {0, 1}
    assert set(clips.table.split[chosen].tolist()) == {0, 1}
    assert np.array_equal(np.sort(spread(columns, 100)), np.arange(24))


def test_each_next_clip_has_least_in_common_with_those_before() -> None:
    """By plain counting of shared values, the first of equals."""
    columns = list(np.random.default_rng(0).integers(0, 3, (4, 30)))
    chosen = spread(columns, 9).tolist()
    assert len(set(chosen)) == 9
    for i, next_one in enumerate(chosen):
        before, rest = chosen[:i], [row for row in range(30) if row not in chosen[:i]]
        shared = [sum(c[row] == c[old] for c in columns for old in before) for row in rest]
        assert next_one == rest[shared.index(min(shared))]
