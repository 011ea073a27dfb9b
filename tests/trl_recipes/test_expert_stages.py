"""Experts and router from the command line: what trains, what is logged, what a resumed run does."""

import json
import math
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from transformers import AutoModelForImageTextToText

from dataset_builders.taxonomy import SCALE_NAMES
from modeling_spacevista import load_balance_loss, router_z_loss
from trl_recipes import experts, router
from trl_recipes.arguments import parse_arguments
from trl_recipes.module_groups import group_of

CONFIGS = Path(__file__).resolve().parents[2] / "trl_recipes" / "configs"
RANK = 4
ALL = ["--max_steps", "6", "--logging_steps", "1", "--per_device_train_batch_size", "8", "--num_frames", "4"]
ALL += ["--dataloader_num_workers", "0"]


def _argv(name, data_dir, model, folder, *more):
    places = ["--dataset", str(data_dir), "--model_name_or_path", str(model), "--output_dir", str(folder)]
    return ["--config", str(CONFIGS / f"{name}_tiny.yaml"), *places, *ALL, *more]


def _load(folder):
    return AutoModelForImageTextToText.from_pretrained(folder, trust_remote_code=True)


def _changed(before, after):
    after = after.state_dict()
    return {group_of(name) for name, value in before.state_dict().items() if not torch.equal(value, after[name])}


def _losses(folder):
    history = json.loads((folder / "training.json").read_text())["stages"][-1]["history"]
    return {entry["step"]: entry["loss"] for entry in history if "loss" in entry}


@pytest.fixture(scope="module")
def with_experts(data_dir, model_dir, tmp_path_factory):
    folder = tmp_path_factory.mktemp("experts") / "model"
    more = ["--save_strategy", "steps", "--save_steps", "4", "--report_to", "tensorboard"]
    assert experts.main(_argv("experts", data_dir, model_dir, folder, *more)) == 0
    return folder


@pytest.fixture(scope="module")
def routed(data_dir, with_experts, tmp_path_factory):
    folder = tmp_path_factory.mktemp("router") / "model"
    more = ["--save_strategy", "steps", "--save_steps", "4", "--report_to", "tensorboard"]
    more += ["--load_balance_coef", "0.1", "--z_loss_coef", "0.01"]
    assert router.main(_argv("router", data_dir, with_experts, folder, *more)) == 0
    return folder


def test_only_experts_train(with_experts, model_dir):
    assert _changed(_load(model_dir), _load(with_experts)) == {"experts"}


def test_the_saved_model_asks_for_no_labels(with_experts):
    assert _load(with_experts).config.gate_mode == "uniform"


@pytest.mark.parametrize("scale", ["tiny_tabletop", "outdoor"])
def test_a_scale_trains_its_expert_alone(scale, data_dir, model_dir, tmp_path):
    assert experts.main(_argv("experts", data_dir, model_dir, tmp_path / "out", "--scales", scale)) == 0
    before, after = _load(model_dir).state_dict(), _load(tmp_path / "out").state_dict()
    own = SCALE_NAMES.index(scale)
    for name, value in before.items():
        if name.endswith(("expert_a", "expert_b")):
            dim = 0 if name.endswith("expert_a") else 1
            moved = (after[name] != value).any(1 - dim).view(-1, RANK).any(1).tolist()
            assert moved == [place == own for place in range(4)], name


def test_a_shared_expert_trains_on_the_scale_that_has_none(data_dir, model_dir, tmp_path):
    assert experts.main(_argv("experts", data_dir, model_dir, tmp_path / "out", "--scales", "drone")) == 0
    before, after = _load(model_dir).state_dict(), _load(tmp_path / "out").state_dict()
    name = next(name for name in before if name.endswith("expert_b"))
    moved = (after[name] != before[name]).any(0).view(-1, RANK).any(1).tolist()
    assert moved == [False, False, False, True]


def test_batches_are_of_one_scale(data_dir, model_dir, tmp_path):
    argv = _argv("experts", data_dir, model_dir, tmp_path / "out")
    recipe, training = parse_arguments(experts.ExpertArguments, experts.SupervisedConfig, argv)
    trainer = experts.build_trainer(recipe, training)
    labels = [batch["scale_labels"].unique().tolist() for batch in trainer.get_train_dataloader()]
    assert all(len(found) == 1 for found in labels)
    assert {label for found in labels for label in found} == {0, 1, 2, 3}


@pytest.mark.parametrize("name", ["experts", "router"])
def test_resuming_gives_the_losses_of_an_uninterrupted_run(name, with_experts, routed, data_dir, model_dir, tmp_path):
    stage, start, whole = {"experts": (experts, model_dir, with_experts), "router": (router, with_experts, routed)}[
        name
    ]
    more = ["--load_balance_coef", "0.1", "--z_loss_coef", "0.01"] if stage is router else []
    more += ["--resume_from_checkpoint", str(whole / "checkpoint-4")]
    assert stage.main(_argv(name, data_dir, start, tmp_path / "resumed", *more)) == 0
    expected, resumed = _losses(whole), _losses(tmp_path / "resumed")
    assert all(resumed[step] == pytest.approx(expected[step], abs=1e-5) for step in (5, 6))


