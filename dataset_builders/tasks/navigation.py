"""How does one get from one place to another outdoors: which way to turn, how far, which way round?

Everything is seen from above: world Z is up, angles are degrees, positive to the left (counter-clockwise).
"""

from collections.abc import Iterator

import numpy as np
import shapely

from dataset_builders.geometry import Boxes
from dataset_builders.question import Fact
from dataset_builders.scene import Scene
from dataset_builders.tasks.draw import shuffled, take_turns
from dataset_builders.tasks.even import even_choices
from dataset_builders.tasks.rule import Rule
from dataset_builders.tasks.visibility import end_frames, seen_unique_objects
from dataset_builders.tasks.walking import STEP, Ground, standing_in_the_way, turn_angles
from dataset_builders.tasks.wording import joined, length_measure, tidy
from dataset_builders.taxonomy import SCALES

POINTS = ("north", "north-west", "west", "south-west", "south", "south-east", "east", "north-east")
"""The sectors of 45 degrees, counter-clockwise."""
BAND = 10.0
"""Degrees from the border of a sector within which a bearing is ambiguous."""
LEAST_ANGLE, LEAST_DIFFERENCE = 8.0, 15.0
"""Degrees: a turn must be clearly to one side, and the options clearly apart."""
STEEPEST = 45.0
"""Degrees: a camera that looks more steeply up or down has no clear direction ahead."""
CLOSEST = 4.0
"""Margins over the ground from the camera to where one goes."""
LEAST_SAVED = 0.1
"""Of the shorter way round: by so much the other must be longer."""
SIDES = ("left", "right")


def generate_bearing(scene: Scene, rng: np.random.Generator) -> Iterator[Fact]:
    """Ask for the compass point in which a target lies, where the direction from one object to another is north.

    Needs: boxes, metric; outdoor scenes.
    Rule: from the middle of the first object; eight sectors of 45 degrees round the eight points. Every point that is
        an option is right equally often.
    Dropped: bearings within 10 degrees of the border of a sector; objects too close to each other (see `walking`).
    Source: SpaceVista, Table B7 (Navigation).
    """
    ground = Ground.of(scene, rng)
    ways = ground.places - ground.places[:, None]  # (from, to)
    angles = turn_angles(ways[:, :, None], ways[:, None])
    sectors = np.rint(angles / 45).astype(int)
    spare = 22.5 - np.abs(angles - 45 * sectors) - BAND
    able = ground.far[:, :, None] & ground.far[:, None] & ground.far[None] & (spare >= 0)
    pools = {
        point: np.argwhere(able & (sectors % len(POINTS) == number)).tolist() for number, point in enumerate(POINTS)
    }
    for options, answer, trio in even_choices(rng, pools):
        angle = float(angles[tuple(trio)])
        names = [ground.names[stop] for stop in trio]
        yield Fact(
            rule="boxes.bearing",
            task="navigation",
            answer_type="multiple_choice",
            prompt_type="text",
            answer=answer,
            options=options,
            open_ended=True,
            semantics=tuple(ground.categories[stop] for stop in trio),
            measured={"angle_deg": tidy(angle)},
            margins={"border_deg": tidy(spare[tuple(trio)])},
            words={
                "a": names[0],
                "b": names[1],
                "c": names[2],
                "choice": joined(options, "or"),
                "angle": _turn(angle),
            },
        )


def _turn(angle: float) -> str:
    return f"{abs(angle):.0f} degrees to the {SIDES[int(angle < 0)]}"


def generate_turn(scene: Scene, rng: np.random.Generator) -> Iterator[Fact]:
    """Ask how one has to turn where the camera of the first or last frame stands, to head for a target.

    Needs: boxes, frames, metric; outdoor scenes.
    Rule: the angle, on the level, from where the camera looks to the middle of the target. The options are that turn,
        the one to another object, and both to the wrong side, so that no angle and no side is likelier than another.
    Dropped: turns under 8 degrees or over 172; options under 15 degrees apart; targets within 4 margins of the camera;
        cameras that look up or down by more than 45 degrees.
    Unit: whole degrees.
    Source: SpaceVista, Table B7 (Navigation).
    """
    ends = end_frames(scene)
    yield from take_turns(_turns(scene, index, ends[index], rng) for index in shuffled(rng, ends))


