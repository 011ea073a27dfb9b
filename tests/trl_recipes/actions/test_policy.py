"""Greedy actions, against the logits of a plain forward pass."""

import numpy as np
import pytest
import torch
from transformers import AutoModelForImageTextToText, AutoProcessor

from dataset_builders.errors import InputError
from trl_recipes.actions.codec import ActionCodec
from trl_recipes.actions.encoder import action_messages
from trl_recipes.actions.policy import ActionPolicy
from trl_recipes.actions.reaching import ReachingEnv


@pytest.fixture(scope="module")
def policy(base):
    processor = AutoProcessor.from_pretrained(base)
    codec = ActionCodec((-1.0,) * 7, (1.0,) * 7, len(processor.tokenizer))
    return ActionPolicy(AutoModelForImageTextToText.from_pretrained(base), processor, codec, 56)


def test_it_writes_the_likeliest_bin_of_each_dimension_in_turn(policy):
    env = ReachingEnv.sample(0)
    [action] = policy([env.render(56)], [env.instruction])
    inputs = policy.processor.apply_chat_template(
        [action_messages(env.render(56), env.instruction)],
        add_generation_prompt=True,
        tokenize=True,
        return_dict=True,
        return_tensors="pt",
    )
    visual = {name: inputs[name] for name in ("pixel_values", "image_grid_thw")}
    ids, first = inputs["input_ids"], policy.codec.first_token
    for _ in range(7):
        types = (ids == policy.model.config.image_token_id).int()
        with torch.no_grad():
            logits = policy.model(input_ids=ids, mm_token_type_ids=types, **visual).logits[0, -1]
        ids = torch.cat([ids, first + logits[first : first + 256].argmax()[None, None]], dim=1)
    assert action == pytest.approx(policy.codec.decode(ids[0, -7:].tolist()))


def test_several_scenes_get_the_actions_that_each_gets_alone(policy):
    envs = [ReachingEnv.sample(seed) for seed in range(4)]
    pictures, instructions = [env.render(56) for env in envs], [env.instruction for env in envs]
    instructions[0] = "reach"  # shorter, and so padded
    together = policy(pictures, instructions)
    alone = [policy([one], [asked])[0] for one, asked in zip(pictures, instructions, strict=True)]
    assert together.shape == (4, 7) and np.allclose(together, alone)


def test_a_model_without_actions_is_one_line(base):
    with pytest.raises(InputError, match=r"actions\.json: bins: cannot be read"):
        ActionPolicy.load(base)
