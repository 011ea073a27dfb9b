import csv
import json
import pickle

import numpy as np
import pycolmap
import pytest
from PIL import Image
from scipy.spatial.transform import Rotation

from dataset_builders.ask import ask
from dataset_builders.errors import InputError
from dataset_builders.geometry import project
from dataset_builders.sources import SceneRef
from dataset_builders.sources.colmap import ColmapSource
from dataset_builders.tasks import RULES

WIDTH, HEIGHT = 128, 96
SPOTS = np.array([[40, 30], [90, 30], [64, 48], [45, 70], [100, 60]])
"""Pixels, counted from 0, that are white in the first image."""
DEPTHS = np.array([2.0, 3.0, 4.0, 5.0, 6.0])
CAMERAS = {
    "PINHOLE": [100, 100, 64, 48],
    "SIMPLE_RADIAL": [100, 64, 48, 0.1],
    "OPENCV": [100, 110, 60, 50, 0.05, 0.01, 0.002, 0.001],
    "OPENCV_FISHEYE": [100, 100, 64, 48, 0.02, 0, 0, 0],
}


def write_model(folder, model="PINHOLE", names=("a.png", "b.png"), text=False, about=None):
    """Write a reconstruction of five points from two images that a step of one unit to the right separates."""
    reconstruction = pycolmap.Reconstruction()
    camera = pycolmap.Camera(model=model, width=WIDTH, height=HEIGHT, params=CAMERAS[model], camera_id=1)
    reconstruction.add_camera_with_trivial_rig(camera)
    points = np.column_stack([camera.cam_from_img(SPOTS + 0.5), np.ones(len(SPOTS))]) * DEPTHS[:, None]
    for number, name in enumerate(names, start=1):
        shift = np.array([1.0 - number, 0, 0])
        keypoints = camera.img_from_cam(points + shift)
        image = pycolmap.Image(name=name, keypoints=keypoints, camera_id=1, image_id=number)
        reconstruction.add_image_with_trivial_frame(image, pycolmap.Rigid3d(pycolmap.Rotation3d(), shift))
    for index, point in enumerate(points):
        track = pycolmap.Track()
        for number in range(len(names)):
            track.add_element(number + 1, index)
        reconstruction.add_point3D(point, track)
    save(reconstruction, folder, text)
    color = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    color[SPOTS[:, 1], SPOTS[:, 0]] = 255
    (folder / "images").mkdir()
    for name in names:
        if "/" not in name:
            Image.fromarray(color).save(folder / "images" / name)
    (folder / "scene.json").write_text(json.dumps(about or {"scale": "indoor"}))
    return folder


def save(reconstruction, folder, text=False):
    model = folder / "sparse" / "0"
    model.mkdir(parents=True)
    (reconstruction.write_text if text else reconstruction.write_binary)(str(model))


def load(folder, num_frames=None):
    source = ColmapSource(folder, num_frames)
    return source.load(source.refs()[0])


@pytest.mark.parametrize("model", CAMERAS)
def test_white_pixels_stay_where_their_points_project(tmp_path, model):
    """Counting from the corner instead of the centre of a pixel, or a distortion left in, would move them apart."""
    frame = load(write_model(tmp_path / "box", model)).frames[0]
    rows, columns = np.nonzero(frame.depth)
    assert sorted(frame.depth[rows, columns].tolist()) == pytest.approx(DEPTHS.tolist(), abs=1e-4)
    weights = frame.color[..., 0].astype(float)
    for row, column in zip(rows, columns, strict=True):
        around = weights[row - 2 : row + 3, column - 2 : column + 3]
        offsets = np.arange(-2, 3)
        middle = np.array([(around.sum(0) * offsets).sum(), (around.sum(1) * offsets).sum()]) / around.sum()
        camera = frame.camera
        ray = np.linalg.inv(camera.intrinsics) @ [column, row, 1]
        exact = min(project(np.outer(DEPTHS, ray), camera)[0], key=lambda pixel: abs(pixel - [column, row]).sum())
        assert np.abs(exact - [column, row]).max() < 1e-6
        assert np.abs(middle).max() < 0.75  # the white pixel is spread by interpolation, its point rounded
    if model == "PINHOLE":
        assert frame.camera.intrinsics.tolist() == [[100, 0, 63.5], [0, 100, 47.5], [0, 0, 1]]
        assert sorted(zip(columns, rows, strict=True)) == sorted(map(tuple, SPOTS.tolist()))


