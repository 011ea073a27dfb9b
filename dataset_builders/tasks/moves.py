"""In which order, or how high, must an object be moved so that nothing is touched?

Objects are moved without being turned; lengths are those of the moves themselves.
"""

from collections.abc import Iterator
from itertools import islice

import numpy as np

from dataset_builders.geometry import Boxes
from dataset_builders.planning import Blocks
from dataset_builders.question import REGION_COLOURS, Fact
from dataset_builders.scene import Scene
from dataset_builders.tasks.draw import pick, shuffled, take_turns
from dataset_builders.tasks.sightings import mask_sizes
from dataset_builders.tasks.spots import point_region
from dataset_builders.tasks.tabletop import Tabletop, View, bare_table, printed, survey, tabletop_rule
from dataset_builders.tasks.visibility import frames_with_masks
from dataset_builders.tasks.wording import length_measure, tidy
from dataset_builders.taxonomy import METRES

GOALS = 64
"""Places that are drawn for one object at a time."""
GOALS_PER_OBJECT = 2
SHORTEST = 3.0
"""Margins of the scale: no move is shorter."""
TALL = 1e3
"""Times the height of the scene: a box that reaches over and under everything."""


def generate_order(scene: Scene, rng: np.random.Generator) -> Iterator[Fact]:
    """Ask by which two moves an object can be slid to a marked spot: the options are moves in words.

    Needs: boxes, frames, instances, metric; tabletops only.
    Rule: one move across the picture and one in depth, seen from the camera, in either order. One order keeps the
        scale's margin to everything, the other goes at least a margin deep into something. The two other options end
        at the mirrored spot. Neither form of the answer is likelier than another.
    Dropped: spots that the frame does not show, or perhaps beside the table; moves under three margins.
    Unit: the scale's length unit, rounded; the moves are exactly as long as they are printed.
    Source: SpaceVista, appendix B.3.4 (verbalised moves).
    """
    top = survey(scene)
    yield from take_turns(_orders(scene, top, index, rng) for index in shuffled(rng, frames_with_masks(scene)))


def _orders(scene: Scene, top: Tabletop, index: int, rng: np.random.Generator) -> Iterator[Fact]:
    view, shown = View.of(scene.frames[index].camera), mask_sizes(scene.frames[index].instances)
    movers = [at for at in np.flatnonzero(top.alone & top.named) if scene.objects[at].instance_id in shown]
    yield from take_turns(_slides(scene, top, view, int(mover), index, rng) for mover in shuffled(rng, movers))


def _slides(scene: Scene, top: Tabletop, view: View, mover: int, index: int, rng) -> Iterator[Fact]:
    others, measure = top.obstacles(mover), length_measure(scene.scale)
    start, farthest = top.base(mover), np.ptp(top.boxes.centers[:, :2], axis=0).max()
    if farthest <= SHORTEST * top.margin:
        return
    lengths = rng.uniform(SHORTEST * top.margin, farthest, (GOALS, 2))
    step = METRES[measure.unit] * 10.0**-measure.decimals
    lengths = step * np.rint(lengths / step) * rng.choice([-1, 1], (GOALS, 2))
    across, along = lengths[:, :1] * view.right, lengths[:, 1:] * view.away
    # One corner of the way per order: across first, or in depth first.
    corners, goals = start + np.stack([across, along]), start + across + along
    lasting = bare_table(scene.frames[index], view, goals, top.margin)
    for points in (*corners, goals):
        lasting &= top.on_table(points)
    corners, goals, lengths = corners[:, lasting], goals[lasting], lengths[lasting]
    if not len(goals):
        return
    blocks, lift = Blocks.around(top.boxes[others], top.boxes[[mover]]), top.lift(mover)
    free, hit = (_meets(blocks, start + lift, corners + lift, goals + lift, part * top.margin) for part in (1, -1))
    free, hit = ~free.any(-1), hit.any(-1)
    clear = np.flatnonzero((free & hit[::-1]).any(0))
    for place in islice(shuffled(rng, clear), GOALS_PER_OBJECT):
        order = int(free[1, place])
        wrong = np.stack([start, corners[1 - order, place], goals[place]]) + lift
        bumped = int(others[blocks.first_hit(wrong, -top.margin)])
        yield _ask_order(scene, top, view, mover, bumped, goals[place], lengths[place], order, index, rng)


def _meets(blocks: Blocks, start, corners: np.ndarray, goals: np.ndarray, margin: float) -> np.ndarray:
    """Tell, (2, P, O), which obstacles the ways from a place over (2, P, 3) corners to (P, 3) goals meet."""
    count = len(goals)
    starts = np.concatenate([np.broadcast_to(start, (2 * count, 3)), corners.reshape(-1, 3)])
    ends = np.concatenate([corners.reshape(-1, 3), goals, goals])
    return np.isfinite(blocks.contacts(starts, ends, margin)).reshape(2, 2, count, -1).any(0)


