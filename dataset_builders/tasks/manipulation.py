"""How can an object be moved to another place on a table without touching anything?

Objects are moved without being turned. A path is that of the middle of the object's base.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import combinations, islice, permutations, product

import numpy as np

from dataset_builders.planning import Blocks, cut, rrt_connect, sampled_clearance, shorten
from dataset_builders.question import REGION_COLOURS, Fact, Region
from dataset_builders.scene import Scene
from dataset_builders.tasks.draw import shuffled, take_turns
from dataset_builders.tasks.sightings import mask_sizes
from dataset_builders.tasks.tabletop import BESIDE, UP, Tabletop, View, printed, survey, tabletop_rule
from dataset_builders.tasks.visibility import frames_with_masks
from dataset_builders.tasks.wording import joined, tidy

SAMPLES = 40
"""Points towards which the trees grow before a way is given up."""
STEP = 0.4
"""Of the diagonal of the space that is searched: how far a tree grows at a time."""
DETOURS = 60
"""Wrong detours that are drawn at a time."""
CASES_PER_FRAME = 30
"""Moves that are looked at in one frame, most of them dropped early, so that a hopeless frame stays cheap."""
LONGEST_DETOUR = 1.6
"""A wrong detour is at most this many times as long as the straight way, or as long as the right one."""
GAP = 2.0
"""Margins between the moved object and the one that it is put beside."""
LEAST_APART = 0.06
"""Of the frame's height: two drawn paths are told apart where they are farther from each other."""
NAMED_SHARE = 0.35
"""Of a leg: a direction that makes up less of it is not put in words."""


WAYS = (("up", "down"), ("right", "left"), ("away from the camera", "towards the camera"))
"""Up, to the right and away in the picture, and their opposites."""


