"""After all stages: what became of s and d over the training set (`vdsm.methods.readout`)."""

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from vdsm.data.clips import Clips, Ints
from vdsm.device import as_video, autocast, full_float32, use_bf16
from vdsm.methods.vdsm.config import Config
from vdsm.methods.vdsm.model import CHUNK, VDSM
from vdsm.methods.vdsm.stages import individuals
from vdsm.notation import Codes, Gaussian, Video
from vdsm.train.batches import Individuals, SegmentSampler

MOST_CLIPS = 2000


@torch.no_grad()
@full_float32()
def finish(model: VDSM, clips: Clips, config: Config) -> None:
    """Find directions and densities from at most 2000 training clips, one segment each.

    What s is not to hold is what differs between two clips of one individual (two segments of a
    clip where there is no other). What d is not to hold is what differs between two swaps: the
    same motion drawn as two random individuals.
    """
    rng = np.random.default_rng(config.seed)
    who, length = individuals(clips, config), config.stage2.frames
    chosen = rng.permutation(SegmentSampler(who, length).pool)[:MOST_CLIPS]
    device = model.z_start.device
    found: list[tuple[Gaussian, Gaussian]] = []
    differ_s = []
    for part in torch.split(torch.from_numpy(chosen), CHUNK):
        rows = part.numpy()
        q_s, q_d = posteriors(model, segments(clips, rows, length, rng, device))
        other = segments(clips, others(who, rows, length, rng), length, rng, device)
        found.append((q_s, q_d))
        differ_s.append(q_s.loc - model.infer_identity(other).loc)
    all_s, all_d = (
        Gaussian(torch.cat([q.loc for q in part]), torch.cat([q.scale for q in part]))
        for part in zip(*found, strict=True)
    )
    one, another = (
        dynamics_of_swaps(model, all_s.loc[rng.permutation(len(chosen))], all_d.loc, config)
        for _ in range(2)
    )
    apart = config.separation
    for aggregate, q, differ in (
        (model.identity_aggregate, all_s, torch.cat(differ_s)),
        (model.dynamics_aggregate, all_d, one - another),
    ):
        aggregate.fit(q, apart.resolution, config.seed, within(differ), apart.denoise)


def dynamics_of_swaps(
    model: VDSM, s: Float[Tensor, "N K"], d: Float[Tensor, "N D"], config: Config
) -> Float[Tensor, "N D"]:
    """Means of q(d | x), where x is drawn from s and d."""
    bf16, found = use_bf16(config.precision, s.device), []
    for who, what in zip(torch.split(s, CHUNK), torch.split(d, CHUNK), strict=True):
        z = model.infer_poses(what, config.stage2.frames, mean=True).z
        with autocast(s.device, bf16):
            y = model.likelihood(Codes(who, what, z)).mean
        found.append(model.infer_dynamics(y).loc)
    return torch.cat(found)


def segments(
    clips: Clips, chosen: Ints, frames: int, rng: np.random.Generator, device: torch.device
) -> Video:
    """A random segment of each of the clips."""
    starts = rng.integers(0, clips.table.length[chosen] - frames + 1)
    return as_video(clips.batch(chosen, starts, frames), device)


def others(who: Individuals, chosen: Ints, frames: int, rng: np.random.Generator) -> Ints:
    """Another clip of each individual; the same one where that is too short."""
    found = np.array([who.another(rng, int(clip)) for clip in chosen])
    return np.where(who.clips.table.length[found] < frames, chosen, found)


def posteriors(model: VDSM, x: Video) -> tuple[Gaussian, Gaussian]:
    """q(s) and q(d) of clips."""
    features, who = model.features(x)
    return model.identity(who), model.dynamics(model.frame_pose(features).loc)


def within(differences: Float[Tensor, "N K"]) -> Float[Tensor, "K K"]:
    """Covariance within pairs, from their differences."""
    differ = differences.cpu().double()
    return differ.T @ differ / (2 * len(differ))
