"""Before stage 2: its sequence model learns from poses alone, and nothing is drawn.

Stage 2 leaves the encoder and the decoder as stage 1 made them, and still spends nearly all of its
time on drawing frames, only to learn from them where z_t should be. Stage 1 knows that already:
by Bayes' theorem p(x_t | s, z_t) is, up to a factor without z_t, q(z_t | x_t) / p(z_t). So
q(z_t | x_t) of a number of segments is found once, and stands for the frames in Eq. 4
(`pose_terms`). What is left of a step are two small LSTMs: batches can be large and steps many.

Each segment is looked at three times: as it is, and twice as q(d) sees it in stage 2, in other
colours or redrawn as somebody else. q(d) sees one of these two views and is to hit the poses of the
other, so what a view's looks do to its poses is of no use to d. With half of the segments redrawn
in a view, the other half is in the other one.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch

from vdsm.data.clips import Ints
from vdsm.device import as_video, autocast, send
from vdsm.methods.vdsm.additions.consistency import consistency_d
from vdsm.methods.vdsm.additions.views import SHARE, ViewSource
from vdsm.methods.vdsm.elbo import Terms, kl_poses
from vdsm.methods.vdsm.model import CHUNK
from vdsm.methods.vdsm.state_space import StateSpaceModel
from vdsm.notation import Gaussian, Pose, Share
from vdsm.train.stage import Opening

AS_IT_IS = 0  # the first of the looks
WIDEST = 0.999  # scale of q(z_t | x_t) beside p(z_t): at 1 it says nothing, above it would push


@dataclass(frozen=True)
class PoseBatch:
    """Poses of segments, as stage 1 found them in frames."""

    target: Gaussian  # q(z_t | x_t) [B, T, Z], which the sequence model is to hit
    view: Pose  # the means of these in another view of the clips, for q(d)
    true: Pose | None = None  # in the clips as they are, on which q(d) is to agree


def pose_terms(
    model: StateSpaceModel, batch: PoseBatch, generator: torch.Generator | None = None
) -> Terms:
    """Eq. 4 without frames: log q(z_t | x_t) / p(z_t) of stage 1 stands for log p(x_t | s, z_t).

    By Bayes' theorem these differ by what z has no part in, as far as q(z_t | x_t) is exact.
    """
    found = batch.target
    q_d = model.dynamics(batch.view)
    d = q_d.sample(generator)
    drawn = model.infer_poses(d, found.loc.shape[1], generator)
    empty = found.scale > WIDEST
    narrowed = Gaussian(found.loc.masked_fill(empty, 0), found.scale.clamp_max(WIDEST))
    standard = Gaussian.standard(drawn.z)
    return {
        "log_pose": (narrowed.log_prob(drawn.z) - standard.log_prob(drawn.z)).sum(1),
        "kl_z": kl_poses(drawn, model.pose_prior(drawn.z, d)).sum(1),
        "kl_d": q_d.kl(model.dynamics_prior(len(d))),
        **consistency_d(model, q_d, batch.true),
    }


@dataclass(frozen=True)
class PoseSource:
    """Batches from q(z_t | x_t) of N segments of T frames: as they are, and two views of them."""

    looks: Gaussian  # [3, N, T, Z]
    agree: bool  # whether q(d) of a view is to be that of the segment as it is
    prefetch: bool = False

    @classmethod
    def open(cls, opening: Opening, frames: ViewSource, segments: int) -> "PoseSource":
        """As a stage's `source`."""
        share, agree = opening.values[SHARE], frames.additions.views_agree
        return cls.find(frames, segments, share, agree, opening.seed)

    @classmethod
    @torch.no_grad()
    def find(
        cls, frames: ViewSource, segments: int, share: float, agree: bool, seed: int
    ) -> "PoseSource":
        """Of random segments; a function of the model, the clips and the seed.

        Of several processes each finds all of them.
        """
        rng = np.random.default_rng(seed)
        generator = torch.Generator(frames.device).manual_seed(seed)
        locs, scales = [], []
        for first in range(0, segments, CHUNK):
            drawn = frames.sampler.draw(rng, min(CHUNK, segments - first))
            x, donor = as_video(drawn.target, frames.device), frames.video(drawn.donor)
            one = frames.view(x, donor, generator, share, first)
            donor = None if donor is None else donor.roll(1, 0)
            other = frames.view(x, donor, generator, share, first + 1)  # not the same rows
            looks = (x, x if one is None else one, x if other is None else other)
            with autocast(frames.device, frames.bf16):
                found = [frames.model.infer_frame_poses(look) for look in looks]
            locs.append(torch.stack([q.loc for q in found]))
            scales.append(torch.stack([q.scale for q in found]))
        return cls(Gaussian(torch.cat(locs, 1), torch.cat(scales, 1)), agree)

    def draw(self, rng: np.random.Generator, rows: int, mine: slice) -> tuple[Ints, Ints]:
        """Which segments, and which of their two views is seen; the other one is asked for."""
        chosen = rng.choice(self.looks.loc.shape[1], rows)
        return chosen[mine], rng.integers(1, 3, rows)[mine]

    def batch(
        self, drawn: tuple[Ints, Ints], noise: Share, values: Mapping[str, float]
    ) -> PoseBatch:
        """A process's rows of a batch. What is redrawn, and how, is settled already."""
        chosen, seen = (send(torch.from_numpy(part), noise.device) for part in drawn)
        return PoseBatch(
            Gaussian(self.looks.loc[3 - seen, chosen], self.looks.scale[3 - seen, chosen]),
            self.looks.loc[seen, chosen],
            self.looks.loc[AS_IT_IS, chosen] if self.agree else None,
        )
