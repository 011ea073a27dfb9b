import json
import shutil

import numpy as np
import pytest
from PIL import Image

from dataset_builders.errors import InputError
from dataset_builders.sources import SceneRef
from dataset_builders.sources.rgbd import RgbdSource


def load(folder, num_frames=None):
    source = RgbdSource(folder, num_frames)
    return source.load(source.refs()[0])


def test_a_folder_of_frames_is_one_scene(tmp_path, write_rgbd):
    scene = load(write_rgbd(tmp_path / "kitchen", num_frames=3))
    assert (scene.scene_id, scene.source, scene.scale, scene.license) == ("kitchen", "rgbd", "indoor", "unknown")
    assert (len(scene.frames), scene.objects, scene.room_size) == (3, (), None)
    frame = scene.frames[2]
    assert frame.color.shape == (72, 96, 3) and frame.color.dtype == np.uint8
    assert (frame.camera.width, frame.camera.height) == (96, 72)
    assert frame.camera.intrinsics.tolist() == [[90, 0, 48], [0, 90, 36], [0, 0, 1]]
    assert frame.camera.camera_to_world[0, 3] == pytest.approx(0.2)
    assert frame.depth.dtype == np.float32 and frame.instances is None


def test_millimetres_become_metres_and_both_invalid_values_become_zero(tmp_path, write_rgbd):
    depth = load(write_rgbd(tmp_path / "kitchen")).frames[0].depth
    assert depth[0, 0] == 0 and depth[0, 1] == 0
    assert depth[5, 0] == 1.0 and depth[5, -1] == 3.0


def test_a_folder_of_scenes_gives_one_scene_per_sub_folder(tmp_path, write_rgbd):
    write_rgbd(tmp_path / "all" / "b")
    write_rgbd(tmp_path / "all" / "a")
    (tmp_path / "all" / "notes").mkdir()
    (tmp_path / "all" / "a" / "scene.json").write_text('{"scale": "tabletop"}')
    assert RgbdSource(tmp_path / "all").refs() == [SceneRef("a", "tabletop"), SceneRef("b", "indoor")]


def test_frames_are_spread_evenly_first_and_last_included(tmp_path, write_rgbd):
    scene = load(write_rgbd(tmp_path / "kitchen", num_frames=7), num_frames=3)
    assert [round(10 * frame.camera.camera_to_world[0, 3]) for frame in scene.frames] == [0, 3, 6]


def test_scene_and_objects_files_add_what_the_frames_lack(tmp_path, write_rgbd):
    folder = write_rgbd(tmp_path / "desk")
    about = {"scale": "tabletop", "license": "CC-BY-4.0", "room_size": 12.5}
    (folder / "scene.json").write_text(json.dumps(about))
    cup = {"instance_id": 7, "category": "cup", "center": [0, 0, 1], "size": [0.1, 0.1, 0.2]}
    (folder / "objects.json").write_text(json.dumps([cup | {"rotation": np.eye(3).tolist()}]))
    scene = load(folder)
    assert (scene.scale, scene.license, scene.room_size) == ("tabletop", "CC-BY-4.0", 12.5)
    (item,) = scene.objects
    assert (item.instance_id, item.category, item.size.tolist()) == (7, "cup", [0.1, 0.1, 0.2])


def test_a_link_that_leaves_the_folder_is_refused(tmp_path, write_rgbd):
    folder = write_rgbd(tmp_path / "kitchen")
    outside = tmp_path / "elsewhere.jpg"
    (folder / "frame-000000.color.jpg").rename(outside)
    (folder / "frame-000000.color.jpg").symlink_to(outside)
    with pytest.raises(InputError, match="kitchen/frame-000000.color.jpg: file: leads outside"):
        load(folder)


