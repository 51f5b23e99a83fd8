"""Who is who, learned before anything is drawn: ENC_s by contrast between individuals.

Stage 1 learns s from what the decoder gains by it, and by then the decoder has settled on drawing
two similar skins as one: what tells them apart is worth few nats and drowns in the noise of a step.
So frames of two clips of each of many individuals are shown first, and each has to be told by the
other among all of them (InfoNCE, van den Oord et al. 2018; for videos without labels, Bai et al.
2021). Whatever tells two individuals apart counts alike there, large or small, and what differs
between clips of one individual (the action) does not help. That a clip shows the same individual as
another is all it is told, as in stage 1.
"""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from vdsm.methods.vdsm.additions.augment import elsewhere
from vdsm.methods.vdsm.additions.bounds import Views
from vdsm.methods.vdsm.elbo import Terms
from vdsm.methods.vdsm.model import VDSM
from vdsm.notation import Video, full


def contrast(
    model: VDSM,
    views: Views,
    generator: torch.Generator | None = None,
    *,
    temperature: float,
    augment: float = 0.0,
) -> Terms:
    """InfoNCE, in nats per individual, of clips of B people and others of theirs."""
    assert views.identity_view is not None
    clips = (views.target, views.identity_view)
    pair = (elsewhere(frames, augment, generator) for frames in clips)
    one, other = (direction(model, frames) for frames in pair)
    alike = one @ other.mT / temperature
    own = torch.arange(len(alike), device=alike.device)
    ways = [F.cross_entropy(rows, own, reduction="none") for rows in (alike, alike.mT)]
    return {"contrast": 0.5 * (ways[0] + ways[1])}


def direction(model: VDSM, frames: Video) -> Float[Tensor, "B X"]:
    """Where the embedding that the head of q(s) reads points to, of length 1."""
    return F.normalize(full(model.identity.embedding(model.identity_features(frames))), dim=1)
