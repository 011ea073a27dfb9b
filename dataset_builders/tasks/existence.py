"""Is there an object of a category that satisfies a constraint of distance or size?

About each category (and each comparison of sizes), yes and no are equally likely, so that neither the form of a
question nor the category in it tells the answer. No question asks for "any object": a source may
not know them all.
"""

from collections.abc import Iterator
from itertools import product

import numpy as np

from dataset_builders.question import Fact
from dataset_builders.scene import Scene
from dataset_builders.tasks.anchors import Anchors, counted_categories, find_anchors
from dataset_builders.tasks.comparisons import COMPARISONS, MEASURED, Sizes
from dataset_builders.tasks.draw import pick, shuffled, take_turns
from dataset_builders.tasks.even import even_choices
from dataset_builders.tasks.rule import ALL_SCALES, Rule
from dataset_builders.tasks.views import View, draw_marks, one_view_each
from dataset_builders.tasks.wording import length_measure, plural, tidy


def exists(category: str, answer: str, **fields) -> Fact:
    """Ask whether there is an object of a category that satisfies what the other fields say."""
    words = {"thing": category, "a_thing": with_article(category), "things": plural(category), **fields.pop("words")}
    return Fact(
        task="existence_estimation",
        answer_type="multiple_choice",
        answer=answer,
        options=("yes", "no"),
        open_ended=True,
        words=words,
        **fields,
    )


def with_article(noun: str) -> str:
    """Put the indefinite article before a noun.

    >>> with_article("oven"), with_article("chair")
    ('an oven', 'a chair')
    """
    return f"{'an' if noun[:1] in 'aeiou' else 'a'} {noun}"


def generate_closer(scene: Scene, rng: np.random.Generator) -> Iterator[Fact]:
    """Ask whether an object of a category is closer to a named object than a third is, or than it is to a third.

    Needs: boxes, metric.
    Rule: the smallest distances between surfaces; the two others are the only ones of their category.
    Dropped: where the distances of the object that decides differ by no more than the margin of `nearness`; categories
        that are not known in full.
    Source: SpaceVista, Table B7 (Existence Estimation).
    """
    anchors = find_anchors(scene, rng)
    forms = product(anchors.groups, ("closer_than", "closer_to"))
    yield from take_turns(_closer(name, form, anchors, scene, rng) for name, form in shuffled(rng, forms))


def _closer(category: str, form: str, anchors: Anchors, scene: Scene, rng: np.random.Generator) -> Iterator[Fact]:
    rows = anchors.others(category)
    names = [anchors.names[row] for row in rows]
    sought = anchors.distances[rows, anchors.groups[category]]  # (anchors, instances)
    if form == "closer_than":
        rivals = anchors.distances[np.ix_(rows, [anchors.groups[name].start for name in names])]
        pairs = np.broadcast_arrays(sought.min(1)[:, None, None], rivals[..., None])
    else:
        pairs = np.broadcast_arrays(sought[:, None], sought[None])
    # (anchors, anchors, instances): NaN, an anchor to itself, and 0, the same anchor twice, decide nothing.
    ahead, behind = anchors.room_to_spare(*pairs), anchors.room_to_spare(*pairs[::-1])
    cases = {"yes": np.argwhere((ahead > 0).any(-1)).tolist(), "no": np.argwhere((behind > 0).all(-1)).tolist()}
    for _, answer, (one, other) in even_choices(rng, cases):
        # What decides is the object that satisfies the constraint best, or fails it least.
        decisive = int(ahead[one, other].argmax() if answer == "yes" else behind[one, other].argmin())
        spare = (ahead if answer == "yes" else behind)[one, other, decisive]
        near, far = (float(side[one, other, decisive]) for side in pairs)
        yield exists(
            category,
            answer,
            prompt_type="text",
            rule="existence.closer",
            wording=f"existence.{form}",
            semantics=(category, names[one], names[other]),
            measured={"distances_m": [tidy(near), tidy(far)]},
            margins={"to_spare_m": tidy(spare)},
            words={
                "a": names[one],
                "b": names[other],
                "found": length_measure(scene.scale, near).text(near),
                "bound": length_measure(scene.scale, far).text(far),
                "less": "less" if near < far else "more",
            },
        )


def generate_same_kind(scene: Scene, rng: np.random.Generator) -> Iterator[Fact]:
    """Ask whether another object of a category is wider, taller, larger … than the one closest to a named object.

    Needs: boxes, metric.
    Rule: yes if one of the others clearly is, no if all of them clearly are the opposite; see `size_comparison`.
    Dropped: all else; where none is the closest by the margin of `nearness`; categories that are not known in full.
    Source: SpaceVista, Table B7 (Existence Estimation).
    """
    anchors = find_anchors(scene, rng)
    yield from take_turns(_same_kind(name, anchors, scene, rng) for name in shuffled(rng, anchors.kinds()))