def _turns(scene: Scene, index: int, end: str, rng: np.random.Generator) -> Iterator[Fact]:
    objects = seen_unique_objects(scene)
    pose = scene.frames[index].camera.camera_to_world
    ahead, least = pose[:2, 2], CLOSEST * SCALES[scene.scale].margin
    if not objects or np.linalg.norm(ahead) < np.cos(np.radians(STEEPEST)):
        return
    ways = np.array([item.center[:2] for item in objects]) - pose[:2, 3]
    angles, distances = turn_angles(ahead, ways), np.linalg.norm(ways, axis=1)
    sizes = np.rint(np.abs(angles))
    able = (distances >= least) & (sizes >= LEAST_ANGLE) & (sizes <= 180 - LEAST_ANGLE)
    apart = able & able[:, None] & (np.abs(sizes - sizes[:, None]) >= LEAST_DIFFERENCE)
    single = np.flatnonzero(able & ~apart.any(1))
    # Both of a pair come with each other as often, so that neither angle looks more likely.
    cases = [*np.argwhere(apart).tolist(), *([target] for target in single.tolist())]
    for target, *other in shuffled(rng, cases):
        options = [_turn(sign * angles[place]) for place in (target, *other) for sign in (1, -1)]
        spare = sizes[target] - LEAST_ANGLE, 180 - LEAST_ANGLE - sizes[target]
        yield Fact(
            rule="frame.turn_to",
            task="navigation",
            answer_type="multiple_choice",
            prompt_type="text",
            answer=options[0],
            options=tuple(shuffled(rng, options)),
            semantics=(objects[target].category,),
            key_frames=(index,),
            measured={"angle_deg": tidy(angles[target]), "distance_m": tidy(distances[target])},
            margins={"to_side_deg": tidy(min(spare))},
            words={
                "a": objects[target].category,
                "frame": end,
                "side": SIDES[int(angles[target] < 0)],
                "distance": length_measure(scene.scale, distances[target]).text(distances[target]),
            },
        )


def generate_distance(scene: Scene, rng: np.random.Generator) -> Iterator[Fact]:
    """Ask how far it is over the ground from where the camera of the first or last frame stands to a target.

    Needs: boxes, frames, metric; outdoor scenes.
    Rule: on the level, from the point under the camera to the nearest point of the target's outline seen from above.
    Dropped: targets within 4 margins of the camera.
    Unit: the scale's length unit, or one that suits the distance better.
    Source: SpaceVista, Table B7 (Navigation).
    """
    ends, objects = end_frames(scene), seen_unique_objects(scene)
    corners = Boxes.of(objects).corners()[:, :, :2]
    outlines = [shapely.MultiPoint(corner).convex_hull for corner in corners]
    cases = [(index, place) for index in ends for place in range(len(objects))]
    for index, place in shuffled(rng, cases):
        here = shapely.Point(scene.frames[index].camera.camera_to_world[:2, 3])
        distance, least = outlines[place].distance(here), CLOSEST * SCALES[scene.scale].margin
        if distance < least:
            continue
        item, measure = objects[place], length_measure(scene.scale, distance)
        to_middle = float(np.hypot(*(item.center[:2] - (here.x, here.y))))
        yield Fact(
            rule="frame.way_over_ground",
            task="navigation",
            answer_type="regression",
            prompt_type="text",
            answer=measure.number(distance),
            unit=measure.unit,
            semantics=(item.category,),
            key_frames=(index,),
            needs_scale=True,
            measured={"distance_m": tidy(distance), "to_middle_m": tidy(to_middle)},
            margins={"above_shortest_m": tidy(distance - least)},
            words={
                "a": item.category,
                "frame": ends[index],
                "middle": length_measure(scene.scale, to_middle).text(to_middle),
            },
        )


def generate_way_round(scene: Scene, rng: np.random.Generator) -> Iterator[Fact]:
    """Ask on which side the way round an obstacle is shorter.

    Needs: boxes, metric; outdoor scenes.
    Rule: one object alone stands in the straight way from one object to another. Both ways round it are as short as
        can be: taut round its outline grown by the scale's margin, from centre to centre. The same obstacle is asked
        about in both directions, so that neither side is likelier.
    Dropped: where the ways differ by less than a tenth or the scale's margin; where something else stands in one of
        the two; obstacles that the straight way only grazes.
    Source: SpaceVista, Table B7 (Navigation: the optimal path).
    """
    ground = Ground.of(scene, rng)
    deep = standing_in_the_way(ground.boxes, ground.places, ground.places, ground.band, -STEP * ground.margin)
    alone = (ground.near.sum(-1) == 1) & ground.far
    for start, end, row in shuffled(rng, np.argwhere(alone[..., None] & ground.near & deep).tolist()):
        if row in ground.stop_rows:
            obstacle = ground.stop_rows.tolist().index(row)
            ways = ways_round(ground.places[start], ground.places[end], ground.boxes[[row]], ground.margin)
            if ways and all(_clear(ground, way, start, end, row) for way in ways.values()):
                yield from _ask_way_round(scene, ground, (start, end, obstacle), ways, rng)


