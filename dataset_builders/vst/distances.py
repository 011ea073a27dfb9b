"""Which marked object is closest to another, or farthest from it, and how far is each (VST, table 22)?"""

from collections.abc import Iterator, Sequence

import numpy as np

from dataset_builders.question import Fact
from dataset_builders.scene import Scene
from dataset_builders.tasks.depth import TRIES_PER_FRAME
from dataset_builders.tasks.distance import surface_distances
from dataset_builders.tasks.draw import pick, shuffled, take_turns
from dataset_builders.tasks.nearness import ambiguity_margin, room_to_spare
from dataset_builders.tasks.rule import Rule
from dataset_builders.tasks.views import Mark, View, whole_views
from dataset_builders.tasks.visibility import frames_with_sightings
from dataset_builders.tasks.wording import joined, tidy
from dataset_builders.taxonomy import SCALES as ALL
from dataset_builders.vst.camera_boxes import SCALES
from dataset_builders.vst.marking import marked_names

SUPERLATIVES = {"closest": "closest to", "farthest": "farthest from"}
FEWEST, MOST = 2, 3
"""Candidates; with the object that they are compared with there are four marks at most."""


def generate(scene: Scene, rng: np.random.Generator) -> Iterator[Fact]:
    """Ask which of two or three marked objects is the closest to another marked one, or the farthest from it.

    Half the questions have the candidates as options; the other half ask for the distances too, to the centimetre.

    Needs: boxes, frames, sightings, metric.
    Rule: the smallest distance between the objects, as in `distance.generate_absolute`.
    Dropped: objects that the frame cuts off; where the closest candidate is nearer than the scale's margin or two
        differ by no more than candidates of `nearness.generate_relative` must.
    Source: VST, appendix C.2 and table 22.
    """
    yield from take_turns(_of_frame(scene, index, rng) for index in shuffled(rng, frames_with_sightings(scene)))


def _of_frame(scene: Scene, index: int, rng: np.random.Generator) -> Iterator[Fact]:
    views, known = whole_views(scene, index), set()
    for _ in range(TRIES_PER_FRAME if len(views) > FEWEST else 0):
        anchor, *others = list(shuffled(rng, views))[: int(rng.integers(FEWEST, MOST + 1)) + 1]
        key = (anchor.item.instance_id, frozenset(other.item.instance_id for other in others))
        distances = surface_distances(anchor.item, [other.item for other in others])
        spare = float(room_to_spare(distances, ambiguity_margin(scene)))
        if spare <= 0 or distances.min() < ALL[scene.scale].margin or key in known:
            continue
        named = marked_names([anchor, *others], scene, rng)
        if named is not None:
            known.add(key)
            yield _fact([anchor, *others], *named, distances.tolist(), spare, rng)


def _fact(
    views: Sequence[View],
    names: Sequence[str],
    marks: Sequence[Mark],
    lengths: list[float],
    spare: float,
    rng: np.random.Generator,
) -> Fact:
    anchor, *candidates = names
    distances = dict(zip(candidates, lengths, strict=True))
    asked, spelled = pick(rng, SUPERLATIVES), bool(rng.random() < 0.5)
    best = (min if asked == "closest" else max)(distances, key=distances.__getitem__)
    listed = ", ".join(f"Distance[{anchor}, {name}]={length:.2f}m" for name, length in distances.items())
    answer = f"The distance relationships are: {listed}. So, the answer is {best}."
    return Fact(
        rule="vst.distance",
        wording="vst.distance_spelled" if spelled else "vst.distance",
        task="relative_distance",
        answer_type="free_form" if spelled else "multiple_choice",
        prompt_type=marks[0].region.kind,
        answer=answer if spelled else best,
        options=() if spelled else tuple(candidates),
        open_ended=not spelled,
        semantics=tuple(view.item.category for view in views),
        needs_scale=spelled,
        measured={"relation": asked, "distances_m": {name: tidy(one) for name, one in distances.items()}},
        margins={"gap_m": tidy(spare)},
        regions=tuple(mark.region for mark in marks),
        words={
            "a": anchor,
            "listed": joined([f"the {name}" for name in candidates], "or"),
            "most": SUPERLATIVES[asked],
            "lengths": joined([f"{name} {length:.2f} m" for name, length in distances.items()], "and"),
        },
    )


NEEDS = frozenset({"boxes", "frames", "sightings", "metric"})
RULES = (Rule("vst.distance", "relative_distance", NEEDS, SCALES, generate),)
