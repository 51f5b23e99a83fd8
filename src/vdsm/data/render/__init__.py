"""A small renderer in numpy: triangles, colours and lights in, an anti-aliased uint8 picture out.

    picture = draw(mesh, camera, lights, background, size=64, samples=3)

mesh (`Mesh`, `join` puts several together), camera (`Camera`, `look_at`), lights (`Light`,
`Lights`) and background [S, S, 3] (`plain`, or any picture) are values in world units and in
display values 0 .. 1. A pure function: equal input gives equal bytes, in whatever process.
"""

from vdsm.data.render.camera import Camera, look_at
from vdsm.data.render.draw import draw, plain
from vdsm.data.render.light import Light, Lights
from vdsm.data.render.mesh import Mesh, grid, join, triangles_around, vertex_normals
from vdsm.data.render.raster import Hits, rasterize

__all__ = [
    "Camera",
    "Hits",
    "Light",
    "Lights",
    "Mesh",
    "draw",
    "grid",
    "join",
    "look_at",
    "plain",
    "rasterize",
    "triangles_around",
    "vertex_normals",
]
