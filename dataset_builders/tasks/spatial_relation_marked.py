"""How are two objects related that are marked in a frame? No name tells.

The relations, and when they are too close to call, are those of `contact`.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from dataset_builders.question import Fact
from dataset_builders.scene import Scene
from dataset_builders.tasks.contact import find_contacts, least_gap
from dataset_builders.tasks.distance import pair_distances
from dataset_builders.tasks.draw import in_rounds, pick, shuffled, take_turns
from dataset_builders.tasks.even import NUM_OPTIONS
from dataset_builders.tasks.existence import with_article
from dataset_builders.tasks.links import PHRASES, Link, all_links
from dataset_builders.tasks.rule import ALL_SCALES, Rule
from dataset_builders.tasks.views import Mark, View, draw_marks, whole_views
from dataset_builders.tasks.visibility import frames_with_masks
from dataset_builders.tasks.wording import capital, joined, tidy

BESIDE = 3
"""So many of the objects nearest to an anchor, and apart from it, are asked about as well."""
APART, BETWEEN = "apart", "there is free space between the two"


@dataclass(frozen=True)
class Sight:
    """What a frame shows whole of the relations of a scene.

    Attributes:
        scene: The scene.
        views: Index in `Scene.objects` → view.
    """

    scene: Scene
    views: dict[int, View]

    @classmethod
    def of(cls, scene: Scene, frame_index: int) -> "Sight":
        """Take what one frame shows."""
        places = {item.instance_id: place for place, item in enumerate(scene.objects)}
        return cls(scene, {places[view.item.instance_id]: view for view in whole_views(scene, frame_index)})

    @cached_property
    def links(self) -> list[Link]:
        """The relations of which both objects are shown."""
        return [
            link for link in all_links(self.scene) if {link.contact.thing, link.contact.anchor} <= self.views.keys()
        ]

    def beside(self, anchor: int) -> list[int]:
        """Return the nearest shown objects that are surely apart from an anchor."""
        apart, objects = find_contacts(self.scene).apart, self.scene.objects
        others = [one for one in self.views if apart[one, anchor]]
        return sorted(others, key=lambda one: np.linalg.norm(objects[one].center - objects[anchor].center))[:BESIDE]

    def marks(self, indices: Sequence[int], rng: np.random.Generator) -> tuple[Mark, ...]:
        """Mark objects."""
        return draw_marks([self.views[index] for index in indices], self.scene, rng)


def generate_holds(scene: Scene, rng: np.random.Generator) -> Iterator[Fact]:
    """Ask whether a marked object is on, in, attached to … another marked one.

    Needs: boxes, frames, instances, metric.
    Rule: yes for a relation of `contact`; as often no, for the two the other way round, or for one of the three
        objects nearest to the anchor that do not touch it.
    Dropped: what is too close to call (see `contact`); masks under 20 x 20 pixels of 448 x 336; objects that the frame
        cuts off.
    Source: SpaceVista, section 3 (input extension) and Table B8 (Spatial Relation).
    """
    sights = (Sight.of(scene, index) for index in shuffled(rng, frames_with_masks(scene)))
    yield from take_turns(_holds(sight, rng) for sight in sights)


def _holds(sight: Sight, rng: np.random.Generator) -> Iterator[Fact]:
    right = [(link, link.contact.thing, link.contact.anchor) for link in sight.links]
    wrong = []
    for link, thing, anchor in right:
        others = [(one, anchor) for one in sight.beside(anchor)]
        wrong.append((link, *(pick(rng, others) if others and rng.random() < 2 / 3 else (anchor, thing))))
    for link, one, other in in_rounds(rng, {"yes": right, "no": wrong}):
        related, finding, answer = link, link.why("the second"), "yes"
        if one == link.contact.anchor:
            finding, answer = f"it is the other way round: the second is {PHRASES[link.kind][0]} the first", "no"
        elif one != link.contact.thing:
            related, finding, answer = None, BETWEEN, "no"
        fields = {"options": ("yes", "no"), "rule": "relation.holds_marked", "answer": answer}
        marks, words = sight.marks((one, other), rng), {"rel": link.phrase(rng)}
        yield _fact(sight, (one, other), marks, related, finding, words, **fields)


def generate_how(scene: Scene, rng: np.random.Generator) -> Iterator[Fact]:
    """Ask how two marked objects are related.

    Needs: boxes, frames, instances, metric.
    Rule: the options are two to four of the relations that the scene still has to offer, in either direction, and that
        the two do not touch; each of them is right equally often. That a thing is in a vessel and that it is encircled
        are never both options.
    Dropped: as in `generate_holds`.
    Source: SpaceVista, section 3 (input extension) and Table B8 (Spatial Relation).
    """
    sights = [Sight.of(scene, index) for index in shuffled(rng, frames_with_masks(scene))]
    pools: dict[tuple[str, bool], list] = {}
    for sight in sights:
        for link in sight.links:
            thing, anchor = link.contact.thing, link.contact.anchor
            pools.setdefault((link.kind, False), []).append((sight, thing, anchor, link))
            pools.setdefault((link.kind, True), []).append((sight, anchor, thing, link))
            pools.setdefault((APART, False), []).extend((sight, one, anchor, None) for one in sight.beside(anchor))
    left = {key: list(shuffled(rng, cases)) for key, cases in pools.items() if cases}
    while len(left) > 1:
        options = _compatible(list(shuffled(rng, left)))
        answer = pick(rng, options)
        sight, one, other, link = left[answer].pop()
        yield _how(sight, (one, other), link, options, answer, rng)
        left = {key: cases for key, cases in left.items() if cases}


def _compatible(keys: list[tuple[str, bool]]) -> list[tuple[str, bool]]:
    """Keep the first few keys, without both "inside" and "encircled by" in one direction."""
    clash = {"containment": "encircling", "encircling": "containment"}
    kept: list[tuple[str, bool]] = []
    for kind, swapped in keys:
        if (clash.get(kind), swapped) not in kept:
            kept.append((kind, swapped))
    return kept[:NUM_OPTIONS]


def _how(sight: Sight, pair: tuple[int, int], link: Link | None, options: list, answer: tuple, rng) -> Fact:
    finding, marks = BETWEEN, sight.marks(pair, rng)
    if link is not None:
        thing, anchor = ("the first", "the second") if pair[0] == link.contact.thing else ("the second", "the first")
        finding = f"looking at {thing}, {link.why(anchor)}"
    texts = {key: _statement(key, marks[0].colour, marks[1].colour) for key in shuffled(rng, options)}
    words = {"choice": joined(texts.values(), "or")}
    fields = {"rule": "relation.how_marked", "answer": texts[answer], "options": tuple(texts.values())}
    return _fact(sight, pair, marks, link, finding, words, **fields)


def _statement(key: tuple[str, bool], first: str, second: str) -> str:
    """Say how two marked objects are related.

    >>> _statement(("containment", True), "red", "blue"), _statement((APART, False), "red", "blue")
    ('blue is inside red', 'red and blue do not touch')
    """
    kind, swapped = key
    if kind == APART:
        return f"{first} and {second} do not touch"
    thing, anchor = (second, first) if swapped else (first, second)
    return f"{thing} is {PHRASES[kind][0]} {anchor}"


def _fact(sight: Sight, pair: tuple[int, int], marks, link: Link | None, finding: str, words: dict, **fields) -> Fact:
    items, contact = [sight.scene.objects[index] for index in pair], link and link.contact
    first, second = marks
    if contact:
        margins = {"contact_m": tidy(contact.spare)}
    else:
        margins = {"gap_m": tidy(pair_distances(items, np.array([0]), np.array([1]))[0] - least_gap(sight.scene))}
    return Fact(
        task="spatial_relation",
        answer_type="multiple_choice",
        prompt_type=first.region.kind,
        open_ended=True,
        semantics=tuple(dict.fromkeys(item.category for item in items)),
        measured={"marked": [item.instance_id for item in items], "relation": contact.kind if contact else APART},
        margins=margins,
        regions=(first.region, second.region),
        words={
            "a": first.colour,
            "b": second.colour,
            "at_a": first.at,
            "at_b": second.at,
            "place": first.place,
            "place_b": second.place,
            "thing": with_article(items[0].category),
            "thing_b": with_article(items[1].category),
            "finding": capital(finding),
            **words,
        },
        **fields,
    )


NEEDS = frozenset({"boxes", "frames", "instances", "metric"})
RULES = (
    Rule("relation.holds_marked", "spatial_relation", NEEDS, ALL_SCALES, generate_holds),
    Rule("relation.how_marked", "spatial_relation", NEEDS, ALL_SCALES, generate_how),
)
