"""Orbits: angles against the circle that the camera was sent along, against the object's own axes, and by symmetry."""

from dataclasses import replace
from itertools import islice
from math import cos, radians, sin

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dataset_builders.language import say, wordings
from dataset_builders.masks import decode_mask
from dataset_builders.scene import Camera, Frame, Scene, SceneObject, validate_scene
from dataset_builders.sources.synthetic import SyntheticSource
from dataset_builders.sources.synthetic.paths import look_at
from dataset_builders.tasks.rotation import RULES
from dataset_builders.taxonomy import SCALE_NAMES

NAMED, MARKED = (rule.generate for rule in RULES)
INTRINSICS = np.array([[60.0, 0, 31.5], [0, 60.0, 23.5], [0, 0, 1]])
CENTER = np.array([2.0, -1.0, 0.5])


def turned_about_z(angle: float) -> np.ndarray:
    c, s = cos(radians(angle)), sin(radians(angle))
    return np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]])


def orbit_scene(bearings, radius=4.0, height=1.0, scale=1.0, move=None) -> Scene:
    """A chair that a camera sees from these bearings, degrees counter-clockwise; enlarged and moved if asked."""
    move = np.eye(4) if move is None else move
    circle = [[radius * cos(radians(angle)), radius * sin(radians(angle)), height] for angle in bearings]
    poses = look_at(CENTER + np.array(circle), np.tile(CENTER, (len(circle), 1)))
    poses[:, :3, 3] *= scale
    item = SceneObject(
        1,
        "chair",
        move[:3, :3] @ (scale * CENTER) + move[:3, 3],
        scale * np.array([0.5, 0.5, 1.0]),
        (move[:3, :3] @ turned_about_z(20)).T,
    )
    blank = np.zeros((48, 64, 3), np.uint8)
    frames = tuple(Frame(Camera(INTRINSICS, move @ pose, 64, 48), blank) for pose in poses)
    return validate_scene(Scene("s", "test", "CC0-1.0", "indoor", (item,), frames), "test")


def named(scene: Scene, seed: int = 0) -> dict[str, object]:
    return {fact.rule: fact for fact in NAMED(scene, np.random.default_rng(seed))}


def answers(scene: Scene, seed: int = 0) -> dict[str, str]:
    return {rule: fact.answer for rule, fact in named(scene, seed).items()}


def as_made(scene: Scene) -> dict[str, str]:
    """Answers asked from the first frame to the last."""
    seed = next(
        seed for seed in range(99) if {fact.words["start"] for fact in named(scene, seed).values()} == {"first frame"}
    )
    return answers(scene, seed)


@pytest.mark.parametrize(
    ("bearings", "degrees", "camera", "object_"),
    [
        ((0, 45, 90), "90", "counter-clockwise", "clockwise"),
        ((90, 45, 0), "90", "clockwise", "counter-clockwise"),
        ((170, 190), "20", "counter-clockwise", "clockwise"),
        ((-100, -60, -20, 20), "120", "counter-clockwise", "clockwise"),
        ((5, -33), "38", "clockwise", "counter-clockwise"),
    ],
)
def test_angles_and_senses_on_a_circle(bearings, degrees, camera, object_):
    expected = {"orbit.degrees": degrees, "orbit.camera_side": camera, "orbit.object_side": object_}
    assert as_made(orbit_scene(bearings)) == expected


@settings(deadline=None, max_examples=30)
@given(st.floats(0, 360), st.floats(12, 160), st.sampled_from([1, -1]), st.integers(0, 99))
def test_the_object_turns_by_as_much_before_the_line_of_sight(start, sweep, sense, seed):
    """Independent of bearings: the direction of the object's own first axis in the plane of the levelled camera."""
    scene = orbit_scene((start, start + sense * sweep / 2, start + sense * sweep))
    directions = []
    for frame in scene.frames:
        right = frame.camera.camera_to_world[:3, 0]
        ahead = np.cross([0.0, 0.0, 1.0], right)
        axis = scene.objects[0].rotation[0]
        directions.append(np.arctan2(axis @ ahead, axis @ right))
    turn = (np.degrees(directions[-1] - directions[0]) + 180) % 360 - 180
    for fact in named(scene, seed).values():
        goes_back = fact.words["start"] == "last frame"
        if fact.rule == "orbit.degrees":
            assert fact.answer == f"{abs(turn):.0f}" and fact.unit == "degrees"
        elif fact.rule == "orbit.object_side":
            assert (fact.answer == "counter-clockwise") == ((turn > 0) != goes_back)
        else:
            assert (fact.answer == "clockwise") == ((turn > 0) != goes_back)


def test_playing_the_clip_backwards_flips_both_senses():
    forth, back = as_made(orbit_scene((10, 40, 70))), as_made(orbit_scene((70, 40, 10)))
    assert forth["orbit.degrees"] == back["orbit.degrees"] == "60"
    assert {forth[rule] + back[rule] for rule in ("orbit.camera_side", "orbit.object_side")} == {
        "counter-clockwiseclockwise",
        "clockwisecounter-clockwise",
    }
    ways = [named(orbit_scene((10, 40, 70)), seed)["orbit.camera_side"] for seed in range(40)]
    told = {(fact.words["start"], fact.answer) for fact in ways}
    assert told == {("first frame", "counter-clockwise"), ("last frame", "clockwise")}


