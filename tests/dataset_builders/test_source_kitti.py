import json
import pickle

import numpy as np
import pytest
from PIL import Image

from dataset_builders.ask import ask
from dataset_builders.errors import InputError
from dataset_builders.geometry import Boxes, project
from dataset_builders.scene import Camera
from dataset_builders.sources import SceneRef
from dataset_builders.sources.kitti import KittiSource
from dataset_builders.sources.sparse import sparse_depth, without_shadows
from dataset_builders.tasks import RULES

WIDTH, HEIGHT = 120, 40
LIDAR_TO_CAMERA = [[0, -1, 0, 0], [0, 0, -1, 0], [1, 0, 0, 0], [0, 0, 0, 1]]
CAR, MISC, DONT_CARE = 2, 7, -1


def sample(boxes=((CAR, [0, 1.65, 10, 4, 1.5, 1.8, 0]),), **changes):
    """One sample; camera 2 is 0.06 m to the right of camera 0."""
    image = {
        "img_path": "000008.png",
        "height": HEIGHT,
        "width": WIDTH,
        "cam2img": [[100, 0, 60, -6], [0, 100, 20, 0], [0, 0, 1, 0], [0, 0, 0, 1]],
        "lidar2cam": LIDAR_TO_CAMERA,
    }
    return {
        "sample_id": 8,
        "images": {"CAM2": image},
        "lidar_points": {"lidar_path": "000008.bin", "num_pts_feats": 4},
        "instances": [{"bbox_label_3d": label, "bbox_3d": box} for label, box in boxes],
    } | changes


def write(folder, *samples, dataset="KITTI"):
    folder.mkdir()
    content = {"metainfo": {"DATASET": dataset}, "data_list": list(samples) or [sample()]}
    (folder / "annotations.json").write_text(json.dumps(content))
    Image.new("RGB", (WIDTH, HEIGHT)).save(folder / "000008.png")
    # Straight ahead at 10 m, behind the LiDAR, and far to the left.
    points = np.array([[10, 0, 0, 1], [-5, 0, 0, 1], [5, 50, 0, 1]], np.float32)
    (folder / "000008.bin").write_bytes(points.tobytes())
    return folder


def load(folder):
    source = KittiSource(folder)
    return source.load(source.refs()[0])


def test_a_car_stands_on_the_road_and_turns_as_stated(tmp_path):
    """On the road 10 m ahead: first along x, to the right; turned by 90 degrees to the left it points backwards."""
    boxes = [(CAR, [0, 1.65, 10, 4, 1.5, 1.8, turn]) for turn in (0, np.pi / 2, np.pi / 6)]
    scene = load(write(tmp_path / "street", sample(boxes)))
    assert (scene.scene_id, scene.source, scene.scale, scene.metric, scene.complete) == (
        "000008",
        "kitti",
        "outdoor",
        True,
        True,
    )
    assert "CC-BY-NC-SA-3.0" in scene.license
    for item in scene.objects:
        assert item.category == "car"
        np.testing.assert_allclose(item.center, [0, 10, 0.75])
        assert item.size.tolist() == [4, 1.5, 1.8]
    straight, right, slanted = (Boxes.of([item]).corners()[0] for item in scene.objects)
    np.testing.assert_allclose(np.ptp(straight, axis=0), [4, 1.8, 1.5], atol=1e-9)
    np.testing.assert_allclose(np.ptp(right, axis=0), [1.8, 4, 1.5], atol=1e-9)
    assert slanted[:, 2].min() == pytest.approx(0)
    # rot_y turns x towards -z of the camera: its front comes nearer.
    np.testing.assert_allclose(scene.objects[2].rotation[0], [np.cos(np.pi / 6), -0.5, 0], atol=1e-9)


