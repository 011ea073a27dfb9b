"""Where is the object to grasp: which mark is on it, and on which side of another does it stand?

This is the tabletop sub-task Object Location of manipulation planning (Table B7).
"""

from collections.abc import Iterator
from itertools import permutations

import numpy as np

from dataset_builders.question import REGION_COLOURS, Fact
from dataset_builders.scene import Scene
from dataset_builders.tasks.draw import pick, shuffled, take_turns
from dataset_builders.tasks.even import NUM_OPTIONS, even_choices
from dataset_builders.tasks.pointing import kinds, region, shown_in
from dataset_builders.tasks.sightings import mask_sizes
from dataset_builders.tasks.tabletop import SIDES, Tabletop, View, printed, survey, tabletop_rule
from dataset_builders.tasks.visibility import end_frames, frames_with_masks
from dataset_builders.tasks.wording import joined, tidy

BAND = 15.0
"""Degrees from the border between two sides, 45 degrees off each, within which a direction is ambiguous."""
ANSWERS = {"left": "to the left", "right": "to the right", "front": "in front", "behind": "behind"}


def generate_marked(scene: Scene, rng: np.random.Generator) -> Iterator[Fact]:
    """Ask which of up to four marks is on the object to grasp (object location).

    Needs: boxes, frames, instances, metric; tabletops only.
    Rule: points, boxes or masks of objects of different categories; the one to grasp is the only one of its category
        and touches no other.
    Dropped: objects that the frame does not show, or that the kind of mark cannot tell.
    Source: SpaceVista, Table B7 (Object Location).
    """
    top = survey(scene)
    yield from take_turns(_marked(scene, top, index, rng) for index in shuffled(rng, frames_with_masks(scene)))


def _marked(scene: Scene, top: Tabletop, index: int, rng: np.random.Generator) -> Iterator[Fact]:
    shown = shown_in(scene, index)
    places = {item.instance_id: at for at, item in enumerate(scene.objects) if item.instance_id in shown}
    numbers = {number: scene.objects[at].category for number, at in places.items()}
    graspable = [scene.objects[at] for at in np.flatnonzero(top.alone & top.named)]
    for item in shuffled(rng, [item for item in graspable if item.instance_id in numbers]):
        others = {numbers[number]: number for number in shuffled(rng, numbers) if numbers[number] != item.category}
        chosen = [item.instance_id, *list(shuffled(rng, others.values()))[: NUM_OPTIONS - 1]]
        if len(chosen) < 2:
            return
        kind = pick(rng, kinds(scene, [shown[number] for number in chosen]))
        colours = dict(zip(chosen, shuffled(rng, REGION_COLOURS), strict=False))
        order = [colour for colour in REGION_COLOURS if colour in colours.values()]
        rest = [f"{colour} on {top.called(places[number])}" for number, colour in colours.items()][1:]
        yield Fact(
            rule="image.object_to_grasp",
            task="manipulation_planning",
            answer_type="multiple_choice",
            prompt_type=kind,
            answer=colours[item.instance_id],
            options=tuple(order),
            open_ended=True,
            semantics=(item.category,),
            regions=tuple(region(scene, shown[number], kind, colour) for number, colour in colours.items()),
            words={"a": item.category, "choice": joined(order, "or"), "rest": joined(rest, "and")},
        )


def generate_side(scene: Scene, rng: np.random.Generator) -> Iterator[Fact]:
    """Ask on which side of another object the one to grasp stands, seen from the camera (object location).

    Needs: boxes, frames, instances, metric; tabletops only.
    Rule: in the first or last frame; left, right, in front (towards the camera) or behind, each 90 degrees wide, from
        centre to centre on the level. Every side that is an option is right equally often.
    Dropped: within 15 degrees of a border between two sides; objects that the frame does not show, that do not stand
        on the table or overlap each other seen from above.
    Source: SpaceVista, Table B7 (Object Location, Position Comparison).
    """
    top, ends = survey(scene), end_frames(scene)
    frames = [index for index in ends if scene.frames[index].instances is not None]
    yield from take_turns(_sides(scene, top, index, ends[index], rng) for index in shuffled(rng, frames))


def _sides(scene: Scene, top: Tabletop, index: int, end: str, rng: np.random.Generator) -> Iterator[Fact]:
    view, shown = View.of(scene.frames[index].camera), mask_sizes(scene.frames[index].instances)
    able = [at for at in np.flatnonzero(top.named & top.standing) if scene.objects[at].instance_id in shown]
    pools: dict[str, list] = {side: [] for side in SIDES}
    for item, other in permutations(able, 2):
        offset = (top.boxes.centers[item] - top.boxes.centers[other]) @ np.stack([view.right, view.away], axis=1)
        angle = float(np.degrees(np.arctan2(offset[1], offset[0])))
        across, spare = round(angle / 90), 45.0 - abs(angle - 90 * round(angle / 90)) - BAND
        side = ("right", "behind", "left", "front")[across % 4]
        way = view.direction(side)
        gap = abs(offset[across % 2]) - top.reach(item, way) - top.reach(other, way)
        if spare > 0 and gap > 0:
            pools[side].append((item, other, offset, spare))
    for options, side, (item, other, offset, spare) in even_choices(rng, pools):
        names = [scene.objects[at].category for at in (item, other)]
        sideways, depth = (printed(scene.scale, value) for value in offset)
        yield Fact(
            rule="image.side_of_object",
            task="manipulation_planning",
            answer_type="multiple_choice",
            prompt_type="text",
            answer=ANSWERS[side],
            options=tuple(ANSWERS[option] for option in options),
            open_ended=True,
            semantics=tuple(names),
            key_frames=(index,),
            measured={"right_m": tidy(offset[0]), "away_m": tidy(offset[1])},
            margins={"border_deg": tidy(spare)},
            words={
                "a": names[0],
                "b": names[1],
                "frame": end,
                "choice": joined([ANSWERS[option] for option in options], "or"),
                "sideways": f"{sideways} to the {'right' if offset[0] > 0 else 'left'}",
                "depth": f"{depth} {'farther from' if offset[1] > 0 else 'nearer to'} the camera",
            },
        )


RULES = (
    tabletop_rule("image.object_to_grasp", "manipulation_planning", generate_marked, "frames", "instances"),
    tabletop_rule("image.side_of_object", "manipulation_planning", generate_side, "frames", "instances"),
)
