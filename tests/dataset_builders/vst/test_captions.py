"""Captions against brute force over the thresholds of VST's table 26."""

import re
from itertools import permutations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from dataset_builders.vst.captions import caption, generate, num_sentences
from dataset_builders.vst.scene_graph import Node

WORDS = {
    "to the left of": lambda d: d[0] < -0.5,
    "to the right of": lambda d: d[0] > 0.5,
    "above": lambda d: d[1] < -0.3,
    "below": lambda d: d[1] > 0.3,
    "in front of": lambda d: d[2] < -1,
    "behind": lambda d: d[2] > 1,
}
OPPOSITE = {"to the left of": "to the right of", "above": "below", "in front of": "behind"}
OPPOSITE |= {after: before for before, after in OPPOSITE.items()}
BANNED = re.compile(
    r"\b(axis|axes|coordinates?|according to|as shown in|relationships?)\b|\b[xyz][ =-]", re.IGNORECASE
)
NAME = r"[Tt]he ((?:(?!the )[\w ])+? \(\w+ point\))"
SENTENCE_END = re.compile(r"(?<=\.) ")


def told_relations(text: str) -> set[tuple[str, str, str]]:
    """Read (subject, relation, object) out of a caption, both ways round."""
    told = set()
    for sentence in SENTENCE_END.split(text):
        subject = re.match(NAME, sentence)
        for part in sentence[subject.end() :].split(";") if subject and "depth" not in sentence else ():
            words = [word for word in WORDS if word in part[: re.search(NAME, part).start()]]
            told |= {(subject[1], word, other) for word in words for other in re.findall(NAME, part)}
    return told | {(other, OPPOSITE[word], subject) for subject, word, other in told}


def told_distances(text: str) -> dict[frozenset, float]:
    """Read the distances of pairs; a sentence without a subject goes on about that of the one before."""
    found, subject = {}, ""
    for sentence in SENTENCE_END.split(text):
        lead = re.match(NAME, sentence)
        subject = lead[1] if lead else subject
        for other, length in re.findall(rf"{NAME} \(distance = (\d+\.\d\d) m\)", sentence):
            found[frozenset((subject, other))] = float(length)
    return found


def check(nodes: list[Node]) -> None:
    text = caption(nodes)
    true = {
        (one.name, word, other.name)
        for one, other in permutations(nodes, 2)
        for word, holds in WORDS.items()
        if holds(one.center - other.center)
    }
    assert told_relations(text) == true
    near = {
        frozenset((one.name, other.name)): float(np.linalg.norm(one.center - other.center))
        for one, other in permutations(nodes, 2)
        if np.linalg.norm(one.center - other.center) < 3
    }
    told = told_distances(text)
    assert len(told) >= 0.7 * len(near) and told.keys() <= near.keys()
    assert all(abs(length - near[pair]) <= 0.00501 for pair, length in told.items())
    depths = dict(re.findall(rf"{NAME} \(depth = (\d+\.\d\d) m\)", text))
    assert list(depths) == [node.name for node in sorted(nodes, key=lambda node: (node.depth, node.name))]
    assert all(abs(float(depths[node.name]) - node.depth) <= 0.00501 for node in nodes)
    assert not BANNED.search(text), text


coordinates = st.tuples(st.floats(-3, 3), st.floats(-1.5, 1.5), st.floats(0.5, 8))


@given(centers=st.lists(coordinates, min_size=3, max_size=6))
@settings(deadline=None, max_examples=150)
def test_a_caption_tells_all_relations_and_near_distances_and_no_others(centers):
    names = [f"thing {number} (red point)" for number in range(len(centers))]
    check([Node(name, np.array(center)) for name, center in zip(names, centers, strict=True)])


def test_captions_of_scenes_tell_where_the_boxes_are(by_hand):
    asked = 0
    for scene in by_hand.rendered(count=3):
        objects = {item.instance_id: item for item in scene.objects}
        for fact in generate(scene, np.random.default_rng(0)):
            pose = scene.frames[fact.key_frames[0]].camera.camera_to_world
            centers = np.array([objects[number].center for number in fact.measured["instance_ids"]])
            assert np.allclose(by_hand.in_camera(centers, pose), list(fact.measured["centers_m"].values()), atol=1e-5)
            assert 4 <= num_sentences(fact.answer) <= 20
            if fact.prompt_type == "point":
                check([Node(name, np.array(center)) for name, center in fact.measured["centers_m"].items()])
            asked += 1
    assert asked > 10
