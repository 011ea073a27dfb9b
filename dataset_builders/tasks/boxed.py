"""How far apart are two boxed objects? Nothing in the words tells the scale: it must be seen.

The measure is that of `distance`; only the way of pointing differs (paper, section 3, input extension).
"""

from collections.abc import Iterator

import numpy as np

from dataset_builders.question import Fact
from dataset_builders.scene import Scene
from dataset_builders.tasks.distance import SHORTEST, pair_distances
from dataset_builders.tasks.draw import shuffled, take_turns
from dataset_builders.tasks.rule import ALL_SCALES, Rule
from dataset_builders.tasks.views import draw_marks, whole_views
from dataset_builders.tasks.visibility import frames_with_sightings
from dataset_builders.tasks.wording import capital, length_measure, tidy
from dataset_builders.taxonomy import SCALES


def generate(scene: Scene, rng: np.random.Generator) -> Iterator[Fact]:
    """Ask for the distance between two objects that are boxed in one frame.

    Needs: boxes, frames, sightings, metric.
    Rule: the smallest distance between the objects, as in `distance.generate_absolute`.
    Dropped: masks under 20 x 20 pixels of 448 x 336; objects that the frame cuts off; distances below 4/3 of the
        scale's margin.
    Unit: as in `distance.generate_absolute`.
    Source: SpaceVista, section 3 (input extension) and Table B7 (Absolute Distance).
    """
    yield from take_turns(_distances(scene, index, rng) for index in shuffled(rng, frames_with_sightings(scene)))


def _distances(scene: Scene, index: int, rng: np.random.Generator) -> Iterator[Fact]:
    shortest, views = SHORTEST * SCALES[scene.scale].margin, whole_views(scene, index)
    rows, columns = np.triu_indices(len(views), 1)
    distances = pair_distances([view.item for view in views], rows, columns)
    for pair in rng.permutation(np.flatnonzero(distances >= shortest)):
        distance = float(distances[pair])
        measure = length_measure(scene.scale, distance)
        two = [views[place] for place in shuffled(rng, (rows[pair], columns[pair]))]
        first, second = draw_marks(two, scene, rng, kind="bbox")
        yield Fact(
            task="absolute_distance",
            answer_type="regression",
            prompt_type="bbox",
            answer=measure.number(distance),
            unit=measure.unit,
            rule="image.distance_of_boxed",
            semantics=tuple(view.item.category for view in two),
            needs_scale=True,
            measured={"distance_m": tidy(distance)},
            margins={"above_shortest_m": tidy(distance - shortest)},
            regions=(first.region, second.region),
            words={
                "a": first.colour,
                "b": second.colour,
                "subject": capital(first.colour),
                "place": first.place,
                "place_b": second.place,
                "thing": two[0].item.category,
                "thing_b": two[1].item.category,
            },
        )


RULES = (
    Rule(
        "image.distance_of_boxed",
        "absolute_distance",
        frozenset({"boxes", "frames", "sightings", "metric"}),
        ALL_SCALES,
        generate,
    ),
)
