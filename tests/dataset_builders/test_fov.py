from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dataset_builders.errors import InputError
from dataset_builders.fov import FOCAL, Unification, unify_frame, unify_region, unify_scene
from dataset_builders.geometry import Boxes, project
from dataset_builders.masks import decode_mask, encode_mask
from dataset_builders.question import Region
from dataset_builders.scene import Camera, Frame, ObjectBox, Scene, SceneObject
from dataset_builders.sources.sunrgbd import SunRgbdSource

SIZES = st.tuples(st.integers(8, 60), st.integers(8, 60))
FACTORS = st.floats(0.35, 3)
SEEDS = st.integers(0, 2**32 - 1)


@st.composite
def cameras(draw) -> Camera:
    """Cameras with fx and fy apart, the principal point off the middle, and any pose."""
    (width, height), rng = draw(SIZES), np.random.default_rng(draw(SEEDS))
    fx, fy = draw(st.floats(20, 90)), draw(st.floats(20, 90))
    cx, cy = (rng.uniform(0.3, 0.7, 2) * (width, height)).tolist()
    pose = np.eye(4)
    pose[:3, :3] = np.linalg.qr(rng.normal(size=(3, 3)))[0]
    pose[:3, 2] *= np.sign(np.linalg.det(pose[:3, :3]))
    pose[:3, 3] = rng.normal(size=3)
    return Camera(np.array([[fx, 0, cx], [0, fy, cy], [0, 0, 1]]), pose, width, height)


@st.composite
def focals(draw, camera: Camera) -> float:
    return draw(FACTORS) * float(np.sqrt(camera.intrinsics[0, 0] * camera.intrinsics[1, 1]))


def blank(camera: Camera) -> Frame:
    return Frame(camera, np.zeros((camera.height, camera.width, 3), np.uint8))


def grid(camera: Camera) -> tuple[np.ndarray, np.ndarray]:
    """Directions (x / z, y / z) in which the pixels of a camera look, (H, W) each."""
    u, v = np.meshgrid(np.arange(camera.width), np.arange(camera.height))
    k = camera.intrinsics
    return (u - k[0, 2]) / k[0, 0], (v - k[1, 2]) / k[1, 1]


def in_old_pixels(camera: Camera, unified: Camera) -> tuple[np.ndarray, np.ndarray]:
    """Where the pixels of the unified camera look, as coordinates of the old one."""
    x, y = grid(unified)
    k = camera.intrinsics
    return x * k[0, 0] + k[0, 2], y * k[1, 1] + k[1, 2]


@given(st.data(), cameras())
def test_focal_length_size_and_view_follow_the_algorithm(data, camera):
    focal = data.draw(focals(camera))
    unified = unify_frame(blank(camera), focal).camera
    assert unified.intrinsics[[0, 1], [0, 1]] == pytest.approx(focal, rel=1e-12)
    for old, new, f in zip(
        (camera.width, camera.height), (unified.width, unified.height), np.diag(camera.intrinsics), strict=False
    ):
        view = 2 * np.arctan(old / (2 * f))
        wanted = 2 * focal * np.tan(view / 2)
        assert new <= wanted + 1e-6 < new + 1 + 2e-6
    assert unified.camera_to_world is camera.camera_to_world


@given(st.data(), cameras(), SEEDS)
def test_a_projected_box_lands_on_the_same_content(data, camera, seed):
    """A world painted by the direction in which it is seen: each picture shows at a pixel what its camera looks at."""
    focal = data.draw(focals(camera))
    x, y = grid(camera)
    paint = np.stack([20 + 215 * (axis - axis.min()) / np.ptp(axis) for axis in (x, y, x + y)], axis=-1)
    frame = unify_frame(Frame(camera, paint.round().astype(np.uint8)), focal)
    rng = np.random.default_rng(seed)
    center = camera.camera_to_world[:3, :3] @ [0, 0, 4] + camera.camera_to_world[:3, 3]
    box = SceneObject(1, "box", center, rng.uniform(0.1, 2, 3), np.linalg.qr(rng.normal(size=(3, 3)))[0])
    corners = Boxes.of([box]).corners()[0]
    (before, depth_before), (after, depth_after) = (project(corners, one) for one in (camera, frame.camera))
    assert (depth_before == depth_after).all()
    old_size, new_size = np.array([camera.width, camera.height]), np.array([frame.camera.width, frame.camera.height])
    # The same share of the way from the left and from the upper border of the picture.
    stretch = focal / camera.intrinsics[[0, 1], [0, 1]]
    assert (after + 0.5) / (old_size * stretch) == pytest.approx((before + 0.5) / old_size, abs=1e-9)
    # Its pixels have the colour of what the corner hides, away from the borders, where the kernel has no neighbours.
    margin = 3 * np.maximum(1, stretch)
    inside = ((after > margin) & (after < new_size - 1 - margin)).all(axis=1)
    low, span = np.array([x.min(), y.min()]), np.array([np.ptp(x), np.ptp(y)])
    seen = (np.round(after) - frame.camera.intrinsics[:2, 2]) / focal
    expected = 20 + 215 * (seen - low) / span
    column, row = np.round(after[inside]).astype(int).T
    shown = frame.color[row, column, :2].astype(float)
    # Colours are rounded twice; half a pixel off would be at least 1.7 levels of a picture of 60 pixels.
    assert np.abs(shown - expected[inside]).max(initial=0) <= 1.3


