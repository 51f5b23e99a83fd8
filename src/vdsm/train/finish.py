"""After both stages: what became of s and d over the training set (`vdsm.model.aggregate`)."""

import numpy as np
import torch

from vdsm.config import Config
from vdsm.data.clips import Clips
from vdsm.model.vdsm import CHUNK, VDSM
from vdsm.notation import Gaussian
from vdsm.train.batches import SegmentSampler, as_video
from vdsm.train.stages import individuals

MOST_CLIPS = 2000


@torch.no_grad()
def finish(model: VDSM, clips: Clips, config: Config) -> None:
    """Find active dimensions and densities from at most 2000 training clips, one segment each."""
    rng = np.random.default_rng(config.seed)
    frames = config.stage2.frames
    chosen = rng.permutation(SegmentSampler(individuals(clips, config), frames).pool)[:MOST_CLIPS]
    starts = rng.integers(0, clips.table.length[chosen] - frames + 1)
    found: list[tuple[Gaussian, Gaussian]] = []
    for rows in np.split(np.arange(len(chosen)), range(CHUNK, len(chosen), CHUNK)):
        x = as_video(clips.batch(chosen[rows], starts[rows], frames), model.z_start.device)
        features = model.encoder(x)
        q_d = model.dynamics(model.frame_pose(features).loc)
        found.append((model.identity(features), q_d))
    q_s, q_d = (
        Gaussian(torch.cat([q.loc for q in part]), torch.cat([q.scale for q in part]))
        for part in zip(*found, strict=True)
    )
    resolution = config.separation.resolution
    model.identity_aggregate.fit(q_s, resolution, config.seed)
    model.dynamics_aggregate.fit(q_d, resolution, config.seed)
