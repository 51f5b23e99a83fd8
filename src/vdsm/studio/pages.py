"""The files of the page, read once: nothing else can be asked for by a name."""

from dataclasses import dataclass
from importlib.resources import files

TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}


@dataclass(frozen=True)
class File:
    """What is sent for one of them."""

    content: bytes
    type: str


def pages() -> dict[str, File]:
    """By name."""
    found = {}
    for file in files("vdsm.studio").joinpath("page").iterdir():
        kind = TYPES.get("." + file.name.rpartition(".")[2])
        if kind:
            found[file.name] = File(file.read_bytes(), kind)
    return found
