import copy

import pytest
import torch
from transformers import AutoModelForImageTextToText
from trl import SFTConfig

from dataset_builders.errors import InputError
from trl_recipes.models import check_checkpoint, select_trainable, set_gate_mode, settle_dtypes, trainable_table
from trl_recipes.module_groups import group_of


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
    with pytest.raises(
        InputError, match="train_modules: 'fussion' names no parameter; use all, .*fusion, .*model.fusion"
    ):
        select_trainable(model, ["fussion"])


def test_groups_name_what_trains(model):
    select_trainable(model, ["experts", "merger"])
    assert {group_of(name) for name, part in model.named_parameters() if part.requires_grad} == {"experts", "merger"}


@pytest.mark.parametrize(
    ("gate_mode", "trained"), [("router", {"experts", "router"}), ("forced", {"experts"}), ("uniform", {"experts"})]
)
def test_what_the_gates_do_not_use_stays_frozen(gate_mode, trained, model):
    set_gate_mode(model, gate_mode, None)
    select_trainable(model, ["experts", "router"])
    assert {group_of(name) for name, part in model.named_parameters() if part.requires_grad} == trained


def test_nothing_left_to_train_is_refused(model):
    set_gate_mode(model, "off", None)
    with pytest.raises(InputError, match="train_modules: experts leaves nothing to train"):
        select_trainable(model, ["experts"])


@pytest.mark.parametrize(("bf16", "frozen"), [(True, torch.bfloat16), (False, torch.float32)])
def test_what_trains_does_so_in_float32(bf16, frozen, model, tmp_path):
    model.bfloat16()
    select_trainable(model, ["experts"])
    settle_dtypes(model, SFTConfig(str(tmp_path), use_cpu=True, bf16=bf16))
    dtypes = {part.requires_grad: part.dtype for part in model.parameters()}
    assert dtypes == {True: torch.float32, False: frozen}


def test_a_checkpoint_of_another_architecture_is_refused(model, tmp_path):
    model.config.save_pretrained(tmp_path)
    check_checkpoint(str(tmp_path), model.config)
    other = copy.deepcopy(model.config)
    other.num_experts = 2
    with pytest.raises(InputError, match="another architecture: num_experts is 4, the model's is 2"):
        check_checkpoint(str(tmp_path), other)
    other = copy.deepcopy(model.config)
    other.text_config.hidden_size = 128
    with pytest.raises(InputError, match="text_config.hidden_size is 64, the model's is 128"):
        check_checkpoint(str(tmp_path), other)


def test_table_adds_up(model):
    select_trainable(model, ["model.fusion"])
    lines = trainable_table(model, {"fusion": 5e-6}, 1e-3).splitlines()
    rates = {line.split()[0]: line.split()[-1] for line in lines[1:-1]}
    assert rates.pop("fusion") == "5e-06" and set(rates.values()) == {"frozen"}
    trainable, total = (int(cell.replace(",", "")) for cell in lines[-1].split()[1:])
    assert total == sum(part.numel() for part in model.parameters())
    assert trainable == sum(part.numel() for name, part in model.named_parameters() if name.startswith("model.fusion"))
