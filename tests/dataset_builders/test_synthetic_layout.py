import itertools
from collections import Counter

import numpy as np
import pytest

from dataset_builders.geometry import Boxes, box_distances
from dataset_builders.sources import synthetic
from dataset_builders.sources.synthetic import SyntheticSource
from dataset_builders.sources.synthetic.arrange import RECIPES, Stock, build_groups, stack
from dataset_builders.sources.synthetic.catalog import CATALOG, THINGS
from dataset_builders.sources.synthetic.catalog.flats import flat_names
from dataset_builders.sources.synthetic.catalog.holders import HOLDERS
from dataset_builders.sources.synthetic.layout import build_models, choose_categories, scatter
from dataset_builders.sources.synthetic.model import make_model
from dataset_builders.sources.synthetic.room import floor_plan, furnish
from dataset_builders.sources.synthetic.shapes import yaw_matrix
from dataset_builders.sources.synthetic.stage import STAGES
from dataset_builders.tasks.contact import KINDS
from dataset_builders.taxonomy import SCALE_NAMES


def rectangle(item) -> tuple[np.ndarray, np.ndarray]:
    """Return the four corners of a placed footprint and its two axes."""
    axes = np.array([(np.cos(item.yaw), np.sin(item.yaw)), (-np.sin(item.yaw), np.cos(item.yaw))])
    signs = np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)])
    return (item.x, item.y) + (signs * item.model.size[:2] / 2) @ axes, axes


def overlap(first, second) -> bool:
    """Tell by the separating-axis theorem whether two footprints overlap."""
    a, axes_a = rectangle(first)
    b, axes_b = rectangle(second)
    for axis in (*axes_a, *axes_b):
        if (a @ axis).max() < (b @ axis).min() or (b @ axis).max() < (a @ axis).min():
            return False
    return True


def shoelace(plan: np.ndarray) -> float:
    following = np.roll(plan, -1, axis=0)
    return float(np.sum(plan[:, 0] * following[:, 1] - following[:, 0] * plan[:, 1]) / 2)


@pytest.mark.parametrize("scale", SCALE_NAMES)
def test_catalog_has_many_categories_and_scenes_use_them(scale):
    drawn = [choose_categories(np.random.default_rng(seed), CATALOG[scale]) for seed in range(60)]
    assert len(set(itertools.chain(*drawn))) == len(CATALOG[scale]) >= 8
    counts = [[names.count(name) for name in set(names)] for names in drawn]
    assert all(4 <= len(names) <= 10 for names in drawn)
    assert all(sum(count == 1 for count in each) >= 3 for each in counts)
    assert np.mean([max(each) >= 2 for each in counts]) > 0.6
    assert {max(each) for each in counts} >= {2, 3, 4, 5, 6}


@pytest.mark.parametrize(("scale", "category"), [(scale, name) for scale in CATALOG for name in CATALOG[scale]])
def test_box_is_exactly_the_extent_of_the_mesh(scale, category):
    model = make_model(category, CATALOG[scale][category](np.random.default_rng(1)))
    points = model.triangles.reshape(-1, 3)
    assert points.min(axis=0) == pytest.approx([-model.size[0] / 2, -model.size[1] / 2, 0], abs=1e-9)
    assert points.max(axis=0) == pytest.approx([model.size[0] / 2, model.size[1] / 2, model.size[2]], abs=1e-9)
    np.testing.assert_allclose(np.linalg.norm(model.normals, axis=-1), 1, atol=1e-6)
    assert category == category.lower()


@pytest.mark.parametrize(("scale", "category"), [(scale, name) for scale in CATALOG for name in CATALOG[scale]])
def test_surfaces_face_outwards(scale, category):
    for part in CATALOG[scale][category](np.random.default_rng(2)):
        a, b, c = np.moveaxis(part.triangles - part.triangles.mean(axis=(0, 1)), 1, 0)
        assert np.einsum("td,td->t", a, np.cross(b, c)).sum() > 0
        faces = np.cross(b - a, c - a)
        assert (np.einsum("td,td->t", faces, part.normals.mean(axis=1)) >= -1e-12).all()


@pytest.mark.parametrize("scale", [name for name in SCALE_NAMES if name != "indoor"])
def test_open_ground_has_no_collisions(scale):
    for seed in range(8):
        rng = np.random.default_rng(seed)
        placed = scatter(rng, build_models(rng, scale), STAGES[scale].gap, STAGES[scale].spread, scale == "outdoor")
        assert not any(overlap(a, b) for a, b in itertools.combinations(placed, 2))


