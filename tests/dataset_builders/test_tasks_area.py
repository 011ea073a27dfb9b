"""Areas from the air: footprints of objects, and patches of ground."""

import re
from collections import Counter
from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from dataset_builders.geometry import Boxes, ground_areas
from dataset_builders.language import say
from dataset_builders.masks import decode_mask
from dataset_builders.question import Fact
from dataset_builders.scene import Camera, Frame, Scene, SceneObject, validate_scene
from dataset_builders.sources.synthetic import SyntheticSource
from dataset_builders.sources.synthetic.paths import look_at
from dataset_builders.tasks import area, area_of_ground, lacking
from dataset_builders.tasks.area import RECTANGULAR, footprint
from dataset_builders.tasks.ground import contains, ground_patches
from dataset_builders.taxonomy import METRES, SCALE_NAMES
from evaluate_metrics.parsing import parse_measure

RULES = {rule.name: rule for rule in (*area.RULES, *area_of_ground.RULES)}
WIDTH, HEIGHT = 160, 120
seeds = st.integers(0, 2**32 - 1)


def facts(name: str, scene: Scene, seed: int = 0) -> list[Fact]:
    return list(RULES[name].generate(scene, np.random.default_rng(seed)))


def item(number: int, category: str, size, center=(0, 0, 0), rotation=None, points=None) -> SceneObject:
    axes = np.eye(3) if rotation is None else rotation
    return SceneObject(number, category, np.array(center, float), np.array(size, float), axes, points)


def scene_of(*objects: SceneObject, frames=()) -> Scene:
    return validate_scene(Scene("test", "synthetic", "none", "drone", objects, tuple(frames)), "test")


def view_of_ground(eye, target, slope: float = 0.0, bumps: float = 0.0, instances=None) -> Frame:
    """Look at the plane z = slope x, with bumps of so many metres; depth 0 beyond 2 km."""
    intrinsics = np.array([[140.0, 0, (WIDTH - 1) / 2], [0, 140, (HEIGHT - 1) / 2], [0, 0, 1]])
    pose = look_at(np.array([eye], float), np.array([target], float))[0]
    rows, columns = np.indices((HEIGHT, WIDTH))
    rays = np.stack([columns, rows, np.ones_like(rows)], -1) @ np.linalg.inv(intrinsics).T @ pose[:3, :3].T
    with np.errstate(divide="ignore"):
        depth = (slope * pose[0, 3] - pose[2, 3]) / (rays[..., 2] - slope * rays[..., 0])
    depth = np.where((depth > 0) & (depth < 2000), depth, 0)
    depth += bumps * np.random.default_rng(0).uniform(-1, 1, depth.shape) * (depth > 0)
    camera = Camera(intrinsics, pose, WIDTH, HEIGHT)
    return Frame(camera, np.zeros((HEIGHT, WIDTH, 3), np.uint8), depth, instances)


@pytest.fixture(scope="module")
def drone_scenes() -> list[Scene]:
    source = SyntheticSource(num_scenes=15, seed=3, num_frames=4, frame_size=(WIDTH, HEIGHT))
    return [source.load(ref) for ref in source.refs() if ref.scale == "drone"]


def test_areas_are_asked_about_from_the_air_only():
    assert all(rule.scales == {"drone"} and "metric" in rule.needs for rule in RULES.values())
    scene = scene_of(item(1, "house", [8, 9, 5]))
    for scale in SCALE_NAMES:
        assert ("scale" in lacking(RULES["area.footprint"], replace(scene, scale=scale))) == (scale != "drone")


def test_every_drone_scene_gives_plenty(drone_scenes):
    for scene in drone_scenes:
        assert len(facts("area.footprint", scene)) >= 1 and len(facts("area.patch", scene)) >= 5


def test_answers_are_read_back_and_end_the_rationale(drone_scenes):
    rng = np.random.default_rng(0)
    for fact in [fact for scene in drone_scenes for name in RULES for fact in facts(name, scene)[:20]]:
        question = say(fact, rng)
        assert question.rationale.rstrip(".").endswith(f"{fact.answer} {fact.unit}".strip())
        assert not re.search(r"\bm²|\bmet(er|re)s?\b|\bkm", question.text)
        if fact.answer_type == "regression":
            assert parse_measure(f"{fact.answer} {fact.unit}", fact.unit) == float(fact.answer)
            assert float(fact.answer) * METRES[fact.unit] == pytest.approx(fact.measured["area_m2"], rel=0.006)
        else:
            assert fact.answer in fact.options


