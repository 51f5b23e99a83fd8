"""The evidence lower bounds of both stages, as dicts of named terms per sequence.

Keys of the terms equal the keys of the weights; the loss is minus their weighted sum, averaged
over the batch. Only this file compares q with p.
"""

from collections.abc import Mapping

import torch
from jaxtyping import Float
from torch import Tensor

from vdsm.methods.vdsm.state_space import Poses, StateSpaceModel
from vdsm.notation import Gaussian, Pose, Video

Reference = Float[Tensor, "B M C H W"]
Terms = dict[str, Float[Tensor, " B"]]
WIDEST = 0.999  # scale of q(z_t | x_t) beside p(z_t): at 1 it says nothing, above it would push
GAINS = ("log_likelihood", "log_pose")  # terms of which more is better


def stage1(
    model: StateSpaceModel,
    x: Video,
    generator: torch.Generator | None = None,
    seen: Video | None = None,
    reference: Reference | None = None,
    second: Reference | None = None,
) -> Terms:
    """Eq. 7: frames of one individual in no order; z_i are i.i.d. N(0, 1).

    In the paper the encoder sees x alone. `seen`: x with other colours, for q(z) to see instead;
    `reference` [B, M, C, H, W]: other frames of the individual, for q(s) to see instead;
    `second` [B, M, C, H, W]: frames of one more clip of theirs, whose q(s) should be the same.
    """
    what, who = model.features(x, seen, reference)
    q = model.infer_frames(what, generator, who)
    return {
        "log_likelihood": model.likelihood(q.codes).log_prob(x).sum(1),
        "kl_z": kl_poses(q.poses, Gaussian.standard(q.codes.z)).sum(1),
        "kl_s": q.s.kl(model.identity_prior(len(x))),
        **agreement(model, q.s, second),
    }


def stage2(
    model: StateSpaceModel,
    x: Video,
    generator: torch.Generator | None = None,
    seen: Video | None = None,
    reference: Reference | None = None,
    second: Reference | None = None,
    colours_agree: bool = False,
) -> Terms:
    """Eq. 4 (Eq. 11): sequences; `seen`, `reference` and `second` as in stage 1.

    `colours_agree`: q(d) of x should be that of `seen`.
    """
    what, who = model.features(x, seen, reference)
    q = model.infer(what, generator, who)
    p = model.prior(q.codes)
    assert q.d is not None
    return {
        "log_likelihood": model.likelihood(q.codes).log_prob(x).sum(1),
        "kl_z": kl_poses(q.poses, p.z).sum(1),
        "kl_s": q.s.kl(p.s),
        "kl_d": q.d.kl(p.d),
        **agreement(model, q.s, second),
        **colour_agreement(model, q.d, model.infer_frame_poses(x).loc if colours_agree else None),
    }


def poses(
    model: StateSpaceModel,
    found: Gaussian,
    generator: torch.Generator | None = None,
    seen: Pose | None = None,
    reference: Pose | None = None,
) -> Terms:
    """Eq. 4 without frames: log q(z_t | x_t) / p(z_t) of stage 1 stands for log p(x_t | s, z_t).

    By Bayes' theorem these differ by what z has no part in, as far as q(z_t | x_t) is exact.
    found: q(z_t | x_t) [B, T, Z] of segments. `seen` [B, T, Z]: the means that q(d) sees instead of
    those; `reference` [B, T, Z]: means of which q(d) should be the same.
    """
    q_d = model.dynamics(found.loc if seen is None else seen)
    d = q_d.sample(generator)
    drawn = model.infer_poses(d, found.loc.shape[1], generator)
    empty = found.scale > WIDEST
    narrowed = Gaussian(found.loc.masked_fill(empty, 0), found.scale.clamp_max(WIDEST))
    standard = Gaussian.standard(drawn.z)
    return {
        "log_pose": (narrowed.log_prob(drawn.z) - standard.log_prob(drawn.z)).sum(1),
        "kl_z": kl_poses(drawn, model.pose_prior(drawn.z, d)).sum(1),
        "kl_d": q_d.kl(model.dynamics_prior(len(d))),
        **colour_agreement(model, q_d, reference),
    }


def agreement(model: StateSpaceModel, q_s: Gaussian, second: Reference | None) -> Terms:
    """Jeffreys divergence, halved, between q(s) of two clips of one individual, where given.

    It has a weight of its own and is no part of the bound: it takes from s what differs between
    the clips of an individual, in units of what q(s) itself can tell apart. The scales get no
    gradient, or q(s) would agree by becoming vague.
    """
    if second is None:
        return {}
    other = model.infer_identity(second)
    return {"agreement": jeffreys(with_scale_fixed(q_s), with_scale_fixed(other))}


def colour_agreement(model: StateSpaceModel, q_d: Gaussian, true: Pose | None) -> Terms:
    """The same between q(d) of poses in other colours and in true ones, where given."""
    if true is None:
        return {}
    other = model.dynamics(true)
    return {"agreement_d": jeffreys(with_scale_fixed(q_d), with_scale_fixed(other))}


def with_scale_fixed(q: Gaussian) -> Gaussian:
    """The same density, whose scale gets no gradient."""
    return Gaussian(q.loc, q.scale.detach())


def jeffreys(q: Gaussian, p: Gaussian) -> Float[Tensor, " B"]:
    """Half of KL(q || p) + KL(p || q), in nats."""
    return 0.5 * (q.kl(p) + p.kl(q))


def kl_poses(poses: Poses, p: Gaussian) -> Float[Tensor, "B T"]:
    """KL(q(z_t | z_{t-1}, ...) || p(z_t | z_{t-1}, d)) at the sampled z_{t-1}.

    In closed form; with a flow, whose density has none for z, by the sample of z_t.
    """
    if poses.log_det is None:
        return poses.q.kl(p)
    return poses.q.log_prob(poses.base) - poses.log_det - p.log_prob(poses.z)


def loss(terms: Terms, weights: Mapping[str, float]) -> Float[Tensor, ""]:
    """Minus the weighted bound, averaged over the batch; KL weights are the λ of Eqs. 4 and 7."""
    assert terms.keys() == weights.keys(), f"terms {set(terms)} but weights {set(weights)}"
    signs = {name: -1.0 if name in GAINS else 1.0 for name in terms}
    parts = [signs[name] * weights[name] * term for name, term in terms.items()]
    return torch.stack(parts).sum(0).mean()
