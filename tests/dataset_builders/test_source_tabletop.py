import json
import pickle
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from dataset_builders.ask import ask
from dataset_builders.errors import InputError
from dataset_builders.geometry import backproject
from dataset_builders.sources.table_plane import find_table
from dataset_builders.sources.tabletop import TabletopSource
from dataset_builders.tasks import RULES

WIDTH, HEIGHT, FOCAL = 96, 72, 90.0
INTRINSICS = np.array([[FOCAL, 0, 47.5], [0, FOCAL, 35.5], [0, 0, 1]])
# Millimetres, the sizes that the makers give: what the extents of the meshes must come near to.
CATALOGUE = {"003_cracker_box": (60, 158, 210), "004_sugar_box": (38, 89, 175), "005_tomato_soup_can": (66, 66, 101)}


def slope(tilt: float, camera_height: float) -> np.ndarray:
    """Depth, (H, W) metres, of a table that a camera sees from above, tilted down by `tilt` radians."""
    rows, columns = np.indices((HEIGHT, WIDTH))
    rays = np.stack([(columns - 47.5) / FOCAL, (rows - 35.5) / FOCAL, np.ones(rows.shape)], axis=-1)
    falling = rays @ np.array([0, np.cos(tilt), np.sin(tilt)])
    return np.where(falling > 0.05, camera_height / np.maximum(falling, 0.05), 0)


def write(folder, depth=None, color_size=(WIDTH, HEIGHT)):
    folder.mkdir()
    depth = slope(0.8, 0.5) if depth is None else depth
    Image.new("RGB", color_size).save(folder / "mug.rgb.png")
    Image.fromarray(np.rint(1000 * depth).astype(np.uint16)).save(folder / "mug.depth.png")
    calibration = {"fx": FOCAL, "fy": FOCAL, "x_offset": 47.5, "y_offset": 35.5}
    (folder / "camera_params.json").write_text(json.dumps(calibration))
    return folder


def load(folder, stem=None):
    source = pickle.loads(pickle.dumps(TabletopSource(folder)))
    return source.load(next(ref for ref in source.refs() if stem is None or ref.scene_id.endswith(f"-{stem}")))


def heights(scene) -> np.ndarray:
    """Heights over the table of all pixels of the frame, (H, W) metres, NaN where unknown."""
    (frame,) = scene.frames
    rows, columns = np.indices(frame.depth.shape)
    pixels = np.stack([columns.ravel(), rows.ravel()], axis=1)
    points = backproject(pixels, frame.depth.ravel(), frame.camera.intrinsics)
    pose = frame.camera.camera_to_world
    over = (points @ pose[:3, :3].T + pose[:3, 3])[:, 2].reshape(frame.depth.shape)
    return np.where(frame.depth > 0, over, np.nan)


@settings(deadline=None, max_examples=15)
@given(st.floats(0.4, 1.5), st.floats(0.3, 1.5), st.integers(0, 5))
def test_the_plane_of_a_table_with_a_block_on_it_is_exact(tilt, camera_height, seed):
    depth = slope(tilt, camera_height)
    row, column = np.random.default_rng(seed).integers(10, 40, 2)
    depth[row : row + 20, column : column + 25] -= 0.1
    table = find_table(depth, INTRINSICS)
    assert table.height == pytest.approx(camera_height, abs=1e-3)
    assert np.allclose(table.up, [0, -np.cos(tilt), -np.sin(tilt)], atol=2e-3)
    pose = table.camera_to_world()
    assert np.allclose(pose[:3, :3].T @ pose[:3, :3], np.eye(3)) and np.linalg.det(pose) == pytest.approx(1)
    assert np.allclose(pose[:3, :3] @ table.up, [0, 0, 1])  # up in the picture is up in the world


def test_a_floor_behind_the_table_does_not_pass_for_it():
    depth = slope(0.8, 1.2)  # the floor, in two thirds of the picture
    depth[48:] = slope(0.8, 0.5)[48:]
    depth[44:48] = 0
    assert find_table(depth, INTRINSICS).height == pytest.approx(0.5, abs=1e-3)


@pytest.mark.parametrize("depth", [np.zeros((HEIGHT, WIDTH)), slope(0.8, 0.5)[::-1]], ids=["nothing", "ceiling"])
def test_what_is_no_table_gives_none(depth):
    assert find_table(depth, INTRINSICS) is None


