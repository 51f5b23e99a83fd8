"""3D ResNeXt-101 against the public implementation, and its file and input handling."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from golden import assert_close, normal, outputs, weights
from vdsm.errors import InputError
from vdsm.evaluate.resnext import MEAN, ResNeXt101, load_resnext101, prepare


@pytest.fixture(scope="module")
def stored(shared: Path) -> dict[str, Tensor]:
    return weights(shared, "resnext101")


@pytest.fixture(scope="module")
def public_file(stored: dict[str, Tensor], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint laid out as the public one: wrapped names, a classifier, an optimizer."""
    path = tmp_path_factory.mktemp("weights") / "resnext-101-kinetics.pth"
    state = {f"module.{k}": v for k, v in stored.items()}
    torch.save({"arch": "resnext-101", "epoch": 1, "state_dict": state, "optimizer": {}}, path)
    return path


def test_features_are_those_of_the_public_network(shared: Path, public_file: Path) -> None:
    network = load_resnext101(public_file).network
    with torch.inference_mode():
        features = network(normal("resnext101/x", 2, 3, 16, 112, 112))
    assert_close(features, outputs(shared, "resnext101")["features"])


def test_every_stored_tensor_has_a_place(stored: dict[str, Tensor]) -> None:
    shapes = {k: v.shape for k, v in ResNeXt101().state_dict().items() if "num_batches" not in k}
    assert shapes == {k: v.shape for k, v in stored.items() if not k.startswith("fc.")}


@pytest.mark.parametrize("size", [64, 160])
def test_frames_are_prepared_as_pillow_resizes(size: int) -> None:
    """Middle 16 of 21 frames; Pillow rounds to whole values, once along each axis."""
    clips = torch.from_numpy(np.random.default_rng(0).random((1, 21, 3, size, size), np.float32))
    pixels = (clips * 255).round()
    ours = prepare(pixels / 255)[0, :, 5]
    frame = pixels[0, 2 + 5].permute(1, 2, 0).numpy().astype(np.uint8)
    resized = np.asarray(Image.fromarray(frame).resize((112, 112), Image.Resampling.BILINEAR))
    theirs = resized.astype(np.float32).transpose(2, 0, 1) - np.array(MEAN).reshape(3, 1, 1)
    assert np.abs(ours.numpy() - theirs).max() < 1.01
    assert np.abs(ours.numpy() - theirs).mean() < 0.4


def test_grey_is_repeated() -> None:
    grey = torch.rand(1, 16, 1, 32, 32)
    torch.testing.assert_close(prepare(grey), prepare(grey.expand(-1, -1, 3, -1, -1)))


def test_short_clips_are_refused() -> None:
    with pytest.raises(InputError, match="at least 16 frames, got 8"):
        prepare(torch.zeros(1, 8, 3, 64, 64))


def test_files_that_are_something_else(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no file"):
        load_resnext101(tmp_path / "none.pth")
    text = tmp_path / "text.pth"
    text.write_text("not weights")
    with pytest.raises(InputError, match="damaged or no torch file"):
        load_resnext101(text)
    other = tmp_path / "other.pth"
    torch.save({"state_dict": {"module.conv1.weight": torch.zeros(64, 3, 7, 7, 7)}}, other)
    with pytest.raises(InputError, match=r"'bn1\.weight' is missing"):
        load_resnext101(other)
    number = tmp_path / "list.pth"
    torch.save([1, 2], number)
    with pytest.raises(InputError, match="no state dict"):
        load_resnext101(number)
    cut = tmp_path / "cut.pth"
    cut.write_bytes(other.read_bytes()[:1000])
    with pytest.raises(InputError, match="damaged"):
        load_resnext101(cut)
