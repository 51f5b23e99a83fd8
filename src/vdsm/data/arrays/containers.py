"""Files that hold arrays, opened without reading them: names to arrays, whatever the format.

A pickle alone is read whole. Arrays of a compressed .npz are unpacked to a file that has no name,
beside the output, so that memory stays flat and nothing is left behind.
"""

import tempfile
import zipfile
from collections.abc import Mapping
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import IO, Any

import numpy as np

from vdsm.data.arrays.unpickle import load_pickle, unpickle
from vdsm.data.arrays.values import Stored
from vdsm.errors import InputError
from vdsm.files import is_disk_full
from vdsm.words import counted

HDF5 = (".h5", ".hdf5", ".hdf", ".he5")
PICKLES = (".pkl", ".pickle")
SUFFIXES = (".npy", ".npz", *HDF5, *PICKLES)
CACHE = 2**26  # bytes of HDF5 chunks that are kept unpacked


@dataclass
class Container(AbstractContextManager["Container"]):
    """Arrays by name, open until the end of a `with` block."""

    path: Path
    arrays: dict[str, Stored] = field(default_factory=dict)
    faults: dict[str, str] = field(default_factory=dict)  # of arrays that cannot be used: why
    notes: dict[str, str] = field(default_factory=dict)  # attributes of an HDF5 file
    open_files: ExitStack = field(default_factory=ExitStack)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.open_files.close()


def open_container(source: Path, spare: Path) -> Container:
    """Open a file or a folder of .npy files. `spare`: a folder with room for unpacked arrays."""
    if source.is_dir():
        return _open_folder(source)
    if not source.exists():
        raise InputError(f"no file or folder {source}: name what holds the arrays")
    suffix = source.suffix.lower()
    if suffix not in SUFFIXES:
        raise InputError(
            f"{source} ends in '{source.suffix}': expected {', '.join(SUFFIXES)}, a folder of .npy"
            " files, or tars"
        )
    if suffix == ".npy":
        found = Container(source)
        _add_npy(found, source.stem, source)
        return found
    if suffix == ".npz":
        return _open_npz(source, spare)
    return _open_hdf5(source) if suffix in HDF5 else _open_pickle(source)


def _open_folder(source: Path) -> Container:
    """The .npy files of a folder, or of the folder `npy` in it, by their stems."""
    for folder in (source, source / "npy"):
        files = sorted(folder.glob("*.npy"))
        if files:
            found = Container(folder)
            for file in files:
                _add_npy(found, file.stem, file)
            return found
    here = sorted(file.name for file in source.iterdir() if file.suffix.lower() in SUFFIXES)
    named = f"name one of its files: {', '.join(here[:5])}" if here else "it holds no array"
    raise InputError(f"{source} is a folder without .npy files or tars: {named}")


def _add_npy(found: Container, name: str, path: Path) -> None:
    """Map a .npy file; one of objects is read through the restricted unpickler."""
    try:
        with path.open("rb") as file:
            shape, _, dtype = _header(file)
            if dtype.hasobject:
                found.arrays[name] = np.asarray(unpickle(file), object).reshape(shape)
                return
        if 0 in shape:
            found.arrays[name] = np.empty(shape, dtype)
        else:
            found.arrays[name] = np.load(path, mmap_mode="r")
    except Exception as error:  # of a damaged header or pickle
        raise _unreadable(path, error) from error


