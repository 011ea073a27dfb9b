"""How much ground does an object cover, seen from the air, and which of several covers more?

Areas are those seen from straight above. The base of an object's box is its footprint only where the object fills it;
other objects are asked about by the rectangle round them, in so many words.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from shapely import MultiPoint

from dataset_builders.geometry import Boxes, box_distances
from dataset_builders.question import REGION_COLOURS, Fact
from dataset_builders.scene import Scene, SceneObject
from dataset_builders.tasks.draw import shuffled, take_turns
from dataset_builders.tasks.rule import Rule
from dataset_builders.tasks.sightings import Sighting, sightings
from dataset_builders.tasks.spots import box_region
from dataset_builders.tasks.visibility import frames_with_masks, seen_unique_objects
from dataset_builders.tasks.wording import Measure, area_measure, capital, joined, tidy

TASK, DRONE = "area_estimation", frozenset({"drone"})
RECTANGULAR = frozenset(
    (
        *("barn", "bus", "car", "carport", "factory", "garage", "greenhouse", "hangar", "house", "office building"),
        *("shed", "shipping container", "skyscraper", "swimming pool", "tennis court", "tower", "trailer", "train"),
        *("truck", "van", "warehouse"),
    )
)
"""Categories that fill the base of their box to within a few percent."""
FILLED = 0.9
"""Share of the base that the convex hull of an object's points covers where the base is its footprint."""
REACH = 0.5
"""Metres: an object this near to another that reaches lower by more than this is fixed to that, not to the ground."""
UPRIGHT = np.cos(np.radians(3))
LEAST_RATIO = 1.25
"""Two areas closer than this are not clearly different."""
FACTORS = (1.3, 2.5)
"""By what factor the ratio in question is at least, and at most, off the true one."""
SIDE = Measure("m", 2)
EXTREMES = {(True, True): "larger", (True, False): "largest", (False, True): "smaller", (False, False): "smallest"}
"""Whether the largest is asked for, and whether of two → in words."""


@dataclass(frozen=True)
class Footprint:
    """The base of an upright box.

    Attributes:
        item: Whose box.
        sides: Length and width, metres.
        filled: Whether the object covers all of it.
    """

    item: SceneObject
    sides: tuple[float, float]
    filled: bool

    @property
    def area(self) -> float:
        """Square metres."""
        return self.sides[0] * self.sides[1]


def footprint(item: SceneObject) -> Footprint | None:
    """Return the base of an object's box; None where the box is not upright to within 3°."""
    up = int(np.abs(item.rotation[:, 2]).argmax())
    if abs(item.rotation[up, 2]) < UPRIGHT:
        return None
    level = [axis for axis in range(3) if axis != up]
    long, wide = sorted(item.size[level].tolist(), reverse=True)
    filled = item.category in RECTANGULAR
    if item.points is not None:
        filled = MultiPoint(item.points @ item.rotation[level].T).convex_hull.area >= FILLED * long * wide
    return Footprint(item, (long, wide), filled)


def on_the_ground(objects: Sequence[SceneObject]) -> set[int]:
    """Return the ids of the objects that do not stand on, or hang from, one that reaches lower."""
    boxes = Boxes.of(objects)
    lowest = boxes.corners()[:, :, 2].min(1)
    higher, lower = np.nonzero(lowest[:, None] > lowest + REACH)
    aloft = set(higher[box_distances(boxes[higher], boxes[lower]) < REACH].tolist())
    return {item.instance_id for index, item in enumerate(objects) if index not in aloft}


def footprints(objects: Sequence[SceneObject], scene: Scene) -> list[Footprint]:
    """Return the bases of those objects that stand upright on the ground."""
    standing = on_the_ground(scene.objects)
    found = [footprint(item) for item in objects if item.instance_id in standing]
    return [base for base in found if base is not None]


