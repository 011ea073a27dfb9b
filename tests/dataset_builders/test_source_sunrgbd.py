import pickle

import numpy as np
import pytest
from PIL import Image

from dataset_builders.ask import ask
from dataset_builders.errors import InputError
from dataset_builders.geometry import Boxes, backproject, project
from dataset_builders.sources import SceneRef
from dataset_builders.sources.sunrgbd import SunRgbdSource
from dataset_builders.tasks import RULES

WIDTH, HEIGHT = 64, 48
CALIB = "1 0 0 0 1 0 0 0 1\n50 0 0 0 50 0 33 25 1\n"
LABEL = "night_stand 10 12 20 22 1 4 -0.5 0.3 0.4 0.6 0.6 0.8\n"


def write(folder, calib=CALIB, label=LABEL, stem="000001"):
    folder.mkdir(exist_ok=True)
    (folder / f"{stem}.calib.txt").write_text(calib)
    (folder / f"{stem}.label.txt").write_text(label)
    Image.new("RGB", (WIDTH, HEIGHT)).save(folder / f"{stem}.jpg")
    depth = np.full((HEIGHT, WIDTH), 2500, np.uint16)
    depth[0] = 0
    Image.fromarray(depth).save(folder / f"{stem}.depth.png")
    return folder


def load(folder):
    source = SunRgbdSource(folder)
    return source.load(source.refs()[0])


def test_a_label_is_a_box_of_twice_the_halves(tmp_path):
    scene = load(write(tmp_path / "views"))
    assert (scene.scene_id, scene.source, scene.scale, scene.complete) == ("000001", "sunrgbd", "indoor", False)
    assert "academic use" in scene.license
    (item,) = scene.objects
    assert (item.instance_id, item.category, item.center.tolist()) == (1, "night stand", [1, 4, -0.5])
    np.testing.assert_allclose(item.size, [0.8, 0.6, 1.2])
    np.testing.assert_allclose(item.rotation, [[0.6, 0.8, 0], [-0.8, 0.6, 0], [0, 0, 1]])
    depth = scene.frames[0].depth
    assert (depth[0] == 0).all() and (depth[1:] == 2.5).all()


def test_pixels_count_from_zero_and_the_world_is_upright(tmp_path):
    camera = load(write(tmp_path / "views")).frames[0].camera
    assert camera.intrinsics.tolist() == [[50, 0, 32], [0, 50, 24], [0, 0, 1]]
    pixels, depths = project(np.array([[0, 4.0, 0], [1, 4, 0], [0, 4, 1]]), camera)
    np.testing.assert_allclose(pixels, [[32, 24], [44.5, 24], [32, 11.5]])
    assert depths.tolist() == [4, 4, 4]


def test_tilt_is_read_column_by_column(tmp_path):
    """A camera that looks 30 degrees down sees a point straight ahead above the middle of its image."""
    cos, sin = np.cos(np.pi / 6), 0.5
    tilt = np.array([[1, 0, 0], [0, cos, sin], [0, -sin, cos]])  # its transpose takes upright to camera
    line = " ".join(str(value) for value in tilt.T.ravel())
    camera = load(write(tmp_path / "views", f"{line}\n{CALIB.splitlines()[1]}\n")).frames[0].camera
    np.testing.assert_allclose(camera.camera_to_world[:3, 2], [0, cos, -sin], atol=1e-9)
    pixels, depths = project(np.array([[0, 4.0, 0]]), camera)
    np.testing.assert_allclose(pixels, [[32, 24 - 50 * np.tan(np.pi / 6)]])
    assert depths[0] == pytest.approx(4 * cos)


def test_views_are_listed_by_number(tmp_path):
    folder = write(write(tmp_path / "views", stem="000012"), stem="000002")
    (folder / "notes.txt").touch()
    source = pickle.loads(pickle.dumps(SunRgbdSource(folder)))
    assert source.refs() == [SceneRef("000002", "indoor"), SceneRef("000012", "indoor")]
    with pytest.raises(InputError, match="000001.label.txt: no such file is here"):
        SunRgbdSource(tmp_path)


