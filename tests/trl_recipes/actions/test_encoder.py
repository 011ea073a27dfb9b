"""A step as the model reads it, against what the processor and the file say."""

import h5py
import numpy as np
import pytest
import torch
from PIL import Image
from transformers import AutoConfig, AutoProcessor

from dataset_builders.general import RowError
from trl_recipes.actions.codec import ActionCodec
from trl_recipes.actions.demonstrations import load_demonstrations
from trl_recipes.actions.encoder import ActionEncoder, action_messages, square
from trl_recipes.encoding import IGNORED


@pytest.fixture
def rows(demonstrations):
    return load_demonstrations(demonstrations)[0]


@pytest.fixture
def encoder(base, rows):
    processor, config = AutoProcessor.from_pretrained(base), AutoConfig.from_pretrained(base)
    codec = ActionCodec.fit(np.array(rows["action"]), len(processor.tokenizer))
    return ActionEncoder(processor, config, None, codec=codec, image_size=56)


def test_the_action_follows_what_a_rollout_reads_and_alone_carries_a_loss(encoder, rows):
    row = rows[5]
    sample = encoder.encode(row)
    with h5py.File(row["path"]) as file:
        picture = Image.fromarray(file[f"data/{row['demonstration']}/obs/agentview_rgb"][row["step"]])
    prompt = encoder.processor.apply_chat_template(
        [action_messages(picture, row["instruction"])],
        add_generation_prompt=True,
        tokenize=True,
        return_dict=True,
        return_tensors="pt",
    )
    asked = prompt["input_ids"].shape[1]
    assert torch.equal(sample.input_ids[:asked], prompt["input_ids"][0])
    assert torch.equal(sample.features["pixel_values"], prompt["pixel_values"])
    assert (sample.labels[:asked] == IGNORED).all()
    assert torch.equal(sample.labels[asked:], sample.input_ids[asked:])
    action = encoder.codec.decode(sample.labels[asked:].tolist())
    clipped = np.clip(row["action"], encoder.codec.low, encoder.codec.high)
    assert np.abs(action - clipped).max() <= encoder.codec.widths.max() / 2 + 1e-9


def test_the_length_is_counted_without_the_picture(encoder, rows):
    row = rows[0]
    assert encoder.length({**row, "path": "nowhere"}) == len(encoder.encode(row).input_ids)


def test_general_rows_stay_as_they_are(encoder):
    row = {"messages": [{"role": "user", "content": "reach"}, {"role": "assistant", "content": "red"}]}
    sample = encoder.encode(row)
    written = [token for token in sample.labels.tolist() if token != IGNORED]
    assert encoder.processor.tokenizer.decode(written) == "red<|im_end|>"


def test_an_unreadable_picture_is_a_bad_row(encoder, rows):
    with pytest.raises(RowError, match="nowhere: demo_.*, step"):
        encoder.encode({**rows[0], "path": "nowhere"})


def test_pictures_become_square():
    assert square(Image.new("L", (30, 20)), 56).size == (56, 56)
    assert square(Image.new("L", (30, 20)), 56).mode == "RGB"