def test_text_and_binary_models_are_the_same_scene(tmp_path):
    binary = load(write_model(tmp_path / "binary"))
    text = load(write_model(tmp_path / "text", text=True))
    for first, second in zip(binary.frames, text.frames, strict=True):
        np.testing.assert_allclose(first.depth, second.depth, atol=1e-6)
        np.testing.assert_allclose(first.camera.camera_to_world, second.camera.camera_to_world, atol=1e-9)


def test_metres_per_unit_makes_a_scene_metric(tmp_path):
    unknown = load(write_model(tmp_path / "unknown"))
    about = {"scale": "tabletop", "license": "CC0-1.0", "metres_per_unit": 0.25}
    known = load(write_model(tmp_path / "known", about=about))
    assert (unknown.metric, unknown.scale, unknown.license) == (False, "indoor", "unknown")
    assert (known.metric, known.scale, known.license) == (True, "tabletop", "CC0-1.0")
    assert [frame.camera.camera_to_world[0, 3] for frame in unknown.frames] == pytest.approx([0, 1])
    assert [frame.camera.camera_to_world[0, 3] for frame in known.frames] == pytest.approx([0, 0.25])
    np.testing.assert_allclose(known.frames[0].depth, 0.25 * unknown.frames[0].depth, rtol=1e-6)


def test_a_point_that_two_images_do_not_fix_has_no_depth(tmp_path):
    """Seen from one place only, or far from where it was seen, a point says nothing about depth."""
    folder = write_model(tmp_path / "box")
    model = pycolmap.Reconstruction(str(folder / "sparse" / "0"))
    nearest, farthest = sorted(model.points3D, key=lambda index: model.points3D[index].xyz[2])[::4]
    model.points3D[nearest].xyz = model.points3D[nearest].xyz + [0.2, 0, 0]
    model.images[2].frame.rig_from_world = pycolmap.Rigid3d(pycolmap.Rotation3d(), np.array([-1.0, 0, 0]))
    model.write_binary(str(folder / "sparse" / "0"))
    depth = load(folder).frames[0].depth
    assert np.unique(np.rint(depth)).tolist() == [0, 3, 4, 5, 6]
    model.points3D[farthest].xyz = model.points3D[farthest].xyz * 1000
    model.write_binary(str(folder / "sparse" / "0"))
    assert np.unique(np.rint(load(folder).frames[0].depth)).tolist() == [0, 3, 4, 5]


def test_images_come_by_name_and_only_registered_ones(tmp_path):
    folder = write_model(tmp_path / "box", names=("z.png", "a.png"))
    Image.new("RGB", (WIDTH, HEIGHT)).save(folder / "images" / "left_out.png")
    assert [frame.camera.camera_to_world[0, 3] for frame in load(folder).frames] == pytest.approx([1, 0])
    assert len(load(folder, num_frames=1).frames) == 1


def test_a_source_is_small_and_lists_sub_folders(tmp_path):
    write_model(tmp_path / "all" / "b")
    write_model(tmp_path / "all" / "a", about={"scale": "drone"})
    source = pickle.loads(pickle.dumps(ColmapSource(tmp_path / "all")))
    assert source.name == "colmap"
    assert source.refs() == [SceneRef("a", "drone"), SceneRef("b", "indoor")]


