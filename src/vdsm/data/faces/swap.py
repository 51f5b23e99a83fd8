"""The true swap: one person with the motion of another's take, drawn, not guessed."""

from pathlib import Path
from typing import Literal

from vdsm.data.clips import Frames, read_meta
from vdsm.data.faces.film import MODEL, SAMPLES, film, load_head
from vdsm.data.faces.motion import Poses
from vdsm.data.faces.scene import POSE
from vdsm.data.truth import read_truth
from vdsm.errors import InputError


def render_swap(folder: str | Path, identity_clip: int, action_clip: int) -> Frames:
    """uint8 [T, S, S, 3]: the person of one clip with the motion of another, as long as this.

    folder: a dataset that `vdsm data faces` has made. Weights of units and the head's angles are
    those of the action clip as they were performed. With the same clip twice it is that clip.
    InputError for another dataset and for clips that it does not have.
    """
    person = _person(Path(folder), identity_clip)
    truth = read_truth(folder)
    return render(folder, person, truth.of(_within(action_clip, len(truth.length))))


def render(
    folder: str | Path, person: int, poses: Poses, size: Literal[32, 64, 128] | None = None
) -> Frames:
    """uint8 [T, S, S, 3]: a person, by number, in poses [T, K], rows of the dataset's truth.

    Numbers go beyond the dataset's people: those are of the same kind, and in none of its clips.
    size: None for that of the dataset.
    """
    folder = Path(folder)
    info, _ = read_meta(folder)
    options = info.made.get("options", {})
    if info.made.get("maker") != "faces":
        raise InputError(f"{folder} holds {info.name}, not faces: only faces can be drawn again")
    if person < 0:
        raise InputError(f"there is no person {person}: numbers begin at 0")
    if poses.ndim != 2 or poses.shape[1] != len(POSE) or len(poses) == 0:
        raise InputError(f"poses are {list(poses.shape)}: give [T, {len(POSE)}], rows of the truth")
    if size is not None and size not in SAMPLES:
        raise InputError(f"size {size}: faces are drawn at {', '.join(map(str, SAMPLES))} pixels")
    head = load_head(folder / MODEL, int(options["seed"]), person)
    return film(head, poses, size or info.size)


def _person(folder: Path, clip: int) -> int:
    _, columns = read_meta(folder)
    if "label.person" not in columns:
        raise InputError(f"{folder} does not say who is who: only faces can be drawn again")
    return int(columns["label.person"][_within(clip, len(columns["length"]))])


def _within(clip: int, clips: int) -> int:
    if not 0 <= clip < clips:
        raise InputError(f"there is no clip {clip} among {clips}")
    return clip
