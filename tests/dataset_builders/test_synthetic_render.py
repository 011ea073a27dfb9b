from dataclasses import replace

import numpy as np
import pytest

from dataset_builders.scene import Camera
from dataset_builders.sources.synthetic.cast import Caster
from dataset_builders.sources.synthetic.light import draw_light
from dataset_builders.sources.synthetic.model import Placed, make_model, make_world
from dataset_builders.sources.synthetic.paths import look_at
from dataset_builders.sources.synthetic.render import Renderer
from dataset_builders.sources.synthetic.shade import Shader
from dataset_builders.sources.synthetic.shapes import Material, box, cylinder, ellipsoid
from dataset_builders.sources.synthetic.textures import LEVELS, PAINTERS, TILE, make_ground

RED = Material((0.9, 0.1, 0.1))
FOCAL = 80.0


def camera(eye, target, size=(96, 72)) -> Camera:
    width, height = size
    intrinsics = np.array([[FOCAL, 0, (width - 1) / 2], [0, FOCAL, (height - 1) / 2], [0, 0, 1]])
    return Camera(intrinsics, look_at(np.array([eye], float), np.array([target], float))[0], width, height)


def shot(part, view, scale=1.0, direction=None):
    """Take one frame of one object at the origin; `scale` is the unit of length, metres."""
    world = make_world([Placed(make_model("thing", [part]), 0.0, 0.0, 0.0)], [])
    light = draw_light(np.random.default_rng(0), indoor=False)
    if direction is not None:
        light = replace(light, direction=np.asarray(direction, float))
    caster = Caster(world, scale)
    ground = make_ground(np.random.default_rng(0), "asphalt", scale)
    return Renderer(world, caster, Shader(world, caster, ground, light, 100 * scale), 100 * scale).frame(view)


def rays(view: Camera) -> np.ndarray:
    """Return (H, W, 3) world directions with length 1 along the optical axis."""
    x, y = np.meshgrid(np.arange(view.width), np.arange(view.height))
    cx, cy = view.intrinsics[0, 2], view.intrinsics[1, 2]
    local = np.stack([(x - cx) / FOCAL, (y - cy) / FOCAL, np.ones_like(x, float)], axis=-1)
    return local @ view.camera_to_world[:3, :3].T


@pytest.mark.parametrize("scale", [0.001, 1.0, 100.0])
def test_depth_of_a_sphere_and_the_ground_is_analytic(scale):
    view = camera((0, -4 * scale, 2 * scale), (0, 0, scale))
    frame = shot(ellipsoid((scale, scale, scale), RED, sides=200), view, scale)
    direction, eye = rays(view), view.camera_to_world[:3, 3]
    offset = eye - (0, 0, scale)
    a, b = (direction**2).sum(-1), (direction * offset).sum(-1)
    root = b**2 - a * ((offset**2).sum() - scale**2)
    sphere = np.where(root > 0, (-b - np.sqrt(np.maximum(root, 0))) / a, np.inf)
    ground = np.where(direction[..., 2] < 0, -eye[2] / np.minimum(direction[..., 2], -1e-12), np.inf)
    expected = np.minimum(sphere, ground)
    clear = np.abs(root) > 0.02 * scale**2
    known = clear & (expected < 99 * scale)
    np.testing.assert_allclose(frame.depth[known], expected[known], rtol=1e-3)
    plane = known & (ground < sphere)
    np.testing.assert_allclose(frame.depth[plane], expected[plane], rtol=1e-5)
    assert (frame.depth[clear & (expected > 101 * scale)] == 0).all()
    assert ((frame.instances == 1)[clear] == (sphere < ground)[clear]).all()


def test_depth_of_a_face_is_its_distance_along_the_axis():
    view = camera((0, -3, 0.5), (0, 0, 0.5))
    frame = shot(box((1, 1, 1), RED), view)
    np.testing.assert_allclose(frame.depth[frame.instances == 1], 2.5, rtol=1e-6)
    rows, columns = np.nonzero(frame.instances)
    # The face is 1 m wide and 2.5 m away: 32 pixels of focal length 80, around the principal point.
    assert (columns.min(), columns.max()) == (32, 63)
    assert (rows.min(), rows.max()) == (20, 51)


def test_camera_inside_the_projection_still_sees_everything():
    """A box that reaches behind the camera has no bounded projection, so no ray may be skipped."""
    view = camera((0, -3, 1.2), (0, 0, 0.5))
    frame = shot(box((0.5, 12, 0.4), RED), view)
    assert (frame.instances[-1, 40:56] == 1).all()


def test_red_object_is_red_and_shadow_falls_away_from_the_sun():
    direction = np.array([-1.0, 0.0, 1.0]) / np.sqrt(2)
    view = camera((0, -1, 8), (0, 0, 0))
    frame = shot(cylinder(0.5, 1, RED), view, direction=direction)
    thing = frame.color[frame.instances == 1].astype(int)
    assert (thing[:, 0] > thing[:, 1:].max(axis=1) + 30).mean() > 0.95
    points = view.camera_to_world[:3, 3] + rays(view) * frame.depth[..., None]
    ground, near = frame.instances == 0, np.abs(points[..., 1]) < 0.2
    shadow = ground & near & (points[..., 0] > 0.7) & (points[..., 0] < 1.2)
    sunlit = ground & near & (points[..., 0] < -0.8) & (points[..., 0] > -1.5)
    assert frame.color[shadow].mean() < 0.75 * frame.color[sunlit].mean()


@pytest.mark.parametrize("name", PAINTERS)
def test_far_ground_has_the_mean_colour_of_near_ground(name):
    ground = make_ground(np.random.default_rng(3), name, 2.0)
    x, y = (grid.ravel() for grid in np.meshgrid(*[(np.arange(TILE) + 0.5) * 2.0 / TILE] * 2))
    near = ground.colour(x, y, np.full(x.shape, -20.0))
    far = ground.colour(x, y, np.full(x.shape, 20.0))
    np.testing.assert_allclose(near.mean(axis=1), far.mean(axis=1), rtol=1e-3)
    assert len(np.unique(far, axis=1).T) <= (TILE >> (LEVELS - 1)) ** 2
    np.testing.assert_array_equal(ground.colour(x + 2.0, y - 4.0, np.full(x.shape, -20.0)), near)
