"""Visibility: the three checks against rays that trimesh casts through a world of boxes."""

import numpy as np
import pytest
import trimesh
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from dataset_builders.scene import Camera, Frame, Scene, SceneObject
from dataset_builders.vst.same_points import OCCLUDED, can_follow, draw_background, draw_points, seen_again, visible

WIDTH, HEIGHT = 64, 48
INTRINSICS = np.array([[60.0, 0, 31.5], [0, 60.0, 23.5], [0, 0, 1]])
BOXES = (((-0.8, 0.2, 4.0), (0.9, 0.9, 0.9)), ((0.9, -0.1, 5.5), (1.2, 1.6, 0.8)), ((0.1, 0.0, 9.0), (9.0, 7.0, 0.2)))


@pytest.fixture(scope="module")
def mesh() -> trimesh.Trimesh:
    boxes = (trimesh.creation.box(size, trimesh.transformations.translation_matrix(at)) for at, size in BOXES)
    return trimesh.util.concatenate(list(boxes))


def pose(center=(0, 0, 0), angles=(0, 0, 0)) -> np.ndarray:
    matrix = np.eye(4)
    matrix[:3, :3], matrix[:3, 3] = Rotation.from_euler("YXZ", angles, degrees=True).as_matrix(), center
    return matrix


def cast(mesh: trimesh.Trimesh, camera_to_world: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Depths, (H, W), 0 where nothing is hit, and which box, from 1."""
    x, y = np.meshgrid(np.arange(WIDTH), np.arange(HEIGHT))
    rays = np.stack([(x - 31.5) / 60, (y - 23.5) / 60, np.ones(x.shape)], axis=-1).reshape(-1, 3)
    rays = rays @ camera_to_world[:3, :3].T
    origins = np.tile(camera_to_world[:3, 3], (len(rays), 1))
    hits, which, faces = mesh.ray.intersects_location(origins, rays, multiple_hits=False)
    depths, ids = np.zeros(len(rays), np.float32), np.zeros(len(rays), np.int32)
    depths[which] = (hits - camera_to_world[:3, 3]) @ camera_to_world[:3, 2]
    ids[which] = faces // 12 + 1
    return depths.reshape(HEIGHT, WIDTH), ids.reshape(HEIGHT, WIDTH)


def frame(mesh: trimesh.Trimesh, camera_to_world: np.ndarray, masks: bool = True) -> Frame:
    depths, ids = cast(mesh, camera_to_world)
    camera = Camera(INTRINSICS, camera_to_world, WIDTH, HEIGHT)
    return Frame(camera, np.zeros((HEIGHT, WIDTH, 3), np.uint8), depths, ids if masks else None)


def scene(*frames: Frame) -> Scene:
    names = ("cube", "crate", "wall")
    objects = (
        SceneObject(place, name, np.array(at), np.array(size), np.eye(3))
        for place, (name, (at, size)) in enumerate(zip(names, BOXES, strict=True), start=1)
    )
    return Scene("s", "test", "CC0-1.0", "indoor", tuple(objects), frames)


@settings(max_examples=25, deadline=None)
@given(
    st.tuples(st.floats(-1.5, 1.5), st.floats(-0.5, 0.5), st.floats(-1, 2)),
    st.tuples(st.floats(-40, 40), st.floats(-15, 15), st.floats(-20, 20)),
    st.integers(0, 99),
)
def test_a_point_is_visible_where_a_ray_to_it_meets_nothing_before(mesh, center, angles, seed):
    view = frame(mesh, pose(center, angles))
    points, _ = trimesh.sample.sample_surface(mesh, 300, seed=seed)
    pixels, seen = visible(points, view)
    local = trimesh.transform_points(points, np.linalg.inv(view.camera.camera_to_world))
    u, v = 60 * local[:, 0] / local[:, 2] + 31.5, 60 * local[:, 1] / local[:, 2] + 23.5
    inside = (local[:, 2] > 0) & (u > -0.5) & (u < WIDTH - 0.5) & (v > -0.5) & (v < HEIGHT - 0.5)
    assert not seen[~inside].any()
    assert (np.abs(pixels[inside] - np.stack([u, v], axis=1)[inside]) <= 0.5 + 1e-6).all()
    to_point = points - center
    hits, which, _ = mesh.ray.intersects_location(np.tile(center, (len(points), 1)), to_point, multiple_hits=False)
    reach = np.full(len(points), np.inf)
    reach[which] = np.linalg.norm(hits - center, axis=1) / np.linalg.norm(to_point[which], axis=1)
    free = inside & (np.abs(1 - reach) <= OCCLUDED)
    # A pixel is no ray: at the outlines of boxes and on sides seen at a slant the two may differ.
    assert (free == seen)[inside].mean() > 0.85 if inside.any() else True
    rows, columns = pixels[:, 1], pixels[:, 0]
    by_pixel = np.abs(local[:, 2] - view.depth[rows, columns]) <= OCCLUDED * local[:, 2]
    assert (seen == (inside & by_pixel & (view.depth[rows, columns] > 0))).all()


def test_each_check_refuses_alone(mesh):
    view = frame(mesh, pose())
    on_cube, behind_it, before_it = np.array([(-0.8, 0.2, 3.55), (-0.8, 0.2, 3.95), (-0.8, 0.2, 3.0)])
    behind_camera, aside = np.array([0.0, 0, -3]), np.array([30.0, 0, 4])
    _, seen = visible(np.array([on_cube, behind_it, before_it, behind_camera, aside]), view)
    assert seen.tolist() == [True, False, False, False, False]
    near = on_cube * [[0.96], [0.94], [1.04], [1.06]]  # along its own ray, by 4 and by 6 %
    assert visible(near, view)[1].tolist() == [True, False, True, False]


def test_points_are_followed_on_their_own_object(mesh):
    views = [frame(mesh, pose()), frame(mesh, pose((0.6, 0, 0.4), (-6, 0, 0)))]
    world, rng, count = scene(*views), np.random.default_rng(0), 0
    for group in draw_points(world, 0, rng):
        assert len({point.instance_id for point in group}) == 1
        for point in group:
            column, row = point.pixel
            assert views[0].instances[row, column] == point.instance_id
            assert point.depth == views[0].depth[row, column]
            again = seen_again(point, views[1])
            if again is not None:
                count += 1
                assert views[1].instances[again[1], again[0]] == point.instance_id
                there = trimesh.transform_points(point.position[None], np.linalg.inv(views[1].camera.camera_to_world))
                assert np.abs(there[0, :2] / there[0, 2] * 60 + [31.5, 23.5] - again).max() <= 0.5 + 1e-6
    assert count >= 10


def test_without_masks_points_lie_anywhere_and_mixed_frames_are_left_out(mesh):
    views = [frame(mesh, pose(), masks=False), frame(mesh, pose((0.6, 0, 0)))]
    world = scene(*views)
    groups = list(draw_points(world, 0, np.random.default_rng(0)))
    assert groups and all(len(group) == 1 and group[0].instance_id == 0 for group in groups)
    assert not can_follow(world, 0, 1) and can_follow(world, 0) and can_follow(world, 1)
    assert not draw_background(views[1], np.random.default_rng(0))  # the wall fills the picture


def test_frames_without_depth_or_intrinsics_cannot_be_followed(mesh):
    view = frame(mesh, pose())
    blind = Frame(view.camera, view.color, None, view.instances)
    unknown = Camera(np.full((3, 3), np.nan), view.camera.camera_to_world, WIDTH, HEIGHT)
    uncalibrated = Frame(unknown, view.color, view.depth, view.instances)
    world = scene(view, blind, uncalibrated)
    assert can_follow(world, 0, 0)
    assert not can_follow(world, 0, 1) and not can_follow(world, 0, 2)
