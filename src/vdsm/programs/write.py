"""The programs of a model, written to a folder as ONNX files or as `torch.export` archives.

Each takes any number of clips and of frames where its parts can be traced so; where they cannot,
as many frames as it was traced with, which is said. Metadata name what it takes and gives.
"""

import copy
import json
import logging
import shutil
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal, get_args

import torch
from torch import nn
from torch.export import Dim

from vdsm.errors import InputError
from vdsm.files import atomic_write, claim_folder
from vdsm.programs.parts import Part, parts
from vdsm.programs.recurrent import scanned
from vdsm.store.named import load_model
from vdsm.store.trained import read
from vdsm.version import __version__

Kind = Literal["onnx", "torch"]
SUFFIX = {"onnx": ".onnx", "torch": ".pt2"}
ENTRY = "vdsm.json"  # of a .pt2 archive; in ONNX files each key is metadata of its own
MORE = 3  # frames, where one or two are traced apart from more
# Least number of frames (0: one number alone), and which layers become scans; in order.
Layers = tuple[type[nn.Module], ...]
BOTH: Layers = (nn.LSTM, nn.RNN)
ATTEMPTS: Mapping[str, Sequence[tuple[int, Layers]]] = {
    "onnx": ((1, (nn.RNN,)), (1, BOTH), (MORE, BOTH), (0, (nn.RNN,))),
    "torch": ((1, BOTH), (MORE, BOTH), (0, BOTH)),
}
FRAMES = 8  # to trace with, where a model does not say what it was trained on


def write(model: str, to: str, out: Path) -> None:
    """Write what a run or a model can do as programs to a new folder, and say what they take."""
    if to not in get_args(Kind):
        raise InputError(f"--to is '{to}': it is weights, {' or '.join(get_args(Kind))}")
    if out.suffix in (*SUFFIX.values(), ".pt"):
        raise InputError(f"{out}: a model is several programs: name a new folder for --out")
    if to == "onnx":
        require_onnx()
    opened, folder = load_model(model, "cpu")
    trained = read(folder)
    frames = max(2, trained.frames if trained else FRAMES)
    todo = parts(opened, frames)
    claim_folder(out)
    try:
        told = about(opened, model, frames)
        if not sum([written(part, to, out, told) for part in todo]):
            raise InputError(f"nothing of {model} can be exported to {to}, as said above")
    except BaseException:
        shutil.rmtree(out)  # it was new or empty
        raise


def require_onnx() -> None:
    """InputError where the packages that write ONNX are missing."""
    try:
        import onnxscript  # noqa: F401
    except ImportError:
        raise InputError('ONNX files need onnx and onnxscript: pip install "vdsm[onnx]"') from None


def about(model: Any, name: str, frames: int) -> dict[str, str]:
    """What every program says of the model."""
    c = model.config
    return {
        "vdsm_version": __version__,
        "model": Path(name).name,
        "method": str(model.method),
        "size": str(c.size),
        "channels": str(c.channels),
        "trained_frames": str(frames),
    }


def written(part: Part, to: str, out: Path, model: Mapping[str, str]) -> bool:
    """Write one program, and say what it takes, or why it cannot be; whether it was written."""
    file = out / f"{part.name}{SUFFIX[to]}"
    program, least, why = traced(part, to)
    if program is None:
        print(f"{file.name} is not to be had of {model['method']}: torch cannot trace it ({why})")
        return False
    number = str(next(iter(part.inputs.values())).shape[1])
    some = {1: "any", MORE: f"{MORE} or more"}
    entries = dict(model) | {
        "inputs": ", ".join(shaped(part, name, bool(least)) for name in part.inputs),
        "outputs": ", ".join(part.outputs),
        "frames": some[least] if least else number,
    }
    save = save_onnx if to == "onnx" else save_torch
    save(program, part, file, entries)
    size = file.stat().st_size / 1e6
    frames = "" if least == 1 else f", frames: {entries['frames']}"
    print(f"{file}: {entries['inputs']} -> {entries['outputs']}{frames}, {size:.1f} MB")
    return True


def shaped(part: Part, name: str, free: bool) -> str:
    """An input and its axes: clips[batch, frames, 3, 64, 64]."""
    axes = part.axes[name]
    sizes = [
        axes[i] if i in axes and (free or axes[i] != "frames") else str(n)
        for i, n in enumerate(part.inputs[name].shape)
    ]
    return f"{name}[{', '.join(sizes)}]"


def traced(part: Part, to: str) -> tuple[Any, int, str]:
    """The program; the least number of frames that it takes, 0 for one number alone; or why none.

    ONNX has a layer of its own for an LSTM, which is faster than a scan, but does not always leave
    the number of frames open.
    """
    why = ""
    for least, kinds in ATTEMPTS[to]:
        tried = copy.deepcopy(part.module)
        scanned(tried, kinds)
        try:
            with quiet():
                return trace(part, tried, to, least), least, ""
        except Exception as error:  # torch's exporters have no common kind
            why = (str(error.__cause__ or error).strip() or type(error).__name__).split("\n")[0]
    return None, 0, why


def trace(part: Part, module: nn.Module, to: str, least: int) -> Any:
    """The exported program, or the program of ONNX."""
    known = {"batch": Dim("batch")}
    if least:
        known["frames"] = Dim("frames", min=least) if least > 1 else Dim("frames")
    shapes = tuple(
        {axis: known[name] for axis, name in axes.items() if name in known}
        for axes in part.axes.values()
    )
    given = tuple(part.inputs.values())
    if to == "torch":
        return torch.export.export(module, given, dynamic_shapes=shapes, strict=False)
    program = torch.onnx.export(
        module,
        given,
        dynamo=True,
        dynamic_shapes=shapes,
        input_names=list(part.inputs),
        output_names=list(part.outputs),
        verbose=False,
    )
    assert program is not None
    for value, axes in zip(program.model.graph.inputs, part.axes.values(), strict=True):
        for axis, name in axes.items():
            shape: Any = value.shape
            if name in known and isinstance(shape[axis], int):
                raise ValueError(f"torch fixed the {name}")
    return program


def save_torch(program: Any, part: Part, file: Path, entries: Mapping[str, str]) -> None:
    """A .pt2 archive, as `torch.export.load` reads it."""

    def save(stream: Any) -> None:
        torch.export.save(program, stream, extra_files={ENTRY: json.dumps(entries)})

    with quiet():
        atomic_write(file, save)


def save_onnx(program: Any, part: Part, file: Path, entries: Mapping[str, str]) -> None:
    """One file, weights inside."""
    free = not entries["frames"].isdecimal()
    named = {"encode": {"z": 1, "z_raw": 1}, "decode": {"clips": 1}, "unroll": {"z": 1}}
    content = program.model_proto
    for value in content.graph.output:
        if free and value.name in named[part.name]:  # torch states the number of the trace
            value.type.tensor_type.shape.dim[1].dim_param = "frames"
    for key, text in entries.items():
        entry = content.metadata_props.add()
        entry.key, entry.value = key, text
    atomic_write(file, content.SerializeToString())


@contextmanager
def quiet() -> Iterator[None]:
    """Torch's exporters speak of their own insides; what matters is raised."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings(), torch.no_grad():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)