def test_rooms_hold_their_furniture_without_collisions():
    for seed in range(12):
        rng = np.random.default_rng(seed)
        models = build_models(rng, "indoor")
        plan, placed = furnish(rng, models, STAGES["indoor"].gap)
        assert 4 <= len(placed) <= len(models)
        assert 9 - 1e-9 <= shoelace(plan) <= 60 + 1e-9
        assert not any(overlap(a, b) for a, b in itertools.combinations(placed, 2))
        for item in placed:
            corners = rectangle(item)[0]
            assert (corners >= plan.min(axis=0) - 1e-9).all()
            assert (corners <= plan.max(axis=0) + 1e-9).all()


@pytest.mark.parametrize("seed", range(10))
def test_floor_plan_has_exactly_the_area_asked_for(seed):
    plan = floor_plan(np.random.default_rng(seed), 23.5)
    assert shoelace(plan) == pytest.approx(23.5)
    assert len(plan) in (4, 6)


def test_room_size_is_the_area_between_the_walls(monkeypatch):
    plans = []

    def remember(*arguments):
        plans.append(furnish(*arguments))
        return plans[-1]

    monkeypatch.setattr(synthetic, "furnish", remember)
    source = SyntheticSource(num_scenes=8, seed=1, num_frames=1, frame_size=(32, 24))
    rooms = [source.load(ref) for ref in source.refs() if ref.scale == "indoor"]
    assert [room.room_size for room in rooms] == pytest.approx([shoelace(plan) for plan, _ in plans])
    for room, (plan, _) in zip(rooms, plans, strict=True):
        eye = room.frames[0].camera.camera_to_world[:2, 3]
        assert ((plan.min(axis=0) < eye) & (eye < plan.max(axis=0))).all()


@pytest.mark.parametrize("scale", SCALE_NAMES)
def test_no_name_of_a_thing_or_holder_has_two_meanings(scale):
    names = [*CATALOG[scale], *flat_names(scale), *itertools.chain(*HOLDERS[scale].values())]
    assert len(names) == len(set(names))
    assert THINGS[scale] <= CATALOG[scale].keys()


def surface(model, rng) -> np.ndarray:
    """Corners of triangles, and points drawn on them."""
    weights = rng.dirichlet(np.ones(3), (8, len(model.triangles), 1))
    drawn = (weights @ model.triangles).reshape(-1, 3)
    return np.concatenate([model.triangles.reshape(-1, 3), drawn])


@pytest.mark.parametrize("recipe", [*RECIPES.values(), stack])
@pytest.mark.parametrize("scale", SCALE_NAMES)
def test_things_of_a_group_touch_but_do_not_run_through_each_other(scale, recipe):
    for seed in range(4):
        rng = np.random.default_rng(seed)
        group = recipe(Stock(rng, scale))
        boxes = Boxes.of([item.to_object(number) for number, item in enumerate(group.members, start=1)])
        for kind, thing, anchor in (relation for relation in group.relations if relation[0] != "stacking"):
            held, holder = group.members[thing], group.members[anchor]
            turn = yaw_matrix(holder.yaw).T
            points = surface(holder.model, rng) @ turn + (holder.x, holder.y, holder.z)
            inside = np.abs((points - boxes.centers[thing]) @ boxes.axes[thing].T) - boxes.halves[thing]
            # Neither does the holder reach into the thing, nor is there space between them.
            assert inside.max(axis=1).min() > -1e-6 * boxes.halves[thing].min(), (kind, held.model.category)
            assert box_distances(boxes[[thing]], boxes[[anchor]])[0] < 1e-6 * held.model.size.min()
        low = np.array([item.footprint.bounds[:2] for item in group.members]).min(axis=0)
        high = np.array([item.footprint.bounds[2:] for item in group.members]).max(axis=0)
        assert np.allclose([low, high], [-group.size[:2] / 2, group.size[:2] / 2])


@pytest.mark.parametrize("scale", SCALE_NAMES)
def test_a_scene_has_at_least_three_things_in_two_kinds_of_places(scale):
    kinds = Counter()
    for seed in range(40):
        groups = build_groups(np.random.default_rng(seed), scale)
        relations = [relation[0] for group in groups for relation in group.relations if relation[0] != "stacking"]
        assert len(relations) >= 3
        assert sum(any(one[0] != "adhesion" for one in group.relations) for group in groups) >= 2
        kinds.update(relations)
    assert min(kinds[kind] for kind in KINDS) >= 10


def test_relations_name_the_objects_that_were_built():
    source = SyntheticSource(num_scenes=10, seed=4, rendered=False)
    for scene in (source.load(ref) for ref in source.refs()):
        items = {item.instance_id: item for item in scene.objects}
        for kind, thing, anchor, *_ in scene.metadata["relations"]:
            foot = items[thing].center[2] - items[thing].size[2] / 2
            top = items[anchor].center[2] + items[anchor].size[2] / 2
            if kind == "support" and str(anchor) not in scene.metadata["hollows"]:
                assert foot == pytest.approx(top)
            elif kind != "stacking":
                assert foot < top
