from collections import Counter

import pytest
import torch
from datasets import ClassLabel, Dataset, Features, Value

from dataset_builders.errors import InputError
from dataset_builders.taxonomy import SCALE_NAMES
from trl_recipes.scale_labels import GroupByScaleSampler, check_scales, only_scales, scale_names

LABELS = ["indoor", "drone", "indoor", "outdoor", "indoor", "drone", "indoor", "indoor", "indoor"]


def _questions(feature):
    rows = {"id": [str(row) for row in range(len(LABELS))], "scale": LABELS}
    return Dataset.from_dict(rows, Features({"id": Value("string"), "scale": feature}))


@pytest.mark.parametrize(
    "feature", [Value("string"), ClassLabel(names=SCALE_NAMES), ClassLabel(names=SCALE_NAMES[::-1])]
)
def test_names_come_out_whatever_the_column_holds(feature):
    assert scale_names(_questions(feature)) == LABELS
    assert only_scales(_questions(feature), ["drone"], "data")["id"] == ["1", "5"]


def test_a_scale_without_questions_is_refused():
    with pytest.raises(InputError, match="data: scales: has no questions of 'tabletop'; choose of drone, indoor"):
        only_scales(_questions(Value("string")), ["indoor", "tabletop"], "data")


def test_scales_without_label_are_counted():
    with pytest.raises(
        InputError, match=r"'drone' in 2 of 9 questions \(first 1\), not one of indoor, outdoor; fix it"
    ):
        check_scales(_questions(ClassLabel(names=SCALE_NAMES)), {"indoor": 0, "outdoor": 1}, "data", "fix it")


@pytest.mark.parametrize("batch_size", [1, 2, 4])
def test_every_batch_is_of_one_scale_and_every_row_comes(batch_size):
    sampler = GroupByScaleSampler(LABELS, batch_size, seed=3)
    order = list(sampler)
    assert len(order) == len(sampler)
    for start in range(0, len(order), batch_size):
        assert len({LABELS[row] for row in order[start : start + batch_size]}) == 1
    seen, sizes = Counter(order), Counter(LABELS)
    assert set(seen) == set(range(len(LABELS)))
    for row, times in seen.items():
        # Rows come again only to fill up the last batch of their scale.
        assert times <= -(-batch_size // sizes[LABELS[row]]) + 1
    assert len(order) == sum(-(-size // batch_size) * batch_size for size in sizes.values())


def test_order_depends_on_seed_and_epoch_alone():
    orders = []
    for seed, epoch in ((0, 0), (0, 0), (0, 1), (1, 0)):
        sampler = GroupByScaleSampler(LABELS, 2, seed)
        sampler.set_epoch(epoch)
        torch.rand(1)
        orders.append(list(sampler))
    assert orders[0] == orders[1]
    assert orders[0] != orders[2] and orders[0] != orders[3]
