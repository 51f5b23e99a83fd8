"""Faces: the source's meshes, people and takes, the dataset and its truth, MUG's layouts."""

import errno
import json
import os
import shutil
import tarfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy.spatial.transform import Rotation
from skimage.transform import SimilarityTransform

from vdsm.cli import run
from vdsm.data import drawn, open_clips
from vdsm.data.cells import left_out
from vdsm.data.clips import SPLITS, Clips
from vdsm.data.faces import FacesOptions, dataset, film, make, mug_layout, render, render_swap
from vdsm.data.faces.look import look_of
from vdsm.data.faces.motion import MOST, NAMES, length_of, poses_of
from vdsm.data.faces.mug_layout import RIGID, align, landmarks_of, template, twice
from vdsm.data.faces.plan import columns_of, poses_in
from vdsm.data.faces.rig import Rig, rig_of
from vdsm.data.faces.scene import HEAD, POSE, camera_of, head_of, mesh_of, picture_of, rotation
from vdsm.data.faces.source import NAMED, NEUTRAL, PARTS, FaceModel, load_model, read_source
from vdsm.data.faces.units import EXPRESSIONS, SHAPES
from vdsm.data.mug import MugOptions
from vdsm.data.mug import make as make_mug
from vdsm.data.redraw import redrawn
from vdsm.data.truth import read_truth
from vdsm.errors import InputError

MODES = 3
SMALL = {"size": 32, "people": 2, "takes": 1, "shortest": 16, "longest": 18, "workers": 1}


