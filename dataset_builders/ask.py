"""Scene → facts → questions: one from each task in turn, until enough are asked or nothing is left to ask."""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np

from dataset_builders.answers import in_forms
from dataset_builders.language import say
from dataset_builders.question import Fact, Question
from dataset_builders.scene import Scene
from dataset_builders.tasks import Rule, lacking
from dataset_builders.tasks.draw import shuffled, take_turns

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


def ask(scene: Scene, rules: Sequence[Rule], seed: int, limit: int, most_wordings: int | None = None) -> Asked:
    """Ask at most `limit` questions about a scene, no two in the same words.

    Every rule draws from its own generator, seeded from (seed, scene, rule), so that leaving tasks out does not change
    the questions of the others.

    Args:
        scene: What is asked about.
        rules: By which.
        seed: Of what is asked, and in which words.
        limit: Most questions.
        most_wordings: Use only the first so many templates of a wording; None for all.
    """
    skipped, streams = {}, {}
    for task in dict.fromkeys(rule.task for rule in rules):
        missing = {rule: lacking(rule, scene) for rule in rules if rule.task == task}
        able = [rule for rule, lacks in missing.items() if not lacks]
        if able:
            said: set[str] = set()
            # In another order for every scene, so that each rule comes first somewhere, however few are asked.
            turns = shuffled(_generator(scene, task, seed), able)
            streams[task] = take_turns(_said(rule, scene, seed, said, most_wordings) for rule in turns)
        else:
            skipped[task] = _reason(missing.values())
    questions = tuple(islice(_distinct(take_turns(streams.values())), limit))
    unheard = set(streams) - {question.fact.task for question in questions}
    # A task without a question may just not have had its turn before the limit.
    skipped |= {task: NOTHING_LEFT for task in streams if task in unheard and next(streams[task], None) is None}
    return Asked(questions, skipped)


def _said(rule: Rule, scene: Scene, seed: int, said: set[str], most_wordings: int | None) -> Iterator[Question]:
    """Put every fact of a rule in words, then all of them again in other words, until no text is new.

    A conversation is held once: in other words, all of its turns would come again.
    """
    rng = _generator(scene, rule.name, seed)
    again: Iterable[Fact] = rule.generate(scene, rng)
    while again:
        kept = []
        for fact, form in in_forms(again, rng):
            question = say(form, rng, said, most_wordings)
            if question is not None:
                if not fact.then:
                    kept.append(fact)
                said.add(question.transcript)
                yield question
        again = kept


def _distinct(questions: Iterator[Question]) -> Iterator[Question]:
    """Leave out what two tasks would ask in the same words."""
    seen = set()
    for question in questions:
        if question.transcript not in seen:
            seen.add(question.transcript)
            yield question


def _generator(scene: Scene, name: str, seed: int) -> np.random.Generator:
    words = (hashlib.sha256(text.encode()).digest() for text in (scene.scene_id, name))
    return np.random.default_rng([seed, *(int.from_bytes(word) for word in words)])


def _reason(lacks: Iterable[frozenset[str]]) -> str:
    """Word why no rule of a task applies; where one lacks only something that the scene could have, name that."""
    nearest = min(lacks, key=lambda missing: ("scale" in missing, len(missing), sorted(missing)))
    if "scale" in nearest:
        return "not asked at this scale"
    return f"no {' and no '.join(sorted(nearest)).replace('_', ' ')}"
