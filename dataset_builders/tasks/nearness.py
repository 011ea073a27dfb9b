"""Which object is the closest to another, or the farthest from it, and which of two gaps is the larger?

So that names do not tell the answer, a set of candidates is asked about only where each of them is right for some
object of the scene, and then each is right equally often.
"""

from collections.abc import Iterator
from functools import lru_cache
from itertools import chain, combinations

import numpy as np

from dataset_builders.question import Fact
from dataset_builders.scene import Scene
from dataset_builders.tasks.distance import pair_distances
from dataset_builders.tasks.draw import shuffled, take_turns
from dataset_builders.tasks.rule import ALL_SCALES, Rule
from dataset_builders.tasks.visibility import seen_categories, seen_unique_objects
from dataset_builders.tasks.wording import joined, length_measure, tidy
from dataset_builders.taxonomy import SCALES

LARGE_ROOM = 40.0
"""Square metres; in a larger room candidates must differ by two margins (VSI-Bench: 0.30 m instead of 0.15 m)."""
LEAST_RATIO = 0.05
"""Of the larger: two distances closer than this are not clearly different (OpenSpatial, for depths)."""
MOST_CANDIDATES = 12
"""Candidates, and primary objects, that are combined; drawn at random, so that a crowded scene stays cheap."""
ROUNDS = 30
"""How often each gap is compared with another one, at most."""

CLOSEST = {"most": "closest to", "gap": "smallest", "size": "shortest", "short": "closest"}
FARTHEST = {"most": "farthest from", "gap": "largest", "size": "longest", "short": "farthest"}
CLOSER = {"most": "closer to", "gap": "smaller", "size": "shorter", "short": "closer"}
FARTHER = {"most": "farther from", "gap": "larger", "size": "longer", "short": "farther"}
COMPARATIVES = {
    True: {"larger": "larger", "apart": "farther apart", "more": "more"},
    False: {"larger": "smaller", "apart": "closer together", "more": "less"},
}


def ambiguity_margin(scene: Scene) -> float:
    """Return by how many metres any two candidates must differ at least."""
    large = scene.room_size is not None and scene.room_size > LARGE_ROOM
    return SCALES[scene.scale].margin * (2 if large else 1)


def room_to_spare(distances: np.ndarray, least: float) -> np.ndarray:
    """Return by how much neighbouring distances differ more than they must, (…,) metres; negative where ambiguous.

    Args:
        distances: (…, K) metres, in any order.
        least: By how many metres they must differ at least; 5 % of the larger where that is more.
    """
    ascending = np.sort(distances, axis=-1)
    return (np.diff(ascending) - np.maximum(least, LEAST_RATIO * ascending[..., 1:])).min(-1)


def generate_relative(scene: Scene, rng: np.random.Generator) -> Iterator[Fact]:
    """Ask which of four, three or two objects is the closest to another, or the farthest from it.

    Needs: boxes, metric.
    Rule: a primary object that is the only one of its category, and candidate categories; the smallest distance, as in
        `distance`, to the nearest instance of each candidate (VSI-Bench, relative distance). Candidates for the
        farthest have one instance.
    Dropped: where the closest candidate is nearer than the scale's margin, or where any two candidates differ by no
        more than the margin (twice that in a room over 40 m²) or 5 %; candidates of which one could never be right.
    Source: SpaceVista, Table B8; VSI-Bench.
    """
    groups = seen_categories(scene)
    names = list(shuffled(rng, groups))
    unique = [name for name in names if len(groups[name]) == 1]
    if not unique:
        return
    names = unique + [name for name in names if len(groups[name]) > 1]
    table = _distances_to_categories([groups[name] for name in names], len(unique[:MOST_CANDIDATES]))
    candidates = {False: rng.permutation(len(names))[:MOST_CANDIDATES], True: np.arange(len(unique))[:MOST_CANDIDATES]}
    streams = [
        _balanced(table, columns[_subsets(len(columns), count)], farthest, names, scene, rng)
        for count in (4, 3, 2)
        for farthest, columns in candidates.items()
    ]
    yield from take_turns(shuffled(rng, streams))


def _distances_to_categories(groups: list, num_primaries: int) -> np.ndarray:
    """Return the distances, (primaries, categories) metres, to the nearest instance; NaN from a category to itself."""
    objects = [item for group in groups for item in group]
    rows, columns = (index.ravel() for index in np.indices((num_primaries, len(objects))))
    other = rows != columns
    distances = np.full(len(rows), np.nan)
    distances[other] = pair_distances(objects, rows[other], columns[other])
    starts = np.cumsum([0, *(len(group) for group in groups[:-1])])
    return np.minimum.reduceat(distances.reshape(num_primaries, -1), starts, axis=1)


