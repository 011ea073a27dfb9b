"""The stage from the command line to a policy that acts; slow: one that learned to."""

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from transformers import AutoConfig, AutoModelForImageTextToText, AutoTokenizer

from trl_recipes import action_sft
from trl_recipes.actions.__main__ import main as actions
from trl_recipes.actions.codec import ActionCodec
from trl_recipes.actions.demonstrations import load_demonstrations
from trl_recipes.actions.policy import ActionPolicy
from trl_recipes.actions.reaching import ReachingEnv

ROOT = Path(__file__).resolve().parents[3]
TINY = ["--config", str(ROOT / "trl_recipes" / "configs" / "actions_tiny.yaml"), "--logging_steps", "1"]
FEW = ["--max_steps", "2", "--per_device_train_batch_size", "4"]


def _argv(demonstrations, base, output, *more):
    given = {"--dataset": demonstrations, "--model_name_or_path": base, "--output_dir": output}
    return [*TINY, *FEW, *(text for name, path in given.items() for text in (name, str(path))), *more]


@pytest.fixture(scope="module")
def trained(demonstrations, base, tmp_path_factory):
    folder = tmp_path_factory.mktemp("policy") / "model"
    assert action_sft.main(_argv(demonstrations, base, folder)) == 0
    return folder


def test_it_writes_a_policy_with_its_bins_and_record(trained, base):
    codec = ActionCodec.load(trained)
    tokenizers = [AutoTokenizer.from_pretrained(folder) for folder in (base, trained)]
    configs = [AutoConfig.from_pretrained(folder) for folder in (base, trained)]
    assert codec.size == 7 and codec.first_token == len(tokenizers[0]) == len(tokenizers[1])
    assert configs[0].text_config.vocab_size == configs[1].text_config.vocab_size
    env = ReachingEnv.sample(0)
    assert ActionPolicy.load(trained, 56)([env.render(56)], [env.instruction]).shape == (1, 7)
    [stage] = json.loads((trained / "training.json").read_text())["stages"]
    assert stage["stage"] == "actions" and stage["steps"] == 2 and stage["arguments"]["image_size"] == 56


def test_going_on_from_a_policy_keeps_the_meaning_of_its_tokens(trained, tmp_path):
    assert actions(["demonstrate", "--episodes", "3", "--seed", "50", "--output", str(tmp_path / "more")]) == 0
    assert action_sft.main(_argv(tmp_path / "more", trained, tmp_path / "out")) == 0
    assert ActionCodec.load(tmp_path / "out") == ActionCodec.load(trained)


def test_packed_rows_of_general_data_besides(demonstrations, base, tmp_path):
    text = [{"role": "user", "content": "reach"}, {"role": "assistant", "content": "the red block"}]
    (tmp_path / "general").mkdir()
    (tmp_path / "general" / "rows.jsonl").write_text(f"{json.dumps({'messages': text})}\n" * 3)
    more = ["--packing", "true", "--max_length", "128", "--mix", f"{tmp_path / 'general'}:0.5"]
    assert action_sft.main(_argv(demonstrations, base, tmp_path / "out", *more)) == 0
    [stage] = json.loads((tmp_path / "out" / "training.json").read_text())["stages"]
    alone = load_demonstrations(demonstrations)[1].steps
    assert stage["num_samples"] == alone + round(alone / 2)


@pytest.mark.parametrize(
    ("more", "problem"),
    [
        (["--dataset", "nowhere"], "nowhere: dataset: has no steps to learn from"),
        (["--eval_strategy", "epoch"], "eval_strategy: is given, but no steps are held out"),
        (["--image_size", "8"], "image_size must be at least 28"),
        (["--streaming", "true"], "streaming is for questions"),
        (["--packing", "true"], "packing: needs the length of a row"),
    ],
)
def test_bad_input_is_one_line(more, problem, demonstrations, base, tmp_path, capsys):
    assert action_sft.main(_argv(demonstrations, base, tmp_path / "out", *more)) == 2
    lines = capsys.readouterr().err.strip().splitlines()
    assert re.search(f"^error: .*{problem}", lines[-1])


def test_a_model_without_room_for_actions_is_one_line(demonstrations, base, tmp_path, capsys):
    model = AutoModelForImageTextToText.from_pretrained(base)
    model.resize_token_embeddings(model.config.text_config.vocab_size - 1)
    model.save_pretrained(tmp_path / "small")
    for path in base.iterdir():
        if not (tmp_path / "small" / path.name).exists():
            (tmp_path / "small" / path.name).write_bytes(path.read_bytes())
    assert action_sft.main(_argv(demonstrations, tmp_path / "small", tmp_path / "out")) == 2
    assert "holds 255 ids that no token uses, and actions need 256" in capsys.readouterr().err


def test_actions_of_another_size_than_the_policys_are_one_line(trained, write_file, tmp_path, capsys):
    write_file(tmp_path / "a.hdf5", [{"actions": [[1.0, 1.0]]}])
    assert action_sft.main(_argv(tmp_path, trained, tmp_path / "out")) == 2
    assert "is of 7 dimensions, the demonstrations of 2" in capsys.readouterr().err


def test_commands_refuse_a_folder_in_use(demonstrations, capsys):
    assert actions(["demonstrate", "--output", str(demonstrations)]) == 2
    assert capsys.readouterr().err.endswith("exists and is not an empty folder; name another one\n")


@pytest.mark.slow
def test_the_commands_of_the_page_make_a_policy_that_beats_chance(tmp_path):
    page = (ROOT / "docs" / "actions.md").read_text(encoding="utf-8")
    [block] = [code for code in re.findall(r"```bash\n(.*?)```", page, re.DOTALL) if "rollout" in code]
    for line in block.replace("\\\n", " ").splitlines():
        command = shlex.split(line.replace("trl_recipes/", f"{ROOT}/trl_recipes/"))
        if command[0] == "accelerate":
            command = [sys.executable, "-m", "accelerate.commands.accelerate_cli", *command[1:]]
        else:
            command[0] = sys.executable
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=1200)
        assert done.returncode == 0, done.stderr
    rates = {name: float(rate) for name, rate in re.findall(r"(model|random) +([\d.]+) %", done.stdout)}
    assert rates["model"] > rates["random"] + 30
    [code] = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=300)
    assert done.stdout == "(7,)\n", done.stderr
