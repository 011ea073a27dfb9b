"""The rules that ask for measures of boxed objects: the box is all that says which object is meant."""

import re
from itertools import combinations

import numpy as np
import pytest
from scipy.spatial import cKDTree

from dataset_builders.geometry import Boxes, box_distances
from dataset_builders.question import REGION_COLOURS
from dataset_builders.record import QUESTION_FEATURES, LetterBalance, question_id, to_record
from dataset_builders.scene import Camera, Frame, Scene, SceneObject, validate_scene
from dataset_builders.sources.synthetic import SyntheticSource
from dataset_builders.tasks import RULES, lacking
from dataset_builders.tasks.boxed import DISTANCE_TEMPLATES, SIZE_TEMPLATES
from dataset_builders.taxonomy import METRES, SCALE_NAMES, SCALES

SIZE, DISTANCE = "image.size_of_boxed", "image.distance_of_boxed"
BOXED = {rule.name: rule for rule in RULES if rule.name in (SIZE, DISTANCE)}
TEMPLATES = {SIZE: SIZE_TEMPLATES, DISTANCE: DISTANCE_TEMPLATES}
SOURCE = SyntheticSource(num_scenes=10, seed=5, num_frames=4, frame_size=(160, 120))
WIDTH, HEIGHT = 160, 120


@pytest.fixture(scope="module")
def scenes() -> dict[str, list[Scene]]:
    """Two scenes of every scale."""
    loaded = [SOURCE.load(ref) for ref in SOURCE.refs()]
    return {scale: [scene for scene in loaded if scene.scale == scale] for scale in SCALE_NAMES}


def questions(name: str, scene: Scene, seed: int = 0) -> list:
    return list(BOXED[name].generate(scene, np.random.default_rng(seed)))


def asked_of(scenes: list[Scene], name: str) -> list[tuple]:
    found = [(scene, question) for scene in scenes for question in questions(name, scene)]
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


def printed(metres: float, unit: str, decimals: int) -> str:
    return f"{metres / METRES[unit]:.{decimals}f}"


@pytest.mark.parametrize("scale", SCALE_NAMES)
def test_sizes_are_those_of_the_boxed_object(scenes, scale):
    unit, decimals = SCALES[scale].size_unit, SCALES[scale].size_decimals
    for scene, question in asked_of(scenes[scale], SIZE):
        (region,) = question.regions
        item, _ = boxed_object(scene, region)
        longest = max(item.size.tolist())
        assert (question.answer, question.unit) == (printed(longest, unit, decimals), unit)
        assert abs(float(question.answer) * METRES[unit] - longest) <= 0.1 * longest
        assert question.semantics == (item.category,)
        assert question.measured["size_m"] == pytest.approx(item.size.tolist(), abs=1e-6)
        assert question.rationale.endswith(f"It is the {item.category}; its longest side is {question.answer} {unit}.")


@pytest.mark.parametrize("scale", SCALE_NAMES)
def test_distances_are_those_of_the_boxed_objects(scenes, scale):
    unit, decimals, margin = SCALES[scale].length_unit, SCALES[scale].length_decimals, SCALES[scale].margin
    for scene, question in asked_of(scenes[scale], DISTANCE):
        one, other = (boxed_object(scene, region)[0] for region in question.regions)
        distance = float(box_distances(Boxes.of([one]), Boxes.of([other]))[0])
        assert one is not other and distance >= 4 / 3 * margin
        assert (question.answer, question.unit) == (printed(distance, unit, decimals), unit)
        assert question.semantics == (one.category, other.category)
        assert question.measured["distance_m"] == pytest.approx(distance, abs=1e-6)
        assert question.margins["above_shortest_m"] == pytest.approx(distance - 4 / 3 * margin, abs=1e-6)
        assert question.rationale.endswith(f"They are {question.answer} {unit} apart.")


