"""Camera motion: names against rotations composed by scipy, reasoning against where colours go in the pictures."""

import re
from collections import Counter
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation
from shapely import Polygon

from dataset_builders.language import say
from dataset_builders.scene import Camera, Frame, Scene, SceneObject, validate_scene
from dataset_builders.sources.rgbd import RgbdSource
from dataset_builders.sources.synthetic import SyntheticSource
from dataset_builders.tasks.view_change import generate_rotation as ask_rotation
from dataset_builders.vst.camera_motion import (
    ROTATION_NAMES,
    TRANSLATION_NAMES,
    generate_rotation,
    generate_translation,
)

WIDTH, HEIGHT, FOCAL = 160, 120, 120.0
INTRINSICS = np.array([[FOCAL, 0, 79.5], [0, FOCAL, 59.5], [0, 0, 1]])
# Name, place in the axes of the first camera (x right, y down, z forward), width and height, colour.
CARDS = {
    "cup": ((-0.55, 0.35, 3.0), (0.4, 0.4), (250, 0, 0)),
    "jar": ((0.6, -0.3, 3.0), (0.4, 0.4), (0, 250, 0)),
    "lamp": ((-1.4, -0.9, 7.0), (0.8, 0.8), (0, 0, 250)),
    "clock": ((1.5, 0.9, 7.0), (0.8, 0.8), (250, 250, 0)),
}
WALL = 8.0
TURNS = {
    "panning to the right": (12, 0, 0),
    "panning to the left": (-12, 0, 0),
    "tilting up": (0, 10, 0),
    "tilting down": (0, -10, 0),
    "rolling clockwise": (0, 0, 14),
    "rolling counter-clockwise": (0, 0, -14),
}
STEPS = {
    "rightward": (0.5, 0, 0),
    "leftward": (-0.5, 0, 0),
    "upward": (0, -0.4, 0),
    "downward": (0, 0.4, 0),
    "forward": (0, 0, 0.8),
    "backward": (0, 0, -0.8),
}
GENERATE = {"rotation": generate_rotation, "translation": generate_translation}
THINGS = "|".join(CARDS)


def pose(angles=(0, 0, 0), step=(0, 0, 0)) -> np.ndarray:
    """A camera with the axes of the world after pan, tilt and roll, degrees, in this order, and a step, metres."""
    matrix = np.eye(4)
    matrix[:3, :3], matrix[:3, 3] = Rotation.from_euler("YXZ", angles, degrees=True).as_matrix(), step
    return matrix


def photograph(camera_to_world: np.ndarray) -> Frame:
    """Colours, depths and masks of the cards before the wall, by the rays of a pinhole camera."""
    x, y = np.meshgrid(np.arange(WIDTH), np.arange(HEIGHT))
    rays = np.stack([(x - 79.5) / FOCAL, (y - 59.5) / FOCAL, np.ones(x.shape)], axis=-1) @ camera_to_world[:3, :3].T
    start, ahead = camera_to_world[:3, 3], rays[..., 2] > 1e-6
    depth = np.where(ahead, (WALL - start[2]) / np.where(ahead, rays[..., 2], 1), 0).astype(np.float32)
    color, ids = np.full((HEIGHT, WIDTH, 3), 90, np.uint8), np.zeros((HEIGHT, WIDTH), np.int32)
    for number, (center, size, colour) in enumerate(CARDS.values(), start=1):
        reach = np.where(ahead, (center[2] - start[2]) / np.where(ahead, rays[..., 2], 1), np.inf)
        hit = start + np.where(np.isfinite(reach), reach, 0)[..., None] * rays
        inside = (np.abs(hit[..., :2] - center[:2]) <= np.array(size) / 2).all(-1) & (0 < reach) & (reach < depth)
        depth[inside], color[inside], ids[inside] = reach[inside], colour, number
    return Frame(Camera(INTRINSICS, camera_to_world, WIDTH, HEIGHT), color, depth, ids)


def scene_of(*poses: np.ndarray, world: np.ndarray | None = None) -> Scene:
    """The cards, photographed from these poses; `world` turns and moves all of it."""
    world = np.eye(4) if world is None else world
    objects = tuple(
        SceneObject(
            number,
            name,
            world[:3, :3] @ center + world[:3, 3],
            np.array([*size, 0.02]),
            world[:3, :3].T,
        )
        for number, (name, (center, size, _)) in enumerate(CARDS.items(), start=1)
    )
    frames = (photograph(one) for one in poses)
    moved = tuple(
        Frame(
            Camera(INTRINSICS, world @ one.camera.camera_to_world, WIDTH, HEIGHT), one.color, one.depth, one.instances
        )
        for one in frames
    )
    return validate_scene(Scene("cards", "test", "CC0-1.0", "indoor", objects, moved), "test")


