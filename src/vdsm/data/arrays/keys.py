"""Files of a tar that belong to one sample: by their names without endings.

WebDataset ends a key at the first dot of a file's name, so `take_2.5.npy` would be key `take_2`
and kind `5.npy`. Here a file beside belongs to the clip that has the same name up to the last dot,
else to the one that has the same up to the first, if that is one clip.
"""

import tarfile
from collections.abc import Iterable, Sequence
from pathlib import PurePosixPath

from vdsm.errors import InputError


def ending(name: str) -> str:
    """What stands after the last dot, in lower case."""
    return PurePosixPath(name).suffix.lower().removeprefix(".")


def long_key(name: str) -> str:
    """A member's name up to its last dot, with its folders."""
    return PurePosixPath(name).with_suffix("").as_posix()


def short_key(name: str) -> str:
    """A member's name up to the first dot of its last part, with its folders."""
    path = PurePosixPath(name)
    return (path.parent / path.name.partition(".")[0]).as_posix()


def hidden(name: str) -> bool:
    """Whether it is no file of the data: .DS_Store, ._copy and their like."""
    return any(part.startswith(".") for part in PurePosixPath(name).parts)


def check_end(tar: tarfile.TarFile) -> None:
    """tarfile.ReadError unless a tar that was gone through ends as one should.

    Of itself tarfile takes the first damaged header for the end, and all clips after it are lost.
    """
    assert tar.fileobj is not None
    tar.fileobj.seek(tar.offset)
    if tar.fileobj.read(tarfile.BLOCKSIZE).strip(b"\0"):
        raise tarfile.ReadError(f"damaged at byte {tar.offset}")


def partners(where: str, clips: Sequence[str], beside: Iterable[str]) -> dict[str, str | None]:
    """The clip that each file beside belongs to, by names; None for one without.

    InputError where it could belong to several.
    """
    by_long = {long_key(name): name for name in clips}
    by_short: dict[str, list[str]] = {}
    for name in clips:
        by_short.setdefault(short_key(name), []).append(name)
    found: dict[str, str | None] = {}
    for name in beside:
        near = by_short.get(short_key(name), [])
        exact = by_long.get(long_key(name))
        if exact is None and len(near) > 1:
            raise InputError(
                f"{where}: {name} could belong to {near[0]} or {near[1]}: give it the name of one"
            )
        found[name] = exact or (near[0] if near else None)
    return found
