"""Contact geometry: boxes set by hand, and what the synthetic source says that it has built."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from dataset_builders.scene import Scene, SceneObject
from dataset_builders.sources.synthetic import SyntheticSource
from dataset_builders.tasks.contact import find_contacts

# On a tabletop the margin is 20 mm: contact within 2 mm (4 mm of bare boxes), apart from 10 mm on.
BLOCK = (0.3, 0.2, 0.1)
OPEN_ABOVE = [[-0.14, -0.09, -0.04], [0.14, 0.09, 0.05]]
OPEN_BOTH_WAYS = [[-0.14, -0.09, -0.05], [0.14, 0.09, 0.05]]
OPEN_ABOVE_AND_IN_FRONT = [[-0.14, -0.1, -0.04], [0.14, 0.09, 0.05]]
UNDER_AN_ARM = [[-0.1, -0.1, -0.04], [0.15, 0.1, 0.03]]


def put(number: int, size, place=(0.0, 0.0), bottom: float = 0.0, yaw: float = 0.0, name: str = "") -> SceneObject:
    center = np.array([*place, bottom + size[2] / 2], float)
    turn = Rotation.from_euler("z", yaw, degrees=True).as_matrix().T
    return SceneObject(number, name or f"thing {number}", center, np.array(size, float), turn)


def scene(*objects: SceneObject, hollows: dict | None = None) -> Scene:
    metadata = {} if hollows is None else {"hollows": hollows}
    return Scene("table", "test", "CC0-1.0", "tabletop", objects, metadata=metadata)


def related(one: Scene) -> list[tuple[str, int, int]]:
    """All relations by instance id."""
    return [
        (c.kind, one.objects[c.thing].instance_id, one.objects[c.anchor].instance_id) for c in find_contacts(one).found
    ]


@pytest.mark.parametrize("place", [(0.0, 0.0), (0.149, 0.0), (0.151, 0.0)])
@pytest.mark.parametrize("gap", [-0.003, -0.0019, 0.0, 0.0019, 0.0021, 0.009, 0.011])
def test_a_thing_rests_on_a_block_where_it_meets_its_top_over_half_of_its_footprint(place, gap):
    table = scene(put(1, BLOCK), put(2, (0.05, 0.05, 0.06), place, 0.1 + gap), hollows={})
    rests = abs(gap) < 0.002 and place[0] < 0.15
    assert related(table) == ([("support", 2, 1)] if rests else [])
    assert find_contacts(table).apart[0, 1] == (gap > 0.01)


def test_the_spare_is_how_much_better_than_its_tolerance_a_contact_is():
    (one,) = find_contacts(scene(put(1, BLOCK), put(2, (0.05, 0.05, 0.06), (0.145, 0), 0.1005), hollows={})).found
    assert (one.spare, one.share) == (pytest.approx(0.0015), pytest.approx(0.6))


@pytest.mark.parametrize(
    ("hollow", "tall", "expected"),
    [
        (OPEN_ABOVE, 0.09, "containment"),
        (OPEN_ABOVE, 0.22, "containment"),
        (OPEN_ABOVE, 0.23, None),
        (OPEN_ABOVE, 0.59, None),
        (OPEN_ABOVE, 0.61, "support"),
        (OPEN_ABOVE_AND_IN_FRONT, 0.09, "support"),
        (OPEN_BOTH_WAYS, 0.09, "encircling"),
    ],
)
def test_what_stands_in_a_vessel_is_in_it_on_it_or_too_close_to_call(hollow, tall, expected):
    # The floor is 10 mm above the ground and the rim 90 mm above the floor.
    table = scene(put(1, BLOCK), put(2, (0.05, 0.05, tall), bottom=0.01, yaw=20), hollows={"1": [hollow]})
    assert related(table) == ([(expected, 2, 1)] if expected else [])


def test_a_thing_too_wide_for_the_walls_is_not_in_a_vessel():
    table = scene(put(1, BLOCK), put(2, (0.05, 0.19, 0.09), bottom=0.01), hollows={"1": [OPEN_ABOVE]})
    assert related(table) == []


@pytest.mark.parametrize(("tall", "bottom", "is_so"), [(0.3, 0.0, True), (0.05, 0.0, True), (0.3, 0.06, False)])
def test_a_fence_encircles_what_is_level_with_half_of_it(tall, bottom, is_so):
    table = scene(put(1, BLOCK), put(2, (0.05, 0.05, tall), bottom=bottom), hollows={"1": [OPEN_BOTH_WAYS]})
    assert related(table) == ([("encircling", 2, 1)] if is_so else [])


@pytest.mark.parametrize(
    ("bottom", "tall", "expected"),
    # Between the foot plate at 10 mm and the gripper at 80 mm.
    [
        (0.03, 0.05, "hanging"),
        (0.019, 0.061, None),
        (0.03, 0.047, None),
        (0.01, 0.06, "support"),
        (0.0119, 0.0681, "support"),
    ],
)
def test_a_thing_hangs_where_it_meets_what_is_above_and_is_clear_of_what_is_below(bottom, tall, expected):
    hollow = {"1": [UNDER_AN_ARM]}
    table = scene(put(1, BLOCK), put(2, (0.04, 0.04, tall), (0.05, 0), bottom), hollows=hollow)
    assert related(table) == ([(expected, 2, 1)] if expected else [])


@pytest.mark.parametrize(
    ("gap", "bottom", "along", "yaw", "is_so"),
    [
        (0.0, 0.02, 0.0, 0, True),
        (0.0019, 0.02, 0.0, 180, True),
        (0.0021, 0.02, 0.0, 0, False),
        (0.0, 0.009, 0.0, 0, False),  # it can be standing in front
        (0.0, 0.06, 0.0, 0, True),
        (0.0, 0.08, 0.0, 0, False),  # more than half of it is above the block
        (0.0, 0.02, 0.16, 0, False),
        (0.0, 0.02, 0.0, 6, False),
    ],
)
def test_a_plate_sticks_to_a_side_over_half_of_its_face(gap, bottom, along, yaw, is_so):
    plate = put(2, (0.06, 0.01, 0.06), (along, -0.105 - gap), bottom, yaw)
    table = scene(put(1, BLOCK), plate, hollows={})
    assert related(table) == ([("adhesion", 2, 1)] if is_so else [])


def test_what_stands_on_something_does_not_stick_to_what_it_touches():
    table = scene(
        put(1, BLOCK), put(2, (0.1, 0.1, 0.03), (0, -0.15)), put(3, (0.06, 0.01, 0.06), (0, -0.105), 0.03), hollows={}
    )
    assert related(table) == [("support", 3, 2)]


def test_of_bare_boxes_only_support_is_known():
    inside, at_side = put(2, (0.05, 0.05, 0.08), bottom=0.01), put(3, (0.06, 0.01, 0.06), (0.1, -0.105), 0.02)
    on_top = put(4, (0.05, 0.05, 0.05), (0.1, 0.05), 0.103)
    boxes = scene(put(1, BLOCK), inside, at_side, on_top)
    assert related(boxes) == [("support", 4, 1)]
    assert not find_contacts(boxes).apart[0].any()
    half_over = scene(put(1, BLOCK), put(2, (0.1, 0.1, 0.1), (0.13, 0), 0.1))
    assert related(half_over) == [] and related(replace(half_over, metadata={"hollows": {}})) == [("support", 2, 1)]


def test_boxes_that_lean_are_in_no_relation():
    lean = Rotation.from_euler("x", 10, degrees=True).as_matrix()
    assert (
        related(scene(put(1, BLOCK), replace(put(2, (0.05, 0.05, 0.05), bottom=0.1), rotation=lean), hollows={})) == []
    )


@pytest.mark.parametrize(
    ("names", "expected"),
    [("ab", []), ("aa", [[0, 1]]), ("abc", [[0, 1, 2]]), ("aba", [[0, 1, 2]])],
)
def test_a_stack_is_of_one_kind_or_of_three(names, expected):
    tower = [put(level + 1, (0.1, 0.1, 0.05), bottom=0.05 * level, name=name) for level, name in enumerate(names)]
    assert find_contacts(scene(*tower, hollows={})).stacks(list(names)) == expected


def test_what_carries_two_is_in_no_stack():
    pair = [put(2 + side, (0.05, 0.05, 0.05), (0.2 * side - 0.1, 0), 0.1) for side in (0, 1)]
    table = scene(put(1, BLOCK), *pair, hollows={})
    assert len(related(table)) == 2 and find_contacts(table).stacks(["a", "a", "a"]) == []


def truth(built: Scene) -> set[tuple]:
    return {tuple(relation) for relation in built.metadata["relations"]}


def found(built: Scene) -> set[tuple]:
    stacks = find_contacts(built).stacks([item.category for item in built.objects])
    numbers = [item.instance_id for item in built.objects]
    return {*related(built), *(("stacking", *(numbers[index] for index in stack)) for stack in stacks)}


@pytest.fixture(scope="module")
def built():
    source = SyntheticSource(200, seed=17, rendered=False)
    return [source.load(ref) for ref in source.refs()]


def test_it_finds_what_the_synthetic_source_built_and_nothing_else(built):
    made, recovered, invented = {}, {}, 0
    for one in built:
        said, seen = truth(one), found(one)
        invented += len(seen - said)
        for relation in said:
            made[relation[0]] = made.get(relation[0], 0) + 1
            recovered[relation[0]] = recovered.get(relation[0], 0) + (relation in seen)
    assert set(made) == {"support", "containment", "hanging", "adhesion", "encircling", "stacking"}
    assert all(count >= 20 for count in made.values())
    assert invented == 0
    assert all(recovered[kind] >= 0.99 * count for kind, count in made.items())


@settings(deadline=None, max_examples=15)
@given(
    index=st.integers(0, 199),
    yaw=st.floats(-180, 180),
    shift=st.tuples(*[st.floats(-3, 3)] * 3),
    flips=st.integers(0, 7),
)
def test_relations_do_not_depend_on_where_the_world_begins_or_how_axes_are_named(built, index, yaw, shift, flips):
    one = built[index]
    turn, signs = (
        Rotation.from_euler("z", yaw, degrees=True).as_matrix(),
        np.array([1 - 2 * (flips >> k & 1) for k in range(3)]),
    )
    order = [(flips + k) % 3 for k in range(3)]
    objects = tuple(
        replace(
            item,
            center=turn @ item.center + shift,
            size=item.size[order],
            rotation=(signs[:, None] * item.rotation)[order] @ turn.T,
        )
        for item in one.objects
    )
    hollows = {
        number: np.sort(np.array(boxes) * signs, axis=1)[..., order].tolist()
        for number, boxes in one.metadata["hollows"].items()
    }
    moved = replace(one, objects=objects, metadata={**one.metadata, "hollows": hollows})
    assert related(moved) == related(one)
    assert (find_contacts(moved).apart == find_contacts(one).apart).all()
