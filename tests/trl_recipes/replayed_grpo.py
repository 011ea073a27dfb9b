"""grpo.py with its rollouts kept in a folder, or taken from it: replayed_grpo.py keep|replay FOLDER, then its flags.

Sampling draws from each process's own generator, so two processes and one sample different replies from the same
prompts. What is made of the replies must be the same, and this is how a test compares it.
"""

import json
import sys
from pathlib import Path

from launched_stage import record_state

from trl_recipes import grpo


def letters(completions, **_) -> list[float]:
    """The share of small letters: a reward that differs between the replies of an untrained model."""
    texts = [completion[0]["content"] for completion in completions]
    return [sum(character.islower() for character in text) / max(len(text), 1) for text in texts]


class ReplayedTrainer(grpo.SpaceVistaGRPOTrainer):
    """Generates and writes `stepSTEP-RANK.json`, or reads what all ranks wrote."""

    def __init__(self, *args, reward_funcs, **kwargs):
        kwargs["args"].reward_weights = None
        super().__init__(*args, reward_funcs=[letters], **kwargs)

    def _generate_single_turn(self, prompt_ids, *args, **kwargs):
        step = self.state.global_step
        if MODE == "keep":
            completion_ids, logprobs = super()._generate_single_turn(prompt_ids, *args, **kwargs)
            kept = json.dumps([prompt_ids, completion_ids])
            (FOLDER / f"step{step}-{self.accelerator.process_index}.json").write_text(kept)
            return completion_ids, logprobs
        parts = [json.loads(path.read_text()) for path in sorted(FOLDER.glob(f"step{step}-*.json"))]
        if prompt_ids != [ids for prompts, _ in parts for ids in prompts]:
            raise ValueError("these are not the prompts that were kept")
        return [ids for _, completions in parts for ids in completions], None


if __name__ == "__main__":
    MODE, FOLDER = sys.argv[1], Path(sys.argv[2])
    grpo.SpaceVistaGRPOTrainer = ReplayedTrainer
    code = grpo.main(sys.argv[3:])
    if code == 0 and MODE == "keep":
        record_state(FOLDER)
    sys.exit(code)
