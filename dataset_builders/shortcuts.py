"""How well questions can be answered without looking: guessers that read text alone, fitted and tested apart.

Two of them stand against chance. For choices, `majority` picks the option that is right most often under the same
rule, and `prior` also weighs the words of the question (naive Bayes); options that are numbers count by their rank.
For numbers, `median` gives the median answer of the task in that unit, and `prior` that of the first object's
category. What they score above chance is the strength of a shortcut.
"""

import hashlib
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import log
from statistics import median

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
        questions: How many.
        chance: Of guessing evenly; for numbers, of giving the answer of another question of the task in that unit.
        plain: Of `majority` or `median`.
        prior: Of the guesser that also reads the words.
    """

    questions: int
    chance: float
    plain: float
    prior: float

    def to_json(self) -> dict:
        """Return the figures and the shortcut: the best guesser above chance, in points."""
        shortcut = max(self.plain, self.prior) - self.chance
        figures = {"chance": self.chance, "plain": self.plain, "prior": self.prior, "shortcut": shortcut}
        return {"questions": self.questions, **{name: round(value, 1) for name, value in figures.items()}}


def measure(items: Sequence[Item]) -> dict[str, dict[str, Strength]]:
    """Return the strength of the shortcuts: `choices` and `numbers` → task → figures."""
    groups: dict[str, dict[str, list[Item]]] = {"choices": defaultdict(list), "numbers": defaultdict(list)}
    for item in items:
        groups["choices" if item.options else "numbers"][item.task].append(item)
    guessers = {"choices": (majority_scores, prior_scores), "numbers": (median_scores, category_scores)}
    return {
        kind: {task: _strength(members, *guessers[kind]) for task, members in sorted(tasks.items())}
        for kind, tasks in groups.items()
    }


def _strength(items: list[Item], plain: Guesser, prior: Guesser) -> Strength:
    rows = [chance_scores(items), out_of_fold(items, plain), out_of_fold(items, prior)]
    return Strength(len(items), *(100 * sum(scores) / len(scores) for scores in rows))


def out_of_fold(items: Sequence[Item], guesser: Guesser) -> list[float]:
    """Score every item, in [0, 1], by a guesser that was fitted on the other half of the scenes."""
    folds = [hashlib.sha256(item.scene_id.encode()).digest()[0] % 2 for item in items]
    scores = [0.0] * len(items)
    for fold in (0, 1):
        held = [place for place, other in enumerate(folds) if other == fold]
        seen = [item for item, other in zip(items, folds, strict=True) if other != fold]
        for place, score in zip(held, guesser(seen, [items[place] for place in held]), strict=True):
            scores[place] = score
    return scores


def majority_scores(seen: Sequence[Item], held: Sequence[Item]) -> list[float]:
    """Pick the option that is right most often under the same rule, wherever it is offered."""
    table = _OptionTable(seen)
    return [_hit(item, [table.weight(item.rule, option) for option in _classes(item)]) for item in held]


def prior_scores(seen: Sequence[Item], held: Sequence[Item]) -> list[float]:
    """Pick the option that the words of the question speak for, by naive Bayes over (rule, option, word)."""
    table = _OptionTable(seen, with_words=True)
    scores = []
    for item in held:
        words, classes = _words(item), _classes(item)
        weights = [table.weight(item.rule, option) for option in classes]
        for place, option in enumerate(classes):
            base = weights[place]
            weights[place] += sum(table.weight(item.rule, option, word) - base for word in words)
        scores.append(_hit(item, weights))
    return scores


class _OptionTable:
    """How often an option is right where it is offered, as smoothed log-odds."""

    def __init__(self, items: Sequence[Item], with_words: bool = False):
        self._right, self._offered = Counter(), Counter()
        for item in items:
            words = (None, *_words(item)) if with_words else (None,)
            for option, text in zip(_classes(item), item.options, strict=True):
                for word in words:
                    self._offered[item.rule, option, word] += 1
                    self._right[item.rule, option, word] += text == item.answer

    def weight(self, rule: str, option: str, word: str | None = None) -> float:
        key = rule, option, word
        if word is not None and not self._offered[key]:
            key = rule, option, None
        right, offered = self._right[key], self._offered[key]
        return log((right + 1) / (offered - right + 1))


def _hit(item: Item, weights: list[float]) -> float:
    """Return the chance of being right when the heaviest option is picked, ties evenly."""
    best = [text for text, weight in zip(item.options, weights, strict=True) if weight >= max(weights) - 1e-12]
    return (item.answer in best) / len(best)


def _classes(item: Item) -> list[str]:
    """Return what stands for each option: its text, or its rank where all are numbers."""
    numbers = [_NUMBER.match(option) for option in item.options]
    if not all(numbers):
        return list(item.options)
    values = sorted(float(number[0]) for number in numbers)
    return [f"rank {values.index(float(number[0]))} of {len(values)}" for number in numbers]


def _words(item: Item) -> set[str]:
    return set(_WORD.findall(item.text.lower()))


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