def _same_kind(category: str, anchors: Anchors, scene: Scene, rng: np.random.Generator) -> Iterator[Fact]:
    nearest = anchors.nearest(category)
    rows = np.flatnonzero(nearest >= 0)
    sizes = Sizes.of(anchors.items[anchors.groups[category]], scene.scale)
    sought = np.arange(sizes.lengths.shape[1])[:, None] != nearest[rows]
    for answer, comparison, place in _by_size(sizes.wins()[:, :, nearest[rows]], sought, rng):
        anchor = anchors.names[rows[place]]
        fields = _size(answer, comparison, np.flatnonzero(sought[:, place]), nearest[rows[place]], sizes, rng)
        fields["words"]["a"] = anchor
        fields |= {"prompt_type": "text", "rule": "existence.same_kind", "semantics": (category, anchor)}
        yield exists(category, answer, **fields)


def generate_marked(scene: Scene, rng: np.random.Generator) -> Iterator[Fact]:
    """Ask whether an object of a category is wider, taller, larger … than an object that is marked in a frame.

    Needs: boxes, frames, instances, metric.
    Rule: yes if one of the category clearly is, no if all of them clearly are the opposite; see `size_comparison`. The
        marked object is of another category.
    Dropped: all else; masks under 20 x 20 pixels of 448 x 336; marked objects that the frame cuts off; categories that
        are not known in full.
    Source: SpaceVista, Table B7 (Existence Estimation, size).
    """
    views = one_view_each(scene, rng)
    groups = counted_categories(scene).items()
    yield from take_turns(_marked(name, group, views, scene, rng) for name, group in shuffled(rng, groups))


def _marked(category: str, sought: list, views: list[View], scene: Scene, rng: np.random.Generator) -> Iterator[Fact]:
    views = [view for view in views if view.item.category != category]
    sizes, count = Sizes.of([*sought, *(view.item for view in views)], scene.scale), len(sought)
    wins = sizes.wins()[:, :count, count:]
    for answer, comparison, place in _by_size(wins, np.ones(wins.shape[1:], bool), rng):
        (mark,) = draw_marks([views[place]], scene, rng)
        fields = _size(answer, comparison, np.arange(count), count + place, sizes, rng)
        fields["words"] |= {"a": mark.colour, "at": mark.at, "place": mark.place}
        fields |= {"prompt_type": mark.region.kind, "regions": (mark.region,), "rule": "existence.size_of_marked"}
        yield exists(category, answer, semantics=(category,), **fields)


def _by_size(wins: np.ndarray, sought: np.ndarray, rng: np.random.Generator) -> Iterator[tuple[str, int, int]]:
    """Yield answer, comparison and reference, for each comparison as often yes as no.

    Args:
        wins: (6, objects, references), whether an object clearly beats a reference in each of `COMPARISONS`.
        sought: (objects, references), whether the object counts beside the reference.
        rng: Draws the order.
    """
    loses = np.roll(wins, len(COMPARISONS) // 2, axis=0)
    answers = {"yes": (wins & sought).any(1), "no": (loses | ~sought).all(1)}
    cases = [
        {
            answer: [(index, place) for place in np.flatnonzero(holds[index]).tolist()]
            for answer, holds in answers.items()
        }
        for index in range(len(COMPARISONS))
    ]
    for _, answer, (comparison, place) in take_turns(even_choices(rng, pools) for pools in shuffled(rng, cases)):
        yield answer, comparison, place


def _size(answer: str, comparison: int, sought: np.ndarray, reference: int, sizes: Sizes, rng) -> dict:
    """Return words, measured lengths and margins of a fact about the sizes of sought objects and a reference."""
    row, (word, _) = COMPARISONS[comparison].row, pick(rng, COMPARISONS[comparison].words)
    lengths = sizes.lengths[row]
    # What decides is the object that satisfies the constraint best, or fails it least.
    best = np.nanargmax if COMPARISONS[comparison].largest else np.nanargmin
    decisive = int(sought[best(lengths[sought])])
    smaller, larger = sorted((decisive, reference), key=lambda index: lengths[index])
    return {
        "words": {
            "word": word,
            **MEASURED[row],
            "found": sizes.text(row, decisive),
            "bound": sizes.text(row, reference),
            "is": "is" if answer == "yes" else "is not",
        },
        "measured": {"relation": word, "found_m": tidy(lengths[decisive]), "reference_m": tidy(lengths[reference])},
        "margins": {"to_spare_m": tidy(sizes.room_to_spare(row, larger, smaller))},
    }


NEEDS = frozenset({"boxes", "metric"})
IN_FRAMES = NEEDS | {"frames", "instances"}
RULES = (
    Rule("existence.closer", "existence_estimation", NEEDS, ALL_SCALES, generate_closer),
    Rule("existence.same_kind", "existence_estimation", NEEDS, ALL_SCALES, generate_same_kind),
    Rule("existence.size_of_marked", "existence_estimation", IN_FRAMES, ALL_SCALES, generate_marked),
)
