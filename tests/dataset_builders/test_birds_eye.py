import hashlib
from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import ImageColor
from scipy.spatial.transform import Rotation

from dataset_builders.birds_eye import CAMERA, DARK, LIGHT, PALETTE, SIDE, birds_eye, lay_out
from dataset_builders.errors import InputError
from dataset_builders.frames import scene_row
from dataset_builders.label_places import place_labels
from dataset_builders.scene import Camera, Frame, Scene, SceneObject
from dataset_builders.sources.synthetic import SyntheticSource
from dataset_builders.taxonomy import SCALE_NAMES
from dataset_builders.top_view import top_view

INTRINSICS = np.array([[50.0, 0, 31.5], [0, 50, 23.5], [0, 0, 1]])


def frame(position, ahead, intrinsics=INTRINSICS) -> Frame:
    """A camera at a place that looks along a level direction, 64 x 48."""
    ahead = np.array([*ahead, 0.0]) / np.hypot(*ahead)
    pose = np.eye(4)
    pose[:3, 0], pose[:3, 1], pose[:3, 2], pose[:3, 3] = np.cross(ahead, [0, 0, 1]), [0, 0, -1], ahead, position
    return Frame(Camera(intrinsics, pose, 64, 48), np.zeros((48, 64, 3), np.uint8))


def box(number, category, center, size=(1.0, 1.0, 1.0), angle=0.0) -> SceneObject:
    rotation = Rotation.from_euler("z", angle).as_matrix().T
    return SceneObject(number, category, np.array(center, float), np.array(size, float), rotation)


def scene(objects, frames=(), scale="indoor") -> Scene:
    return Scene("room", "test", "CC0-1.0", scale, tuple(objects), tuple(frames))


