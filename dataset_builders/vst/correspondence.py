"""Which of four points in a second picture marks the same place as a point in the first (VST, table 27)?"""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from dataset_builders.question import REGION_COLOURS, Fact
from dataset_builders.scene import Scene
from dataset_builders.tasks.draw import pick, shuffled
from dataset_builders.tasks.frame_pairs import FramePair, over_pairs
from dataset_builders.tasks.relations import LEAST_SEPARATION
from dataset_builders.tasks.rule import ALL_SCALES, Rule
from dataset_builders.tasks.spots import point_region
from dataset_builders.tasks.wording import joined, tidy
from dataset_builders.vst.pictures import IMAGES, told, where
from dataset_builders.vst.reasoning import described
from dataset_builders.vst.same_points import SurfacePoint, can_follow, draw_points, seen_again, shares

NUM_CANDIDATES = len(REGION_COLOURS)
APART = 0.1
"""Share of a point's depth within which other points may be the same place: twice what hides a point."""


def generate(scene: Scene, rng: np.random.Generator) -> Iterator[Fact]:
    """Ask which of four points in one frame marks the place that a point marks in an earlier one.

    Needs: frames, depth, intrinsics.
    Rule: a point drawn on a surface that both frames show, by the three checks of `same_points.visible`; where there
        are masks, on the same object in both, and each wrong candidate on another one.
    Dropped: points that move by less than 8 % of the frame from one to the other; candidates that are closer than that
        to each other, or in space closer to the right one than a tenth of its depth; points near the border or an
        edge of the depth; frames with fewer than three other places.
    Options: the colours of the candidates, in which that of the point itself comes again, so that it tells nothing.
    Source: VST, appendix C.2 and table 27 (which has letters where the colours are).
    """
    yield from over_pairs(scene, rng, lambda pair: _of_pair(scene, pair, rng))


def _of_pair(scene: Scene, pair: FramePair, rng: np.random.Generator) -> Iterator[Fact]:
    if not can_follow(scene, pair.early, pair.late):
        return
    groups = list(draw_points(scene, pair.late, rng))
    for points in draw_points(scene, pair.early, rng):
        for point in points:
            same = _moved(point, scene, pair)
            wrong = [] if same is None else _wrong(point, same, shuffled(rng, groups), scene, pair)
            if len(wrong) == NUM_CANDIDATES - 1:
                yield _fact(scene, pair, point, same, wrong, rng)
                break


def _moved(point: SurfacePoint, scene: Scene, pair: FramePair) -> SurfacePoint | None:
    """Return the point as the late frame shows it, elsewhere in the picture; None where it does not."""
    early, late = scene.frames[pair.early], scene.frames[pair.late]
    pixel = seen_again(point, late)
    if pixel is None or _gap(shares(pixel, late.camera), shares(point.pixel, early.camera)) < LEAST_SEPARATION:
        return None
    return replace(point, pixel=pixel)


def _wrong(
    point: SurfacePoint, same: SurfacePoint, groups: Iterator[list[SurfacePoint]], scene: Scene, pair: FramePair
) -> list[SurfacePoint]:
    """Choose up to three points of other places, each of another group."""
    chosen, camera = [same], scene.frames[pair.late].camera
    for group in groups:
        for other in group:
            elsewhere = np.linalg.norm(other.position - point.position) >= APART * point.depth
            on_another = not point.instance_id or other.instance_id != point.instance_id
            place = shares(other.pixel, camera)
            apart = all(_gap(place, shares(one.pixel, camera)) >= LEAST_SEPARATION for one in chosen)
            if on_another and elsewhere and apart:
                chosen.append(other)
                break
        if len(chosen) == NUM_CANDIDATES:
            break
    return chosen[1:]


def _gap(one: tuple[float, float], other: tuple[float, float]) -> float:
    """Return how far apart two places are, as the larger of the shares of width and height."""
    return max(abs(one[0] - other[0]), abs(one[1] - other[1]))


