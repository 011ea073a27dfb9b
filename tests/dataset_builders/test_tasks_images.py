"""The rules that look at frames: what is seen, comparisons in the image, depth."""

import re
from dataclasses import replace
from itertools import combinations, islice

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dataset_builders.conversation import prompt_text
from dataset_builders.record import LetterBalance, question_id, to_record
from dataset_builders.scene import Camera, Frame, Scene, SceneObject, validate_scene
from dataset_builders.sources.rgbd import RgbdSource
from dataset_builders.tasks import RULES, lacking
from dataset_builders.tasks.points import steady_depth
from dataset_builders.tasks.relations import RELATIONS, are_separate, room_to_spare, winner
from dataset_builders.tasks.sightings import nearest_surface, sightings
from dataset_builders.tasks.spots import Spot
from dataset_builders.tasks.visibility import end_frames, seen_categories, seen_ids, seen_unique_objects

WIDTH, HEIGHT = 160, 120
IMAGE_RULES = {rule.name: rule for rule in RULES if "frames" in rule.needs}
NAMES = ("bed", "chair", "door", "lamp", "lamp")
INTRINSICS = np.array([[140.0, 0, 79.5], [0, 140, 59.5], [0, 0, 1]])


def frame_of(patches: dict[int, tuple], wall: float = 6.0, **fields) -> Frame:
    """A wall with upright rectangles before it: instance id → (x1, y1, x2, y2, depth), the last one in front."""
    depth, instances = np.full((HEIGHT, WIDTH), wall, np.float32), np.zeros((HEIGHT, WIDTH), np.int32)
    for number, (x1, y1, x2, y2, away) in patches.items():
        depth[y1 : y2 + 1, x1 : x2 + 1], instances[y1 : y2 + 1, x1 : x2 + 1] = away, number
    camera = Camera(INTRINSICS, np.eye(4), WIDTH, HEIGHT)
    color = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    return Frame(camera, color, **{"depth": depth, "instances": instances, **fields})


def scene_of(*frames: Frame, names=NAMES, scale: str = "indoor") -> Scene:
    objects = [
        SceneObject(number, name, np.array([number, 0, 2.0]), np.ones(3), np.eye(3))
        for number, name in enumerate(names, 1)
    ]
    return validate_scene(Scene("test", "synthetic", "none", scale, tuple(objects), frames), "test")


def random_scene(seed: int) -> Scene:
    """Three frames with five rectangles each at random places and depths."""
    rng = np.random.default_rng(seed)

    def patch():
        x, y, away = rng.integers(0, WIDTH - 40), rng.integers(0, HEIGHT - 40), rng.uniform(1, 5)
        return x, y, x + rng.integers(12, 40), y + rng.integers(12, 40), away

    return scene_of(*(frame_of({number: patch() for number in range(1, 6)}) for _ in range(3)))


def questions(name: str, scene: Scene, limit: int = 60) -> list:
    return list(islice(IMAGE_RULES[name].generate(scene, np.random.default_rng(0)), limit))


@pytest.mark.parametrize("name", IMAGE_RULES)
def test_questions_are_distinct_repeatable_and_fit_the_record(name):
    scene, rule, letters = random_scene(1), IMAGE_RULES[name], LetterBalance()
    asked = questions(name, scene)
    assert len(asked) >= 4 and asked == questions(name, scene)
    assert len({question_id(question, scene) for question in asked}) == len(asked)
    for question in asked:
        row = to_record(question, scene, letters)
        assert (question.task, question.rule) == (rule.task, name)
        assert "{" not in prompt_text(row) and len(row["key_frames"]) == 1
        assert question.answer in question.rationale
        assert bool(question.options) == (question.answer_type == "multiple_choice")
        if question.prompt_type == "text":
            assert question.semantics and row["key_frames"][0] in end_frames(scene)
        else:
            assert {region.kind for region in question.regions} == {question.prompt_type}
            # Marks that are compared have no name; boxed objects that are measured are named after they were found.
            boxed = [boxed_category(scene, region) for region in question.regions] if "boxed" in name else []
            assert question.semantics == tuple(boxed)