@st.composite
def scenes(draw) -> Scene:
    """From empty to crowded, objects on one heap or in a row, cameras in any pose."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    num_objects, num_frames = draw(st.integers(0, 60)), draw(st.integers(0, 12))
    spread = np.array(draw(st.tuples(*[st.sampled_from((0.0, 0.05, 1.0, 30.0))] * 2)))
    words = ("cup", "chair", "very long name of a small thing", "bookshelf")
    objects = [
        box(
            n + 1,
            words[rng.integers(4)],
            [*(rng.normal(size=2) * spread), 1],
            rng.uniform(0.01, 2, 3),
            rng.uniform(0, 7),
        )
        for n in range(num_objects)
    ]
    frames = [frame([0, 0, 1], (0, 1)) for _ in range(num_frames + (not objects))]
    for one in frames:
        one.camera.camera_to_world[:3, :3] = Rotation.random(random_state=rng.integers(2**31)).as_matrix()
        one.camera.camera_to_world[:2, 3] = rng.normal(size=2) * spread
    return scene(objects, frames, draw(st.sampled_from(SCALE_NAMES)))


def overlap(first, second) -> bool:
    return all(max(first[axis], second[axis]) < min(first[axis + 2], second[axis + 2]) for axis in (0, 1))


@settings(max_examples=150, deadline=None)
@given(scenes())
def test_labels_never_overlap_and_all_are_in_the_picture(place):
    view = lay_out(place)
    assert len(view.labels) == len(place.objects) + len(place.frames)
    assert not [pair for pair in combinations([label.box for label in view.labels], 2) if overlap(*pair)]
    bar = (28, view.height - 14, 28 + view.bar[0], view.height - 7)
    for label in view.labels:
        x0, y0, x1, y1 = label.box
        assert x0 >= 0 and y0 >= 0 and x1 <= view.width and y1 <= view.height and not overlap(label.box, bar)


@settings(max_examples=150, deadline=None)
@given(scenes())
def test_labels_never_overlap_on_the_pages_either(place):
    row = scene_row(place)
    view = top_view(row["objects"], row["camera_to_world"], row["scale"])
    assert sorted(label.text for label in view.labels) == sorted(item.category for item in place.objects)
    assert not [pair for pair in combinations([label.box for label in view.labels], 2) if overlap(*pair)]


def test_names_that_find_no_room_stand_in_columns_in_the_order_of_their_things():
    things = np.array([[50.0, y, 51, y + 1] for y in (30, 10, 20)])
    places, (width, height) = place_labels(things, np.full((3, 2), (99.0, 20.0)), (100, 50))
    assert places[:, :2].tolist() == [[103 + 99 + 3, 0], [103, 0], [103, 20]] and height == 50
    assert width == places[:, 2].max() + 3


def test_a_small_thing_is_not_hidden_by_names():
    things = np.array([[50.0, 50, 54, 54], [56, 50, 60, 54], [20, 10, 90, 40]])
    places, _ = place_labels(things, np.full((3, 2), (30.0, 10.0)), (200, 200))
    assert not [pair for pair in ((p, t) for p in places for t in things[:2]) if overlap(*pair)]
    assert places[2].tolist() == [40, 20, 70, 30]  # on its thing, which has room for it
    assert not overlap(places[0], things[2]) and not overlap(places[1], things[2])


def color_at(image, x, y) -> tuple:
    return image.getpixel((round(x), round(y)))


@pytest.mark.parametrize("heading", [(0, 1), (1, 0), (-3, 4), (0, -1)])
def test_the_first_image_looks_up_and_left_stays_left(heading):
    """A camera in the middle, a bed 3 m ahead of it and 2 m to its left, and a small lamp 2 m behind it."""
    ahead = np.array(heading) / np.hypot(*heading)
    left = np.array([-ahead[1], ahead[0]])
    bed, lamp = 3 * ahead + 2 * left, -2 * ahead
    turned = np.arctan2(ahead[1], ahead[0])
    place = scene(
        [box(1, "bed", [*bed, 0], angle=turned), box(2, "lamp", [*lamp, 0], angle=turned)], [frame([0, 0, 1], ahead)]
    )
    view = lay_out(place)
    x, y, ahead_x, ahead_y = view.cameras[0]
    pixels = view.bar[0] / float(view.bar[1].split()[0])
    middles = {outline.category: np.mean(outline.corners, axis=0) for outline in view.outlines}
    assert (ahead_x, ahead_y < y) == (pytest.approx(x, abs=0.02), True)
    assert (middles["bed"] - (x, y)) / pixels == pytest.approx([-2, -3], abs=0.01)
    assert (middles["lamp"] - (x, y)) / pixels == pytest.approx([0, 2], abs=0.01)
    # The picture has these colours there, off the names: in corners of the two boxes.
    image = birds_eye(place)
    for category, fill in (("bed", PALETTE[0]), ("lamp", PALETTE[1])):
        corner = middles[category] + 0.4 * pixels
        assert color_at(image, *corner) == ImageColor.getrgb(fill)
    dot = np.array(color_at(image, x, y + 2), int)
    assert np.abs(dot - ImageColor.getrgb(CAMERA)).max() < 30


def test_a_camera_that_looks_straight_down_has_the_top_of_its_image_up():
    down = frame([0, 0, 9], (0, 1))
    # Right of the image is north of the world, its top west.
    down.camera.camera_to_world[:3, :3] = np.array([[0.0, 1, 0], [1, 0, 0], [0, 0, -1]])
    view = lay_out(scene([box(1, "car", [-4, 0, 0])], [down]))
    (car,), (camera,) = view.outlines, view.cameras
    middle = np.mean(car.corners, axis=0)
    assert middle[0] == pytest.approx(camera[0], abs=0.02) and middle[1] < camera[1]


@given(st.floats(20, 200), st.floats(10, 50), st.floats(0, 6))
def test_what_a_level_camera_sees_is_drawn_with_its_field_of_view(focal, middle, angle):
    """Also where the principal point is off the middle: the borders of the image are at -0.5 and W - 0.5."""
    k = np.array([[focal, 0, middle], [0, focal, 23.5], [0, 0, 1]])
    view = lay_out(scene([box(1, "bed", [5, 5, 1])], [frame([0, 0, 1], (np.cos(angle), np.sin(angle)), k)]))
    x, y, _, _ = view.cameras[0]
    away = np.array(view.areas[0]) - (x, y)
    away = away[np.hypot(*away.T) > 1]
    bearings = np.arctan2(away[:, 0], -away[:, 1])  # from straight up, to the right
    assert bearings.min() == pytest.approx(np.arctan((-0.5 - middle) / focal), abs=2e-3)
    assert bearings.max() == pytest.approx(np.arctan((63.5 - middle) / focal), abs=2e-3)


def test_objects_of_one_category_are_told_apart_and_chosen_ones_named():
    place = scene(
        [box(3, "chair", [0, 0, 0]), box(7, "chair", [4, 0, 0]), box(9, "bed", [0, 4, 0])],
        [frame([1, -3, 1], (0, 1)), frame([5, 5, 1], (-1, 0)), frame([2, 2, 1], (1, 0))],
    )
    names = [label.text for label in lay_out(place).labels]
    assert names[:3] == ["image 1", "image 2", "image 3"] and set(names[3:]) == {"chair #3", "chair #7", "bed"}
    some = lay_out(place, frames=[2, 0], objects=[7])
    assert [label.text for label in some.labels] == ["image 1", "image 2", "chair #7"]
    # Image 1 is now the third frame, which looks along +X: the chair at (4, 0) is ahead and to its right.
    (x, y, _, _), middle = some.cameras[0], np.mean(some.outlines[0].corners, axis=0)
    assert middle[0] > x and middle[1] < y


def test_the_same_scene_gives_the_same_bytes_and_keeps_its_poses():
    source = SyntheticSource(num_scenes=3, seed=4, num_frames=2, frame_size=(32, 24))
    place = source.load(source.refs()[2])
    pose = place.frames[0].camera.camera_to_world.copy()
    images = [birds_eye(place, theme=theme) for theme in (LIGHT, LIGHT, DARK)]
    digests = [hashlib.sha256(image.tobytes()).hexdigest() for image in images]
    assert digests[0] == digests[1] != digests[2]
    assert (place.frames[0].camera.camera_to_world == pose).all()
    assert images[0].mode == "RGB" and images[0].width >= SIDE
    again = source.load(source.refs()[2])
    assert birds_eye(again).tobytes() == images[0].tobytes()


def test_the_bar_is_as_long_in_the_picture_as_it_says():
    image = np.asarray(birds_eye(scene([box(1, "bed", [0, 0, 0], (8, 4, 1))])), int)
    dark = np.flatnonzero(image[-10].sum(axis=1) < 200)
    assert np.ptp(dark) == pytest.approx(2 * (SIDE - 56) / 8, abs=2)  # 2 m of the 8 m that fill the width


def luminance(color: str) -> float:
    """Relative luminance, https://www.w3.org/TR/WCAG22/#dfn-relative-luminance."""
    channels = np.array(ImageColor.getrgb(color)) / 255
    return float(
        np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4) @ [0.2126, 0.7152, 0.0722]
    )