@settings(deadline=None, max_examples=15)
@given(st.floats(0, 360), st.floats(0.01, 100), st.tuples(*[st.floats(-50, 50)] * 3), st.integers(0, 99))
def test_nothing_changes_when_the_world_is_moved_or_enlarged(angle, scale, shift, seed):
    move = np.eye(4)
    move[:3, :3], move[:3, 3] = turned_about_z(angle), shift
    other = orbit_scene((10.2, 40, 70.1), scale=scale, move=move)
    assert answers(other, seed) == answers(orbit_scene((10.2, 40, 70.1)), seed) != {}


@pytest.mark.parametrize(
    "scene",
    [
        orbit_scene((0, 9)),
        orbit_scene((0, 90, 170)),
        orbit_scene((0, 80, 160, 240)),
        orbit_scene((0, 60), radius=0.3),
        orbit_scene((0, 60), radius=1.0, height=3.0),
        orbit_scene((0,)),
    ],
    ids=["small", "half a turn", "long way round", "inside the corners", "from above", "one frame"],
)
def test_what_is_not_clear_is_not_asked(scene):
    assert named(scene) == {}


def test_an_object_that_is_out_of_view_or_not_alone_is_not_named():
    scene = orbit_scene((0, 45, 90))
    away = np.array([frame.camera.camera_to_world for frame in scene.frames])
    away[-1, :3, [0, 2]] *= -1
    turned = tuple(
        replace(one, camera=replace(one.camera, camera_to_world=pose))
        for one, pose in zip(scene.frames, away, strict=True)
    )
    assert named(replace(scene, frames=turned)) == {}
    twin = replace(scene.objects[0], instance_id=2, center=CENTER + [0.8, 0, 0])
    assert named(replace(scene, objects=(*scene.objects, twin))) == {}
    assert named(scene) != {}


@pytest.fixture(scope="module")
def rendered() -> list[Scene]:
    source = SyntheticSource(num_scenes=5, seed=6, num_frames=4, frame_size=(160, 120))
    return [source.load(ref) for ref in source.refs()]


def marked_ids(scene: Scene, region) -> set[int]:
    """Which objects' masks a region can mean, independently of the rules."""
    instances = scene.frames[region.frame_index].instances
    if region.kind == "point":
        column, row = map(int, region.point)
        return {int(instances[row, column])}
    found = set()
    for number in set(np.unique(instances).tolist()) - {0}:
        mask = instances == number
        rows, columns = np.nonzero(mask)
        box = (columns.min(), rows.min(), columns.max(), rows.max())
        if (
            region.kind == "bbox"
            and box == region.bbox
            or region.kind == "mask"
            and (decode_mask(region.mask) == mask).all()
        ):
            found.add(number)
    return found


def test_marks_lie_on_one_object_in_two_frames(rendered):
    kinds, scales = set(), set()
    for scene in rendered:
        centers = {item.instance_id: item.center for item in scene.objects}
        for fact in islice(MARKED(scene, np.random.default_rng(0)), 24):
            early, late = fact.regions
            assert early.frame_index < late.frame_index and early.colour == late.colour and early.kind == late.kind
            (number,) = marked_ids(scene, early) & marked_ids(scene, late)
            offsets = [
                complex(*(scene.frames[one.frame_index].camera.camera_to_world[:3, 3] - centers[number])[:2])
                for one in (early, late)
            ]
            turn = np.degrees(np.angle(offsets[1] / offsets[0]))
            assert fact.measured["angle_deg"] == pytest.approx(turn, abs=1e-4)
            assert early.colour in fact.words["thing"] and 10 <= abs(turn) <= 165
            kinds.add(fact.prompt_type)
            scales.add(scene.scale)
    assert kinds == {"point", "bbox", "mask"} and scales == set(SCALE_NAMES)


def test_questions_read_and_do_not_lean(rendered):
    senses = [
        fact.answer for scene in rendered for seed in range(6) for fact in MARKED(scene, np.random.default_rng(seed))
    ]
    share = senses.count("clockwise") / (senses.count("clockwise") + senses.count("counter-clockwise"))
    assert 0.4 < share < 0.6
    for scene in rendered:
        for fact in (
            list(NAMED(scene, np.random.default_rng(0)))[:4] + list(MARKED(scene, np.random.default_rng(0)))[:4]
        ):
            question = say(fact, np.random.default_rng(1))
            assert "{" not in question.text + question.rationale
            assert question.rationale.rstrip(".").endswith(f"{fact.answer} {fact.unit}".strip())
    for name in ("orbit.degrees", "orbit.camera_side", "orbit.object_side"):
        assert len(wordings()[name].questions) >= 80 and len(wordings()[name].rationales) >= 3
