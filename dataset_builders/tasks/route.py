"""Which turns does a route take? (VSI-Bench, route planning.)."""

from collections.abc import Iterator
from itertools import product

import numpy as np

from dataset_builders.question import Fact
from dataset_builders.scene import Scene
from dataset_builders.tasks.draw import take_turns
from dataset_builders.tasks.even import even_choices
from dataset_builders.tasks.rule import Rule
from dataset_builders.tasks.walking import Ground, turn_angles
from dataset_builders.tasks.wording import joined, tidy

TURNS = ("turn left", "turn right", "turn back")
AHEAD, BACK = 15.0, 135.0
"""Degrees: below the first one goes on straight, beyond the second one turns back (VSI-Bench, relative direction)."""
BAND = 15.0
"""Degrees on either side of these within which a turn is ambiguous."""
MOST_TURNS = 3
MOST_ROUTES = 2000
"""Routes of one form and length, drawn at random, that are looked at and made longer."""
BLANK = "[please fill in]"


def label_turns(angles: np.ndarray) -> np.ndarray:
    """Return the index into `TURNS` of turns by angles in degrees, -1 where ambiguous or straight on.

    >>> label_turns(np.array([90.0, -31, 29, 121, 149, 151, -151])).tolist()
    [0, 1, -1, -1, -1, 2, 2]
    """
    size = np.abs(angles)
    side = np.where((size >= AHEAD + BAND) & (size <= BACK - BAND), np.where(angles > 0, 0, 1), -1)
    return np.where(size >= BACK + BAND, 2, side)


def mirrored(turns: str) -> str:
    """Swap left and right.

    >>> mirrored("turn left, turn back")
    'turn right, turn back'
    """
    return turns.replace("left", "\0").replace("right", "left").replace("\0", "right")


def generate(scene: Scene, rng: np.random.Generator) -> Iterator[Fact]:
    """Ask for the turns of a route over one to three legs.

    Needs: boxes, metric; indoor and drone scenes.
    Rule: start at an object, facing a second. Either go forward to the second and turn there, or turn on the spot.
        Legs run straight from centre to centre, seen from above. A turn is to the left or right from 15 degrees on and
        back beyond 135. Every sequence of turns that is an option is right equally often; where the routes of a scene
        give only one sequence, the other option is its mirror image.
    Dropped: turns within 15 degrees of a boundary; legs on which an object is closer than the scale's margin (0.15 m
        indoors), or whose ends are too close to each other (see `walking`); unseen objects and those
        that no name tells from others.
    Source: VSI-Bench, route planning; SpaceVista, Table B7 (Route Planning, Route Plan).
    """
    ground = Ground.of(scene, rng)
    streams = [
        _routes(ground, bool(forward), count, rng) for count, forward in product(range(1, MOST_TURNS + 1), (0, 1))
    ]
    yield from take_turns(streams)


def _routes(ground: Ground, forward: bool, count: int, rng: np.random.Generator) -> Iterator[Fact]:
    """Ask about the routes of one form: the first stop is that which one faces, or one turns at once."""
    stops, labels = _enumerate(ground, forward, count, rng)
    codes = labels @ len(TURNS) ** np.arange(count)
    pools = {
        ", ".join(TURNS[turn] for turn in labels[rows[0]]): rows.tolist()
        for rows in (np.flatnonzero(codes == code) for code in np.unique(codes))
    }
    used = set()
    for options, answer, row in even_choices(rng, pools):
        used.add(row)
        yield _ask(ground, stops[row].tolist(), forward, options, answer)
    # Routes that are left, all of one kind: in a mirrored world, which is as likely, the mirrored answer is right.
    for answer, rows in pools.items():
        for row in [row for row in rows if row not in used and mirrored(answer) != answer]:
            yield _ask(ground, stops[row].tolist(), forward, (answer, mirrored(answer)), answer)


def _enumerate(ground: Ground, forward: bool, count: int, rng) -> tuple[np.ndarray, np.ndarray]:
    """Return the stops, (R, count + 2), and the turns, (R, count), of routes."""
    legs, total = ground.legs, len(ground.names)
    ways = ground.places - ground.places[:, None]  # (from, to)
    if forward:
        labels = label_turns(turn_angles(ways[:, :, None], ways[None]))
        first = legs[:, :, None] & legs[None] & (labels >= 0)
    else:
        labels = label_turns(turn_angles(ways[:, :, None], ways[:, None]))
        first = ground.far[:, :, None] & legs[:, None] & (labels >= 0)
    first[np.arange(total), :, np.arange(total)] = False
    stops = _some(np.argwhere(first).reshape(-1, 3), rng)
    turns = labels[tuple(stops.T)][:, None]
    for length in range(1, count):
        before = stops[:, 0] if not forward and length == 1 else stops[:, -2]
        here = stops[:, -1]
        onward = label_turns(turn_angles(ways[before, here][:, None], ways[here]))
        able = legs[here] & (onward >= 0)
        np.put_along_axis(able, stops, False, axis=1)
        rows, following = _some(np.argwhere(able), rng).T
        stops = np.column_stack([stops[rows], following])
        turns = np.column_stack([turns[rows], onward[rows, following]])
    return stops, turns


def _some(rows: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return rows[rng.permutation(len(rows))[:MOST_ROUTES]]


def _ask(ground: Ground, stops: list[int], forward: bool, options: tuple[str, ...], answer: str) -> Fact:
    names = [ground.names[stop] for stop in stops]
    walked = stops if forward else [stops[0], *stops[2:]]
    ways = np.diff(ground.places[walked], axis=0)
    heading = ground.places[stops[1]] - ground.places[stops[0]]
    before = ways[:-1] if forward else np.stack([heading, *ways[:-1]])
    angles = turn_angles(before, ways[len(ways) - len(before) :])
    spare = np.minimum(np.abs(angles) - AHEAD, np.abs(np.abs(angles) - BACK)).min() - BAND
    turned_at = walked[1:-1] if forward else walked[:-1]
    sizes = [f"at the {ground.names[at]} {_side(angle)}" for at, angle in zip(turned_at, angles, strict=True)]
    return Fact(
        rule="vsi.route",
        task="route_planning",
        answer_type="multiple_choice",
        prompt_type="text",
        answer=answer,
        options=options,
        open_ended=True,
        semantics=tuple(ground.categories[stop] for stop in stops),
        measured={"angles_deg": [tidy(angle) for angle in angles]},
        margins={"boundary_deg": tidy(spare)},
        words={
            "a": names[0],
            "b": names[1],
            "c": names[-1],
            "steps": _steps([ground.names[stop] for stop in walked[1:]], forward),
            "sizes": joined(sizes, "and"),
        },
    )


def _side(angle: float) -> str:
    return f"{abs(angle):.0f} degrees to the {'left' if angle > 0 else 'right'}"


def _steps(stops: list[str], forward: bool) -> str:
    """Number the actions, the turns left blank.

    >>> _steps(["bed", "lamp"], forward=True)
    '1. Go forward until the bed. 2. [please fill in]. 3. Go forward until the lamp.'
    """
    goes = [f"Go forward until the {stop}" for stop in stops]
    actions = [action for go in goes for action in (BLANK, go)][1 if forward else 0 :]
    return " ".join(f"{number}. {action}." for number, action in enumerate(actions, start=1))


RULES = (
    Rule("vsi.route", "route_planning", frozenset({"boxes", "metric"}), frozenset({"indoor", "drone"}), generate),
)
