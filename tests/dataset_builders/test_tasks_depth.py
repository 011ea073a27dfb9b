"""Depths of rendered scenes, recomputed from marks and depth maps, and scaled with the world."""

from dataclasses import replace
from itertools import combinations, islice
from math import comb

import numpy as np
import pytest

from dataset_builders.language import say
from dataset_builders.masks import decode_mask
from dataset_builders.scene import Scene
from dataset_builders.sources.synthetic import SyntheticSource
from dataset_builders.tasks import depth, depth_change, depth_gap, depth_order
from dataset_builders.tasks.spots import Spot
from dataset_builders.taxonomy import METRES, SCALES

RULES = {rule.name: rule for module in (depth, depth_order, depth_gap, depth_change) for rule in module.RULES}
SOURCE = SyntheticSource(num_scenes=5, seed=8, num_frames=4, frame_size=(160, 120))


@pytest.fixture(scope="module")
def scenes() -> list[Scene]:
    """A scene of every scale."""
    return [SOURCE.load(ref) for ref in SOURCE.refs()]


def facts(name: str, scene: Scene, limit: int = 25, seed: int = 0) -> list:
    return list(islice(RULES[name].generate(scene, np.random.default_rng(seed)), limit))


def shallowest_tenth(frame, mask: np.ndarray) -> float:
    depths = sorted(float(value) for value in frame.depth[mask])
    assert depths[0] > 0
    return float(np.mean(depths[: max(1, round(len(depths) / 10))]))


def depth_of_region(scene: Scene, region) -> float:
    frame = scene.frames[region.frame_index]
    if region.kind == "point":
        return float(frame.depth[int(region.point[1]), int(region.point[0])])
    if region.kind == "mask":
        return shallowest_tenth(frame, decode_mask(region.mask))
    for number in np.unique(frame.instances[frame.instances > 0]):
        rows, columns = np.nonzero(frame.instances == number)
        if (columns.min(), rows.min(), columns.max(), rows.max()) == region.bbox:
            return shallowest_tenth(frame, frame.instances == number)
    raise LookupError(region)


def depth_of_name(scene: Scene, name: str, index: int) -> float:
    (item,) = (item for item in scene.objects if item.category == name)
    frame = scene.frames[index]
    return shallowest_tenth(frame, frame.instances == item.instance_id)


def depths_of(scene: Scene, fact) -> dict[str, float]:
    """What is asked about, by the label that stands for it."""
    if fact.regions:
        return {region.colour: depth_of_region(scene, region) for region in fact.regions}
    return {name: depth_of_name(scene, name, fact.key_frames[0]) for name in fact.semantics}


def in_metres(fact) -> float:
    return float(fact.answer) * METRES[fact.unit]


@pytest.mark.parametrize("name", ["image.depth_of_point", "image.depth_of_object", "image.depth_of_marked"])
def test_depths_are_those_of_the_pixels(scenes, name):
    for scene in scenes:
        found = facts(name, scene)
        assert len(found) >= 3
        for fact in found:
            (truth,) = depths_of(scene, fact).values()
            assert in_metres(fact) == pytest.approx(truth, rel=0.1)
            assert fact.measured["depth_m"] == pytest.approx(truth, rel=1e-5) and fact.needs_scale
            assert truth >= 4 / 3 * SCALES[scene.scale].margin


@pytest.mark.parametrize("name", ["image.order_points", "frames.order_points"])
def test_the_extreme_of_points_follows_from_the_depth_maps(scenes, name):
    for scene in scenes:
        for fact in facts(name, scene):
            found = depths_of(scene, fact)
            best = min if fact.measured["relation"] == "nearer" else max
            assert fact.answer == best(found, key=found.__getitem__) and set(fact.options) == set(found)
            for one, other in combinations(found.values(), 2):
                assert abs(one - other) > max(SCALES[scene.scale].margin, 0.05 * max(one, other))
            frames = {region.frame_index for region in fact.regions}
            assert len(frames) == (1 if name == "image.order_points" else len(found))


def test_orders_are_sorted_depths_and_the_options_are_orders(scenes):
    kinds, senses = set(), set()
    for scene in scenes:
        for fact in facts("image.order_objects", scene):
            found = depths_of(scene, fact)
            order = sorted(found, key=found.__getitem__, reverse=fact.measured["relation"] == "farther")
            assert fact.answer == ", ".join(order) and 3 <= len(order) <= 4
            assert len(set(fact.options)) == 4 and fact.answer in fact.options
            assert all(sorted(option.split(", ")) == sorted(order) for option in fact.options)
            kinds.add(fact.prompt_type), senses.add(fact.words["sense"])
    assert kinds == {"text", "bbox", "mask"} and senses == {"near to far", "far to near"}


