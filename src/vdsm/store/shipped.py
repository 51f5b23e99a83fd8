"""Small trained models that come with the package: a folder for each, found by its name."""

import re
from importlib.resources import files
from pathlib import Path

from vdsm.errors import InputError
from vdsm.files import expanded

HUB = "hf:"  # what names on Hugging Face begin with
EXAMPLES, CARD = "examples", "README.md"  # beside the weights: 0.gif, 1.gif, ...; the model card


def home() -> Path:
    """Where the shipped models lie."""
    return Path(str(files("vdsm") / "weights"))


def shipped() -> list[str]:
    """Names of the models that come with this version."""
    return sorted(file.parent.name for file in home().glob("*/config.json"))


def find(place: str | Path) -> Path:
    """The folder that a place or the name of a shipped model means.

    What lies on the disk under that name is preferred. hf:USER/NAME is fetched from Hugging Face
    (`vdsm.store.hub`). InputError for a bare name that is neither.
    """
    path = expanded(place)
    if str(place).startswith(HUB) and not path.exists():
        from vdsm.store.hub import fetch

        return fetch(place)
    bare = path.name == str(place).rstrip("/")
    hidden = path.is_dir() and not (path / "config.json").exists()
    if not bare or (path.exists() and not (hidden and path.name in shipped())):
        return path
    if hidden:
        raise InputError(
            f"the folder {path} here holds no trained model, and hides the shipped one of that "
            "name: rename it, or run this elsewhere"
        )
    if path.name not in shipped():
        raise InputError(
            f"no folder {path} here, and no model of that name is shipped; "
            f"shipped: {', '.join(shipped()) or 'none in this version'}"
        )
    return home() / path.name


def examples(folder: Path) -> list[Path]:
    """The example clips of the model in `folder`, in order."""
    count = len(list((folder / EXAMPLES).glob("*.gif")))
    return [folder / EXAMPLES / f"{i}.gif" for i in range(count)]


def example(place: str, folder: Path) -> str:
    """The file of an example clip of the model in `folder` for 'example:3'; else `place` itself."""
    found = re.fullmatch("example:(.*)", place)
    data_of_that_name = Path("example", "dataset.json").exists()
    if found is None or data_of_that_name or Path(place).exists():
        return place
    known = examples(folder)
    if not known:
        raise InputError(f"{folder.name} has no example clips: give a video or DATA:NUMBER")
    numbered = {str(number): file for number, file in enumerate(known)}
    if found[1] not in numbered:
        raise InputError(f"{folder.name} has example:0 to example:{len(known) - 1}, no {place}")
    return str(numbered[found[1]])
