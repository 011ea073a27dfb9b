"""How many objects of a category are there, how many more than of another, how many on one side?

Which of two categories has more objects is not asked: mostly the names tell. How many more it has, and on which side
of a room there are more of one category, they do not.
"""

from collections import defaultdict
from collections.abc import Iterator
from itertools import combinations

import numpy as np

from dataset_builders.question import Fact
from dataset_builders.scene import Scene
from dataset_builders.tasks.anchors import Anchors, counted_categories, find_anchors
from dataset_builders.tasks.draw import in_rounds, shuffled, take_turns
from dataset_builders.tasks.rule import ALL_SCALES, Rule
from dataset_builders.tasks.wording import plural, tidy


def count_instances(scene: Scene, category: str) -> int:
    """Return how many instances of a category there are.

    That is the count that the source states, where it states one, because an annotated room can have an instance
    without a box; else the number of boxes.
    """
    stated = scene.metadata.get("object_counts", {})
    return int(stated.get(category, sum(item.category == category for item in scene.objects)))


def generate(scene: Scene, rng: np.random.Generator) -> Iterator[Fact]:
    """Ask for the number of instances of a category.

    Needs: boxes.
    Rule: a category with at least two instances; the answer is their number (VSI-Bench, object count).
    Dropped: categories that are not known in full, see `counted_categories`.
    Unit: none; whole numbers.
    Source: SpaceVista, Table B7 (Object Counting); VSI-Bench.
    """
    for category, group in shuffled(rng, counted_categories(scene).items()):
        if len(group) > 1:
            fields = {"rule": "vsi.object_count", "semantics": (category,), "measured": {"count": len(group)}}
            yield _count(len(group), {"things": plural(category)}, **fields)


def generate_difference(scene: Scene, rng: np.random.Generator) -> Iterator[Fact]:
    """Ask how many more objects of one category there are than of another.

    Needs: boxes.
    Rule: the difference of their numbers, at least one.
    Dropped: categories that are not known in full.
    Unit: none; whole numbers.
    Source: SpaceVista, Table B7 (Object Counting), B.3.6 (sums in rationales).
    """
    counts = {category: len(group) for category, group in counted_categories(scene).items()}
    for pair in shuffled(rng, combinations(counts, 2)):
        few, many = sorted(pair, key=counts.__getitem__)
        if counts[few] < counts[many]:
            words = {"things": plural(many), "others": plural(few), "many": str(counts[many]), "few": str(counts[few])}
            measured = {"counts": {many: counts[many], few: counts[few]}}
            fields = {"rule": "count.difference", "semantics": (many, few), "measured": measured}
            yield _count(counts[many] - counts[few], words, **fields)


def generate_closer(scene: Scene, rng: np.random.Generator) -> Iterator[Fact]:
    """Ask how many objects of a category are closer to one named object than to another.

    Needs: boxes, metric.
    Rule: a category with at least two instances, and two objects that are the only ones of their category; the
        smallest distances between surfaces. At least one is closer.
    Dropped: where for some instance the two distances differ by no more than the margin of `nearness`; categories that
        are not known in full.
    Unit: none; whole numbers.
    Source: SpaceVista, Table B7 (how many objects meet the constraint conditions).
    """
    anchors = find_anchors(scene, rng)
    yield from take_turns(_closer(name, anchors, rng) for name in shuffled(rng, anchors.kinds()))


def _closer(category: str, anchors: Anchors, rng: np.random.Generator) -> Iterator[Fact]:
    closer, spare = _sides(category, anchors)
    for one, other in shuffled(rng, np.argwhere((spare > 0) & (closer > 0)).tolist()):
        names, counts = (anchors.names[one], anchors.names[other]), (int(closer[one, other]), int(closer[other, one]))
        fields = {"rule": "count.closer", "semantics": (category, *names)}
        yield _count(
            counts[0], _side_words(category, names, counts), **fields, **_decided(names, counts, spare[one, other])
        )


def generate_sides(scene: Scene, rng: np.random.Generator) -> Iterator[Fact]:
    """Ask to which of two named objects more objects of a category are closer.

    Needs: boxes, metric.
    Rule: as in `generate_closer`. Of two objects each is right for as many categories as the other, so that none looks
        like the one that things gather round.
    Dropped: as in `generate_closer`; equal numbers; categories beyond what the other of the two is right for.
    Source: SpaceVista, Table B7 (how many objects meet the constraint conditions).
    """
    anchors, pools = find_anchors(scene, rng), defaultdict(lambda: defaultdict(list))
    for category in anchors.kinds():
        closer, spare = _sides(category, anchors)
        for more, fewer in np.argwhere((spare > 0) & (closer > closer.T)).tolist():
            counts = int(closer[more, fewer]), int(closer[fewer, more])
            names = anchors.names[more], anchors.names[fewer]
            pools[frozenset(names)][names[0]].append((category, names, counts, float(spare[more, fewer])))
    both = shuffled(rng, [pool for pool in pools.values() if len(pool) == 2])
    for category, names, counts, spare in take_turns([in_rounds(rng, pool) for pool in both]):
        yield _more(category, names, counts, spare, rng)


def _more(category: str, names: tuple[str, str], counts: tuple[int, int], spare: float, rng) -> Fact:
    """Ask which of two has more; the first of them has."""
    order = rng.permutation(2)
    shown = [names[place] for place in order]
    return Fact(
        task="object_counting",
        answer_type="multiple_choice",
        prompt_type="text",
        answer=f"the {names[0]}",
        options=tuple(f"the {name}" for name in shown),
        open_ended=True,
        rule="count.sides",
        semantics=(category, *shown),
        words=_side_words(category, shown, [counts[place] for place in order]),
        **_decided(names, counts, spare),
    )


def _sides(category: str, anchors: Anchors) -> tuple[np.ndarray, np.ndarray]:
    """Return how many objects of a category are closer to one anchor than to another, and how clearly all are.

    Both are (A, A); the clearness, in metres, is not positive (or NaN) where some object is not clearly on one side.
    """
    distances = anchors.distances[:, anchors.groups[category]]
    ahead = anchors.room_to_spare(distances[:, None], distances[None])
    return (ahead > 0).sum(-1), np.maximum(ahead, ahead.swapaxes(0, 1)).min(-1)


def _side_words(category: str, names, counts) -> dict[str, str]:
    words = {"thing": category, "things": plural(category), "a": names[0], "b": names[1]}
    return words | {"near_a": str(counts[0]), "near_b": str(counts[1]), "total": str(sum(counts))}


def _decided(names, counts, spare: float) -> dict:
    return {
        "measured": {"closer": dict(zip(names, counts, strict=True))},
        "margins": {"nearer_by_m": tidy(spare)},
    }


def _count(number: int, words: dict[str, str], **fields) -> Fact:
    return Fact(
        task="object_counting",
        answer_type="regression",
        prompt_type="text",
        answer=str(number),
        words=words,
        **fields,
    )


BOXES = frozenset({"boxes"})
RULES = (
    Rule("vsi.object_count", "object_counting", BOXES, ALL_SCALES, generate),
    Rule("count.difference", "object_counting", BOXES, ALL_SCALES, generate_difference),
    Rule("count.closer", "object_counting", BOXES | {"metric"}, ALL_SCALES, generate_closer),
    Rule("count.sides", "object_counting", BOXES | {"metric"}, ALL_SCALES, generate_sides),
)
