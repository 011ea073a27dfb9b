"""Orders of depth against the depth maps, in every way to refer to objects."""

import json
import re
from itertools import islice

import numpy as np

from dataset_builders.vst.depth_lists import FORMS, generate
from dataset_builders.vst.depth_nearest import generate as generate_nearest


def facts(by_hand, rule=generate):
    for scene in by_hand.rendered(count=3):
        for fact in islice(rule(scene, np.random.default_rng(0)), 60):
            yield scene, fact


def depth_at(by_hand, frame, fact, number: int, place) -> float:
    return float(frame.depth[int(place[1]), int(place[0])]) if len(place) == 2 else by_hand.surface(frame, number)


def test_every_order_is_that_of_the_depth_map(by_hand):
    forms, senses = set(), set()
    for scene, fact in facts(by_hand):
        frame = scene.frames[fact.key_frames[0]]
        names = {item.instance_id: item.category for item in scene.objects}
        numbers, form = fact.measured["instance_ids"], fact.wording.removeprefix("vst.depth_list_")
        if form.startswith("text"):
            rows = json.loads(fact.answer)
            places = [row.get("bbox_2d") or row["point_2d"] for row in rows]
            assert all(str(place) in fact.words["listed"] for place in places)
            assert [row["label"] for row in rows] == [names[number] for number in numbers]
            for number, place in zip(numbers, places, strict=True):
                rows_, columns = np.nonzero(frame.instances == number)
                edges = [columns.min(), rows_.min(), columns.max(), rows_.max()]
                assert place == edges if len(place) == 4 else frame.instances[place[1], place[0]] == number
        elif form == "drawn":
            marks = {f"{one.colour} {'point' if one.kind == 'point' else 'box'}": one for one in fact.regions}
            parts = re.findall(r"(\w+ (?:point|box)) \(([^)]*)\)", fact.answer)
            assert [name for _, name in parts] == [names[number] for number in numbers]
            places = [list(marks[mark].point or marks[mark].bbox) for mark, _ in parts]
            form = f"drawn_{fact.regions[0].kind}"
        else:
            letters = dict(part.split(". ") for part in fact.words["listed"].split(", "))
            assert [letters[letter] for letter in fact.answer.split(", ")] == [names[number] for number in numbers]
            places = [[]] * len(numbers)
        depths = [depth_at(by_hand, frame, fact, *pair) for pair in zip(numbers, places, strict=True)]
        assert depths == sorted(depths, reverse=fact.measured["sense"] == "far to near")
        steps = np.abs(np.diff(depths))
        assert (steps > 0.14).all()  # the margin indoors is 0.15 m; a point's depth is smoothed
        forms.add(form), senses.add(fact.measured["sense"])
    assert len(forms) == len(FORMS) and len(senses) == 2


def test_the_nearest_and_the_farthest_are_those_of_the_depth_map(by_hand):
    asked = set()
    for scene, fact in facts(by_hand, generate_nearest):
        frame = scene.frames[fact.regions[0].frame_index]
        places = [list(region.point or region.bbox) for region in fact.regions]
        names = {item.instance_id: item.category for item in scene.objects}
        if fact.prompt_type == "point":
            depths = [float(frame.depth[int(y), int(x)]) for x, y in places]
            assert [option.split(" (")[0] for option in fact.options] == [
                names[int(frame.instances[int(y), int(x)])] for x, y in places
            ]
            best = int(np.argmin(depths) if fact.measured["relation"] == "nearest" else np.argmax(depths))
            assert fact.answer == fact.options[best]
        asked.add((fact.measured["relation"], fact.prompt_type, fact.options.index(fact.answer)))
    assert {relation for relation, *_ in asked} == {"nearest", "farthest"}
    assert {kind for _, kind, _ in asked} == {"point", "bbox"} and len({place for *_, place in asked}) >= 3