@pytest.mark.parametrize(
    ("size", "answer", "unit"),
    [([20, 12.34, 5], "247", "m²"), ([2.6, 13.1, 4], "34.1", "m²"), ([1200, 1000, 30], "1.20", "km²")],
)
def test_a_footprint_is_length_times_width(size, answer, unit):
    (fact,) = facts("area.footprint", scene_of(item(1, "warehouse", size)))
    assert (fact.answer, fact.unit, fact.wording) == (answer, unit, "area.footprint")
    long, wide = (float(fact.words[side].removesuffix(" m")) for side in ("long", "wide"))
    assert long >= wide and long * wide == pytest.approx(fact.measured["area_m2"], rel=0.002)


@given(seeds)
@settings(deadline=None)
def test_a_footprint_is_what_the_box_covers_however_its_axes_are_named(seed):
    rng = np.random.default_rng(seed)
    order = rng.permutation(3)
    axes = (rng.choice([-1, 1], (3, 1)) * Rotation.from_euler("z", rng.uniform(0, 7)).as_matrix())[order]
    box = item(1, "crane", rng.uniform(1, 50, 3), rng.normal(size=3), axes)
    assert footprint(box).area == pytest.approx(ground_areas(Boxes.of([box]))[0])
    assert not footprint(box).filled


def test_the_base_of_a_box_that_leans_is_not_asked_about():
    lean = [Rotation.from_euler("x", angle, degrees=True).as_matrix() for angle in (2.5, 3.5)]
    found = facts(
        "area.footprint", scene_of(*(item(n, f"house{n}", [9, 8, 5], rotation=r) for n, r in enumerate(lean, 1)))
    )
    assert [fact.words["a"] for fact in found] == ["house1"]


def test_what_stands_on_or_hangs_from_another_object_covers_no_ground():
    objects = [
        item(1, "house", [10, 8, 6], (0, 0, 3)),
        item(2, "solar panel", [3, 2, 0.2], (0, 0, 6.1)),  # on the roof
        item(3, "mural", [4, 0.1, 3], (0, 4.05, 3)),  # on the wall
        item(4, "shed", [4, 3, 3], (0, 6.5, 1.5)),  # beside it
        item(5, "barn", [9, 8, 6], (80, 0, 12)),  # on a hill
    ]
    found = facts("area.footprint", scene_of(*objects))
    assert {fact.words["a"] for fact in found} == {"house", "shed", "barn"}


def test_only_what_fills_its_box_is_said_to_cover_it():
    angles = np.linspace(0, 2 * np.pi, 90)
    disc = 5 * np.stack([np.cos(angles), np.sin(angles), 0 * angles], -1)
    square = np.array([[x, y, 0] for x in (-5, 5) for y in (-5, 5)], float)
    objects = [
        item(1, "tank", [10, 10, 8]),
        item(2, "shed", [10, 10, 8]),
        item(3, "house", [10, 10, 8], points=disc),  # a round house: 0.785 of its box
        item(4, "stage", [10, 10, 8], points=square),
        item(5, "kiosk", [10, 10, 8], points=square[:1]),
    ]
    wordings = {fact.words["a"]: fact.wording for fact in facts("area.footprint", scene_of(*objects))}
    assert {name for name, wording in wordings.items() if wording == "area.footprint"} == {"shed", "stage"}
    assert {name for name, wording in wordings.items() if wording == "area.rectangle"} == {"tank", "house", "kiosk"}


def test_rendered_objects_of_rectangular_categories_fill_their_boxes():
    """Their triangles, seen from above, cover nine tenths of the base of the box."""
    from dataset_builders.sources.synthetic.catalog import CATALOG
    from dataset_builders.sources.synthetic.model import make_model

    for name in sorted(RECTANGULAR & set(CATALOG["drone"])):
        for seed in range(3):
            model = make_model(name, CATALOG["drone"][name](np.random.default_rng(seed)))
            hulls = [shapely.MultiPoint(triangle[:, :2]).convex_hull for triangle in model.triangles]
            assert shapely.union_all(hulls).area >= 0.88 * model.size[0] * model.size[1], name


def boxed_object(scene: Scene, region) -> SceneObject:
    """Find the only object whose mask fills a box."""
    instances = scene.frames[region.frame_index].instances
    fitting = []
    for one in scene.objects:
        rows, columns = np.nonzero(instances == one.instance_id)
        if len(rows) and (columns.min(), rows.min(), columns.max(), rows.max()) == region.bbox:
            fitting.append(one)
    (found,) = fitting
    return found


