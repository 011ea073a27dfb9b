"""In which order do kinds of objects first come into view?

A kind appears in the first frame that shows an instance of it large enough (see `sightings`). One kind comes before
another only where neither that frame nor any before it shows a single pixel of the other. The frames in which the
kinds appear are the key frames, so the order can be seen, and is the same, in every selection that keeps these.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations, islice, pairwise, permutations

import numpy as np

from dataset_builders.question import Fact
from dataset_builders.scene import Scene
from dataset_builders.tasks.draw import pick, shuffled, take_turns
from dataset_builders.tasks.rule import ALL_SCALES, Rule
from dataset_builders.tasks.sightings import LEAST_SHARE
from dataset_builders.tasks.wording import joined, plural

NUM_OPTIONS = 4
SIZES = (4, 3, 2)
"""Kinds in one question (VSI-Bench: 4)."""
MOST_KINDS = 12
"""Kinds that are combined, drawn at random, so that a crowded scene stays cheap."""
ORDINALS = ("first", "second", "third", "fourth")
SENSES = {"from the earliest to the latest": 1, "from the latest to the earliest": -1}
"""How an order is asked for, drawn at random: large kinds tend to come early, so one sense alone could be guessed."""


@dataclass(frozen=True)
class Appearance:
    """When a kind of object comes into view; indices into `Scene.frames`.

    Attributes:
        kind: Its category.
        glimpse: The first frame that shows any pixel of it.
        frame: The first frame that shows an instance large enough.
    """

    kind: str
    glimpse: int
    frame: int


def appearances(scene: Scene) -> list[Appearance]:
    """List the kinds that appear, in the order in which they do; none if some frame has no masks to tell."""
    if any(frame.instances is None for frame in scene.frames):
        return []
    kinds = {item.instance_id: item.category for item in scene.objects}
    glimpses: dict[str, int] = {}
    frames: dict[str, int] = {}
    for index, frame in enumerate(scene.frames):
        counts = np.bincount(frame.instances.ravel())
        for number in np.flatnonzero(counts).tolist():
            if number in kinds:
                glimpses.setdefault(kinds[number], index)
                if counts[number] >= LEAST_SHARE * frame.instances.size:
                    frames.setdefault(kinds[number], index)
    return sorted((Appearance(kind, glimpses[kind], frames[kind]) for kind in frames), key=lambda one: one.frame)


def _sequences(scene: Scene, rng: np.random.Generator) -> Iterator[tuple[Appearance, ...]]:
    """Yield two to four kinds whose order of appearance is clear, in that order."""
    found = appearances(scene)
    kept = sorted(rng.permutation(len(found))[:MOST_KINDS])
    found = [found[index] for index in kept]
    yield from take_turns(shuffled(rng, filter(_is_clear, combinations(found, size))) for size in SIZES)


def _is_clear(sequence: tuple[Appearance, ...]) -> bool:
    return all(one.frame < other.glimpse for one, other in pairwise(sequence))


def generate_order(scene: Scene, rng: np.random.Generator) -> Iterator[Fact]:
    """Ask in which order two to four kinds of objects first appear in the video.

    Needs: boxes (for the kinds), frames, instances.
    Rule: the first frame in which a mask of the kind covers 20 x 20 pixels of 448 x 336 (VSI-Bench, appearance order;
        its first appearances are more than 1 s apart, here they are in different frames of those sampled).
    Dropped: kinds of which any pixel is in view before, or in the frame in which, the one before it appears; scenes of
        which a frame has no masks.
    Options: orders drawn at random, the right one among them, so that no order looks like a variant of another.
    """
    for sequence in _sequences(scene, rng):
        sense = pick(rng, SENSES)
        orders = [", ".join(order) for order in permutations(one.kind for one in sequence[:: SENSES[sense]])]
        others = list(islice(shuffled(rng, orders[1:]), NUM_OPTIONS - 1))
        fields = {"rule": "vsi.appearance_order", "answer": orders[0], "options": (orders[0], *others)}
        yield _fact(scene, sequence, rng, {"sense": sense}, **fields)


def generate_nth(scene: Scene, rng: np.random.Generator) -> Iterator[Fact]:
    """Ask which of two to four kinds of objects is the first, second, third or fourth of them to appear in the video.

    Needs: boxes (for the kinds), frames, instances.
    Rule: as in `generate_order`; the place in the order is drawn at random (SpaceVista, Table B7).
    Dropped: as in `generate_order`.
    """
    for sequence in _sequences(scene, rng):
        place, kinds = int(rng.integers(len(sequence))), tuple(one.kind for one in sequence)
        fields = {"rule": "video.nth_to_appear", "answer": kinds[place], "options": kinds}
        yield _fact(scene, sequence, rng, {"ordinal": ORDINALS[place]}, **fields)


def _fact(
    scene: Scene, sequence: tuple[Appearance, ...], rng: np.random.Generator, words: dict[str, str], **fields
) -> Fact:
    last = max(1, len(scene.frames) - 1)
    listed = [one.kind for one in shuffled(rng, sequence)]
    times = [f"{one.kind} {100 * one.frame / last:.0f} %" for one in sequence]
    return Fact(
        task="appearance_order",
        answer_type="multiple_choice",
        prompt_type="text",
        open_ended=True,
        semantics=tuple(listed),
        words={
            "list": ", ".join(listed),
            "things": joined(map(plural, listed), "and"),
            "times": joined(times, "and"),
            "story": ", then ".join(one.kind for one in sequence),
            **words,
        },
        measured={"appears_in_frame": {one.kind: one.frame for one in sequence}},
        margins={"frames": min(other.glimpse - one.frame for one, other in pairwise(sequence))},
        key_frames=tuple(one.frame for one in sequence),
        **fields,
    )


NEEDS = frozenset({"boxes", "frames", "instances"})
RULES = (
    Rule("vsi.appearance_order", "appearance_order", NEEDS, ALL_SCALES, generate_order),
    Rule("video.nth_to_appear", "appearance_order", NEEDS, ALL_SCALES, generate_nth),
)
