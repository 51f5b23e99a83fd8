"""Sprites: frames against a plain composite with Pillow, the split, labels, bad sheets."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from vdsm.data import open_clips
from vdsm.data.clips import Clips
from vdsm.data.scale import scale
from vdsm.data.sprites import SpritesOptions, make
from vdsm.errors import InputError
from vdsm.store.shipped import home
from vdsm.store.trained import read

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data" / "lpc_sprites"
LAYERS = ("body", "bottomwear", "topwear", "hair")
COUNTS = {"paper": (7, 5, 4, 8), "benchmark": (6, 6, 6, 6)}
ROWS = {"spellcast": 0, "walk": 8, "slash": 12}
COLUMNS = {
    "walk": range(1, 9),
    "spellcast": (0, 1, 2, 3, 4, 5, 4, 6),
    "slash": (0, 1, 2, 3, 4, 5, 4, 0),
}
FACING = {"back": 0, "left": 1, "front": 2, "right": 3}


def draw_sheets(folder: Path) -> None:
    """Sheets of large noise in all the alphas there are, by palette for some, RGBA for others."""
    random = np.random.default_rng(0)
    for name, count in zip((*LAYERS, "shoes"), (7, 6, 6, 8, 2), strict=True):
        (folder / name).mkdir(parents=True)
        for i in range(count):
            sheet = random.integers(0, 256, (168, 104, 4), np.uint8)
            sheet[..., 3] = random.choice([0, 0, 255, 255, 83, 253], (168, 104))
            image = Image.fromarray(sheet).resize((832, 1344), Image.Resampling.NEAREST)
            image = image.quantize(200) if i % 2 else image
            image.save(folder / name / f"{i}.png", compress_level=1)


@pytest.fixture(scope="session")
def sheets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sheets")
    draw_sheets(folder)
    return folder


@pytest.fixture(scope="session")
def sprites(sheets: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Clips]:
    folder = tmp_path_factory.mktemp("sprites")
    for variant in ("paper", "benchmark"):
        make(folder / variant, SpritesOptions(source=sheets, variant=variant))
    return {variant: open_clips(folder / variant) for variant in ("paper", "benchmark")}


def plain(source: Path, values: tuple[int, ...], action: str) -> np.ndarray:
    """One clip the slow way: composite whole sheets with Pillow, then cut the cells out."""
    canvas = Image.new("RGBA", (832, 1344), (0, 0, 0, 255))
    for folder, value in zip((*LAYERS, "shoes"), (*values, 1), strict=True):
        with Image.open(source / folder / f"{value}.png") as image:
            canvas = Image.alpha_composite(canvas, image.convert("RGBA"))
    motion, view = action.split()
    top = 64 * (ROWS[motion] + FACING[view])
    boxes = [(64 * column, top, 64 * column + 64, top + 64) for column in COLUMNS[motion]]
    return np.stack([np.asarray(canvas.crop(box).convert("RGB")) for box in boxes])


def check_pixels(clips: Clips, source: Path, chosen: list[int]) -> None:
    for clip in chosen:
        labels = {name: int(column[clip]) for name, column in clips.table.labels.items()}
        values = tuple(labels[name] for name in ("body", "pants", "shirt", "hair"))
        action = clips.info.factor("action").values[labels["action"]]
        np.testing.assert_array_equal(clips.whole(clip), plain(source, values, action))


@pytest.mark.parametrize("variant", ["paper", "benchmark"])
def test_pixels_are_the_plain_composite(
    sprites: dict[str, Clips], sheets: Path, variant: str
) -> None:
    clips = sprites[variant]
    chosen = np.random.default_rng(1).integers(len(clips), size=12)
    check_pixels(clips, sheets, [0, len(clips) - 1, *map(int, chosen)])


@pytest.mark.skipif(not SHARED.exists(), reason="the LPC layer sheets are not at hand")
@pytest.mark.parametrize("variant", ["paper", "benchmark"])
def test_real_pixels_are_the_plain_composite(tmp_path: Path, variant: str) -> None:
    make(tmp_path / "s", SpritesOptions(source=SHARED, variant=variant))  # type: ignore[arg-type]
    clips = open_clips(tmp_path / "s")
    # In the paper's variant these are body 6 and hair 6, sheets with translucent pixels.
    translucent = np.flatnonzero(
        (clips.table.labels["body"] == clips.table.labels["body"].max())
        & (clips.table.labels["hair"] == clips.table.labels["hair"].max() - 1)
    )
    chosen = np.random.default_rng(2).integers(len(clips), size=8)
    check_pixels(clips, SHARED, [0, int(translucent[0]), *map(int, chosen)])


def test_parts_of_clips_and_batches(sprites: dict[str, Clips]) -> None:
    clips = sprites["paper"]
    np.testing.assert_array_equal(clips.read(77, 2, 5), clips.whole(77)[2:7])
    chosen, starts = np.array([5, 4000, 5, 10079]), np.array([0, 3, 4, 4])
    expected = [clips.whole(int(c))[s : s + 4] for c, s in zip(chosen, starts, strict=True)]
    np.testing.assert_array_equal(clips.batch(chosen, starts, 4), np.stack(expected))


@pytest.mark.parametrize("variant", ["paper", "benchmark"])
def test_every_combination_once_with_its_labels(sprites: dict[str, Clips], variant: str) -> None:
    clips, counts = sprites[variant], COUNTS[variant]
    labels, n = clips.table.labels, int(np.prod(counts))
    assert len(clips) == 9 * n == {"paper": 10080, "benchmark": 11664}[variant]
    names = ("body", "pants", "shirt", "hair", "action")
    combined = np.stack([labels[name] for name in names], axis=1)
    assert len(np.unique(combined, axis=0)) == len(clips)
    # index = ((body * pants + bottom) * shirts + top) * hairs + hair, the literature's order
    index = labels["body"]
    for name, count in zip(names[1:4], counts[1:], strict=True):
        index = index * count + labels[name]
    np.testing.assert_array_equal(clips.table.group, index)
    values = {f.name: f.values for f in clips.info.factors}
    for clip in range(9):
        motion, view = (values[f][labels[f][clip]] for f in ("motion", "view"))
        assert values["action"][labels["action"][clip]] == f"{motion} {view}"
    roles = {f.name: f.role for f in clips.info.factors}
    assert {n for n, role in roles.items() if role == "action"} == {"action", "motion", "view"}


def test_benchmark_split_is_the_literatures(sprites: dict[str, Clips]) -> None:
    np.random.seed(423)  # noqa: NPY002, the definition of the split
    order = np.random.permutation(1296)  # noqa: NPY002
    clips = sprites["benchmark"]
    groups, split = clips.table.group, clips.table.split
    train, choices = (set(groups[clips.select(s)]) for s in ("train", "validation"))
    assert train | choices == set(order[:1000])
    assert (len(choices), train & choices) == (130, set())  # a tenth of all, out of training
    assert set(groups[split == 1]) == set(order[1000:])
    assert (split != 1).sum() == 9000


def test_paper_split_holds_out_a_tenth_of_the_identities(
    sheets: Path, sprites: dict[str, Clips], tmp_path: Path
) -> None:
    clips = sprites["paper"]
    train, test = (np.unique(clips.table.group[clips.select(s)]) for s in ("train", "test"))
    assert len(test) == 112
    assert not set(train) & set(test)
    (tmp_path / "elsewhere").symlink_to(sheets)
    make(tmp_path / "again", SpritesOptions(source=tmp_path / "elsewhere"))
    assert open_clips(tmp_path / "again").fingerprint == clips.fingerprint
    make(tmp_path / "other", SpritesOptions(source=sheets, seed=1))
    other = open_clips(tmp_path / "other")
    assert set(other.table.group[other.select("test")]) != set(test)
    assert other.fingerprint != clips.fingerprint
    np.testing.assert_array_equal(other.whole(50), clips.whole(50))


def test_other_sizes(sprites: dict[str, Clips], sheets: Path, tmp_path: Path) -> None:
    whole = sprites["paper"].whole(123)
    for size in (32, 128):
        make(tmp_path / str(size), SpritesOptions(source=sheets, size=size))
        frames = open_clips(tmp_path / str(size)).whole(123)
        how = Image.Resampling.BOX if size == 32 else Image.Resampling.NEAREST
        for frame, original in zip(frames, whole, strict=True):
            expected = np.asarray(Image.fromarray(original).resize((size, size), how), np.int64)
            assert np.abs(frame - expected).max() <= (1 if size == 32 else 0)
    assert scale(whole, 64) is whole


def test_record(sprites: dict[str, Clips]) -> None:
    made = sprites["benchmark"].info.made
    assert made["options"]["variant"] == "benchmark"
    assert {"maker", "version", "source", "licence"} <= made.keys()


def copied(sheets: Path, tmp_path: Path) -> Path:
    """The sheets as links, to spoil one at a time."""
    folder = tmp_path / "spoiled"
    shutil.copytree(sheets, folder, copy_function=lambda a, b: Path(b).symlink_to(a))
    return folder


@pytest.mark.parametrize("spoil", ["missing", "size", "text", "truncated", "zero", "bomb"])
def test_bad_sheet_is_named(sheets: Path, tmp_path: Path, spoil: str) -> None:
    folder = copied(sheets, tmp_path)
    sheet = folder / "topwear" / "2.png"
    content = sheet.read_bytes()
    sheet.unlink()
    if spoil == "size":
        Image.new("RGBA", (832, 1280)).save(sheet)
    elif spoil == "bomb":  # claims 60,000 x 60,000 pixels; refused before decoding
        claimed = content[:16] + (60000).to_bytes(4, "big") * 2 + content[24:]
        sheet.write_bytes(claimed)
    elif spoil != "missing":
        damaged = {"text": b"not a picture", "truncated": content[:30000], "zero": b""}
        sheet.write_bytes(damaged[spoil])
    with pytest.raises(InputError, match=r"topwear/2\.png") as caught:
        make(tmp_path / "out", SpritesOptions(source=folder))
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "out").exists()


def test_other_bad_input(sheets: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no folder .*absent"):
        make(tmp_path / "out", SpritesOptions(source=tmp_path / "absent"))
    (tmp_path / "used").mkdir()
    (tmp_path / "used" / "x").write_text("")
    with pytest.raises(InputError, match="in use"):
        make(tmp_path / "used", SpritesOptions(source=sheets))
    make(tmp_path / "ok", SpritesOptions(source=sheets))
    (tmp_path / "ok" / "cells.npy").write_bytes(b"\x93NUMPY")
    with pytest.raises(InputError, match=r"cells\.npy is damaged"):
        open_clips(tmp_path / "ok")
    np.save(tmp_path / "ok" / "cells.npy", np.zeros((2, 2), np.uint8))
    with pytest.raises(InputError, match=r"cells\.npy is of another dataset"):
        open_clips(tmp_path / "ok")


@pytest.mark.skipif(not SHARED.is_dir(), reason="no shared/ beside the repository")
def test_shipped_weights_know_the_data_of_their_card(tmp_path: Path) -> None:
    (tmp_path / "sheets").symlink_to(SHARED)
    make(tmp_path / "data", SpritesOptions(source=tmp_path / "sheets"))
    trained = read(home() / "sprites")
    assert trained is not None
    assert open_clips(tmp_path / "data").known_as(trained.fingerprint)