def ways_round(start: np.ndarray, end: np.ndarray, box: Boxes, margin: float) -> dict[str, np.ndarray]:
    """Return the shortest ways past a box, by the side of it on which they pass, seen by who walks them.

    They are the two halves of the outline of the convex hull of start, end and the grown obstacle.

    Args:
        start: (2,) metres.
        end: (2,) metres.
        box: One.
        margin: Metres that the corners of the ways keep to the box.

    Returns:
        `left` and `right` → (K, 2) metres; nothing where start or end are too close to the box.

    >>> box = Boxes(np.array([[2.0, 1, 0]]), np.array([[1.0, 2, 1]]), np.eye(3)[None])
    >>> ways = ways_round(np.zeros(2), np.array([4.0, 0]), box, 0.0)
    >>> ways["right"].tolist()
    [[0.0, 0.0], [1.0, -1.0], [3.0, -1.0], [4.0, 0.0]]
    """
    outline = shapely.MultiPoint(box.corners()[0, :, :2]).convex_hull.buffer(margin, join_style="mitre")
    if outline.intersects(shapely.MultiPoint([start, end])):
        return {}
    corners = np.array([*outline.exterior.coords, start, end])
    hull = shapely.geometry.polygon.orient(shapely.MultiPoint(corners).convex_hull)
    ring = np.array(hull.exterior.coords)[:-1]
    first = int(np.linalg.norm(ring - start, axis=1).argmin())
    ring = np.roll(ring, -first, axis=0)
    last = int(np.linalg.norm(ring - end, axis=1).argmin())
    # Counter-clockwise the obstacle stays on the left hand: that is past its right side.
    return {"right": ring[: last + 1], "left": np.vstack([ring[last:], ring[:1]])[::-1]}


def _clear(ground: Ground, way: np.ndarray, start: int, end: int, row: int) -> bool:
    """Tell whether nothing but the obstacle in `row` and what belongs to the ends is near a way."""
    met = standing_in_the_way(ground.boxes, way[:-1], way[1:], ground.band, ground.margin)
    met = met[np.arange(len(way) - 1), np.arange(len(way) - 1)].any(0) & ~ground.touches[[start, end]].any(0)
    met[row] = False
    return not met.any()


def _ask_way_round(scene: Scene, ground: Ground, trio, ways: dict[str, np.ndarray], rng) -> Iterator[Fact]:
    lengths = {side: float(np.linalg.norm(np.diff(way, axis=0), axis=1).sum()) for side, way in ways.items()}
    answer = min(lengths, key=lengths.__getitem__)
    short, long = sorted(lengths.values())
    spare = long - short - max(ground.margin, LEAST_SAVED * short)
    if spare < 0:
        return
    names = [ground.names[stop] for stop in trio]
    yield Fact(
        rule="boxes.way_round",
        task="navigation",
        answer_type="multiple_choice",
        prompt_type="text",
        answer=answer,
        options=tuple(shuffled(rng, SIDES)),
        open_ended=True,
        semantics=tuple(ground.categories[stop] for stop in trio),
        measured={f"{side}_m": tidy(length) for side, length in lengths.items()},
        margins={"to_spare_m": tidy(spare)},
        words={
            "a": names[0],
            "b": names[1],
            "c": names[2],
            **{side: length_measure(scene.scale, length).text(length) for side, length in lengths.items()},
        },
    )


OUTDOOR, NEEDS = frozenset({"outdoor"}), frozenset({"boxes", "metric"})
RULES = (
    Rule("boxes.bearing", "navigation", NEEDS, OUTDOOR, generate_bearing),
    Rule("frame.turn_to", "navigation", NEEDS | {"frames"}, OUTDOOR, generate_turn),
    Rule("frame.way_over_ground", "navigation", NEEDS | {"frames"}, OUTDOOR, generate_distance),
    Rule("boxes.way_round", "navigation", NEEDS, OUTDOOR, generate_way_round),
)