def by_way(scene: Scene, kind: str, seeds: int = 8) -> dict[int, list]:
    """Facts that ask for all directions, by the way in which they go."""
    found: dict[int, list] = {1: [], -1: []}
    for seed in range(seeds):
        for fact in GENERATE[kind](scene, np.random.default_rng(seed)):
            if not fact.wording.endswith("_side"):
                found[fact.measured["way"]].append(fact)
    return found


def other_way(answer: str) -> str:
    pairs = [("right", "left"), ("up", "down"), ("forward", "backward"), ("counter-clockwise", "clockwise")]
    swaps = {**dict(pairs), **{other: one for one, other in pairs}}
    return re.sub(
        "|".join(swaps), lambda match: swaps[match[0]], answer.replace("counter-clockwise", "counter-clockwise")
    )


ALL = [("rotation", name, pose(angles=angles)) for name, angles in TURNS.items()]
ALL += [("translation", name, pose(step=step)) for name, step in STEPS.items()]


@pytest.mark.parametrize(("kind", "name", "end"), ALL)
def test_each_of_the_twelve_has_its_name_both_ways(kind, name, end):
    found = by_way(scene_of(pose(), end), kind)
    assert {fact.answer for fact in found[1]} == {name}
    assert {fact.answer for fact in found[-1]} == {other_way(name)}
    for way, facts in found.items():
        names = ("first image", "second image")[::way]
        assert all((fact.words["start"], fact.words["end"]) == names for fact in facts)
        assert all(fact.words["told"] == "Here are two images of one place." for fact in facts)
        assert all(fact.key_frames == (0, 1) and fact.answer in fact.options for fact in facts)


def middle(frame: Frame, name: str) -> np.ndarray:
    """Where a picture shows a colour, x and y."""
    rows, columns = np.nonzero((frame.color == CARDS[name][2]).all(-1))
    return np.array([columns.mean(), rows.mean()])


def area(frame: Frame, name: str) -> int:
    return int((frame.color == CARDS[name][2]).all(-1).sum())


@pytest.mark.parametrize(("name", "angles"), TURNS.items())
def test_the_picture_goes_against_a_turn(name, angles):
    """Table 34, by colours alone."""
    before, after = photograph(pose()), photograph(pose(angles=angles))
    if name.startswith("rolling"):
        lines = [middle(one, "clock") - middle(one, "lamp") for one in (before, after)]
        turned = np.cross(*lines)  # positive: clockwise in a picture whose y points down
        assert np.sign(turned) == (-1 if name == "rolling clockwise" else 1)
    else:
        shift = middle(after, "clock") - middle(before, "clock")
        expected = {"panning to the right": (0, -1), "panning to the left": (0, 1)}
        axis, sign = expected.get(name, (1, 1 if name == "tilting up" else -1))
        assert np.sign(shift[axis]) == sign


@pytest.mark.parametrize(("name", "step"), STEPS.items())
def test_near_things_go_against_a_step(name, step):
    """Table 35, by colours alone."""
    before, after = photograph(pose()), photograph(pose(step=step))
    if name in ("forward", "backward"):
        near, far = (area(after, one) / area(before, one) for one in ("cup", "lamp"))
        assert near > far > 1 if name == "forward" else near < far < 1
    else:
        near, far = (middle(after, one) - middle(before, one) for one in ("cup", "lamp"))
        axis, sign = {"rightward": (0, -1), "leftward": (0, 1), "upward": (1, 1), "downward": (1, -1)}[name]
        assert np.sign((near - far)[axis]) == sign


WAYS = {"to the left": (0, -1), "to the right": (0, 1), "up": (1, -1), "down": (1, 1)}
FAR = re.compile(rf"the ({THINGS}), which is far away, shifts ({'|'.join(WAYS)})")
NEAR = re.compile(
    rf"the ({THINGS}), which is near, shifts ({'|'.join(WAYS)}) against the ({THINGS}), which is farther"
)
LINE = re.compile(rf"the line from the ({THINGS}) to the ({THINGS}) turns (counter-clockwise|clockwise)")
SIZE = re.compile(
    rf"the ({THINGS}), which is near, looks (larger|smaller), and changes more than the ({THINGS}), which"
)


