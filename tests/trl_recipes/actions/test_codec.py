"""Bins by their definition: half a bin at most between an action and its token, and nothing outside of them."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import AutoConfig, AutoTokenizer

from dataset_builders.errors import InputError
from trl_recipes.actions.codec import FILE_NAME, ActionCodec, reserved_tokens

NUMBERS = st.floats(-1e3, 1e3, allow_nan=False, width=32)


def _matrix(size, least=1):
    return st.lists(st.lists(NUMBERS, min_size=size, max_size=size), min_size=least, max_size=40).map(np.array)


@settings(deadline=None)
@given(actions=_matrix(3), asked=st.lists(NUMBERS, min_size=3, max_size=3))
def test_a_round_trip_is_within_half_a_bin_of_the_clipped_action(actions, asked):
    codec = ActionCodec.fit(actions, 1000)
    tokens = codec.encode(asked)
    assert all(1000 <= token < 1256 for token in tokens)
    clipped = np.clip(asked, codec.low, codec.high)
    half = (np.array(codec.high) - codec.low) / 256 / 2
    assert (np.abs(codec.decode(tokens) - clipped) <= half * (1 + 1e-6) + 1e-9).all()


@settings(deadline=None)
@given(low=NUMBERS, width=st.floats(1e-3, 1e3), bins=st.lists(st.integers(0, 255), min_size=1, max_size=8))
def test_the_centre_of_every_bin_comes_back_as_its_token(low, width, bins):
    codec = ActionCodec((low,) * len(bins), (low + width,) * len(bins), 7)
    tokens = [7 + place for place in bins]
    assert codec.encode(codec.decode(tokens)) == tokens


def test_bins_span_the_first_to_the_ninety_ninth_percentile():
    steps = np.arange(101.0)  # whose p-th percentile is p
    codec = ActionCodec.fit(np.stack([steps, -steps], axis=1), 0)
    assert codec.low == (1.0, -99.0) and codec.high == (99.0, -1.0)
    # An outlier moves nothing, and goes into the last bin.
    assert codec.encode([1e9, -1e9]) == [255, 0]


def test_a_constant_dimension_comes_back_exactly():
    codec = ActionCodec.fit(np.array([[0.25, -1.0], [0.25, 1.0]]), 0)
    assert codec.encode([0.25, -1.0])[0] == 0 and codec.decode([200, 0])[0] == 0.25


def test_a_command_rarer_than_a_percent_keeps_its_bin():
    actions = np.full((1000, 1), -1.0)
    actions[7] = 1.0
    codec = ActionCodec.fit(actions, 0)
    assert codec.encode([-1.0]) == [0] and codec.encode([1.0]) == [255]


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_numbers_that_are_none_are_refused(bad):
    with pytest.raises(ValueError, match=rf"must be finite, got {bad} at \[1, 0\]"):
        ActionCodec.fit(np.array([[0.0, 1.0], [bad, 0.0]]), 0)
    with pytest.raises(ValueError, match="must be finite"):
        ActionCodec((0.0,), (1.0,), 0).encode([bad])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda codec: codec.encode([0.0, 0.0]), "must have 1 numbers"),
        (lambda codec: codec.decode([9]), r"1 tokens of 10 … 265, got \[9\]"),
        (lambda codec: codec.decode([266]), r"got \[266\]"),
        (lambda codec: codec.decode([10, 11]), r"got \[10, 11\]"),
        (lambda codec: ActionCodec.fit(np.zeros((0, 7)), 0), r"and some, got \(0, 7\)"),
        (lambda codec: ActionCodec((1.0,), (0.0,), 0), "at most high"),
        (lambda codec: ActionCodec((1.0,), (2.0, 3.0), 0), "one number for each dimension"),
        (lambda codec: ActionCodec((1.0,), (2.0,), -1), "first_token -1"),
    ],
)
def test_what_cannot_be_an_action_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call(ActionCodec((0.0,), (1.0,), 10))


def test_it_is_saved_as_json_and_loaded_again(tmp_path):
    codec = ActionCodec.fit(np.random.default_rng(0).normal(size=(50, 7)), 151665)
    codec.save(tmp_path)
    assert ActionCodec.load(tmp_path) == codec
    content = json.loads((tmp_path / FILE_NAME).read_text())
    assert content["num_bins"] == 256 and len(content["dimensions"]) == 7
    assert content["dimensions"][3] == {"low": codec.low[3], "high": codec.high[3]}


@pytest.mark.parametrize(
    "text", [None, "[", "[]", "{}", '{"num_bins": 256, "first_token": 1, "dimensions": [{"low": 2, "high": 1}]}']
)
def test_a_file_that_holds_no_bins_is_one_line(text, tmp_path):
    if text is not None:
        (tmp_path / FILE_NAME).write_text(text)
    with pytest.raises(InputError, match=r"actions\.json: bins: cannot be read .*; give the folder"):
        ActionCodec.load(tmp_path)


def test_the_tokens_lie_behind_the_tokenizers_and_no_text_reaches_them(base):
    tokenizer, config = AutoTokenizer.from_pretrained(base), AutoConfig.from_pretrained(base)
    first, length = reserved_tokens(tokenizer, config), len(tokenizer)
    assert first == length and first + 256 <= config.text_config.vocab_size
    assert tokenizer.convert_ids_to_tokens(first) is None
    assert len(tokenizer) == length


@pytest.mark.parametrize(("rows", "fits"), [(151936, True), (152064, True), (151665 + 255, False)])
def test_the_embeddings_of_qwen_have_room(rows, fits, base):
    """Sizes of Qwen2.5-VL: 151,665 tokens; 151,936 rows of the 3B, 152,064 of the 7B."""
    tokenizer, config = AutoTokenizer.from_pretrained(base), AutoConfig.from_pretrained(base)
    # The same room, behind a smaller tokenizer.
    config.text_config.vocab_size = len(tokenizer) + rows - 151665
    if fits:
        assert reserved_tokens(tokenizer, config) == len(tokenizer)
    else:
        with pytest.raises(InputError, match="holds 255 ids that no token uses, and actions need 256"):
            reserved_tokens(tokenizer, config)
