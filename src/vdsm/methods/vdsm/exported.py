"""z_1:T of d while the model is exported: a loop of torch's own, for any number of frames."""

from typing import Any

from torch import Tensor

from vdsm.notation import Dynamics, Pose


def unrolled(model: Any, d: Dynamics, frames: int) -> Pose:
    """The mean of q(z_1:T | d), by the step that `StateSpaceModel.scan` takes (Eq. 5)."""
    from torch._higher_order_ops.scan import scan  # with a computer algebra

    def step(z_prev: Tensor, h_t: Tensor) -> tuple[Tensor, Tensor]:
        q_t, flow = model.posterior_step(z_prev, h_t)
        z = q_t.loc if flow is None else flow(q_t.loc, h_t)[0]
        return z, z.clone()

    h = model.combiner.context(model.dynamics_decoder(d, frames), d)
    z_0 = model.z_start.expand(d.shape[0], -1).clone()
    z: Tensor = scan(step, z_0, h, dim=1)[1]
    return z