def test_ratios_are_those_of_the_boxed_objects_and_the_number_asked_tells_nothing(drone_scenes):
    asked, answers = Counter(), Counter()
    for scene in drone_scenes:
        for fact in [fact for seed in range(60) for fact in facts("area.ratio", scene, seed)]:
            large, small = (boxed_object(scene, region) for region in fact.regions)
            areas = [float(each.size[0] * each.size[1]) for each in (large, small)]
            assert fact.measured["areas_m2"] == pytest.approx(areas, abs=1e-5)
            assert (fact.words["a"], fact.words["b"]) == tuple(region.colour for region in fact.regions)
            ratio, number = areas[0] / areas[1], float(fact.words["times"])
            assert ratio >= 1.25 and 1.25 <= max(ratio / number, number / ratio) <= 2.6
            assert fact.answer == ("yes" if ratio > number else "no")
            size = round(np.log(number))
            asked[size] += 1
            answers[size] += fact.answer == "yes"
    common = [size for size, count in asked.items() if count >= 300]
    assert len(common) >= 2
    for size in common:
        assert answers[size] / asked[size] == pytest.approx(0.5, abs=0.09), size


def test_a_named_footprint_has_no_options():
    """Next to the numbers of other objects, the name alone would choose: a house covers more than a car."""
    objects = [item(number, name, [10 + 3 * number, 8, 5]) for number, name in enumerate(("house", "barn", "shed"), 1)]
    assert all(fact.told_by_words for fact in facts("area.footprint", scene_of(*objects)))


def test_boxed_objects_are_compared_by_their_footprints(drone_scenes):
    asked = Counter()
    for scene in drone_scenes:
        for fact in facts("area.boxed", scene)[:60]:
            for region in fact.regions:
                boxed = boxed_object(scene, region)
                assert boxed.category in fact.semantics and boxed.category in RECTANGULAR
                footprint_area = float(boxed.size[0] * boxed.size[1])
                assert fact.measured["areas_m2"][region.colour] == pytest.approx(footprint_area, abs=1e-5)
            values = fact.measured["areas_m2"]
            pick = max if fact.measured["largest"] else min
            assert fact.answer == pick(values, key=values.get)
            assert all(max(a, b) >= 1.25 * min(a, b) for a, b in combinations(values.values(), 2))
            asked[fact.measured["largest"], len(fact.options)] += 1
    assert {largest for largest, _ in asked} == {True, False} and {count for _, count in asked} >= {2, 3}


@given(seeds, st.integers(3, 6))
def test_pixels_in_a_polygon_are_those_of_shapely(seed, count):
    rng = np.random.default_rng(seed)
    hull = shapely.MultiPoint(rng.integers(0, 40, (count, 2))).convex_hull
    if hull.geom_type != "Polygon":
        return
    corners = np.array(hull.exterior.coords)[:-1]
    pixels = np.stack(np.meshgrid(np.arange(40), np.arange(40)), -1).reshape(-1, 2)
    expected = shapely.covers(hull, shapely.points(pixels)).tolist()
    assert contains(corners, pixels).tolist() == contains(corners[::-1], pixels).tolist() == expected


@pytest.mark.parametrize("slope", [0.0, 0.1])
@pytest.mark.parametrize("target", [(0, 0.01, 0), (30, 20, 0)])
def test_patches_have_the_area_where_their_rays_meet_the_ground(slope, target):
    """Each corner's ray is intersected with the plane in closed form, and shapely measures the polygon."""
    frame = view_of_ground((3, 5, 60), target, slope)
    patches = [patch for seed in range(3) for patch in ground_patches(frame, np.random.default_rng(seed))]
    assert len(patches) >= 8
    pose, inverse = frame.camera.camera_to_world, np.linalg.inv(frame.camera.intrinsics)
    for patch in patches:
        rays = np.column_stack([patch.corners, np.ones(len(patch.corners))]) @ inverse.T @ pose[:3, :3].T
        eye = pose[:3, 3]
        steps = (slope * eye[0] - eye[2]) / (rays[:, 2] - slope * rays[:, 0])
        polygon = shapely.Polygon((eye + steps[:, None] * rays)[:, :2])
        assert polygon.is_valid and patch.area == pytest.approx(polygon.area, rel=1e-9)
        assert shapely.Polygon(patch.corners).convex_hull.area == pytest.approx(shapely.Polygon(patch.corners).area)
        pixels = patch.mask(HEIGHT, WIDTH)
        assert pixels[patch.corners[:, 1], patch.corners[:, 0]].all()
        assert pixels.sum() == pytest.approx(shapely.Polygon(patch.corners).area, rel=0.3)
        assert sum(patch.sides) >= 2 * np.sqrt(np.pi * patch.area)


