"""What a frame shows: masks, points and places; and comparisons of them, by hand, in the picture and in depth."""

from dataclasses import replace
from itertools import combinations, islice

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dataset_builders.language import say
from dataset_builders.masks import decode_mask
from dataset_builders.question import Question
from dataset_builders.record import LetterBalance, to_record
from dataset_builders.scene import Camera, Frame, Scene, SceneObject, validate_scene
from dataset_builders.sources.rgbd import RgbdSource
from dataset_builders.tasks import image_position, lacking
from dataset_builders.tasks.across_frames import RULES as ACROSS
from dataset_builders.tasks.depth import RULES as DEPTHS
from dataset_builders.tasks.depth_change import RULES as CHANGES
from dataset_builders.tasks.depth_gap import RULES as GAPS
from dataset_builders.tasks.depth_order import RULES as ORDERS
from dataset_builders.tasks.memo import once_per_item
from dataset_builders.tasks.points import free_points, steady_depth
from dataset_builders.tasks.relations import RELATIONS, are_separate, room_to_spare, winner
from dataset_builders.tasks.sightings import nearest_surface, sightings
from dataset_builders.tasks.spots import Spot, mask_region
from dataset_builders.tasks.visibility import end_frames, seen_categories, seen_ids, seen_unique_objects

WIDTH, HEIGHT = 160, 120
RULES = {rule.name: rule for rule in (*image_position.RULES, *ACROSS, *DEPTHS, *ORDERS, *GAPS, *CHANGES)}
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
        SceneObject(number, name, np.array([number, 0, 7.0 * number % 5]), np.full(3, 1.0 + 3 * number % 5), np.eye(3))
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


def facts(name: str, scene: Scene, limit: int = 60, seed: int = 0) -> list:
    return list(islice(RULES[name].generate(scene, np.random.default_rng(seed)), limit))


def spoken(fact) -> Question:
    return say(fact, np.random.default_rng(0))


@pytest.mark.parametrize("name", RULES)
def test_facts_are_distinct_repeatable_and_can_be_put_in_words(name):
    scene = random_scene(1)
    letters = LetterBalance(scene.scene_id)
    found = facts(name, scene)
    assert len(found) >= 2 and found == facts(name, scene)
    assert len({repr(fact) for fact in found}) == len(found)
    for fact in found:
        question = spoken(fact)
        row = to_record(question, scene, letters)
        assert fact.task == RULES[name].task and "{" not in question.text + question.rationale
        assert question.rationale.rstrip(".").endswith(f"{fact.answer} {fact.unit}".strip())
        assert bool(fact.options) == (fact.answer_type == "multiple_choice") and len(set(fact.options)) == len(
            fact.options
        )
        assert all(margin >= 0 for margin in fact.margins.values())
        if fact.prompt_type == "text":
            assert fact.semantics and set(row["key_frames"]) <= set(end_frames(scene))
        else:
            assert {region.kind for region in fact.regions} == {fact.prompt_type}


def marked_pixels(scene: Scene, region) -> np.ndarray:
    """Find what a mark is on: the pixels of an object, or one pixel; independently of the rules."""
    instances = scene.frames[region.frame_index].instances
    if region.kind == "point":
        pixels = np.zeros_like(instances, bool)
        x, y = (int(value) for value in region.point)
        pixels[y, x] = True
        return pixels
    if region.kind == "mask":
        return decode_mask(region.mask)
    for number in np.unique(instances):
        rows, columns = np.nonzero(instances == number)
        if (columns.min(), rows.min(), columns.max(), rows.max()) == region.bbox:
            return instances == number
    raise LookupError(region)


def place_and_depth(scene: Scene, region) -> dict[str, float]:
    """Where a mark is, in pixels, and its depth; the rectangles of these scenes are upright, so one pixel tells."""
    pixels = marked_pixels(scene, region)
    rows, columns = np.nonzero(pixels)
    depth = scene.frames[region.frame_index].depth[pixels]
    return {
        "x": (columns.min() + columns.max()) / 2,
        "y": (rows.min() + rows.max()) / 2,
        "depth": float(depth.mean()),
    }


BEST = {"further left": ("x", min), "further right": ("x", max), "higher": ("y", min), "lower": ("y", max)}
BEST |= {"nearer": ("depth", min), "farther": ("depth", max)}


def expected_answer(fact, marks: dict[str, dict]) -> str:
    quantity, best = BEST[fact.measured["relation"]]
    return best(marks, key=lambda label: marks[label][quantity])


MARKED = ["image.compare_marks", "image.order_points", "frames.order_points"]
MARKED += ["frames.compare", "frames.same_object", "frames.nearer"]


