"""How large an object is: named, or marked by a point, a box or a mask."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from dataset_builders.geometry import Boxes
from dataset_builders.language import say
from dataset_builders.masks import decode_mask
from dataset_builders.question import Fact
from dataset_builders.scene import Scene, SceneObject, validate_scene
from dataset_builders.sources.synthetic import SyntheticSource
from dataset_builders.tasks import lacking
from dataset_builders.tasks.size import RULES, extents
from dataset_builders.taxonomy import METRES, SCALE_NAMES

NAMED = ("vsi.object_size", "size.of_named")
KNOWN = {rule.name: rule for rule in RULES}
SOURCE = SyntheticSource(num_scenes=5, seed=8, num_frames=3, frame_size=(160, 120))
seeds = st.integers(0, 2**32 - 1)


@pytest.fixture(scope="module")
def scenes() -> dict[str, Scene]:
    loaded = [SOURCE.load(ref) for ref in SOURCE.refs()]
    return {scene.scale: scene for scene in loaded}


def facts(name: str, scene: Scene, seed: int = 0) -> list[Fact]:
    return list(KNOWN[name].generate(scene, np.random.default_rng(seed)))


def leaning(degrees: float, yaw: float = 30.0) -> np.ndarray:
    """Axes, as rows, of a box that is tilted about its own x and then turned about the vertical."""
    return Rotation.from_euler("xz", [degrees, yaw], degrees=True).as_matrix().T


def scene_of(*objects: SceneObject, scale: str = "indoor", **fields) -> Scene:
    return validate_scene(Scene("test", "vsi-meta", "none", scale, objects, **fields), "test")


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 0, 1), (1, 2, 0), (0, 2, 1)])
def test_extents_do_not_depend_on_the_order_of_a_boxs_axes(order):
    size, axes = np.array([0.9, 0.3, 1.8])[list(order)], leaning(0)[list(order)]
    found = extents([SceneObject(1, "shelf", np.ones(3), size, axes)])
    assert found[:, 0] == pytest.approx([0.9, 0.3, 1.8])


@given(seeds, st.floats(-9.9, 9.9), st.floats(0, 360))
@settings(max_examples=40, deadline=None)
def test_height_is_that_of_the_corners(seed, tilt, yaw):
    size = np.random.default_rng(seed).uniform(0.1, 2, 3)
    item = SceneObject(1, "box", np.zeros(3), size, leaning(tilt, yaw))
    corners = Boxes.of([item]).corners()[0]
    width, depth, height = extents([item])[:, 0]
    assert height == pytest.approx(np.ptp(corners[:, 2]))
    assert (width, depth) == pytest.approx((size[:2].max(), size[:2].min()))


@pytest.mark.parametrize(("tilt", "asked"), [(0, 2), (9.9, 2), (10.1, 0), (45, 0), (80.1, 2)])
def test_boxes_that_lean_have_no_height_or_width(tilt, asked):
    scene = scene_of(SceneObject(1, "mirror", np.zeros(3), np.array([0.4, 0.9, 1.7]), leaning(tilt)))
    assert len(facts("size.of_named", scene)) == asked
    assert [fact.answer for fact in facts("vsi.object_size", scene)] == ["170"]


def test_the_words_list_the_sides_and_the_rationale_ends_in_one_of_them():
    scene = scene_of(SceneObject(1, "shelf", np.zeros(3), np.array([0.3, 0.9, 1.8]), leaning(0)))
    found = {fact.measured["dimension"]: fact for name in NAMED for fact in facts(name, scene)}
    assert {name: (fact.answer, fact.unit, fact.words["sides"]) for name, fact in found.items()} == {
        "longest": ("180", "cm", "180 cm x 90 cm x 30 cm"),
        "height": ("180", "cm", "90 cm x 30 cm x 180 cm"),
        "width": ("90", "cm", "90 cm x 30 cm"),
    }
    for fact in found.values():
        question = say(fact, np.random.default_rng(3))
        assert "shelf" in question.text and question.rationale.endswith(f"{fact.answer} cm.")


def test_only_what_a_name_identifies_is_named():
    shelf = SceneObject(1, "shelf", np.zeros(3), np.ones(3), np.eye(3))
    scene = scene_of(shelf, replace(shelf, instance_id=2), replace(shelf, instance_id=3, category="lamp"))
    assert {fact.semantics for name in NAMED for fact in facts(name, scene)} == {("lamp",)}
    assert all(lacking(rule, replace(scene, metric=False)) >= {"metric"} for rule in RULES)


@pytest.mark.parametrize("scale", SCALE_NAMES)
def test_units_suit_the_size(scale):
    for metres in (0.0004, 0.013, 0.3, 1.2, 8.0, 44.0, 700.0):
        item = SceneObject(1, "thing", np.zeros(3), np.full(3, metres), np.eye(3))
        (fact,) = facts("vsi.object_size", scene_of(item, scale=scale))
        assert float(fact.answer) * METRES[fact.unit] == pytest.approx(metres, rel=0.1)
        assert float(fact.answer) < 1000


def marked_object(scene: Scene, region) -> SceneObject:
    """Find the object that a region marks, independently of the rules."""
    instances = scene.frames[region.frame_index].instances
    if region.kind == "point":
        number = instances[int(region.point[1]), int(region.point[0])]
    elif region.kind == "mask":
        (number,) = np.unique(instances[decode_mask(region.mask)])
        assert (decode_mask(region.mask) == (instances == number)).all()
    else:
        x1, y1, x2, y2 = region.bbox
        tight = {}
        for each in np.unique(instances[int(y1) : int(y2) + 1, int(x1) : int(x2) + 1]):
            rows, columns = np.nonzero(instances == each)
            tight[columns.min(), rows.min(), columns.max(), rows.max()] = each
        number = tight[region.bbox]
    (item,) = [item for item in scene.objects if item.instance_id == number]
    return item


@pytest.mark.parametrize("scale", SCALE_NAMES)
def test_a_mark_tells_which_object_is_measured(scenes, scale):
    scene, rng = scenes[scale], np.random.default_rng(0)
    found = facts("size.of_marked", scene)
    assert {fact.prompt_type for fact in found} == {"point", "bbox", "mask"}
    assert {fact.measured["dimension"] for fact in found} == {"longest", "height", "width"}
    for fact in found:
        (region,) = fact.regions
        item, question = marked_object(scene, region), say(fact, rng)
        assert (region.kind, item.category) == (fact.prompt_type, fact.semantics[0])
        assert item.category not in question.text and region.colour in question.text
        corners = Boxes.of([item]).corners()[0]
        upright = np.abs(item.rotation[:, 2]).argmax()
        expected = {
            "longest": item.size.max(), "height": np.ptp(corners[:, 2]), "width": np.delete(item.size, upright).max(),
        }  # fmt: skip
        assert float(fact.answer) * METRES[fact.unit] == pytest.approx(expected[fact.measured["dimension"]], rel=0.1)
        mask = scene.frames[region.frame_index].instances == item.instance_id
        assert not (mask[[0, -1]].any() or mask[:, [0, -1]].any()), "the frame cuts it off"


@given(seeds, st.floats(0, 360), st.floats(0.5, 3))
@settings(max_examples=15, deadline=None)
def test_sizes_do_not_change_with_the_place_and_grow_with_the_world(seed, yaw, factor):
    rng = np.random.default_rng(seed)
    turn = Rotation.from_euler("z", yaw, degrees=True).as_matrix()
    objects = [
        SceneObject(number, f"thing {number}", rng.uniform(-3, 3, 3), rng.uniform(0.2, 2, 3), leaning(0, 20 * number))
        for number in range(1, 5)
    ]
    turned = [replace(item, center=turn @ item.center + 5, rotation=item.rotation @ turn.T) for item in objects]
    scaled = [replace(item, center=factor * item.center, size=factor * item.size) for item in objects]
    before, after, larger = (facts("size.of_named", scene_of(*each)) for each in (objects, turned, scaled))
    assert [(fact.semantics, fact.answer, fact.unit) for fact in before] == [
        (fact.semantics, fact.answer, fact.unit) for fact in after
    ]
    for small, large in zip(before, larger, strict=True):
        metres = [float(fact.answer) * METRES[fact.unit] for fact in (small, large)]
        assert metres[1] == pytest.approx(factor * metres[0], abs=0.006 * (1 + factor))
