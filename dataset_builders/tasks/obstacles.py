"""What is in the way when one object is slid straight to another on a table?

The object is slid level and without being turned, straight towards the middle of the other until the two touch. What
its box would run into is in the way. What touches the other object belongs to it (its support, its contents, what
stands on it) and is no obstacle.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain, combinations, islice

import numpy as np

from dataset_builders.planning import Blocks
from dataset_builders.question import REGION_COLOURS, Fact
from dataset_builders.scene import Scene
from dataset_builders.tasks.draw import pick, shuffled, take_turns
from dataset_builders.tasks.even import NUM_OPTIONS, even_choices
from dataset_builders.tasks.memo import once_per_item
from dataset_builders.tasks.pointing import Shown, kinds, region, shown_in
from dataset_builders.tasks.tabletop import Tabletop, printed, survey, tabletop_rule
from dataset_builders.tasks.visibility import frames_with_masks
from dataset_builders.tasks.wording import joined, tidy

MOST_BLOCKERS = 7
"""Objects whose names are combined to options, drawn at random, so that a crowded scene stays cheap."""
CASES_PER_CHOICE = 4
"""Questions about the same few names before others have their turn."""


@dataclass(frozen=True)
class Slide:
    """One object on its straight way to another; indices into `Scene.objects`.

    Attributes:
        mover: What is slid.
        target: To where.
        length: Metres until the two touch.
        hits: In the way → metres until they touch.
        clear: Not in the way.
        unclear: Neither: too close to call.
    """

    mover: int
    target: int
    length: float
    hits: dict[int, float]
    clear: frozenset[int]
    unclear: frozenset[int]


def slides(top: Tabletop, mover: int) -> list[Slide]:
    """Slide an object to every other that stands on the table and that its name identifies.

    An object is in the way where the mover, before it comes within the scale's margin of the target, would be at least
    a margin deep in it; it is not where the mover keeps a margin to it until well in touch with the target.
    """
    others = top.obstacles(mover)
    targets = [index for index in others.tolist() if top.standing[index] and top.named[index]]
    if not targets:
        return []
    start = top.boxes.centers[mover]
    ends = np.column_stack([top.boxes.centers[targets][:, :2], np.full(len(targets), start[2])])
    starts, blocks = np.broadcast_to(start, ends.shape), Blocks.around(top.boxes[others], top.boxes[[mover]])
    near, touch, deep = (blocks.contacts(starts, ends, part * top.margin) for part in (1, 0, -1))
    found = []
    for row, target in enumerate(targets):
        own, distance = int(np.searchsorted(others, target)), float(np.linalg.norm(ends[row] - start))
        if near[row, own] == 0:
            continue
        judged = ~top.touching[target, others] & (others != target)
        hit = judged & (deep[row] < near[row, own])
        clear = judged & (near[row] > min(deep[row, own], 1.0))
        found.append(
            Slide(
                mover,
                target,
                float(touch[row, own]) * distance,
                {int(others[at]): float(touch[row, at]) * distance for at in np.flatnonzero(hit)},
                frozenset(others[clear].tolist()),
                frozenset(others[judged & ~hit & ~clear].tolist()),
            )
        )
    return found


def room_to_spare(top: Tabletop, way: Slide) -> float:
    """Return by how many metres more than the margin hits are deep, and misses wide; that of the closest call."""
    judged = [*way.hits, *way.clear]
    if not judged:
        return float("inf")
    start, blocks = top.boxes.centers[way.mover], Blocks.around(top.boxes[judged], top.boxes[[way.mover]])
    ahead = (top.boxes.centers[way.target] - start) * [1, 1, 0]
    deepest = blocks.deepest(start, start + way.length / np.linalg.norm(ahead) * ahead)
    hits = len(way.hits)
    return float(np.concatenate([deepest[:hits], -deepest[hits:]]).min()) - top.margin


@once_per_item
def all_slides(scene: Scene) -> list[list[Slide]]:
    """List the slides of every object that can be moved by itself and that its name identifies, by object."""
    top = survey(scene)
    return [slides(top, int(mover)) for mover in np.flatnonzero(top.alone & top.named)]


def generate_free(scene: Scene, rng: np.random.Generator) -> Iterator[Fact]:
    """Ask whether the straight way is free.

    Needs: boxes, metric; tabletops only.
    Rule: free where every other object is clear of the way. For each moved object both answers come equally often.
    Dropped: a way on which some object is too close to call and none surely in the way (see `slides`); a way that
        only an unseen object blocks.
    Source: SpaceVista, Table B7 (Obstacles Location).
    """
    top, streams = survey(scene), []
    for ways in shuffled(rng, all_slides(scene)):
        free = [way for way in ways if not way.hits and not way.unclear]
        blocked = [way for way in ways if any(top.seen[index] for index in way.hits)]
        streams.append(even_choices(rng, {"yes": free, "no": blocked}))
    for options, answer, way in take_turns(streams):
        yield _fact(scene, top, way, "boxes.way_is_free", answer, options=options)


def generate_named(scene: Scene, rng: np.random.Generator) -> Iterator[Fact]:
    """Ask which of several named objects is in the way.

    Needs: boxes, metric; tabletops only.
    Rule: exactly one of up to four is. Every option is right in as many questions as the others, for some way of the
        same scene, so that no name looks guilty.
    Dropped: options too close to call (see `slides`).
    Source: SpaceVista, Table B7 (Obstacles Location).
    """
    top, ways = survey(scene), [way for group in all_slides(scene) for way in group]
    blockers = sorted({index for way in ways for index in way.hits if top.named[index]})
    blockers = list(shuffled(rng, blockers))[:MOST_BLOCKERS]
    sizes = range(min(NUM_OPTIONS, len(blockers)), 1, -1)
    choices = chain.from_iterable(shuffled(rng, combinations(blockers, size)) for size in sizes)
    yield from take_turns([_among(scene, top, ways, chosen, rng) for chosen in choices])


def _among(scene: Scene, top: Tabletop, ways: list[Slide], chosen: tuple[int, ...], rng) -> Iterator[Fact]:
    pools = {
        scene.objects[guilty].category: [
            way for way in ways if guilty in way.hits and way.clear >= {*chosen} - {guilty}
        ]
        for guilty in chosen
    }
    # With an option that is never right, its name would be known to be wrong.
    if not all(pools.values()):
        return
    for options, answer, way in islice(even_choices(rng, pools), CASES_PER_CHOICE):
        if len(options) == len(chosen):
            choice = joined([f"the {name}" for name in options], "or")
            fields = {"options": options, "open_ended": True, "choice": choice}
            yield _fact(scene, top, way, "boxes.what_is_in_the_way", answer, **fields)


def generate_listed(scene: Scene, rng: np.random.Generator) -> Iterator[Fact]:
    """Ask for the names of all objects in the way, to be answered in words.

    Needs: boxes, metric; tabletops only.
    Rule: at least one; the names in alphabetical order.
    Dropped: a way on which any object is too close to call, or where the name of an obstacle does not identify it.
    Source: SpaceVista, Table B7 (Obstacles Location).
    """
    top = survey(scene)
    for way in take_turns([shuffled(rng, ways) for ways in shuffled(rng, all_slides(scene))]):
        if way.hits and not way.unclear and top.named[list(way.hits)].all():
            names = sorted(scene.objects[index].category for index in way.hits)
            yield _fact(scene, top, way, "boxes.list_in_the_way", joined(names, "and"), answer_type="free_form")


def generate_marked(scene: Scene, rng: np.random.Generator) -> Iterator[Fact]:
    """Ask which of the objects that one frame marks by points, boxes or masks are in the way.

    Needs: boxes, frames, instances, metric; tabletops only.
    Rule: two to four marked objects, one to all but one of them in the way; the options are sets of colours, as many
        colours in each.
    Dropped: marked objects too close to call (see `slides`); objects that the frame does not show.
    Source: SpaceVista, Table B7 (Obstacles Location).
    """
    top, ways = survey(scene), [way for group in all_slides(scene) for way in group]
    streams = (_in_frame(scene, top, ways, index, rng) for index in shuffled(rng, frames_with_masks(scene)))
    yield from take_turns(streams)


def _in_frame(scene: Scene, top: Tabletop, ways: list[Slide], index: int, rng) -> Iterator[Fact]:
    seen = shown_in(scene, index)
    shown = {at: seen[item.instance_id] for at, item in enumerate(scene.objects) if item.instance_id in seen}
    for way in shuffled(rng, ways):
        hits, clear = (list(shuffled(rng, sorted(shown.keys() & group))) for group in (way.hits.keys(), way.clear))
        if not {way.mover, way.target} <= shown.keys() or not hits or not clear:
            continue
        guilty = hits[: int(rng.integers(1, len(REGION_COLOURS)))]
        marked = [*guilty, *clear[: len(REGION_COLOURS) - len(guilty)]]
        colours = dict(zip(marked, shuffled(rng, REGION_COLOURS), strict=False))
        yield _ask_colours(scene, top, way, colours, guilty, shown, rng)


def _ask_colours(
    scene: Scene, top: Tabletop, way: Slide, colours: dict[int, str], guilty: list[int], shown: dict[int, Shown], rng
) -> Fact:
    kind = pick(rng, kinds(scene, [shown[at] for at in colours]))
    order = [colour for colour in REGION_COLOURS if colour in colours.values()]
    right = joined([colour for colour in order if colour in [colours[at] for at in guilty]], "and")
    sets = [joined(group, "and") for group in combinations(order, len(guilty))]
    wrong = [text for text in shuffled(rng, sets) if text != right][: NUM_OPTIONS - 1]
    regions = tuple(region(scene, shown[at], kind, colour) for at, colour in colours.items())
    fields = {"prompt_type": kind, "regions": regions, "options": (right, *wrong), "open_ended": True}
    return _fact(scene, top, way, "image.marked_in_the_way", right, choice=joined(order, "or"), **fields)


def _fact(scene: Scene, top: Tabletop, way: Slide, rule: str, answer: str, choice: str = "", **fields) -> Fact:
    names = [scene.objects[index].category for index in (way.mover, way.target)]
    met = [f"{top.called(at)} after {printed(scene.scale, way.hits[at])}" for at in sorted(way.hits, key=way.hits.get)]
    return Fact(
        rule=rule,
        task="obstacles_location",
        **{"answer_type": "multiple_choice", "prompt_type": "text", **fields},
        answer=answer,
        semantics=tuple(names),
        measured={
            "way_m": tidy(way.length),
            "in_the_way_m": {str(scene.objects[at].instance_id): tidy(length) for at, length in way.hits.items()},
        },
        margins={"to_spare_m": tidy(room_to_spare(top, way))},
        words={
            "a": names[0],
            "b": names[1],
            "way": printed(scene.scale, way.length),
            "met": joined(met, "and") if met else "nothing",
            "choice": choice,
        },
    )


RULES = (
    tabletop_rule("boxes.way_is_free", "obstacles_location", generate_free),
    tabletop_rule("boxes.what_is_in_the_way", "obstacles_location", generate_named),
    tabletop_rule("boxes.list_in_the_way", "obstacles_location", generate_listed),
    tabletop_rule("image.marked_in_the_way", "obstacles_location", generate_marked, "frames", "instances"),
)
