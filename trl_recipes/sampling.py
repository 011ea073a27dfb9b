"""Which questions a step asks: a distribution over the rows that follows the training and the model's weaknesses."""

import json
from collections.abc import Iterator, Sequence

import numpy as np
from datasets import ClassLabel, Dataset
from torch.utils.data import Sampler
from transformers import TrainerCallback
from transformers.trainer_callback import ExportableState
from trl.trainer.utils import RepeatSampler

# Share of the questions, the easiest, that a curriculum begins with.
FIRST_SHARE = 0.2
# How fast the score of a task follows its last replies, and the least weight of a task that is always right.
SMOOTHING, LEAST_WEIGHT = 0.2, 0.1


class EpochSampler(Sampler[int]):
    """The only change w.r.t. a `RepeatSampler` is that the order of an epoch depends on seed and epoch alone.

    TRL 1.16 draws each order from where the one before left its generator, so that a run that is resumed in a later
    epoch goes through the order of the first.
    """

    def __init__(self, sampler: RepeatSampler, seed: int):
        """Take TRL's sampler and the seed of the first epoch."""
        self._sampler, self._seed, self._epoch = sampler, seed, 0

    def __len__(self) -> int:
        """Count what an epoch yields, repetitions included."""
        return len(self._sampler)

    def set_epoch(self, epoch: int) -> None:
        """Choose another order; the data loader calls this."""
        self._epoch = epoch

    def __iter__(self) -> Iterator[int]:
        """Yield the rows of an epoch as TRL repeats them."""
        if self._sampler.shuffle:
            self._sampler.generator.manual_seed(self._seed + self._epoch)
        return iter(self._sampler)


class QuestionDraws(TrainerCallback, ExportableState):
    """Draws the rows of a step; the same seed, step and scores give the same rows, whatever was drawn before.

    Two options, off by default, shape the distribution. Curriculum by margin: at first the easiest fifth of the
    questions, then linearly more of them. Weakness (SpatialEvo's task-adaptive scheduler is the idea, the formula is
    ours): a question weighs 1 − s, at least 0.1, where s in [0, 1] is the running mean score of its task; a task that
    was not asked yet weighs 1. The scores are saved and restored with the state of the trainer.
    """

    def __init__(
        self,
        number: int,
        seed: int,
        tasks: Sequence | None = None,
        ease: Sequence[float] | None = None,
        curriculum: float = 1.0,
    ):
        """Take what the distribution follows.

        Args:
            number: Rows of the dataset.
            seed: Of the draws.
            tasks: The task of every row, to weigh them by weakness.
            ease: The ease of every row, for a curriculum, as `ease_of_margins` returns it.
            curriculum: The share of the training, above 0 and at most 1, after which all questions are asked.
        """
        self._number, self._seed, self._curriculum = number, seed, curriculum
        self._tasks = None if tasks is None else np.asarray([str(task) for task in tasks])
        # Stable, so that equal ones stay in the order of the dataset.
        self._easiest_first = None if ease is None else np.argsort(-np.asarray(ease), kind="stable")
        self.scores: dict[str, float] = {}

    @property
    def replaces_loader(self) -> bool:
        """Whether a step takes all of its questions from here, not only those asked in the place of others."""
        return self._tasks is not None or self._easiest_first is not None

    def rows(self, step: int, attempt: int, number: int, progress: float) -> list[int]:
        """Draw rows, different ones as long as there are enough.

        Args:
            step: Number of the pass.
            attempt: Counts the draws of one pass.
            number: How many rows.
            progress: Share of the training that is done, in [0, 1].
        """
        weights = self.weights(progress)
        generator = np.random.default_rng((self._seed, step, attempt))
        enough = number <= np.count_nonzero(weights)
        return generator.choice(self._number, number, replace=not enough, p=weights / weights.sum()).tolist()

    def weights(self, progress: float) -> np.ndarray:
        """Return how much every row weighs, (rows,)."""
        weights = np.ones(self._number)
        if self._easiest_first is not None:
            share = FIRST_SHARE + (1 - FIRST_SHARE) * min(1.0, progress / self._curriculum)
            weights[self._easiest_first[max(1, round(share * self._number)) :]] = 0
        if self._tasks is not None:
            names, places = np.unique(self._tasks, return_inverse=True)
            weights *= np.array([max(1 - self.scores.get(name, 0.0), LEAST_WEIGHT) for name in names])[places]
        return weights

    def observe(self, rows: Sequence[int], scores: Sequence[float]) -> None:
        """Move the scores of the tasks of `rows` towards theirs, each the mean in [0, 1] over its replies."""
        if self._tasks is None:
            return
        of_task: dict[str, list[float]] = {}
        for row, score in zip(rows, scores, strict=True):
            of_task.setdefault(str(self._tasks[row]), []).append(min(max(float(score), 0.0), 1.0))
        for task, values in of_task.items():
            mean = sum(values) / len(values)
            self.scores[task] = mean + (1 - SMOOTHING) * (self.scores.get(task, mean) - mean)

    def state(self) -> dict:
        """Return what a checkpoint keeps."""
        return {"args": {}, "attributes": {"scores": dict(self.scores)}}

    def on_train_begin(self, args, state, control, **kwargs):
        """Take up the scores of the checkpoint, if the training goes on from one."""
        saved = state.stateful_callbacks.get(type(self).__name__, self.state())
        self.scores = dict(saved["attributes"]["scores"])


def ease_of_margins(questions: Dataset) -> np.ndarray:
    """Rate how easy questions are by how far their answers are from ambiguity.

    A margin means something only beside others of its kind: it counts as the share of the questions of the same task
    and scale whose margin of the same name is smaller. Of several margins the least counts; a question without any
    is of middling ease.

    Returns:
        (rows,), 0 for the hardest of its kind to 1 for the easiest.
    """
    kinds: dict[tuple, list[tuple[float, int]]] = {}
    for row, (task, scale, provenance) in enumerate(
        zip(questions["task"], questions["scale"], questions["provenance"], strict=True)
    ):
        for name, value in json.loads(provenance).get("margins", {}).items():
            kinds.setdefault((task, scale, name), []).append((value, row))
    ease = np.full(len(questions), np.inf)
    for found in kinds.values():
        values = np.array([value for value, _ in found], dtype=float)
        ranks = (np.searchsorted(np.sort(values), values, "left") + 0.5) / len(values)
        np.minimum.at(ease, [row for _, row in found], ranks)
    return np.where(np.isinf(ease), 0.5, ease)


def task_names(questions: Dataset) -> list[str]:
    """Return the task of every question, whether the column holds names or numbers of classes."""
    feature = questions.features["task"]
    return [feature.names[task] if isinstance(feature, ClassLabel) else str(task) for task in questions["task"]]
