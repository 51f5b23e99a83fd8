"""The bounds of Eqs. 7 and 4 where parts of the model see the clip in views of their own.

In the paper every part sees the clip itself: then these are `elbo.stage1` and `elbo.stage2`.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from vdsm.methods.vdsm import elbo
from vdsm.methods.vdsm.additions.consistency import Clip, consistency_d, consistency_s
from vdsm.methods.vdsm.additions.opening import narrowed
from vdsm.methods.vdsm.elbo import Terms
from vdsm.methods.vdsm.state_space import Features, StateSpaceModel
from vdsm.notation import Video


@dataclass(frozen=True)
class Views:
    """A batch of clips, and what parts of the model see of it instead."""

    target: Video  # what the model is to draw
    pose_view: Video | None = None  # it in other colours or redrawn, for q(z) and q(d)
    identity_view: Clip | None = None  # another clip of the individuals, for q(s)
    positive: Clip | None = None  # one more, on which q(s) is to agree


def features(model: StateSpaceModel, views: Views) -> tuple[Features, Float[Tensor, "B M F"]]:
    """What q(z) and q(d) see, and what q(s) sees."""
    if views.pose_view is None and views.identity_view is None:
        return model.features(views.target)
    what = model.encoder(views.target if views.pose_view is None else views.pose_view)
    who = views.target if views.identity_view is None else views.identity_view
    return what, model.identity_features(who)


def stage1(model: StateSpaceModel, views: Views, generator: torch.Generator | None = None) -> Terms:
    """Eq. 7, and where there is a positive the consistency of q(s)."""
    what, who = features(model, views)
    q = narrowed(model.infer_frames(what, generator, who), model.poses_open)
    terms = elbo.frame_terms(model, views.target, q)
    return terms | consistency_s(model, q.s, views.positive)


def stage2(
    model: StateSpaceModel,
    views: Views,
    generator: torch.Generator | None = None,
    views_agree: bool = False,
) -> Terms:
    """Eq. 4, and likewise; `views_agree`: q(d) of the clip should be that of its view."""
    what, who = features(model, views)
    q = model.infer(what, generator, who)
    terms = elbo.sequence_terms(model, views.target, q)
    assert q.d is not None
    true = model.infer_frame_poses(views.target).loc if views_agree else None
    agreed = consistency_s(model, q.s, views.positive) | consistency_d(model, q.d, true)
    return terms | agreed