def grid(item: SceneObject, count: int = 21) -> tuple[np.ndarray, float]:
    """Fill a box with points; return them, (count**3, 3), and how far from the nearest a point of the box can be."""
    steps = np.linspace(-0.5, 0.5, count)
    points = np.stack(np.meshgrid(steps, steps, steps), -1).reshape(-1, 3) * item.size
    return points @ item.rotation + item.center, float(np.linalg.norm(item.size)) / (count - 1) / 2


@pytest.mark.parametrize("scale", SCALE_NAMES)
def test_a_distance_is_that_of_points_sampled_in_both_boxes(scenes, scale):
    scene, question = asked_of(scenes[scale], DISTANCE)[0]
    (first, reach), (second, other_reach) = (grid(boxed_object(scene, region)[0]) for region in question.regions)
    sampled = cKDTree(first).query(second)[0].min()
    assert -1e-6 <= sampled - question.measured["distance_m"] <= reach + other_reach


@pytest.mark.parametrize("name", BOXED)
@pytest.mark.parametrize("scale", SCALE_NAMES)
def test_boxes_are_tight_round_masks_that_are_large_and_whole(scenes, scale, name):
    for scene, question in asked_of(scenes[scale], name):
        assert len(question.regions) == (1 if name == SIZE else 2)
        assert len({region.frame_index for region in question.regions}) == 1
        for region in question.regions:
            assert (region.kind, region.point) == ("bbox", None)
            _, mask = boxed_object(scene, region)
            assert region.bbox == tight_box(mask)
            assert not (mask[[0, -1]].any() or mask[:, [0, -1]].any())
            assert mask.mean() >= 20 * 20 / (448 * 336)


@pytest.mark.parametrize("name", BOXED)
@pytest.mark.parametrize("scale", SCALE_NAMES)
def test_the_text_points_by_colour_and_names_no_object(scenes, scale, name):
    for scene, question in asked_of(scenes[scale], name):
        colours = [region.colour for region in question.regions]
        assert len(set(colours)) == len(colours) and set(colours) <= set(REGION_COLOURS)
        assert question.text == TEMPLATES[name][question.template].format(**dict(zip("ab", colours, strict=False)))
        assert re.findall("|".join(REGION_COLOURS), question.text) == colours
        for category in {item.category for item in scene.objects}:
            assert not re.search(rf"\b{category}\b", question.text, re.IGNORECASE), category


@pytest.mark.parametrize("name", BOXED)
@pytest.mark.parametrize("scale", SCALE_NAMES)
def test_questions_are_distinct_repeatable_and_fit_the_record(scenes, scale, name):
    for scene in scenes[scale]:
        asked, letters = questions(name, scene), LetterBalance()
        assert asked == questions(name, scene)
        assert not asked or asked != questions(name, scene, seed=1)
        assert len({question_id(question, scene) for question in asked}) == len(asked)
        boxed = {frozenset((region.frame_index, region.bbox) for region in question.regions) for question in asked}
        assert len(boxed) == len(asked)
        for question in asked:
            assert (question.task, question.rule) == (BOXED[name].task, name)
            assert (question.answer_type, question.prompt_type) == ("regression", "bbox")
            row = to_record(question, scene, letters)
            assert (row["answer"], row["unit"], row["options"]) == (question.answer, question.unit, [])
            assert row["anchors"]["semantics"] == list(question.semantics) and row["anchors"]["scale_value"] > 0
            assert row["key_frames"] == [question.regions[0].frame_index]
            assert [each["bbox"] for each in row["regions"]] == [list(region.bbox) for region in question.regions]
            assert QUESTION_FEATURES.encode_example(row)["task"] == QUESTION_FEATURES["task"].str2int(question.task)


@pytest.mark.parametrize("scale", SCALE_NAMES)
def test_frames_take_turns(scenes, scale):
    for name in BOXED:
        for scene in scenes[scale]:
            frames = [question.regions[0].frame_index for question in questions(name, scene)]
            able = len(set(frames))
            assert len(set(frames[:able])) == able


