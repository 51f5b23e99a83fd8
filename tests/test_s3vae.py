"""S3VAE: labels of the motion by plain loops, its triplet, and what it refuses."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from small import FRAMES, pendula
from vdsm import InputError
from vdsm.data import open_clips
from vdsm.methods.parts.recipe import one_by_one
from vdsm.methods.s3vae import labels
from vdsm.methods.s3vae.model import S3VAE
from vdsm.methods.s3vae.recipe import (
    METHOD,
    known,
    labelled_bound,
    of_cells,
    of_distances,
    triplet,
)
from vdsm.methods.s3vae.source import LabelledSampler
from vdsm.store.run import Run
from vdsm.train.loop import train
from vdsm.training import settings


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return pendula(tmp_path_factory.mktemp("s3vae") / "data")


@pytest.fixture
def with_landmarks(tmp_path: Path) -> Path:
    folder = pendula(tmp_path / "faces")
    rng = np.random.default_rng(0)
    np.save(folder / labels.FILE, rng.normal(5, 3, (len(open_clips(folder)), FRAMES, 2)))
    return folder


def config_of(kind: str, outputs: int = 9) -> Any:
    c = METHOD.preset("debug", "compact")
    c = replace(c, model=replace(c.model, size=32, motion_outputs=outputs), precision="fp32")
    return replace(c, train=replace(c.train, motion_label=kind, steps=3))


def square(at: tuple[int, int], size: int = 30) -> np.ndarray:
    frame = np.zeros((size, size, 3), np.uint8)
    frame[at[0] : at[0] + 5, at[1] : at[1] + 5] = 200
    return frame


def test_cells_are_those_of_plain_loops() -> None:
    rng = np.random.default_rng(0)
    for _ in range(20):
        one, other = rng.integers(0, 256, (2, 30, 30, 3), np.uint8)
        sums = np.zeros(9)
        for row in range(30):
            for column in range(30):
                change = abs(other[row, column].astype(int) - one[row, column]).sum()
                sums[row // 10 * 3 + column // 10] += change
        expected = [float(total in sorted(sums)[-3:]) for total in sums]
        assert labels.cells(labels.difference(one, other)).tolist() == expected


@pytest.mark.parametrize("amount", [labels.difference, labels.flow])
def test_what_moves_is_found_by_differences_and_by_flow(amount: labels.Amount) -> None:
    """A square in the lower right cell; of a clip that stands still nothing is known."""
    found = labels.cells(amount(square((22, 22)), square((23, 23))))
    assert found[8] == 1
    assert found.sum() == labels.MOST
    assert np.isnan(labels.cells(amount(square((3, 3)), square((3, 3))))).all()


def test_the_first_frame_has_no_label_and_the_others_that_of_their_pair(data: Path) -> None:
    clips = open_clips(data)
    found = labels.Cells(labels.difference)
    sampler = LabelledSampler(one_by_one(clips, config_of("difference")), 5, found)
    frames, rows = sampler.labelled(np.random.default_rng(0), 4)
    again = sampler.draw(np.random.default_rng(0), 4).target
    assert np.array_equal(frames, again)
    assert np.isnan(rows[:, 0]).all()
    for clip in range(4):
        for t in range(1, 5):
            pair = labels.difference(frames[clip, t - 1], frames[clip, t])
            assert np.array_equal(rows[clip, t], labels.cells(pair), equal_nan=True)


def test_the_triplet_is_that_of_plain_loops() -> None:
    a, p, n = torch.randn(3, 6, 4, dtype=torch.float64)
    for i, found in enumerate(triplet(a, p, n).tolist()):
        near = sum((x - y) ** 2 for x, y in zip(a[i].tolist(), p[i].tolist(), strict=True)) ** 0.5
        far = sum((x - y) ** 2 for x, y in zip(a[i].tolist(), n[i].tolist(), strict=True)) ** 0.5
        assert found == pytest.approx(max(near - far + 1, 0), abs=1e-4)


def test_what_is_not_known_costs_nothing() -> None:
    told = torch.tensor([[[1.0, -2.0], [0.5, 3.0]], [[9.0, 9.0], [9.0, 9.0]]])
    nan = float("nan")
    label = torch.tensor([[[nan, nan], [1.0, 0.0]], [[nan, nan], [nan, nan]]])
    right = torch.tensor([0.5, -3.0]).sigmoid().log()  # of a 1 and of a 0
    torch.testing.assert_close(
        known(of_cells, told, label), torch.stack([-right.mean(), label.new_zeros(())])
    )
    torch.testing.assert_close(known(of_distances, told, label), torch.tensor([(0.25 + 9) / 2, 0]))


@torch.no_grad()
def test_the_head_is_taught_and_z_hears_of_no_later_frame(data: Path) -> None:
    model = S3VAE(config_of("difference").model).eval()
    x = torch.rand(2, 5, 3, 32, 32)
    later = torch.cat([x[:, :3], torch.rand(2, 2, 3, 32, 32)], 1)
    torch.testing.assert_close(model.encode(x).z[:, :3], model.encode(later).z[:, :3])
    label = torch.zeros(2, 5, 9)
    terms = labelled_bound(model, (x, label), torch.Generator().manual_seed(1), of_cells)
    z = model.infer(x, torch.Generator().manual_seed(1)).codes.z
    expected = torch.nn.functional.softplus(model.motion(z)).mean((1, 2))
    torch.testing.assert_close(terms["dynamic"], expected)


def test_landmarks_are_standardized_over_training_clips(with_landmarks: Path) -> None:
    clips = open_clips(with_landmarks)
    found = labels.Landmarks(clips)
    train_rows = found.table[clips.select("train")]
    np.testing.assert_allclose(train_rows.mean((0, 1)), 0, atol=1e-12)
    np.testing.assert_allclose(train_rows.std((0, 1)), 1)
    raw = np.load(with_landmarks / labels.FILE)
    rows = found.of(3, 2, clips.read(3, 2, 4))
    assert np.corrcoef(rows[:, 1], raw[3, 2:6, 1])[0, 1] == pytest.approx(1)


@pytest.mark.parametrize("kind", ["none", "flow", "landmarks"])
def test_every_label_trains(kind: str, with_landmarks: Path, tmp_path: Path) -> None:
    """The default is trained by test_methods.py."""
    config = config_of(kind, {"none": 0, "flow": 9, "landmarks": 2}[kind])
    run = Run.create(tmp_path / "run", config, with_landmarks, "debug", method="s3vae")
    train(run, open_clips(with_landmarks))
    last = run.metrics()[-1]
    assert ("dynamic" in last) == (kind != "none")
    assert np.isfinite(last["loss"])


def test_the_head_is_as_wide_as_labels_are(with_landmarks: Path) -> None:
    clips = open_clips(with_landmarks)
    for kind, outputs in (("landmarks", 2), ("difference", 9), ("none", 0)):
        asked = {"train.motion_label": kind}
        found, _ = settings(clips, METHOD, "debug", "compact", asked)
        assert found.model.motion_outputs == outputs


@pytest.mark.parametrize(
    ("array", "line"),
    [
        (None, r"has no landmarks: write distances .* or give --train.motion_label difference"),
        (
            np.zeros((3, FRAMES, 2)),
            r"an array \[3, 12, 2\]: it should be \[28, 12 or",
        ),
        (np.zeros((28, FRAMES)), r"is an array \[28, 12\]"),
        (np.zeros((28, 4, 2)), r"is an array \[28, 4, 2\]"),
        (np.full((28, FRAMES, 2), np.nan), r"numbers that no training clip has"),
        (np.full((28, FRAMES, 2), np.inf), r"or that are infinite"),
        (np.full((28, FRAMES, 2), "wide"), r"is no array of numbers"),
        (b"landmarks", r"is no array of numbers"),
    ],
)
def test_landmarks_that_are_none_are_one_line(array: Any, line: str, tmp_path: Path) -> None:
    folder = pendula(tmp_path / "data")
    if isinstance(array, bytes):
        (folder / labels.FILE).write_bytes(array)
    elif array is not None:
        np.save(folder / labels.FILE, array)
    with pytest.raises(InputError, match=line):
        settings(
            open_clips(folder), METHOD, "debug", "compact", {"train.motion_label": "landmarks"}
        )


def test_a_head_of_another_width_and_single_frames_are_one_line(data: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"9 numbers, .* 4: give --model.motion_outputs 9"):
        Run.create(tmp_path / "run", config_of("flow", 4), data, "debug", method="s3vae")
    config = config_of("difference")
    config = replace(config, train=replace(config.train, frames=1))
    with pytest.raises(InputError, match=r"S3VAE takes segments of 2 frames or more, not 1"):
        Run.create(tmp_path / "run", config, data, "debug", method="s3vae")
    assert not (tmp_path / "run").exists()