def is_whole(frame: Frame, name: str) -> bool:
    """Tell whether a picture shows all of a card, so that its colour tells its place and size."""
    center, (width, height), _ = CARDS[name]
    reach = np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)]) * (width / 2, height / 2)
    corners = np.c_[reach + center[:2], np.full(4, center[2])]
    pose = frame.camera.camera_to_world
    local = (corners - pose[:3, 3]) @ pose[:3, :3]
    pixels = local[:, :2] / local[:, 2:] * FOCAL + (79.5, 59.5)
    inside = (pixels > -0.5).all() and (pixels < (WIDTH - 0.5, HEIGHT - 0.5)).all()
    return bool(inside and area(frame, name) > 0.9 * Polygon(pixels).area)


def check_told(text: str, before: Frame, after: Frame) -> int:
    """Check what a sentence says of cards that both pictures show whole; return how much that is."""
    text, count = text.lower(), 0
    whole = {name for name in CARDS if is_whole(before, name) and is_whole(after, name)}
    for thing, way in FAR.findall(text):
        if thing not in whole:
            continue
        axis, sign = WAYS[way]
        assert np.sign(middle(after, thing) - middle(before, thing))[axis] == sign, text
        count += 1
    for thing, way, other in NEAR.findall(text):
        if not {thing, other} <= whole:
            continue
        axis, sign = WAYS[way]
        shifts = [middle(after, one) - middle(before, one) for one in (thing, other)]
        assert np.sign(shifts[0] - shifts[1])[axis] == sign and CARDS[thing][0][2] < CARDS[other][0][2], text
        count += 1
    for one, other, way in LINE.findall(text):
        if not {one, other} <= whole:
            continue
        lines = [middle(frame, other) - middle(frame, one) for frame in (before, after)]
        assert np.sign(np.cross(*lines)) == (1 if way == "clockwise" else -1), text
        count += 1
    for thing, way, other in SIZE.findall(text):
        if not {thing, other} <= whole:
            continue
        near, far = (area(after, one) / area(before, one) for one in (thing, other))
        # A picture stretches what is near its border, by up to a sixth here.
        assert 1.2 * near > max(far, 1) if way == "larger" else near < 1.2 * min(far, 1), text
        count += 1
    return count


@pytest.mark.parametrize(("kind", "name", "end"), ALL)
def test_the_reasoning_tells_what_the_pictures_show(kind, name, end):
    scene, count = scene_of(pose(), end), 0
    for way, facts in by_way(scene, kind).items():
        for fact in facts:
            count += check_told(fact.words["shifts"], *scene.frames[::way])
    assert count


def named(parts: np.ndarray, names) -> str | None:
    """Our reading of "at least about a third of the largest", and None near the border."""
    shares = np.abs(parts) / np.abs(parts).max()
    if (np.abs(shares - 0.35) < 0.0999).any():
        return None
    words = [pair[int(part < 0)] for part, pair, share in zip(parts, names, shares, strict=True) if share > 0.35]
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


NAMES = {"rotation": list(zip(list(TURNS)[::2], list(TURNS)[1::2], strict=True))}
NAMES["translation"] = list(zip(list(STEPS)[::2], list(STEPS)[1::2], strict=True))
angle, length = st.floats(-14, 14), st.floats(-0.5, 0.5)


@settings(max_examples=60, deadline=None)
@given(st.tuples(angle, angle, angle), st.tuples(length, length, length))
def test_any_turn_and_step_are_named_by_their_parts_and_truly_reasoned(angles, step):
    scene = scene_of(pose(), pose(angles, step))
    relative = scene.frames[1].camera.camera_to_world
    turn = Rotation.from_matrix(relative[:3, :3]).as_euler("YXZ", degrees=True)
    travel = relative[:3, 3] * (1, -1, 1)  # y points down
    for kind, parts in (("rotation", turn), ("translation", travel)):
        for way, facts in by_way(scene, kind, seeds=2).items():
            for fact in facts:
                assert named(way * parts, NAMES[kind]) in (fact.answer, None)
                check_told(fact.words["shifts"], *scene.frames[::way])