def _header(file: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    """Shape, order by columns, and type of an open .npy file; leaves it at the first value."""
    version = np.lib.format.read_magic(file)
    if version == (1, 0):
        return np.lib.format.read_array_header_1_0(file)
    if version in ((2, 0), (3, 0)):
        return np.lib.format.read_array_header_2_0(file)
    raise ValueError(f"npy version {version} is not known")


def _open_npz(source: Path, spare: Path) -> Container:
    found = Container(source)
    try:
        archive = found.open_files.enter_context(zipfile.ZipFile(source))
        for member in archive.infolist():
            if member.filename.endswith(".npy"):
                name = member.filename.removesuffix(".npy")
                found.arrays[name] = _Zipped(archive, member, found.open_files, spare)
            else:
                found.faults[member.filename] = "no array"
    except Exception as error:  # a damaged zip file can raise anything
        found.open_files.close()
        raise _unreadable(source, error) from error
    return found


class _Zipped:
    """An array of a .npz: its header is read at once, its values when they are asked for."""

    def __init__(
        self, archive: zipfile.ZipFile, member: zipfile.ZipInfo, files: ExitStack, spare: Path
    ) -> None:
        self.archive, self.member, self.files, self.spare = archive, member, files, spare
        self.values: Any = None
        with archive.open(member) as file:
            self.shape, self._by_column, self.dtype = _header(file)
            self._start = member.file_size - int(np.prod(self.shape)) * self.dtype.itemsize
            if not self.dtype.hasobject and self._start != file.tell():
                raise ValueError(f"{member.filename} is cut short")

    @property
    def base(self) -> Any:
        """The mapped file, once it is unpacked."""
        return getattr(self.values, "base", None)

    def __getitem__(self, key: Any) -> Any:
        if self.values is None:
            self.values = self._load()
        return self.values[key]

    def _load(self) -> Any:
        try:
            with self.archive.open(self.member) as file:
                if self.dtype.hasobject:
                    _header(file)
                    return np.asarray(unpickle(file), object).reshape(self.shape)
                if 0 in self.shape:
                    return np.empty(self.shape, self.dtype)
                unpacked = self.files.enter_context(
                    tempfile.TemporaryFile(dir=self.spare)  # noqa: SIM115
                )
                while content := file.read(2**22):
                    unpacked.write(content)
                unpacked.flush()
        except Exception as error:
            raise _unreadable(Path(self.archive.filename or ""), error) from error
        order: Any = "F" if self._by_column else "C"
        return np.memmap(unpacked, self.dtype, "r", self._start, self.shape, order)


def _open_hdf5(source: Path) -> Container:
    try:
        import h5py
    except ImportError:
        raise InputError(f'reading {source} needs h5py: pip install "vdsm[hdf5]"') from None
    found = Container(source)
    try:
        file = found.open_files.enter_context(h5py.File(source, "r", rdcc_nbytes=CACHE))
        found.notes = {k: v for k, v in file.attrs.items() if isinstance(v, str)}
        sets: dict[str, Any] = {}

        def visit(name: str, node: Any) -> None:
            if isinstance(node, h5py.Dataset):
                sets[name] = node

        file.visititems(visit)
        ends = [name.rpartition("/")[2] for name in sets]
        for name, node in sets.items():
            end = name.rpartition("/")[2]
            short = end if ends.count(end) == 1 else name.replace("/", "_")
            text = h5py.check_string_dtype(node.dtype) is not None
            if node.shape is None:
                found.faults[short] = "empty"
            elif text:
                found.arrays[short] = np.asarray(node.asstr()[...], object)
            else:
                found.arrays[short] = _Guarded(source, node)
    except Exception as error:
        found.open_files.close()
        raise _unreadable(source, error) from error
    return found


class _Guarded:
    """An HDF5 dataset whose damaged parts give one line."""

    def __init__(self, source: Path, node: Any) -> None:
        self.source, self.node = source, node
        self.shape: tuple[int, ...] = node.shape
        self.dtype: np.dtype[Any] = node.dtype

    def __getitem__(self, key: Any) -> Any:
        try:
            return self.node[key]
        except (OSError, ValueError, MemoryError) as error:
            raise _unreadable(self.source, error) from error


def _open_pickle(source: Path) -> Container:
    """A pickled dict of arrays and lists, or one array."""
    content = load_pickle(source)
    if isinstance(content, np.ndarray | list):
        content = {source.stem: content}
    if not isinstance(content, Mapping):
        kind = type(content).__name__
        raise InputError(f"{source} holds one {kind}: expected a dict of arrays, or an array")
    found = Container(source)
    for key, value in _flat(content):
        try:
            found.arrays[key] = np.asarray(value)
        except ValueError:  # lists in a list, of different lengths
            found.faults[key] = "a list of parts that differ in shape"
    return found


def _flat(content: Mapping[Any, Any], above: str = "") -> list[tuple[str, Any]]:
    """A dict, and the dicts in it, as pairs of name and value."""
    pairs: list[tuple[str, Any]] = []
    for key, value in content.items():
        name = f"{above}{key}"
        pairs += _flat(value, f"{name}_") if isinstance(value, Mapping) else [(name, value)]
    return pairs


def _unreadable(path: Path, error: Exception) -> InputError:
    """One line of whatever went wrong while a file was read."""
    if isinstance(error, InputError):
        return error
    if is_disk_full(error):
        return InputError(f"no space left to unpack {path}: free some, or choose another --out")
    if isinstance(error, MemoryError):
        return InputError(f"{path} does not fit in memory")
    reason = " ".join((getattr(error, "strerror", None) or str(error)).split())
    return InputError(f"{path} cannot be read ({reason or type(error).__name__})")


def listed(found: Container) -> str:
    """The arrays of a container for a message: name and shape of each."""
    names = [f"{name} {list(array.shape)}" for name, array in found.arrays.items()]
    more = f" and {counted(len(names) - 8, 'other')}" if len(names) > 8 else ""
    return ", ".join(names[:8]) + more or "no array"
