"""What the recipes add to TRL's own settings, checked before anything is loaded."""

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import yaml
from transformers import TrainingArguments
from transformers.trainer_utils import get_last_checkpoint
from trl import TrlParser

from dataset_builders.errors import InputError
from dataset_builders.taxonomy import SCALE_NAMES
from trl_recipes.module_groups import GROUPS
from trl_recipes.rewards.anchored import COMBINATIONS, AnchoredReward
from trl_recipes.rewards.semantics import ENCODER

BAD_ROW_POLICIES = ("fail", "skip")


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
            "help": f"What trains: module groups ({', '.join(GROUPS)}), prefixes of parameters, or `all`; the rest is "
            "frozen. Default: all from scratch; from a pretrained model all but vision tower and merger (paper, C.1); "
            "in the expert stage the experts, in the router stage experts and router. The dense encoder never trains."
        },
    )
    cache_mib: int = field(
        default=1024, metadata={"help": "Decoded frames that each process and data worker keeps in memory, in MiB."}
    )
    mix: list[str] = field(
        default_factory=list,
        metadata={
            "help": "General data besides, as path:weight: that many of its rows for every row of the dataset. A "
            "smaller one is gone through again in another order, of a larger one a random part is taken. "
            "For GRPO its rows need answer and answer_type."
        },
    )
    on_bad_video: str = field(
        default="fail",
        metadata={"help": f"What to do about a row that cannot be read: {', '.join(BAD_ROW_POLICIES)}."},
    )
    dry_run: bool = field(
        default=False,
        metadata={"help": "Build data, model and one batch, print shapes, tokens and memory, write nothing."},
    )

    def __post_init__(self):
        """Refuse settings that cannot work.

        Raises:
            ValueError: the message quotes the value and names the fix.
        """
        if not self.dataset:
            raise ValueError("dataset is missing; give --dataset DIR")
        for name in ("num_frames", "cache_mib"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, got {getattr(self, name)}")
        read_mix(self.mix)
        if self.on_bad_video not in BAD_ROW_POLICIES:
            raise ValueError(f"on_bad_video must be {' or '.join(BAD_ROW_POLICIES)}, got {self.on_bad_video!r}")


@dataclass(frozen=True)
class Source:
    """General data to mix in.

    Attributes:
        path: Folder or Hub id of a dataset with `messages` and perhaps `images` and `videos`.
        weight: Its rows for every row of the questions.
    """

    path: str
    weight: float


def read_mix(entries: Sequence[str]) -> list[Source]:
    """Read `path:weight` entries.

    Raises:
        ValueError: quotes the entry.

    >>> read_mix(["build/general:0.25"])
    [Source(path='build/general', weight=0.25)]
    """
    sources = []
    for entry in entries:
        path, _, weight = entry.rpartition(":")
        try:
            sources.append(Source(path, float(weight)))
        except ValueError:
            raise ValueError(f"mix must be of path:weight, got {entry!r}") from None
        if not path or not 0 < sources[-1].weight < float("inf"):
            raise ValueError(f"mix must be of path:weight with a weight above 0, got {entry!r}")
    return sources


@dataclass
class SupervisedArguments(RecipeArguments):
    """Settings of the stages that learn from given replies."""

    with_rationale: bool = field(
        default=True,
        metadata={"help": "Teach the reasoning too. False: anchors and answer only (for a model too small)."},
    )
    learning_rates: dict[str, float] | str | None = field(
        default=None,
        metadata={
            "help": f"Learning rate by module group ({', '.join(GROUPS)}), for example '{{\"visual\": 5e-6}}'; "
            "learning_rate for the others."
        },
    )
    streaming: bool = field(
        default=False,
        metadata={"help": "Read the questions from Parquet as they are needed, without an end; needs --max_steps."},
    )
    scales: list[str] = field(
        default_factory=list, metadata={"help": f"Train on these scales only: {', '.join(SCALE_NAMES)}. Default: all."}
    )

    def __post_init__(self):
        """Read the learning rates, and check names."""
        super().__post_init__()
        self.learning_rates = read_mapping("learning_rates", self.learning_rates, GROUPS)
        for group, rate in self.learning_rates.items():
            try:
                # YAML reads 5e-6 as text: its floats have a point.
                self.learning_rates[group] = float(rate)
            except (TypeError, ValueError):
                raise ValueError(f"learning_rates of {group} must be a number, got {rate!r}") from None
            if not self.learning_rates[group] > 0:
                raise ValueError(f"learning_rates of {group} must be positive, got {rate}; freeze by train_modules")
        for scale in self.scales:
            if scale not in SCALE_NAMES:
                raise ValueError(f"scales must be of {', '.join(SCALE_NAMES)}, got {scale!r}")


@dataclass
class SftArguments(SupervisedArguments):
    """Settings of the cold start."""

    gate_mode: str | None = field(
        default=None,
        metadata={"help": "Gates of the experts: router, uniform, or off, which freezes them. Default: as saved."},
    )

    def __post_init__(self):
        """Refuse gates that need what the cold start does not give."""
        super().__post_init__()
        if self.gate_mode not in (None, "router", "uniform", "off"):
            raise ValueError(f"gate_mode must be router, uniform or off, got {self.gate_mode!r}; experts.py forces it")


@dataclass
class ExpertArguments(SupervisedArguments):
    """Settings of the expert stage."""

    scale_experts: dict[str, str] | str | None = field(
        default=None,
        metadata={
            "help": 'Which expert takes a scale that has none of its own, for example \'{"drone": "outdoor"}\'. '
            "Default: each scale needs the expert of its name."
        },
    )

    def __post_init__(self):
        """Read the mapping of scales to experts."""
        super().__post_init__()
        self.scale_experts = read_mapping("scale_experts", self.scale_experts, SCALE_NAMES)


@dataclass
class RouterArguments(SupervisedArguments):
    """Settings of the router stage."""

    load_balance_coef: float | None = field(
        default=None,
        metadata={"help": "Weight of the load-balance loss. Default: the model's router_aux_loss_coef, mostly 0."},
    )
    z_loss_coef: float | None = field(
        default=None, metadata={"help": "Weight of the router's z-loss. Default: the model's router_z_loss_coef."}
    )

    def __post_init__(self):
        """Refuse weights that reward imbalance."""
        super().__post_init__()
        for name in ("load_balance_coef", "z_loss_coef"):
            if getattr(self, name) is not None and getattr(self, name) < 0:
                raise ValueError(f"{name} must be at least 0, got {getattr(self, name)}")


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
        default_factory=lambda: [0.4, 0.3, 0.3],
        metadata={"help": "Weights of semantics, scale and answer; 0 leaves one out."},
    )
    smooth_numbers: bool = field(
        default=False, metadata={"help": "Reward numbers by their relative error, not by the thresholds they pass."}
    )
    consistency_target: float = field(
        default=0.0,
        metadata={"help": "Share of replies whose reasoning has to end in their answer, by dual ascent; 0: off."},
    )
    grounding_weight: float = field(
        default=0.0, metadata={"help": "Weight of points and boxes in the reasoning that lie on the marks; 0: off."}
    )
    resample_rounds: int = field(
        default=0,
        metadata={"help": "Ask other questions in place of groups all right or all wrong, so often at most (DAPO)."},
    )
    weigh_tasks: bool = field(
        default=False, metadata={"help": "Ask a task the more, the lower the model's last rewards in it."}
    )
    curriculum: float = field(
        default=0.0,
        metadata={
            "help": "Begin with the questions of the largest margins; all are in after this share of the training."
        },
    )
    max_eval_questions: int = field(
        default=256, metadata={"help": "Questions of the validation split that an evaluation asks; 0 for all."}
    )

    def __post_init__(self):
        """Refuse what would be refused after the model has been loaded."""
        super().__post_init__()
        for name in ("resample_rounds", "max_eval_questions"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} must be at least 0, got {getattr(self, name)}")
        if not 0 <= self.curriculum <= 1:
            raise ValueError(f"curriculum must lie in 0 … 1, a share of the training, got {self.curriculum}")
        AnchoredReward(None, self.anchor_weights, self.anchor_combination)
        if not 0 <= self.consistency_target <= 1:
            raise ValueError(f"consistency_target must be between 0 and 1, got {self.consistency_target}")
        if not 0 <= self.grounding_weight < float("inf"):
            raise ValueError(f"grounding_weight must be at least 0, got {self.grounding_weight}")


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
    training.resume_from_checkpoint = _checkpoint(training.resume_from_checkpoint, Path(training.output_dir))
    return recipe, training


def read_mapping(name: str, given: dict | str | None, keys: Sequence[str]) -> dict:
    """Return a mapping of the config file, or read the JSON of a flag; None is empty.

    Raises:
        ValueError: if it is no mapping, or has other keys than `keys`.
    """
    if isinstance(given, str):
        try:
            given = json.loads(given)
        except json.JSONDecodeError:
            raise ValueError(f'{name} must be a mapping such as {{"{keys[0]}": …}}, got {given!r}') from None
    if not isinstance(given, dict | None):
        raise ValueError(f"{name} must be a mapping, got {given!r}")
    for key in given or {}:
        if key not in keys:
            raise ValueError(f"{name} must name {', '.join(keys)}, got {key!r}")
    return dict(given or {})


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