def test_the_camera_is_level_above_the_road_and_beside_camera_0(tmp_path):
    camera = load(write(tmp_path / "street")).frames[0].camera
    np.testing.assert_allclose(camera.camera_to_world[:3, 3], [0.06, 0, 1.65])
    # What KITTI's own projection says of a point of the rectified frame of camera 0.
    point = np.array([1.0, 0.5, 8.0])
    pixel, depth = project(np.array([[point[0], point[2], 1.65 - point[1]]]), camera)
    projected = np.array(sample()["images"]["CAM2"]["cam2img"]) @ [*point, 1]
    np.testing.assert_allclose(pixel[0], projected[:2] / projected[2])
    assert depth[0] == pytest.approx(8.0)


def test_lidar_is_depth_where_its_points_fall(tmp_path):
    depth = load(write(tmp_path / "street")).frames[0].depth
    assert depth.shape == (HEIGHT, WIDTH) and depth.dtype == np.float32
    assert np.argwhere(depth).tolist() == [[20, 59]] and depth[20, 59] == 10  # -0.6 pixels by camera 2
    without = sample()
    del without["lidar_points"]
    assert load(write(tmp_path / "no_lidar", without)).frames[0].depth is None


def test_depth_behind_something_near_is_forgotten():
    camera = Camera(np.array([[100.0, 0, 10], [0, 100, 10], [0, 0, 1]]), np.eye(4), 21, 21)
    points = np.array([[0, 0, 4.0], [0.2, 0, 10], [0.9, 0, 10]])
    seen = sparse_depth(points, camera)
    assert np.argwhere(seen).tolist() == [[10, 10], [10, 12], [10, 19]]
    kept = without_shadows(seen, (5, 9), 1.1)
    assert np.argwhere(kept).tolist() == [[10, 10], [10, 19]] and kept.dtype == np.float32


def test_sparse_depth_survives_points_beside_the_camera():
    camera = Camera(np.array([[1e6, 0, 10], [0, 1e6, 10], [0, 0, 1]]), np.eye(4), 20, 20)
    points = np.array([[1e9, 0, 1e-9], [0, -1e9, 1e-12], [0, 0, 0], [0, 0, -1]])
    assert not sparse_depth(points, camera).any()


def test_what_has_no_name_is_no_object_and_dont_care_means_incomplete(tmp_path):
    boxes = [
        (DONT_CARE, [-1000, -1000, -1000, -1, -1, -1, -10]),
        (MISC, [0, 2, 9, 1, 1, 1, 0]),
        (0, [1, 2, 9, 1, 2, 1, 0]),
    ]
    scene = load(write(tmp_path / "street", sample(boxes)))
    assert [(item.instance_id, item.category) for item in scene.objects] == [(1, "pedestrian")]
    assert not scene.complete and scene.unique_objects() == []


def test_the_box_in_the_image_and_the_nearest_lidar_points_tell_where_a_car_is(tmp_path):
    """A car of 4 m, 8 m ahead, seen from behind: its back, at 6 m, is hit by a dozen points, the road by others."""
    back = [[6.05, y, z, 1] for y in (-0.5, 0, 0.5) for z in (-1.0, -0.8, -0.6, -0.4)]
    road, beyond = [[6.5, y, -1.6, 1] for y in (-0.5, 0, 0.5)], [[9.5, y, 0.1 - 1.65 + 1, 1] for y in (-0.5, 0, 0.5)]
    whole = sample([(CAR, [0, 1.65, 8, 4, 1.5, 1.8, np.pi / 2]), (CAR, [5, 1.65, 12, 4, 1.5, 1.8, 0])])
    whole["instances"][0]["bbox"] = [40.4, 17.6, 70.0, 39.8]
    folder = write(tmp_path / "street", whole)
    (folder / "000008.bin").write_bytes(np.array(back + road + beyond, np.float32).tobytes())
    boxes = load(folder).frames[0].boxes
    assert list(boxes) == [1] and boxes[1].bbox == (40, 18, 70, 39)
    assert boxes[1].surface == pytest.approx(6.05)
    (folder / "000008.bin").write_bytes(np.array(road + beyond, np.float32).tobytes())
    assert np.isnan(load(folder).frames[0].boxes[1].surface)