@pytest.mark.parametrize("name", MARKED)
@pytest.mark.parametrize("seed", range(3))
def test_answers_follow_from_the_marks_alone(name, seed):
    scene = random_scene(seed)
    found = [fact for fact in facts(name, scene) if fact.regions]
    for fact in found:
        marks = {region.colour: place_and_depth(scene, region) for region in fact.regions}
        text = spoken(fact).text
        assert set(marks) == set(fact.options) and all(colour in text for colour in marks)
        assert fact.answer == expected_answer(fact, marks)
        if len({region.frame_index for region in fact.regions}) == 1:
            for one, other in combinations(marks.values(), 2):
                assert max(abs(one["x"] - other["x"]) / WIDTH, abs(one["y"] - other["y"]) / HEIGHT) >= 0.08
    assert len({fact.measured["relation"] for fact in found}) >= 2 and len({fact.answer for fact in found}) >= 2


def test_all_ways_of_marking_and_all_relations_occur():
    found = facts("image.compare_marks", random_scene(0))
    assert {fact.prompt_type for fact in found} == {"point", "bbox", "mask"}
    assert {fact.measured["relation"] for fact in found} == set(RELATIONS)
    assert {fact.wording for fact in found} == {"image.compare_marks_image", "image.compare_marks_depth"}


@pytest.mark.parametrize("name", ["frames.compare", "frames.same_object", "frames.nearer"])
def test_marks_across_frames_are_in_two_frames(name):
    scene = random_scene(2)
    for fact in facts(name, scene):
        if fact.regions:
            one, other = fact.regions
            assert one.frame_index != other.frame_index
            ids = {int(scene.frames[r.frame_index].instances[marked_pixels(scene, r)][0]) for r in fact.regions}
            assert len(ids) == (2 if name == "frames.compare" else 1)


@pytest.mark.parametrize("seed", range(4))
def test_answers_by_name_follow_from_the_masks(seed):
    scene = random_scene(seed)
    numbers = {item.category: item.instance_id for item in scene.unique_objects()}
    for fact in facts("image.compare_names", scene):
        (index,) = fact.key_frames
        assert f"the {'first' if index == 0 else 'last'} frame" in spoken(fact).text.replace("its", "the")
        frame, marks = scene.frames[index], {}
        for name in fact.options:
            rows, columns = np.nonzero(frame.instances == numbers[name])
            depth = frame.depth[rows[0], columns[0]]
            marks[name] = {"x": columns.min() + columns.max(), "y": rows.min() + rows.max(), "depth": depth}
        assert fact.answer == expected_answer(fact, marks)


def test_names_tell_nothing_about_what_is_nearer_or_higher():
    pools: dict[str, list[bool]] = {"y": [], "depth": []}
    for seed in range(24):
        scene = random_scene(seed)
        items = {item.category: item for item in scene.objects}
        for fact in facts("image.compare_names", scene, limit=999):
            quantity, best = BEST[fact.measured["relation"]]
            names = sorted(fact.options, key=lambda name: name == fact.answer, reverse=best is min)
            one, other = (items[name] for name in names)
            if quantity == "y":
                pools["y"].append(one.center[2] > other.center[2])
            elif quantity == "depth":
                pools["depth"].append(one.size.max() > other.size.max())
    for found in pools.values():
        assert len(found) >= 4 and 2 * sum(found) == len(found)


def test_a_mirror_swaps_left_and_right_and_nothing_else():
    def by_question(scene: Scene) -> dict:
        found = [fact for seed in range(8) for fact in facts("image.compare_names", scene, 999, seed)]
        return {(fact.key_frames, frozenset(fact.options), fact.measured["relation"]): fact.answer for fact in found}

    for seed in range(4):
        scene = random_scene(seed)
        frames = [
            replace(f, depth=f.depth[:, ::-1].copy(), instances=f.instances[:, ::-1].copy()) for f in scene.frames
        ]
        original, mirrored = by_question(scene), by_question(replace(scene, frames=tuple(frames)))
        assert original.keys() == mirrored.keys() and len(original) >= 6
        for (frame, names, relation), answer in original.items():
            swapped = (set(names) - {answer}).pop()
            assert mirrored[frame, names, relation] == (swapped if relation.startswith("further") else answer)


CONCLUSIONS = {
    "further left": "x 19 < x 69, so the one that is further left is the bed.",
    "further right": "x 69 > x 19, so the one that is further right is the chair.",
    "higher": "y 30 < y 59, so the one that is higher is the chair.",
    "lower": "y 59 > y 30, so the one that is lower is the bed.",
    "nearer": "2.0 m < 4.0 m, so the one that is nearer is the bed.",
    "farther": "4.0 m > 2.0 m, so the one that is farther is the chair.",
}