def place_and_depth(scene: Scene, region) -> dict[str, float]:
    """Read a mark off the frame, independently of the rules: its place, and its depth from the pixels themselves."""
    frame = scene.frames[region.frame_index]
    if region.kind == "point":
        x, y = region.point
        return {"x": x, "y": y, "depth": float(frame.depth[int(y), int(x)])}
    x1, y1, x2, y2 = region.bbox
    inside = frame.instances[int(y1) : int(y2) + 1, int(x1) : int(x2) + 1]
    for number in np.unique(inside):
        rows, columns = np.nonzero(frame.instances == number)
        if (columns.min(), rows.min(), columns.max(), rows.max()) == (x1, y1, x2, y2):
            return {"x": (x1 + x2) / 2, "y": (y1 + y2) / 2, "depth": float(frame.depth[rows, columns].mean())}
    raise LookupError(region)


def boxed_category(scene: Scene, region) -> str:
    """Name the object whose mask fills a region."""
    frame = scene.frames[region.frame_index]
    for item in scene.objects:
        rows, columns = np.nonzero(frame.instances == item.instance_id)
        if len(rows) and (columns.min(), rows.min(), columns.max(), rows.max()) == region.bbox:
            return item.category
    raise LookupError(region)


RELATION = re.compile("further left|further right|higher|lower|nearer|farther|nearest|farthest")
BEST = {"further left": ("x", min), "further right": ("x", max), "higher": ("y", min), "lower": ("y", max)}
BEST |= {"nearer": ("depth", min), "nearest": ("depth", min), "farther": ("depth", max), "farthest": ("depth", max)}


def expected_answer(text: str, marks: dict[str, dict]) -> str:
    quantity, best = BEST[RELATION.search(text.replace("nearest surface", ""))[0]]
    return best(marks, key=lambda label: marks[label][quantity])


@pytest.mark.parametrize("name", ["image.compare_marks", "image.order_points"])
@pytest.mark.parametrize("seed", range(4))
def test_answers_follow_from_the_marks_alone(name, seed):
    scene = random_scene(seed)
    asked = questions(name, scene)
    for question in asked:
        marks = {region.colour: place_and_depth(scene, region) for region in question.regions}
        assert set(marks) == set(question.options) and all(colour in question.text for colour in marks)
        assert question.answer == expected_answer(question.text, marks)
        for one, other in combinations(marks.values(), 2):
            assert max(abs(one["x"] - other["x"]) / WIDTH, abs(one["y"] - other["y"]) / HEIGHT) >= 0.08
    kinds = {(question.prompt_type, question.measured["relation"]) for question in asked}
    assert len(kinds) >= (8 if name == "image.compare_marks" else 2)


@pytest.mark.parametrize("seed", range(4))
def test_answers_by_name_follow_from_the_masks(seed):
    scene = random_scene(seed)
    numbers = {item.category: item.instance_id for item in scene.unique_objects()}
    for question in questions("image.compare_names", scene):
        frame = scene.frames[question.frame_index]
        assert f"the {'first' if question.frame_index == 0 else 'last'} frame" in question.text
        marks = {}
        for name in question.options:
            rows, columns = np.nonzero(frame.instances == numbers[name])
            marks[name] = {
                "x": columns.min() + columns.max(),
                "y": rows.min() + rows.max(),
                "depth": frame.depth[rows[0], columns[0]],
            }
        assert question.answer == expected_answer(question.text, marks)


CONCLUSIONS = {
    "further left": "19 < 69, so the bed is further left.",
    "further right": "69 > 19, so the chair is further right.",
    "higher": "30 < 59, so the chair is higher.",
    "lower": "59 > 30, so the bed is lower.",
    "nearer": "2.0 < 4.0, so the bed is nearer.",
    "farther": "4.0 > 2.0, so the chair is farther.",
}