def generate_footprint(scene: Scene, rng: np.random.Generator) -> Iterator[Fact]:
    """Ask how much ground an object covers, or the rectangle round it.

    Needs: boxes, metric; drone views.
    Rule: an object that is the only one of its category; the base of its box. It is called the object's footprint
        where the hull of its measured points fills 90 % of it or, without points, by its category; else the question
        is about the rectangle that encloses it.
    Dropped: boxes that are not upright to within 3°; objects that stand on or hang from another one.
    Unit: m² (cm², km² below 0.1 m² or from 1 km²), three digits.
    Source: SpaceVista, Tables B7 and B8 (area estimation).
    """
    for base in shuffled(rng, footprints(seen_unique_objects(scene), scene)):
        long, wide = base.sides
        yield area_fact(
            base.area,
            rule="area.footprint",
            wording="area.footprint" if base.filled else "area.rectangle",
            prompt_type="text",
            semantics=(base.item.category,),
            measured={"area_m2": tidy(base.area), "sides_m": [tidy(long), tidy(wide)], "filled": base.filled},
            told_by_words=True,  # a house covers more than a car
            words={"a": base.item.category, "long": SIDE.text(long), "wide": SIDE.text(wide)},
        )


def area_fact(area: float, **fields) -> Fact:
    """Ask for an area, square metres; `fields` are the rest of the fact."""
    measure = area_measure(area)
    return Fact(
        task=TASK,
        answer_type="regression",
        answer=measure.number(area),
        unit=measure.unit,
        needs_scale=True,
        **fields,
    )


def generate_ratio(scene: Scene, rng: np.random.Generator) -> Iterator[Fact]:
    """Ask whether one of two boxed objects covers more than so many times the ground of the other.

    Needs: boxes, frames, instances, metric; drone views.
    Rule: two pairs of objects of one frame that fill the bases of their boxes, as in `generate_footprint`, are drawn;
        the number asked lies midway, as a factor, between their ratios, and either pair is asked about. So the same
        number is as often below the truth as above it, and no category tells the ratio.
    Dropped: masks under 20 x 20 pixels of 448 x 336; ratios below 1.25, and those not 1.3 to 2.5 times below or above
        the number.
    Source: SpaceVista, Table B8 (area estimation).
    """
    yield from take_turns(_ratios(scene, index, rng) for index in shuffled(rng, frames_with_masks(scene)))


def _ratios(scene: Scene, index: int, rng: np.random.Generator) -> Iterator[Fact]:
    seen, filled = _seen_and_filled(scene, index)
    pairs = [sorted(pair, key=lambda base: -base.area) for pair in combinations(filled, 2)]
    ratios = [large.area / small.area for large, small in pairs]
    clear = [place for place, ratio in enumerate(ratios) if ratio >= LEAST_RATIO]
    for low, high in shuffled(rng, combinations(sorted(clear, key=ratios.__getitem__), 2)):
        factor = float(np.sqrt(ratios[high] / ratios[low]))
        if not FACTORS[0] <= factor <= FACTORS[1]:
            continue
        asked = ratios[low] * factor
        number = f"{asked:.0f}" if asked >= 10 else f"{asked:.1f}"
        place = high if rng.random() < 0.5 else low
        (large, small), ratio = pairs[place], ratios[place]
        colours = list(shuffled(rng, REGION_COLOURS))[:2]
        yield Fact(
            task=TASK,
            answer_type="multiple_choice",
            prompt_type="bbox",
            answer="yes" if place == high else "no",
            options=("yes", "no"),
            open_ended=True,
            rule="area.ratio",
            semantics=(large.item.category, small.item.category),
            measured={"areas_m2": [tidy(large.area), tidy(small.area)], "asked": float(number)},
            margins={"factor": tidy(max(ratio / float(number), float(number) / ratio) - 1)},
            regions=tuple(
                box_region(index, colour, seen[base.item.instance_id])
                for colour, base in zip(colours, (large, small), strict=True)
            ),
            words={
                "a": colours[0],
                "b": colours[1],
                "times": number,
                "area_a": area_measure(large.area).text(large.area),
                "area_b": area_measure(small.area).text(small.area),
                "ratio": f"{ratio:.1f}",
            },
        )


