"""`vdsm export --to onnx|torch`: programs that other runtimes run give what the model gives."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from small import SMALL
from test_export import refused
from vdsm.config import ReadoutConfig
from vdsm.methods.code_readout import CodeReadout
from vdsm.methods.readout import Readout
from vdsm.methods.table import method_of
from vdsm.methods.vdsm.model import VDSM
from vdsm.notation import Codes
from vdsm.programs.reading import plain
from vdsm.programs.recurrent import Scanned
from vdsm.store.weights import save
from vdsm.version import __version__

ROOT = Path(__file__).resolve().parents[1]
OTHERS = ((3, 11), (1, 5), (2, 1))  # clips and frames that nothing was traced with
CLOSE = 1e-4  # of values of some units, in float32


def fitted(dim: int, shrink: bool, seed: int = 0) -> CodeReadout:
    """A readout of random but sound tensors, that keeps all directions but one."""
    random = torch.Generator().manual_seed(seed)
    read = CodeReadout(dim)
    read.average.copy_(torch.randn(dim, generator=random))
    read.into.copy_(torch.randn(dim, dim, generator=random))
    read.back.copy_(torch.linalg.inv(read.into))
    read.kept[-1] = 0
    read.shrunk.fill_(float(shrink))
    read.weights[:3] = torch.tensor([0.5, 0.3, 0.2])
    read.means.copy_(2 * torch.randn(read.means.shape, generator=random))
    root = 0.3 * torch.randn(read.factors.shape, generator=random).tril()
    read.factors.copy_(root + 1.2 * torch.eye(dim))
    return read


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Path]:
    """A small VDSM, read out; and its folder."""
    torch.manual_seed(0)
    sizes = replace(SMALL.model, flow_steps=1)
    c = sizes
    codes = {"s": fitted(c.identity_dim, False), "d": fitted(c.dynamics_dim, True)}
    found = Readout(VDSM(sizes).eval(), codes, ReadoutConfig())
    folder = tmp_path_factory.mktemp("programs")
    save(found, folder / "model")
    found.precision = "fp32"
    return found, folder


def vdsm(folder: Path, *words: object) -> str:
    """A command in a process of its own, without the tests' checks of shapes, which trace badly."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src"), "PYTHONWARNINGS": "default"}
    done = subprocess.run(
        [sys.executable, "-m", "vdsm", *map(str, words)],
        cwd=folder, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def expected(model: Any, name: str, given: Mapping[str, Tensor]) -> list[Tensor]:
    """What the model itself gives."""
    with torch.no_grad():
        if name == "encode":
            read, raw = model.encode(given["clips"]), model.encode(given["clips"], raw=True)
            return [read.s, read.d, read.z, raw.s, raw.d, raw.z]
        if name == "decode":
            d = torch.zeros(len(given["s"]), model.config.dynamics_dim)
            return [model.decode(Codes(given["s"], d, given["z"]))]
        return [model.unroll(given["d"], len(given["steps"]))]


def inputs(model: Any, name: str, clips: int, frames: int) -> dict[str, Tensor]:
    """Some, of a program."""
    c = model.config
    return {
        "encode": {"clips": torch.rand(clips, frames, c.channels, c.size, c.size)},
        "decode": {"s": torch.randn(clips, c.identity_dim), "z": torch.randn(clips, frames, 3)},
        "unroll": {"d": torch.randn(clips, c.dynamics_dim), "steps": torch.zeros(frames)},
    }[name]


def same(found: list[Any], true: list[Tensor]) -> None:
    """As many tensors, of the same shapes and values."""
    assert len(found) == len(true)
    for one, other in zip(found, true, strict=True):
        one = np.asarray(one)
        assert one.shape == tuple(other.shape)
        np.testing.assert_allclose(one, other.numpy(), atol=CLOSE, rtol=CLOSE)


@pytest.mark.slow
def test_onnx_files_give_what_the_model_gives(model: tuple[Any, Path]) -> None:
    """In onnxruntime, for other numbers of clips and frames than they were traced with."""
    onnxruntime = pytest.importorskip("onnxruntime")
    pytest.importorskip("onnxscript", reason='no onnxscript: pip install "vdsm[onnx]"')
    whole, folder = model
    said = vdsm(folder, "export", "model", "--to", "onnx", "--out", "programs")
    assert said.count("\n") == 3
    for name in ("encode", "decode", "unroll"):
        program = onnxruntime.InferenceSession(str(folder / f"programs/{name}.onnx"))
        about = program.get_modelmeta().custom_metadata_map
        assert about["size"], about["channels"] == ("32", "3")
        assert (about["vdsm_version"], about["method"]) == (__version__, "vdsm")
        assert about["frames"] == "any"
        for clips, frames in OTHERS:
            given = inputs(whole, name, clips, frames)
            found = program.run(None, {k: v.numpy() for k, v in given.items()})
            same(found, expected(whole, name, given))
            assert about["outputs"].split(", ") == [o.name for o in program.get_outputs()]
    example(folder, "onnxruntime")


@pytest.mark.slow
def test_torch_programs_give_what_the_model_gives(model: tuple[Any, Path]) -> None:
    """By torch.export.load alone."""
    whole, folder = model
    vdsm(folder, "export", "model", "--to", "torch", "--out", "programs_torch")
    for name in ("encode", "decode", "unroll"):
        extra = {"vdsm.json": ""}
        loaded = torch.export.load(folder / f"programs_torch/{name}.pt2", extra_files=extra)
        assert json.loads(extra["vdsm.json"])["frames"] == "any"
        for clips, frames in OTHERS:
            given = inputs(whole, name, clips, frames)
            found = loaded.module()(*given.values())
            found = [found] if isinstance(found, Tensor) else list(found)
            same([x.detach() for x in found], expected(whole, name, given))
    example(folder, "torch.export")


def example(folder: Path, word: str) -> None:
    """The example of docs/programs.md that speaks of a runtime runs, at this model's size."""
    text = (ROOT / "docs" / "programs.md").read_text()
    found = [code for code in re.findall(r"```python\n(.*?)```", text, re.DOTALL) if word in code]
    code = found[0].replace("64, 64", "32, 32")
    assert code.count("\n") <= 11
    subprocess.run([sys.executable, "-c", code], cwd=folder, check=True, capture_output=True)


@pytest.mark.parametrize("shrink", [False, True])
def test_a_readout_as_sums_and_products(shrink: bool) -> None:
    """What is exported of a readout reads codes as the readout does."""
    read = fitted(5, shrink)
    code = 3 * torch.randn(40, 5)
    torch.testing.assert_close(plain(read).project(code), read.project(code), atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("kind", [nn.LSTM, nn.RNN])
@pytest.mark.parametrize("both_ways", [False, True])
def test_recurrent_layers_as_a_scan(kind: Any, both_ways: bool) -> None:
    """torch's own layers are the truth, with and without a state to begin with."""
    layer = kind(3, 4, 2, batch_first=True, bidirectional=both_ways)
    x, count = torch.randn(2, 5, 3), 4 if both_ways else 2
    state: Any = torch.randn(count, 2, 4)
    if kind is nn.LSTM:
        state = (state, torch.randn(count, 2, 4))
    for begin in (None, state):
        true, found = layer(x, begin), Scanned(layer)(x, begin)
        torch.testing.assert_close(found[0], true[0])
        torch.testing.assert_close(found[1], true[1])


def test_what_cannot_be_exported_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], model: tuple[Any, Path]
) -> None:
    """A generator, a file for a folder, options of the weights' card, another kind."""
    folder = model[1]
    save(method_of("vgan").build(method_of("vgan").preset("debug", "compact").model), folder / "g")
    out = tmp_path / "out"
    lacks = refused(capsys, "export", folder / "g", "--to", "torch", "--out", out)
    assert "no encoder" in lacks
    a_file = refused(capsys, "export", folder / "model", "--to", "onnx", "--out", "x.onnx")
    assert "name a new folder" in a_file
    card = refused(
        capsys, "export", folder / "model", "--to", "onnx", "--out", out, "--examples", "2"
    )
    assert "--examples goes with the weights" in card
    kind = refused(capsys, "export", folder / "model", "--to", "tflite", "--out", out)
    assert "--to" in kind
    used = refused(capsys, "export", folder / "model", "--to", "torch", "--out", folder)
    assert "is in use" in used
    assert not out.exists()


def test_without_onnxscript_one_line_says_what_to_install(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    model: tuple[Any, Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "onnxscript", None)
    said = refused(capsys, "export", model[1] / "model", "--to", "onnx", "--out", tmp_path / "o")
    assert 'pip install "vdsm[onnx]"' in said