def contrast(first: str, second: str) -> float:
    low, high = sorted(map(luminance, (first, second)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("theme", [LIGHT, DARK])
def test_names_and_outlines_read_well_in_light_and_dark(theme):
    assert contrast(theme.ink, theme.ground) >= 7  # WCAG's stricter level for text
    assert contrast(CAMERA, theme.ground) >= 3  # and its level for graphics
    image = birds_eye(scene([box(1, "bed", [0, 0, 0], (8, 4, 1))]), theme=theme)
    shown = {color for _, color in image.getcolors(1 << 20)}
    assert {ImageColor.getrgb(theme.ink), ImageColor.getrgb(theme.ground), ImageColor.getrgb(PALETTE[0])} <= shown


# Machado, Oliveira and Fernandes 2009, severity 1.0, linear RGB.
VISION = {
    "usual": np.eye(3),
    "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.01182, 0.04294, 0.968881]],
    "tritanopia": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.3039]],
}


def lab(color: str, vision) -> np.ndarray:
    channels = np.array(ImageColor.getrgb(color)) / 255
    linear = np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
    linear = np.clip(np.array(vision) @ linear, 0, 1)
    to_xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
    x, y, z = np.cbrt(to_xyz @ linear / [0.9505, 1, 1.089])
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


@pytest.mark.parametrize("vision", VISION)
def test_categories_differ_for_all_kinds_of_colour_vision(vision):
    seen = [lab(color, VISION[vision]) for color in (*PALETTE, CAMERA)]
    assert min(np.linalg.norm(a - b) for a, b in combinations(seen, 2)) > 10  # 2.3 is just noticeable


@pytest.mark.parametrize(
    ("wanted", "named"),
    [({"objects": [5]}, "room: objects: has no number 5"), ({"frames": [1]}, "room: frames: has no number 1")],
)
def test_what_the_scene_does_not_have_is_refused(wanted, named):
    place = scene([box(1, "bed", [0, 0, 0])], [frame([3, 0, 1], (0, 1))])
    with pytest.raises(InputError, match=named):
        birds_eye(place, **wanted)
    with pytest.raises(InputError, match="nothing|no place to draw"):
        birds_eye(place, objects=[], frames=[])
    with pytest.raises(InputError, match="no place to draw"):
        birds_eye(replace(place, objects=(box(1, "bed", [np.nan, 0, 0]),)))
