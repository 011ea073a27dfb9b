"""How well questions can be answered without looking: guessers that read text alone, fitted and tested apart.

Two of them stand against chance. For choices, `majority` picks the option that is right most often under the same
rule, and `prior` also weighs the words and numbers of the question (naive Bayes); options that are numbers count by
their rank and by how large they are. For numbers, `median` gives the median answer of the task in that unit, and
`prior` that of the first object's category. What the better one scores above chance is the strength of a shortcut. On
one half of the scenes they are fitted, and it is found out there which one is the better; on the other they are
tested. The better one of those tested would be above chance by luck alone.
"""

import hashlib
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import product
from math import log
from statistics import median

import numpy as np

from dataset_builders.agreement import mean_relative_accuracy

_WORD = re.compile(r"[a-z][a-z'-]*")
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?")


@dataclass(frozen=True)
class Item:
    """What a guesser may see of a question, and what is right.

    Attributes:
        key: Id of the question.
        scene_id: Questions of one scene are in one fold.
        task: One of `TASK_NAMES`.
        rule: Name of the rule.
        text: The question.
        options: Texts; empty for numbers.
        answer: Text of the right option, or the number.
        unit: Of the number.
        category: Of the first object, or empty.
    """

    key: str
    scene_id: str
    task: str
    rule: str
    text: str
    options: tuple[str, ...]
    answer: str
    unit: str
    category: str


Guesser = Callable[[Sequence[Item], Sequence[Item]], list[float]]


@dataclass(frozen=True)
class Strength:
    """Scores in percent of one task's choices or numbers.

    Attributes:
        questions: How many are tested.
        chance: Of guessing evenly; for numbers, of giving the answer of another question of the task in that unit.
        plain: Of `majority` or `median`.
        prior: Of the guesser that also reads the words.
        shortcut: What the guesser that was better where they were fitted scores above chance, points.
        error: Standard error of `shortcut`; the questions of one scene rise and fall together.
    """

    questions: int
    chance: float
    plain: float
    prior: float
    shortcut: float
    error: float

    def to_json(self) -> dict:
        """Return the figures, rounded."""
        return {name: round(value, 1) for name, value in vars(self).items()}


def measure(items: Sequence[Item]) -> dict[str, dict[str, Strength]]:
    """Return the strength of the shortcuts: `choices` and `numbers` → task → figures.

    A task of which only one half of the scenes has questions is left out.
    """
    groups: dict[str, dict[str, list[Item]]] = {"choices": defaultdict(list), "numbers": defaultdict(list)}
    for item in items:
        groups["choices" if item.options else "numbers"][item.task].append(item)
    return {
        kind: {task: _strength(members) for task, members in sorted(tasks.items()) if len(set(_folds(members))) > 1}
        for kind, tasks in groups.items()
    }


def _strength(items: list[Item]) -> Strength:
    folds = _folds(items)
    seen, held = ([item for item, fold in zip(items, folds, strict=True) if fold == half] for half in (0, 1))
    chance = np.array(chance_scores(items))[np.array(folds) == 1]
    guessers = _guessers(items)
    scores = [np.array(guesser(seen, held)) for guesser in guessers]
    better = int(np.argmax([sum(out_of_fold(seen, guesser, bit=1)) for guesser in guessers]))
    gain = scores[better] - chance
    figures = [values.mean() for values in (chance, *scores, gain)]
    return Strength(len(held), *(100 * float(value) for value in (*figures, _standard_error(gain, held))))


def _guessers(items: Sequence[Item]) -> tuple[Guesser, Guesser]:
    """Return the plain and the prior guesser of choices or of numbers."""
    return (majority_scores, prior_scores) if items[0].options else (median_scores, category_scores)


def guesses(items: Sequence[Item]) -> list[np.ndarray]:
    """Return what the plain and the prior guesser score out of fold, each (N,) in [0, 1], on choices or on numbers."""
    return [np.array(out_of_fold(items, guesser)) for guesser in _guessers(items)]


def _standard_error(values: np.ndarray, items: Sequence[Item]) -> float:
    """Return the standard error of the mean of values that come in clusters, one for each scene."""
    sums = defaultdict(float)
    for item, deviation in zip(items, values - values.mean(), strict=True):
        sums[item.scene_id] += deviation
    return float(np.sqrt(sum(total**2 for total in sums.values()))) / len(values)


def out_of_fold(items: Sequence[Item], guesser: Guesser, bit: int = 0) -> list[float]:
    """Score every item, in [0, 1], by a guesser that was fitted on the other half of the scenes.

    Each `bit` divides the scenes into other halves.
    """
    folds = _folds(items, bit)
    scores = [0.0] * len(items)
    for fold in (0, 1):
        held = [place for place, other in enumerate(folds) if other == fold]
        seen = [item for item, other in zip(items, folds, strict=True) if other != fold]
        for place, score in zip(held, guesser(seen, [items[place] for place in held]), strict=True):
            scores[place] = score
    return scores


