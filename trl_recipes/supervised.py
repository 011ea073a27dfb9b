"""What the stages that learn from given replies share: data, model, collator and trainer put together."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import torch
from accelerate.utils import is_torchdata_stateful_dataloader_available
from datasets import Dataset, IterableDataset
from transformers import PretrainedConfig, PreTrainedModel
from trl import SFTConfig, SFTTrainer

from dataset_builders.conversation import FrameStore
from dataset_builders.errors import InputError
from trl_recipes.arguments import SupervisedArguments, read_mix
from trl_recipes.data import SPLIT, VALIDATION, ReplyCollator, load_questions
from trl_recipes.data_callbacks import BadRowsReport, StreamStates, read_stream_state
from trl_recipes.encoding import BadRows, SampleEncoder
from trl_recipes.mixing import training_rows
from trl_recipes.models import load_model
from trl_recipes.module_groups import set_learning_rates
from trl_recipes.packing import PackCollator, pack_attention
from trl_recipes.scale_labels import COLUMN, ScaleLabel, check_scales, only_scales

MIB = 2**20


@dataclass
class SupervisedConfig(SFTConfig):
    """The only change w.r.t. `SFTConfig` is that no reply is cut unless `max_length` says so."""

    max_length: int | None = field(
        default=None, metadata={"help": "Tokens of a sequence. Default: as many as it has."}
    )


class SupervisedTrainer(SFTTrainer):
    """The only change w.r.t. `SFTTrainer` is that each group of modules may have its own learning rate.

    And that a stream goes on after a stop where it was, and the tokens of packed rows are counted.
    """

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

    def get_train_dataloader(self):
        """Let the loader of a stream tell where it is, and begin where the checkpoint says; as in `Trainer`."""
        if not isinstance(self.train_dataset, IterableDataset):
            return super().get_train_dataloader()
        # The checkpoint says it, and no batches are to be gone through for it.
        self.args.ignore_data_skip = True
        self.accelerator.dataloader_config.use_stateful_dataloader = True
        loader = super().get_train_dataloader()
        if self.args.resume_from_checkpoint:
            loader.load_state_dict(read_stream_state(self.args.resume_from_checkpoint))
        return loader

    def compute_loss(self, model, inputs, return_outputs=False, num_items_in_batch=None):
        """Count the tokens of a packed row, where `SFTTrainer` counts one; as there."""
        result = super().compute_loss(model, inputs, return_outputs, num_items_in_batch)
        if self.model.training and "attention_mask" not in inputs:
            rows, tokens = inputs["input_ids"].shape
            missed = torch.tensor(rows * (tokens - 1), device=self.accelerator.device)
            self._total_train_tokens += self.accelerator.reduce(missed, "sum").item()
            self._metrics["train"]["num_tokens"] = [self._total_train_tokens]
        return result


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
    check_settings(recipe, training, scale_labels is not None)
    questions = _questions(recipe, SPLIT, recipe.streaming)
    validation = None if training.eval_strategy == "no" else _questions(recipe, VALIDATION)
    model, processor = load_model(recipe, questions, training, default_modules, gate_mode)
    splits = SPLIT if validation is None else f"{SPLIT}+{VALIDATION}"
    frames = FrameStore(recipe.dataset, splits, recipe.num_frames, recipe.cache_mib * MIB)
    bad_rows = BadRows(recipe.on_bad_video)
    encoder = SampleEncoder(
        processor, model.config, frames, recipe.with_rationale, recipe.num_frames, training.max_length, bad_rows
    )
    if scale_labels is not None:
        labels = scale_labels(model.config)
        for rows in (questions, validation):
            if isinstance(rows, Dataset):
                check_scales(rows, labels, recipe.dataset, scale_fix)
        encoder.scale_label = ScaleLabel(labels, questions.features[COLUMN])
    return assemble_trainer(recipe, training, model, encoder, questions, validation, trainer_class)


def assemble_trainer(
    recipe: SupervisedArguments,
    training: SFTConfig,
    model: PreTrainedModel,
    encoder: SampleEncoder,
    questions: Dataset | IterableDataset,
    validation: Dataset | None = None,
    trainer_class: type[SupervisedTrainer] = SupervisedTrainer,
) -> SupervisedTrainer:
    """Mix and pack rows as asked, and put them with model and collator into a trainer.

    Args:
        recipe: The recipe's settings.
        training: The trainer's settings, completed in place.
        model: What learns.
        encoder: Turns rows into samples.
        questions: The rows to learn from.
        validation: The rows to evaluate on, if that is asked for.
        trainer_class: What trains.

    Raises:
        InputError: if general data cannot be used, or a row cannot be read and is not to be skipped.
    """
    packing = training.packing
    rows = training_rows(questions, read_mix(recipe.mix), encoder, packing, training.seed)
    if packing:
        pack_attention(model)
    training.remove_unused_columns = False
    training.dataset_kwargs = {"skip_prepare_dataset": True}
    # SFTTrainer packs text alone, and takes no collator when it does. The setting means ours, and stays in the record.
    training.packing = False
    trainer = trainer_class(
        model,
        args=training,
        train_dataset=rows,
        eval_dataset=validation,
        processing_class=encoder.processor,
        data_collator=PackCollator(encoder) if packing else ReplyCollator(encoder),
        learning_rates=recipe.learning_rates,
    )
    training.packing = packing
    trainer.add_callback(BadRowsReport(encoder.bad_rows))
    if recipe.streaming:
        trainer.add_callback(StreamStates())
    return trainer


def check_settings(recipe: SupervisedArguments, training: SFTConfig, labelled: bool = False) -> None:
    """Refuse settings that do not go together.

    Args:
        recipe: The recipe's settings.
        training: The trainer's settings.
        labelled: Whether the rows need scales.

    Raises:
        InputError: names the first.
    """
    if training.router_aux_loss_coef is not None:
        fix = "give --load_balance_coef to router.py"
        raise InputError("arguments", "router_aux_loss_coef", "is for TRL's mixture-of-experts models", fix)
    if training.packing and training.max_length is None:
        raise InputError("arguments", "packing", "needs the length of a row", "give --max_length")
    if recipe.streaming and training.max_steps < 1:
        raise InputError("arguments", "streaming", "has no end", "give --max_steps")
    if recipe.streaming and not is_torchdata_stateful_dataloader_available():
        raise InputError("arguments", "streaming", "needs torchdata", "pip install torchdata")
    if recipe.mix and labelled:
        raise InputError("arguments", "mix", "is data without scales", "mix it in the cold start, sft.py")


def _questions(recipe: SupervisedArguments, split: str, streaming: bool = False) -> Dataset | IterableDataset:
    questions = load_questions(recipe.dataset, recipe.num_frames, split, streaming)
    return only_scales(questions, recipe.scales, recipe.dataset)
