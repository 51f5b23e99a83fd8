"""The evidence lower bounds of both stages, as dicts of named terms per sequence.

Keys of the terms equal the keys of the weights (`vdsm.train.stage.weighted`). Only this file
compares q with p.
"""

import torch
from jaxtyping import Float
from torch import Tensor

from vdsm.methods.vdsm.state_space import Poses, Posterior, StateSpaceModel
from vdsm.notation import Gaussian, Video

Terms = dict[str, Float[Tensor, " B"]]


def stage1(model: StateSpaceModel, x: Video, generator: torch.Generator | None = None) -> Terms:
    """Eq. 7: frames of one individual in no order; z_i are i.i.d. N(0, 1)."""
    features, who = model.features(x)
    return frame_terms(model, x, model.infer_frames(features, generator, who))


def frame_terms(model: StateSpaceModel, x: Video, q: Posterior) -> Terms:
    """Eq. 7 at a posterior and its sample."""
    return {
        "log_likelihood": model.likelihood(q.codes).log_prob(x).sum(1),
        "kl_z": kl_poses(q.poses, Gaussian.standard(q.codes.z)).sum(1),
        "kl_s": q.s.kl(model.identity_prior(len(x))),
    }


def stage2(model: StateSpaceModel, x: Video, generator: torch.Generator | None = None) -> Terms:
    """Eq. 4 (Eq. 11): sequences."""
    features, who = model.features(x)
    return sequence_terms(model, x, model.infer(features, generator, who))


def sequence_terms(model: StateSpaceModel, x: Video, q: Posterior) -> Terms:
    """Eq. 4 at a posterior and its sample."""
    p = model.prior(q.codes)
    assert q.d is not None
    return {
        "log_likelihood": model.likelihood(q.codes).log_prob(x).sum(1),
        "kl_z": kl_poses(q.poses, p.z).sum(1),
        "kl_s": q.s.kl(p.s),
        "kl_d": q.d.kl(p.d),
    }


def kl_poses(poses: Poses, p: Gaussian) -> Float[Tensor, "B T"]:
    """KL(q(z_t | z_{t-1}, ...) || p(z_t | z_{t-1}, d)) at the sampled z_{t-1}.

    In closed form; with a flow, whose density has none for z, by the sample of z_t.
    """
    if poses.log_det is None:
        return poses.q.kl(p)
    return poses.q.log_prob(poses.base) - poses.log_det - p.log_prob(poses.z)
