import pickle
import shutil

import numpy as np
import pytest
import shapely

from dataset_builders.ask import ask
from dataset_builders.errors import InputError
from dataset_builders.sources import SceneRef
from dataset_builders.sources.floor_area import floor_area
from dataset_builders.sources.nyu40 import NAMELESS, NYU40, SINGULAR, STRUCTURE
from dataset_builders.sources.scannet import ScannetSource
from dataset_builders.tasks import RULES

NAMES = ("vert", "ins_label", "sem_label", "bbox", "bbox_idx")
CHAIR, TABLE, PILLOW, WALL, OTHER = 5, 7, 18, 1, 40


def cube(center, count=200, seed=0):
    points = np.random.default_rng(seed).uniform(-0.5, 0.5, (count, 3))
    return points / np.abs(points).max(axis=1, keepdims=True) / 2 + center


def arrays():
    """A chair and a table with boxes, a pillow without, a wall, a thing without a name, and points of nothing."""
    groups = [(1, CHAIR, 200), (2, TABLE, 200), (3, PILLOW, 200), (4, WALL, 200), (5, OTHER, 200), (0, 0, 30)]
    points = np.concatenate([cube([2 * group, 0, 0], count, group) for group, _, count in groups])
    return {
        "vert": np.hstack([points, np.zeros_like(points)]).astype(np.float32),
        "ins_label": np.concatenate([np.full(count, group, np.uint32) for group, _, count in groups]),
        "sem_label": np.concatenate([np.full(count, label, np.uint32) for _, label, count in groups]),
        "bbox": np.array([[4, 0, 0, 1.1, 1.1, 1.1, TABLE], [2, 0, 0, 1.2, 1.2, 1.2, CHAIR]], float),
        "bbox_idx": np.array([2.0, 1.0]),
    }


def write(folder, prefix="", **changes):
    folder.mkdir(parents=True, exist_ok=True)
    for name, array in (arrays() | changes).items():
        np.save(folder / f"{prefix}{name}.npy", array)
    return folder


def load(folder):
    source = ScannetSource(folder)
    return source.load(source.refs()[0])


def test_instances_with_a_name_are_objects(tmp_path):
    scene = load(write(tmp_path / "room"))
    assert (scene.scene_id, scene.source, scene.scale, scene.metric, scene.frames) == (
        "room",
        "scannet",
        "indoor",
        True,
        (),
    )
    assert "ScanNet Terms of Use" in scene.license
    found = {item.instance_id: item for item in scene.objects}
    assert {number: item.category for number, item in found.items()} == {1: "chair", 2: "table", 3: "pillow"}
    assert (found[1].size.tolist(), found[2].size.tolist()) == ([1.2] * 3, [1.1] * 3)
    np.testing.assert_allclose(found[3].center, [6, 0, 0], atol=0.01)
    np.testing.assert_allclose(found[3].size, [1, 1, 1], atol=0.01)
    assert all(len(item.points) == 200 for item in scene.objects)
    assert scene.room_size is None  # no floor was seen


def test_a_category_of_uncertain_extent_is_left_out(tmp_path):
    few = arrays()["ins_label"]
    few[(few == 3).nonzero()[0][49:]] = 0
    assert [item.category for item in load(write(tmp_path / "few", ins_label=few)).objects] == ["chair", "table"]
    flat = arrays()["vert"]
    flat[arrays()["ins_label"] == 3, 2] = 0.25
    assert [item.category for item in load(write(tmp_path / "flat", vert=flat)).objects] == ["chair", "table"]


def test_a_room_without_boxes_has_its_instances(tmp_path):
    folder = write(tmp_path / "room", bbox=np.empty((0, 7)), bbox_idx=np.empty(0))
    assert [item.category for item in load(folder).objects] == ["chair", "table", "pillow"]


