import json
import shutil
import threading
from dataclasses import replace

import pytest
import torch

from dataset_builders.conversation import completion_text
from dataset_builders.errors import InputError
from hub_cards.demo.asking import Subject, kind_of, prepare
from hub_cards.demo.model import StreamingModel


@pytest.fixture(scope="module")
def asked(samples, limits):
    sample = samples.open(0)
    row = sample.questions[0]
    return prepare(Subject(sample.clip, sample, row), [], row["question"], kind_of(row), row["options"], limits)


def test_the_reply_grows_to_what_evaluation_gets(model, asked):
    replies = list(model.stream(asked.messages))
    texts = [reply.text for reply in replies]
    assert len(set(texts)) > 5
    assert all(later.startswith(earlier) for earlier, later in zip(texts, texts[1:], strict=False))
    assert texts[-1] == completion_text(asked.question)
    assert texts[-1] == model.complete(model.prepare([asked.messages]))[0].text
    assert replies[-1].cut == "" and all(reply.gates is None for reply in replies[:-1])


def test_gates_are_those_of_every_token_in_every_layer(model, asked):
    *_, last = model.stream(asked.messages)
    prompt = model.prepare([asked.messages])["input_ids"].shape[1]
    written = model.complete(model.prepare([asked.messages]))[0].tokens_out
    experts, layers = len(model.expert_scales), model._model.config.text_config.num_hidden_layers
    assert last.gates.shape == (layers, 1, prompt + written, experts)
    assert torch.allclose(last.gates.sum(-1), torch.ones(()), atol=1e-5)


def test_a_reader_who_leaves_stops_the_model(model, asked):
    before = threading.active_count()
    replies = model.stream(asked.messages)
    next(replies)
    replies.close()
    assert threading.active_count() == before


@pytest.mark.parametrize(
    ("bound", "cut"), [({"max_new_tokens": 3}, "3 tokens"), ({"answer_seconds": 0.001}, "0.001 s")]
)
def test_a_reply_that_is_cut_says_so(model_dir, asked, limits, bound, cut):
    *_, last = StreamingModel(str(model_dir), replace(limits, **bound)).stream(asked.messages)
    assert last.cut == cut and completion_text(asked.question).startswith(last.text)


def test_an_error_of_the_model_reaches_the_reader(model_dir, asked, limits):
    broken = StreamingModel(str(model_dir), limits)
    broken._model.config.video_token_id += 1  # it then finds no place for the video
    with pytest.raises(ValueError, match="(?i)video"):
        list(broken.stream(asked.messages))


def _with_gates(folder, target, mode):
    shutil.copytree(folder, target)
    config = json.loads((target / "config.json").read_text())
    (target / "config.json").write_text(json.dumps(config | {"gate_mode": mode}))
    return str(target)


def test_gates_that_need_labels_are_refused_and_other_gates_have_no_picture(model_dir, asked, limits, tmp_path):
    with pytest.raises(InputError, match="--model: has gates that are forced by scale labels"):
        StreamingModel(_with_gates(model_dir, tmp_path / "forced", "forced"), limits)
    uniform = StreamingModel(_with_gates(model_dir, tmp_path / "uniform", "uniform"), limits)
    *_, last = uniform.stream(asked.messages)
    assert last.gates is None and uniform.expert_scales == [] and last.text


def test_a_folder_without_a_model_is_refused(tmp_path, limits):
    with pytest.raises(InputError, match="holds no config.json"):
        StreamingModel(str(tmp_path), limits)
