"""What two looks at the same should agree on: q(s) of two clips, q(d) of two views.

Both terms have weights of their own and are no part of the bound: they take from a code what
differs between the looks, in units of what its density itself can tell apart. The scales get no
gradient, or a density would agree by becoming vague.
"""

from jaxtyping import Float
from torch import Tensor

from vdsm.methods.vdsm.elbo import Terms
from vdsm.methods.vdsm.state_space import StateSpaceModel
from vdsm.notation import Gaussian, Pose

Clip = Float[Tensor, "B M C H W"]  # of the same individuals, of another length


def consistency_s(model: StateSpaceModel, q_s: Gaussian, positive: Clip | None) -> Terms:
    """Jeffreys divergence, halved, between q(s) of two clips of one individual, where given."""
    if positive is None:
        return {}
    other = model.infer_identity(positive)
    return {"consistency_s": jeffreys(with_scale_fixed(q_s), with_scale_fixed(other))}


def consistency_d(model: StateSpaceModel, q_d: Gaussian, true: Pose | None) -> Terms:
    """The same between q(d) of poses in a view and in the clip as it is, where given."""
    if true is None:
        return {}
    other = model.dynamics(true)
    return {"consistency_d": jeffreys(with_scale_fixed(q_d), with_scale_fixed(other))}


def with_scale_fixed(q: Gaussian) -> Gaussian:
    """The same density, whose scale gets no gradient."""
    return Gaussian(q.loc, q.scale.detach())


def jeffreys(q: Gaussian, p: Gaussian) -> Float[Tensor, " B"]:
    """Half of KL(q || p) + KL(p || q), in nats."""
    return 0.5 * (q.kl(p) + p.kl(q))