def test_both_layouts_are_listed(tmp_path):
    write(tmp_path / "rooms" / "b")
    write(tmp_path / "rooms" / "a")
    write(tmp_path / "flat", "scene0001_00_")
    write(tmp_path / "flat", "scene0000_00_")
    source = pickle.loads(pickle.dumps(ScannetSource(tmp_path / "rooms")))
    assert source.refs() == [SceneRef("a", "indoor"), SceneRef("b", "indoor")]
    flat = ScannetSource(tmp_path / "flat")
    assert [ref.scene_id for ref in flat.refs()] == ["scene0000_00", "scene0001_00"]
    assert len(flat.load(flat.refs()[1]).objects) == 3


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("size", [None, 0, 140])
def test_a_missing_or_cut_array_is_named(tmp_path, name, size):
    path = write(tmp_path / "room") / f"{name}.npy"
    content = path.read_bytes()
    path.unlink()
    if size is not None:
        path.write_bytes(content[:size])
    elif name == "vert":
        with pytest.raises(InputError, match="vert.npy: is neither here"):
            ScannetSource(tmp_path / "room")
        return
    with pytest.raises(InputError, match=f"^room/{name}.npy: array: is not a complete"):
        load(tmp_path / "room")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"ins_label": np.ones(3, int)}, "room/ins_label.npy: length: is 3; give 1030 rows as in vert.npy"),
        (
            {"sem_label": np.full(1030, 41)},
            "room/sem_label.npy: labels: reach from 41 to 41; use whole numbers from 0 to 40",
        ),
        ({"sem_label": np.full(1030, -1)}, "room/sem_label.npy: labels: reach from -1"),
        ({"bbox_idx": np.array([1.0, 2.5])}, "room/bbox_idx.npy: labels: reach from 1.0 to 2.5"),
        ({"bbox_idx": np.array([1.0, 1e300])}, "room/bbox_idx.npy: labels: reach from 1.0 to 1e"),
        ({"bbox_idx": np.array([1.0])}, "room/bbox_idx.npy: length: is 1"),
        ({"bbox_idx": np.array([1.0, 1.0])}, "room/bbox_idx.npy: instance: has more than one box"),
        ({"bbox_idx": np.array([1.0, 9.0])}, "room: bbox_idx 9: is the instance of no point"),
        ({"bbox_idx": np.array([1.0, 2.0])}, "room: box of instance 1: has class 7, most of its points 5"),
        ({"bbox": np.array([[2, 0, 0, 1, -1, 1, 5.0]]), "bbox_idx": np.ones(1)}, r"object 1 \(chair\) size"),
        ({"vert": np.zeros((0, 6))}, "room/vert.npy: points: are none"),
        ({"vert": np.zeros((1030, 3))}, r"room/vert.npy: array: has shape \(1030, 3\); give N x 6 numbers"),
    ],
)
def test_arrays_that_contradict_each_other_are_refused(tmp_path, change, message):
    with pytest.raises(InputError, match=message):
        load(write(tmp_path / "room", **change))


def test_a_link_out_of_the_folder_is_refused(tmp_path):
    folder = write(tmp_path / "room")
    (folder / "bbox.npy").rename(tmp_path / "bbox.npy")
    (folder / "bbox.npy").symlink_to(tmp_path / "bbox.npy")
    with pytest.raises(InputError, match="room/bbox.npy: file: leads outside"):
        load(folder)


def grid(polygon, step=0.08):
    low_x, low_y, high_x, high_y = polygon.bounds
    x, y = np.meshgrid(np.arange(low_x, high_x + 1e-9, step), np.arange(low_y, high_y + 1e-9, step))
    points = np.column_stack([x.ravel(), y.ravel()])
    return points[shapely.intersects_xy(polygon.buffer(1e-6), points)]


def test_floor_area_is_that_of_the_outline():
    """A corner that is cut out is not floor; a hole under a table is; what a wall divides is added up."""
    room = shapely.box(0, 0, 4, 4)
    assert floor_area(grid(room)) == pytest.approx(16, rel=1e-6)
    assert floor_area(grid(room - shapely.box(2, 2, 4, 4))) == pytest.approx(12, rel=0.03)
    assert floor_area(grid(room - shapely.box(1, 1, 2, 2.5))) == pytest.approx(16, rel=1e-6)
    assert floor_area(grid(room | shapely.box(5, 0, 7, 4))) == pytest.approx(24, rel=0.03)


