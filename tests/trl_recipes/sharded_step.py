"""One process of a sharded step: python -m torch.distributed.run sharded_step.py MODEL BATCHES OUTPUT.

FSDP2 as trl_recipes/accelerate_configs/fsdp2.yaml asks for it: every layer that the model names in
`_no_split_modules` is a unit, and the model the unit of the rest. Accelerate itself does FSDP on GPUs alone.
"""

import sys

import torch
import torch.distributed as dist
from torch.distributed.fsdp import fully_shard
from torch.distributed.tensor import DTensor

from modeling_spacevista import SpaceVistaForConditionalGeneration


def shard(model):
    """Shard in place; return the names of the classes of the units."""
    units = [part for part in model.modules() if type(part).__name__ in model._no_split_modules]
    names = [type(part).__name__ for part in units]
    for part in [*units, model]:
        fully_shard(part)
    return names


def step(model, batch, num_tokens):
    """Return the mean loss over the tokens of all processes, and leave its gradients in the model."""
    logits = model(**batch).logits[:, :-1].flatten(0, 1)
    total = torch.nn.functional.cross_entropy(logits, batch["labels"][:, 1:].flatten(), reduction="sum")
    # FSDP averages gradients over processes.
    (total * dist.get_world_size() / num_tokens).backward()
    total = total.detach()
    dist.all_reduce(total)
    return (total / num_tokens).item()


def refusal_to_generate(model, batch):
    """Return why a sharded model cannot generate (`trl_recipes.distributed.check_stage`)."""
    try:
        model.generate(**{name: value for name, value in batch.items() if name != "labels"}, max_new_tokens=2)
    except RuntimeError as error:
        return str(error)


if __name__ == "__main__":
    dist.init_process_group("gloo")
    model = SpaceVistaForConditionalGeneration.from_pretrained(sys.argv[1])
    batches = torch.load(sys.argv[2])
    batch = batches[dist.get_rank()]
    num_tokens = sum(int((each["labels"][:, 1:] != -100).sum()) for each in batches)
    units = shard(model)
    found = {
        "world_size": dist.get_world_size(),
        "units": units,
        "whole": [name for name, value in model.named_parameters() if not isinstance(value, DTensor)],
        "held": sum(value.to_local().numel() for value in model.parameters()),
        "loss": step(model, batch, num_tokens),
        "gradients": {
            name: value.grad.full_tensor() for name, value in model.named_parameters() if value.grad is not None
        },
        "refusal": refusal_to_generate(model, batch),
    }
    if dist.get_rank() == 0:
        torch.save(found, sys.argv[3])
    dist.destroy_process_group()
