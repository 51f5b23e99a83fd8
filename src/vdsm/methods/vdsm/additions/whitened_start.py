"""Where the heads of q(s) and q(z) start: from the data, before the first step of stage 1.

With random weights, features of mostly black frames differ by little from clip to clip, so the
locations of q(s) start as one large constant with a variation far below the posterior's scale, and
hundreds of steps go by before s is heard. So the two last layers start whitened, in the manner of
Mishkin and Matas 2016 (layer-sequential unit variance): along certain directions of the features of
a few hundred clips, with mean 0 and the prior's scale in each, and with posteriors much narrower
than that. These are the principal directions, or (`looks`) for s those that say most of how an
individual looks on average (reduced-rank regression of their mean frame, Izenman 1975): what is
large among features need not be what has to be drawn. Logits then start at the mean brightness.
"""

import math

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from vdsm.data.clips import Clips, Frames
from vdsm.device import as_video
from vdsm.methods.vdsm.additions.augment import other_colours
from vdsm.methods.vdsm.config import Config
from vdsm.methods.vdsm.model import CHUNK, VDSM
from vdsm.train.batches import Individuals, individuals, stage_seed

LOOKED_AT = {"data": (200, 6), "looks": (400, 9)}  # most individuals; clips of each
FRAMES = 4  # of each clip
COARSE = 2  # pixels along a side that are averaged for what an individual looks like
RIDGE = 1e-3  # of that regression, relative to the mean variance of a feature
NARROW_S, NARROW_Z = 0.3, 0.05  # scales of the posteriors, relative to the prior's
TINY = 1e-12
SMALLEST = 1e-6  # of a principal direction's deviation, relative to the largest
ROUNDING = 1e-5  # what is no larger relative to the inputs themselves may be float32's rounding


@torch.no_grad()
def start_from_data(model: VDSM, clips: Clips, config: Config) -> None:
    """Set the weights of both heads from training clips; a function of data and seed alone.

    No label is used but which clips show the same individual.
    """
    c, looks = config.model, config.stage1.start == "looks"
    people, each = LOOKED_AT[config.stage1.start]
    device = model.z_start.device
    seed = stage_seed(config.seed, 0)
    rng, generator = np.random.default_rng(seed), torch.Generator(device).manual_seed(seed)
    who, what, shown = [], [], []
    frames = some_frames(individuals(clips, config, config.who), people, each, rng)
    for part in np.array_split(frames, range(CHUNK, len(frames), CHUNK)):
        x = as_video(part, device)
        who.append(model.identity.embedding(model.identity_features(x)))
        seen = other_colours(x, config.additions, generator)
        what.append(model.encoder(x if seen is None else seen).flatten(0, 1))
        if looks:
            shown.append(F.avg_pool2d(x.mean(1), COARSE).flatten(1))
    embedding, through = by_individual(who, each), None
    if looks:
        through = predicted(by_individual(shown, each), embedding)
    whiten(model.identity.head, embedding, c.identity_dim, 1 / c.num_experts, NARROW_S, through)
    whiten(model.frame_pose.head, torch.cat(what), c.pose_dim, 1.0, NARROW_Z)
    if looks:
        model.decoder.biases[-1].copy_(torch.logit(brightness(frames, device), eps=1e-3))


def by_individual(parts: list[Float[Tensor, "_ P"]], each: int) -> Float[Tensor, "people P"]:
    """Means over the clips of an individual, which lie in a row, `each` of them."""
    clips = torch.cat(parts)
    return clips.view(-1, each, clips.shape[1]).mean(1)


def brightness(frames: Frames, device: torch.device) -> Float[Tensor, " C"]:
    """Mean of every channel, in [0, 1]: where logits start, as most of a frame is background."""
    return torch.from_numpy(frames.mean((0, 1, 2, 3)) / 255).to(device, torch.float32)


def some_frames(
    individuals: Individuals, people: int, each: int, rng: np.random.Generator
) -> Frames:
    """uint8 [people x each, FRAMES, H, W, C], those of an individual in a row."""
    chosen = rng.permutation(len(individuals.members))[:people]
    rows = np.concatenate([rng.choice(individuals.members[i], each) for i in chosen])
    return individuals.few(rng, rows, FRAMES, slice(None))


def predicted(y: Float[Tensor, "N P"], inputs: Float[Tensor, "N I"]) -> Float[Tensor, "I P"]:
    """Coefficients of the linear prediction of y, both centred; ridge regression."""
    x, y = ((part - part.mean(0)).cpu().double() for part in (inputs, y))
    gram = x.T @ x
    gram.diagonal().add_(RIDGE * gram.diagonal().mean() + TINY)  # a single individual: all 0
    coefficients: Tensor = torch.linalg.solve(gram, x.T @ y)
    return coefficients


def whiten(
    head: nn.Linear,
    inputs: Float[Tensor, "N I"],
    dim: int,
    scale: float,
    narrow: float,
    through: Float[Tensor, "I P"] | None = None,
) -> None:
    """The first `dim` outputs (the locations): principal directions, mean 0, deviation `scale`.

    Principal directions of the inputs, or of what they give `through` a matrix. The other outputs
    (the scales) start equal for every input, at `narrow` times that. With fewer directions than
    outputs, the rest of the outputs keep their random weights.
    """
    centred = (inputs - inputs.mean(0)).cpu().double()
    into = torch.eye(inputs.shape[1]).to(centred) if through is None else through
    _, size, directions = torch.linalg.svd(centred @ into, full_matrices=False)
    rounding = ROUNDING * (inputs.to(into) @ into).norm()
    count = min(dim, int((size > rounding.clamp_min(SMALLEST * size[0])).sum()))
    weight = into @ directions[:count].T * len(inputs) ** 0.5 / size[:count]
    weight = (scale * weight).T.to(inputs)
    head.weight[:count] = weight
    head.bias[:count] = -weight @ inputs.mean(0)
    head.weight[dim:] = 0
    head.bias[dim:] = math.log(math.expm1(narrow * scale))