def test_the_rationale_leads_from_percent_to_the_answer():
    scene = scene_of(frame_of({1: (20, 60, 40, 80, 2.0), 2: (100, 20, 120, 50, 4.0)}))
    asked = questions("image.compare_names", scene)
    for question in asked:
        relation = question.measured["relation"]
        template = "The {} at {} is {} m away; the {} at {} is {} m away."
        if relation not in ("nearer", "farther"):
            template = "The {} is at {}; the {} is at {}."
        parts = {"bed": ["bed", "x 19, y 59", "2.0"], "chair": ["chair", "x 69, y 30", "4.0"]}
        parts = [parts[name][: template.count("{}") // 2] for name in question.semantics]
        assert question.rationale == f"{template.format(*parts[0], *parts[1])} {CONCLUSIONS[relation]}"
    assert len(asked) == 3


@pytest.mark.parametrize("seed", range(3))
def test_depths_are_those_of_the_pixels(seed):
    scene = random_scene(seed)
    for question in questions("image.depth_of_point", scene):
        assert (
            question.answer == f"{place_and_depth(scene, question.regions[0])['depth']:.1f}" and question.unit == "m"
        )
    numbers = {item.category: item.instance_id for item in scene.unique_objects()}
    for question in questions("image.depth_of_object", scene):
        frame = scene.frames[question.frame_index]
        depth = frame.depth[frame.instances == numbers[question.semantics[0]]]
        assert question.answer == f"{depth.mean():.1f}"


def test_marked_points_lie_on_their_objects():
    scene = random_scene(2)
    for question in questions("image.compare_marks", scene):
        for region in question.regions:
            if region.kind == "point":
                x, y = (int(value) for value in region.point)
                around = scene.frames[region.frame_index].instances[max(y - 1, 0) : y + 2, max(x - 1, 0) : x + 2]
                assert np.unique(around).size == 1 and around[0, 0] > 0


def test_points_stay_away_from_edges_and_unknown_depth():
    frame = frame_of({1: (40, 40, 80, 80, 2.0)})
    frame.depth[20, 20] = 0
    assert steady_depth(frame, (60, 60)) == 2.0 and steady_depth(frame, (100, 60)) == 6.0
    for point in [(40, 60), (38, 60), (81, 82), (20, 20), (22, 18), (0, 60), (159, 119)]:
        assert np.isnan(steady_depth(frame, point)), point


def test_the_nearest_surface_is_the_shallowest_tenth_of_what_is_known():
    assert nearest_surface(np.arange(1.0, 101.0)) == 5.5
    assert nearest_surface(np.array([0, 0, 3.0, 4.0])) == 3.0
    assert np.isnan(nearest_surface(np.array([0, 0, 3.0]))) and np.isnan(nearest_surface(np.empty(0)))


def test_sightings_are_large_enough_and_exact():
    # 20 x 20 pixels of 448 x 336 are 51 of 160 x 120.
    found = sightings(frame_of({1: (10, 20, 16, 26, 2.0), 2: (50, 20, 59, 26, 3.0), 3: (90, 30, 110, 40, 2.0)}))
    assert set(found) == {2, 3}
    assert found[3].bbox == (90, 30, 110, 40) and found[3].center == (100.0, 35.0)
    assert found[3].point[1] == 35 and found[3].clearance == 6 and found[3].surface == 2.0


def spot(label: str, x: float, y: float, depth: float, distance: float | None = None, half: float = 0.0) -> Spot:
    return Spot(label, label, (x - half, y - half, x + half, y + half), depth, depth if distance is None else distance)


@pytest.mark.parametrize(
    ("relation", "first", "second", "clear"),
    [
        ("further left", spot("a", 0.5, 0.5, 1), spot("b", 0.59, 0.5, 1), True),
        ("further left", spot("a", 0.5, 0.5, 1), spot("b", 0.57, 0.5, 1), False),
        # The left edge of the wide box is further left, its centre is not.
        ("further left", spot("a", 0.5, 0.5, 1, half=0.05), spot("b", 0.6, 0.5, 1, half=0.2), False),
        ("nearer", spot("a", 0.2, 0.5, 1.0), spot("b", 0.8, 0.5, 1.16), True),
        ("nearer", spot("a", 0.2, 0.5, 1.0), spot("b", 0.8, 0.5, 1.14), False),
        # 0.2 m of 5 m are less than 5 %.
        ("nearer", spot("a", 0.2, 0.5, 4.8), spot("b", 0.8, 0.5, 5.0), False),
        # Nearer along the optical axis, farther from the camera.
        ("nearer", spot("a", 0.2, 0.5, 1.0, 1.5), spot("b", 0.8, 0.5, 1.3, 1.4), False),
        ("nearer", spot("a", 0.2, 0.5, float("nan")), spot("b", 0.8, 0.5, 2.0), False),
    ],
)
def test_comparisons_are_dropped_inside_their_margins(relation, first, second, clear):
    for pair in ([first, second], [second, first]):
        assert (room_to_spare(RELATIONS[relation], pair, 0.15) > 0) == clear


def test_spots_at_one_place_are_not_separate():
    assert are_separate([spot("a", 0.5, 0.5, 1), spot("b", 0.5, 0.59, 1)])
    assert not are_separate([spot("a", 0.5, 0.5, 1), spot("b", 0.55, 0.55, 2), spot("c", 0.9, 0.9, 3)])


@given(st.lists(st.tuples(*[st.floats(0, 1)] * 2, st.floats(0.5, 9)), min_size=2, max_size=4, unique=True))
@settings(deadline=None)
def test_relations_are_opposites_and_do_not_depend_on_the_order(places):
    spots = [spot(str(index), *place) for index, place in enumerate(places)]
    for one, other in (("further left", "further right"), ("higher", "lower"), ("nearer", "farther")):
        spare = room_to_spare(RELATIONS[one], spots, 0.15)
        assert spare == room_to_spare(RELATIONS[other], spots[::-1], 0.15)
        if spare > 0:
            assert winner(RELATIONS[one], spots) == winner(RELATIONS[one], spots[::-1])
            assert winner(RELATIONS[one], spots) != winner(RELATIONS[other], spots)


def test_an_object_that_no_frame_shows_is_not_asked_about():
    shown = frame_of({1: (10, 10, 40, 40, 2.0), 2: (60, 60, 90, 90, 3.0), 4: (100, 10, 130, 40, 2.0)})
    scene = scene_of(shown, frame_of({3: (50, 50, 80, 80, 2.0)}))
    assert seen_ids(scene) == {1, 2, 3, 4}
    # One of the two lamps is never seen, so lamps are not counted.
    assert set(seen_categories(scene)) == {"bed", "chair", "door"}
    assert [item.category for item in seen_unique_objects(scene)] == ["bed", "chair", "door"]
    assert seen_ids(replace(scene, frames=())) == {1, 2, 3, 4, 5}


def test_without_masks_the_picture_and_the_depth_tell_what_is_seen():
    places = {"ahead": (0, 0, 4), "behind": (0, 0, -4), "beside": (9, 0, 4), "beyond the wall": (1, 0, 8)}
    objects = tuple(
        SceneObject(number, name, np.array(place, float), np.ones(3), np.eye(3))
        for number, (name, place) in enumerate(places.items(), 1)
    )
    scene = replace(scene_of(frame_of({}, instances=None)), objects=objects)
    assert seen_ids(scene) == {1}
    assert seen_ids(replace(scene, frames=(frame_of({}, instances=None, depth=None),))) == {1, 4}


def test_one_frame_is_called_first_only():
    scene = random_scene(0)
    assert end_frames(scene) == {0: "first", 2: "last"}
    assert end_frames(replace(scene, frames=scene.frames[:1])) == {0: "first"}


def test_rules_say_what_a_scene_lacks():
    plain = replace(random_scene(0), frames=(frame_of({}, instances=None, depth=None),), objects=())
    assert lacking(IMAGE_RULES["image.order_points"], plain) == {"depth"}
    assert lacking(IMAGE_RULES["image.compare_marks"], plain) == {"boxes", "instances", "depth"}


def test_real_depth_frames_without_objects_give_depth_questions(real_data):
    source = RgbdSource(real_data("sevenscenes_redkitchen"), num_frames=4)
    scene, letters = source.load(source.refs()[0]), LetterBalance()
    able = {rule.name for rule in RULES if not lacking(rule, scene)}
    assert able == {"image.depth_of_point", "image.order_points"}
    for name in sorted(able):
        asked = questions(name, scene, limit=20)
        assert len(asked) == 20
        for question in asked:
            to_record(question, scene, letters)
            for region in question.regions:
                x, y = (int(value) for value in region.point)
                depth = scene.frames[region.frame_index].depth
                assert 0.3 < depth[y, x] < 8 and np.ptp(depth[y - 2 : y + 3, x - 2 : x + 3]) < 0.02 * depth[y, x]
