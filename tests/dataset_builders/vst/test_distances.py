"""The spelled-out distances against points sampled on the boxes."""

import re

import numpy as np

from dataset_builders.vst.distances import generate

STEPS = np.linspace(-0.5, 0.5, 13)
GRID = np.array([[x, y, z] for x in STEPS for y in STEPS for z in STEPS])


def sampled(item) -> np.ndarray:
    return item.center + (GRID * item.size) @ item.rotation


def test_distances_and_the_answer_are_those_of_the_scene(by_hand):
    spelled, short = 0, 0
    for scene in by_hand.rendered(count=3):
        objects = {item.instance_id: item for item in scene.objects}
        for fact in generate(scene, np.random.default_rng(0)):
            frame = scene.frames[fact.regions[0].frame_index]
            if fact.prompt_type != "point":
                continue
            numbers = [int(frame.instances[int(region.point[1]), int(region.point[0])]) for region in fact.regions]
            anchor, *candidates = (objects[number] for number in numbers)
            names = [f"{item.category} ({region.colour} point)" for item, region in
                     zip((anchor, *candidates), fact.regions, strict=True)]  # fmt: skip
            assert names[0] == fact.words["a"] and list(fact.measured["distances_m"]) == names[1:]
            if (spelled if fact.answer_type == "free_form" else short) > 15:
                continue
            upper = [
                float(np.linalg.norm(sampled(anchor)[:, None] - sampled(one)[None, ::7], axis=-1).min())
                for one in candidates
            ]
            lengths = list(fact.measured["distances_m"].values())
            # Sampling finds a distance that is larger, by the spacing of the points at most.
            reach = [0.5 * np.linalg.norm(anchor.size) / 12 + np.linalg.norm(one.size) / 3 for one in candidates]
            assert all(-1e-6 <= top - length <= room for top, length, room in zip(upper, lengths, reach, strict=True))
            best = int(np.argmin(lengths) if fact.measured["relation"] == "closest" else np.argmax(lengths))
            if fact.answer_type == "free_form":
                pairs = re.findall(r"Distance\[([^,]*), ([^\]]*)\]=(\d+\.\d\d)m", fact.answer)
                assert [(a, b) for a, b, _ in pairs] == [(names[0], name) for name in names[1:]]
                assert np.allclose([float(length) for *_, length in pairs], lengths, atol=0.00501)
                assert fact.answer.endswith(f"So, the answer is {names[1:][best]}.")
                spelled += 1
            else:
                assert fact.answer == fact.options[best] == names[1:][best]
                short += 1
    assert spelled > 5 and short > 5
