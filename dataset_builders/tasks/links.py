"""Relations of objects that a name identifies, in words, and which of them can stand in for each other in questions.

So that names do not tell the answer, objects are only asked about beside each other's places: where A rests on B and C
hangs from D, it is asked as often whether A hangs from D and C rests on B. Every name is then in as many right
statements as wrong ones, and every option is right equally often. Two relations can be crossed like this where both
wrong statements are surely wrong and no nonsense: only flat things are said to be attached to a side.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, combinations

import numpy as np
from scipy.optimize import linear_sum_assignment

from dataset_builders.scene import Scene, SceneObject
from dataset_builders.tasks.contact import Contact, Contacts, find_contacts
from dataset_builders.tasks.draw import pick, shuffled
from dataset_builders.tasks.visibility import seen_unique_objects

PHRASES = {
    "support": ("resting on", "on top of"),
    "containment": ("inside", "contained in"),
    "hanging": ("hanging from", "suspended from"),
    "adhesion": ("attached to the side of", "fixed flat against the side of"),
    "encircling": ("encircled by", "surrounded by"),
}
"""What a thing is in relation to its anchor; the first phrase is the plainest."""
FREELY_HELD = frozenset({"hanging", "adhesion"})
"""What hangs from an object, or sticks to it, surely does not rest on it or lie in it, nor the reverse."""
FLAT = 0.2
"""Largest ratio of the shortest to the longest side of a thing that may be said to be attached to a side."""
MOST_LINKS = 8
"""Relations that are combined, drawn at random, so that a crowded scene stays cheap."""


@dataclass(frozen=True)
class Link:
    """A relation between two objects.

    Attributes:
        contact: The relation.
        thing: What rests, lies, hangs, sticks or is surrounded.
        anchor: On, in, from, to or by what.
    """

    contact: Contact
    thing: SceneObject
    anchor: SceneObject

    @property
    def kind(self) -> str:
        """One of `contact.KINDS`."""
        return self.contact.kind

    def phrase(self, rng: np.random.Generator) -> str:
        """Draw how the thing is in relation to the anchor, in words."""
        return pick(rng, PHRASES[self.kind])

    def place(self) -> str:
        """Say where the thing is."""
        return f"{PHRASES[self.kind][0]} the {self.anchor.category}"

    def why(self, anchor: str) -> str:
        """Say by what the relation shows, about the thing as "it"; `anchor` is what the anchor is called."""
        share = f"{100 * self.contact.share:.0f} %"
        return {
            "support": f"its underside touches {anchor} from above over {share} of its footprint",
            "containment": f"it stands on the floor of {anchor}, with {share} of its height between the walls",
            "hanging": f"its top is held by {anchor} and nothing carries it from below",
            "adhesion": f"it lies flat against an upright side of {anchor} and nothing carries it from below",
            "encircling": f"{anchor} goes all the way round it and has no floor under it",
        }[self.kind]


def all_links(scene: Scene) -> list[Link]:
    """List all relations of a scene."""
    items = scene.objects
    return [Link(one, items[one.thing], items[one.anchor]) for one in find_contacts(scene).found]


def named_links(scene: Scene, rng: np.random.Generator) -> list[Link]:
    """Draw relations whose objects are seen and told by their names, things in one relation each.

    Stacks are left to `stacks`: what is stacked is seldom found in other places.
    """
    named = {item.instance_id for item in seen_unique_objects(scene)}
    links, stacked = (
        all_links(scene),
        set(chain(*find_contacts(scene).stacks([item.category for item in scene.objects]))),
    )
    things = [link.contact.thing for link in links]
    found = [
        link
        for link in links
        if {link.thing.instance_id, link.anchor.instance_id} <= named
        and link.contact.thing not in stacked
        and things.count(link.contact.thing) == 1
    ]
    return list(shuffled(rng, found))[:MOST_LINKS]


def crossable(links: Sequence[Link], contacts: Contacts) -> np.ndarray:
    """Tell, (K, K), whether it is surely wrong, but no nonsense, that thing i is where link j says thing j is."""
    table = [_is_wrong(one, other, contacts) for one in links for other in links]
    return np.array(table, bool).reshape(len(links), len(links))


def _is_wrong(one: Link, other: Link, contacts: Contacts) -> bool:
    thing, anchor = one.contact.thing, other.contact.anchor
    if other.kind == "adhesion" and one.thing.size.min() > FLAT * one.thing.size.max():
        return False
    if one.contact.anchor == anchor:
        return one.kind != other.kind and bool({one.kind, other.kind} & FREELY_HELD)
    # Through others a thing can be on top of, or within, what it does not touch.
    return bool(contacts.apart[thing, anchor]) and contacts.components[thing] != contacts.components[anchor]


def crossed(rng: np.random.Generator, able: np.ndarray) -> list[tuple[int, int]]:
    """Draw wrong statements (i, j) in which every thing and every place occurs once; those that cannot are left out.

    Args:
        rng: Source of randomness.
        able: (K, K), from `crossable`.

    >>> sorted(crossed(np.random.default_rng(0), np.array([[0, 1, 0], [1, 0, 0], [0, 0, 0]], bool)))
    [(0, 1), (1, 0)]
    """
    _, target = linear_sum_assignment(rng.random(able.shape) - len(able) * able)
    left = set(range(len(able)))
    while broken := {one for one in left if not able[one, target[one]] or target[one] not in left}:
        left -= broken
    return [(one, int(target[one])) for one in left]


def alternatives(rng: np.random.Generator, able: np.ndarray) -> Iterator[tuple[int, ...]]:
    """Draw sets of four, three, then two links of which each thing can be said to be where any other is.

    Args:
        rng: Source of randomness.
        able: (K, K), from `crossable`.
    """
    both = able & able.T
    sizes = [shuffled(rng, combinations(range(len(able)), size)) for size in (4, 3, 2)]
    for chosen in chain.from_iterable(sizes):
        if all(both[pair] for pair in combinations(chosen, 2)):
            yield chosen
