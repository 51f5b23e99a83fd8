"""Pictures of what a model does, as uint8 arrays [H, W, C]; writing files is the caller's.

`draw` asks the model, `layout` puts frames together, `choose` picks clips, and `album` has the
paper's figures, and more, with titles and captions.
"""

from vdsm.figures.album import FIGURES, Figure, Scene, drawable, lacking, set_scene
from vdsm.figures.choose import diverse, load
from vdsm.figures.draw import (
    action_transfer,
    all_swaps,
    identity_pose_grid,
    interpolate_dynamics,
    interpolate_identity,
    open_loop_rows,
    reconstruction_strips,
    transfer_rows,
    transfer_strips,
)
from vdsm.figures.layout import blank, framed, hold, labelled, pixels

__all__ = [
    "FIGURES",
    "Figure",
    "Scene",
    "action_transfer",
    "all_swaps",
    "blank",
    "diverse",
    "drawable",
    "framed",
    "hold",
    "identity_pose_grid",
    "interpolate_dynamics",
    "interpolate_identity",
    "labelled",
    "lacking",
    "load",
    "open_loop_rows",
    "pixels",
    "reconstruction_strips",
    "set_scene",
    "transfer_rows",
    "transfer_strips",
]
