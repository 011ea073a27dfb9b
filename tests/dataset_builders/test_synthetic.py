import hashlib
import json
import multiprocessing
import pickle
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial import ConvexHull

from dataset_builders.scene import validate_scene
from dataset_builders.sources.synthetic import SyntheticSource
from dataset_builders.taxonomy import SCALE_NAMES, SCALES

SOURCE = SyntheticSource(num_scenes=10, seed=5, num_frames=4, frame_size=(160, 120))


@pytest.fixture(scope="module")
def scenes():
    return [SOURCE.load(ref) for ref in SOURCE.refs()]


def digest(scene) -> str:
    arrays = [np.concatenate([item.center, item.size, item.rotation.ravel()]) for item in scene.objects]
    for frame in scene.frames:
        arrays += [frame.color, frame.depth, frame.instances, frame.camera.camera_to_world, frame.camera.intrinsics]
    names = "/".join(item.category for item in scene.objects) + json.dumps(scene.metadata)
    return hashlib.sha256(names.encode() + b"".join(array.tobytes() for array in arrays)).hexdigest()


def visible_points(scene):
    """Yield each object with the (N, 3) world points of its pixels, their pixels (N, 2) and the frame."""
    for frame in scene.frames:
        rows, columns = np.nonzero(frame.instances)
        pixels = np.stack([columns, rows], axis=1)
        rays = np.linalg.solve(frame.camera.intrinsics, np.column_stack([pixels, np.ones(len(pixels))]).T).T
        points = rays * frame.depth[rows, columns, None]
        points = points @ frame.camera.camera_to_world[:3, :3].T + frame.camera.camera_to_world[:3, 3]
        owner = frame.instances[rows, columns]
        for item in scene.objects:
            yield item, points[owner == item.instance_id], pixels[owner == item.instance_id], frame


def corners(item) -> np.ndarray:
    signs = np.array([(x, y, z) for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)])
    return item.center + (signs * item.size / 2) @ item.rotation


def test_scales_take_turns_and_ids_are_stable():
    refs = SyntheticSource(num_scenes=13, seed=3).refs()
    assert [ref.scale for ref in refs[:6]] == [*SCALE_NAMES, SCALE_NAMES[0]]
    assert refs[12].scene_id == "synthetic-3-000012"
    assert SyntheticSource(num_scenes=40, seed=3).refs()[:13] == refs


def test_scene_is_complete_and_valid(scenes):
    for ref, scene in zip(SOURCE.refs(), scenes, strict=True):
        validate_scene(scene, ref.scene_id)
        assert (scene.scene_id, scene.scale) == (ref.scene_id, ref.scale)
        assert (scene.source, scene.license) == ("synthetic", "CC0-1.0")
        assert len(scene.frames) == 4
        assert (scene.room_size is not None) == (scene.scale == "indoor")
        assert [item.instance_id for item in scene.objects] == list(range(1, len(scene.objects) + 1))
        for frame in scene.frames:
            assert (frame.color.dtype, frame.depth.dtype, frame.instances.dtype) == (np.uint8, np.float32, np.int32)
            assert frame.color.shape == (120, 160, 3)
            assert frame.color.std() > 5


def test_same_bytes_in_any_order_and_process(scenes):
    refs = SOURCE.refs()[:5]
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        elsewhere = list(pool.map(SOURCE.load, refs[::-1]))[::-1]
    assert [digest(scene) for scene in elsewhere] == [digest(scene) for scene in scenes[:5]]


def test_another_seed_gives_another_scene(scenes):
    other = SyntheticSource(num_scenes=1, seed=6, num_frames=4, frame_size=(160, 120))
    assert digest(other.load(other.refs()[0])) != digest(scenes[0])


def test_a_scene_without_frames_has_the_same_objects(scenes):
    for ref, scene in zip(SOURCE.refs(), scenes, strict=True):
        assert digest(replace(SOURCE, rendered=False).load(ref)) == digest(replace(scene, frames=()))


def test_source_pickles():
    assert pickle.loads(pickle.dumps(SOURCE)) == SOURCE


@pytest.mark.parametrize("sizes", [{"num_scenes": 0}, {"num_frames": 0}, {"frame_size": (0, 10)}])
def test_impossible_sizes_are_refused(sizes):
    with pytest.raises(ValueError, match="at least 1"):
        SyntheticSource(**{"num_scenes": 1, "seed": 0, **sizes})