@pytest.mark.parametrize(
    ("stem", "rows", "columns"), [("image_0000", (150, 320), (420, 580)), ("image_0002", (0, 145), (205, 325))]
)
def test_the_real_cracker_box_is_as_tall_as_it_is(real_data, stem, rows, columns):
    """The upright box is 0.21 m tall by its maker and 0.223 m by the mesh of PoseCNN."""
    scene = load(real_data("uois_tabletop"), stem)
    box = heights(scene)[slice(*rows), slice(*columns)]
    assert 0.21 <= np.nanpercentile(box, 99) <= 0.223


def test_real_tables_are_level_and_below_the_camera(real_data):
    for name, count in (("uois_tabletop", 5), ("ycb_posecnn", 2)):
        source = TabletopSource(real_data(name))
        scenes = [source.load(ref) for ref in source.refs()]
        assert len(scenes) == count
        for scene in scenes:
            over = heights(scene)
            flat = np.abs(over) < 0.01
            assert 0.2 < flat.mean() and abs(np.nanmedian(over[flat])) < 0.002
            assert 0.35 < scene.frames[0].camera.camera_to_world[2, 3] < 0.75
            assert (scene.scale, scene.objects, scene.metric) == ("tabletop", (), True)


def test_the_extents_of_the_known_objects_are_read(real_data):
    sizes = load(real_data("ycb_posecnn")).metadata["known_sizes"]
    assert len(sizes) == 21
    assert sizes["003_cracker_box"] == [0.072948, 0.167432, 0.223122]
    for name, catalogue in CATALOGUE.items():
        assert np.allclose(np.sort(sizes[name]), np.array(catalogue) / 1000, atol=0.02), name


@pytest.mark.parametrize(
    ("folder", "stem", "depth_name", "steps_per_cm"),
    [("uois_tabletop", "image_0000", "image_0000.depth.png", 10), ("ycb_posecnn", "000001", "000001-depth.png", 100)],
)
def test_questions_about_real_tables_are_answered_by_their_depth(real_data, folder, stem, depth_name, steps_per_cm):
    questions = ask(load(real_data(folder), stem), RULES, seed=0, limit=40).questions
    with Image.open(real_data(folder) / depth_name) as image:
        raw = np.asarray(image).astype(float)

    def centimetres(region):
        column, row = map(int, region.point)
        return raw[row, column] / steps_per_cm

    depths = [question for question in questions if question.fact.rule == "image.depth_of_point"]
    orders = [question for question in questions if question.fact.rule == "image.order_points"]
    assert len(depths) >= 3 and len(orders) >= 3
    for question in depths:
        assert float(question.fact.measured["depth_m"]) * 100 == pytest.approx(centimetres(question.fact.regions[0]))
    for question in orders:
        by_depth = sorted(question.fact.regions, key=centimetres)
        end = {"nearer": 0, "farther": -1}[question.fact.measured["relation"]]
        assert question.fact.answer == by_depth[end].colour


def truncate(folder):
    path = folder / "mug.depth.png"
    path.write_bytes(path.read_bytes()[:200])


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (truncate, "table/mug.depth.png: image: cannot be decoded"),
        (lambda folder: (folder / "mug.depth.png").write_bytes(b""), "table/mug.depth.png: image: is empty"),
        (lambda folder: (folder / "mug.depth.png").unlink(), "table/mug.depth.png: file: is missing"),
        (lambda folder: (folder / "camera_params.json").write_text("{"), "camera_params.json: file: is not complete"),
        (lambda folder: (folder / "camera_params.json").write_text('{"fx": "a"}'), "camera_params.json: fx: is not"),
        (
            lambda folder: (folder / "camera_params.json").write_text(
                '{"fx": 0, "fy": 1, "x_offset": 1, "y_offset": 1}'
            ),
            "camera_params.json: intrinsics: are",
        ),
        (lambda folder: (folder / "extents.txt").write_text("1 2 3"), "table/classes.txt: file: is missing"),
    ],
)
def test_bad_files_are_named(tmp_path, damage, message):
    folder = write(tmp_path / "table")
    damage(folder)
    with pytest.raises(InputError, match=re.escape(message)):
        load(folder)


def test_a_frame_without_a_table_or_with_another_size_is_refused(tmp_path):
    rough = np.random.default_rng(0).uniform(0.4, 2, (HEIGHT, WIDTH))
    with pytest.raises(InputError, match="rough/mug.depth.png: depth: no table plane"):
        load(write(tmp_path / "rough", rough))
    with pytest.raises(InputError, match="mug.depth.png: size: is 96x72, the colour image 50x40"):
        load(write(tmp_path / "size", color_size=(50, 40)))
    with pytest.raises(InputError, match="frames: none in a known layout; give \\*.rgb.png with camera_params.json"):
        TabletopSource(tmp_path)
    with pytest.raises(InputError, match="--input: is not a folder"):
        TabletopSource(tmp_path / "nowhere")
