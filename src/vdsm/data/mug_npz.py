"""The authors' packing of MUG: an npz with an object array of clips, and one of labels.

Object arrays are stored as pickles, which can run any code. They are read by an unpickler that
rebuilds NumPy arrays and knows nothing else.
"""

import pickle
import zipfile
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from vdsm.data.clips import Frames
from vdsm.errors import InputError

Array = npt.NDArray[Any]


class _Subtype:
    """Stands for the class numpy.ndarray in a pickle; cannot be called."""


def _reconstruct(subtype: type, shape: tuple[int, ...], kind: bytes) -> Array:
    """An empty array, which the pickle then fills by `__setstate__`, as NumPy's own does."""
    return np.empty(0, np.int8)


class ArrayUnpickler(pickle.Unpickler):
    """Rebuilds NumPy arrays, nested or not; anything else in the pickle is refused."""

    def find_class(self, module: str, name: str) -> Any:
        known = {
            ("numpy", "dtype"): np.dtype,
            ("numpy", "ndarray"): _Subtype,
            ("multiarray", "_reconstruct"): _reconstruct,
            ("multiarray", "scalar"): _scalar,
            ("_codecs", "encode"): _encode,
        }
        if module in ("numpy.core.multiarray", "numpy._core.multiarray"):
            module = "multiarray"
        if (module, name) not in known:
            raise pickle.UnpicklingError(f"it holds a {module}.{name}, where only arrays may be")
        return known[module, name]


def _scalar(dtype: np.dtype[Any], content: bytes) -> Any:
    """A NumPy scalar; one of objects has no bytes to be made from, and is refused."""
    return np.frombuffer(content, dtype)[0]


def _encode(text: str, encoding: str) -> bytes:
    """How Python 2 pickles bytes."""
    return text.encode("latin1")


def load_array(path: Path, key: str) -> Array:
    """One array of an npz file, an object array too. InputError that names the file and the key."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = [name.removesuffix(".npy") for name in archive.namelist()]
            if key not in names:
                raise InputError(f"{path} has no array '{key}': it has {', '.join(names)}")
            with archive.open(f"{key}.npy") as file:
                return _load(file)
    except InputError:
        raise
    except FileNotFoundError as error:
        raise InputError(f"no file {path}") from error
    except Exception as error:  # a damaged pickle or zip can raise anything
        raise InputError(f"cannot read '{key}' of {path}: {error or type(error)}") from error


def _load(file: IO[bytes]) -> Array:
    """As numpy.lib.format.read_array, with the restricted unpickler."""
    version = np.lib.format.read_magic(file)
    readers = {
        (1, 0): np.lib.format.read_array_header_1_0,
        (2, 0): np.lib.format.read_array_header_2_0,
    }
    if version not in readers:
        raise ValueError(f"npy version {version} is not known")
    shape, fortran, dtype = readers[version](file)
    if dtype.hasobject:
        array = ArrayUnpickler(file, encoding="latin1").load()
        if not isinstance(array, np.ndarray) or array.shape != shape:
            raise ValueError("the pickle does not hold the array that the header names")
        return array
    content = file.read()
    values = np.frombuffer(content, dtype, count=int(np.prod(shape)))
    return values.reshape(shape, order="F" if fortran else "C")


def expression_codes(text: str, names: tuple[str, ...]) -> dict[int, int]:
    """'0=anger,8=surprise' to {0: 0, 8: 5}: a number in the labels to an index into names."""
    codes: dict[int, int] = {}
    for part in text.split(","):
        number, _, name = part.partition("=")
        if not number.strip().isdecimal() or name.strip() not in names:
            raise InputError(
                f"codes '{text}': '{part}' is not NUMBER=EXPRESSION, one of {', '.join(names)}"
            )
        codes[int(number)] = names.index(name.strip())
    return codes


def check_clip(clip: Any, name: str) -> Frames:
    """uint8 [T, H, W, 3] of one entry of the clips' array; values must lie in 0 .. 255."""
    if not isinstance(clip, np.ndarray) or clip.ndim != 4 or clip.shape[3] != 3 or 0 in clip.shape:
        found = clip.shape if isinstance(clip, np.ndarray) else type(clip).__name__
        raise InputError(f"{name} is {found}, expected an array [T, H, W, 3]")
    if clip.dtype == np.uint8:
        return clip
    if clip.dtype.kind not in "iuf":
        raise InputError(f"{name} has values of type {clip.dtype}, expected numbers in 0 .. 255")
    low, high = clip.min(), clip.max()
    if not (low >= 0 and high <= 255) or (clip.dtype.kind == "f" and high <= 1):
        raise InputError(f"{name} has values {low} .. {high}, expected 0 .. 255")
    return np.rint(clip).astype(np.uint8)
