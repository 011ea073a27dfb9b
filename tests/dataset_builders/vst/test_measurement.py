"""Heights and largest dimensions against the corners of the boxes, in both units."""

import numpy as np

from dataset_builders.vst.measurement import generate


def test_lengths_are_those_of_the_corners_in_the_unit_asked_for(by_hand):
    seen = set()
    for scene in (*by_hand.rendered(), *by_hand.rendered("tabletop")):
        for fact in generate(scene, np.random.default_rng(0)):
            (region,) = fact.regions
            frame = scene.frames[region.frame_index]
            x, y = region.point or np.add(region.bbox[:2], region.bbox[2:]) / 2
            dimension, unit = fact.measured["dimension"], fact.words["unit"]
            seen.add((dimension, unit, region.kind))
            if region.kind == "point":
                number = int(frame.instances[int(y), int(x)])
                (item,) = (item for item in scene.objects if item.instance_id == number)
                corners = by_hand.corners(item)
                edges = [np.linalg.norm(corners[0] - corners[other]) for other in (1, 2, 4)]
                true = max(edges) if dimension == "largest" else np.ptp(corners[:, 2])
                metres = float(fact.answer) * {"m": 1, "cm": 0.01}[fact.unit]
                assert abs(metres - true) <= 0.00501 and abs(metres - true) <= 0.1 * true + 1e-9
                assert item.category in fact.words["thing"]
            assert fact.unit == {"meters": "m", "centimeters": "cm"}[unit]
    assert {(dimension, unit) for dimension, unit, _ in seen} == {
        (dimension, unit) for dimension in ("height", "largest") for unit in ("meters", "centimeters")
    }
    assert {kind for *_, kind in seen} == {"point", "bbox"}