@pytest.mark.parametrize(
    ("fields", "some"),
    [({}, True), ({"slope": 0.2}, True), ({"slope": 0.3}, False), ({"bumps": 0.05}, True), ({"bumps": 3.0}, False)],
)
def test_patches_lie_on_ground_that_is_flat_and_not_steep(fields, some):
    frame = view_of_ground((0, 0, 60), (0, 0.01, 0), **fields)
    assert any(ground_patches(frame, np.random.default_rng(1))) == some


def test_nothing_stands_on_a_patch_and_all_of_its_depth_is_known():
    instances = np.zeros((HEIGHT, WIDTH), np.int32)
    instances[:, : WIDTH // 2] = 1
    frame = view_of_ground((0, 0, 60), (0, 0.01, 0), instances=instances)
    frame.depth[HEIGHT // 2 :] = 0
    patches = [patch for seed in range(20) for patch in ground_patches(frame, np.random.default_rng(seed))]
    assert patches
    for patch in patches:
        mask = patch.mask(HEIGHT, WIDTH)
        assert not mask[:, : WIDTH // 2 - 1].any() and not mask[HEIGHT // 2 + 1 :].any()


@given(seeds, st.floats(-180, 180), st.floats(0.1, 10))
@settings(max_examples=10, deadline=None)
def test_patches_turn_with_the_world_and_grow_with_its_square(seed, yaw, factor):
    frame = view_of_ground((0, 0, 60), (10, 5, 0))
    pose = np.eye(4)
    pose[:3, :3] = Rotation.from_euler("z", yaw, degrees=True).as_matrix() @ frame.camera.camera_to_world[:3, :3]
    pose[:3, 3] = factor * frame.camera.camera_to_world[:3, 3] + [7e5, -3e5, 12]
    other = replace(frame, camera=replace(frame.camera, camera_to_world=pose), depth=factor * frame.depth)
    before, after = (list(ground_patches(each, np.random.default_rng(seed))) for each in (frame, other))
    assert [patch.corners.tolist() for patch in before] == [patch.corners.tolist() for patch in after]
    for small, large in zip(before, after, strict=True):
        assert large.area == pytest.approx(factor**2 * small.area, rel=1e-5)


def test_patches_are_marked_as_they_are_asked_about(drone_scenes):
    kinds = Counter()
    for scene in drone_scenes:
        for fact in facts("area.patch", scene):
            kinds[fact.wording] += 1
            corners, frame = np.array(fact.measured["corners_m"]), scene.frames[fact.regions[0].frame_index]
            assert shapely.Polygon(corners[:, :2]).area == pytest.approx(fact.measured["area_m2"], rel=1e-6)
            assert np.abs(corners[:, 2]).max() < 0.05  # the synthetic ground is z = 0
            if fact.wording == "area.corners":
                assert fact.prompt_type == "point" and len(fact.regions) == len(corners)
                assert [region.colour in fact.words["list"] for region in fact.regions]
                assert len({region.colour for region in fact.regions}) == len(corners)
                assert fact.words["shape"] == {3: "triangle", 4: "quadrilateral"}[len(corners)]
            else:
                (region,) = fact.regions
                mask = decode_mask(region.mask)
                assert fact.prompt_type == "mask" and mask.shape == (HEIGHT, WIDTH)
                assert fact.words["a"] == region.colour and not frame.instances[mask].any()
    assert set(kinds) == {"area.patch", "area.corners"}


def test_patches_that_are_compared_are_apart_and_clearly_different(drone_scenes):
    found = [fact for scene in drone_scenes for fact in facts("area.patches", scene)]
    assert len(found) >= 5 and {len(fact.options) for fact in found} == {2, 3}
    for fact in found:
        masks = [decode_mask(region.mask) for region in fact.regions]
        assert np.sum(masks, axis=0).max() == 1 and len({region.frame_index for region in fact.regions}) == 1
        values = fact.measured["areas_m2"]
        assert fact.answer == (max if fact.measured["largest"] else min)(values, key=values.get)
        assert all(max(a, b) >= 1.25 * min(a, b) for a, b in combinations(values.values(), 2))
        assert ("est" in fact.words["largest"]) == (len(values) == 3)


def test_facts_are_repeatable_and_depend_on_the_seed(drone_scenes):
    for name in RULES:
        for scene in drone_scenes[:2]:
            assert facts(name, scene) == facts(name, scene)
    assert facts("area.patch", drone_scenes[0]) != facts("area.patch", drone_scenes[0], 1)
