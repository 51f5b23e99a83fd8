"""What figures of a run or a model show."""

from pathlib import Path

from pydantic import Field
from pydantic.dataclasses import dataclass

from vdsm.config import STRICT, Seed
from vdsm.data import open_clips
from vdsm.device import keep_freed_memory
from vdsm.errors import InputError
from vdsm.figures import Scene, set_scene
from vdsm.store.named import load_model
from vdsm.store.run import Run, is_run
from vdsm.store.shipped import find
from vdsm.store.trained import read, require_fit


@dataclass(frozen=True, config=STRICT, kw_only=True)
class SceneOptions:
    """What the figures of a run show."""

    clips: int = Field(default=6, ge=2, le=20, description="individuals to show")
    seen: int | None = Field(
        default=None, ge=1, description="frames of a clip that the model sees [as trained]"
    )
    frames: int | None = Field(
        default=None, ge=1, description="frames to draw where it goes on [2.5 x what it sees]"
    )
    seed: Seed = Field(default=0, description="of what is sampled")
    device: str = Field(default="auto", description="auto, cpu, cuda, mps")


def scene_of(folder: Path, data: Path | None, options: SceneOptions) -> Scene:
    """The scene of a run with its own dataset or another one of its size, or of bare weights."""
    keep_freed_memory()
    model, _ = load_model(str(folder), options.device)
    trained = read(find(folder))
    if is_run(folder):
        clips = open_clips(data) if data else Run.open(folder).clips()
    elif data is None:
        raise InputError(f"{folder} is a model without a run: name a dataset too")
    else:
        clips = open_clips(data)
    require_fit(clips, model.config)
    seen = options.seen or (trained.frames if trained else min(16, int(clips.table.length.max())))
    return set_scene(model, clips, seen, options.frames, options.clips, options.seed)
