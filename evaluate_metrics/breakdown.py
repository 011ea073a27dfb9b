"""Scores of questions → figures over groups of them, each with its 95 % interval over scenes and what it stands on."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import compress

import numpy as np

from evaluate_metrics.bootstrap import NUM_RESAMPLES, SceneBootstrap, interval
from evaluate_metrics.scoring import Scores


@dataclass(frozen=True)
class Figure:
    """One figure of a table.

    Attributes:
        score: In [0, 1].
        resampled: (R,) the same figure of resampled scenes, NaN where a resample holds none of its questions.
        questions: How many questions it stands on.
        answered: How many of them an answer was read from; the others score 0.
    """

    score: float
    resampled: np.ndarray
    questions: int
    answered: int

    def to_json(self) -> dict:
        """Return the figure in percent, rounded so that every machine writes the same digits."""
        bounds = interval(100 * self.resampled) if len(self.resampled) else ()
        return {
            "score": _rounded(100 * self.score),
            "interval": [_rounded(bound) for bound in bounds],
            "questions": self.questions,
            "answered": self.answered,
        }


class Breakdown:
    """The scores of a benchmark's questions, to be averaged over groups of them.

    Attributes:
        values: (N,) scores in [0, 1].
    """

    def __init__(
        self,
        scores: Scores,
        predictions: Sequence[str | None],
        references: Sequence[Mapping],
        num_resamples: int = NUM_RESAMPLES,
    ):
        """Take the scores and draw the resamples.

        Args:
            scores: Of N completions.
            predictions: N completions, None where there is none.
            references: N rows with `id` and `scene_id`.
            num_resamples: R; 0 leaves the intervals empty.
        """
        self.values, self._flags = np.array(scores.values), scores.flags
        self._answered = np.array([answer is not None for answer in scores.parsed])
        self._missing = np.array([prediction is None for prediction in predictions])
        self._ids = [row["id"] for row in references]
        scene_ids = [row["scene_id"] for row in references]
        self._bootstrap = SceneBootstrap(scene_ids, num_resamples) if num_resamples else None

    def over(self, chosen: np.ndarray) -> Figure:
        """Average the chosen questions, (N,) bool."""
        resampled = self._bootstrap.means(self.values, chosen) if self._bootstrap else np.empty(0)
        return self._figure(chosen, resampled)

    def all(self) -> Figure:
        """Average all questions."""
        return self.over(np.ones(len(self.values), dtype=bool))

    def by(self, labels: Sequence[str], order: Iterable[str] = ()) -> dict[str, Figure]:
        """Average the questions of each label; in the given order, labels that it lacks after it."""
        held = set(labels)
        names = [name for name in dict.fromkeys([*order, *sorted(held)]) if name in held]
        place_of = {name: place for place, name in enumerate(names)}
        groups = np.array([place_of[label] for label in labels])
        resampled = np.empty((0, len(names)))
        if self._bootstrap:
            resampled = self._bootstrap.means_by_group(self.values, groups, len(names))
        return {name: self._figure(groups == place, resampled[:, place]) for name, place in place_of.items()}

    def whole_groups(self, keys: Sequence[str]) -> Figure:
        """Return the share of groups, questions of one scene with the same key, that are right as a whole."""
        _, first, group = np.unique(np.asarray(keys), return_index=True, return_inverse=True)
        right, answered = np.ones(len(first)), np.ones(len(first), dtype=bool)
        np.minimum.at(right, group, self.values)
        np.logical_and.at(answered, group, self._answered)
        values = np.zeros(len(self.values))
        values[first] = right == 1
        chosen = np.zeros(len(self.values), dtype=bool)
        chosen[first] = True
        resampled = self._bootstrap.means(values, chosen) if self._bootstrap else np.empty(0)
        return Figure(float(values[chosen].mean()), resampled, len(first), int(answered.sum()))

    def _figure(self, chosen: np.ndarray, resampled: np.ndarray) -> Figure:
        answered = self._answered[chosen]
        return Figure(float(self.values[chosen].mean()), resampled, len(answered), int(answered.sum()))

    def coverage(self) -> dict:
        """Tell how many questions the scores stand on, and name those without an answer."""
        return {
            "questions": len(self._ids),
            "answered": int(self._answered.sum()),
            "missing": list(compress(self._ids, self._missing)),
            "unread": list(compress(self._ids, ~(self._answered | self._missing))),
            "ambiguous": list(compress(self._ids, self._flags)),
        }


def mean_of(figures: Iterable[Figure]) -> Figure:
    """Average figures with equal weights; a resample counts those that it holds questions of."""
    figures = list(figures)
    stacked = np.stack([figure.resampled for figure in figures])
    held = ~np.isnan(stacked)
    sums = np.where(held, stacked, 0).sum(axis=0)
    return Figure(
        score=float(np.mean([figure.score for figure in figures])),
        resampled=np.divide(sums, held.sum(axis=0), out=np.full(len(sums), np.nan), where=held.any(axis=0)),
        questions=sum(figure.questions for figure in figures),
        answered=sum(figure.answered for figure in figures),
    )


def _rounded(percent: float) -> float:
    return round(float(percent), 4) + 0.0