@pytest.mark.parametrize("text", [False, True], ids=["binary", "text"])
@pytest.mark.parametrize("stem", ["cameras", "images", "points3D", "frames", "rigs"])
@pytest.mark.parametrize("cut", [0.0, 0.5])
def test_a_cut_model_is_refused_in_one_line(tmp_path, stem, text, cut):
    """Bug of pycolmap 4.2: half of cameras.bin is read as arbitrary numbers, an empty points3D.bin never ends."""
    folder = write_model(tmp_path / "box", text=text)
    path = folder / "sparse" / "0" / f"{stem}{'.txt' if text else '.bin'}"
    lines = [line for line in path.read_bytes().splitlines(keepends=True) if not (text and line.startswith(b"#"))]
    content = b"".join(lines)
    path.write_bytes(content[: int(cut * len(content))])
    with pytest.raises(
        InputError, match=r"^box/sparse/0.*(is empty|is not complete|cannot be read|are missing)"
    ) as caught:
        load(folder)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("name", "start"), [("points3D", 0), ("images", 0), ("cameras", 0), ("points3D", 51)])
def test_an_absurd_count_is_refused_at_once(tmp_path, name, start):
    folder = write_model(tmp_path / "box")
    path = folder / "sparse" / "0" / f"{name}.bin"
    content = bytearray(path.read_bytes())
    content[start : start + 8] = b"\xff" * 8
    path.write_bytes(content)
    with pytest.raises(InputError, match="is not complete"):
        load(folder)


@pytest.mark.parametrize("name", ["../../outside.png", "/etc/hostname", "sub/../../../outside.png"])
def test_an_image_outside_the_folder_is_refused(tmp_path, name):
    Image.new("RGB", (WIDTH, HEIGHT)).save(tmp_path / "outside.png")
    folder = write_model(tmp_path / "box", names=("a.png", name))
    with pytest.raises(InputError, match="leads outside"):
        load(folder)


def test_what_does_not_fit_is_named(tmp_path):
    folder = write_model(tmp_path / "box")
    (folder / "scene.json").write_text("{}")
    with pytest.raises(InputError, match="box/scene.json: scale: is missing; give one of tiny_tabletop"):
        ColmapSource(folder)
    (folder / "scene.json").write_text('{"scale": "indoor", "metres_per_unit": 0}')
    with pytest.raises(InputError, match="metres_per_unit: is 0"):
        load(folder)
    (folder / "scene.json").write_text('{"scale": "indoor"}')
    Image.new("RGB", (WIDTH, 50)).save(folder / "images" / "a.png")
    with pytest.raises(InputError, match="box/images/a.png: size: is 128x50, its camera 128x96"):
        load(folder)
    (folder / "images" / "a.png").unlink()
    with pytest.raises(InputError, match="box/images/a.png: file: is missing"):
        load(folder)
    with pytest.raises(InputError, match="is neither here nor one level below"):
        ColmapSource(tmp_path / "box" / "images")


def test_a_camera_that_no_pinhole_can_stand_for_is_refused(tmp_path):
    folder = write_model(tmp_path / "box", "SIMPLE_RADIAL")
    model = pycolmap.Reconstruction(str(folder / "sparse" / "0"))
    model.cameras[1].params = [100, 64, 48, 25.0]
    model.write_binary(str(folder / "sparse" / "0"))
    with pytest.raises(InputError, match="camera 1: SIMPLE_RADIAL 100, 64, 48, 25 cannot become a pinhole camera"):
        load(folder)


QUARTER = 4


