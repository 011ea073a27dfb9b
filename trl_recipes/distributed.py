"""Does a stage run as it was launched? `accelerate launch` falls back to one process, or to DDP, without a word."""

import os
from collections.abc import Mapping

from accelerate.utils import DistributedType

from dataset_builders.errors import InputError

CONFIGS = "trl_recipes/accelerate_configs"
# What the launcher sets for the processes that it wants sharded.
SHARDED = {"ACCELERATE_USE_DEEPSPEED": DistributedType.DEEPSPEED, "ACCELERATE_USE_FSDP": DistributedType.FSDP}


def check_processes(num_processes: int, num_gpus: int, environment: Mapping[str, str] = os.environ) -> None:
    """Refuse a process that would train alone where several were launched, or alone with several GPUs.

    Args:
        num_processes: Processes that train together (`TrainingArguments.world_size`).
        num_gpus: GPUs that this process would use (`TrainingArguments.n_gpu`).
        environment: What the launcher set.

    Raises:
        InputError: says what was asked for and how to get it.

    >>> check_processes(2, 1, {"WORLD_SIZE": "2"})
    """
    launched = int(environment.get("WORLD_SIZE", 1))
    if launched != num_processes:
        problem = f"{launched} were launched, and each would train alone"
        fix = "give every process a GPU, or --use_cpu true to the recipe for several on the CPU"
        raise InputError("launcher", "num_processes", problem, fix)
    # The launcher of a single process passes the address on to it when it was asked for more.
    alone = "WORLD_SIZE" not in environment and num_processes == 1
    if alone and {"ACCELERATE_MIXED_PRECISION", "MASTER_ADDR"} <= environment.keys():
        fix = f"give --config_file {CONFIGS}/ddp8.yaml with your --num_processes; for one process, unset MASTER_ADDR"
        raise InputError("launcher", "num_processes", "several were asked for and one was launched", fix)
    if num_gpus > 1:
        fix = f"give --config_file {CONFIGS}/ddp8.yaml --num_processes {num_gpus}, or set CUDA_VISIBLE_DEVICES to one"
        raise InputError("launcher", "num_processes", f"one process sees {num_gpus} GPUs", fix)


def check_stage(
    zero_stage: int | None, model: str | None, generates: bool, environment: Mapping[str, str] = os.environ
) -> None:
    """Refuse what weights that are spread over processes cannot do, before anything is loaded.

    Args:
        zero_stage: Of DeepSpeed; None without it.
        model: What the stage starts from; None builds the tiny model.
        generates: The stage has transformers write replies.
        environment: What the launcher set.

    Raises:
        InputError: says what to use.

    >>> check_stage(2, None, True, {})
    """
    if zero_stage == 3 and model is None:
        fix = "give --model_name_or_path, or zero2.yaml"
        raise InputError("launcher", "zero_stage", "is 3, which cannot build a model from scratch", fix)
    # `generate` encodes videos outside of the forward pass, where FSDP has gathered no weights, and does not keep the
    # processes of FSDP2 in step (transformers 5.24).
    if generates and _asked(environment, "ACCELERATE_USE_FSDP"):
        fix = f"give --config_file {CONFIGS}/zero2.yaml or zero3.yaml, or --use_vllm true"
        raise InputError("launcher", "distributed_type", "is FSDP, with which no replies can be generated", fix)


def check_sharding(distributed_type: DistributedType, environment: Mapping[str, str] = os.environ) -> None:
    """Refuse a trainer that does not shard as the launcher was told to.

    Args:
        distributed_type: Of the trainer's accelerator.
        environment: What the launcher set.

    Raises:
        InputError: says what was asked for and what it would be.

    >>> check_sharding(DistributedType.DEEPSPEED, {"ACCELERATE_USE_DEEPSPEED": "true"})
    """
    for name, wanted in SHARDED.items():
        if _asked(environment, name) and distributed_type != wanted:
            problem = f"{wanted.value} was asked for, and the trainer would use {distributed_type.value}"
            fix = f"on the CPU give --config_file {CONFIGS}/zero2.yaml or ddp8.yaml; FSDP needs GPUs"
            raise InputError("launcher", "distributed_type", problem, fix)


def _asked(environment: Mapping[str, str], name: str) -> bool:
    return environment.get(name, "false").lower() == "true"
