"""Swaps and new clips of any model with codes, from what it encodes, samples and decodes."""

from collections.abc import Callable
from typing import Any, Literal, get_args

import torch
from torch import Tensor

from vdsm.errors import InputError
from vdsm.methods.checks import require_frames, require_generator, require_some
from vdsm.notation import Codes, Video
from vdsm.protocol import mix


PosesFrom = Literal["dynamics", "frames"]


def swap(
    model: Any,
    identity: Tensor,
    action: Tensor,
    frames: int | None = None,
    by: PosesFrom = "dynamics",
) -> Video:
    """The individual of `identity` doing the action of `action`, [B, frames, C, H, W].

    by: "dynamics" has poses follow from d of the action's clip (action transfer, Fig. 1); "frames"
    takes z_t of its frame t (pose transfer, Fig. 8), which is as exact as single frames are.
    InputError where they are not equally many, or not clips that the model takes, or for `by`
    "frames" of a model that encodes no single frames.
    """
    for clips in (identity, action):
        model.check(clips)
    require_frames(frames)
    if len(identity) != len(action):
        raise InputError(f"{len(identity)} identity clips but {len(action)} action clips")
    what: Codes = model.encode(action)
    if by == "frames":
        what = Codes(what.s, what.d, of_frames(model)(action).z)
    elif by != "dynamics":
        raise InputError(f"by is '{by}': a swap is by {' or by '.join(get_args(PosesFrom))}")
    drawn: Video = model.decode(mix(model.encode(identity), what), frames)
    return drawn


def of_frames(model: Any) -> Callable[[Tensor], Codes]:
    """What encodes single frames; InputError where the model does not."""
    alone = getattr(model, "encode_frames", None)
    if alone is None:
        name = getattr(model, "title", type(model).__name__)
        raise InputError(f"{name} encodes no single frames: swap by dynamics")
    encoder: Callable[[Tensor], Codes] = alone
    return encoder


def generate(
    model: Any,
    num: int,
    frames: int,
    generator: torch.Generator | None = None,
    given: Tensor | None = None,
) -> Video:
    """`num` clips of `frames` frames, [num, frames, C, H, W], from the model's samples.

    With `given` clips [1 or num, T, C, H, W], s, d and z_1 are theirs; a single frame gives s and
    z_1. InputError for no clips, no frames, or as many given clips as do not go with `num`.
    """
    require_some(num, frames)
    require_generator(generator)
    d, z_first = model.sample_motion(num, generator)
    if given is None:
        s = model.sample_identity(num, generator)
    else:
        codes = encoded(model, given, num)
        s = codes.s
        if given.shape[1] > 1:
            d, z_first = codes.d, codes.z[:, 0]
        else:
            alone = getattr(model, "encode_frames", model.encode)
            z_first = alone(given).z[:, 0].expand(num, -1)
    z = model.continue_motion(d, z_first[:, None], frames, generator)
    drawn: Video = model.decode(Codes(s, d, z))
    return drawn


def encoded(model: Any, clips: Tensor, num: int) -> Codes:
    """Codes of `num` clips, or of one clip `num` times."""
    model.check(clips)
    if len(clips) not in (1, num):
        raise InputError(f"{len(clips)} given clips for {num} to generate: give 1 or {num}")
    codes: Codes = model.encode(clips)
    return Codes(*(code.expand(num, *code.shape[1:]) for code in (codes.s, codes.d, codes.z)))
