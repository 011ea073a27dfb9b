"""Two images in words: what each shows, how the camera got from one to the other, and the layout (VST, table 25).

The layout is that of `captions`, under the rules of table 26, as the camera of the first image sees it.
"""

from collections.abc import Iterator, Sequence

import numpy as np

from dataset_builders.question import Fact
from dataset_builders.scene import Scene, SceneObject
from dataset_builders.tasks.depth import TRIES_PER_FRAME
from dataset_builders.tasks.draw import shuffled, take_turns
from dataset_builders.tasks.motion import (
    ROTATIONS,
    TRANSLATIONS,
    camera_motions,
    heading,
    least_travel,
    rotation_heading,
    spoken,
)
from dataset_builders.tasks.rule import Rule
from dataset_builders.tasks.wording import capital, joined, tidy
from dataset_builders.vst.captions import FEWEST, FEWEST_SENTENCES, MOST_NAMED, MOST_SENTENCES, caption, num_sentences
from dataset_builders.vst.image_pairs import ImagePair, image_pairs
from dataset_builders.vst.scene_graph import Node


def generate(scene: Scene, rng: np.random.Generator) -> Iterator[Fact]:
    """Ask for a description of what three to six objects of two images look like together.

    Needs: boxes, frames, metric.
    Rule: objects of a name of their own that each image shows clearly or not at all, both images together at least one
        and one of them alone at least one; the motion of the camera as `motion` names it, where that is clear.
    Dropped: objects whose center lies behind the first camera; fewer than 4 or more than 20 sentences.
    Source: VST, appendix C.2 and tables 25 and 26.
    """
    yield from take_turns(_of_pair(scene, pair, rng) for pair in image_pairs(scene, rng))


def _of_pair(scene: Scene, pair: ImagePair, rng: np.random.Generator) -> Iterator[Fact]:
    items, pose = _clear(scene, pair), scene.frames[pair.indices[0]].camera.camera_to_world
    centers = {item.instance_id: (item.center - pose[:3, 3]) @ pose[:3, :3] for item in items}
    items = [item for item in items if centers[item.instance_id][2] > 0]
    known: set[frozenset[int]] = set()
    for _ in range(TRIES_PER_FRAME if len(items) >= FEWEST else 0):
        chosen = list(shuffled(rng, items))[: int(rng.integers(FEWEST, MOST_NAMED + 1))]
        ids = frozenset(item.instance_id for item in chosen)
        if ids in known or not ids & pair.shared or ids <= pair.shared:
            continue
        known.add(ids)
        nodes = [Node(item.category, centers[item.instance_id]) for item in chosen]
        text = f"{_views(scene, pair, chosen)} {caption(nodes, 'the camera of the first image')}"
        if FEWEST_SENTENCES <= num_sentences(text) <= MOST_SENTENCES:
            yield _fact(pair, chosen, nodes, text)


def _clear(scene: Scene, pair: ImagePair) -> list[SceneObject]:
    """List the objects of a name of their own that each image shows clearly or not at all."""
    present = pair.present[0] | pair.present[1]
    names = [item.category for item in scene.objects if item.instance_id in present]
    clear = pair.shared | pair.own[0] | pair.own[1]
    items = [item for item in scene.objects if item.instance_id in clear] if scene.complete else []
    return [item for item in items if names.count(item.category) == 1]


def _views(scene: Scene, pair: ImagePair, items: Sequence[SceneObject]) -> str:
    """Tell what each image shows of some objects, and how the camera moved in between."""
    first, second = ([f"the {item.category}" for item in items if item.instance_id in shown] for shown in pair.shown)
    new, gone = ([name for name in one if name not in other] for one, other in ((second, first), (first, second)))
    both = [name for name in first if name in second]
    sentences = [
        f"The first image shows {joined(first, 'and')}.",
        f"In the second image, taken {_motion(scene, pair)}, {joined(both, 'and')} can still be seen.",
    ]
    sentences += [f"New in it: {joined(new, 'and')}."] if new else []
    sentences += [f"{capital(joined(gone, 'and'))} can no longer be seen."] if gone else []
    return " ".join(sentences)


def _motion(scene: Scene, pair: ImagePair) -> str:
    (motion,) = camera_motions([frame.camera for frame in scene.frames], [pair.indices])
    turn, travel = rotation_heading(motion), heading(motion.travel)
    parts = [f"{spoken(turn.signs, ROTATIONS)}"] if turn else []
    if travel and np.linalg.norm(motion.travel) >= least_travel(scene.scale):
        parts.append(f"moving {spoken(travel.signs, TRANSLATIONS)}")
    return f"after {', then '.join(parts)}" if parts else "from another place"


def _fact(pair: ImagePair, items: Sequence[SceneObject], nodes: Sequence[Node], text: str) -> Fact:
    things = joined([f"the {item.category}" for item in items], "and")
    return Fact(
        rule="vst.caption_pair",
        task="spatial_relation",
        answer_type="free_form",
        prompt_type=pair.frames.prompt_type,
        answer=text,
        semantics=tuple(item.category for item in items),
        needs_scale=True,
        measured={
            "instance_ids": [item.instance_id for item in items],
            "centers_m": {node.name: [tidy(value) for value in node.center] for node in nodes},
        },
        regions=pair.frames.regions,
        key_frames=pair.indices,
        words={"told": pair.told, "things": things, "subject": capital(things)},
    )


NEEDS = frozenset({"boxes", "frames", "metric"})
RULES = (Rule("vst.caption_pair", "spatial_relation", NEEDS, frozenset({"indoor"}), generate),)