def _balanced(table: np.ndarray, sets: np.ndarray, farthest: bool, names: list, scene: Scene, rng) -> Iterator[Fact]:
    """Compare sets of candidates, (sets, candidates) columns of the table, each of which is right equally often."""
    if not sets.size:
        return
    sets = rng.permuted(sets, axis=1)
    distances = table[:, sets]  # (primaries, sets, candidates)
    with np.errstate(invalid="ignore"):
        spare = room_to_spare(distances, ambiguity_margin(scene))
        clear = (spare > 0) & (distances.min(-1) >= SCALES[scene.scale].margin)  # not so NaN, the primary itself
    best = np.where(clear, (distances.argmax if farthest else distances.argmin)(-1), -1)
    places = range(sets.shape[1])
    rounds = np.min([(best == place).sum(0) for place in places], axis=0)
    for turn in range(int(rounds.max())):
        enough = rng.permutation(np.flatnonzero(rounds > turn)).tolist()
        for place in places:
            for index in enough:
                primary = np.flatnonzero(best[:, index] == place)[turn]
                found = {names[one]: float(table[primary, one]) for one in sets[index]}
                yield _relative(names[primary], found, farthest, float(spare[primary, index]), scene)


def _relative(primary: str, distances: dict[str, float], farthest: bool, spare: float, scene: Scene) -> Fact:
    answer = (max if farthest else min)(distances, key=distances.__getitem__)
    words = (CLOSER, FARTHER)[farthest] if len(distances) == 2 else (CLOSEST, FARTHEST)[farthest]
    measure = length_measure(scene.scale)  # finer than the margin, so that no two print alike
    texts = {name: measure.text(distance) for name, distance in distances.items()}
    return Fact(
        task="relative_distance",
        answer_type="multiple_choice",
        prompt_type="text",
        answer=answer,
        options=tuple(distances),
        open_ended=True,
        rule="vsi.relative_distance",
        semantics=(primary, *distances),
        measured={
            "relation": "farthest" if farthest else "closest",
            "distances_m": {name: tidy(distance) for name, distance in distances.items()},
        },
        margins={"gap_m": tidy(spare), "nearest_m": tidy(min(distances.values()) - SCALES[scene.scale].margin)},
        words={
            "a": primary,
            "list": ", ".join(distances),
            "choice": joined([f"the {name}" for name in distances], "or"),
            "listed": ", ".join(f"{name} {text}" for name, text in texts.items()),
            "best": texts[answer],
            **words,
        },
    )


@lru_cache(maxsize=64)
def _subsets(number: int, count: int) -> np.ndarray:
    """Return all sets of `count` of so many, (sets, count) indices."""
    return np.fromiter(chain.from_iterable(combinations(range(number), count)), int).reshape(-1, count)


def generate_gaps(scene: Scene, rng: np.random.Generator) -> Iterator[Fact]:
    """Ask whether the gap between two objects is larger, or smaller, than that between two others.

    Needs: boxes, metric.
    Rule: two pairs of objects, each the only one of its category, which can share one; their smallest distances, as in
        `distance`. Which pair is named first, and whether larger or smaller is asked, is drawn at random, so that half
        the answers are yes.
    Dropped: gaps below the scale's margin; gaps that differ by no more than candidates of `generate_relative` must.
    Source: SpaceVista, Table B8 (comparison of distances).
    """
    objects = seen_unique_objects(scene)
    rows, columns = np.triu_indices(len(objects), 1)
    distances = pair_distances(objects, rows, columns)
    least = ambiguity_margin(scene)
    apart = np.flatnonzero(distances >= SCALES[scene.scale].margin)
    asked: set[tuple[int, int]] = set()
    for _ in range(ROUNDS if len(apart) else 0):
        first, second = apart, rng.permutation(apart)
        spare = room_to_spare(np.stack([distances[first], distances[second]], -1), least)
        for index in rng.permutation(np.flatnonzero(spare > 0)):
            pairs = int(first[index]), int(second[index])
            if (min(pairs), max(pairs)) in asked:
                continue
            asked.add((min(pairs), max(pairs)))
            named = [[objects[place].category for place in (rows[pair], columns[pair])] for pair in pairs]
            yield _gaps(named, [float(distances[pair]) for pair in pairs], float(spare[index]), scene, rng)


def _gaps(named: list, distances: list[float], spare: float, scene: Scene, rng: np.random.Generator) -> Fact:
    (a, b), (c, d) = (shuffled(rng, pair) for pair in named)
    first, second = distances
    larger = bool(rng.random() < 0.5)
    measure = length_measure(scene.scale)
    return Fact(
        task="relative_distance",
        answer_type="multiple_choice",
        prompt_type="text",
        answer="yes" if (first > second) == larger else "no",
        options=("yes", "no"),
        open_ended=True,
        rule="gaps.compare",
        semantics=(a, b, c, d),
        measured={"relation": COMPARATIVES[larger]["larger"], "distances_m": [tidy(first), tidy(second)]},
        margins={"gap_m": tidy(spare)},
        words={
            "a": a,
            "b": b,
            "c": c,
            "d": d,
            "ab": measure.text(first),
            "cd": measure.text(second),
            **COMPARATIVES[larger],
        },
    )


NEEDS = frozenset({"boxes", "metric"})
RULES = (
    Rule("vsi.relative_distance", "relative_distance", NEEDS, ALL_SCALES, generate_relative),
    Rule("gaps.compare", "relative_distance", NEEDS, ALL_SCALES, generate_gaps),
)
