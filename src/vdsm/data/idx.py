"""The IDX file format of MNIST, read strictly: http://yann.lecun.com/exdb/mnist."""

import gzip
import math
import zlib
from io import BufferedIOBase
from pathlib import Path

import numpy as np
import numpy.typing as npt

from vdsm.errors import InputError
from vdsm.files import refuse_pointer

UBYTE = 0x08
MAX_BYTES = 1 << 30


def read_idx(path: Path, dims: int) -> npt.NDArray[np.uint8]:
    """The array of unsigned bytes, with `dims` axes, of an IDX file, gzipped or plain.

    A file that is absent, of another kind, cut short or longer than it says is an InputError.
    """
    refuse_pointer(path)
    try:
        with path.open("rb") as file:
            packed = file.read(2) == b"\x1f\x8b"
        with gzip.open(path) if packed else path.open("rb") as stream:
            return _parse(path, stream, dims)
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise InputError(f"{path} is a damaged gzip file: {error}") from error
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror or error}") from error


def _parse(path: Path, stream: BufferedIOBase, dims: int) -> npt.NDArray[np.uint8]:
    """Layout: two zero bytes, type, number of axes, big-endian lengths, then the values."""
    magic = stream.read(4)
    if magic != bytes((0, 0, UBYTE, dims)):
        raise InputError(
            f"{path} has magic number 0x{magic.hex()}, expected 0x0000{UBYTE:02x}{dims:02x}: "
            f"it is not an IDX file of bytes with {dims} axes"
        )
    header = stream.read(4 * dims)
    if len(header) < 4 * dims:
        raise InputError(f"{path} ends within its header")
    shape = tuple(int(n) for n in np.frombuffer(header, ">u4"))
    expected = math.prod(shape)
    if expected > MAX_BYTES:
        raise InputError(f"{path} claims {expected} bytes of data, more than {MAX_BYTES}")
    content = stream.read(expected + 1)
    if len(content) != expected:
        found = "more" if len(content) > expected else str(len(content))
        raise InputError(f"{path} holds {found} bytes of data, its header says {expected}")
    return np.frombuffer(content, np.uint8).reshape(shape)
