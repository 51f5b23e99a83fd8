"""The true swap: one person in another's take, drawn, not guessed."""

from pathlib import Path

from vdsm.data.clips import Frames, read_meta
from vdsm.data.people.make import film, job_of
from vdsm.errors import InputError


def render_swap(folder: str | Path, identity_clip: int, action_clip: int) -> Frames:
    """uint8 [T, S, S, 3]: the person of one clip does what another shows, as long as this does.

    folder: a dataset that `vdsm data people` has made. Motion, camera, room and light are those of
    the action clip; body, hair and clothes are those of the identity's. With the same clip twice
    it is that clip. InputError for another dataset and for clips that it does not have.
    """
    folder = Path(folder)
    info, columns = read_meta(folder)
    if info.made.get("maker") != "people":
        raise InputError(f"{folder} holds {info.name}, not people: only people can be drawn again")
    clips = len(columns["length"])
    for clip in (identity_clip, action_clip):
        if not 0 <= clip < clips:
            raise InputError(f"there is no clip {clip} among {clips}")
    return film(job_of(folder, info, columns, identity_clip, action_clip))
