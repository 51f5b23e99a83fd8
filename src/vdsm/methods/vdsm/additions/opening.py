"""z opens in stage 1, one dimension after another (ours), so that s is learned first.

What stays as it is in a clip, a form say, can be told by s once or by every z_t anew. Both draw the
same frames, and what s would save is some ten nats, nothing beside the thousands of a Gaussian. A
form is told by z then, as z is learned sooner: it need not wait for a decoder that listens to s. So
z begins with as little as a single dimension. That one goes to what changes most, s gets what is
left, and each further dimension finds drawn already what s can say. (Growing capacity: Burgess et
al. 2018, by a rising KL; progressive latent spaces: Li et al. 2020.)
"""

from dataclasses import replace

import torch
from torch import Tensor, nn

from vdsm.methods.vdsm.state_space import Posterior, StateSpaceModel
from vdsm.notation import Gaussian


def openness(count: int, dimensions: float | Tensor, device: torch.device | None = None) -> Tensor:
    """[count], in [0, 1]: by how much each dimension is open where so many are."""
    return (dimensions - torch.arange(count, device=device)).clamp(0, 1)


def narrowed(q: Posterior, dimensions: float | Tensor) -> Posterior:
    """With q(z_i | x_i) and its sample through so many dimensions of z; the others are 0.

    A number of the host may say that all are open, a tensor is not asked: nobody waits for it.
    Of a dimension that is k open the location is multiplied by k, and the scale taken to the power
    of k, so that it begins as the prior does.
    """
    of, z = q.poses.q, q.codes.z
    if not isinstance(dimensions, Tensor) and dimensions >= z.shape[-1]:
        return q
    k = openness(z.shape[-1], dimensions, z.device).to(z)
    seen = Gaussian(k * of.loc, of.scale**k)
    drawn = seen.loc + seen.scale * (z - of.loc) / of.scale
    closed = k == 0
    drawn = drawn.masked_fill(closed, 0)
    return replace(
        q,
        poses=replace(q.poses, q=seen, z=drawn, base=drawn),
        codes=replace(q.codes, z=drawn),
    )


@torch.no_grad()
def deafen(model: StateSpaceModel) -> None:
    """The decoder does not hear of z yet: what is closed draws nothing, in unfinished runs too."""
    poses = model.config.pose_dim
    model.decoder.weights[0][:, -poses:] = 0
    for skip in model.decoder.skips:
        assert isinstance(skip, nn.Linear)
        skip.weight[:, -poses:] = 0