@given(st.data(), cameras(), SEEDS)
def test_depth_and_instances_take_the_pixel_that_each_ray_passes(data, camera, seed):
    focal = data.draw(focals(camera))
    rng, shape = np.random.default_rng(seed), (camera.height, camera.width)
    depth, instances = rng.uniform(1, 9, shape).astype(np.float32), rng.integers(0, 5, shape).astype(np.int32)
    frame = unify_frame(replace(blank(camera), depth=depth, instances=instances), focal)
    u, v = in_old_pixels(camera, frame.camera)
    clear = (np.abs(u % 1 - 0.5) > 1e-6) & (np.abs(v % 1 - 0.5) > 1e-6)
    rows, columns = np.round(v[clear]).astype(int), np.round(u[clear]).astype(int)
    assert frame.depth.dtype == np.float32 and frame.instances.dtype == np.int32
    assert (frame.depth[clear] == depth[rows, columns]).all()
    assert (frame.instances[clear] == instances[rows, columns]).all()


@given(st.data(), cameras())
def test_a_box_in_the_picture_is_the_box_round_its_resized_mask(data, camera):
    focal = data.draw(focals(camera))
    x1, x2 = sorted(data.draw(st.tuples(*[st.integers(0, camera.width - 1)] * 2)))
    y1, y2 = sorted(data.draw(st.tuples(*[st.integers(0, camera.height - 1)] * 2)))
    instances = np.zeros((camera.height, camera.width), np.int32)
    instances[y1 : y2 + 1, x1 : x2 + 1] = 7
    boxes = {7: ObjectBox((x1, y1, x2, y2), 2.5)}
    frame = unify_frame(replace(blank(camera), instances=instances, boxes=boxes), focal)
    bbox = frame.boxes[7].bbox
    assert frame.boxes[7].surface == 2.5
    assert 0 <= bbox[0] <= bbox[2] < frame.camera.width and 0 <= bbox[1] <= bbox[3] < frame.camera.height
    rows, columns = np.nonzero(frame.instances == 7)
    if len(rows):
        assert bbox == (columns.min(), rows.min(), columns.max(), rows.max())
    else:
        u, v = (axis[bbox[1], bbox[0]] for axis in in_old_pixels(camera, frame.camera))
        reach = camera.intrinsics[[0, 1], [0, 1]] / focal
        assert x1 - 0.5 - reach[0] <= u <= x2 + 0.5 + reach[0] and y1 - 0.5 - reach[1] <= v <= y2 + 0.5 + reach[1]


@given(st.data(), cameras())
def test_marks_move_with_what_they_mark(data, camera):
    focal = data.draw(focals(camera))
    inside = st.tuples(st.integers(0, camera.width - 1), st.integers(0, camera.height - 1))
    path = data.draw(st.lists(inside, min_size=2, max_size=5))
    mask = np.zeros((camera.height, camera.width), bool)
    mask[path[0][1], path[0][0]] = True
    unified = unify_frame(replace(blank(camera), instances=mask.astype(np.int32)), focal)
    moved = [
        unify_region(region, camera, focal)
        for region in (
            Region(0, "path", "red", path=tuple(path)),
            Region(0, "point", "red", point=path[0]),
            Region(0, "mask", "red", mask=encode_mask(mask)),
        )
    ]
    size = np.array([unified.camera.width, unified.camera.height])
    rays = (np.array(path) - camera.intrinsics[:2, 2]) / np.diag(camera.intrinsics)[:2]
    # The same direction, or the middle of the outermost pixel.
    expected = np.clip(rays * focal + unified.camera.intrinsics[:2, 2], 0, size - 1)
    assert np.array(moved[0].path) == pytest.approx(expected, abs=1e-6)
    assert moved[1].point == moved[0].path[0]
    resized = decode_mask(moved[2].mask)
    assert resized.shape == (size[1], size[0]) and resized.any()
    assert not unified.instances.any() or (resized == (unified.instances > 0)).all()


@settings(max_examples=30)
@given(cameras())
def test_the_same_focal_length_changes_nothing(camera):
    k = camera.intrinsics.copy()
    k[1, 1] = k[0, 0]
    rng = np.random.default_rng(0)
    color = rng.integers(0, 256, (camera.height, camera.width, 3)).astype(np.uint8)
    box = ObjectBox((1, 2, 3, 4))
    frame = Frame(replace(camera, intrinsics=k), color, color[..., 0].astype(np.float32), boxes={1: box})
    same = unify_frame(frame, float(k[0, 0]))
    assert (same.color == color).all() and (same.depth == frame.depth).all() and same.boxes[1].bbox == box.bbox
    assert same.camera.intrinsics == pytest.approx(k)


