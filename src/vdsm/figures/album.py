"""The figures of the paper and those that users ask for beside them, each with its caption.

scene = set_scene(model, clips, trained=16)
figure = FIGURES["action-transfer"](scene)
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from vdsm.data.clips import SPLITS, Clips, Frames
from vdsm.errors import InputError
from vdsm.figures import draw
from vdsm.figures.choose import diverse, load
from vdsm.figures.layout import enlarge, headed, labelled, named, parted, pixels, stacked, thin
from vdsm.notation import Video
from vdsm.protocol import Encodes, Swaps, device_of, missing
from vdsm.video import grid, strips
from vdsm.words import counted

TILE = 64  # pixels; smaller frames are enlarged
ACROSS = 20  # frames of a clip in a still
STEPS = 5  # of an interpolation
BEYOND = 2.5  # Fig. 11: 40 frames after training on 16
SAMPLES = 8


@dataclass(frozen=True)
class Figure:
    """A still, and a moving picture where time is what it shows."""

    title: str
    caption: str
    still: Frames  # uint8 [H, W, C]
    moving: Frames | None = None  # uint8 [T, H, W, C]
    scale: int = 1  # how many times the moving picture is best enlarged; the still is already


@dataclass(frozen=True)
class Scene:
    """What the figures of one model show."""

    model: Any
    longer: Video  # [N, L, C, H, W] different individuals, with frames that the model does not see
    trained: int  # frames that it sees, those of a training segment
    frames: int  # frames that it draws where it goes on beyond them
    seed: int  # of what is sampled
    held_out: bool = True  # whether the clips are of the test split

    @property
    def clips(self) -> Video:
        """What the model sees, [N, trained, C, H, W]."""
        return self.longer[:, : self.trained]

    @property
    def pairs(self) -> list[tuple[int, int]]:
        """Two pairs of clips, or what there is."""
        n = len(self.longer)
        return [(0, 1 % n), (2, 3)] if n > 3 else [(0, n - 1)]

    @property
    def scale(self) -> int:
        """How many times frames are enlarged, to at least TILE pixels."""
        return max(1, TILE // int(self.model.config.size))

    def enlarge(self, picture: Frames) -> Frames:
        """A still, enlarged."""
        return enlarge(picture, self.scale)

    def generator(self) -> torch.Generator:
        return torch.Generator().manual_seed(self.seed)


def set_scene(
    model: Any,
    clips: Clips,
    trained: int,
    frames: int | None = None,
    count: int = 6,
    seed: int = 0,
) -> Scene:
    """A scene with test clips that differ as much as can be; training clips where there are none.

    trained: frames of a clip that the model sees; frames: how far it goes on [2.5 x trained].
    """
    frames = int(BEYOND * trained) if frames is None else frames
    longest = max(frames, trained)
    chosen = diverse(clips, count, longest if len(clips.select("test", longest)) else trained)
    if len(chosen) == 0:
        found = int(clips.table.length.max())
        raise InputError(
            f"no clip of {clips.info.name} has {counted(trained, 'frame')} (the longest has "
            f"{found}): let the model see at most {found}"
        )
    length = min(longest, int(clips.table.length[chosen].min()))
    if length < 2:
        raise InputError("figures show motion, so 1 frame is too few: raise --frames to 2 or more")
    held_out = bool((clips.table.split[chosen] == SPLITS.index("test")).all())
    shown = load(clips, chosen, length, device_of(model))
    return Scene(model, shown, trained, frames, seed, held_out)


def reconstruction(scene: Scene) -> Figure:
    """Clips and their reconstructions, frame by frame."""
    codes = scene.model.encode(scene.clips)
    rows = np.stack([pixels(scene.clips), pixels(scene.model.decode(codes))], 1)
    sheets = [scene.enlarge(strips(thin(pair, ACROSS))) for pair in rows]
    whose, note = (
        ("Held-out", "") if scene.held_out else ("Training", " (none so long is held out)")
    )
    return Figure(
        "Reconstruction",
        f"{whose} clips of {scene.trained} frames{note}, and below each the same drawn from its "
        "codes.",
        named(sheets, ["true", "drawn"]),
    )


def action_transfer(scene: Scene) -> Figure:
    """Figs. 1, 5, 7: everybody doing what two of them do."""
    shown = scene.clips
    drawn = pixels(draw.all_swaps(scene.model, shown, shown))
    true, n = pixels(shown), len(shown)
    swaps = drawn.reshape(n, n, *drawn.shape[1:])
    who = true[:, 0]
    sheets = [
        headed(
            np.concatenate([np.full_like(who[:1], 255), who]),
            thin(np.concatenate([true[j : j + 1], swaps[:, j]]), ACROSS),
        )
        for j in sorted({pair[1] for pair in scene.pairs})
    ]
    texts = ["action", *["swap"] * n] * len(sheets)
    return Figure(
        "Action transfer",
        "As Figs. 1, 5 and 7 of the paper. In the still the top row of a block is a real clip; "
        "below it the individuals of the left column do the same. In the moving picture the top "
        "row gives the action (d), the left column the individual (s).",
        labelled(scene.enlarge(stacked(sheets)), texts),
        draw.action_transfer(scene.model, shown, shown),
        scene.scale,
    )


def identity_pose(scene: Scene) -> Figure:
    """Fig. 8: every identity in every pose, by stage 1 alone."""
    middle = scene.clips[:, scene.trained // 2][:, None]
    sheet = scene.enlarge(draw.identity_pose_grid(scene.model, middle))
    return Figure(
        "Identity and pose, frame by frame",
        "As Fig. 8: s of the frame at the left, z of the frame at the top. Each frame is seen by "
        "itself; the sequence model has no part in it.",
        labelled(sheet, ["z of", *["s of"] * len(middle)]),
    )


def generation(scene: Scene) -> Figure:
    """Fig. 6: clips of nobody."""
    drawn = pixels(scene.model.generate(SAMPLES, scene.frames, scene.generator()))
    return Figure(
        "Generation",
        f"As Fig. 6: {SAMPLES} new clips of {scene.frames} frames, with s and d sampled as "
        "`vdsm generate` samples them: once training has ended, from densities fitted to codes.",
        scene.enlarge(strips(thin(drawn, ACROSS))),
        grid(drawn, 4),
        scene.scale,
    )


def from_one_frame(scene: Scene) -> Figure:
    """Sec. 3.2, Testing: what might come after a single frame."""
    generator, blocks, samples = scene.generator(), [], 3
    given = scene.longer[:3, :1]
    for one in given:
        drawn = scene.model.generate(samples, scene.frames, generator, one[None])
        blocks.append(pixels(drawn))
    cells = pixels(given)[:, 0]
    sheets = [
        headed(cell[None].repeat(samples, 0), thin(block, ACROSS))
        for cell, block in zip(cells, blocks, strict=True)
    ]
    texts = [f"sample {i + 1}" for i in range(samples)] * len(sheets)
    moving = np.stack(
        [
            clip
            for cell, block in zip(cells, blocks, strict=True)
            for clip in (np.broadcast_to(cell, block.shape[1:]), *block)
        ]
    )
    return Figure(
        "What one picture might do",
        "The left column is all that the model sees: it gives s and the first pose. The dynamics "
        "d are sampled three times for each picture, as `vdsm generate` samples them: once "
        "training has ended, from a density fitted to codes.",
        labelled(scene.enlarge(stacked(sheets)), texts),
        grid(moving, samples + 1),
        scene.scale,
    )


def beyond(scene: Scene) -> Figure:
    """Swaps for longer than training saw, beside the true clips."""
    longer = scene.longer[:4]
    rows = draw.transfer_rows(
        scene.model, longer, longer.roll(1, 0), scene.frames, seen=scene.trained
    )
    sheets = [scene.enlarge(parted(trio, scene.trained, ACROSS)) for trio in rows]
    return Figure(
        "Beyond the trained length, with swapped dynamics",
        f"As Fig. 11. The model sees {scene.trained} frames of each clip (up to the line) and "
        f"draws {scene.frames}: the first individual with the action of the second. The true "
        "frames go on as far as the clips do. Moving, from the left: who, does, swap.",
        named(sheets, ["who", "does", "swap"]),
        grid(rows.reshape(-1, *rows.shape[2:]), 3),
        scene.scale,
    )


def interpolation_identity(scene: Scene) -> Figure:
    """From one s to another."""
    return _interpolation(
        scene,
        draw.interpolate_identity,
        "Interpolation in s",
        "From the s of one clip (top) to that of another (bottom), at even distances; d and z are "
        "the first clip's throughout, so the action should stay.",
    )


def interpolation_dynamics(scene: Scene) -> Figure:
    """From one d to another."""
    return _interpolation(
        scene,
        draw.interpolate_dynamics,
        "Interpolation in d",
        "From the d of one clip (top) to that of another (bottom), at even distances; s is the "
        "first clip's throughout, so the individual should stay.",
    )


def _interpolation(
    scene: Scene,
    between: Callable[[Any, Video, Video, int], Video],
    title: str,
    caption: str,
) -> Figure:
    paths = [
        pixels(between(scene.model, scene.clips[i : i + 1], scene.clips[j : j + 1], STEPS))
        for i, j in scene.pairs
    ]
    sheets = [scene.enlarge(strips(thin(path, ACROSS))) for path in paths]
    return Figure(
        title,
        caption,
        named(sheets, [f"{i / (STEPS - 1):.2f}" for i in range(STEPS)]),
        grid(np.concatenate(paths), STEPS),
        scene.scale,
    )


def open_loop(scene: Scene) -> Figure:
    """What follows the frames seen, by the prior's transition (Eq. 6), and by how much it errs."""
    length = scene.longer.shape[1]
    seen = scene.trained if scene.trained < length else max(1, length // 2)
    rows = draw.open_loop_rows(scene.model, scene.longer[:4], seen)
    sheets = [scene.enlarge(parted(trio, seen, ACROSS)) for trio in rows]
    return Figure(
        "True, open loop, error",
        f"The model sees {seen} frames (up to the line) and goes on to {length} by its prior's "
        "transition p(z_t | z_t-1, d). The third row is the absolute difference. Moving: true, "
        "drawn, error.",
        named(sheets, ["true", "open loop", "error"]),
        grid(rows.reshape(-1, *rows.shape[2:]), 3),
        scene.scale,
    )


FIGURES: dict[str, Callable[[Scene], Figure]] = {
    "action-transfer": action_transfer,
    "beyond": beyond,
    "identity-pose": identity_pose,
    "reconstruction": reconstruction,
    "open-loop": open_loop,
    "interpolate-identity": interpolation_identity,
    "interpolate-dynamics": interpolation_dynamics,
    "generation": generation,
    "from-one-frame": from_one_frame,
}

# What a figure asks of the model that most do not: mostly it is to encode, decode and swap clips.
NEEDS: dict[str, tuple[str, str]] = {
    "identity-pose": ("encode_frames", "it encodes no single frames"),
    "open-loop": ("unroll", "it has no transition beside a posterior of motion"),
    "generation": ("generate", "it samples no clips"),
}


def lacking(name: str, model: Any) -> str | None:
    """Why a model cannot draw a figure, in one sentence; None where it can."""
    bare = getattr(model, "model", model)  # what was read out
    if name == "action-transfer" and isinstance(bare, Swaps):
        return None
    if name != "generation" and (lacks := missing(bare, Encodes)):
        return lacks
    verb, why = NEEDS.get(name, ("generate" if name == "from-one-frame" else "decode", ""))
    if hasattr(bare, verb) or (verb == "generate" and hasattr(model, verb)):
        return None
    return f"{getattr(bare, 'title', type(bare).__name__)}: {why or 'it draws no clips from codes'}"


def drawable(scene: Scene) -> list[str]:
    """Names of the figures that the scene's model can draw."""
    return [name for name in FIGURES if lacking(name, scene.model) is None]
