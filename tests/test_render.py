"""The renderer against a plain loop over pixels and against closed forms."""

import numpy as np
import pytest

from vdsm.data.render import (
    Camera,
    Light,
    Lights,
    Mesh,
    draw,
    grid,
    join,
    look_at,
    plain,
    rasterize,
    triangles_around,
    vertex_normals,
)
from vdsm.data.render import raster as raster_module

SIZE = 23


def soup(seed: int, count: int = 60) -> tuple[np.ndarray, np.ndarray]:
    """Triangles of all sizes in picture coordinates, some partly outside or behind the camera."""
    random = np.random.default_rng(seed)
    centre = random.uniform(-3, SIZE + 3, (count, 1, 2))
    corners = centre + random.normal(0, 1, (count, 3, 2)) * random.choice(
        [0.4, 2, 8], (count, 1, 1)
    )
    depth = random.uniform(1, 5, (count, 3, 1))
    depth[:3, 0] = -0.5
    places = np.concatenate([corners, depth], 2).reshape(-1, 3)
    return places, np.arange(3 * count).reshape(-1, 3)


def slow(places: np.ndarray, triangles: np.ndarray, two_sided: np.ndarray) -> dict:
    """Sample by sample, triangle by triangle; the world's weights from the plane equation."""
    found = {}
    for line in range(SIZE):
        for column in range(SIZE):
            best = None
            for index, triangle in enumerate(triangles):
                corners = places[triangle]
                if corners[:, 2].min() <= 0:
                    continue
                edges = np.array([corners[1, :2] - corners[0, :2], corners[2, :2] - corners[0, :2]])
                turned = np.linalg.det(edges)
                if turned >= 0 and not two_sided[index]:
                    continue
                ones = np.vstack([corners[:, :2].T, np.ones(3)])
                flat = np.linalg.solve(ones, [column + 0.5, line + 0.5, 1])
                if flat.min() < 0:
                    continue
                world = flat / corners[:, 2]
                near = world.sum()
                if best is None or near > best[0]:
                    best = (near, index, world / near)
            if best is not None:
                found[line * SIZE + column] = best[1:]
    return found


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("at_once", [2**20, 50])
def test_the_nearest_triangle_is_found_as_by_a_plain_loop(
    seed: int, at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(raster_module, "AT_ONCE", at_once)
    places, triangles = soup(seed)
    two_sided = np.arange(len(triangles)) % 2 == 0
    hits = rasterize(places, triangles, SIZE, two_sided)
    expected = slow(places, triangles, two_sided)
    assert hits.sample.tolist() == sorted(expected)
    assert hits.triangle.tolist() == [expected[k][0] for k in sorted(expected)]
    np.testing.assert_allclose(hits.weights, [expected[k][1] for k in sorted(expected)], atol=1e-9)
    assert 0.3 * SIZE**2 < len(expected) < SIZE**2


def test_a_square_of_two_triangles_has_no_gap_along_the_diagonal() -> None:
    places = np.array([[0, 0, 1], [SIZE, 0, 1], [SIZE, SIZE, 1], [0, SIZE, 1]], float)
    hits = rasterize(places, np.array([[0, 2, 1], [0, 3, 2]]), SIZE)
    assert len(hits.sample) == SIZE**2


def test_nothing_to_see_is_no_hit() -> None:
    places = np.array([[0, 0, 1], [0, 9, 1], [9, 0, -1.0]])
    assert len(rasterize(places, np.array([[0, 1, 2]]), SIZE, True).sample) == 0
    assert len(rasterize(places + 100, np.array([[0, 1, 2]]), SIZE, True).sample) == 0


def sphere(radius: float) -> Mesh:
    """A ball around the origin, in many small triangles."""
    rings, around = 60, 90
    theta = np.linspace(0, np.pi, rings)[:, None]
    phi = np.linspace(0, 2 * np.pi, around, endpoint=False)[None]
    parts = np.sin(theta) * np.sin(phi), np.cos(theta) + 0 * phi, np.sin(theta) * np.cos(phi)
    points = radius * np.stack(np.broadcast_arrays(*parts), -1).reshape(-1, 3)
    index = np.arange(rings * around).reshape(rings, around)
    a, b = index[:-1], index[1:]
    quads = np.stack([a, b, np.roll(b, -1, 1), np.roll(a, -1, 1)], -1).reshape(-1, 4)
    triangles = np.concatenate([quads[:, [0, 1, 2]], quads[:, [0, 2, 3]]])
    return Mesh(points, triangles, np.full((len(points), 3), 0.5))


def test_normals_of_a_ball_point_away_from_its_centre() -> None:
    ball = sphere(2.0)
    normals = vertex_normals(ball.points, ball.triangles)
    np.testing.assert_allclose(normals, ball.points / 2, atol=0.03)
    around = triangles_around(ball.triangles, len(ball.points))
    assert around.sum(1).tolist() == np.bincount(ball.triangles.reshape(-1)).tolist()
    np.testing.assert_array_equal(vertex_normals(ball.points, ball.triangles, around), normals)


def test_a_sheet_is_covered_once_and_faces_one_way() -> None:
    across, down = np.meshgrid(np.arange(4.0), np.arange(5.0), indexing="ij")
    points = np.stack([across, down, 0 * down], -1).reshape(-1, 3)
    a, b, c = points[grid(4, 5).T]
    areas = np.cross(b - a, c - a)[:, 2] / 2
    assert areas.tolist() == [0.5] * 24


def test_a_ball_in_perspective_covers_the_disc_that_geometry_says() -> None:
    radius, distance, focal, size = 1.0, 4.0, 1.2, 96
    camera = look_at((0, 0, distance), (0, 0, 0), focal)
    dark = Lights((), ambient=1, sky=0)
    picture = draw(sphere(radius), camera, dark, np.zeros(3), size, samples=2)
    disc = np.pi * (size * focal * radius / np.sqrt(distance**2 - radius**2)) ** 2
    covered = picture[..., 0].sum() / 128
    assert covered == pytest.approx(disc, rel=0.01)


def test_light_on_a_ball_is_lamberts_cosine() -> None:
    camera = look_at((0, 0, 400.0), (0, 0, 0), 150.0)
    lights = Lights((Light((0, 0, 1), 1.0),), ambient=0, sky=0)
    picture = draw(sphere(1.0), camera, lights, np.zeros(3), 64, samples=1)
    at = (np.arange(64) + 0.5 - 32) / (64 * 150 / 400)
    x, y = np.meshgrid(at, at)
    inside = x**2 + y**2 < 0.8
    cosine = np.sqrt(np.clip(1 - x**2 - y**2, 0, None))
    np.testing.assert_allclose(picture[inside, 1] / 255, 0.5 * cosine[inside], atol=0.01)


def test_highlight_and_scatter_show_where_they_should() -> None:
    camera = look_at((0, 0, 400.0), (0, 0, 0), 150.0)
    lights = Lights((Light((0, 0, 1), 0.5),), ambient=0.2, sky=0)
    ball = sphere(1.0)
    plainly, glossy, skin = (
        draw(
            Mesh(ball.points, ball.triangles, ball.colour, **more), camera, lights, np.zeros(3), 33
        )
        for more in ({}, {"gloss": 0.4}, {"scatter": 1.0})
    )
    brighter = glossy[..., 0].astype(int) - plainly[..., 0]
    assert brighter[16, 16] == pytest.approx(0.4 * 255, abs=2)
    assert brighter[16, 3] == 0
    assert (skin[16, 6] - plainly[16, 6].astype(int))[[0, 2]].tolist() == pytest.approx(
        [1, -1], abs=3
    )
    assert skin[16, 6, 0] > skin[16, 6, 2]


def test_a_colour_a_triangle_is_flat_and_a_colour_a_point_blends() -> None:
    points = np.array([[-1, -1, 0], [1, -1, 0], [1, 1, 0], [-1, 1, 0]], float)
    triangles = np.array([[0, 1, 2], [0, 2, 3]])
    camera = look_at((0, 0, 2), (0, 0, 0), 1.0)
    bright = Lights((), ambient=1, sky=0)
    flat = Mesh(points, triangles, np.array([[1, 0, 0], [0, 0, 1.0]]), per_triangle=True)
    picture = draw(flat, camera, bright, np.zeros(3), 8, samples=1)
    colours, counts = np.unique(picture.reshape(-1, 3), axis=0, return_counts=True)
    assert colours.tolist() == [[0, 0, 255], [255, 0, 0]]
    assert abs(counts[0] - counts[1]) <= 8
    blend = Mesh(points, triangles, np.array([[0, 0, 0], [1, 0, 0], [1, 0, 0], [0, 0, 0.0]]))
    picture = draw(blend, camera, bright, np.zeros(3), 8, samples=1)
    np.testing.assert_allclose(picture[3, :, 0], 255 * (np.arange(8) + 0.5) / 8, atol=1)


def test_joined_meshes_hide_one_another_by_depth() -> None:
    ball = sphere(1.0)
    red, blue = (
        Mesh(
            ball.points + np.array([0, 0, z]),
            ball.triangles,
            np.tile(colour, (len(ball.points), 1)),
        )
        for z, colour in ((0.0, [1.0, 0, 0]), (2.5, [0, 0, 1.0]))
    )
    camera = look_at((0, 0, 9), (0, 0, 0), 2.0)
    bright = Lights((), ambient=1, sky=0)
    for pair in ([red, blue], [blue, red]):
        picture = draw(join(pair), camera, bright, np.zeros(3), 32)
        assert picture[16, 16].tolist() == [0, 0, 255]


def test_turned_camera_sees_what_a_turned_world_shows() -> None:
    random = np.random.default_rng(0)
    points = random.normal(size=(9, 3))
    camera = look_at((3, 1, 2), (0.2, 0, 0.1), 1.3, (0.4, 0.6))
    seen = camera.project(points, 10)
    offset = (points - [3, 1, 2]) @ camera.axes.T
    np.testing.assert_allclose(seen[:, 2], -offset[:, 2])
    np.testing.assert_allclose(seen[:, 0], 10 * (0.4 - 1.3 * offset[:, 0] / offset[:, 2]))
    np.testing.assert_allclose(seen[:, 1], 10 * (0.6 + 1.3 * offset[:, 1] / offset[:, 2]))
    at_target = camera.project(np.array([[0.2, 0, 0.1]]), 10)[0, :2]
    np.testing.assert_allclose(at_target, [4, 6])
    np.testing.assert_allclose(camera.axes @ camera.axes.T, np.eye(3), atol=1e-12)


def test_background_is_what_is_not_covered() -> None:
    far = Mesh(np.zeros((3, 3)), np.array([[0, 1, 2]]), np.zeros((3, 3)))
    camera = Camera(np.array([0, 0, 1.0]), np.eye(3), 1.0)
    slope = plain(4, (0, 0, 0), (1, 1, 1))
    picture = draw(far, camera, Lights(()), slope, 4, samples=2)
    np.testing.assert_allclose(picture[:, 2, 0], 255 * np.array([1, 3, 5, 7]) / 8, atol=1)