def test_the_camera_of_table_23():
    """Horizontal fov 69.16, vertical fov 53.17, width 959, height 696, from a Kinect v2 of SUN RGB-D."""
    camera = Camera(np.array([[529.5, 0, 365], [0, 529.5, 265], [0, 0, 1]]), np.eye(4), 730, 530)
    unified = unify_frame(blank(camera)).camera
    assert (unified.width, unified.height) == (959, 696)
    views = [np.degrees(2 * np.arctan(side / 2 / FOCAL)) for side in (730 * FOCAL / 529.5, 530 * FOCAL / 529.5)]
    assert np.round(views, 2).tolist() == [69.16, 53.17]


def test_a_scene_keeps_its_original_frames():
    camera = Camera(np.array([[30.0, 0, 9.5], [0, 30, 7.5], [0, 0, 1]]), np.eye(4), 20, 16)
    color = np.random.default_rng(1).integers(0, 256, (16, 20, 3)).astype(np.uint8)
    color.flags.writeable = False
    scene = Scene("room", "test", "CC0-1.0", "indoor", frames=(Frame(camera, color),) * 2)
    unified = unify_scene(scene, 60)
    assert [frame.color.shape for frame in unified.frames] == [(32, 40, 3)] * 2
    assert scene.frames[0].camera is camera and camera.intrinsics[0, 0] == 30 and not scene.metadata
    original = {"frames": [0, 1], "size": [20, 16], "intrinsics": [[30, 0, 9.5], [0, 30, 7.5], [0, 0, 1]]}
    assert unified.metadata == {"unified": {"focal": 60, "originals": [original]}}
    # The middle stays in the middle.
    assert unified.frames[0].camera.intrinsics.tolist() == [[60, 0, 19.5], [0, 60, 15.5], [0, 0, 1]]


@pytest.mark.parametrize(
    ("known", "focal", "named"),
    [
        ((0.0, 30.0), 60.0, "focal length: is [0.0, 30.0]"),
        ((float("nan"), 30.0), 60.0, "focal length: is [nan, 30.0]"),
        ((30.0, 30.0), -1.0, "unified focal length: is -1.0"),
        ((30.0, 30.0), float("inf"), "unified focal length: is inf"),
        ((30.0, 30.0), 1e6, "would make 666667x533333 of 20x16"),
        ((30.0, 30.0), 0.5, "would make 0x0 of 20x16"),
    ],
)
def test_a_focal_length_that_makes_no_picture_is_refused(known, focal, named):
    camera = Camera(np.array([[known[0], 0, 9.5], [0, known[1], 7.5], [0, 0, 1]]), np.eye(4), 20, 16)
    scene = Scene("room", "test", "CC0-1.0", "indoor", frames=(blank(camera),))
    with pytest.raises(InputError) as raised:
        unify_frame(scene.frames[0], focal, "room: frame 0")
    assert named in str(raised.value) and str(raised.value).startswith("room: frame 0: ")
    if known == (30.0, 30.0):
        with pytest.raises(InputError, match="room: frame 0: "):
            unify_scene(scene, focal)
    else:
        assert unify_scene(scene, focal) is scene


def test_frames_of_one_size_that_would_differ_are_refused_in_one_line():
    frames = [blank(Camera(np.diag([f, f, 1.0]), np.eye(4), 20, 16)) for f in (30.0, 40.0)]
    with pytest.raises(InputError) as raised:
        unify_scene(Scene("room", "test", "CC0-1.0", "indoor", frames=tuple(frames)), 60)
    problem = "would be 30x24 and 40x32 in one video; make one scene of the frames of each camera"
    assert str(raised.value) == f"room: frames: {problem}"


def test_real_views_measure_the_same_depth_at_the_middle_of_their_objects(real_data):
    checked = 0
    source = SunRgbdSource(real_data("sunrgbd_boxes"))
    for scene in map(source.load, source.refs()):
        unified = unify_scene(scene)
        for old, new in zip(scene.frames, unified.frames, strict=True):
            assert new.camera.intrinsics[[0, 1], [0, 1]] == pytest.approx(FOCAL, rel=1e-12)
            centers = np.array([item.center for item in scene.objects])
            plan = Unification.of(old.camera, FOCAL)
            for (before, _), (after, _) in zip(
                *(zip(*project(centers, one.camera), strict=True) for one in (old, new)), strict=True
            ):
                (u, v), (column, row) = np.round(before).astype(int), np.round(after).astype(int)
                if 1 < u < old.camera.width - 2 and 1 < v < old.camera.height - 2 and old.depth is not None:
                    around = old.depth[v - 1 : v + 2, u - 1 : u + 2]
                    assert new.depth[row, column] in around
                    checked += 1
            assert plan.size == (new.camera.width, new.camera.height)
    assert checked >= 4
