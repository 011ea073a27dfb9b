"""What the stages that learn from given replies share: data, model, collator and trainer put together."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from datasets import Dataset
from transformers import PretrainedConfig
from trl import SFTConfig, SFTTrainer

from dataset_builders.conversation import FrameStore
from dataset_builders.errors import InputError
from trl_recipes.arguments import SupervisedArguments
from trl_recipes.data import SPLIT, VALIDATION, ReplyCollator, load_questions
from trl_recipes.encoding import SampleEncoder
from trl_recipes.length_limit import LimitedCollator
from trl_recipes.models import load_model
from trl_recipes.module_groups import set_learning_rates
from trl_recipes.scale_labels import COLUMN, ScaleLabel, check_scales, only_scales

MIB = 2**20


@dataclass
class SupervisedConfig(SFTConfig):
    """The only change w.r.t. `SFTConfig` is that no reply is cut unless `max_length` says so."""

    max_length: int | None = field(
        default=None, metadata={"help": "Tokens of a sequence. Default: as many as it has."}
    )


class SupervisedTrainer(SFTTrainer):
    """The only change w.r.t. `SFTTrainer` is that each group of modules may have its own learning rate."""

    def __init__(self, *args, learning_rates: Mapping[str, float], **kwargs):
        """Take what `SFTTrainer` takes, and the learning rates by module group (`module_groups.GROUPS`)."""
        self.learning_rates = learning_rates
        super().__init__(*args, **kwargs)
        # Qwen2.5-VL says no, but it is SFTTrainer that divides by the tokens of the whole step. Otherwise a reply
        # would weigh more in a process, or a part of an accumulated step, that holds few others.
        self.model_accepts_loss_kwargs = True

    def create_optimizer(self, model=None):
        """Give the groups their learning rates; as in `Trainer.create_optimizer`."""
        optimizer = super().create_optimizer(model)
        named_parameters = (self.model if model is None else model).named_parameters()
        set_learning_rates(optimizer, named_parameters, self.learning_rates)
        return optimizer


def build_supervised_trainer(
    recipe: SupervisedArguments,
    training: SFTConfig,
    *,
    trainer_class: type[SupervisedTrainer] = SupervisedTrainer,
    default_modules: Sequence[str] = (),
    gate_mode: str | None = None,
    scale_labels: Callable[[PretrainedConfig], Mapping[str, int]] | None = None,
    scale_fix: str = "",
) -> SupervisedTrainer:
    """Put dataset, model and collator into a trainer.

    Args:
        recipe: The recipe's settings.
        training: The trainer's settings, completed in place.
        trainer_class: What trains.
        default_modules: What trains where `train_modules` says nothing.
        gate_mode: Of the experts; left out, as the model was saved.
        scale_labels: Returns the number of each scale for a model's configuration; batches then carry `scale_labels`.
        scale_fix: What to do about questions of another scale.

    Raises:
        InputError: if the dataset or the model cannot be used.
    """
    if training.router_aux_loss_coef is not None:
        fix = "give --load_balance_coef to router.py"
        raise InputError("arguments", "router_aux_loss_coef", "is for TRL's mixture-of-experts models", fix)
    questions = _questions(recipe, SPLIT)
    validation = None if training.eval_strategy == "no" else _questions(recipe, VALIDATION)
    model, processor = load_model(recipe, questions, training, default_modules, gate_mode)
    splits = SPLIT if validation is None else f"{SPLIT}+{VALIDATION}"
    frames = FrameStore(recipe.dataset, splits, recipe.num_frames, recipe.cache_mib * MIB)
    encoder = SampleEncoder(processor, model.config, frames, recipe.with_rationale, recipe.num_frames)
    if scale_labels is not None:
        labels = scale_labels(model.config)
        for rows in filter(None, (questions, validation)):
            check_scales(rows, labels, recipe.dataset, scale_fix)
        encoder.scale_label = ScaleLabel(labels, questions.features[COLUMN])
    collator = ReplyCollator(encoder)
    if training.max_length is not None:
        collator = LimitedCollator(collator, training.max_length)
    training.remove_unused_columns = False
    training.dataset_kwargs = {"skip_prepare_dataset": True}
    return trainer_class(
        model,
        args=training,
        train_dataset=questions,
        eval_dataset=validation,
        processing_class=processor,
        data_collator=collator,
        learning_rates=recipe.learning_rates,
    )


def _questions(recipe: SupervisedArguments, split: str) -> Dataset:
    return only_scales(load_questions(recipe.dataset, recipe.num_frames, split), recipe.scales, recipe.dataset)
