"""The score of one completion, and the score that chance would get on the same questions; no model, no files."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import NamedTuple

import numpy as np

from dataset_builders.taxonomy import METRES
from evaluate_metrics.detection_text import are_boxes, f1, format_boxes, parse_boxes, read_boxes
from evaluate_metrics.mra import mean_relative_accuracies
from evaluate_metrics.parsing import parse_words
from evaluate_metrics.parsing_batch import BatchReader


class Score(NamedTuple):
    """What was read from a completion and what it is worth.

    Attributes:
        parsed: The letter, the words, or the number in the question's unit; None where the completion holds no answer.
        value: In [0, 1]; 0 where nothing was parsed.
        flag: "range" or "several" where a reader would hesitate, as in `Reading`.
    """

    parsed: str | float | None
    value: float
    flag: str | None = None


class Scores(NamedTuple):
    """The scores of N completions by column; see `Score`."""

    parsed: Sequence[str | float | None]
    values: Sequence[float]
    flags: Sequence[str | None]


def score(record: Mapping, completion: str) -> Score:
    """Score a completion: the exact letter or words, mean relative accuracy for counts and measures, F1 for 3-D boxes.

    Args:
        record: A row with `answer_type` (by name), `answer`, `unit` and `options` (empty where they are not known).
        completion: What the model wrote.

    Raises:
        ValueError: if the answer type is one that no task of ours writes.

    >>> row = {"answer_type": "regression", "answer": "250", "unit": "cm", "options": []}
    >>> score(row, "<think>…</think><answer>2.5 m</answer>"), score(row, "")
    (Score(parsed=250.0, value=1.0, flag=None), Score(parsed=None, value=0.0, flag=None))
    """
    return score_all([record], [completion])[0]


def score_all(records: Sequence[Mapping], completions: Sequence[str]) -> list[Score]:
    """Score many completions as `score` does each; N records, N completions → N scores."""
    kinds, units, options, answers = (
        [record[name] for record in records] for name in ("answer_type", "unit", "options", "answer")
    )
    return list(map(Score, *score_columns(kinds, units, options, answers, completions)))


def score_columns(
    kinds: Sequence[str],
    units: Sequence[str],
    options: Sequence[Sequence[str]],
    answers: Sequence[str],
    completions: Sequence[str],
) -> Scores:
    """Score as `score_all` does, from the columns of the records: `answer_type`, `unit`, `options`, `answer`."""
    reader = BatchReader()
    parsed, values, flags, numbers = [], [], [], []
    for place, (kind, unit, texts, answer, completion) in enumerate(
        zip(kinds, units, options, answers, completions, strict=True)
    ):
        if kind == "regression":
            said, flag = reader.number(completion, unit)
            value = 0.0
            if said is not None:
                numbers.append(place)
        elif kind == "multiple_choice":
            said, flag = reader.choice(completion, texts or None)
            value = float(said == answer)
        elif kind == "free_form" and are_boxes(answer):
            found = parse_boxes(completion)
            said, flag = None if found is None else format_boxes(*found), None
            value = 0.0 if found is None else f1(found, read_boxes(answer))
        elif kind == "free_form":
            said, flag = parse_words(completion), None
            value = free_form_match(said, answer)
        else:
            raise ValueError(f"answer_type must be multiple_choice, free_form or regression, got {kind!r}")
        parsed.append(said)
        values.append(value)
        flags.append(flag)
    truths = [float(answers[place]) for place in numbers]
    accuracies = mean_relative_accuracies([parsed[place] for place in numbers], truths)
    for place, value in zip(numbers, accuracies.tolist(), strict=True):
        values[place] = value
    return Scores(parsed, values, flags)


def free_form_match(prediction: str | None, reference: str) -> float:
    """Return 1.0 if an answer in words is the reference, whatever its case, leading article and full stop, else 0.0.

    >>> free_form_match("The red box.", "red box"), free_form_match("box", "red box"), free_form_match(None, "box")
    (1.0, 0.0, 0.0)
    """
    return float(prediction is not None and parse_words(prediction) == parse_words(reference))


def chance(records: Sequence[Mapping]) -> np.ndarray:
    """Return what guessing scores on each question, exactly.

    A choice is guessed evenly. A number, or words, are guessed by giving the answer, unit and all, of another question
    of the same task and kind, drawn evenly; without another one the guess scores 0. Who guesses knows the task and
    nothing of the scene, so not its scale either.

    Args:
        records: Rows with `task`, `answer_type`, `answer`, `unit` and `options`.

    Returns:
        (N,) expected scores in [0, 1].

    >>> row = {"task": "object_counting", "answer_type": "regression", "unit": "", "options": []}
    >>> chance([{**row, "answer": "3"}, {**row, "answer": "3"}, {**row, "answer": "9"}]).tolist()
    [0.5, 0.5, 0.0]
    """
    expected = np.zeros(len(records))
    groups = defaultdict(list)
    for place, record in enumerate(records):
        if record["answer_type"] == "multiple_choice":
            expected[place] = 1 / len(record["options"])
        else:
            groups[record["task"], record["answer_type"]].append(place)
    for (_, kind), places in groups.items():
        if kind == "free_form":
            expected[places] = _borrowed_words([parse_words(records[place]["answer"]) for place in places])
        else:
            expected[places] = _borrowed([_in_metres(records[place]) for place in places])
    return expected


def _borrowed_words(answers: Sequence[str | None]) -> np.ndarray:
    """Return how often the answer of another question of a group is right; N answers → (N,)."""
    times = Counter(answers)
    return np.array([(times[answer] - 1) / max(1, len(answers) - 1) for answer in answers])


def _in_metres(record: Mapping) -> Decimal:
    """Return an answer in metres or square metres where it has such a unit, else (counts, angles) as it is."""
    return Decimal(record["answer"]) * Decimal(str(METRES.get(record["unit"], 1)))


def _borrowed(decimals: Sequence[Decimal]) -> np.ndarray:
    """Return the mean score of all other answers of a group on each of its questions; N answers → (N,).

    `mean_relative_accuracy` is max(0, 10 - floor(20 |ŷ - y| / |y|)) / 10 of decimals; here it is written out in whole
    numbers (all answers times one power of ten), because a large split has millions of pairs.
    """
    if len(decimals) == 1:
        return np.zeros(1)
    shift = -min(0, *(value.as_tuple().exponent for value in decimals))
    values, place, times = np.unique(
        [int(value.scaleb(shift)) for value in decimals], return_inverse=True, return_counts=True
    )
    means = np.empty(len(values))
    for index, true in enumerate(values):
        worth = np.maximum(0, 10 - 20 * np.abs(values - true) // abs(true)) if true else 10 * (values == 0)
        means[index] = (worth @ times - 10) / (10 * (len(decimals) - 1))  # less the question's own answer
    return means[place]