def _folds(items: Sequence[Item], bit: int = 0) -> list[int]:
    return [hashlib.sha256(item.scene_id.encode()).digest()[0] >> bit & 1 for item in items]


def majority_scores(seen: Sequence[Item], held: Sequence[Item]) -> list[float]:
    """Pick the option that is right most often under the same rule, wherever it is offered."""
    table = _OptionTable(seen)
    return [_hit(item, [table.weight(item.rule, features) for features in _features(item)]) for item in held]


def prior_scores(seen: Sequence[Item], held: Sequence[Item]) -> list[float]:
    """Pick the option that the words of the question speak for, by naive Bayes over (rule, option, word)."""
    table = _OptionTable(seen, with_words=True)
    scores = []
    for item in held:
        words, weights = _words(item), []
        for features in _features(item):
            base = table.weight(item.rule, features)
            weights.append(base + sum(table.weight(item.rule, features, word) - base for word in words))
        scores.append(_hit(item, weights))
    return scores


class _OptionTable:
    """How often an option with some feature is right where it is offered, as smoothed log-odds."""

    def __init__(self, items: Sequence[Item], with_words: bool = False):
        self._right, self._offered = Counter(), Counter()
        for item in items:
            words = (None, *_words(item)) if with_words else (None,)
            for features, text in zip(_features(item), item.options, strict=True):
                for key in product((item.rule,), features, words):
                    self._offered[key] += 1
                    self._right[key] += text == item.answer

    def weight(self, rule: str, features: Sequence[str], word: str | None = None) -> float:
        """Sum the log-odds of an option's features, given a word where they were seen with it."""
        return sum(self._log_odds((rule, feature, word)) for feature in features)

    def _log_odds(self, key: tuple[str, str, str | None]) -> float:
        if not self._offered[key]:
            key = (*key[:2], None)
        right, offered = self._right[key], self._offered[key]
        return log((right + 1) / (offered - right + 1))


def _hit(item: Item, weights: list[float]) -> float:
    """Return the chance of being right when the heaviest option is picked, ties evenly."""
    best = [text for text, weight in zip(item.options, weights, strict=True) if weight >= max(weights) - 1e-12]
    return (item.answer in best) / len(best)


def _features(item: Item) -> list[tuple[str, ...]]:
    """Return what tells each option: its text; where all are numbers, its rank and, in steps of 20 %, its size."""
    numbers = [_NUMBER.match(option) for option in item.options]
    if not all(numbers):
        return [(option,) for option in item.options]
    values = [float(number[0]) for number in numbers]
    ranks = [f"rank {sorted(values).index(value)} of {len(values)}" for value in values]
    steps = [round(log(abs(value)) / log(1.2)) if value else None for value in values]
    rests = [option[number.end() :] for option, number in zip(item.options, numbers, strict=True)]
    return [(rank, f"step {step}{rest}") for rank, step, rest in zip(ranks, steps, rests, strict=True)]


def _words(item: Item) -> set[str]:
    """Return the words of the question, and its numbers in steps of 50 %."""
    text = item.text.lower()
    sizes = (abs(float(number)) for number in _NUMBER.findall(text))
    return {*_WORD.findall(text), *(f"about {round(log(size) / log(1.5)) if size else size}" for size in sizes)}


def median_scores(seen: Sequence[Item], held: Sequence[Item]) -> list[float]:
    """Give the median answer in the unit of the question."""
    return _median_scores(seen, held, lambda item: item.unit)


def category_scores(seen: Sequence[Item], held: Sequence[Item]) -> list[float]:
    """Give the median answer about the category of the first object, or else of all, in the unit of the question."""
    return _median_scores(seen, held, lambda item: (item.unit, item.category))


def _median_scores(seen: Sequence[Item], held: Sequence[Item], group: Callable[[Item], object]) -> list[float]:
    known, overall = defaultdict(list), defaultdict(list)
    for item in seen:
        known[group(item)].append(float(item.answer))
        overall[item.unit].append(float(item.answer))
    medians = {key: median(values) for key, values in (*overall.items(), *known.items())}
    return [
        mean_relative_accuracy(medians.get(group(item), medians.get(item.unit, 0.0)), float(item.answer))
        for item in held
    ]


def chance_scores(items: Sequence[Item]) -> list[float]:
    """Return what guessing scores: evenly among options, or with the answer of a far question in the same unit.

    Neighbours are about the same scene, often with the same answer; half the list away is another scene.
    """
    others, scores = defaultdict(list), []
    for item in items:
        others[item.unit].append(float(item.answer) if not item.options else 0.0)
    turn = Counter()
    for item in items:
        if item.options:
            scores.append(1 / len(item.options))
            continue
        pool = others[item.unit]
        turn[item.unit] += 1
        scores.append(mean_relative_accuracy(pool[(turn[item.unit] + len(pool) // 2) % len(pool)], float(item.answer)))
    return scores