@pytest.fixture(scope="session")
def facekit(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """ICT-FaceKit unpacked, with its first three modes."""
    packed = shared / "data" / "ict_facekit" / "ict_facekit.tar.xz"
    out = tmp_path_factory.mktemp("facekit")
    with tarfile.open(packed, "r|xz") as archive:
        for member in archive:
            name = Path(member.name).name
            if not name.startswith("identity") or int(name[8:11]) < MODES:
                archive.extract(member, out, filter="data")
    return out / "FaceXModel"


@pytest.fixture(scope="session")
def model(facekit: Path) -> FaceModel:
    return read_source(facekit)


@pytest.fixture(scope="session")
def rig(model: FaceModel) -> Rig:
    return rig_of(model)


@pytest.fixture(scope="module")
def quick(model: FaceModel, rig: Rig) -> Iterator[None]:
    """The source is read once for all tests that ask for this."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(dataset, "read_source", lambda source: model)
        patch.setattr(film, "load_rig", lambda path: rig)
        patch.setattr(mug_layout, "load_rig", lambda path: rig)
        yield


def options(facekit: Path, **more: object) -> FacesOptions:
    return FacesOptions(source=facekit, **SMALL | more)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def folder(quick: None, facekit: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small dataset."""
    out = tmp_path_factory.mktemp("faces") / "data"
    make(out, options(facekit))
    return out


@pytest.fixture(scope="module")
def clips(folder: Path) -> Clips:
    return open_clips(folder)


def neutral_pose() -> dict[str, float]:
    return dict.fromkeys(POSE, 0.0)


# The source


def test_meshes_are_those_of_a_plain_reading(facekit: Path, model: FaceModel) -> None:
    def plainly(name: str) -> np.ndarray:
        lines = (facekit / name).read_text().splitlines()
        return np.array([[float(w) for w in li.split()[1:]] for li in lines if li[:2] == "v "])

    neutral = plainly(NEUTRAL)
    np.testing.assert_array_equal(model.neutral, neutral)
    for name, offsets in (
        ("browDown_R.obj", model.shapes[SHAPES.index("browDown_R")]),
        ("identity002.obj", model.modes[2]),
    ):
        expected = (plainly(name) - neutral).astype(np.float16)
        np.testing.assert_array_equal(offsets, expected)
    faces = [
        li.split()[1:] for li in (facekit / NEUTRAL).read_text().splitlines() if li[:2] == "f "
    ]
    assert len(model.triangles) == sum(len(corners) - 2 for corners in faces)
    first = [int(corner.split("/")[0]) - 1 for corner in faces[0]]
    assert model.triangles[0].tolist() == first[:3]
    assert model.triangles[1].tolist() == [first[0], *first[2:]]
    assert PARTS[model.part[0]] == "Face"
    assert len(model.modes) == MODES


def linked(source: Path, out: Path) -> Path:
    """A folder of links to the files of another, so that any may be replaced."""
    out.mkdir()
    for file in source.iterdir():
        (out / file.name).symlink_to(file)
    return out


def replaced(folder: Path, name: str, content: bytes) -> None:
    (folder / name).unlink()
    (folder / name).write_bytes(content)


SHAPE, MODE = "eyeBlink_L.obj", "identity001.obj"


@pytest.mark.parametrize(
    ("name", "change", "says"),
    [
        (NEUTRAL, lambda c: None, f"has no {NEUTRAL}"),
        (SHAPE, lambda c: None, f"lacks {SHAPE}"),
        ("identity000.obj", lambda c: None, "has identity001.obj but lacks identity000.obj"),
        (MODE, lambda c: c[:300_000], "identity001.obj is cut short"),
        (MODE, lambda c: c[:-40_000].rsplit(b"\n", 1)[0] + b"\n", "of another topology"),
        (NEUTRAL, lambda c: c[:300_000], "cut short"),
        (NEUTRAL, lambda c: c.replace(b"usemtl M_Teeth", b"usemtl M_Hat"), "no part M_Teeth"),
        (NEUTRAL, lambda c: c.replace(b"\nf 18/7", b"\nf 99999/7"), "points that it does not have"),
        (NEUTRAL, lambda c: c.replace(b"\nf 18/7", b"\nf x/7"), "is damaged"),
        (NEUTRAL, lambda c: c.replace(b"\nvt", b"\nv 0 0 0\nvt", 1), "26,720 points, .* 26,719"),
        (NEUTRAL, lambda c: b"", "is cut short or no OBJ"),
        (SHAPE, lambda c: c.replace(b"\nf 18/7", b"\nf 19/7"), "of another topology"),
        (SHAPE, lambda c: c.replace(b"\nv ", b"\nv x", 1), "is damaged|cut short"),
        (SHAPE, lambda c: c.replace(b"\nv 0", b"\nv nan", 1), "no numbers|damaged"),
        (NAMED, lambda c: None, f"cannot read .*{NAMED}"),
        (NAMED, lambda c: b"{}", "does not name the landmarks"),
        (NAMED, lambda c: c[:50], "does not name the landmarks"),
        (NAMED, lambda c: b'{"idx_to_landmark_verts": [1, 2]}', "does not name 68 landmarks"),
    ],
)
def test_a_bad_source_is_one_line_that_names_the_file(
    facekit: Path, tmp_path: Path, name: str, change: object, says: str
) -> None:
    source = linked(facekit, tmp_path / "kit")
    content = change((source / name).read_bytes())  # type: ignore[operator]
    if content is None:
        (source / name).unlink()
    else:
        replaced(source, name, content)
    with pytest.raises(InputError, match=says) as error:
        make(tmp_path / "out", options(source))
    assert "\n" not in str(error.value)
    assert not (tmp_path / "out").exists()


def test_a_clone_may_be_named_itself(facekit: Path, tmp_path: Path) -> None:
    (tmp_path / "clone").mkdir()
    folder = linked(facekit, tmp_path / "clone" / "FaceXModel")
    (folder / NAMED).unlink()  # the first fault after the folder is found, so that this is quick
    with pytest.raises(InputError, match=f"cannot read {folder / NAMED}"):
        read_source(tmp_path / "clone")


def test_what_is_still_packed_is_to_be_unpacked(shared: Path, tmp_path: Path) -> None:
    folder = shared / "data" / "ict_facekit"
    packed = folder / "ict_facekit.tar.xz"
    with pytest.raises(InputError, match="is a file: unpack it"):
        read_source(packed)
    with pytest.raises(InputError, match="still packed: unpack it"):
        read_source(folder)
    with pytest.raises(InputError, match="no folder"):
        read_source(tmp_path / "nowhere")


def test_the_command_line_says_it_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["data", "faces", "--source", str(tmp_path), "--out", str(tmp_path / "out")]
    assert run(words) == 2
    assert capsys.readouterr().err.count("\n") == 1


# People and what they do


def test_a_person_does_not_depend_on_who_else_there_is(facekit: Path) -> None:
    few, many = (options(facekit, people=n) for n in (2, 30))
    looks = [look_of(0, i, MODES) for i in range(30)]
    first, second = (list(poses_in(o, columns_of(o), looks)) for o in (few, many))
    for a, b in zip(first, second[: len(first)], strict=True):
        np.testing.assert_array_equal(a, b)
    assert len({look.grain for look in looks}) == 30
    assert {look.glasses is None for look in looks} == {True, False}


def test_takes_go_from_neutral_to_the_apex_and_back() -> None:
    look = look_of(0, 0, MODES)
    blinks = [POSE.index(f"eyeBlink_{side}") for side in "LR"]
    for number in range(30):
        what = number % len(NAMES)
        frames = length_of(0, 0, what, number, (25, 80))
        assert 25 <= frames <= 80
        poses = poses_of(0, 0, what, number, look, frames)
        assert poses.shape == (frames, len(POSE))
        units = np.delete(poses[:, : len(SHAPES)], blinks, axis=1)
        assert units.min() >= 0
        assert units.max() <= MOST
        assert not units[[0, -1]].any()
        level = units.sum(1) / units.sum(1).max()
        windows = np.lib.stride_tricks.sliding_window_view(level, 16)
        assert windows.max(1).min() > 0.5  # 16 frames, as models see them, show the expression
    lengths = [length_of(0, p, 0, t, (25, 80)) for p in range(20) for t in range(20)]
    assert 25 <= min(lengths) < 30
    assert 60 < max(lengths) <= 80


def test_both_sides_act_about_equally_and_no_one_is_quite_even() -> None:
    look = look_of(0, 3, MODES)
    poses = poses_of(0, 3, NAMES.index("happiness"), 0, look, 40)
    left, right = (poses[:, POSE.index(f"mouthSmile_{side}")].max() for side in "LR")
    assert 0 < abs(left - right) < 0.5 * max(left, right)
    assert (left > right) == (look.manner.crooked["mouthSmile"] > 0)


def test_the_head_turns_as_euler_angles_say() -> None:
    angles = {"yaw": 10.0, "pitch": -7.0, "roll": 4.0}
    expected = Rotation.from_euler("ZXY", [4, -7, 10], degrees=True).as_matrix()
    np.testing.assert_allclose(rotation(angles), expected, atol=1e-12)


def test_a_pose_is_the_neutral_plus_weighted_shapes(model: FaceModel, rig: Rig) -> None:
    pose = neutral_pose() | {"jawOpen": 0.7, "browDown_L": 1.2}
    shapes = {name: model.shapes[SHAPES.index(name)].astype(float) for name in pose if pose[name]}
    whole = model.neutral + 0.7 * shapes["jawOpen"] + 1.2 * shapes["browDown_L"]
    moved = rig.moved(rig.neutral, pose)
    np.testing.assert_allclose(moved[rig.landmarks], whole[model.landmarks], atol=1e-3)


def test_expressions_move_the_face_as_their_names_say(rig: Rig) -> None:
    head = head_of(rig, replace(look_of(0, 0, MODES), shape=np.zeros(MODES), glasses=None))

    def places(name: str) -> np.ndarray:
        pose = neutral_pose()
        for unit, weight in EXPRESSIONS[name].items():
            pose |= {k: weight for k in (unit, f"{unit}_L", f"{unit}_R") if k in SHAPES}
        return landmarks_of(head, pose, camera_of(pose))[:, 1]

    still = landmarks_of(head, neutral_pose(), camera_of(neutral_pose()))[:, 1]
    inner_brows, corners, lip = [21, 22], [48, 54], 57
    assert (places("anger")[inner_brows] > still[inner_brows]).all()  # y points down
    assert (places("fear")[inner_brows] < still[inner_brows]).all()
    assert (places("happiness")[corners] < still[corners]).all()
    assert (places("sadness")[corners] > still[corners]).all()
    assert places("surprise")[lip] - still[lip] > 0.02
    raised = [np.abs(places(name) - still)[:, None] for name in NAMES]
    apart = [np.abs(a - b).max() for i, a in enumerate(raised) for b in raised[:i]]
    assert min(apart) > 1 / 128  # more than half a pixel at 64


def test_folds_darken_where_a_unit_acts_and_age_leaves_them(rig: Rig) -> None:
    look = replace(look_of(0, 0, MODES), age=0.0)
    head, frown = head_of(rig, look), neutral_pose() | {"browDown_L": 1.0, "browDown_R": 1.0}
    fold = rig.where.wrinkles["frown"] > 0.7
    points = np.flatnonzero(fold)
    assert 3 < len(points) < 300
    plain, folded = (mesh_of(head, pose).colour[points] for pose in (neutral_pose(), frown))
    assert (folded < 0.9 * plain).all()
    old = mesh_of(head_of(rig, replace(look, age=1.0)), neutral_pose()).colour[points]
    assert (old.sum(1) < plain.sum(1)).mean() > 0.9


def test_teeth_show_in_a_smile_and_not_in_anger(rig: Rig) -> None:
    look = replace(look_of(0, 0, MODES), shape=np.zeros(MODES), glasses=None)
    head = head_of(rig, look)
    teeth = np.flatnonzero(rig.where["Teeth"])
    marked = head.still.colour.copy()
    marked[teeth] = (0, 1, 0)
    green = replace(head, still=replace(head.still, colour=marked))

    def seen(name: str) -> int:
        pose = neutral_pose()
        for unit, weight in EXPRESSIONS[name].items():
            pose |= {k: weight for k in (unit, f"{unit}_L", f"{unit}_R") if k in SHAPES}
        plain, coloured = (picture_of(h, pose, 64, 2).astype(int) for h in (head, green))
        return int((abs(plain - coloured).max(-1) > 40).sum())

    assert seen("happiness") > 5
    assert seen("anger") == seen("sadness") == 0


# The dataset


def test_the_table_says_who_does_what(clips: Clips, facekit: Path) -> None:
    chosen = options(facekit)
    assert len(clips) == 12
    person, expression = (clips.table.labels[name] for name in ("person", "expression"))
    assert clips.info.factor("person").values == ("001", "002")
    assert clips.info.factor("expression").values == NAMES
    assert clips.info.factor("person").role == "identity"
    assert (clips.table.group == person).all()
    counts = np.histogram2d(person, expression, (2, 6))[0]
    assert (counts == 1).all()
    lengths = clips.table.length
    assert (lengths >= chosen.shortest).all()
    assert (lengths <= chosen.longest).all()
    assert np.bincount(clips.table.split, minlength=3).tolist() == [9, 2, 1]
    assert clips.info.made["identity_modes"] == MODES
    assert clips.whole(3).shape == (lengths[3], 32, 32, 3)


def test_frames_show_a_head_before_the_background(clips: Clips) -> None:
    for clip in (0, 6):
        frame = clips.whole(clip)[0].astype(int)
        corner, middle = frame[2, 2], frame[16, 16]
        assert abs(corner - np.array([138, 154, 168])).max() < 12
        assert abs(middle - corner).sum() > 40
    apart = abs(clips.whole(0)[0].astype(int) - clips.whole(6)[0]).mean()
    assert apart > 5  # two persons differ more than
    assert abs(clips.whole(0)[0].astype(int) - clips.whole(1)[0]).mean() < apart  # one does


def test_truth_is_what_was_drawn(folder: Path, clips: Clips) -> None:
    truth = read_truth(folder)
    assert truth.names == tuple(f"pose.{name}" for name in POSE)
    assert len(truth.values) == clips.table.length.sum()
    for clip in (0, 7):
        who = int(clips.table.labels["person"][clip])
        np.testing.assert_array_equal(render(folder, who, truth.of(clip)), clips.whole(clip))
    assert truth.column("pose.yaw").std() > 0.3
    with pytest.raises(InputError, match="no truth 'yaw': there is pose"):
        truth.column("yaw")


def test_a_swap_is_that_person_with_that_motion(folder: Path, clips: Clips) -> None:
    np.testing.assert_array_equal(render_swap(folder, 5, 5), clips.whole(5))
    swapped = render_swap(folder, 0, 8)  # person 0 as person 1 moves in clip 8
    assert len(swapped) == clips.table.length[8]
    own = np.abs(swapped[0].astype(int) - clips.whole(0)[0]).mean()
    others = np.abs(swapped[0].astype(int) - clips.whole(8)[0]).mean()
    assert own < others
    np.testing.assert_array_equal(render_swap(folder, 7, 8), clips.whole(8))  # of one person


def test_some_frames_of_a_swap_are_those_of_the_whole(clips: Clips, folder: Path) -> None:
    source, frames = redrawn(clips), np.array([0, 9])
    drawn = source.draw(1, 0, frames)
    np.testing.assert_array_equal(drawn, render(folder, 1, read_truth(folder).of(0))[frames])
    assert source.people == SMALL["people"]
    with pytest.raises(InputError, match="it was asked"):
        source.draw(1, 0, np.array([99]))


@pytest.mark.parametrize(("identity", "action"), [(12, 0), (0, -1)])
def test_a_swap_of_no_clip_is_refused(folder: Path, identity: int, action: int) -> None:
    with pytest.raises(InputError, match="there is no clip"):
        render_swap(folder, identity, action)


def test_anybody_can_be_drawn_at_any_size(folder: Path, clips: Clips) -> None:
    poses = read_truth(folder).of(0)[:2]
    large = render(folder, 0, poses, 64)
    halved = large.reshape(2, 32, 2, 32, 2, 3).mean((2, 4))
    assert abs(halved - clips.read(0, 0, 2)).mean() < 3
    stranger = render(folder, 99, poses)
    assert abs(stranger.astype(int) - clips.read(0, 0, 2)).mean() > 5
    for person, some, size in ((-1, poses, None), (0, poses[:, :3], None), (0, poses, 65)):
        with pytest.raises(
            InputError, match=r"no person -1|poses are \[2, 3\]|drawn at 32, 64, 128"
        ):
            render(folder, person, some, size)  # type: ignore[arg-type]


def test_other_data_have_no_truth_and_no_swap(folder: Path, tmp_path: Path) -> None:
    other = tmp_path / "data"
    shutil.copytree(folder, other)
    record = json.loads((other / "dataset.json").read_text())
    record["made"]["maker"] = "mug"
    (other / "dataset.json").write_text(json.dumps(record))
    with pytest.raises(InputError, match="only faces can be drawn again"):
        render_swap(other, 0, 1)
    (other / "truth.npz").write_bytes(b"no zip")
    with pytest.raises(InputError, match=r"truth\.npz is damaged"):
        read_truth(other)
    (other / "truth.npz").unlink()
    with pytest.raises(InputError, match="only drawn data have a truth"):
        read_truth(other)
    (other / "model.npz").write_bytes(b"no zip")
    with pytest.raises(InputError, match=r"cannot read .*model\.npz"):
        load_model(other / "model.npz")


def test_two_processes_give_the_same_bytes_as_one(
    folder: Path, facekit: Path, tmp_path: Path
) -> None:
    """They read the model from the folder, as this process did not."""
    make(tmp_path / "two", options(facekit, workers=2))
    for name in ("frames.u8", "clips.npz", "truth.npz", "dataset.json"):
        assert (tmp_path / "two" / name).read_bytes() == (folder / name).read_bytes(), name
    assert sorted(f.name for f in (tmp_path / "two").iterdir()) == sorted(os.listdir(folder))


def test_an_interrupted_making_goes_on_with_the_same_bytes(
    folder: Path, facekit: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, drawn_clips = tmp_path / "out", []
    real = dataset.draw

    def draw(job: dataset.Job) -> tuple[int, np.ndarray]:
        if len(drawn_clips) == 5:
            raise KeyboardInterrupt
        drawn_clips.append(job.clip)
        return real(job)

    monkeypatch.setattr(dataset, "draw", draw)
    with pytest.raises(KeyboardInterrupt):
        make(out, options(facekit))
    with pytest.raises(InputError, match="half made: run"):
        open_clips(out)
    with pytest.raises(InputError, match="begun with seed 0, not 1"):
        make(out, options(facekit, seed=1))
    journal = out / drawn.JOURNAL
    assert len(journal.read_text().splitlines()) == 5
    journal.write_text(journal.read_text()[:-9])  # a torn line
    with open(out / "frames.u8", "r+b") as file:  # and a clip whose bytes did not reach the disk
        file.write(bytes(100))
    drawn_clips.clear()
    monkeypatch.setattr(dataset, "draw", lambda job: (drawn_clips.append(job.clip), real(job))[1])
    make(out, options(facekit))
    assert drawn_clips == [0, *range(4, 12)]
    for name in os.listdir(folder):
        assert (out / name).read_bytes() == (folder / name).read_bytes(), name


@pytest.mark.usefixtures("quick")
def test_shards_keep_the_truth_and_can_be_drawn_again(facekit: Path, tmp_path: Path) -> None:
    out = tmp_path / "shards"
    words = f"data faces --source {facekit} --size 32 --people 1 --takes 1 --longest 26"
    assert run([*words.split(), "--workers", "1", "--shards", "2", "--out", str(out)]) == 0
    sharded = open_clips(out)
    assert sharded.info.storage == "shards"
    np.testing.assert_array_equal(render_swap(out, 3, 3), sharded.whole(3))
    assert len(read_truth(out).values) == sharded.table.length.sum()


@pytest.mark.usefixtures("quick")
def test_a_full_disk_is_found_at_once_and_nothing_is_lost(
    facekit: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", full)
    with pytest.raises(InputError, match=r"no space left to write .* run the same command"):
        make(tmp_path / "out", options(facekit, people=1, takes=1))
    monkeypatch.undo()
    with pytest.raises(InputError, match="half made"):
        open_clips(tmp_path / "out")


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({"shortest": 30, "longest": 20}, "--shortest 30 exceeds --longest 20"),
        ({"test_share": 0.6, "validation_share": 0.5}, "leave nothing to train on"),
        ({"people": 1, "holdout": "person"}, "leaves nobody to train on"),
    ],
)
def test_options_that_do_not_go_together_are_refused_first(
    tmp_path: Path, more: dict[str, object], says: str
) -> None:
    with pytest.raises(InputError, match=says):
        make(tmp_path / "out", options(tmp_path / "nowhere", **more))


def test_a_folder_in_use_is_left_alone(folder: Path, facekit: Path) -> None:
    before = (folder / "dataset.json").read_bytes()
    with pytest.raises(InputError, match="in use"):
        make(folder, options(facekit))
    assert (folder / "dataset.json").read_bytes() == before


def test_persons_are_held_out_whole(facekit: Path) -> None:
    columns = columns_of(options(facekit, people=20, holdout="person"))
    kinds = [set(columns["split"][columns["group"] == who].tolist()) for who in range(20)]
    assert all(len(kind) == 1 for kind in kinds)
    counts = np.bincount([kind.pop() for kind in kinds], minlength=len(SPLITS))
    assert counts.tolist() == [15, 3, 2]


def test_cells_that_are_left_out_are_for_testing_alone(facekit: Path) -> None:
    columns = columns_of(options(facekit, people=10, unseen_cells=0.2))
    unseen = columns["unseen"] == 1
    cells = np.stack([columns["label.person"], columns["label.expression"]], 1)
    assert len(np.unique(cells[unseen], axis=0)) == 12
    assert (columns["split"][unseen] == SPLITS.index("test")).all()
    kept = {tuple(cell) for cell in cells[~unseen].tolist()}
    assert kept.isdisjoint({tuple(cell) for cell in cells[unseen].tolist()})
    assert {who for who, _ in kept} == set(range(10))
    assert {what for _, what in kept} == set(range(6))
    whole = columns_of(options(facekit, people=10))
    rest = ~unseen
    np.testing.assert_array_equal(columns["split"][rest], whole["split"][rest])
    assert whole["unseen"].sum() == 0


def test_training_may_leave_out_cells_of_its_own(clips: Clips) -> None:
    out = left_out(clips, 0.3, seed=0)
    assert 0 < out.sum() < (clips.table.split == 0).sum()


# MUG's layouts


@pytest.fixture(scope="module")
def mug(quick: None, facekit: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("mug") / "out"
    make(out, options(facekit, people=1, layout="mug"))
    return out


def test_twice_the_frames_pass_through_every_pose() -> None:
    poses = np.array([[0.0, 1], [2, 5], [4, 0]], np.float32)
    np.testing.assert_array_equal(twice(poses)[::2], poses)
    np.testing.assert_array_equal(twice(poses)[1::2], [[1, 3], [3, 2.5]])


def test_the_tree_is_read_as_mug_with_every_second_frame(
    mug: Path, facekit: Path, tmp_path: Path, rig: Rig
) -> None:
    take = mug / "tree" / "001" / "fear" / "take000"
    pictures = sorted(take.iterdir())
    with Image.open(pictures[0]) as picture:
        assert picture.size == (128, 128)
    make_mug(tmp_path / "data", MugOptions(source=mug / "tree", size=32, crop="16,8,96,96"))
    read = open_clips(tmp_path / "data")
    chosen = options(facekit, people=1)
    columns, look = columns_of(chosen), look_of(0, 0, MODES)
    expected = list(poses_in(chosen, columns, [look]))
    assert len(read) == 6
    assert read.info.factor("person").values == ("001",)
    np.testing.assert_array_equal(read.table.length, columns["length"])
    np.testing.assert_array_equal(read.table.labels["expression"], columns["label.expression"])
    assert len(pictures) == 2 * columns["length"][2] - 1
    head = head_of(rig, look)
    for clip in (0, 2):
        ours = film.film(head, expected[clip], 32).astype(int)
        theirs = read.whole(clip).astype(int)
        face = slice(6, 26)
        errors = np.abs(ours - theirs)[:, face, face].mean((1, 2, 3))
        assert errors.max() < 8
        shifted = np.abs(np.roll(ours, 2, axis=2) - theirs)[:, face, face].mean()
        assert errors.mean() < 0.5 * shifted


def test_the_npz_is_read_as_mug(mug: Path, facekit: Path, tmp_path: Path) -> None:
    make_mug(tmp_path / "data", MugOptions(source=mug / "npz", size=64))
    read = open_clips(tmp_path / "data")
    columns = columns_of(options(facekit, people=1))
    np.testing.assert_array_equal(read.table.length, columns["length"])
    np.testing.assert_array_equal(read.table.labels["expression"], columns["label.expression"])
    assert read.info.factor("person").values == ("1",)
    np.testing.assert_array_equal(read.table.labels["person"], columns["label.person"])
    with np.load(mug / "npz" / "MUG_0-255_OF_112x112_color.npz", allow_pickle=True) as stored:
        clips = stored["arr_0"]
    assert clips[0].shape == (2 * columns["length"][0] - 1, 112, 112, 3)
    assert sorted(file.name for file in mug.iterdir()) == ["npz", "tree"]


def test_aligning_is_the_similarity_of_least_squares(rig: Rig) -> None:
    head = head_of(rig, look_of(0, 1, MODES))
    pose = neutral_pose() | dict(zip(HEAD, (6.0, 3.0, 8.0, 0.05, -0.04), strict=True))
    camera = camera_of(pose)
    found, wanted = landmarks_of(head, pose, camera), template(rig)
    aligned = landmarks_of(head, pose, align(camera, found, wanted))
    library = SimilarityTransform.from_estimate(found[list(RIGID)], wanted[list(RIGID)])
    np.testing.assert_allclose(aligned, library(found), atol=1e-9)
    eyes = aligned[[36, 39]].mean(0), aligned[[42, 45]].mean(0)
    assert abs(eyes[0][1] - eyes[1][1]) < 0.02  # upright, whatever the head did
    assert 0.3 < eyes[1][0] - eyes[0][0] < 0.45


def test_pictures_are_no_dataset_and_no_shards(
    mug: Path, facekit: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(InputError, match="in use"):
        make(mug, options(facekit, people=1, layout="mug"))
    words = ["data", "faces", "--source", str(facekit), "--out", str(tmp_path / "out")]
    assert run([*words, "--layout", "mug", "--shards", "2"]) == 2
    assert "leave --shards out" in capsys.readouterr().err