def test_visible_points_lie_inside_the_box_and_reach_its_top(scenes):
    reached = 0
    for scene in scenes:
        highest = {}
        for item, points, _, frame in visible_points(scene):
            if not len(points):
                continue
            inside = np.abs((points - item.center) @ item.rotation.T) - item.size / 2
            # float32 depth resolves a ten-millionth of the distance; the tolerance is ten times that.
            distance = np.linalg.norm(item.center - frame.camera.camera_to_world[:3, 3])
            assert inside.max() < 2e-6 * distance
            foot = item.center[2] - item.size[2] / 2
            top = (points[:, 2].max() - foot) / item.size[2]
            highest[item.instance_id] = max(highest.get(item.instance_id, -1), top)
        assert all(top <= 1 + 1e-4 for top in highest.values())
        reached += np.mean([top > 0.85 for top in highest.values()])
    assert reached / len(scenes) > 0.7


def test_masks_lie_inside_the_projected_boxes(scenes):
    for scene in scenes:
        for item, _, pixels, frame in visible_points(scene):
            world_to_camera = np.linalg.inv(frame.camera.camera_to_world)
            local = corners(item) @ world_to_camera[:3, :3].T + world_to_camera[:3, 3]
            if not len(pixels) or local[:, 2].min() <= 0:
                continue
            projected = local @ frame.camera.intrinsics.T
            hull = ConvexHull(projected[:, :2] / projected[:, 2:])
            outside = pixels @ hull.equations[:, :2].T + hull.equations[:, 2]
            assert outside.max() < 1e-2


def test_most_objects_are_seen_in_several_frames(scenes):
    seen = [
        sum((frame.instances == item.instance_id).sum() >= 5 for frame in scene.frames)
        for scene in scenes
        for item in scene.objects
    ]
    assert np.mean(np.array(seen) >= 2) > 0.8


def test_what_is_in_on_or_under_something_is_seen(scenes):
    """Vessels and fences are hollow, so that their contents show."""
    seen = [
        max((frame.instances == number).sum() for frame in scene.frames) >= 5
        for scene in scenes
        for kind, number, *_ in scene.metadata["relations"]
        if kind != "stacking"
    ]
    assert len(seen) > 30 and np.mean(seen) > 0.85


def test_depth_is_unknown_only_where_nothing_is_near(scenes):
    for scene in scenes:
        for frame in scene.frames:
            assert np.isfinite(frame.depth).all()
            assert (frame.depth >= 0).all()
            assert (frame.depth[frame.instances > 0] > 0).all()
            if scene.scale == "indoor":
                assert (frame.depth > 0).all()


def test_background_is_the_ground_plane(scenes):
    for scene in scenes:
        if scene.scale == "indoor":
            continue
        for frame in scene.frames:
            rows, columns = np.nonzero((frame.instances == 0) & (frame.depth > 0))
            pixels = np.stack([columns, rows, np.ones(len(rows))])
            rays = frame.camera.camera_to_world[:3, :3] @ np.linalg.solve(frame.camera.intrinsics, pixels)
            height = frame.camera.camera_to_world[2, 3] + frame.depth[rows, columns] * rays[2]
            assert np.abs(height).max() < 1e-5 * frame.depth.max()


def test_cameras_stay_outside_objects_and_move_smoothly(scenes):
    for scene in scenes:
        eyes = np.array([frame.camera.camera_to_world[:3, 3] for frame in scene.frames])
        steps = np.linalg.norm(np.diff(eyes, axis=0), axis=1)
        assert eyes[:, 2].min() > 0
        assert steps.max() < 3 * steps.min() + SCALES[scene.scale].margin
        for item in scene.objects:
            outside = np.abs((eyes - item.center) @ item.rotation.T) - item.size / 2
            assert outside.max(axis=1).min() > 0


def test_objects_are_of_the_size_of_their_scale(scenes):
    bounds = {"tiny_tabletop": 0.06, "tabletop": 0.5, "indoor": 2.5, "outdoor": 13, "drone": 90}
    for scene in scenes:
        longest = [item.size.max() for item in scene.objects]
        assert max(longest) <= bounds[scene.scale]
        assert min(longest) >= bounds[scene.scale] / 40
