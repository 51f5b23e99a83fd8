"""Settings from strings and files: typed, or one line that names the field and the remedy."""

from dataclasses import asdict
from typing import Any

import pytest

from vdsm.config import build, describe, override
from vdsm.errors import InputError
from vdsm.methods.vdsm.config import Config, ModelConfig
from vdsm.methods.vdsm.presets import NAMES, preset


def test_overrides_are_typed() -> None:
    """What a flag says is a string; numbers, names and choices of numbers come out as such."""
    changes = {
        "model.size": "32",
        "model.channels": "1",
        "model.encoder_slope": "0.2",
        "stage1.steps": "7",
        "stage2.lr": "5e-4",
        "model.likelihood": "gaussian",
        "device": "cpu",
    }
    config = override(Config(), changes, "flags")
    found = {name: value for name, value in flat(config).items() if name in changes}
    assert found == {
        "model.size": 32,
        "model.channels": 1,
        "model.encoder_slope": 0.2,
        "stage1.steps": 7,
        "stage2.lr": 5e-4,
        "model.likelihood": "gaussian",
        "device": "cpu",
    }
    rest = {name: value for name, value in flat(config).items() if name not in changes}
    assert rest == {name: value for name, value in flat(Config()).items() if name not in changes}


def flat(config: Any) -> dict[str, Any]:
    leaves = {}
    for name in describe(type(config)):
        value = config
        for part in name.split("."):
            value = getattr(value, part)
        leaves[name] = value
    return leaves


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"model.sise": "32"}, "flags: unknown field 'model.sise'; did you mean model.size"),
        ({"size": "32"}, "flags: unknown field 'size'; did you mean model.size"),
        ({"train.size": "32"}, "flags: unknown field 'train.size'; did you mean model.size"),
        ({"model.size": "48"}, "flags: model.size is '48', it should be 32, 64 or 128"),
        ({"stage1.lr": "fast"}, "flags: stage1.lr is 'fast', it should be a valid number"),
        ({"stage1.steps": "-1"}, "flags: stage1.steps is '-1', it should be greater than"),
        ({"seed": str(2**63)}, "flags: seed is '9223372036854775808', it should be less than"),
        ({"model.likelihood": "poisson"}, "model.likelihood is 'poisson', it should be"),
    ],
)
def test_mistakes(changes: dict[str, str], message: str) -> None:
    with pytest.raises(InputError) as caught:
        override(Config(), changes, "flags")
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("size", ["compact", "paper"])
def test_presets_survive_a_file(name: str, size: Any) -> None:
    """As plain values and back; a field that is no longer known is named."""
    config = preset(name, size)
    assert build(Config, asdict(config), "file") == config
    with pytest.raises(InputError, match=r"file: unknown field 'model\.sizes'"):
        build(Config, asdict(config) | {"model": {"sizes": 3}}, "file")


def test_every_field_is_described() -> None:
    for name, field in describe(Config).items():
        assert field.description, name
    with pytest.raises(InputError, match="unknown preset 'cats': choose one of mug, sprites"):
        preset("cats")


@pytest.mark.parametrize(
    ("size", "encoder", "decoder"),
    [
        (32, (32, 64, 64, 256), (512, 256, 128)),
        (64, (32, 32, 64, 64, 256), (512, 256, 128, 64)),
        (128, (32, 32, 32, 64, 64, 256), (512, 256, 128, 64, 32)),
    ],
)
def test_widths_of_the_paper(size: Any, encoder: tuple[int, ...], decoder: tuple[int, ...]) -> None:
    config = ModelConfig(size=size)
    assert config.encoder_widths == encoder
    assert config.decoder_widths == decoder