def test_samples_are_listed_in_order(tmp_path):
    folder = write(tmp_path / "street", sample(sample_id=12), sample(sample_id=3))
    source = pickle.loads(pickle.dumps(KittiSource(folder)))
    assert source.refs() == [SceneRef("000012", "outdoor"), SceneRef("000003", "outdoor")]
    assert source.load(source.refs()[1]).scene_id == "000003"


def changed(path, value):
    """Return a sample with the field at a dotted path replaced, or removed for None."""
    whole = sample()
    *parents, last = path.split(".")
    container = whole
    for name in parents:
        container = container[int(name) if name.isdigit() else name]
    container[last] = value
    if value is None:
        del container[last]
    return whole


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("images", None, "images: is missing; give a JSON object"),
        ("images.CAM2.cam2img", [[1, 2], [3, 4]], "images.CAM2.cam2img: is not 4 x 4 numbers"),
        ("images.CAM2.cam2img", np.zeros((4, 4)).tolist(), "images.CAM2.cam2img: is not a camera matrix"),
        ("images.CAM2.lidar2cam", None, "images.CAM2.lidar2cam: is missing"),
        ("images.CAM2.lidar2cam", np.diag([2.0, 1, 1, 1]).tolist(), "images.CAM2.lidar2cam: is not rigid"),
        ("images.CAM2.img_path", "../000008.png", "leads outside"),
        ("images.CAM2.img_path", "/etc/hostname", "leads outside"),
        ("images.CAM2.img_path", "a\0b\n", "cannot be the name of a file"),
        ("images.CAM2.img_path", "000009.png", "000008/000009.png: file: is missing"),
        ("images.CAM2.img_path", "000008.bin", "cannot be decoded"),
        ("images.CAM2.width", 121, "frame 0 color: is 120x40, the camera 121x40"),
        ("lidar_points.num_pts_feats", 5, "is not a number of points of 5 float32"),
        ("lidar_points.num_pts_feats", 0, "is not a number of points of 0 float32"),
        ("lidar_points.lidar_path", "../../x.bin", "leads outside"),
        ("instances", None, "instances: is missing; give a JSON array"),
        ("instances.0.bbox_3d", [1, 2, 3], r"instances\[0\].bbox_3d: is not 7 numbers"),
        ("instances.0.bbox_3d", [0, 0, 0, 0, 0, 0, float("nan")], r"instances\[0\].bbox_3d: is \["),
        ("instances.0.bbox_3d", [0, 1, 9, 4, -1, 2, 0], r"object 1 \(car\) size"),
        ("instances.0.bbox", [1, 2, 3], r"instances\[0\].bbox: is not 4 numbers"),
        ("instances.0.bbox", [30, 10, 20, 15], r"instances\[0\].bbox: is \[30.0, 10.0, 20.0, 15.0\]"),
        ("instances.0.bbox", [0, 0, float("inf"), 15], r"instances\[0\].bbox: is \[0.0, 0.0, inf, 15.0\]"),
        ("instances.0.bbox_label_3d", 8, r"instances\[0\].bbox_label_3d: is 8; use -1 to 7"),
        ("instances.0.bbox_label_3d", None, r"instances\[0\].bbox_label_3d: is missing"),
    ],
)
def test_a_wrong_field_is_named(tmp_path, path, value, message):
    with pytest.raises(InputError, match=message) as caught:
        load(write(tmp_path / "street", changed(path, value)))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "is not complete JSON"),
        ('{"metainfo": {"DATASET": "KITTI"}, "data_list": [{', "is not complete JSON"),
        ("[]", "file: is a list; give a JSON object"),
        ('{"metainfo": {"DATASET": "nuScenes"}, "data_list": []}', "metainfo.DATASET: is 'nuScenes'"),
        ('{"metainfo": {"DATASET": "KITTI"}, "data_list": []}', "data_list: is empty"),
        ('{"metainfo": {"DATASET": "KITTI"}, "data_list": [{}]}', r"data_list\[0\].sample_id: is missing"),
        ('{"metainfo": {"DATASET": "KITTI"}, "data_list": [{"sample_id": 1}, {"sample_id": 1}]}', "repeats 1"),
    ],
)
def test_wrong_annotations_are_refused_when_the_source_is_opened(tmp_path, content, message):
    (tmp_path / "annotations.json").write_text(content)
    with pytest.raises(InputError, match=f"^annotations.json: .*{message}|^annotations.json: {message}"):
        KittiSource(tmp_path)


