"""Where on the table can an object be put?

This is the tabletop sub-task Destination Location of manipulation planning (Table B7).
"""

from collections.abc import Iterator
from itertools import combinations, permutations

import numpy as np

from dataset_builders.planning import Blocks
from dataset_builders.question import REGION_COLOURS, Fact, Region
from dataset_builders.scene import Scene
from dataset_builders.tasks.draw import pick, shuffled, take_turns
from dataset_builders.tasks.even import NUM_OPTIONS
from dataset_builders.tasks.sightings import mask_sizes
from dataset_builders.tasks.spots import point_region
from dataset_builders.tasks.tabletop import (
    BESIDE,
    SIDES,
    Tabletop,
    View,
    bare_table,
    far_apart,
    printed,
    survey,
    tabletop_rule,
)
from dataset_builders.tasks.visibility import frames_with_masks
from dataset_builders.tasks.wording import joined, tidy

SPOTS = 96
"""Spots on the table that are drawn at a time."""
LEAST_APART = 0.08
"""Of the frame's height: two marked spots are at least so far apart."""
GAP = 2.0
"""Margins between an object and the one that it is put beside."""
CASES_PER_FRAME = 40
"""Questions of one kind that are tried in one frame."""


def generate_free(scene: Scene, rng: np.random.Generator) -> Iterator[Fact]:
    """Ask which of three or four marked spots on the table has room for an object (destination location).

    Needs: boxes, frames, instances, metric; tabletops only.
    Rule: the object is put down with the middle of its base on the spot, turned as it is now. At the right spot it
        keeps the scale's margin to everything, at each wrong one it would be at least a margin deep in something, yet
        every spot is bare table.
    Dropped: spots that the frame does not show, whose depth is not that of the table, or perhaps beside it; spots that
        the object covers now; spots closer than 8 % of the frame's height to each other.
    Source: SpaceVista, Table B7 (Destination Location).
    """
    top = survey(scene)
    yield from take_turns(_rooms(scene, top, index, rng) for index in shuffled(rng, frames_with_masks(scene)))


def _rooms(scene: Scene, top: Tabletop, index: int, rng: np.random.Generator) -> Iterator[Fact]:
    frame = scene.frames[index]
    view, shown = View.of(frame.camera), mask_sizes(frame.instances)
    corners = top.boxes[top.standing].corners().reshape(-1, 3)
    for mover in shuffled(rng, np.flatnonzero(top.alone & top.named).tolist()):
        if scene.objects[mover].instance_id not in shown:
            continue
        points = np.column_stack(
            [rng.uniform(corners.min(0), corners.max(0), (SPOTS, 3))[:, :2], np.full(SPOTS, top.level)]
        )
        away = np.linalg.norm(points - top.base(mover), axis=1) > 2 * np.linalg.norm(top.boxes.halves[mover][:2])
        points = points[top.on_table(points) & away & bare_table(frame, view, points, top.margin)]
        others = top.obstacles(mover)
        depths = Blocks.around(top.boxes[others], top.boxes[[mover]]).depths(points + top.lift(mover))
        deepest = depths.max(1, initial=-np.inf)
        free, full = (np.flatnonzero(mask) for mask in (deepest < -top.margin, deepest > top.margin))
        fact = _ask_room(scene, top, mover, points, deepest, (free, full), others[depths.argmax(1)], index, rng)
        if fact is not None:
            yield fact


def _ask_room(
    scene: Scene, top: Tabletop, mover: int, points, deepest, groups, nearest, index: int, rng
) -> Fact | None:
    pixels = View.of(scene.frames[index].camera).pixels(points)
    least, chosen = LEAST_APART * scene.frames[index].camera.height, []
    for place in [*list(shuffled(rng, groups[0]))[:1], *shuffled(rng, groups[1])]:
        if far_apart(pixels[place], pixels[chosen], least):
            chosen.append(place)
    chosen = chosen[:NUM_OPTIONS]
    if len(chosen) < 3 or not len(groups[0]):
        return None
    colours = list(shuffled(rng, REGION_COLOURS))[: len(chosen)]
    order = [colour for colour in REGION_COLOURS if colour in colours]
    wrong = [f"{top.called(int(nearest[at]))} at {colour}" for at, colour in zip(chosen, colours, strict=True)][1:]
    return Fact(
        rule="image.room_for_object",
        task="manipulation_planning",
        answer_type="multiple_choice",
        prompt_type="point",
        answer=colours[0],
        options=tuple(order),
        open_ended=True,
        semantics=(scene.objects[mover].category,),
        regions=_points(index, colours, pixels[chosen]),
        measured={"depth_m": {colour: tidy(deepest[at]) for at, colour in zip(chosen, colours, strict=True)}},
        margins={"at_least_m": tidy(np.abs(deepest[chosen]).min() - top.margin)},
        words={
            "a": scene.objects[mover].category,
            "choice": joined(order, "or"),
            "wrong": joined(wrong, "and"),
            "gap": printed(scene.scale, -deepest[chosen[0]]),
        },
    )


