"""Is an object of one frame the same one as an object of another, or another of its kind?

The first and the last frame are compared (SpaceVista, Table B7), or any other two, which their marks tell.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, partial

import numpy as np

from dataset_builders.question import REGION_COLOURS, Fact
from dataset_builders.scene import Scene, SceneObject
from dataset_builders.tasks.draw import pick, shuffled
from dataset_builders.tasks.frame_pairs import FramePair, over_pairs
from dataset_builders.tasks.pointing import PHRASES, Shown, kinds, place, region, shown_in
from dataset_builders.tasks.rule import ALL_SCALES, Rule
from dataset_builders.tasks.wording import joined

MOST_OTHERS = len(REGION_COLOURS) - 2
"""Wrong candidates: with the right one, as many as there are colours besides that of the object asked about."""
MARKS = {"point": "points", "bbox": "boxes", "mask": "masks"}


@dataclass(frozen=True)
class Match:
    """An object in two frames and what can be mistaken for it in the later one.

    Attributes:
        pair: The frames.
        item: The object.
        early: How the earlier frame shows it.
        late: How the later frame shows it.
        others: How the later frame shows other objects, in random order, those of its kind first.
    """

    pair: FramePair
    item: SceneObject
    early: Shown
    late: Shown
    others: tuple[Shown, ...]


def _matches(scene: Scene, rng: np.random.Generator) -> Iterator[Match]:
    """Yield objects that two frames show, the later one with others beside them."""
    shown = cache(partial(shown_in, scene))
    yield from over_pairs(scene, rng, lambda pair: _matches_of(scene, pair, shown(pair.early), shown(pair.late), rng))


def _matches_of(
    scene: Scene, pair: FramePair, early: dict[int, Shown], late: dict[int, Shown], rng: np.random.Generator
) -> Iterator[Match]:
    in_late = [item for item in scene.objects if item.instance_id in late]
    for item in shuffled(rng, [item for item in in_late if item.instance_id in early]):
        others = [other for other in shuffled(rng, in_late) if other is not item]
        others.sort(key=lambda other, kind=item.category: other.category != kind)
        if others:
            number = item.instance_id
            yield Match(pair, item, early[number], late[number], tuple(late[other.instance_id] for other in others))


def generate_which(scene: Scene, rng: np.random.Generator) -> Iterator[Fact]:
    """Ask which of two or three objects marked in one frame is the object marked in another.

    Needs: boxes (for the kinds of objects), frames, instances.
    Rule: an object that two frames show, marked in the earlier one; it and others, of its own kind as far as there are
        any, marked in the later one, in the same way but other colours.
    Dropped: masks under 20 x 20 pixels of 448 x 336; points and boxes as in `pointing.kinds`.
    Options: the colours, drawn at random, so that each is right equally often.
    """
    for match in _matches(scene, rng):
        shown = [match.late, *match.others[:MOST_OTHERS]]
        colours = list(shuffled(rng, REGION_COLOURS))[: len(shown) + 1]
        choice = joined(shuffled(rng, colours[1:]), "or")
        yield _fact(
            scene,
            match,
            shown,
            colours,
            pick(rng, kinds(scene, [match.early, *shown])),
            {"choice": choice, "number": ("two", "three")[len(shown) - 2]},
            rule="match.which",
            answer=colours[1],
            options=tuple(colours[1:]),
        )


def generate_same(scene: Scene, rng: np.random.Generator) -> Iterator[Fact]:
    """Ask whether an object marked in one frame and one marked in another are the same object.

    Needs: boxes, frames, instances.
    Rule: an object that two frames show, marked in the earlier one; in the later one it or, as often, another one, of
        its own kind if there is any.
    Dropped: as in `generate_which`; frames that show no other object, so that either answer is possible.
    """
    for match in _matches(scene, rng):
        other = pick(rng, [match.late, match.others[0]])
        colours = list(shuffled(rng, REGION_COLOURS))[:2]
        same = other is match.late
        yield _fact(
            scene,
            match,
            [other],
            colours,
            pick(rng, kinds(scene, [match.early, other])),
            {"place_of_b": place(scene, other), "verdict": "one object" if same else "two objects"},
            rule="match.same",
            answer="yes" if same else "no",
            options=("yes", "no"),
        )


def _fact(
    scene: Scene, match: Match, shown: list[Shown], colours: list[str], kind: str, words: dict[str, str], **fields
) -> Fact:
    """Mark the object in the earlier frame in the first colour, and what the later frame shows in the others."""
    marked = zip([match.early, *shown], colours, strict=True)
    start, end = match.pair.names
    return Fact(
        task="object_matching",
        answer_type="multiple_choice",
        prompt_type=kind,
        open_ended=True,
        semantics=(match.item.category,),
        regions=tuple(region(scene, one, kind, colour) for one, colour in marked),
        words={
            "start": start,
            "end": end,
            "a": f"the object {PHRASES[kind].format(colours[0])}",
            "b": f"the object {PHRASES[kind].format(colours[1])}",
            "mark": MARKS[kind],
            "thing": match.item.category,
            "place": place(scene, match.early),
            "place_late": place(scene, match.late),
            **words,
        },
        measured={"instance": match.item.instance_id, "marked": [one.instance_id for one in shown]},
        **fields,
    )


NEEDS = frozenset({"boxes", "frames", "instances"})
RULES = (
    Rule("match.which", "object_matching", NEEDS, ALL_SCALES, generate_which),
    Rule("match.same", "object_matching", NEEDS, ALL_SCALES, generate_same),
)