@pytest.mark.parametrize("name", ["000008.png", "000008.bin"])
@pytest.mark.parametrize("size", [0, 30])
def test_cut_files_are_named(tmp_path, name, size):
    folder = write(tmp_path / "street")
    content = (folder / name).read_bytes()
    (folder / name).write_bytes(content[:size])
    with pytest.raises(InputError, match=f"^000008/{name}: "):
        load(folder)


@pytest.fixture
def street(real_data):
    """Frame 000008 of KITTI and its annotations."""
    folder = real_data("kitti_boxes")
    (annotated,) = json.loads((folder / "annotations.json").read_text())["data_list"]
    return load(folder), annotated, folder


def test_real_cars_have_the_size_of_cars(street):
    """The shortest is a Smart (2.5 m by its maker); DontCare regions hide more cars."""
    scene, _, _ = street
    sizes = np.array([item.size for item in scene.objects])
    assert [item.category for item in scene.objects] == ["car"] * 6 and not scene.complete
    assert (2.4 < sizes[:, 0]).all() and (sizes[:, 0] < 5).all()
    assert (1.3 < sizes[:, 1]).all() and (sizes[:, 1] < 2).all()
    bottoms = np.array([item.center[2] - item.size[1] / 2 for item in scene.objects])
    assert np.abs(bottoms).max() < 0.15  # all stand on the road, 1.65 m below the camera


def test_real_cars_are_where_they_were_labelled(street):
    """Depths from 3.7 to 33.2 m, centres inside the 2-D boxes, and the outlines of whole cars fill these."""
    scene, annotated, _ = street
    camera, boxes = scene.frames[0].camera, Boxes.of(scene.objects)
    labels = [item for item in annotated["instances"] if item["bbox_label_3d"] >= 0]
    low, high = np.split(np.array([item["bbox"] for item in labels]), 2, axis=1)
    pixels, depths = project(boxes.centers, camera)
    assert (depths.min(), depths.max()) == pytest.approx((3.68, 33.2), abs=0.01)
    np.testing.assert_allclose(pixels, [item["center_2d"] for item in labels], atol=0.01)
    assert ((low < pixels) & (pixels < high)).all()
    for corners, left, right, label in zip(boxes.corners(), low, high, labels, strict=True):
        if label["truncated"] == 0:
            outline, _ = project(corners, camera)
            assert np.abs(outline.min(0) - left).max() < 4 and np.abs(outline.max(0) - right).max() < 4


def test_real_lidar_meets_the_cars_that_it_was_labelled_with(street):
    """Turning the boxes the other way, or reading h, w, l, would miss most of the published numbers of points."""
    scene, annotated, folder = street
    to_image = np.array(annotated["images"]["CAM2"]["lidar2cam"])
    points = (
        np.fromfile(folder / "000008.bin", np.float32).reshape(-1, 4)[:, :3] @ to_image[:3, :3].T + to_image[:3, 3]
    )
    world = points[:, [0, 2, 1]] * [1, 1, -1] + [0, 0, 1.65]
    published = [item["num_lidar_pts"] for item in annotated["instances"] if item["bbox_label_3d"] >= 0]
    inside = [
        int((np.abs((world - item.center) @ item.rotation.T) <= item.size / 2).all(1).sum()) for item in scene.objects
    ]
    np.testing.assert_allclose(inside, published, rtol=0.08)


