"""A detector's file, run: ONNX by onnxruntime, TFLite by LiteRT, both by extras of this package."""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from vdsm.errors import InputError

Array = npt.NDArray[Any]
USUAL_SIDE = 640  # of the input, where a file leaves it open


@dataclass(frozen=True)
class Runtime:
    """A network of one input: pictures in, arrays out."""

    height: int
    width: int
    channels_first: bool
    dtype: np.dtype[Any]
    scale: tuple[float, int]  # a quantized input is picture / scale + zero point; (0, 0): is none
    names: tuple[str, ...]  # of the outputs
    call: Callable[[Array], list[Array]]

    def __call__(self, picture: Array) -> list[Array]:
        """The outputs for a picture [height, width, 3] of numbers as the network wants them."""
        scale, zero = self.scale
        values = picture / scale + zero if scale else picture
        if np.issubdtype(self.dtype, np.integer):
            limits = np.iinfo(self.dtype)
            values = np.clip(np.rint(values), limits.min, limits.max)
        batch = values.astype(self.dtype)[None]
        return self.call(
            np.ascontiguousarray(batch.transpose(0, 3, 1, 2) if self.channels_first else batch)
        )


def open_runtime(path: Path) -> Runtime:
    """InputError for a file that is missing, damaged or of another kind."""
    if not path.is_file():
        raise InputError(f"no file {path}: name the ONNX or TFLite file of a detector")
    readers = {".onnx": _onnx, ".tflite": _tflite}
    if path.suffix.lower() not in readers:
        raise InputError(f"{path} ends in '{path.suffix}': a detector is an .onnx or .tflite file")
    return readers[path.suffix.lower()](path)


def _onnx(path: Path) -> Runtime:
    try:
        import onnxruntime
    except ImportError:
        raise InputError(f'running {path} needs onnxruntime: pip install "vdsm[person]"') from None
    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads = settings.inter_op_num_threads = 1  # a process for each clip
    settings.log_severity_level = 3
    try:
        session = onnxruntime.InferenceSession(str(path), settings, ["CPUExecutionProvider"])
    except Exception as error:  # its exceptions have no common kind
        raise _damaged(path, error) from error
    inputs = session.get_inputs()
    first = inputs[0]
    known = {"tensor(float)": np.float32, "tensor(uint8)": np.uint8, "tensor(float16)": np.float16}
    if len(inputs) != 1 or first.type not in known:
        told = ", ".join(f"{i.name} {i.type}" for i in inputs)
        raise InputError(f"{path} takes {told}: expected one picture of float or uint8 numbers")
    shape = [n if isinstance(n, int) and n > 0 else None for n in first.shape]
    names = tuple(output.name for output in session.get_outputs())

    def call(batch: Array) -> list[Array]:
        return list(session.run(None, {first.name: batch}))

    return _runtime(path, shape, np.dtype(known[first.type]), (0.0, 0), names, call)


def _tflite(path: Path) -> Runtime:
    try:
        from ai_edge_litert.interpreter import Interpreter
    except ImportError:
        raise InputError(f'running {path} needs LiteRT: pip install "vdsm[face]"') from None
    try:
        with _unheard():
            network = Interpreter(model_path=str(path), num_threads=1)
            network.allocate_tensors()
    except Exception as error:
        raise _damaged(path, error) from error
    (first, *more), outputs = network.get_input_details(), network.get_output_details()
    if more:
        raise InputError(f"{path} has {len(more) + 1} inputs: expected one picture")
    outputs = sorted(outputs, key=lambda output: output["name"])

    def call(batch: Array) -> list[Array]:
        network.set_tensor(first["index"], batch)
        network.invoke()
        return [_real(network.get_tensor(o["index"]), o["quantization"]) for o in outputs]

    scale = first["quantization"] if first["dtype"] == np.int8 else (0.0, 0)
    names = tuple(str(output["name"]) for output in outputs)
    shape = [int(n) for n in first["shape"]]
    return _runtime(path, shape, np.dtype(first["dtype"]), scale, names, call)


@contextmanager
def _unheard() -> Iterator[None]:
    """Without what LiteRT says on the process's stderr of how it will compute."""
    kept = os.dup(2)
    try:
        with open(os.devnull, "wb") as nowhere:
            os.dup2(nowhere.fileno(), 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)


def _real(values: Array, quantization: tuple[float, int]) -> Array:
    scale, zero = quantization
    return (values.astype(np.float32) - zero) * scale if scale else values


def _runtime(
    path: Path,
    shape: Sequence[int | None],
    dtype: np.dtype[Any],
    scale: tuple[float, int],
    names: tuple[str, ...],
    call: Callable[[Array], list[Array]],
) -> Runtime:
    """By the shape of the input: [1, 3, H, W] or [1, H, W, 3]."""
    if len(shape) != 4 or 3 not in (shape[1], shape[3]):
        raise InputError(
            f"{path} takes an input of shape {shape}: expected a picture, [1, 3, height, width] or"
            " [1, height, width, 3]"
        )
    first = shape[1] == 3
    height, width = shape[2:] if first else shape[1:3]
    sides = height or USUAL_SIDE, width or USUAL_SIDE
    return Runtime(*sides, first, dtype, scale, names, call)


def _damaged(path: Path, error: Exception) -> InputError:
    reason = " ".join(str(error).split())[:120]
    return InputError(f"{path} cannot be opened as a detector ({reason}): fetch it again")