def test_each_order_of_the_options_is_equally_likely_to_be_right():
    """Which of the shown orders agrees most with the others tells nothing."""
    spots = [
        Spot(name, f"the {name}", (0, 0, 0, 0), depth, depth) for name, depth in zip("abc", (1.0, 2, 3), strict=True)
    ]
    scene, hits, rounds = Scene("s", "test", "none", "indoor"), 0.0, 3000
    rng = np.random.default_rng(0)
    for _ in range(rounds):
        fact = depth_order._order(scene, spots, rng, {"things": "", "where": ""}, prompt_type="text")
        score = {one: sum(agreement(one, other) for other in fact.options) for one in fact.options}
        best = [one for one in fact.options if score[one] == max(score.values())]
        hits += (fact.answer in best) / len(best)
    assert hits / rounds == pytest.approx(0.25, abs=0.03)


def agreement(one: str, other: str) -> float:
    first, second = one.split(", "), other.split(", ")
    pairs = combinations(first, 2)
    return sum(second.index(a) < second.index(b) for a, b in pairs) / comb(len(first), 2)


@pytest.mark.parametrize("name", ["image.depth_gap_of_points", "image.depth_gap_of_objects", "frames.depth_change"])
def test_gaps_and_ratios_follow_from_the_depth_maps_and_the_words_add_up(scenes, name):
    kinds = set()
    for scene in scenes:
        for fact in facts(name, scene, limit=40):
            if name == "frames.depth_change":
                (thing,) = fact.semantics
                found = {str(index): depth_of_name(scene, thing, index) for index in fact.key_frames}
            else:
                found = depths_of(scene, fact)
            near, far = sorted(found.values())
            np.testing.assert_allclose(fact.measured["depths_m"], [near, far], rtol=1e-5, atol=1e-6)
            said_near, said_far = (metres(fact.words[slot]) for slot in ("depth_near", "depth_far"))
            if fact.rule == "image.depth_ratio":
                assert float(fact.answer) == pytest.approx(said_far / said_near, abs=0.051) and not fact.unit
                assert float(fact.answer) >= 1.2 and not fact.needs_scale
            else:
                shown = len(fact.answer.partition(".")[2])
                assert in_metres(fact) == pytest.approx(said_far - said_near, abs=0.51 * METRES[fact.unit] / 10**shown)
                assert in_metres(fact) == pytest.approx(far - near, rel=0.2)
            kinds.add((fact.rule, fact.prompt_type))
            assert say(fact, np.random.default_rng(0)) is not None
    assert len(kinds) == {"image.depth_gap_of_points": 2, "image.depth_gap_of_objects": 6}.get(name, 1)


def metres(text: str) -> float:
    number, unit = text.split(" ")
    return float(number) * METRES[unit]


def scaled(scene: Scene, factor: float) -> Scene:
    """Enlarge the world and all that is in it."""
    objects = tuple(replace(item, center=factor * item.center, size=factor * item.size) for item in scene.objects)
    frames = []
    for frame in scene.frames:
        pose = frame.camera.camera_to_world.copy()
        pose[:3, 3] *= factor
        camera = replace(frame.camera, camera_to_world=pose)
        frames.append(replace(frame, camera=camera, depth=(factor * frame.depth).astype(np.float32)))
    return replace(scene, objects=objects, frames=tuple(frames))


def by_question(name: str, scene: Scene) -> dict[tuple, float]:
    """The answers by rule, objects and frames, in metres where they have a unit."""
    found = [fact for fact in facts(name, scene, 300) if fact.prompt_type == "text"]
    return {
        (fact.rule, frozenset(fact.semantics), fact.key_frames): in_metres(fact) if fact.unit else float(fact.answer)
        for fact in found
    }


@pytest.mark.parametrize("name", ["image.depth_of_object", "image.depth_gap_of_objects", "frames.depth_change"])
def test_depths_scale_with_the_world_and_ratios_do_not(scenes, name):
    for scene in scenes:
        original, enlarged = by_question(name, scene), by_question(name, scaled(scene, 4.0))
        # What is large enough to be asked about stays so.
        assert original.keys() <= enlarged.keys()
        for question, answer in original.items():
            if question[0] == "image.depth_ratio":
                assert enlarged[question] == pytest.approx(answer, rel=0.1)
            else:
                assert enlarged[question] == pytest.approx(4 * answer, rel=0.15)


def test_shallow_scenes_give_nothing(scenes):
    flat = scaled(scenes[2], 1e-3)
    for name in RULES:
        assert not facts(name, flat)
