"""Figures: what is drawn equals what the model says, and stands where the caption has it."""

import copy
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from small import SMALL, pendula, start
from vdsm import VDSM, InputError, figures
from vdsm.cli import run as command
from vdsm.data import open_clips
from vdsm.data.clips import Clips, ClipWriter, Info
from vdsm.figures import FIGURES, Scene, layout, set_scene
from vdsm.methods.vdsm.stages import paint_frames
from vdsm.notation import Codes
from vdsm.train.loop import train
from vdsm.train.pictures import Paint, Painter, paint_swaps
from vdsm.video import read_video

SEEN = 5


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return pendula(tmp_path_factory.mktemp("figures") / "data")


@pytest.fixture(scope="module")
def clips(data: Path) -> Clips:
    return open_clips(data)


@pytest.fixture(scope="module")
def model() -> VDSM:
    """Untrained, with weights so large that no two codes draw the same."""
    torch.manual_seed(1)
    model = VDSM(SMALL.model).eval()
    with torch.no_grad():
        for weight in model.decoder.weights:
            weight.mul_(3)
    return model


@pytest.fixture(scope="module")
def scene(model: VDSM, clips: Clips) -> Scene:
    return set_scene(model, clips, SEEN, frames=9, count=4)


@pytest.fixture(scope="module")
def folder(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A trained run."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Painter, "paint", lambda *_: None)
        run, clips = start(tmp_path_factory.mktemp("figures") / "run", data)
        train(run, clips)
    return run.path


def pair(scene: Scene) -> tuple[torch.Tensor, torch.Tensor]:
    return scene.clips[:1], scene.clips[1:2]


# -- what the model draws --------------------------------------------------------------------------


def test_interpolation_in_s_runs_from_reconstruction_to_swap(model: VDSM, scene: Scene) -> None:
    first, second = pair(scene)
    path = figures.interpolate_identity(model, first, second, 5)
    torch.testing.assert_close(path[:1], model.decode(model.encode(first)))
    torch.testing.assert_close(path[-1:], model.swap(second, first))
    assert (path[0] - path[-1]).abs().max() > 1e-3  # the ends differ, so the path says something


def test_interpolation_in_d_runs_from_reconstruction_to_swap(model: VDSM, scene: Scene) -> None:
    first, second = pair(scene)
    path = figures.interpolate_dynamics(model, first, second, 5)
    torch.testing.assert_close(path[:1], model.decode(model.encode(first)))
    torch.testing.assert_close(path[-1:], model.swap(first, second))


def test_interpolation_steps_are_even(model: VDSM, scene: Scene) -> None:
    """The middle one has the mean of both s."""
    first, second = pair(scene)
    a, b = model.encode(first), model.encode(second)
    middle = model.decode(Codes((a.s + b.s) / 2, a.d, a.z))
    path = figures.interpolate_identity(model, first, second, 3)
    torch.testing.assert_close(path[1:2], middle)


def test_every_swap_by_the_slow_way(model: VDSM, scene: Scene) -> None:
    shown = scene.clips
    made = figures.all_swaps(model, shown[:2], shown, frames=7)
    for i in range(2):
        for j in range(len(shown)):
            one = model.swap(shown[i : i + 1], shown[j : j + 1], 7)
            torch.testing.assert_close(made[i * len(shown) + j], one[0])


def test_open_loop_sees_no_more_than_it_may(model: VDSM, scene: Scene) -> None:
    """Later frames may be anything; and what is drawn is a decoder run past the codes."""
    rows = figures.open_loop_rows(model, scene.longer, SEEN)
    altered = scene.longer.clone()
    altered[:, SEEN:] = 1 - altered[:, SEEN:]
    again = figures.open_loop_rows(model, altered, SEEN)
    assert np.array_equal(rows[:, 1], again[:, 1])
    assert not np.array_equal(rows[:, 0], again[:, 0])
    codes, frames = model.encode(scene.clips), scene.longer.shape[1]
    drawn = figures.pixels(model.decode(codes, frames, by="transition"))
    assert np.array_equal(rows[:, 1], drawn)
    unrolled = figures.pixels(model.decode(codes, frames, by="dynamics"))
    assert not np.array_equal(drawn, unrolled)


def test_open_loop_error_is_the_difference(model: VDSM, scene: Scene) -> None:
    true, drawn, error = figures.open_loop_rows(model, scene.longer, SEEN).swapaxes(0, 1)
    assert np.array_equal(error, np.maximum(true, drawn) - np.minimum(true, drawn))
    assert np.array_equal(true, figures.pixels(scene.longer))
    assert error.any()


@pytest.mark.parametrize("seen", [0, 9, 10])
def test_open_loop_needs_frames_on_both_sides(model: VDSM, scene: Scene, seen: int) -> None:
    with pytest.raises(InputError, match=f"is to see {seen} of 9 frames: give 1 to 8"):
        figures.open_loop_rows(model, scene.longer, seen)


def test_transfer_rows_are_white_where_a_clip_is_over(model: VDSM, scene: Scene) -> None:
    rows = figures.transfer_rows(model, scene.clips, scene.clips.roll(1, 0), frames=8)
    assert rows.shape[:3] == (4, 3, 8)
    assert (rows[:, :2, SEEN:] == 255).all()
    assert np.array_equal(rows[:, 0, :SEEN], figures.pixels(scene.clips))
    drawn = model.swap(scene.clips, scene.clips.roll(1, 0), 8)
    assert np.array_equal(rows[:, 2], figures.pixels(drawn))


# -- how it is put together ------------------------------------------------------------------------


def numbered(clips: int, frames: int) -> Any:
    """Clips of 3 x 2 pixels, each frame with a grey of its own."""
    greys = np.arange(clips * frames, dtype=np.uint8).reshape(clips, frames, 1, 1, 1)
    return np.broadcast_to(greys, (clips, frames, 3, 2, 1))


def greys_in(sheet: Any) -> list[list[int]]:
    """Rows of a sheet as the greys of its tiles, white gaps and lines left out."""
    rows: list[list[int]] = []
    for line in sheet[..., 0]:
        tiles = [int(a) for a, b in pairwise(line) if a == b and a < 128]
        if tiles and (not rows or rows[-1] != tiles):
            rows.append(tiles)
    return rows


def test_parted_shows_both_sides_evenly() -> None:
    assert greys_in(layout.parted(numbered(2, 12), 5, 6)) == [
        [0, 2, 4, 5, 7, 9, 11],
        [12, 14, 16, 17, 19, 21, 23],
    ]
    assert greys_in(layout.parted(numbered(1, 4), 4, 9)) == [[0, 1, 2, 3]]


def test_headed_has_the_column_first() -> None:
    rows = numbered(2, 3)
    column = numbered(2, 1)[:, 0] + np.uint8(50)
    assert greys_in(layout.headed(column, rows)) == [[50, 0, 1, 2], [51, 3, 4, 5]]


def test_thin_hold_and_blank() -> None:
    clips = numbered(1, 7)
    assert layout.thin(clips, 3)[0, :, 0, 0, 0].tolist() == [0, 3, 6]
    assert layout.thin(clips, 7).shape == clips.shape
    assert layout.hold(clips, 9)[0, :, 0, 0, 0].tolist() == [0, 1, 2, 3, 4, 5, 6, 6, 6]
    assert layout.blank(clips, 9)[0, :, 0, 0, 0].tolist() == [0, 1, 2, 3, 4, 5, 6, 255, 255]
    assert layout.blank(clips, 2).shape[1] == 2


def test_words_are_beside_and_above_and_the_picture_is_whole() -> None:
    sheet = np.full((40, 60, 3), 7, np.uint8)
    left = layout.labelled(sheet, ["one", "two"])
    assert np.array_equal(left[:, -60:], sheet)
    for half in (left[:20, :-60], left[20:, :-60]):
        assert half.min() < 128  # letters
    above = layout.titled(np.stack([sheet, sheet]), "title")
    assert np.array_equal(above[:, -40:], np.stack([sheet, sheet]))
    assert above[0, :-40].min() < 128
    pictures = layout.beside([sheet, sheet])
    assert np.array_equal(pictures[:, :60], pictures[:, -60:])


# -- the album and the command ---------------------------------------------------------------------


@pytest.mark.parametrize("name", list(FIGURES))
def test_every_figure(scene: Scene, name: str) -> None:
    figure = FIGURES[name](scene)
    assert figure.still.dtype == np.uint8
    assert figure.still.ndim == 3
    assert figure.title
    assert figure.caption.endswith(".")
    if figure.moving is not None:
        assert figure.moving.dtype == np.uint8
        assert len(figure.moving) in (SEEN, scene.frames)
        assert (np.diff(figure.moving.astype(int), axis=0) != 0).any()


def test_caption_says_whose_clips_are_shown(model: VDSM, clips: Clips, tmp_path: Path) -> None:
    """With test clips, and with none that is long enough."""
    caption = FIGURES["reconstruction"](set_scene(model, clips, SEEN, 6, 2)).caption
    assert caption.startswith("Held-out clips of 5 frames")
    with ClipWriter(tmp_path / "data", Info("short", 32, 3)) as out:
        for length, split in ((SEEN, "train"), (SEEN - 1, "test"), (SEEN, "train")):
            out.add(np.full((length, 32, 32, 3), 9, np.uint8), group=length, split=split)
    scene = set_scene(model, open_clips(tmp_path / "data"), SEEN)
    caption = FIGURES["reconstruction"](scene).caption
    assert caption.startswith("Training clips of 5 frames (none so long is held out)")


def test_samples_follow_from_the_seed(model: VDSM, clips: Clips) -> None:
    def drawn(seed: int) -> Any:
        return FIGURES["generation"](set_scene(model, clips, SEEN, 6, 2, seed)).still

    assert np.array_equal(drawn(3), drawn(3))
    assert not np.array_equal(drawn(3), drawn(4))


def test_one_grey_clip_is_enough(tmp_path: Path) -> None:
    """One individual, one channel, and no frame beyond the trained ones."""
    with ClipWriter(tmp_path / "data", Info("one", 32, 1)) as out:
        out.add(np.full((SEEN, 32, 32, 1), 9, np.uint8), group=0, split="train")
    model = VDSM(SMALL.model.__class__(**vars(SMALL.model) | {"channels": 1})).eval()
    scene = set_scene(model, open_clips(tmp_path / "data"), SEEN)
    for draw in FIGURES.values():
        assert draw(scene).still.shape[-1] == 1


def test_pictures_of_training_show_what_the_model_is_trained_on(
    model: VDSM, clips: Clips, tmp_path: Path
) -> None:
    """Motion is another of fewer frames, so all are encoded, and every other one is shown."""
    painter = Painter(tmp_path, clips, torch.device("cpu"), 12, paint_swaps)
    painter.paint(model, "stage2", 1)
    with Image.open(tmp_path / "stage2-000001-swap.png") as image:
        shown = np.asarray(image)
    who, what = painter.clips, painter.clips.roll(1, 0)
    swap = figures.pixels(model.swap(who, what))[0, ::2]
    side = 33
    assert who.shape[1] == 12
    shown, labels = shown[:, -(6 * side - 1) :], shown[:, : -(6 * side - 1)]
    assert (labels < 128).any()
    for i, frame in enumerate(swap):
        there = shown[2 * side : 3 * side - 1, i * side : (i + 1) * side - 1]
        np.testing.assert_array_equal(there, frame)


@pytest.mark.parametrize("paint", [paint_frames, paint_swaps])
def test_nothing_is_painted_of_a_model_that_diverged(
    paint: Paint, model: VDSM, clips: Clips, tmp_path: Path
) -> None:
    """Training itself finds out, and goes back."""
    painter = Painter(tmp_path, clips, torch.device("cpu"), 4, paint)
    broken = copy.deepcopy(model)
    broken.frame_pose.head.bias.data.fill_(torch.nan)
    painter.paint(broken, "stage", 1)
    assert not list(tmp_path.iterdir())


def test_command_writes_png_and_moving(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    words = ["figures", str(folder), "--out", str(out), "--frames", "8", "--clips", "3"]
    assert command([*words, "--kind", "beyond,identity-pose", "--format", "mp4"]) == 0
    assert sorted(p.name for p in out.iterdir()) == [
        "beyond.mp4",
        "beyond.png",
        "identity-pose.png",
    ]
    assert len(read_video(out / "beyond.mp4")) == 8
    with Image.open(out / "identity-pose.png") as image:
        side = 4 * 64 + 3 * 2 * 2
        assert image.height == side
        assert image.width > side, "no labels at the left"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--kind", "beyon"], "no figure 'beyon'; did you mean beyond?"),
        (["--seen", "99"], "no clip of pendulum has 99 frames (the longest has 12)"),
        (["--seen", "1", "--frames", "1"], "1 frame is too few: raise --frames to 2 or more"),
        (["--clips", "1"], "clips is '1', it should be greater than or equal to 2"),
        (["--colour", "1"], "unknown option --colour"),
        (["--format", "webm"], "format is 'webm', it should be 'png', 'gif' or 'mp4'"),
    ],
)
def test_bad_input_is_one_line(
    folder: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    words: list[str],
    message: str,
) -> None:
    assert command(["figures", str(folder), "--out", str(tmp_path / "out"), *words]) == 2
    said = capsys.readouterr().err
    assert message in said
    assert said.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_output_in_use_and_other_data(
    folder: Path, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command(["figures", str(folder), "--out", str(data), "--kind", "reconstruction"]) == 2
    assert "is in use" in capsys.readouterr().err
    other = pendula(tmp_path / "other", size=64)
    assert command(["figures", str(folder), str(other), "--out", str(tmp_path / "out")]) == 2
    assert "64 pixels, 3 channels; the model takes 32 and 3" in capsys.readouterr().err
    assert command(["figures", "--out", str(tmp_path / "out")]) == 2
    assert "RUN is needed" in capsys.readouterr().err