@pytest.mark.parametrize(
    "points", [np.empty((0, 2)), np.zeros((2, 2)), np.outer(np.arange(9), [1.0, 1]), [[0, 0], [5, 0], [0, 5], [5, 5]]]
)
def test_too_few_points_have_no_area(points):
    assert floor_area(np.array(points, float)) is None


def test_nyu40_has_forty_names_and_the_well_known_ids():
    assert len(NYU40) == len(set(NYU40)) == 40
    known = {
        1: "wall",
        2: "floor",
        5: "chair",
        12: "counter",
        22: "ceiling",
        28: "shower curtain",
        33: "toilet",
        36: "bathtub",
    }
    assert {number: NYU40[number - 1] for number in known} == known
    assert STRUCTURE | NAMELESS | set(SINGULAR) <= set(NYU40)


@pytest.fixture
def real_room(real_data):
    """scene0000_00 of ScanNet."""
    folder = real_data("scannet_scene0000_00")
    return folder, load(folder)


def test_real_room_is_seven_metres_wide_and_three_high(real_room):
    folder, scene = real_room
    points = np.load(folder / "vert.npy")[:, :3]
    np.testing.assert_allclose(np.ptp(points, axis=0), [7.0, 7.2, 3.0], atol=0.05)
    inside = np.concatenate([item.points for item in scene.objects])
    assert (inside.min(0) >= points.min(0)).all() and (inside.max(0) <= points.max(0)).all()


def test_real_floor_lies_between_its_cells_and_its_hull(real_room):
    folder, scene = real_room
    floor = np.load(folder / "vert.npy")[np.load(folder / "sem_label.npy") == 2, :2]
    cells = len(np.unique(np.floor(floor / 0.1), axis=0)) * 0.01
    assert cells < scene.room_size < shapely.MultiPoint(floor).convex_hull.area < 7.0 * 7.2


def test_real_boxes_are_the_extents_of_their_points(real_room):
    """27 published boxes, 24 of them with a name; the cloud is thinned out, so its extent is a little smaller."""
    folder, scene = real_room
    boxes, owners = np.load(folder / "bbox.npy"), np.load(folder / "bbox_idx.npy")
    found = {item.instance_id: item for item in scene.objects}
    published = {int(owner): box for owner, box in zip(owners, boxes, strict=True) if int(owner) in found}
    assert (len(boxes), len(published)) == (27, 24)
    low = np.array([found[owner].points.min(0) for owner in published])
    high = np.array([found[owner].points.max(0) for owner in published])
    expected = np.array(list(published.values()))
    assert np.median(np.linalg.norm((low + high) / 2 - expected[:, :3], axis=1)) < 0.01
    assert np.median(np.abs(high - low - expected[:, 3:6])) < 0.02
    assert all(np.array_equal(found[owner].size, box[3:6]) for owner, box in published.items())


def test_real_furniture_has_its_usual_size(real_room):
    _, scene = real_room
    groups = scene.by_category()
    assert not {"wall", "floor", "ceiling", "other furniture", "other prop"} & set(groups)
    assert 1.9 < max(groups["bed"][0].size) < 2.3
    assert all(1.8 < item.size[2] < 2.1 for item in groups["door"])
    assert 1.5 < groups["refrigerator"][0].size[2] < 2.0
    assert 0.6 < groups["toilet"][0].size[2] < 0.9


def test_real_room_is_asked_about(real_room):
    _, scene = real_room
    asked = ask(scene, RULES, seed=0, limit=60)
    tasks = {question.fact.task for question in asked.questions}
    assert len(asked.questions) == 60 and {"room_size", "object_counting", "absolute_distance"} <= tasks


def test_real_room_misses_nothing_when_copied_under_its_published_names(real_room, tmp_path):
    folder, scene = real_room
    for name in NAMES:
        shutil.copy(folder / f"{name}.npy", tmp_path / f"scene0000_00_{name}.npy")
    copied = load(tmp_path)
    assert copied.scene_id == "scene0000_00"
    assert [item.instance_id for item in copied.objects] == [item.instance_id for item in scene.objects]