@pytest.mark.parametrize("relation", RELATIONS)
def test_the_rationale_leads_from_percent_to_the_answer(relation):
    scene = scene_of(frame_of({1: (20, 60, 40, 80, 2.0), 2: (100, 20, 120, 50, 4.0)}))
    frame = scene.frames[0]
    spots = [
        image_position.named_spot(name, sightings(frame)[number], frame) for number, name in ((1, "bed"), (2, "chair"))
    ]
    suffix = "depth" if relation in ("nearer", "farther") else "image"
    fields = {"rule": "image.compare_names", "prompt_type": "text"}
    fact = image_position.compare(spots, RELATIONS[relation], scene, {"frame": "first"}, **fields)
    assert fact.wording == f"image.compare_names_{suffix}"
    said = {say(fact, np.random.default_rng(seed)).rationale for seed in range(40)}
    away = "The bed at x 19, y 59 is 2.0 m away; the chair at x 69, y 30 is 4.0 m away. "
    start = away if suffix == "depth" else "The bed is at x 19, y 59; the chair is at x 69, y 30. "
    assert len(said) == 3 and start + CONCLUSIONS[relation] in said


def test_without_a_scale_the_image_is_compared_and_depths_are_not():
    scene = replace(random_scene(0), metric=False)
    found = facts("image.compare_marks", scene, 999) + facts("image.compare_names", scene, 999)
    assert found and {fact.measured["relation"] for fact in found}.isdisjoint({"nearer", "farther"})
    assert lacking(RULES["image.order_points"], scene) == {"metric"}
    bare = replace(scene, metric=True, frames=tuple(replace(frame, depth=None) for frame in scene.frames))
    assert {fact.measured["relation"] for fact in facts("image.compare_marks", bare, 999)} == set(list(RELATIONS)[:4])


def test_a_mask_region_is_the_mask_and_is_encoded_once():
    scene = random_scene(3)
    frame = scene.frames[1]
    number = int(frame.instances.max())
    one, other = mask_region(1, "red", frame, number), mask_region(1, "blue", frame, number)
    np.testing.assert_array_equal(decode_mask(one.mask), frame.instances == number)
    assert one.mask is other.mask


def test_what_is_remembered_of_a_thing_goes_with_it():
    class Thing: ...

    calls = []
    remembered = once_per_item(lambda thing: calls.append(1))
    for _ in range(3):
        thing = Thing()
        remembered(thing), remembered(thing)
        del thing
    assert len(calls) == 3 and not remembered.__closure__[1].cell_contents


def test_marked_points_lie_on_their_objects():
    scene = random_scene(2)
    for fact in facts("image.compare_marks", scene):
        for region in fact.regions:
            if region.kind == "point":
                x, y = (int(value) for value in region.point)
                around = scene.frames[region.frame_index].instances[max(y - 1, 0) : y + 2, max(x - 1, 0) : x + 2]
                assert np.unique(around).size == 1 and around[0, 0] > 0


def test_free_points_are_steady_and_away_from_the_border():
    frame = frame_of({1: (40, 40, 80, 80, 2.0)})
    frame.depth[::7, ::5] = 0
    drawn = [point for seed in range(20) for point in free_points(frame, np.random.default_rng(seed))]
    assert drawn
    for x, y in drawn:
        assert 8 <= x < 152 and 6 <= y < 114 and steady_depth(frame, (x, y)) in (2.0, 6.0)
    tiny = replace(frame, color=frame.color[:3, :3], depth=frame.depth[:3, :3])
    assert free_points(tiny, np.random.default_rng(0)) == []


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
    single = replace(scene, frames=scene.frames[:1])
    assert end_frames(single) == {0: "first"}
    for name in (
        "frames.compare",
        "frames.same_object",
        "frames.nearer",
        "frames.depth_change",
        "frames.order_points",
    ):
        assert facts(name, single) == []


def test_rules_say_what_a_scene_lacks():
    plain = replace(random_scene(0), frames=(frame_of({}, instances=None, depth=None),), objects=())
    assert lacking(RULES["image.order_points"], plain) == {"depth"}
    assert lacking(RULES["image.compare_marks"], plain) == {"boxes", "sightings"}
    assert lacking(RULES["frames.compare"], plain) == {"boxes", "instances", "depth"}


def test_real_depth_frames_without_objects_give_depth_questions(real_data):
    source = RgbdSource(real_data("sevenscenes_redkitchen"), num_frames=4)
    scene = source.load(source.refs()[0])
    letters = LetterBalance(scene.scene_id)
    able = {name for name, rule in RULES.items() if not lacking(rule, scene)}
    assert able == {
        "image.depth_of_point",
        "image.order_points",
        "frames.order_points",
        "image.depth_gap_of_points",
    }
    for name in sorted(able):
        found = facts(name, scene, limit=20)
        assert len(found) >= 10
        for fact in found:
            to_record(spoken(fact), scene, letters)
            for region in fact.regions:
                x, y = (int(value) for value in region.point)
                depth = scene.frames[region.frame_index].depth
                assert 0.2 < depth[y, x] < 8 and np.ptp(depth[y - 2 : y + 3, x - 2 : x + 3]) < 0.02 * depth[y, x]
