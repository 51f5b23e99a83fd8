"""Losses on the codes of a batch that several methods share, [B] each."""

import math

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from vdsm.notation import Gaussian, Identity, Pose, full

Code = Float[Tensor, "B K"]
Cost = Float[Tensor, " B"]


def info_nce(one: Code, other: Code, temperature: float) -> Cost:
    """-log of a pair's share among all that its first half could be paired with, both ways.

    φ(a, b) = exp(cos(a, b) / τ). Of the 2B codes each is compared with the 2B - 1 others, of which
    one is its partner (Chen et al. 2020, "NT-Xent").
    """
    both = F.normalize(torch.cat([full(one), full(other)]), dim=-1)
    alike = both @ both.T / temperature
    alike = alike.masked_fill(torch.eye(len(both), dtype=torch.bool, device=both.device), -math.inf)
    partner = torch.arange(len(both), device=both.device).roll(len(one))
    costs = F.cross_entropy(alike, partner, reduction="none")
    return costs.view(2, -1).mean(0)


def contrast(
    anchor: Code, positive: Code, negatives: Float[Tensor, "B N K"], temperature: float
) -> Cost:
    """-log φ(a, p) / (φ(a, p) + Σ_n φ(a, n)): every anchor has negatives of its own."""
    anchor, positive, negatives = full(anchor), full(positive), full(negatives)
    near = F.cosine_similarity(anchor, positive, dim=-1)
    far = F.cosine_similarity(anchor[:, None], negatives, dim=-1)
    alike = torch.cat([near[:, None], far], 1) / temperature
    return alike.logsumexp(1) - alike[:, 0]


def information(q_s: Gaussian, s: Identity, q_z: Gaussian, z: Pose) -> Cost:
    """I(s; z_t) in nats by minibatch-weighted sampling, averaged over frames.

    log q(c_i) ≈ log 1/(NM) Σ_j q(c_i | x_j) over the M clips of a batch (Chen et al. 2018,
    Eq. 5). N, the size of the data, adds log N to the estimate and nothing to its gradient. It is
    left out (N = 1), so that the estimate is of the batch itself, between 0 and log M on average.
    """
    log_s = pairwise(q_s, s)
    log_z = pairwise(over_frames(q_z), z.transpose(0, 1))
    apart = log_s.logsumexp(-1) + log_z.logsumexp(-1)
    return ((log_s + log_z).logsumexp(-1) - apart).mean(0) + math.log(len(s))


def pairwise(q: Gaussian, code: Float[Tensor, "*T B K"]) -> Float[Tensor, "*T B B"]:
    """log q(c_i | x_j) for all i and j."""
    each = Gaussian(q.loc[..., None, :, :], q.scale[..., None, :, :])
    clips = q.loc.shape[-2]
    return each.log_prob(code[..., :, None, :].expand(*code.shape[:-1], clips, -1))


def over_frames(q: Gaussian) -> Gaussian:
    """[B, T, K] as [T, B, K]."""
    return Gaussian(q.loc.transpose(0, 1), q.scale.transpose(0, 1))