def berlin_model(data) -> pycolmap.Reconstruction:
    """Turn OpenSfM's reconstruction, for images of a quarter of the size, into one of COLMAP."""
    (source,) = json.loads((data / "reconstruction_example.json").read_text())
    (camera,) = source["cameras"].values()
    width, height = camera["width"] // QUARTER, camera["height"] // QUARTER
    # OpenSfM divides by the longer side and counts from the middle of the image.
    longer, middle = max(width, height), np.array([width, height]) / 2
    params = [camera["focal"] * longer, *middle, camera["k1"], camera["k2"]]
    model = pycolmap.Reconstruction()
    model.add_camera_with_trivial_rig(
        pycolmap.Camera(model="RADIAL", width=width, height=height, params=params, camera_id=1)
    )
    with (data / "tracks_example.csv").open() as file:
        tracks = [row for row in csv.reader(file, delimiter="\t") if len(row) > 4]
    elements: dict[str, list] = {}
    for number, (name, shot) in enumerate(sorted(source["shots"].items()), start=1):
        seen = [(row[1], np.array(row[3:5], float) * longer + middle) for row in tracks if row[0] == name]
        keypoints = np.array([pixel for _, pixel in seen])
        turn = pycolmap.Rotation3d(Rotation.from_rotvec(shot["rotation"]).as_quat())
        model.add_image_with_trivial_frame(
            pycolmap.Image(name=name, keypoints=keypoints, camera_id=1, image_id=number),
            pycolmap.Rigid3d(turn, np.array(shot["translation"])),
        )
        for index, (track, _) in enumerate(seen):
            elements.setdefault(track, []).append((number, index))
    for track, point in source["points"].items():
        views = pycolmap.Track()
        for number, index in elements[track]:
            views.add_element(number, index)
        model.add_point3D(np.array(point["coordinates"]), views)
    return model


@pytest.fixture
def berlin(real_data, tmp_path):
    """Photos of Berlin Cathedral with a reconstruction in the layout of COLMAP."""
    data, folder = real_data("opensfm_berlin"), tmp_path / "berlin"
    save(berlin_model(data), folder)
    (folder / "images").mkdir()
    for path in sorted((data / "images").iterdir()):
        image = Image.open(path)
        image.resize((image.width // QUARTER, image.height // QUARTER)).save(folder / "images" / path.name)
    (folder / "scene.json").write_text('{"scale": "outdoor", "license": "BSD-2-Clause"}')
    return folder


def test_berlin_has_no_metres_and_is_asked_for_none(berlin):
    """The baseline of the reconstruction is 10.6 units where GPS says 17.8 m: its lengths are not metres."""
    scene = load(berlin)
    positions = [frame.camera.camera_to_world[:3, 3] for frame in scene.frames]
    assert np.linalg.norm(positions[2] - positions[0]) == pytest.approx(10.6, abs=0.1)
    assert (scene.metric, len(scene.frames)) == (False, 3)
    asked = ask(scene, RULES, seed=0, limit=1000)
    metric = {rule.name for rule in RULES if "metric" in rule.needs}
    assert metric and not metric & {question.fact.rule for question in asked.questions}
    assert not any(question.fact.unit in ("mm", "cm", "m", "km", "m²") for question in asked.questions)
    assert not any(question.fact.needs_scale for question in asked.questions)


def test_berlin_points_lie_where_and_as_far_as_seen(berlin, real_data):
    """All of them are in front, 7.7 to 30.7 units away, and look alike in both of two photos that show them."""
    scene = load(berlin)
    depths = np.concatenate([frame.depth[frame.depth > 0] for frame in scene.frames])
    assert len(depths) > 1500 and 7.7 <= depths.min() and depths.max() <= 30.7
    first, second = scene.frames[:2]
    rows, columns = np.nonzero(first.depth)
    rays = np.column_stack([columns, rows, np.ones(len(rows))]) @ np.linalg.inv(first.camera.intrinsics).T
    pose = first.camera.camera_to_world
    pixels, _ = project(rays * first.depth[rows, columns, None] @ pose[:3, :3].T + pose[:3, 3], second.camera)
    u, v = np.rint(pixels).astype(int).T
    inside = (u >= 0) & (u < second.camera.width) & (v >= 0) & (v < second.camera.height)
    one = first.color[rows[inside], columns[inside]].mean(1)
    assert np.corrcoef(one, second.color[v[inside], u[inside]].mean(1))[0, 1] > 0.8
    assert np.corrcoef(one, second.color[v[inside][::-1], u[inside][::-1]].mean(1))[0, 1] < 0.5
