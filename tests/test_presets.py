"""Presets: the paper's tables, and models that can be built."""

from itertools import pairwise
from math import prod

import numpy as np
import pytest
import torch

from vdsm import VDSM, InputError, ModelConfig
from vdsm.data.clips import Clips, Frames, Info, Table
from vdsm.methods.vdsm.presets import COMPACT, NAMES, PAPER, preset
from vdsm.methods.vdsm.recipe import METHOD
from vdsm.training import settings

# Table 4: lr, epochs, batch of both stages, segment length where one is printed; 50 batches an
# epoch. Table 5: κ_s. Sprites' lr 8e-3 is taken for a slip (docs/model.md).
TABLES = {
    "mug": (1e-3, 1e-3, 250, 200, 20, 20, 20, 15),
    "sprites": (1e-3, 1e-3, 300, 200, 20, 20, None, 40),
    "moving-mnist": (1e-3, 1e-3, 300, 200, 20, 30, None, 12),
    "pendulum": (5e-4, 1e-3, 200, 100, 50, 20, None, 7),
}


@pytest.mark.parametrize("name", TABLES)
def test_paper_size_is_the_papers(name: str) -> None:
    config = preset(name, "paper")
    lr1, lr2, epochs1, epochs2, batch1, batch2, segment, identity = TABLES[name]
    one, two, model = config.stage1, config.stage2, config.model
    assert (one.lr, one.steps, one.batch) == (lr1, epochs1 * 50, batch1)
    assert (two.lr, two.steps, two.batch) == (lr2, epochs2 * 50, batch2)
    assert segment in (None, two.frames)
    assert (one.decay, two.decay) == (0, 0)
    assert (model.pose_dim, model.identity_dim, model.dynamics_dim) == (30, identity, 50)
    assert (model.lstm_layers, model.lstm_width) == (3, 512)
    assert (model.combiner_hidden, model.transition_hidden) == (512, 64)
    assert model.num_experts == identity
    assert config.additions == type(config.additions)()  # nothing added to the recipe


@pytest.mark.parametrize("name", PAPER)
def test_paper_size_has_the_papers_parameters(name: str) -> None:
    """App. D, counted by hand: 4 x 4 kernels throughout, N_s decoders."""
    model = preset(name, "paper").model
    with torch.device("meta"):
        built = VDSM(model)
    c, s, z, d, h = model.channels, model.identity_dim, 30, 50, 512
    encoder = (c, 32, 32, 64, 64, 256)
    decoder = (s + z, 512, 256, 128, 64, c)
    assert count(built.encoder) == convolutions(encoder)
    assert count(built.decoder) == s * convolutions(decoder)
    assert count(built.identity) == dense(256, 128) + dense(128, 2 * s)
    assert count(built.frame_pose) == dense(256, 2 * z)
    bi_lstm = 2 * (lstm(z, h) + 2 * lstm(2 * h, h))
    assert count(built.dynamics) == bi_lstm + dense(h * 3 * 2, 2 * d)
    assert count(built.transition) == 2 * (dense(z + d, 64) + dense(64, z)) + dense(
        z + d, z
    ) + dense(z, z)


def count(module: torch.nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


def dense(inputs: int, outputs: int) -> int:
    return inputs * outputs + outputs


def convolutions(widths: tuple[int, ...]) -> int:
    return sum(prod((i, 4, 4, o)) + o for i, o in pairwise(widths))


def lstm(inputs: int, hidden: int) -> int:
    return 4 * hidden * (inputs + hidden + 2)


@pytest.mark.parametrize("name", NAMES)
def test_compact_size_draws_a_clip(name: str) -> None:
    """The configuration of every preset makes a model that reads and draws its frames."""
    config = preset(name).model
    model = VDSM(config).eval()
    clip = torch.rand(1, 2, config.channels, config.size, config.size)
    assert model.decode(model.encode(clip), frames=3).shape == (1, 3, *clip.shape[2:])
    assert count(model) < 20e6


def test_debug_has_one_size() -> None:
    assert preset("debug") == preset("debug", "paper")
    assert COMPACT.keys() == PAPER.keys()


def test_an_unknown_preset_is_named() -> None:
    with pytest.raises(InputError, match="unknown preset 'sprite': choose one of mug, sprites"):
        preset("sprite")


def test_one_decoder_needs_one_field() -> None:
    """App. G: the bank replaced by a single decoder."""
    single = VDSM(ModelConfig(size=32, experts=1, decoder_width=0.125, encoder_width=0.25))
    assert {w.shape[0] for w in single.decoder.weights} == {1}


class Unread(Clips):
    """Clips of which little more than the table matters."""

    def __init__(
        self, group: list[int], split: list[int], maker: str = "mine", shade: int = 0
    ) -> None:
        self.shade = shade
        table = Table(np.full(len(group), 16), np.array(group), np.array(split), {})
        super().__init__(Info("mine", 64, 3, made={"maker": maker}), table)

    def read(self, clip: int, start: int, frames: int) -> Frames:
        return np.full((frames, 64, 64, 3), self.shade, np.uint8)


def test_the_preset_of_data_that_have_none_of_their_own_is_auto() -> None:
    """And of folders, unless they show known people in frames that are neither black nor bright."""
    grouped, alone = [0, 0, 1], [0, 1, 2]
    for group, maker, expected in (
        (grouped, "sprites", "sprites"),
        (grouped, "folder", "auto"),
        (alone, "folder", "auto"),
        (grouped, "faces", "faces"),
        (grouped, "people", "people"),
        (grouped, "family", "auto"),
        (alone, "mine", "auto"),
    ):
        assert METHOD.usual(METHOD, Unread(group, [0, 0, 0], maker)) == expected, maker
    photographs = Unread(grouped, [0, 0, 0], "folder", shade=128)
    assert METHOD.usual(METHOD, photographs) == "folder"
    assert METHOD.usual(METHOD, Unread(alone, [0, 0, 0], "folder", shade=128)) == "auto"


def test_contrast_needs_two_training_clips_of_an_individual() -> None:
    grouped, used = settings(Unread([0, 0, 1], [0, 0, 0]), METHOD, "folder", "compact", {})
    alone, _ = settings(Unread([0, 1, 1], [0, 0, 1]), METHOD, "folder", "compact", {})
    assert used == "folder"
    assert grouped == preset("folder")
    assert grouped.contrast.steps > 0
    assert (alone.contrast.steps, alone.model.identity_encoder) == (0, "shared")
    assert alone.additions == grouped.additions
    printed, _ = settings(Unread([0, 1], [0, 0]), METHOD, "folder", "paper", {})
    assert printed == preset("folder", "paper")
    by_clip, _ = settings(
        Unread([0, 0, 1], [0, 0, 0]), METHOD, "folder", "compact", {"who": "clip"}
    )
    assert by_clip.contrast == alone.contrast
    assert by_clip.who == "clip"
    one, _ = settings(
        Unread([0, 0], [0, 0]), METHOD, "folder", "compact", {}
    )  # nobody to tell them from
    assert one == alone
    asked, _ = settings(
        Unread([0, 1], [0, 0]), METHOD, "folder", "compact", {"contrast.steps": "5"}
    )
    assert asked.contrast.steps == 5
