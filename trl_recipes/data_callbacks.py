"""What a training tells about its data at checkpoints and in the end: where a stream is, and which rows were bad."""

import sys
from pathlib import Path

import torch
from accelerate import PartialState
from accelerate.utils import reduce
from transformers import TrainerCallback
from transformers.trainer_utils import PREFIX_CHECKPOINT_DIR

from dataset_builders.errors import InputError
from trl_recipes.encoding import BadRows


class BadRowsReport(TrainerCallback):
    """Prints how many rows were skipped, over all processes, when the training ends."""

    def __init__(self, bad_rows: BadRows):
        """Take the count of this process."""
        self._bad_rows = bad_rows

    def on_train_end(self, args, state, control, **kwargs):
        """Sum up and print; nothing where rows are not skipped."""
        if self._bad_rows.policy == "skip":
            count = reduce(torch.tensor(self._bad_rows.count, device=PartialState().device), "sum")
            if state.is_world_process_zero:
                sys.stdout.write(f"skipped {int(count)} rows that could not be read\n")


class StreamStates(TrainerCallback):
    """Saves with every checkpoint where the stream of each process is."""

    def on_save(self, args, state, control, train_dataloader=None, **kwargs):
        """Write the state of the loader, which knows what its workers read ahead."""
        folder = Path(args.output_dir) / f"{PREFIX_CHECKPOINT_DIR}-{state.global_step}"
        torch.save(train_dataloader.state_dict(), folder / _file_name())


def read_stream_state(checkpoint: str) -> dict:
    """Read what `StreamStates` saved for this process.

    Raises:
        InputError: if the checkpoint is of a training without a stream, or of fewer processes.
    """
    path = Path(checkpoint) / _file_name()
    if not path.is_file():
        fix = "resume with as many processes as before, and with --streaming only if it was given before"
        raise InputError(checkpoint, _file_name(), "is missing", fix)
    return torch.load(path, weights_only=True)


def _file_name() -> str:
    return f"stream_{PartialState().process_index}.pt"
