"""Weights in a folder: they come back bit for bit, or one line says what is wrong."""

import json
import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import safetensors
import torch
from hypothesis import given
from hypothesis import strategies as st

from vdsm.errors import InputError
from vdsm.methods.vdsm.config import ModelConfig
from vdsm.methods.vdsm.model import VDSM


def saved_model(config: ModelConfig, folder: Path) -> VDSM:
    model = VDSM(config).eval()
    model.inverse_temperature.fill_(6.5)
    model.save_pretrained(folder)
    return model


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small model, for tests that only damage copies of it."""
    folder = tmp_path_factory.mktemp("saved") / "model"
    saved_model(ModelConfig(size=32, channels=1, **SMALL), folder)
    return folder


SMALL: dict[str, Any] = {
    "pose_dim": 2,
    "identity_dim": 3,
    "dynamics_dim": 2,
    "encoder_width": 0.0625,
    "decoder_width": 1 / 128,
    "identity_hidden": 3,
    "lstm_layers": 1,
    "lstm_width": 3,
    "combiner_hidden": 3,
    "transition_hidden": 3,
}


@pytest.mark.parametrize("options", [{}, {"flow_steps": 2, "experts": 3, "channels": 3}])
def test_round_trip(tiny: ModelConfig, tmp_path: Path, options: dict[str, Any]) -> None:
    config = replace(tiny, **options)
    model = saved_model(config, tmp_path / "new" / "model")
    again = VDSM.from_pretrained(tmp_path / "new" / "model")
    assert again.config == config
    assert not again.training
    stored, read = model.state_dict(), again.state_dict()
    assert stored.keys() == read.keys()
    assert all(torch.equal(stored[name], read[name]) for name in stored)
    assert float(again.inverse_temperature) == 6.5
    x = torch.rand(2, 3, config.channels, 32, 32)
    assert torch.equal(model.swap(x, x.flip(0)), again.swap(x, x.flip(0)))


def test_saving_again_replaces(tiny: ModelConfig, tmp_path: Path) -> None:
    saved_model(tiny, tmp_path)
    second = saved_model(tiny, tmp_path)
    again = VDSM.from_pretrained(str(tmp_path))
    assert torch.equal(again.combiner.f7.weight, second.combiner.f7.weight)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["config.json", "model.safetensors"]


def stays(name: str, t: torch.Tensor) -> bool:
    """Whether it is stored as it is."""
    return t.ndim < 2 or name.startswith("readout.")


@pytest.mark.parametrize(("dtype", "bits"), [(torch.bfloat16, 8), (torch.float16, 11)])
def test_stored_at_half_the_size(
    tiny: ModelConfig, tmp_path: Path, dtype: torch.dtype, bits: int
) -> None:
    """Matrices rounded to the type, vectors kept; float32 again when read; stored twice, the same.

    A number of so many significant bits is within 2^-bits of what was rounded.
    """
    model = VDSM(tiny).eval()
    model.inverse_temperature.fill_(6.6)  # no bfloat16 number
    model.save_pretrained(tmp_path / "full")
    model.save_pretrained(tmp_path / "half", dtype)
    again = VDSM.from_pretrained(tmp_path / "half")
    for name, exact in model.state_dict().items():
        read = again.state_dict()[name]
        assert read.dtype == torch.float32
        torch.testing.assert_close(
            read, exact, rtol=0 if stays(name, exact) else 2**-bits, atol=1e-7
        )
    with safetensors.safe_open(tmp_path / "half" / "model.safetensors", "pt") as stored:
        types = {name: stored.get_tensor(name).dtype for name in stored.keys()}  # noqa: SIM118
    assert types == {
        name: torch.float32 if stays(name, t) else dtype for name, t in model.state_dict().items()
    }
    again.save_pretrained(tmp_path / "twice", dtype)
    assert checksum(tmp_path / "half") == checksum(tmp_path / "twice")
    half, full = ((tmp_path / n / "model.safetensors").stat().st_size for n in ("half", "full"))
    assert half < 0.65 * full


def checksum(folder: Path) -> str:
    with safetensors.safe_open(folder / "model.safetensors", "pt") as stored:
        return str(stored.metadata()["sha256"])


def test_frames_of_half_the_size(tmp_path: Path) -> None:
    """Untrained weights drawing noise: frames stay within 12 of 255, 1 on average.

    Of a trained model (pendulum, 12 test clips) it is 3 at most, and 0.02 on average.
    """
    torch.manual_seed(1)
    model = VDSM(ModelConfig(size=32, encoder_width=0.25, decoder_width=1 / 16)).eval()
    model.save_pretrained(tmp_path, torch.bfloat16)
    again = VDSM.from_pretrained(tmp_path)
    model.precision = again.precision = "fp32"
    x = torch.rand(3, 5, 3, 32, 32)
    apart = 255 * (model.decode(model.encode(x)) - again.decode(again.encode(x))).abs()
    assert 0 < apart.max() < 12
    assert apart.mean() < 1


def test_checksum_of_half_the_size(copy: Path) -> None:
    """It is of what is stored: a bit that changes is noticed, in any type."""
    model = VDSM.from_pretrained(copy)
    model.save_pretrained(copy, torch.bfloat16)
    VDSM.from_pretrained(copy)
    file = copy / "model.safetensors"
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)
    refused(copy, "was altered: its checksum does not match")
    with pytest.raises(InputError, match=r"not stored as torch\.int8"):
        model.save_pretrained(copy, torch.int8)


def refused(folder: Path, pattern: str) -> None:
    with pytest.raises(InputError, match=pattern) as caught:
        VDSM.from_pretrained(folder)
    assert "\n" not in str(caught.value)


@pytest.fixture
def copy(folder: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(folder, tmp_path / "copy"))


@pytest.mark.parametrize("name", ["model.safetensors", "config.json"])
def test_missing(copy: Path, name: str) -> None:
    (copy / name).unlink()
    refused(copy, rf"{re.escape(str(copy))} is not a trained model or run: it has no {name}")
    refused(copy / "nowhere", "nowhere is not a trained model or run")


@pytest.mark.parametrize("kept", [0, 7, 8, 100, -1])
def test_truncated(copy: Path, kept: int) -> None:
    file = copy / "model.safetensors"
    file.write_bytes(file.read_bytes()[:kept])
    refused(copy, r"model\.safetensors is truncated or damaged .*: copy it again")


@given(st.floats(0, 1, exclude_max=True), st.integers(1, 255))
def test_one_byte_changed(
    folder: Path, tmp_path_factory: pytest.TempPathFactory, where: float, change: int
) -> None:
    """Any byte: refused, or (padding, the format's name) the weights are those that were saved."""
    copy = tmp_path_factory.mktemp("flipped") / "model"
    shutil.copytree(folder, copy)
    content = bytearray((copy / "model.safetensors").read_bytes())
    content[int(where * len(content))] ^= change
    (copy / "model.safetensors").write_bytes(content)
    read, refusal = None, ""
    try:
        read = VDSM.from_pretrained(copy).state_dict()
    except InputError as error:
        refusal = str(error)
    good = VDSM.from_pretrained(folder).state_dict()
    same = read is not None and all(torch.equal(good[name], read[name]) for name in good)
    assert same or refusal.endswith("copy it again")
    shutil.rmtree(copy)


def test_one_bit_of_a_weight(copy: Path) -> None:
    content = bytearray((copy / "model.safetensors").read_bytes())
    content[-1] ^= 1
    (copy / "model.safetensors").write_bytes(content)
    refused(copy, "was altered: its checksum does not match")


CHANGES: dict[str, tuple[Callable[[dict[str, Any]], object], str]] = {
    "unknown": (lambda c: c["model"].update(pose_dims=3), "unknown field 'pose_dims'.*pose_dim"),
    "value": (lambda c: c["model"].update(size=48), "size is 48, it should be 32, 64 or 128"),
    "type": (lambda c: c["model"].update(pose_dim="many"), "pose_dim is 'many', it should be"),
    "size": (lambda c: c["model"].update(pose_dim=9), "not of the sizes that its config.json"),
    "no model": (lambda c: c.pop("model"), "no entry 'model'"),
    "not a table": (lambda c: c.update(model=5), "no entry 'model'"),
}


@pytest.mark.parametrize("name", CHANGES)
def test_wrong_config(copy: Path, name: str) -> None:
    change, pattern = CHANGES[name]
    content = json.loads((copy / "config.json").read_text())
    change(content)
    (copy / "config.json").write_text(json.dumps(content))
    refused(copy, pattern)


@pytest.mark.parametrize("text", ["", "{", "[1]", "\xff\x00"])
def test_config_that_is_not_json(copy: Path, text: str) -> None:
    (copy / "config.json").write_bytes(text.encode("latin-1"))
    refused(copy, r"config\.json (is not valid JSON|does not hold a JSON object)")
