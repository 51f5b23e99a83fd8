"""The true swap: one person in another's take, drawn, not guessed."""

from dataclasses import replace
from pathlib import Path
from typing import Literal

from vdsm.data.clips import Frames, Info, Ints, read_meta
from vdsm.data.people.dataset import film, job_of
from vdsm.errors import InputError

SIZES = (32, 64, 128)


def render_swap(folder: str | Path, identity_clip: int, action_clip: int) -> Frames:
    """uint8 [T, S, S, 3]: the person of one clip does what another shows, as long as this does.

    folder: a dataset that `vdsm data people` has made. Motion, camera, room and light are those of
    the action clip; body, hair and clothes are those of the identity's. With the same clip twice
    it is that clip. InputError for another dataset and for clips that it does not have.
    """
    _, columns = _read(Path(folder), identity_clip)
    return render(folder, int(columns["label.person"][identity_clip]), action_clip)


def render(
    folder: str | Path,
    person: int,
    clip: int,
    size: Literal[32, 64, 128] | None = None,
    frames: Ints | None = None,
) -> Frames:
    """uint8 [T, S, S, 3]: a person, by number, does what a clip shows.

    Numbers go beyond the dataset's people: those are of the same kind, and in none of its clips.
    size: None for that of the dataset. frames: which ones of the clip, None for all.
    """
    folder = Path(folder)
    info, columns = _read(folder, clip)
    if person < 0:
        raise InputError(f"there is no person {person}: numbers begin at 0")
    if size is not None and size not in SIZES:
        raise InputError(f"size {size}: people are drawn at {', '.join(map(str, SIZES))} pixels")
    job = replace(job_of(folder, info, columns, person, clip), size=size or info.size)
    return film(job, frames)


def _read(folder: Path, clip: int) -> tuple[Info, dict[str, Ints]]:
    """What the folder says of its clips, one of which is this."""
    info, columns = read_meta(folder)
    if info.made.get("maker") != "people":
        raise InputError(f"{folder} holds {info.name}, not people: only people can be drawn again")
    clips = len(columns["length"])
    if not 0 <= clip < clips:
        raise InputError(f"there is no clip {clip} among {clips}")
    return info, columns
