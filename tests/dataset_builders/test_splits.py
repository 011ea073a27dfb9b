from collections import Counter

from dataset_builders.sources import SceneRef
from dataset_builders.splits import assign_splits


def refs(scale, count):
    return [SceneRef(f"{scale} {index}", scale) for index in range(count)]


def test_a_tenth_of_each_scale_goes_to_test_and_to_validation():
    splits = assign_splits([*refs("indoor", 29), *refs("drone", 10), *refs("outdoor", 9)], seed=0)
    counts = Counter((scene_id.split()[0], split) for scene_id, split in splits.items())
    assert counts == {
        ("indoor", "test"): 2,
        ("indoor", "validation"): 2,
        ("indoor", "train"): 25,
        ("drone", "test"): 1,
        ("drone", "validation"): 1,
        ("drone", "train"): 8,
        ("outdoor", "train"): 9,
    }


def test_the_split_depends_on_the_seed_and_not_on_the_order():
    scenes = refs("indoor", 50)
    assert assign_splits(scenes, 0) == assign_splits(scenes[::-1], 0) != assign_splits(scenes, 1)
