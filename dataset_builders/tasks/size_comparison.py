"""Which of two to four objects is the widest, tallest or largest, the thinnest, shortest or smallest?

Names alone must not tell the answer. So objects are marked; or they are of one category and told apart by what they
are next to; or they are named and what is asked is which of them, by size, is the one at a place.
"""

from collections.abc import Iterator, Sequence
from itertools import product

import numpy as np

from dataset_builders.question import Fact
from dataset_builders.scene import Scene
from dataset_builders.tasks.anchors import Anchors, find_anchors
from dataset_builders.tasks.comparisons import COMPARISONS, MEASURED, Sizes, subsets, winning_sets
from dataset_builders.tasks.draw import pick, shuffled, take_turns
from dataset_builders.tasks.even import even_choices
from dataset_builders.tasks.rule import ALL_SCALES, Rule
from dataset_builders.tasks.views import View, draw_marks, one_view_each, whole_views
from dataset_builders.tasks.visibility import frames_with_sightings
from dataset_builders.tasks.wording import joined, length_measure, plural, tidy

COUNTS = (2, 3, 4)
MOST_OBJECTS = 8
"""Marked objects that are combined, drawn at random, so that a crowded frame stays cheap."""
ORDINALS = ("", "second ", "third ")


def generate_marked(scene: Scene, rng: np.random.Generator) -> Iterator[Fact]:
    """Ask which of two to four marked objects is the widest, thinnest, tallest, shortest, largest or smallest.

    Needs: boxes, frames, sightings, metric.
    Rule: width, height or volume of the boxes, see `comparisons.Sizes`. The marks are in one frame, or each in some
        frame that shows its object.
    Dropped: where the winner differs from another by less than a factor of 1.2, or a third of the scale's margin (of
        volumes: their cube roots); volumes whose order is not that of the longest sides; widths and heights of boxes
        that lean by more than 10 degrees; masks under 20 x 20 pixels of 448 x 336; objects that the frame cuts off.
    Source: SpaceVista, Table B7 (Size Comparison, within or across frames).
    """
    streams = [_in_frame(scene, index, rng) for index in shuffled(rng, frames_with_sightings(scene))]
    yield from take_turns([*streams, _across_frames(scene, rng)])


def _in_frame(scene: Scene, index: int, rng: np.random.Generator) -> Iterator[Fact]:
    yield from _marked(whole_views(scene, index), scene, rng)


def _across_frames(scene: Scene, rng: np.random.Generator) -> Iterator[Fact]:
    yield from _marked(one_view_each(scene, rng), scene, rng)


def _marked(views: list[View], scene: Scene, rng: np.random.Generator) -> Iterator[Fact]:
    views = list(shuffled(rng, views))[:MOST_OBJECTS]
    sizes = Sizes.of([view.item for view in views], scene.scale)
    wins = sizes.wins()
    for comparison, *members in take_turns(shuffled(rng, winning_sets(wins, count).tolist()) for count in COUNTS):
        marks = draw_marks([views[index] for index in members], scene, rng)
        labels = [mark.colour for mark in marks]
        where = dict(zip(labels, (f"{mark.colour} at {mark.place}" for mark in marks), strict=True))
        kind, regions = marks[0].region.kind, tuple(mark.region for mark in marks)
        wording = "size.compare_marked" if len(members) == 2 else "size.choose_marked"
        fields = {"rule": "size.compare_marked", "wording": wording, "prompt_type": kind, "regions": regions}
        yield _compare(sizes, comparison, members, labels, rng, where, **fields)


def generate_same_kind(scene: Scene, rng: np.random.Generator) -> Iterator[Fact]:
    """Ask which of two objects of one category is wider, thinner, taller, shorter, larger or smaller.

    Needs: boxes, metric.
    Rule: each is the one of its category that is closest to another object, which is the only one of its own.
    Dropped: where it is not the closest by the margin of `nearness`; sizes that are not clear, as for marked objects;
        categories that are not known in full.
    Source: SpaceVista, Table B7 (Size Comparison).
    """
    anchors = find_anchors(scene, rng)
    yield from take_turns(_same_kind(name, anchors, scene, rng) for name in shuffled(rng, anchors.kinds()))


def _same_kind(category: str, anchors: Anchors, scene: Scene, rng: np.random.Generator) -> Iterator[Fact]:
    nearest = anchors.nearest(category)
    sizes = Sizes.of(anchors.items[anchors.groups[category]], scene.scale)
    known = nearest >= 0
    wins = sizes.wins()[:, nearest[:, None], nearest] & known[:, None] & known
    for comparison, *rows in shuffled(rng, np.argwhere(wins).tolist()):
        names = [anchors.names[row] for row in rows]
        labels = [f"the one closest to the {name}" for name in names]
        words = {"thing": category, "things": plural(category)}
        fields = {"rule": "size.compare_same_kind", "prompt_type": "text", "semantics": (category, *names)}
        yield _compare(sizes, comparison, nearest[rows].tolist(), labels, rng, words=words, **fields)