def _ask_order(
    scene: Scene, top: Tabletop, view: View, mover: int, bumped: int, goal, lengths, order: int, index, rng
):
    words = (("right", "left"), ("away from the camera", "towards the camera"))
    colour, flipped = pick(rng, REGION_COLOURS), int(rng.integers(2))
    texts = {}
    for mirrored in (False, True):
        signs = np.where((np.arange(2) == flipped) & mirrored, -1, 1) * lengths
        legs = [f"{printed(scene.scale, sign)} {words[axis][int(sign < 0)]}" for axis, sign in enumerate(signs)]
        texts |= {(mirrored, 0): ", then ".join(legs), (mirrored, 1): ", then ".join(legs[::-1])}
    answer, pixel = texts[False, order], view.pixels(goal[None])[0]
    return Fact(
        rule="image.order_of_moves",
        task="manipulation_planning",
        answer_type="multiple_choice",
        prompt_type="point",
        answer=answer,
        options=tuple(shuffled(rng, texts.values())),
        semantics=(scene.objects[mover].category,),
        regions=(point_region(index, colour, tuple(pixel.tolist())),),
        measured={"right_m": tidy(lengths[0]), "away_m": tidy(lengths[1])},
        margins={"at_least_m": top.margin},
        words={
            "a": scene.objects[mover].category,
            "colour": colour,
            "hit": top.called(bumped),
            "wrong": texts[False, 1 - order],
            "side": words[0][int(lengths[0] < 0)],
            "depth": words[1][int(lengths[1] < 0)],
        },
    )


def generate_height(scene: Scene, rng: np.random.Generator) -> Iterator[Fact]:
    """Ask how high an object must be lifted at least to be carried straight over to another.

    Needs: boxes, metric; tabletops only.
    Rule: it is lifted straight up, then carried level and straight until its middle is over that of the other. The
        answer is the height of the tallest top under its way, the other object among them, above its own base.
    Dropped: ways where an object within the scale's margin of the swept strip, inside or out, would change the answer.
    Unit: the scale's length unit, or one that suits the answer better.
    Source: SpaceVista, appendix B.3.4.
    """
    top = survey(scene)
    movers = np.flatnonzero(top.alone & top.named)
    streams = (_heights(scene, top, int(mover), rng) for mover in shuffled(rng, movers))
    yield from take_turns(streams)


def _heights(scene: Scene, top: Tabletop, mover: int, rng: np.random.Generator) -> Iterator[Fact]:
    others = np.flatnonzero(np.arange(len(top.objects)) != mover)
    targets = others[top.named[others]]
    # A mover that reaches over and under everything meets what its way passes over.
    lift, own = top.lift(mover), top.boxes[[mover]]
    blocks = Blocks.around(top.boxes[others], _stretched(own, TALL * float(np.ptp([*top.tops, top.level]))))
    ends = np.column_stack([top.boxes.centers[targets][:, :2], np.full(len(targets), own.centers[0, 2])])
    starts = np.broadcast_to(own.centers[0], ends.shape)
    near, deep = (np.isfinite(blocks.contacts(starts, ends, part * top.margin)) for part in (1, -1))
    base = own.centers[0, 2] - lift[2]
    highest, surely = (np.where(under, top.tops[others], -np.inf).max(1) for under in (near, deep))
    for row in shuffled(rng, np.flatnonzero(highest == surely)):
        target, tallest = int(targets[row]), int(others[np.where(deep[row], top.tops[others], -np.inf).argmax()])
        height = float(highest[row]) - base
        measure = length_measure(scene.scale, height)
        if height < SHORTEST * top.margin:
            continue
        names = [scene.objects[at].category for at in (mover, target)]
        passed = [top.called(int(at)) for at in others[deep[row]] if at != tallest]
        yield Fact(
            rule="boxes.height_to_carry",
            task="manipulation_planning",
            answer_type="regression",
            prompt_type="text",
            answer=measure.number(height),
            unit=measure.unit,
            semantics=tuple(names),
            needs_scale=True,
            measured={"height_m": tidy(height), "tallest": scene.objects[tallest].instance_id},
            margins={"above_shortest_m": tidy(height - SHORTEST * top.margin)},
            words={
                "a": names[0],
                "b": names[1],
                "tallest": top.called(tallest),
                "count": f"{len(passed) + 1} object{'s' if passed else ''}",
            },
        )


def _stretched(box: Boxes, height: float) -> Boxes:
    """Return the prism over the outline of an upright box; a leaning one is given its upright hull."""
    upright = int(np.abs(box.axes[0, :, 2]).argmax())
    if np.abs(box.axes[0, upright, 2]) > 1 - 1e-6:
        halves = box.halves.copy()
        halves[0, upright] = height
        return Boxes(box.centers, halves, box.axes)
    halves = (np.abs(box.axes[0]).T @ box.halves[0])[None]
    halves[0, 2] = height
    return Boxes(box.centers, halves, np.eye(3)[None])


RULES = (
    tabletop_rule("image.order_of_moves", "manipulation_planning", generate_order, "frames", "instances"),
    tabletop_rule("boxes.height_to_carry", "manipulation_planning", generate_height),
)
