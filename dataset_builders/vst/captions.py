"""A scene in words, computed from its graph under the rules of VST's table 26.

From the nearest object on, each gets its depth, its relations to those before it, and its distances to those that are
near. All relations and all distances below 3 m are told, more than the 70 % that the table asks for; no axis is named,
and the only number of a place is a depth.
"""

from collections.abc import Iterator, Sequence
from itertools import groupby

import numpy as np

from dataset_builders.question import Fact, Region
from dataset_builders.scene import Camera, Scene
from dataset_builders.tasks.depth import TRIES_PER_FRAME
from dataset_builders.tasks.draw import shuffled, take_turns
from dataset_builders.tasks.rule import Rule
from dataset_builders.tasks.views import View, whole_views
from dataset_builders.tasks.visibility import frames_with_sightings
from dataset_builders.tasks.wording import capital, joined, tidy
from dataset_builders.vst.marking import marked_names
from dataset_builders.vst.pictures import named_pictures
from dataset_builders.vst.scene_graph import Node, near_pairs, relations

FEWEST, MOST_MARKED, MOST_NAMED = 3, 4, 6
FEWEST_SENTENCES, MOST_SENTENCES = 4, 20


def caption(nodes: Sequence[Node], camera: str = "the camera") -> str:
    """Describe three or more objects that lie in front of the camera, in any order.

    Args:
        nodes: With distinct names.
        camera: What is called so.

    Returns:
        Up to three sentences per object, the nearest object first.
    """
    ordered = sorted(nodes, key=lambda node: (node.depth, node.name))
    near = near_pairs(ordered)
    first = ordered[0]
    sentences = [f"Seen from {camera}, the nearest object is the {first.name} (depth = {first.depth:.2f} m)."]
    for place, node in enumerate(ordered[1:], start=1):
        earlier = ordered[:place]
        sentences.append(_depth_sentence(node, earlier[-1]))
        sentences += _relation_sentence(node, earlier)
        sentences += _distance_sentence(node, [(one, distance) for one, other, distance in near if other is node])
    return " ".join(sentences)


def _depth_sentence(node: Node, before: Node) -> str:
    farther = f"{node.depth - before.depth:.2f}"
    if float(farther) == 0:
        return f"The {node.name} (depth = {node.depth:.2f} m) is as far away as the {before.name}."
    return f"The {node.name} (depth = {node.depth:.2f} m) is {farther} m farther away than the {before.name}."


def _relation_sentence(node: Node, earlier: Sequence[Node]) -> list[str]:
    """Tell how an object lies to earlier ones, those with the same relations together."""
    found = [(relations(node, other), other.name) for other in earlier]
    parts = [
        f"{joined(words, 'and')} {joined([f'the {name}' for _, name in group], 'and')}"
        for words, group in groupby(sorted(pair for pair in found if pair[0]), key=lambda pair: pair[0])
    ]
    return [f"The {node.name} is {'; it is '.join(parts)}."] if parts else []


def _distance_sentence(node: Node, near: Sequence[tuple[Node, float]]) -> list[str]:
    """Tell the distances from an object to earlier ones that are near, the nearest first."""
    ordered = sorted(near, key=lambda pair: (pair[1], pair[0].name))
    parts = [f"the {other.name} (distance = {distance:.2f} m)" for other, distance in ordered]
    return [f"It is near {joined(parts, 'and')}, from center to center."] if parts else []


def generate(scene: Scene, rng: np.random.Generator) -> Iterator[Fact]:
    """Ask for a description of how three to six objects of a picture lie in space.

    Needs: boxes, frames, sightings, metric.
    Rule: `caption` of the centers of the boxes. Up to four objects are marked by points or boxes in any frame; up to
        six are named in the only, first or last frame.
    Dropped: objects that the frame cuts off or whose center lies behind the camera; fewer than 4 or more than 20
        sentences.
    Source: VST, appendix C.2 and tables 25 and 26.
    """
    pictures = named_pictures(scene)
    streams = [
        _marked(scene, index, pictures.get(index, "marked frame"), rng) for index in frames_with_sightings(scene)
    ]
    streams += [_named(scene, index, picture, rng) for index, picture in pictures.items()]
    yield from take_turns(shuffled(rng, streams))


def _marked(scene: Scene, index: int, picture: str, rng: np.random.Generator) -> Iterator[Fact]:
    for views in _draws(whole_views(scene, index), MOST_MARKED, rng):
        named = marked_names(views, scene, rng)
        if named is not None:
            names, marks = named
            yield from _fact(scene, index, picture, views, names, tuple(mark.region for mark in marks))


def _named(scene: Scene, index: int, picture: str, rng: np.random.Generator) -> Iterator[Fact]:
    unique = {item.instance_id for item in scene.unique_objects()}
    views = [view for view in whole_views(scene, index) if view.item.instance_id in unique]
    for chosen in _draws(views, MOST_NAMED, rng):
        yield from _fact(scene, index, picture, chosen, [view.item.category for view in chosen], ())


def _draws(views: Sequence[View], most: int, rng: np.random.Generator) -> Iterator[list[View]]:
    """Draw distinct sets of views, as many in each as there are up to the most."""
    known: set[frozenset[int]] = set()
    for _ in range(TRIES_PER_FRAME if len(views) >= FEWEST else 0):
        chosen = list(shuffled(rng, views))[: int(rng.integers(FEWEST, most + 1))]
        key = frozenset(view.item.instance_id for view in chosen)
        if key not in known:
            known.add(key)
            yield chosen


def _fact(
    scene: Scene,
    index: int,
    picture: str,
    views: Sequence[View],
    names: Sequence[str],
    regions: tuple[Region, ...],
) -> Iterator[Fact]:
    camera = scene.frames[index].camera
    nodes = [Node(name, _center(view, camera)) for name, view in zip(names, views, strict=True)]
    text = caption(nodes) if min(node.depth for node in nodes) > 0 else ""
    if not FEWEST_SENTENCES <= num_sentences(text) <= MOST_SENTENCES:
        return
    yield Fact(
        rule="vst.caption",
        task="spatial_relation",
        answer_type="free_form",
        prompt_type=regions[0].kind if regions else "text",
        answer=text,
        semantics=tuple(view.item.category for view in views),
        needs_scale=True,
        measured={
            "instance_ids": [view.item.instance_id for view in views],
            "centers_m": {node.name: [tidy(value) for value in node.center] for node in nodes},
        },
        regions=regions,
        key_frames=(index,),
        words={
            "picture": picture,
            "things": joined([f"the {name}" for name in names], "and"),
            "subject": capital(joined([f"the {name}" for name in names], "and")),
        },
    )


def _center(view: View, camera: Camera) -> np.ndarray:
    return (view.item.center - camera.camera_to_world[:3, 3]) @ camera.camera_to_world[:3, :3]


def num_sentences(text: str) -> int:
    """Count the sentences of a caption; a point inside a number ends none.

    >>> num_sentences("It is near (depth = 1.20 m). So is that."), num_sentences("")
    (2, 0)
    """
    return text.count(". ") + text.endswith(".")


NEEDS = frozenset({"boxes", "frames", "sightings", "metric"})
RULES = (Rule("vst.caption", "spatial_relation", NEEDS, frozenset({"indoor"}), generate),)