def _points(index: int, colours: list[str], pixels: np.ndarray) -> tuple[Region, ...]:
    marks = [point_region(index, colour, tuple(pixel)) for colour, pixel in zip(colours, pixels.tolist(), strict=True)]
    return tuple(sorted(marks, key=lambda region: list(REGION_COLOURS).index(region.colour)))


def generate_beside(scene: Scene, rng: np.random.Generator) -> Iterator[Fact]:
    """Ask which marked spot is the one beside another object that an instruction names (destination location).

    Needs: boxes, frames, instances, metric; tabletops only.
    Rule: spots on the four sides of the other object, seen from the camera, where the moved one would stand two
        margins of the scale away from it; three or four of them are marked. The moved one has room at the right spot.
    Dropped: spots that the frame does not show, whose depth is not that of the table, or closer than 8 % of the
        frame's height to each other.
    Source: SpaceVista, Table B7 (Destination Location).
    """
    top = survey(scene)
    yield from take_turns(_besides(scene, top, index, rng) for index in shuffled(rng, frames_with_masks(scene)))


def _besides(scene: Scene, top: Tabletop, index: int, rng: np.random.Generator) -> Iterator[Fact]:
    frame = scene.frames[index]
    view, shown = View.of(frame.camera), mask_sizes(frame.instances)
    able = [at for at in np.flatnonzero(top.named).tolist() if scene.objects[at].instance_id in shown]
    pairs = [(mover, target) for mover, target in permutations(able, 2) if top.alone[mover] and top.standing[target]]
    for mover, target in list(shuffled(rng, pairs))[:CASES_PER_FRAME]:
        ways = {side: view.direction(side) for side in SIDES}
        points = np.stack([top.spot_beside(mover, target, way, GAP * top.margin) for way in ways.values()])
        bare, pixels = bare_table(frame, view, points, top.margin), view.pixels(points)
        least = LEAST_APART * frame.camera.height
        apart = all(
            np.linalg.norm(pixels[one] - pixels[other]) >= least
            for one, other in combinations(np.flatnonzero(bare), 2)
        )
        if bare.sum() < 3 or not apart:
            continue
        blocks = Blocks.around(top.boxes[top.obstacles(mover)], top.boxes[[mover]])
        room = -blocks.depths(points + top.lift(mover)).max(1, initial=-np.inf)
        fitting = np.flatnonzero(bare & (room > top.margin))
        if len(fitting):
            right = pick(rng, fitting)
            yield _ask_beside(scene, (mover, target), right, np.flatnonzero(bare), pixels, room[right], index, rng)


def _ask_beside(scene: Scene, pair, right: int, marked: np.ndarray, pixels, room: float, index: int, rng) -> Fact:
    names = [scene.objects[at].category for at in pair]
    colours = dict(zip(marked.tolist(), shuffled(rng, REGION_COLOURS), strict=False))
    order = [colour for colour in REGION_COLOURS if colour in colours.values()]
    rest = [
        f"{colour} is {BESIDE[SIDES[place]]} the {names[1]}" for place, colour in colours.items() if place != right
    ]
    return Fact(
        rule="image.spot_beside",
        task="manipulation_planning",
        answer_type="multiple_choice",
        prompt_type="point",
        answer=colours[int(right)],
        options=tuple(order),
        open_ended=True,
        semantics=tuple(names),
        regions=_points(index, list(colours.values()), pixels[marked]),
        measured={"side": SIDES[right], "room_m": tidy(room)},
        margins={"room_m": tidy(room)},
        words={
            "a": names[0],
            "b": names[1],
            "side": f"{BESIDE[SIDES[right]]} the {names[1]}",
            "choice": joined(order, "or"),
            "rest": joined(rest, "and"),
        },
    )


RULES = (
    tabletop_rule("image.room_for_object", "manipulation_planning", generate_free, "frames", "instances"),
    tabletop_rule("image.spot_beside", "manipulation_planning", generate_beside, "frames", "instances"),
)