@pytest.mark.parametrize(
    ("calib", "label", "message"),
    [
        ("", LABEL, "views/000001.calib.txt: text: is empty"),
        (CALIB.splitlines()[0], LABEL, "views/000001.calib.txt: lines: are 1"),
        ("1 0 0 0 1 0 0 0\n" + CALIB.splitlines()[1], LABEL, "tilt: does not hold 9 finite numbers"),
        ("2 0 0 0 1 0 0 0 1\n" + CALIB.splitlines()[1], LABEL, "tilt: is not a rotation"),
        ("-1 0 0 0 1 0 0 0 1\n" + CALIB.splitlines()[1], LABEL, "tilt: is not a rotation"),
        (
            "1 0 0 0 1 0 0 0 1\n50 0 33 0 50 25 0 0 1",
            LABEL,
            "camera matrix: is not one, or not stored column by column",
        ),
        (CALIB, "", "views/000001.label.txt: text: is empty"),
        (CALIB, "bed 1 2 3\n", r"views/000001.label.txt: line 1 \(bed\): does not hold 12 finite numbers"),
        (CALIB, LABEL + LABEL.replace("0.8\n", "x\n"), r"line 2 \(night_stand\): does not hold 12 finite numbers"),
        (CALIB, LABEL.replace("-0.5", "nan"), "does not hold 12 finite numbers"),
        (CALIB, LABEL.replace("0.6 0.8\n", "0 0\n"), "orientation 0 0 has not length 1"),
        (CALIB, LABEL.replace("0.3 0.4", "-0.3 0.4"), r"object 1 \(night stand\) size"),
    ],
)
def test_a_wrong_line_is_named(tmp_path, calib, label, message):
    with pytest.raises(InputError, match=message):
        load(write(tmp_path / "views", calib, label))


@pytest.mark.parametrize("name", ["000001.jpg", "000001.depth.png", "000001.calib.txt"])
@pytest.mark.parametrize("damage", ["missing", "empty", "cut", "outside"])
def test_a_damaged_file_is_named(tmp_path, name, damage):
    path = write(tmp_path / "views") / name
    content = path.read_bytes()
    path.unlink()
    if damage == "outside":
        (tmp_path / name).write_bytes(content)
        path.symlink_to(tmp_path / name)
    elif damage != "missing":
        path.write_bytes(content[: len(content) // 2 if damage == "cut" else 0])
    with pytest.raises(InputError, match=f"^views/{name}: "):
        load(tmp_path / "views")


@pytest.fixture
def bedrooms(real_data):
    """The four views, and their published 2-D boxes (x1, y1, x2, y2), pixels counted from 0."""
    folder = real_data("sunrgbd_boxes")
    source = SunRgbdSource(folder)
    views = []
    for ref in source.refs():
        words = [line.split() for line in (folder / f"{ref.scene_id}.label.txt").read_text().splitlines()]
        corners = np.array([[float(value) for value in line[1:5]] for line in words])
        corners[:, :2] -= 1
        corners[:, 2:] += corners[:, :2]
        views.append((source.load(ref), corners))
    return views


def test_real_beds_are_as_long_as_beds(bedrooms):
    """Of a mattress of 1.9 to 2.1 m with its frame; the labels are generous."""
    assert sum(len(scene.objects) for scene, _ in bedrooms) == 17
    beds = [item for scene, _ in bedrooms for item in scene.objects if item.category == "bed"]
    assert len(beds) == 4
    assert all(1.9 < item.size[0] < 2.5 and 1.5 < item.size[1] < 2.2 for item in beds)
    stands = [item for scene, _ in bedrooms for item in scene.objects if item.category == "night stand"]
    assert all(0.5 < item.size[2] < 1 for item in stands)


def test_real_centres_fall_into_the_labelled_rectangles(bedrooms):
    hits = 0
    for scene, rectangles in bedrooms:
        pixels, depths = project(Boxes.of(scene.objects).centers, scene.frames[0].camera)
        assert (depths > 1).all() and (depths < 6).all()
        hits += int(((pixels > rectangles[:, :2]) & (pixels < rectangles[:, 2:])).all(1).sum())
    assert hits == 16


def test_real_floor_is_level_and_furniture_stands_on_it(bedrooms):
    """Tilt and depth agree: lifted into the world the floor is flat, and beds and night stands reach down to it."""
    for scene, _ in bedrooms:
        frame = scene.frames[0]
        rows, columns = np.nonzero(frame.depth)
        local = backproject(
            np.column_stack([columns, rows]).astype(float), frame.depth[rows, columns], frame.camera.intrinsics
        )
        heights = (local @ frame.camera.camera_to_world[:3, :3].T)[:, 2]
        counts, edges = np.histogram(heights, bins=np.arange(-2, 0.5, 0.05))
        floor = edges[np.flatnonzero(counts > 0.02 * counts.sum())[0]] + 0.025
        assert 0.9 < -floor < 1.6  # height of the camera above the floor
        for item in scene.objects:
            if item.category in ("bed", "night stand", "dresser"):
                assert item.center[2] - item.size[2] / 2 == pytest.approx(floor, abs=0.25)


def test_real_views_are_asked_about_depth_and_not_by_names(bedrooms):
    """The second view shows two lamps and two night stands, of which one night stand is labelled."""
    for scene, _ in bedrooms:
        asked = ask(scene, RULES, seed=0, limit=100)
        tasks = {question.fact.task for question in asked.questions}
        assert "depth_estimation" in tasks and not {"object_counting", "object_size"} & tasks
