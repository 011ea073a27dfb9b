"""The benchmarks of 3-D detection from small files in their published layouts."""

import json
from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from dataset_builders.errors import InputError
from evaluate_metrics.benchmarks import BENCHMARKS, open_benchmark
from evaluate_metrics.benchmarks.arkitscenes_detection import is_ignored
from evaluate_metrics.detection_boxes import Boxes, pairwise_iou
from evaluate_metrics.detection_text import format_boxes, read_boxes
from evaluate_metrics.runner import RunArguments, run
from evaluate_metrics.scoring import score

TILT = Rotation.from_euler("x", 8, degrees=True).as_matrix()
CAMERA = np.array([[50.0, 0, 33], [0, 50, 25], [0, 0, 1]])
# Class, 2-D box, center, half sizes (across, along, up), direction.
LABELS = [
    "bed 1 1 9 9 0.5 3 -0.2 0.9 1.1 0.5 0.6 0.8",
    "night_stand 1 1 9 9 -0.7 2 -0.5 0.3 0.2 0.25 0 -1",
    "bed 1 1 9 9 1.5 5 -0.2 0.9 1 0.5 1 0",
]


def words(matrix):
    return " ".join(str(value) for value in matrix.T.reshape(-1))  # column by column


def sunrgbd(folder, png, views=(1, 2, 5051), flat=False):
    for number in views:
        stem = f"{number:06d}"
        names = {"image": f"{stem}.jpg", "calib": f"{stem}.txt", "label": f"{stem}.txt"}
        paths = {part: folder / part / name for part, name in names.items()}
        if flat:
            paths = {"image": folder / f"{stem}.jpg"}
            paths |= {part: folder / f"{stem}.{part}.txt" for part in ("calib", "label")}
        for path in paths.values():
            path.parent.mkdir(parents=True, exist_ok=True)
        paths["image"].write_bytes(png(number % 256))
        paths["calib"].write_text(f"{words(TILT)}\n{words(CAMERA)}\n")
        paths["label"].write_text("\n".join(LABELS[: 3 if number != 2 else 0]) + "\n")


AXES = Rotation.from_euler("yx", [40, 5], degrees=True).as_matrix()


def annotation(index, **more):
    return {
        "id": index,
        "image_id": 7,
        "category_id": 4,
        "category_name": "chair",
        "valid3D": True,
        "bbox2D_tight": [-1, -1, -1, -1],
        "bbox2D_proj": [5, 5, 30, 40],
        "bbox2D_trunc": [5, 5, 30, 40],
        "center_cam": [0.2, 0.1, 2.5],
        "dimensions": [0.5, 0.9, 1.4],
        "R_cam": AXES.tolist(),
        "behind_camera": False,
        "visibility": -1,
        "truncation": 0.1,
        "segmentation_pts": -1,
        "lidar_pts": -1,
        "depth_error": -1,
    } | more


ARKIT = [
    annotation(1),
    annotation(2, center_cam=[1.2, 0, 2], truncation=0.9),
    annotation(3, category_name="sofa", center_cam=[-1, 0.2, 3]),
    annotation(4, category_name="bed", valid3D=False, center_cam=[-1, -1, -1], R_cam=(-np.ones((3, 3))).tolist()),
]


def arkitscenes(folder, png, objects=ARKIT):
    image = {"id": 7, "dataset_id": 1, "width": 64, "height": 48, "K": CAMERA.tolist()}
    name = "ARKitScenes/Validation/41069021/41069021_298.png"
    content = {"info": {"name": "ARKitScenes Test"}, "categories": [], "annotations": objects}
    content["images"] = [image | {"file_path": name}]
    (folder / "Omni3D").mkdir(parents=True)
    (folder / "Omni3D" / "ARKitScenes_test.json").write_text(json.dumps(content))
    (folder / name).parent.mkdir(parents=True)
    (folder / name).write_bytes(png(99))


LAYOUTS = {"sunrgbd-detection": sunrgbd, "arkitscenes-detection": arkitscenes}


@pytest.fixture
def layout(tmp_path, png):
    def write(name, **more):
        LAYOUTS[name](tmp_path / name, png, **more)
        return tmp_path / name

    return write


def opened(name, folder):
    return open_benchmark(BENCHMARKS[name], str(folder), "test", 4)


@pytest.mark.parametrize("name", LAYOUTS)
def test_right_answers_fill_the_columns_and_none_fills_none(layout, name):
    benchmark = opened(name, layout(name))
    right = benchmark.scores({record["id"]: record["answer"] for record in benchmark.records})
    for protocol in ("robust", "published"):
        assert {right[protocol][column]["score"] for column in ("AP", "AP15", "AP25", "AP50", "AR100")} == {100}
        assert right[protocol]["coverage"]["answered"] == len(benchmark.records)
    none = benchmark.scores({})["robust"]
    assert none["AP"]["score"] == 0
    assert none["coverage"]["missing"] == [record["id"] for record in benchmark.records]
    assert all(score(record, record["answer"]).value == 1 for record in benchmark.records)