def _fact(
    scene: Scene,
    pair: FramePair,
    point: SurfacePoint,
    same: SurfacePoint,
    wrong: Sequence[SurfacePoint],
    rng: np.random.Generator,
) -> Fact:
    colour, candidates = pick(rng, REGION_COLOURS), [same, *wrong]
    colours = list(shuffled(rng, REGION_COLOURS))
    marked = dict(zip(colours, candidates, strict=True))
    categories = {item.instance_id: item.category for item in scene.objects}
    thing = categories.get(point.instance_id, "")
    ids = [one.instance_id for one in candidates] if thing else []
    early, late = scene.frames[pair.early].camera, scene.frames[pair.late].camera
    gaps = [_gap(shares(one.pixel, late), shares(same.pixel, late)) for one in wrong]
    return Fact(
        rule="vst.correspondence",
        wording="vst.correspondence" if thing else "vst.correspondence_unnamed",
        task="object_matching",
        answer_type="multiple_choice",
        prompt_type="point",
        answer=colours[0],
        options=tuple(colours),
        open_ended=True,
        semantics=(categories[point.instance_id],) if thing else (),
        measured={
            "instance_id": point.instance_id,
            "pixels": [list(point.pixel), *(list(one.pixel) for one in candidates)],
            "position_m": [tidy(value) for value in point.position],
        },
        margins={
            "pixel_share": tidy(min(gaps) - LEAST_SEPARATION),
            "apart_m": tidy(min(np.linalg.norm(one.position - point.position) for one in wrong) - APART * point.depth),
        },
        regions=(
            point_region(pair.early, colour, point.pixel),
            *(point_region(pair.late, name, one.pixel) for name, one in marked.items()),
        ),
        words={
            "told": told(scene, pair),
            "start": IMAGES[0],
            "end": IMAGES[1],
            "mark": colour,
            "choice": joined(shuffled(rng, colours), "or"),
            "place": where(*shares(point.pixel, early)),
            "place_late": where(*shares(same.pixel, late)),
            "thing": thing,
            "others": joined(_other_places(scene, pair, dict(zip(colours[1:], wrong, strict=True)), thing), "and"),
            **(described(scene, (pair.early, pair.late), ids) if thing else _views(scene, pair, point, marked)),
        },
    )


def _views(scene: Scene, pair: FramePair, point: SurfacePoint, marked: dict[str, SurfacePoint]) -> dict[str, str]:
    """Describe two images of a scene without objects, by the points that they bear."""
    late = scene.frames[pair.late]
    spots = [f"the {colour} point {where(*shares(one.pixel, late.camera))}" for colour, one in sorted(marked.items())]
    depths = {colour: late.depth[one.pixel[::-1]] for colour, one in marked.items()}
    near, far = (choose(depths, key=depths.__getitem__) for choose in (min, max))
    place = where(*shares(point.pixel, scene.frames[pair.early].camera))
    return {
        "views": f"The first image bears a point {place}. The second image bears {joined(spots, 'and')}.",
        "layout": f"Of these places, that of the {near} point is nearest to me and that of the {far} point farthest.",
    }


def _other_places(scene: Scene, pair: FramePair, wrong: dict[str, SurfacePoint], thing: str) -> Iterator[str]:
    """Say what the wrong candidates mark: what they are on, or, without names, where the first image shows it."""
    categories = {item.instance_id: item.category for item in scene.objects}
    early = scene.frames[pair.early]
    for colour, point in wrong.items():
        if thing:
            name = categories[point.instance_id]
            article = "another" if name == thing else "an" if name[0] in "aeiou" else "a"
            yield f"the {colour} point is on {article} {name}"
        else:
            before = seen_again(point, early)
            place = "out of sight" if before is None else where(*shares(before, early.camera))
            yield f"what the {colour} point marks was {place}"


NEEDS = frozenset({"frames", "depth", "intrinsics"})
RULES = (Rule("vst.correspondence", "object_matching", NEEDS, ALL_SCALES, generate),)