@dataclass(frozen=True)
class Move:
    """An object on its way to a place beside or above another; indices into `Scene.objects`, metres.

    Attributes:
        top: The table.
        view: How a camera sees it.
        mover: What is moved.
        target: What it is put beside.
        blocks: Where the mover's centre cannot be.
        others: The obstacles in the order of `blocks`.
    """

    top: Tabletop
    view: View
    mover: int
    target: int
    blocks: Blocks
    others: np.ndarray

    def goal(self, side: str) -> np.ndarray | None:
        """Return where the middle of the base ends, (3,), or None if there is no room, no table or no view."""
        top, gap = self.top, GAP * self.top.margin
        if side == "above":
            point = np.array([*top.boxes.centers[self.target][:2], top.tops[self.target] + gap])
        else:
            point = top.spot_beside(self.mover, self.target, self.view.direction(side), gap)
            if not top.on_table(point[None])[0]:
                return None
        here = np.stack([point, point])
        return point if self.view.shows(here).all() and self.keeps_clear(here) else None

    def keeps_clear(self, path: np.ndarray) -> bool:
        """Tell whether a path of the base keeps the scale's margin to all obstacles."""
        return self.blocks.first_hit(path + self.top.lift(self.mover), self.top.margin) is None

    def first_hit(self, path: np.ndarray) -> int | None:
        """Return what a path of the base runs into first, at least a margin deep; None if nothing."""
        hit = self.blocks.first_hit(path + self.top.lift(self.mover), -self.top.margin)
        return None if hit is None else int(self.others[hit])

    def plan(self, goal: np.ndarray, rng: np.random.Generator) -> np.ndarray | None:
        """Find a short way to a place, (V, 3), that keeps clear of everything and in the picture."""
        start, lift = self.top.base(self.mover), self.top.lift(self.mover)
        samples = self.samples(SAMPLES, goal, rng)
        free = self.blocks.free(self.top.margin)
        step = STEP * float(np.linalg.norm(samples.max(0) - samples.min(0))) if len(samples) else 1.0
        path = rrt_connect(start + lift, goal + lift, free, samples + lift, step)
        return None if path is None else shorten(shorten(path, free), free) - lift

    def samples(self, count: int, goal: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Draw points, (P, 3), over the table round the way to a place, all of them in the picture."""
        ends = np.stack([self.top.base(self.mover), goal])
        reach = 0.5 * np.linalg.norm(ends[1] - ends[0]) + 2 * np.linalg.norm(self.top.boxes.halves[self.mover])
        low, high = ends.min(0) - reach, ends.max(0) + reach
        low[2] = self.top.level
        high[2] = self.top.tops[self.others].max() + 3 * self.top.margin
        points = rng.uniform(low, high, (count, 3))
        return points[self.view.shows(points)]


def generate_path(scene: Scene, rng: np.random.Generator) -> Iterator[Fact]:
    """Ask which of four drawn paths takes an object to a place without touching anything.

    Needs: boxes, frames, instances, metric; tabletops only.
    Rule: the place is beside or above another object, seen from the camera, two margins of the scale away from it. The
        right path is found by RRT-Connect in 3-D, shortened, keeps a margin to every box, and is checked against the
        exact distances of boxes along the way. Wrong ones: the straight way and a detour to the same place, both at
        least a margin deep in an obstacle, and a clear path to another side of the other object.
    Dropped: places that are occupied, out of the picture or perhaps beside the table; moves whose straight way is
        free; paths that leave the picture or look alike.
    Source: SpaceVista, appendix B.3.4 (RRT with boxes as obstacles; several paths projected into the image).
    """
    top = survey(scene)
    frames = shuffled(rng, frames_with_masks(scene))
    yield from take_turns(_paths(scene, top, index, rng) for index in frames)


def _paths(scene: Scene, top: Tabletop, index: int, rng: np.random.Generator) -> Iterator[Fact]:
    view, shown = View.of(scene.frames[index].camera), mask_sizes(scene.frames[index].instances)
    named = [at for at in np.flatnonzero(top.named).tolist() if scene.objects[at].instance_id in shown]
    grown = cache(
        lambda mover: (Blocks.around(top.boxes[top.obstacles(mover)], top.boxes[[mover]]), top.obstacles(mover))
    )
    pairs = [(mover, target) for mover, target in permutations(named, 2) if top.alone[mover] and top.standing[target]]
    cases = shuffled(rng, product(pairs, BESIDE))
    for (mover, target), side in islice(cases, CASES_PER_FRAME):
        move = Move(top, view, mover, target, *grown(mover))
        goal = move.goal(side)
        if goal is not None and view.shows(top.base(mover)[None])[0]:
            fact = _choose(scene, move, side, goal, index, rng)
            if fact is not None:
                yield fact


def _choose(scene: Scene, move: Move, side: str, goal: np.ndarray, index: int, rng) -> Fact | None:
    straight = np.stack([move.top.base(move.mover), goal])
    if move.first_hit(straight) is None:
        return None
    elsewhere = ((name, move.goal(name)) for name in shuffled(rng, BESIDE) if name != side)
    astray, place = next(((name, place) for name, place in elsewhere if place is not None), (None, None))
    right = None if place is None else move.plan(goal, rng)
    if right is None:
        return None
    lost = move.plan(place, rng)
    if lost is None or not _all_apart(move.view, [straight, right, lost]):
        return None
    detour = _wrong_detour(move, straight, right, lost, rng)
    if detour is None:
        return None
    return _verified(scene, move, (side, astray), (right, straight, detour, lost), index, rng)


def _wrong_detour(move: Move, straight, right, lost, rng: np.random.Generator) -> np.ndarray | None:
    """Draw a way to the same place that looks like a detour, yet runs into something."""
    points = move.samples(DETOURS, straight[1], rng)
    # Half of the detours follow the right one, but cut it too short.
    bends = cut(right, 4)[1:-1]
    along = np.linspace(0, 1, len(bends) + 2)[1:-1, None]
    tight = straight[0] + along * (straight[1] - straight[0])
    tight = tight + rng.uniform(0.2, 0.7, (len(bends), 1)) * (bends - tight)
    longest = max(LONGEST_DETOUR * _length(straight), _length(right))
    for way in shuffled(rng, [*points, *tight[move.view.shows(tight)]]):
        path = np.stack([straight[0], way, straight[1]])
        if (
            _length(path) <= longest
            and move.first_hit(path) is not None
            and _all_apart(move.view, [straight, right, lost, path])
        ):
            return path
    return None


def _all_apart(view: View, paths: list[np.ndarray]) -> bool:
    """Tell whether no two paths look alike."""
    curves = [view.pixels(cut(path, 8)) for path in paths]
    least = LEAST_APART * view.camera.height
    return all(max(_stray(one, other), _stray(other, one)) >= least for one, other in combinations(curves, 2))


def _length(path: np.ndarray) -> float:
    return float(np.linalg.norm(np.diff(path, axis=0), axis=1).sum())


def _stray(curve: np.ndarray, other: np.ndarray) -> float:
    """Return how far, pixels, a curve (P, 2) strays from another."""
    return float(np.linalg.norm(curve[:, None] - other, axis=-1).min(1).max())


def _verified(scene: Scene, move: Move, sides, paths, index: int, rng) -> Fact | None:
    """Ask, if the exact distances along the right path confirm that it is clear."""
    top, right, (side, elsewhere) = move.top, paths[0], sides
    mover, obstacles = top.boxes[[move.mover]], top.boxes[move.others]
    clearance = sampled_clearance(mover, right + top.lift(move.mover), obstacles, 2 * top.margin)
    if clearance < top.margin * (1 - 1e-9):
        return None
    hits = [move.first_hit(path) for path in paths[1:3]]
    depths = [_depth(move, path) for path in paths[1:3]]
    colours = list(shuffled(rng, REGION_COLOURS))
    pixels = [tuple((float(x), float(y)) for x, y in move.view.pixels(path)) for path in paths]
    regions = [Region(index, "path", colour, path=path) for colour, path in zip(colours, pixels, strict=True)]
    names = [scene.objects[at].category for at in (move.mover, move.target)]
    return Fact(
        rule="image.path",
        task="manipulation_planning",
        answer_type="multiple_choice",
        prompt_type="mask",
        answer=colours[0],
        options=tuple(REGION_COLOURS),
        open_ended=True,
        semantics=tuple(names),
        regions=tuple(sorted(regions, key=lambda region: list(REGION_COLOURS).index(region.colour))),
        measured={
            "path_m": [[tidy(value) for value in point] for point in right],
            "length_m": tidy(_length(right)),
            "side": side,
        },
        margins={"clearance_m": tidy(clearance), "collision_depth_m": tidy(min(depths))},
        words={
            "a": names[0],
            "b": names[1],
            "side": f"{BESIDE[side]} the {names[1]}",
            "elsewhere": f"{BESIDE[elsewhere]} the {names[1]}",
            "moves": put_in_words(right, move.view, scene.scale),
            "straight": colours[1],
            "hit": top.called(hits[0]),
            "detour": colours[2],
            "hit_b": top.called(hits[1]),
            "astray": colours[3],
        },
    )


def _depth(move: Move, path: np.ndarray) -> float:
    """Return how deep, metres, a path goes into an obstacle, at stations a quarter of a margin apart or less."""
    legs = np.linalg.norm(np.diff(path, axis=0), axis=1)
    stations = cut(path, int(np.ceil(4 * legs.max() / move.top.margin)))
    return float(move.blocks.depths(stations + move.top.lift(move.mover)).max())


def put_in_words(path: np.ndarray, view: View, scale: str) -> str:
    """Say a path leg by leg, seen from the camera (SpaceVista, appendix B.3.4); small parts of a leg are left out."""
    axes = np.stack([UP, view.right, view.away])
    legs = []
    for leg in np.diff(path, axis=0) @ axes.T:
        main = np.flatnonzero(np.abs(leg) >= NAMED_SHARE * np.linalg.norm(leg))
        legs.append(joined([f"{printed(scale, leg[axis])} {WAYS[axis][int(leg[axis] < 0)]}" for axis in main], "and"))
    return ", then ".join(legs)


RULES = (tabletop_rule("image.path", "manipulation_planning", generate_path, "frames", "instances"),)