def frame_of(patches: dict[int, tuple[int, int, int, int]]) -> Frame:
    """Instance id → (x1, y1, x2, y2), inclusive."""
    instances = np.zeros((HEIGHT, WIDTH), np.int32)
    for number, (x1, y1, x2, y2) in patches.items():
        instances[y1 : y2 + 1, x1 : x2 + 1] = number
    camera = Camera(np.array([[140.0, 0, 79.5], [0, 140, 59.5], [0, 0, 1]]), np.eye(4), WIDTH, HEIGHT)
    return Frame(camera, np.zeros((HEIGHT, WIDTH, 3), np.uint8), np.ones((HEIGHT, WIDTH), np.float32), instances)


def scene_of(frames: list[Frame], sizes: list[float], gap: float = 1.0, scale: str = "indoor") -> Scene:
    """Cubes in a row along x with a gap between each two."""
    places = np.cumsum([0.0, *(size + gap for size in sizes[:-1])]) + np.array(sizes) / 2
    objects = [
        SceneObject(number, "cup", np.array([place, 0, 0]), np.full(3, size), np.eye(3))
        for number, (place, size) in enumerate(zip(places, sizes, strict=True), 1)
    ]
    return validate_scene(Scene("test", "synthetic", "none", scale, tuple(objects), tuple(frames)), "test")


WHOLE = {1: (1, 1, 12, 12), 2: (40, 30, 70, 60), 3: (150, 110, 158, 118)}


def test_objects_of_one_category_are_told_apart_by_their_boxes():
    scene = scene_of([frame_of(WHOLE)], [0.5, 1.0, 2.0])
    sizes = {question.regions[0].bbox: (question.answer, question.unit) for question in questions(SIZE, scene)}
    assert sizes == {WHOLE[1]: ("50", "cm"), WHOLE[2]: ("100", "cm"), WHOLE[3]: ("200", "cm")}
    distances = {
        frozenset(region.bbox for region in question.regions): question.answer
        for question in questions(DISTANCE, scene)
    }
    expected = {(1, 2): "1.0", (2, 3): "1.0", (1, 3): "3.0"}
    assert distances == {frozenset(WHOLE[number] for number in pair): text for pair, text in expected.items()}


@pytest.mark.parametrize(
    "patch", [(0, 1, 12, 12), (1, 0, 12, 12), (140, 30, 159, 60), (40, 100, 70, 119), (40, 30, 45, 36)]
)
def test_objects_that_are_cut_off_or_small_are_not_asked_about(patch):
    scene = scene_of([frame_of({1: patch, 2: (80, 30, 100, 60)})], [0.5, 1.0])
    assert [question.answer for question in questions(SIZE, scene)] == ["100"]
    assert not questions(DISTANCE, scene)


@pytest.mark.parametrize(("gap", "answer"), [(0.19, None), (0.21, "0.2"), (1.26, "1.3")])
def test_distances_below_the_shortest_are_not_asked(gap, answer):
    asked = questions(DISTANCE, scene_of([frame_of({1: WHOLE[1], 2: WHOLE[2]})], [0.5, 1.0], gap))
    assert [question.answer for question in asked] == ([] if answer is None else [answer])


def test_sizes_that_rounding_changes_are_not_asked():
    scene = scene_of([frame_of({1: WHOLE[1], 2: WHOLE[2]})], [4.9, 5.1], scale="drone")
    assert [(question.answer, question.unit) for question in questions(SIZE, scene)] == [("5", "m")]


def test_only_frames_with_masks_are_used():
    shown, bare = frame_of(WHOLE), frame_of({})
    bare = Frame(bare.camera, bare.color, bare.depth, None)
    scene = scene_of([bare, shown], [0.5, 1.0, 2.0])
    for name, count in ((SIZE, 3), (DISTANCE, len(list(combinations(WHOLE, 2))))):
        assert [question.regions[0].frame_index for question in questions(name, scene)] == [1] * count
        assert lacking(BOXED[name], scene_of([bare], [0.5])) == {"instances"}