def test_real_depth_is_sparse_and_that_of_the_nearest_surface(street):
    """Depth agrees with KITTI's own LiDAR-to-image matrix, and what the LiDAR sees past the cars is gone."""
    scene, annotated, folder = street
    depth = scene.frames[0].depth
    known = np.argwhere(depth)
    points = np.fromfile(folder / "000008.bin", np.float32).reshape(-1, 4)
    points[:, 3] = 1
    x, y, z = (points @ np.array(annotated["images"]["CAM2"]["lidar2img"]).T)[:, :3].T
    rows, columns = np.rint([y / z, x / z]).astype(int)
    measured: dict = {}
    for pixel, value in zip(zip(rows, columns, strict=True), z, strict=True):
        measured[pixel] = min(value, measured.get(pixel, np.inf))
    # Rounding may put a few points at the border of a pixel into its neighbour.
    agree = [abs(measured.get(tuple(pixel), 0) - depth[tuple(pixel)]) < 0.01 for pixel in known]
    assert np.mean(agree) > 0.999
    assert 0.6 < len(known) / len(measured) < 0.9
    assert 2 < depth[depth > 0].min() and depth.max() < 80
    grey = scene.objects[1]
    outline, _ = project(Boxes.of([grey]).corners()[0] * 0.5 + grey.center * 0.5, scene.frames[0].camera)
    left, top, right, bottom = *outline.min(0).astype(int), *outline.max(0).astype(int)
    on_car = depth[top:bottom, left:right]
    back = grey.center[1] + np.linalg.norm(grey.size[[0, 2]]) / 2
    assert (on_car[on_car > 0] < back).mean() > 0.97


def test_real_street_is_asked_about_boxed_cars_and_not_about_what_is_not_labelled(street):
    """Nine cars can be seen, six are labelled: none is counted, and none told by its name."""
    scene, annotated, _ = street
    facts = [question.fact for question in ask(scene, RULES, seed=0, limit=200).questions]
    tasks = {"object_size", "size_comparison", "absolute_distance", "position_comparison", "depth_estimation"}
    assert len(facts) == 200 and {fact.task for fact in facts} == tasks
    published = {
        tuple(np.rint(item["bbox"]).tolist()) for item in annotated["instances"] if item["bbox_label_3d"] >= 0
    }
    assert all(mark.kind == "bbox" and mark.bbox in published for fact in facts for mark in fact.regions)
    assert all(len(fact.regions) >= 1 for fact in facts)


def test_real_sizes_distances_and_depths_of_boxed_cars(street):
    """Against the labels: sides of cars, and depths between the nearest corner and the middle of each 3-D box."""
    scene, annotated, _ = street
    labels = [item for item in annotated["instances"] if item["bbox_label_3d"] >= 0]
    by_box = {tuple(np.rint(label["bbox"]).tolist()): label for label in labels}
    nearest = dict(zip(by_box, Boxes.of(scene.objects).corners()[:, :, 1].min(1), strict=True))
    asked = {}
    for question in ask(scene, RULES, seed=0, limit=200).questions:
        asked.setdefault(question.fact.rule, []).append(question.fact)
    for fact in asked["size.of_marked"]:
        assert fact.measured["size_m"] == by_box[fact.regions[0].bbox]["bbox_3d"][3:6]
    for fact in asked["image.distance_of_boxed"]:
        one, other = (np.array(by_box[mark.bbox]["bbox_3d"]) for mark in fact.regions)
        between = np.linalg.norm(one[:3] - other[:3])
        assert between - 4.5 < fact.measured["distance_m"] < between - 1.4  # less half a width to a length of each
    for fact in asked["image.depth_of_marked"]:
        place = fact.regions[0].bbox
        assert nearest[place] - 0.1 < fact.measured["depth_m"] < by_box[place]["bbox_3d"][2]
