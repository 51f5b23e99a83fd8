"""Pickles of arrays, read without running anything that they name.

NumPy's own way back from a pickle sets the inner state of arrays and types, which a hostile file
could abuse. Here arrays, types and scalars become records of plain values first; arrays are made
from those once the whole pickle is read.
"""

import pickle
from collections import OrderedDict
from pathlib import Path
from typing import IO, Any

import numpy as np

from vdsm.errors import InputError

KINDS = "biufSUO"  # of values: no structures, no times
LEAVES = (str, bytes, bytearray, int, float, type(None))
DEEPEST = 64  # containers inside of one another


class Refused(pickle.UnpicklingError):
    """The pickle names something that is no array, container, number or text."""


class _Type:
    """A NumPy type: its letter and size, and the order of its bytes."""

    __slots__ = ("code",)

    def __init__(self, code: str) -> None:
        self.code = code

    def __setstate__(self, state: Any) -> None:
        if not isinstance(state, tuple) or len(state) < 8 or state[1] not in ("<", ">", "|", "="):
            raise Refused("it holds a NumPy type that is not known")
        if state[2] is not None or state[3] is not None or state[4] is not None:
            raise Refused("it holds a structured array, where only plain ones may be")
        order = "" if state[1] == "|" else state[1]
        self.code = order + self.code.lstrip("<>|=")

    @property
    def real(self) -> np.dtype[Any]:
        """The type itself, made from its code alone."""
        if not isinstance(self.code, str) or len(self.code) > 12:
            raise Refused("it holds a NumPy type that is not known")
        dtype = np.dtype(self.code)
        if dtype.kind not in KINDS or dtype.names is not None or dtype.subdtype is not None:
            raise Refused(f"it holds an array of {dtype}, where only numbers and text may be")
        return dtype


class _Array:
    """An array: shape, type, order and content, not looked at yet."""

    __slots__ = ("state",)

    def __init__(self, state: Any = None) -> None:
        self.state = state

    def __setstate__(self, state: Any) -> None:
        self.state = state

    def real(self, depth: int) -> Any:
        """The array; one of objects keeps its elements as they are."""
        if not isinstance(self.state, tuple) or len(self.state) != 5:
            raise Refused("it holds an array without content")
        _, shape, kind, fortran, content = self.state
        if not isinstance(kind, _Type) or not isinstance(shape, tuple):
            raise Refused("it holds an array without shape or type")
        order: Any = "F" if fortran else "C"
        dtype = kind.real
        if dtype.kind == "O":
            if not isinstance(content, list):
                raise Refused("it holds an array of objects without content")
            flat = np.empty(len(content), object)
            for i, value in enumerate(content):
                flat[i] = _real(value, depth + 1)
            return flat.reshape(shape, order=order)
        if isinstance(content, str):  # of Python 2
            content = content.encode("latin1")
        return np.frombuffer(content, dtype).reshape(shape, order=order)


class _Call:
    """What a pickle may call, under the name that NumPy gives it."""

    __slots__ = ("name",)  # nothing else can be set on it
    name: str

    def __init__(self, name: str) -> None:
        object.__setattr__(self, "name", name)

    def __setattr__(self, name: str, value: Any) -> None:
        raise Refused("it changes what it calls")

    def __call__(self, *given: Any) -> Any:
        match self.name, given:
            case "dtype", (str(code), *_):
                return _Type(code)
            case "reconstruct", _:
                return _Array()
            case "frombuffer", (content, _Type() as kind, tuple(shape), str(order), *_):
                return _Array((1, shape, kind, order == "F", content))
            case "scalar", (_Type() as kind, content):
                return _Array((1, (), kind, False, content))
            case "encode", (str(text), *_):  # bytes, as Python 2 pickles them
                return text.encode("latin1")
            case "bytes", ():
                return b""
            case "ordered", ():
                return OrderedDict()
        raise Refused("it calls NumPy in a way that is not known")


_MULTIARRAY = ("numpy.core.multiarray", "numpy._core.multiarray")
_NUMERIC = ("numpy.core.numeric", "numpy._core.numeric")
KNOWN = {
    ("numpy", "dtype"): _Call("dtype"),
    ("numpy", "ndarray"): _Call("class"),  # handed to _reconstruct, never called
    ("_codecs", "encode"): _Call("encode"),
    ("__builtin__", "bytes"): _Call("bytes"),
    ("builtins", "bytes"): _Call("bytes"),
    ("collections", "OrderedDict"): _Call("ordered"),
    **{(module, "_reconstruct"): _Call("reconstruct") for module in _MULTIARRAY},
    **{(module, "scalar"): _Call("scalar") for module in _MULTIARRAY},
    **{(module, "_frombuffer"): _Call("frombuffer") for module in _NUMERIC},
}


class _Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in KNOWN:
            raise Refused(f"it holds a {module}.{name}, where only arrays may be")
        return KNOWN[module, name]


def unpickle(file: IO[bytes], encoding: str = "latin1") -> Any:
    """Arrays, dicts, lists, tuples, numbers and text from an open pickle; nothing else.

    pickle.UnpicklingError, or whatever a damaged pickle raises.
    """
    return _real(_Unpickler(file, encoding=encoding).load(), 0)


def _real(value: Any, depth: int) -> Any:
    """A value with its arrays made."""
    if depth > DEEPEST:
        raise Refused("its containers lie too deep in one another")
    if isinstance(value, _Array):
        made = value.real(depth)
        return made[()] if made.shape == () else made
    if isinstance(value, _Type):
        return value.real
    if isinstance(value, dict):
        return {_real(key, depth + 1): _real(inner, depth + 1) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(_real(inner, depth + 1) for inner in value)
    if not isinstance(value, LEAVES):
        raise Refused(f"it holds a {type(value).__name__.strip('_')}, where only arrays may be")
    return value


def load_pickle(path: Path) -> Any:
    """What a pickle file holds; InputError in one line for any that is damaged or hostile."""
    try:
        with path.open("rb") as file:
            return unpickle(file)
    except MemoryError as error:
        raise InputError(
            f"{path} does not fit in memory, where a pickle must: save it as .npz"
        ) from error
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from error
    except Exception as error:  # a damaged pickle can raise anything
        reason = " ".join(str(error).split()) or type(error).__name__
        raise InputError(f"{path} is not a pickle of arrays that can be read ({reason})") from error