def test_experts_and_router_train(with_experts, routed):
    after = _load(routed)
    assert _changed(_load(with_experts), after) == {"experts", "router"}
    assert after.config.gate_mode == "router"


def test_the_gates_are_written_and_logged(routed):
    told = json.loads((routed / "gates.json").read_text())["train"]
    assert (told["scales"], told["experts"]) == (SCALE_NAMES, SCALE_NAMES[:4])
    assert sum(map(sum, told["top_gate_counts"])) == told["num_tokens"] * len(told["entropy_by_layer"])
    assert 0 < told["entropy"] < math.log(4)
    events = EventAccumulator(str(next((routed / "runs").rglob("events.*")).parent)).Reload()
    assert len(events.Scalars("train/gates/entropy")) == 6
    tags = [tag for tag in events.Tags()["scalars"] if tag.startswith("train/gates/drone/")]
    assert len(tags) == 4


def test_the_losses_of_the_router_are_added(with_experts, data_dir, tmp_path):
    more = ["--load_balance_coef", "0.1", "--z_loss_coef", "0.01"]
    argv = _argv("router", data_dir, with_experts, tmp_path / "out", *more)
    recipe, training = parse_arguments(router.RouterArguments, router.SupervisedConfig, argv)
    trainer = router.build_trainer(recipe, training)
    batch = next(iter(trainer.get_train_dataloader()))
    model = trainer.model.train()
    with torch.no_grad():
        loss = trainer.compute_loss(model, dict(batch))
        inputs = {name: value for name, value in batch.items() if name not in ("scale_labels", "labels")}
        outputs = model(**inputs, output_hidden_states=True)
        logits = model.model.language_model.router_logits(outputs.hidden_states)
    shifted = outputs.logits[:, :-1].flatten(0, 1), batch["labels"][:, 1:].flatten()
    expected = torch.nn.functional.cross_entropy(*shifted, ignore_index=-100)
    expected += 0.1 * load_balance_loss(logits.softmax(-1), batch["attention_mask"])
    expected += 0.01 * router_z_loss(logits, batch["attention_mask"])
    assert loss.item() == pytest.approx(expected.item(), rel=1e-5)
    assert sum(trainer.statistics["train"].top.flatten().tolist()) == 2 * int(batch["attention_mask"].sum())


def test_the_losses_reach_the_router_under_gradient_checkpointing(with_experts, data_dir, tmp_path):
    gradients = []
    for checkpointing in ("false", "true"):
        more = ["--load_balance_coef", "1.0", "--gradient_checkpointing", checkpointing]
        argv = _argv("router", data_dir, with_experts, tmp_path / checkpointing, *more)
        recipe, training = parse_arguments(router.RouterArguments, router.SupervisedConfig, argv)
        trainer = router.build_trainer(recipe, training)
        batch = next(iter(trainer.get_train_dataloader()))
        if checkpointing == "true":
            trainer.model.gradient_checkpointing_enable()
        trainer.compute_loss(trainer.model.train(), dict(batch)).backward()
        gradients.append(trainer.model.model.language_model.layers[0].router.down.weight.grad)
    assert gradients[0].abs().max() > 0
    torch.testing.assert_close(*gradients)


def test_evaluation_tells_of_its_own_gates(with_experts, data_dir, tmp_path, monkeypatch):
    argv = _argv("router", data_dir, with_experts, tmp_path / "out")
    recipe, training = parse_arguments(router.RouterArguments, router.SupervisedConfig, argv)
    trainer = router.build_trainer(recipe, training)
    for _ in range(2):
        trainer.evaluate(trainer.train_dataset.select(range(8)))
    tokens = trainer.data_collator([trainer.train_dataset[row] for row in range(8)])["attention_mask"].sum()
    assert trainer.statistics["eval"].num_tokens == int(tokens)
    assert trainer.statistics["train"].num_tokens == 0


def test_a_model_is_saved_in_the_dtype_it_came_in(data_dir, model_dir, tmp_path):
    base = tmp_path / "half"
    shutil.copytree(model_dir, base)
    _load(model_dir).bfloat16().save_pretrained(base)
    more = ["--bf16", "true", "--save_strategy", "steps", "--save_steps", "3"]
    assert experts.main(_argv("experts", data_dir, base, tmp_path / "out", *more)) == 0
    dtypes = {group_of(name): value.dtype for name, value in _load(tmp_path / "out").state_dict().items()}
    assert set(dtypes.values()) == {torch.bfloat16}
    weights = load_file(tmp_path / "out" / "checkpoint-3" / "model.safetensors")
    assert {value.dtype for name, value in weights.items() if group_of(name) == "experts"} == {torch.float32}
