"""The distance of two boxed objects: the boxes are all that says which objects are meant."""

import re
from itertools import combinations, islice

import numpy as np
import pytest
from scipy.spatial import cKDTree

from dataset_builders.geometry import Boxes, box_distances
from dataset_builders.language import say, wordings
from dataset_builders.question import REGION_COLOURS, Fact
from dataset_builders.record import QUESTION_FEATURES, LetterBalance, question_id, to_record
from dataset_builders.scene import Camera, Frame, ObjectBox, Scene, SceneObject, validate_scene
from dataset_builders.sources.synthetic import SyntheticSource
from dataset_builders.tasks import lacking
from dataset_builders.tasks.boxed import RULES
from dataset_builders.tasks.sightings import sightings
from dataset_builders.taxonomy import METRES, SCALE_NAMES, SCALES

(RULE,) = RULES
SOURCE = SyntheticSource(num_scenes=10, seed=5, num_frames=4, frame_size=(160, 120))
WIDTH, HEIGHT = 160, 120


@pytest.fixture(scope="module")
def scenes() -> dict[str, list[Scene]]:
    """Two scenes of every scale."""
    loaded = [SOURCE.load(ref) for ref in SOURCE.refs()]
    return {scale: [scene for scene in loaded if scene.scale == scale] for scale in SCALE_NAMES}


def facts(scene: Scene, seed: int = 0) -> list[Fact]:
    return list(islice(RULE.generate(scene, np.random.default_rng(seed)), 25))


def found_in(scenes: list[Scene]) -> list[tuple[Scene, Fact]]:
    found = [(scene, fact) for scene in scenes for fact in facts(scene)]
    assert len(found) >= 10
    return found


def tight_box(mask: np.ndarray) -> tuple[int, int, int, int]:
    rows, columns = np.nonzero(mask)
    return columns.min(), rows.min(), columns.max(), rows.max()


def boxed_object(scene: Scene, region) -> tuple[SceneObject, np.ndarray]:
    """Find the only object whose mask fills a region, independently of the rules; return it and its (H, W) mask."""
    instances = scene.frames[region.frame_index].instances
    masks = {number: instances == number for number in np.unique(instances) if number > 0}
    (number,) = [number for number, mask in masks.items() if tight_box(mask) == region.bbox]
    (item,) = [item for item in scene.objects if item.instance_id == number]
    return item, masks[number]


@pytest.mark.parametrize("scale", SCALE_NAMES)
def test_distances_are_those_of_the_boxed_objects(scenes, scale):
    margin = SCALES[scale].margin
    for scene, fact in found_in(scenes[scale]):
        one, other = (boxed_object(scene, region)[0] for region in fact.regions)
        distance = float(box_distances(Boxes.of([one]), Boxes.of([other]))[0])
        assert one is not other and distance >= 4 / 3 * margin
        assert float(fact.answer) * METRES[fact.unit] == pytest.approx(distance, rel=0.1)
        assert fact.semantics == (one.category, other.category)
        assert fact.measured["distance_m"] == pytest.approx(distance, abs=1e-6)
        assert fact.margins["above_shortest_m"] == pytest.approx(distance - 4 / 3 * margin, abs=1e-6)


def grid(item: SceneObject, count: int = 21) -> tuple[np.ndarray, float]:
    """Fill a box with points; return them, (count**3, 3), and how far from the nearest a point of the box can be."""
    steps = np.linspace(-0.5, 0.5, count)
    points = np.stack(np.meshgrid(steps, steps, steps), -1).reshape(-1, 3) * item.size
    return points @ item.rotation + item.center, float(np.linalg.norm(item.size)) / (count - 1) / 2


@pytest.mark.parametrize("scale", SCALE_NAMES)
def test_a_distance_is_that_of_points_sampled_in_both_boxes(scenes, scale):
    scene, fact = found_in(scenes[scale])[0]
    (first, reach), (second, other_reach) = (grid(boxed_object(scene, region)[0]) for region in fact.regions)
    sampled = cKDTree(first).query(second)[0].min()
    assert -1e-6 <= sampled - fact.measured["distance_m"] <= reach + other_reach


@pytest.mark.parametrize("scale", SCALE_NAMES)
def test_boxes_are_tight_round_masks_that_are_large_and_whole(scenes, scale):
    for scene, fact in found_in(scenes[scale]):
        assert len({region.frame_index for region in fact.regions}) == 1
        for region in fact.regions:
            assert (region.kind, region.point) == ("bbox", None)
            _, mask = boxed_object(scene, region)
            assert region.bbox == tight_box(mask)
            assert not (mask[[0, -1]].any() or mask[:, [0, -1]].any())
            assert mask.mean() >= 20 * 20 / (448 * 336)


@pytest.mark.parametrize("scale", SCALE_NAMES)
def test_the_text_points_by_colour_and_names_no_object(scenes, scale):
    rng = np.random.default_rng(0)
    for _, fact in found_in(scenes[scale]):
        colours = [region.colour for region in fact.regions]
        assert len(set(colours)) == len(colours) and set(colours) <= set(REGION_COLOURS)
        text = say(fact, rng).text
        assert re.findall("|".join(REGION_COLOURS), text) == colours
    templates = wordings()[RULE.name].questions
    assert {slot for text in templates for slot in re.findall(r"{(.*?)}", text)} == {"a", "b"}


