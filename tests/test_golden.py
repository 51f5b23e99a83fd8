"""Encoder, decoder and combiner against outputs of the authors' implementation."""

from pathlib import Path

import pytest
import torch
from torch import Tensor

from golden import assert_close, normal, outputs, uniform, weights
from vdsm.methods.vdsm.combiner import Combiner
from vdsm.methods.vdsm.config import ModelConfig
from vdsm.methods.vdsm.decoder import MixtureDecoder
from vdsm.methods.vdsm.encoder import FrameEncoder
from vdsm.methods.vdsm.identity import IdentityPosterior
from vdsm.methods.vdsm.pose import FramePose

# Their trunk is linear by accident (a slope of 1); their identity layer is not.
CONFIG = ModelConfig(identity_dim=15, encoder_slope=1.0)
RENAMED = {
    "h_rnn_to_hidden": "f_h",
    "lin_z_to_hidden": "f7",
    "lin_hidden_to_loc": "f8",
    "lin_hidden_to_scale": "f9",
}


@pytest.fixture
def stored(shared: Path) -> dict[str, Tensor]:
    return weights(shared, "encoder")


def layer(stored: dict[str, Tensor], theirs: str, ours: str) -> dict[str, Tensor]:
    return {f"{ours}.{kind}": stored[f"{theirs}.{kind}"] for kind in ("weight", "bias")}


def test_encoder_trunk(shared: Path, stored: dict[str, Tensor]) -> None:
    encoder = FrameEncoder(CONFIG)
    trunk = {k: v for k, v in stored.items() if k.startswith("encoder.")}
    encoder.load_state_dict({k.replace("encoder.", "layers."): v for k, v in trunk.items()})
    features = encoder(uniform("encoder/x", 4, 3, 64, 64)[:, None])
    assert_close(features[:, 0], outputs(shared, "encoder")["trunk"])


def test_pose_head(shared: Path, stored: dict[str, Tensor]) -> None:
    golden = outputs(shared, "encoder")
    pose = FramePose(CONFIG)
    pose.load_state_dict(layer(stored, "muvar", "head"))
    q = pose(golden["trunk"][:, None])
    assert_close(q.loc[:, 0], golden["z_loc"])
    assert_close(q.scale[:, 0], golden["z_scale"])


def test_identity_head(shared: Path, stored: dict[str, Tensor]) -> None:
    """One frame a clip: the authors average after f_s, the paper before it."""
    golden = outputs(shared, "encoder")
    identity = IdentityPosterior(CONFIG)
    identity.load_state_dict(layer(stored, "BC_1", "embed") | layer(stored, "BC_2", "head"))
    q = identity(golden["trunk"][:, None])
    assert_close(q.loc, golden["s_loc"])
    assert_close(q.scale, golden["s_scale"])


def test_decoder(shared: Path) -> None:
    """They feed {z, ŝ}, so their inputs go to `draw` as they are."""
    stored, golden = weights(shared, "decoder"), outputs(shared, "decoder")
    decoder = MixtureDecoder(ModelConfig(identity_dim=3))
    decoder.load_state_dict(
        {f"weights.{i}": stored[f"EW{i + 1}"].permute(0, 1, 3, 4, 2) for i in range(5)}
        | {f"biases.{i}": stored[f"EB{i + 1}"] for i in range(5)}
    )
    w = golden["w"]
    x = torch.cat([normal("decoder/z", 5, 30), w.expand(5, 3)], -1)
    assert_close(decoder.draw(x[None], w[None]).sigmoid()[0], golden["x"])


def test_combiner(shared: Path) -> None:
    stored, golden = weights(shared, "combiner"), outputs(shared, "combiner")
    combiner = Combiner(ModelConfig())
    names = {key: key.split(".") for key in stored}
    combiner.load_state_dict(
        {f"{RENAMED[part]}.{kind}": stored[key] for key, (part, kind) in names.items()}
    )
    h, d = normal("combiner/h", 6, 512), normal("combiner/d", 6, 50)
    q = combiner.step(normal("combiner/z_prev", 6, 30), combiner.context(h[:, None], d)[:, 0])
    assert_close(q.loc, golden["loc"])
    assert_close(q.scale, golden["scale"])
