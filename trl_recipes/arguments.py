"""What the recipes add to TRL's own settings, checked before anything is loaded."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import yaml
from transformers import TrainingArguments
from transformers.trainer_utils import get_last_checkpoint
from trl import TrlParser

from dataset_builders.errors import InputError
from trl_recipes.rewards.anchored import COMBINATIONS, AnchoredReward
from trl_recipes.rewards.semantics import ENCODER


@dataclass
class RecipeArguments:
    """Settings of every stage."""

    dataset: str | None = field(
        default=None, metadata={"help": "Folder that `python -m dataset_builders build` wrote, or a Hub id."}
    )
    model_name_or_path: str | None = field(
        default=None,
        metadata={"help": "Folder or Hub id of a SpaceVista or Qwen2.5-VL; without it a tiny model from scratch."},
    )
    num_frames: int = field(default=16, metadata={"help": "Frames per question."})
    train_modules: list[str] = field(
        default_factory=list,
        metadata={
            "help": "Prefixes of the parameters that train, or `all`. Default: all from scratch, and all but the "
            "vision tower (model.visual) from a pretrained model (paper, C.1). The dense encoder never trains."
        },
    )
    with_rationale: bool = field(
        default=True,
        metadata={"help": "Cold start: teach the reasoning too. False: anchors and answer only (a model too small)."},
    )
    cache_scenes: int = field(default=64, metadata={"help": "Scenes whose decoded frames are kept in memory."})

    def __post_init__(self):
        """Refuse settings that cannot work.

        Raises:
            ValueError: the message quotes the value and names the fix.
        """
        if not self.dataset:
            raise ValueError("dataset is missing; give --dataset DIR")
        for name in ("num_frames", "cache_scenes"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, got {getattr(self, name)}")


@dataclass
class GrpoRecipeArguments(RecipeArguments):
    """Settings of the GRPO stage."""

    semantic_encoder: str = field(
        default=ENCODER,
        metadata={"help": "Folder or Hub id of the MiniLM weights, or `module:function` that returns the folder."},
    )
    anchor_combination: str = field(
        default="progressive", metadata={"help": f"How the anchors make one reward: {', '.join(COMBINATIONS)}."}
    )
    anchor_weights: list[float] = field(
        default_factory=lambda: [0.4, 0.3, 0.3], metadata={"help": "Weights of semantics, scale and answer."}
    )

    def __post_init__(self):
        """Refuse what `AnchoredReward` would refuse after the model has been loaded."""
        super().__post_init__()
        AnchoredReward(None, self.anchor_weights, self.anchor_combination)


class RecipeParser(TrlParser):
    """The only change w.r.t. `TrlParser` is that a wrong command line is one `InputError`, not a page of usage."""

    def error(self, message: str):
        """Raise instead of printing the usage of several hundred options."""
        raise InputError("command line", "arguments", message, "see --help")


def parse_arguments(
    recipe_class: type[RecipeArguments], training_class: type[TrainingArguments], argv: Sequence[str] | None = None
) -> tuple[RecipeArguments, TrainingArguments]:
    """Read `--config FILE` and the command line over it; `resume_from_checkpoint` becomes the checkpoint's folder.

    Raises:
        InputError: if a file, a name or a value is wrong, or the output folder is in use.
    """
    try:
        recipe, training = RecipeParser((recipe_class, training_class)).parse_args_and_config(argv)
    except InputError:
        raise
    except (OSError, ValueError, TypeError, LookupError, yaml.YAMLError) as error:
        raise InputError("arguments", "settings", one_line(error), "correct the config file or the flag") from error
    if training.eval_strategy != "no":
        fix = "leave it at no and run `python -m evaluate_metrics run` on the model"
        raise InputError("arguments", "eval_strategy", f"is {training.eval_strategy.value}", fix)
    training.resume_from_checkpoint = _checkpoint(training.resume_from_checkpoint, Path(training.output_dir))
    return recipe, training


def one_line(error: Exception, limit: int = 300) -> str:
    """Return the message of a library's error as part of one line, without the full stop."""
    return " ".join(str(error).split())[:limit].rstrip(".")


def _checkpoint(resume: str | None, output: Path) -> str | None:
    """Return the checkpoint to go on from; `true` stands for the last one in the output folder."""
    if output.exists() and not output.is_dir():
        raise InputError(output, "output_dir", "is a file", "give a folder")
    if str(resume).lower() in ("none", "false"):
        if output.is_dir() and os.listdir(output):
            fix = "give an empty --output_dir, or --resume_from_checkpoint true"
            raise InputError(output, "output_dir", "is not empty", fix)
        return None
    if resume.lower() == "true":
        found = get_last_checkpoint(output) if output.is_dir() else None
    else:
        found = resume if (Path(resume) / "trainer_state.json").is_file() else None
    if found is None:
        place = output if resume.lower() == "true" else resume
        raise InputError(
            place, "resume_from_checkpoint", "holds no checkpoint", "leave it out to train from the start"
        )
    return found