@pytest.mark.parametrize("scale", SCALE_NAMES)
def test_facts_are_distinct_repeatable_and_fit_the_record(scenes, scale):
    rng = np.random.default_rng(0)
    for scene in scenes[scale]:
        found, letters = facts(scene), LetterBalance(scene.scene_id)
        assert found == facts(scene)
        assert not found or found != facts(scene, seed=1)
        boxed = {frozenset((region.frame_index, region.bbox) for region in fact.regions) for fact in found}
        assert len(boxed) == len(found)
        questions = [say(fact, rng) for fact in found]
        assert len({question_id(question, scene) for question in questions}) == len(found)
        for fact, question in zip(found, questions, strict=True):
            assert (fact.task, fact.rule) == (RULE.task, RULE.name)
            assert (fact.answer_type, fact.prompt_type) == ("regression", "bbox")
            row = to_record(question, scene, letters)
            assert (row["answer"], row["unit"], row["options"]) == (fact.answer, fact.unit, [])
            assert row["anchors"]["semantics"] == list(fact.semantics) and row["anchors"]["scale_value"] > 0
            assert row["key_frames"] == [fact.regions[0].frame_index]
            assert [each["bbox"] for each in row["regions"]] == [list(region.bbox) for region in fact.regions]
            assert QUESTION_FEATURES.encode_example(row)["task"] == QUESTION_FEATURES["task"].str2int(fact.task)


@pytest.mark.parametrize("scale", SCALE_NAMES)
def test_frames_take_turns(scenes, scale):
    for scene in scenes[scale]:
        frames = [fact.regions[0].frame_index for fact in facts(scene)]
        able = len(set(frames))
        assert len(set(frames[:able])) == able


def frame_of(patches: dict[int, tuple[int, int, int, int]]) -> Frame:
    """Instance id → (x1, y1, x2, y2), inclusive."""
    instances = np.zeros((HEIGHT, WIDTH), np.int32)
    for number, (x1, y1, x2, y2) in patches.items():
        instances[y1 : y2 + 1, x1 : x2 + 1] = number
    camera = Camera(np.array([[140.0, 0, 79.5], [0, 140, 59.5], [0, 0, 1]]), np.eye(4), WIDTH, HEIGHT)
    return Frame(camera, np.zeros((HEIGHT, WIDTH, 3), np.uint8), np.ones((HEIGHT, WIDTH), np.float32), instances)


def scene_of(frames: list[Frame], sizes: list[float], gap: float = 1.0, **fields) -> Scene:
    """Cubes in a row along x with a gap between each two."""
    places = np.cumsum([0.0, *(size + gap for size in sizes[:-1])]) + np.array(sizes) / 2
    objects = [
        SceneObject(number, "cup", np.array([place, 0, 0]), np.full(3, size), np.eye(3))
        for number, (place, size) in enumerate(zip(places, sizes, strict=True), 1)
    ]
    return validate_scene(
        Scene("test", "synthetic", "none", "indoor", tuple(objects), tuple(frames), **fields), "test"
    )


WHOLE = {1: (1, 1, 12, 12), 2: (40, 30, 70, 60), 3: (150, 110, 158, 118)}


def test_objects_of_one_category_are_told_apart_by_their_boxes():
    found = facts(scene_of([frame_of(WHOLE)], [0.5, 1.0, 2.0]))
    distances = {frozenset(region.bbox for region in fact.regions): fact.answer for fact in found}
    expected = {(1, 2): "1.0", (2, 3): "1.0", (1, 3): "3.0"}
    assert distances == {frozenset(WHOLE[number] for number in pair): text for pair, text in expected.items()}


@pytest.mark.parametrize(
    "patch", [(0, 1, 12, 12), (1, 0, 12, 12), (140, 30, 159, 60), (40, 100, 70, 119), (40, 30, 45, 36)]
)
def test_objects_that_are_cut_off_or_small_are_not_asked_about(patch):
    assert not facts(scene_of([frame_of({1: patch, 2: (80, 30, 100, 60)})], [0.5, 1.0]))


@pytest.mark.parametrize(("gap", "answer"), [(0.19, None), (0.21, "21 cm"), (1.26, "1.3 m")])
def test_distances_below_the_shortest_are_not_asked(gap, answer):
    found = facts(scene_of([frame_of({1: WHOLE[1], 2: WHOLE[2]})], [0.5, 1.0], gap))
    assert [f"{fact.answer} {fact.unit}" for fact in found] == ([] if answer is None else [answer])


def test_boxes_that_a_source_publishes_serve_as_masks_that_fill_them():
    masked = frame_of(WHOLE)
    shown = {number: ObjectBox(patch) for number, patch in WHOLE.items()}
    boxed = Frame(masked.camera, masked.color, masked.depth, boxes=shown)
    sizes = [0.5, 1.0, 2.0]
    assert facts(scene_of([boxed], sizes)) == facts(scene_of([masked], sizes)) != []


def test_a_box_that_others_cover_by_half_marks_nothing():
    """The second reaches over half of the first, which is half as wide; the third over less than half of either."""
    masked = frame_of({})
    boxes = {1: (40, 30, 59, 49), 2: (50, 30, 89, 49), 3: (80, 40, 120, 60), 4: (10, 10, 13, 13)}
    frame = Frame(masked.camera, masked.color, boxes={number: ObjectBox(box) for number, box in boxes.items()})
    assert set(sightings(frame)) == {2, 3}


def test_only_frames_with_masks_of_a_scene_of_known_scale_are_used():
    shown, bare = frame_of(WHOLE), frame_of({})
    bare = Frame(bare.camera, bare.color, bare.depth, None)
    scene = scene_of([bare, shown], [0.5, 1.0, 2.0])
    assert [fact.regions[0].frame_index for fact in facts(scene)] == [1] * len(list(combinations(WHOLE, 2)))
    assert lacking(RULE, scene_of([bare], [0.5])) == {"sightings"}
    assert lacking(RULE, scene_of([shown], [0.5], metric=False)) == {"metric"}