def generate_boxed(scene: Scene, rng: np.random.Generator) -> Iterator[Fact]:
    """Ask which of two to four objects that are boxed in one frame covers the most, or the least, ground.

    Needs: boxes, frames, instances, metric; drone views.
    Rule: objects, as in `generate_footprint`, that fill the bases of their boxes; the areas of these.
    Dropped: masks under 20 x 20 pixels of 448 x 336; areas of which one is less than 1.25 times the next smaller.
    Source: SpaceVista, Table B8 (area estimation); only colours name the objects, so that no category tells its size.
    """
    yield from take_turns(_boxed(scene, index, rng) for index in shuffled(rng, frames_with_masks(scene)))


def _boxed(scene: Scene, index: int, rng: np.random.Generator) -> Iterator[Fact]:
    seen, filled = _seen_and_filled(scene, index)
    for chosen in take_turns([shuffled(rng, combinations(filled, count)) for count in (4, 3, 2)]):
        areas = [base.area for base in chosen]
        ascending = np.sort(areas)
        spare = float((ascending[1:] / ascending[:-1]).min()) / LEAST_RATIO - 1
        if spare < 0:
            continue
        colours = list(shuffled(rng, REGION_COLOURS))[: len(chosen)]
        marked = dict(zip(colours, chosen, strict=True))
        yield largest_fact(
            dict(zip(colours, areas, strict=True)),
            spare,
            rng,
            rule="area.boxed",
            prompt_type="bbox",
            semantics=tuple(base.item.category for base in chosen),
            regions=tuple(box_region(index, each, seen[base.item.instance_id]) for each, base in marked.items()),
        )


def _seen_and_filled(scene: Scene, index: int) -> tuple[dict[int, Sighting], list[Footprint]]:
    """Return what a frame shows, and the footprints of those objects that fill the bases of their boxes."""
    seen = sightings(scene.frames[index])
    shown = [item for item in scene.objects if item.instance_id in seen]
    return seen, [base for base in footprints(shown, scene) if base.filled]


def largest_fact(areas: Mapping[str, float], spare: float, rng: np.random.Generator, **fields) -> Fact:
    """Ask which colour marks the largest or the smallest area, at random.

    Args:
        areas: Colour → square metres.
        spare: By what share the closest two differ more than they must.
        rng: Draws what is asked.
        fields: The rest of the fact.
    """
    largest = bool(rng.random() < 0.5)
    answer = (max if largest else min)(areas, key=areas.__getitem__)
    colours = [colour for colour in REGION_COLOURS if colour in areas]
    texts = {colour: area_measure(areas[colour]).text(areas[colour]) for colour in colours}
    return Fact(
        task=TASK,
        answer_type="multiple_choice",
        answer=answer,
        options=tuple(colours),
        open_ended=True,
        measured={"areas_m2": {colour: tidy(areas[colour]) for colour in colours}, "largest": largest},
        margins={"ratio": tidy(spare)},
        words={
            "list": joined(colours, "and"),
            "choice": joined(colours, "or"),
            "listed": capital(", ".join(f"{colour} covers {text}" for colour, text in texts.items())),
            "best": texts[answer],
            "most": "most" if largest else "least",
            "largest": EXTREMES[largest, len(colours) == 2],
        },
        **fields,
    )


NEEDS = frozenset({"boxes", "metric"})
RULES = (
    Rule("area.footprint", TASK, NEEDS, DRONE, generate_footprint),
    Rule("area.ratio", TASK, NEEDS | {"frames", "instances"}, DRONE, generate_ratio),
    Rule("area.boxed", TASK, NEEDS | {"frames", "instances"}, DRONE, generate_boxed),
)