def edges_on_edges(scene) -> float:
    """Measure the mean gradient of the colours where the depth jumps, on its near side."""
    gradients = []
    for frame in scene.frames:
        grey = frame.color.mean(axis=2)
        contrast = np.minimum(np.hypot(*np.gradient(grey)), 30)
        known = np.where(frame.depth > 0, frame.depth, np.inf)
        around = np.stack([np.roll(known, step, axis) for step in (1, -1) for axis in (0, 1)])
        behind = np.where(np.isinf(around), 0, around).max(axis=0)
        near = (frame.depth > 0) & (behind - frame.depth > 0.15)
        near[:8], near[-8:], near[:, :8], near[:, -8:] = False, False, False, False
        gradients.append(contrast[near])
    return float(np.concatenate(gradients).mean())


def test_real_kitchen_has_its_depths_on_its_colours(real_data, tmp_path):
    """7-Scenes publishes depth that is not registered; taken as it is, its edges miss those of the colours."""
    folder = tmp_path / "kitchen"
    shutil.copytree(real_data("sevenscenes_redkitchen"), folder)
    registered = edges_on_edges(load(folder, num_frames=8))
    (folder / "scene.json").write_text('{"registered": true}')
    assert registered > 1.5 * edges_on_edges(load(folder, num_frames=8))


def test_real_kitchen_reprojects_onto_itself(real_data):
    """Lifting frame 0 with its pose and dropping it into the next frame must meet the depth measured there."""
    scene = load(real_data("sevenscenes_redkitchen"))
    assert len(scene.frames) == 29
    assert max(frame.depth.max() for frame in scene.frames) < 10  # 65535 would read 65.5 m
    first, second = scene.frames[:2]
    rows, columns = np.nonzero(first.depth)
    pixels = np.stack([columns, rows, np.ones_like(rows)]).astype(float)
    camera = np.linalg.inv(first.camera.intrinsics) @ pixels * first.depth[rows, columns]
    world = first.camera.camera_to_world @ np.vstack([camera, np.ones(len(rows))])
    seen = (np.linalg.inv(second.camera.camera_to_world) @ world)[:3]
    u, v, _ = np.rint(second.camera.intrinsics @ seen / seen[2]).astype(int)
    inside = (u >= 0) & (u < 640) & (v >= 0) & (v < 480)
    measured = second.depth[v[inside], u[inside]]
    error = np.abs(measured - seen[2, inside])[measured > 0]
    assert np.median(error) < 0.01  # SOURCE.md: 7.3 mm


@pytest.mark.parametrize(
    ("name", "encoding", "least", "most"), [("TUM", "tum", 1.46, 9.33), ("SUN", "sunrgbd", 1.06, 9.87)]
)
def test_scene_json_names_the_encoding_of_depth(real_data, tmp_path, name, encoding, least, most):
    """One real frame of each data set, put into the layout of 7-Scenes; SOURCE.md says the range."""
    with Image.open(next(real_data("rgbd_formats").glob(f"{name}_color.*"))) as image:
        image.convert("RGB").save(tmp_path / "frame-000000.color.png")
    shutil.copy(real_data("rgbd_formats") / f"{name}_depth.png", tmp_path / "frame-000000.depth.png")
    np.savetxt(tmp_path / "frame-000000.pose.txt", np.eye(4))
    np.savetxt(tmp_path / "camera-intrinsics.txt", [[525, 0, 319.5], [0, 525, 239.5], [0, 0, 1]])
    (tmp_path / "scene.json").write_text(json.dumps({"depth": encoding}))
    depth = load(tmp_path).frames[0].depth
    assert depth[depth > 0].min() == pytest.approx(least, abs=0.01)
    assert depth.max() == pytest.approx(most, abs=0.01)


@pytest.mark.parametrize("encoding", ["inches", 1000, ["tum"]])
def test_an_unknown_encoding_of_depth_is_refused(tmp_path, write_rgbd, encoding):
    folder = write_rgbd(tmp_path / "kitchen")
    (folder / "scene.json").write_text(json.dumps({"depth": encoding}))
    with pytest.raises(InputError, match="kitchen/scene.json: depth: is .*; use one of millimetre, tum, sunrgbd"):
        load(folder)