def _compare(
    sizes: Sizes, comparison: int, members: Sequence[int], labels: list[str], rng, where=None, words=None, **fields
) -> Fact:
    """Ask which of some objects wins.

    Args:
        sizes: Of all objects.
        comparison: Index into `COMPARISONS`.
        members: Of `sizes`, the winner first.
        labels: What the answer calls each.
        rng: Draws the order and the words.
        where: Label → what the rationale says of where it is.
        words: Slots besides those of the comparison.
        fields: Those of `Fact` that the comparison does not decide.
    """
    row, (word, most) = COMPARISONS[comparison].row, pick(rng, COMPARISONS[comparison].words)
    order = rng.permutation(len(members))
    shown = [labels[index] for index in order]
    winner, others = members[0], list(members[1:])
    pair = (winner, others) if COMPARISONS[comparison].largest else (others, winner)
    found = {label: sizes.text(row, member) for label, member in zip(labels, members, strict=True)}
    lengths = {label: tidy(sizes.lengths[row, member]) for label, member in zip(labels, members, strict=True)}
    return Fact(
        task="size_comparison",
        answer_type="multiple_choice",
        answer=labels[0],
        options=tuple(shown),
        open_ended=True,
        measured={"relation": word, "lengths_m": lengths},
        margins={"to_spare_m": tidy(sizes.room_to_spare(row, *pair).min())},
        words={
            "a": shown[0],
            "b": shown[1],
            "list": joined(shown, "and"),
            "choice": joined(shown, "or"),
            "word": word,
            "most": most,
            **MEASURED[row],
            "where": joined([where[label] for label in shown], "and") if where else "",
            "listed": joined([f"{label} {found[label]}" for label in shown], "and"),
            "best": found[labels[0]],
            **(words or {}),
        },
        **fields,
    )


def generate_ranks(scene: Scene, rng: np.random.Generator) -> Iterator[Fact]:
    """Ask which of two to four named objects, by width, height or volume, is the one closest to another object.

    Needs: boxes, metric.
    Rule: all are the only ones of their category. The sizes give the ranks, and the place which of them is asked for:
        whoever knows how large such objects usually are, but not where they stand, can only guess.
    Dropped: where any two sizes are not clear, as for marked objects; where none is the closest by the margin of
        `nearness`.
    Source: SpaceVista, Table B7 (Size Comparison).
    """
    anchors = find_anchors(scene, rng)
    sizes = Sizes.of([anchors.items[anchors.groups[name].start] for name in anchors.names], scene.scale)
    wins = sizes.wins()
    forms = shuffled(rng, product(range(len(MEASURED)), COUNTS))
    yield from take_turns(_ranks(anchors, sizes, wins[row], row, count, scene, rng) for row, count in forms)


def _ranks(
    anchors: Anchors, sizes: Sizes, wins: np.ndarray, row: int, count: int, scene: Scene, rng
) -> Iterator[Fact]:
    sets = subsets(len(anchors.names), count)
    clear = wins | wins.T | np.eye(len(wins), dtype=bool)
    sets = sets[clear[sets[:, :, None], sets[:, None]].all((1, 2))]
    sets = np.take_along_axis(sets, np.argsort(-sizes.lengths[row][sets], axis=1), axis=1)
    distances = anchors.between()[:, sets]  # (anchors, sets, count); NaN where the anchor is in the set
    two = np.sort(distances, axis=-1)
    spare = np.where(np.isnan(distances).any(-1), -1, anchors.room_to_spare(two[..., 0], two[..., 1]))
    rank = np.where(spare > 0, distances.argmin(-1), -1)
    labels = _rank_names(row, count)
    cases = {label: np.argwhere(rank == place).tolist() for place, label in enumerate(labels)}
    for options, answer, (anchor, index) in even_choices(rng, cases):
        members = sets[index].tolist()
        yield _rank(anchors, sizes, row, members, anchor, options, answer, float(spare[anchor, index]), scene, rng)


def _rank_names(row: int, count: int) -> list[str]:
    """Name the ranks by size, largest first.

    >>> _rank_names(0, 2), _rank_names(1, 3)
    (['the wider one', 'the thinner one'], ['the tallest', 'the second tallest', 'the shortest'])
    """
    (more, most), (less, least) = COMPARISONS[row].words[0], COMPARISONS[row + len(MEASURED)].words[0]
    if count == 2:
        return [f"the {more} one", f"the {less} one"]
    return [*(f"the {ORDINALS[place]}{most}" for place in range(count - 1)), f"the {least}"]


def _rank(anchors, sizes, row, members, anchor, options, answer, spare, scene: Scene, rng) -> Fact:
    names, reference = [anchors.names[member] for member in members], anchors.names[anchor]
    distances = anchors.between()[anchor, members].tolist()
    shown = rng.permutation(len(members))
    near = int(np.argmin(distances))
    away = [
        f"{names[place]} {length_measure(scene.scale, distances[place]).text(distances[place])}" for place in shown
    ]
    by_size = [f"{name} {sizes.text(row, member)}" for name, member in zip(names, members, strict=True)]
    return Fact(
        task="size_comparison",
        answer_type="multiple_choice",
        prompt_type="text",
        answer=answer,
        options=options,
        open_ended=True,
        rule="size.rank_of_closest",
        wording="size.closer_of_two" if len(members) == 2 else "size.closest_of_several",
        semantics=(*(names[place] for place in shown), reference),
        measured={
            "relation": f"by {MEASURED[row]['measured']}",
            "lengths_m": dict(zip(names, map(tidy, sizes.lengths[row, members]), strict=True)),
            "distances_m": dict(zip(names, map(tidy, distances), strict=True)),
        },
        margins={"nearer_by_m": tidy(spare)},
        words={
            "a": names[shown[0]],
            "b": names[shown[1]],
            "c": reference,
            "list": joined([f"the {names[place]}" for place in shown], "and"),
            "choice": joined(options, "or"),
            **MEASURED[row],
            "near": names[near],
            "away": joined(away, "and"),
            "listed": joined(by_size, "and"),
        },
    )


NEEDS = frozenset({"boxes", "metric"})
RULES = (
    Rule("size.compare_marked", "size_comparison", NEEDS | {"frames", "sightings"}, ALL_SCALES, generate_marked),
    Rule("size.compare_same_kind", "size_comparison", NEEDS, ALL_SCALES, generate_same_kind),
    Rule("size.rank_of_closest", "size_comparison", NEEDS, ALL_SCALES, generate_ranks),
)