@pytest.mark.parametrize("name", LAYOUTS)
def test_a_tiny_model_answers(layout, model_dir, tmp_path, name):
    arguments = RunArguments(str(model_dir), tmp_path / "out", str(layout(name)), name, controls=("haze", "prior"))
    results = run(replace(arguments, max_new_tokens=2, batch_size=4))
    assert results["failures"] == []
    assert results["columns"]["robust"]["AP"]["score"] == 0
    assert results["columns"]["robust"]["coverage"]["missing"] == []
    assert results["settings"]["prompt"] == BENCHMARKS[name].wording


@pytest.mark.parametrize("name", LAYOUTS)
def test_prompts_do_not_depend_on_the_boxes(layout, name, tmp_path):
    folder = layout(name)
    before = [opened(name, folder).prompt(record) for record in opened(name, folder).records]
    for path in (*folder.rglob("label/*.txt"), *folder.rglob("*_test.json")):
        path.write_text(path.read_text().replace("0.2", "0.3"))
    after = opened(name, folder)
    assert [after.prompt(record) for record in after.records] == before


def test_the_prompt_is_that_of_vst(layout):
    record = opened("arkitscenes-detection", layout("arkitscenes-detection")).records[0]
    lines = record["question"].splitlines()
    # 64 and 48 pixels at a focal length of 50.
    assert "hfov=65.24, and vertical fov, vfov=51.28. Image width=64 and height=48." in lines[1]
    assert lines[-1] == "Detect the 3D bounding boxes of chair."


def test_boxes_of_sunrgbd_are_in_the_camera_frame(layout):
    benchmark = opened("sunrgbd-detection", layout("sunrgbd-detection"))
    assert [record["id"] for record in benchmark.records] == ["000001/bed", "000001/night stand"]  # 2 has no object
    boxes = read_boxes(benchmark.records[0]["answer"]).boxes
    assert boxes.centers[0, 2] < boxes.centers[1, 2]  # the nearest first
    # The first bed by hand: corners in the upright frame, tilted, then (x, -z, y).
    along, across, up = np.array([0.6, 0.8, 0]), np.array([-0.8, 0.6, 0]), np.array([0, 0, 1])
    signs = [(x, y, z) for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)]
    corners = np.array([x * 1.1 * along + y * 0.9 * across + z * 0.5 * up for x, y, z in signs]) + [0.5, 3, -0.2]
    expected = (corners @ TILT)[:, [0, 2, 1]] * [1, -1, 1]
    found = boxes.corners()[0]
    assert np.abs(found[:, None] - expected[None]).max(axis=2).min(axis=1).max() < 1e-3
    assert benchmark.show(benchmark.records[0]).images[0].getpixel((0, 0))[0] == 1


def test_the_split_of_total3d_chooses_the_views(layout):
    folder = layout("sunrgbd-detection", views=(1, 2, 3, 5051))
    assert {record["scene_id"] for record in opened("sunrgbd-detection", folder).records} == {"000001", "000003"}
    (folder / "splits").mkdir()
    listed = folder / "splits" / "test.json"
    listed.write_text(json.dumps([f"./data/sunrgbd/sunrgbd_train_test_data/{number}.pkl" for number in (2, 3)]))
    assert {record["scene_id"] for record in opened("sunrgbd-detection", folder).records} == {"000003"}
    listed.write_text(json.dumps(["./data/3.pkl", "./data/4.pkl"]))
    with pytest.raises(InputError, match="names 2 views, and 1 of them have labels"):
        opened("sunrgbd-detection", folder)
    listed.write_text(json.dumps(["../../etc/passwd"]))
    with pytest.raises(InputError, match="entry: is '../../etc/passwd'"):
        opened("sunrgbd-detection", folder)


def test_both_layouts_of_sunrgbd_ask_the_same(layout, tmp_path, png):
    sunrgbd(tmp_path / "flat", png, flat=True)
    flat, nested = (opened("sunrgbd-detection", one) for one in (tmp_path / "flat", layout("sunrgbd-detection")))
    assert [(row["question"], row["answer"]) for row in flat.records] == [
        (row["question"], row["answer"]) for row in nested.records
    ]


