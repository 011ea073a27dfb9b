"""Scene → questions: one at a time from each task in turn, until enough are asked or nothing is left to ask."""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np

from dataset_builders.question import Question
from dataset_builders.record import question_id
from dataset_builders.scene import Scene
from dataset_builders.tasks import Rule, lacking
from dataset_builders.tasks.draw import take_turns

NOTHING_LEFT = "nothing unambiguous to ask"


@dataclass(frozen=True)
class Asked:
    """What a scene gave.

    Attributes:
        questions: Distinct, in the order in which the tasks took turns.
        skipped: Task → why the scene has no question of it.
    """

    questions: tuple[Question, ...]
    skipped: dict[str, str]


def ask(scene: Scene, rules: Sequence[Rule], seed: int, limit: int) -> Asked:
    """Ask at most `limit` questions about a scene.

    Every rule draws from its own generator, seeded from (seed, scene, rule), so that leaving tasks out does not change
    the questions of the others.
    """
    skipped, streams = {}, {}
    for task in dict.fromkeys(rule.task for rule in rules):
        missing = {rule: lacking(rule, scene) for rule in rules if rule.task == task}
        able = [rule for rule, lacks in missing.items() if not lacks]
        if able:
            drawn = take_turns(rule.generate(scene, _generator(scene, rule, seed)) for rule in able)
            streams[task] = _distinct(drawn, scene)
        else:
            skipped[task] = _reason(missing.values())
    questions = tuple(islice(take_turns(streams.values()), limit))
    unheard = set(streams) - {question.task for question in questions}
    # A task without a question may just not have had its turn before the limit.
    skipped |= {task: NOTHING_LEFT for task in streams if task in unheard and next(streams[task], None) is None}
    return Asked(questions, skipped)


def _distinct(questions: Iterator[Question], scene: Scene) -> Iterator[Question]:
    seen = set()
    for question in questions:
        identity = question_id(question, scene)
        if identity not in seen:
            seen.add(identity)
            yield question


def _generator(scene: Scene, rule: Rule, seed: int) -> np.random.Generator:
    words = (hashlib.sha256(text.encode()).digest() for text in (scene.scene_id, rule.name))
    return np.random.default_rng([seed, *(int.from_bytes(word) for word in words)])


def _reason(lacks: Iterable[frozenset[str]]) -> str:
    """Word why no rule of a task applies; where one lacks only something that the scene could have, name that."""
    nearest = min(lacks, key=lambda missing: ("scale" in missing, len(missing), sorted(missing)))
    if "scale" in nearest:
        return "not asked at this scale"
    return f"no {' and no '.join(sorted(nearest)).replace('_', ' ')}"