@settings(max_examples=20, deadline=None)
@given(st.tuples(*[st.floats(-180, 180)] * 3), st.tuples(*[st.floats(-9, 9)] * 3), st.sampled_from(ALL))
def test_turning_and_moving_the_world_changes_nothing(angles, shift, motion):
    kind, _, end = motion
    here, there = (scene_of(pose(), end, world=world) for world in (None, pose(angles, shift)))
    told = [
        [(fact.answer, fact.options, fact.words["shifts"], fact.wording) for fact in GENERATE[kind](one, generator)]
        for one, generator in ((here, np.random.default_rng(0)), (there, np.random.default_rng(0)))
    ]
    assert told[0] == told[1] != []


@pytest.mark.parametrize(("kind", "name", "end"), ALL)
def test_one_axis_is_asked_with_its_two_directions(kind, name, end):
    answers = Counter()
    for seed in range(8):
        for fact in GENERATE[kind](scene_of(pose(), end), np.random.default_rng(seed)):
            if fact.wording.endswith("_side"):
                assert set(fact.options) == {name, other_way(name)}
                assert fact.answer == (name if fact.measured["way"] == 1 else other_way(name))
                answers[fact.answer] += 1
    assert set(answers) == {name, other_way(name)}


def test_what_cannot_be_seen_is_not_asked():
    away = scene_of(pose(), pose(angles=(100, 0, 0)))
    assert list(ask_rotation(away, np.random.default_rng(0)))  # by the poses alone it is clear
    assert not list(generate_rotation(away, np.random.default_rng(0)))


def test_the_question_defines_every_name():
    for kind, definitions in (("rotation", ROTATION_NAMES), ("translation", TRANSLATION_NAMES)):
        for pair in NAMES[kind]:
            for name in pair:
                word = name.split()[0] if kind == "translation" else name
                assert word in definitions.lower(), word
    for kind, motion in (("rotation", pose((12, 0, 0))), ("translation", pose(step=(0.5, 0, 0)))):
        for fact in GENERATE[kind](scene_of(pose(), motion), np.random.default_rng(0)):
            assert fact.words["definitions"] in say(fact, np.random.default_rng(0)).text


@cache
def filmed() -> tuple[Scene, ...]:
    """Scenes whose camera makes single turns and movements, one of each scale."""
    source = SyntheticSource(num_scenes=5, seed=1, num_frames=10, frame_size=(224, 168), gestures=True)
    return tuple(source.load(ref) for ref in source.refs())


def test_rationales_have_four_parts_and_no_numbers():
    count = 0
    for scene in filmed():
        for seed in range(4):
            rng = np.random.default_rng(seed)
            for generate in GENERATE.values():
                for fact in generate(scene, np.random.default_rng(seed)):
                    question = say(fact, rng)
                    text = question.rationale
                    assert not re.search(r"\d|\b(axis|axes|coordinates?|degrees?|met(er|re)s?)\b|\b[xyz]\b", text), (
                        text
                    )
                    assert text.startswith(f"{fact.words['views']} {fact.words['layout']}")
                    assert fact.words["shifts"] in text and text.rstrip(".").endswith(fact.answer)
                    assert "first image" in fact.words["views"] and "second image" in fact.words["views"]
                    assert question.text.startswith(fact.words["told"])
                    count += 1
    assert count >= 50


def test_gestures_give_every_direction_alone():
    answers = Counter()
    for scene in filmed():
        for seed in range(6):
            for generate in GENERATE.values():
                answers.update(fact.answer for fact in generate(scene, np.random.default_rng(seed)))
    assert {*TURNS, *STEPS} <= set(answers)


@pytest.fixture
def kitchen(real_data):
    source = RgbdSource(real_data("sevenscenes_redkitchen"))
    return source.load(source.refs()[0])


def test_real_motions_are_named_by_their_parts(kitchen):
    counts = Counter()
    for seed in range(10):
        for kind, generate in GENERATE.items():
            for fact in generate(kitchen, np.random.default_rng(seed)):
                early, late = (kitchen.frames[index].camera.camera_to_world for index in fact.key_frames)
                relative = np.linalg.inv(early) @ late
                turn = Rotation.from_matrix(relative[:3, :3]).as_euler("YXZ", degrees=True)
                parts = turn if kind == "rotation" else relative[:3, 3] * (1, -1, 1)
                whole = named(fact.measured["way"] * parts, NAMES[kind])
                assert fact.answer in whole if fact.wording.endswith("_side") else fact.answer == whole
                assert "nothing" not in say(fact, np.random.default_rng(seed)).rationale
                counts[kind] += 1
    assert min(counts["rotation"], counts["translation"]) >= 20
