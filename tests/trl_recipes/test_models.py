import pytest
from transformers import AutoModelForImageTextToText

from dataset_builders.errors import InputError
from trl_recipes.models import select_trainable, trainable_table


@pytest.fixture
def model(model_dir):
    return AutoModelForImageTextToText.from_pretrained(model_dir, trust_remote_code=True)


def _training(model):
    return {".".join(name.split(".")[:2]) for name, part in model.named_parameters() if part.requires_grad}


def test_default_freezes_the_vision_tower_and_the_dense_encoder(model):
    select_trainable(model, [])
    assert "model.visual" not in _training(model)
    assert {"model.language_model", "model.fusion"} <= _training(model)


def test_all_leaves_only_what_the_model_froze_itself(model):
    frozen = {name for name, part in model.named_parameters() if not part.requires_grad}
    select_trainable(model, ["all"])
    assert {name for name, part in model.named_parameters() if not part.requires_grad} == frozen
    assert frozen and all(name.startswith("model.dense_branch") for name in frozen)


def test_prefixes_name_what_trains(model):
    select_trainable(model, ["model.fusion", "lm_head", "model.language_model.layers.0"][::2])
    names = {name for name, part in model.named_parameters() if part.requires_grad}
    assert names and all(name.startswith(("model.fusion", "model.language_model.layers.0")) for name in names)


def test_a_prefix_of_nothing_is_refused(model):
    with pytest.raises(InputError, match="train_modules: 'fusion' names no parameter; use all, .*model.fusion"):
        select_trainable(model, ["fusion"])


def test_table_adds_up(model):
    select_trainable(model, ["model.fusion"])
    lines = trainable_table(model).splitlines()
    trainable, total = (int(cell.replace(",", "")) for cell in lines[-1].split()[1:])
    assert total == sum(part.numel() for part in model.parameters())
    assert trainable == sum(part.numel() for name, part in model.named_parameters() if name.startswith("model.fusion"))
