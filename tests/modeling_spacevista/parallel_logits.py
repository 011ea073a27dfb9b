"""One process of a tensor-parallel run: python -m torch.distributed.run parallel_logits.py MODEL BATCH OUTPUT."""

import sys

import torch
import torch.distributed as dist
from transformers.distributed.configuration_utils import DistributedConfig

from modeling_spacevista import SpaceVistaForConditionalGeneration


def answer(folder, batch):
    """Return what the model says, and the shapes of what this process holds of its experts."""
    config = DistributedConfig(tp_plan="auto")
    model = SpaceVistaForConditionalGeneration.from_pretrained(folder, distributed_config=config).eval()
    mlp = model.model.language_model.layers[0].mlp
    with torch.no_grad():
        found = {"logits": model(**batch).logits}
    found["tokens"] = model.generate(**batch, max_new_tokens=4, do_sample=False)
    found["split"] = [tuple(part.to_local().shape) for part in (mlp.up_proj.expert_b, mlp.down_proj.expert_a)]
    found["whole"] = [tuple(part.shape) for part in (mlp.up_proj.expert_a, mlp.down_proj.expert_b)]
    try:
        model(**batch)
    except ValueError as error:
        found["refusal"] = str(error)
    return found


if __name__ == "__main__":
    found = answer(sys.argv[1], torch.load(sys.argv[2]))
    if dist.get_rank() == 0:
        torch.save(found, sys.argv[3])
    dist.destroy_process_group()