@pytest.mark.parametrize(
    ("part", "content", "message"),
    [
        ("label", "bed 1 1 9 9 0.5 3 nan 0.9 1.1 0.5 0.6 0.8", "line 1 \\(bed\\): does not hold 12 finite numbers"),
        ("label", "bed 1 1 9 9 0.5 3 0 0 1.1 0.5 0.6 0.8", "line 1: cannot be a box"),
        ("calib", "1 0 0", "give two: tilt, camera matrix"),
        ("image", "", "image: cannot be read"),
    ],
)
def test_broken_files_of_sunrgbd_are_named(layout, part, content, message):
    folder = layout("sunrgbd-detection")
    next((folder / part).glob("000001.*")).write_text(content)
    with pytest.raises(InputError, match=message):
        opened("sunrgbd-detection", folder)


def test_boxes_of_arkitscenes_have_length_height_and_width_along_their_axes(layout):
    benchmark = opened("arkitscenes-detection", layout("arkitscenes-detection"))
    assert [record["category"] for record in benchmark.records] == ["chair", "sofa"]
    chair = benchmark.records[0]
    # As `get_cuboid_verts_faces` of Omni3D does: R_cam applied to ±l/2, ±h/2, ±w/2.
    truth = Boxes(np.array([[0.2, 0.1, 2.5]]), np.array([[1.4, 0.9, 0.5]]), AXES.T[None])
    assert pairwise_iou(read_boxes(chair["answer"]).boxes, truth)[0, 0] > 0.999
    assert chair["scene_id"] == "ARKitScenes/Validation/41069021"
    assert len(read_boxes(chair["ignored"]).labels) == 1


def test_objects_that_omni3d_ignores_need_not_be_found_and_are_not_false(layout):
    benchmark = opened("arkitscenes-detection", layout("arkitscenes-detection"))
    chair, sofa = benchmark.records
    both = json.loads(chair["ignored"]) + json.loads(chair["answer"])
    found = benchmark.scores({chair["id"]: json.dumps(both), sofa["id"]: sofa["answer"]})["robust"]
    assert (found["AP"]["score"], found["objects"], found["detections"]) == (100, 2, 3)


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({}, False),
        ({"behind_camera": True}, True),
        ({"valid3D": False}, True),
        ({"category_name": "void"}, True),
        ({"dimensions": [0.5, 0, 1]}, True),
        ({"lidar_pts": 0}, True),
        ({"segmentation_pts": 0}, True),
        ({"depth_error": 0.6}, True),
        ({"truncation": 0.75}, True),
        ({"truncation": -1}, False),
        ({"visibility": 0.25}, True),
        ({"visibility": 0.3}, False),
        ({"bbox2D_trunc": [5, 5, 30, 7]}, True),
        ({"bbox2D_trunc": [5, 5, 30, 100]}, True),
        ({"bbox2D_trunc": [-1] * 4, "bbox2D_proj": [5, 5, 30, 7]}, True),
        ({"bbox2D_trunc": [-1] * 4, "bbox2D_proj": [-1] * 4}, False),
    ],
)
def test_what_omni3d_ignores(more, expected):
    assert is_ignored(annotation(1, **more), 48) is expected


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"R_cam": [[1, 0], [0, 1]]}, "object 1: R_cam: is not 3 x 3 numbers"),
        ({"R_cam": np.zeros((3, 3)).tolist()}, "object 1: R_cam: cannot be a box"),
        ({"dimensions": "big"}, "object 1: "),
        ({"category_name": None}, "object 1: category_name: is missing"),
        ({"truncation": None}, "object 1: fields: cannot be read"),
    ],
)
def test_broken_objects_of_arkitscenes_are_named(layout, change, message):
    folder = layout("arkitscenes-detection", objects=[annotation(1, **change)])
    with pytest.raises(InputError, match=message):
        opened("arkitscenes-detection", folder)


@pytest.mark.parametrize("name", ["../../etc/passwd", "/etc/passwd"])
def test_images_that_lead_out_of_the_folder_are_refused(layout, name):
    folder = layout("arkitscenes-detection")
    path = folder / "Omni3D" / "ARKitScenes_test.json"
    content = json.loads(path.read_text())
    content["images"][0]["file_path"] = name
    path.write_text(json.dumps(content))
    with pytest.raises(InputError, match="give a path inside the folder"):
        opened("arkitscenes-detection", folder)


def test_boxes_named_as_another_category_are_not_held_against_a_reader(layout):
    benchmark = opened("sunrgbd-detection", layout("sunrgbd-detection"))
    bed, stand = benchmark.records
    right = read_boxes(bed["answer"])
    more = json.loads(bed["answer"]) + json.loads(format_boxes(["Nightstand"], read_boxes(stand["answer"]).boxes))
    replies = {bed["id"]: json.dumps(more), stand["id"]: stand["answer"].replace("night stand", "nightstand-1")}
    scores = benchmark.scores(replies)
    assert (scores["robust"]["detections"], scores["published"]["detections"]) == (3, 4)
    assert scores["robust"]["AP"]["score"] == 100
    assert len(right.labels) == 2
