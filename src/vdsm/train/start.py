"""Where the heads of q(s) and q(z) start: from the data, before the first step of stage 1.

With random weights, features of mostly black frames differ by little from clip to clip, so the
locations of q(s) start as one large constant with a variation far below the posterior's scale, and
hundreds of steps go by before s is heard. So the two last layers start whitened, in the manner of
Mishkin and Matas 2016 (layer-sequential unit variance): along the principal directions of the
features of a few hundred clips, with mean 0 and the prior's scale in each, and with posteriors
much narrower than that.
"""

import math

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from vdsm.config import Config
from vdsm.data.clips import Clips
from vdsm.model.vdsm import CHUNK, VDSM
from vdsm.train.augment import other_colours
from vdsm.train.batches import Individuals, as_video, step_seed
from vdsm.train.stages import individuals

INDIVIDUALS, CLIPS, FRAMES = 200, 6, 4  # looked at, at most; clips of each, frames of each clip
NARROW_S, NARROW_Z = 0.3, 0.05  # scales of the posteriors, relative to the prior's
SMALLEST = 1e-6  # of a principal direction's deviation, relative to the largest


@torch.no_grad()
def start_from_data(model: VDSM, clips: Clips, config: Config) -> None:
    """Set the weights of both heads from training clips; a function of data and seed alone.

    The directions of s are those in which individuals' means differ, without any label.
    """
    device = model.z_start.device
    rng = np.random.default_rng(step_seed(config.seed))
    generator = torch.Generator(device).manual_seed(step_seed(config.seed))
    who, what = [], []
    frames = some_frames(individuals(clips, config), rng)
    for part in np.array_split(frames, range(CHUNK, len(frames), CHUNK)):
        x = as_video(part, device)
        who.append(F.leaky_relu(model.identity.embed(model.encoder(x))).mean(1))
        seen = other_colours(x, config.separation, generator)
        what.append(model.encoder(x if seen is None else seen).flatten(0, 1))
    c = config.model
    by_individual = torch.cat(who).view(-1, CLIPS, model.identity.head.in_features).mean(1)
    whiten(model.identity.head, by_individual, c.identity_dim, 1 / c.num_experts, NARROW_S)
    whiten(model.frame_pose.head, torch.cat(what), c.pose_dim, 1.0, NARROW_Z)


def some_frames(individuals: Individuals, rng: np.random.Generator) -> np.ndarray:
    """uint8 [individuals x CLIPS, FRAMES, H, W, C], those of an individual in a row."""
    chosen = rng.permutation(len(individuals.members))[:INDIVIDUALS]
    rows = np.concatenate([rng.choice(individuals.members[i], CLIPS) for i in chosen])
    return individuals.few(rng, rows, FRAMES, slice(None))


def whiten(
    head: nn.Linear, inputs: Float[Tensor, "N I"], dim: int, scale: float, narrow: float
) -> None:
    """The first `dim` outputs (the locations): principal directions, mean 0, deviation `scale`.

    The others (the scales) start equal for every input, at `narrow` times that. With fewer
    directions than outputs, the rest of the outputs keep their random weights.
    """
    centred = (inputs - inputs.mean(0)).double()
    directions, deviations, _ = torch.linalg.svd(centred.T, full_matrices=False)
    deviations = deviations / len(inputs) ** 0.5
    count = min(dim, int((deviations > SMALLEST * deviations[0]).sum()))
    weight = scale * (directions[:, :count] / deviations[:count]).T.to(inputs)
    head.weight[:count] = weight
    head.bias[:count] = -weight @ inputs.mean(0)
    head.weight[dim:] = 0
    head.bias[dim:] = math.log(math.expm1(narrow * scale))
