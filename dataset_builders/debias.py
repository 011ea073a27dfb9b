"""Takes out the questions that text alone answers best, until a guesser is no better than chance."""

from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from dataset_builders.shortcuts import Item, chance_scores, guesses

ROUNDS = 4
LEAST_KEPT = 0.5
"""Share of a task's questions that is kept however strong its shortcut is."""


def questions_to_drop(items: Sequence[Item]) -> set[str]:
    """Return the ids of the questions that give a task's shortcut its strength.

    In rounds, the guessers are fitted on half of the scenes and tested on the other; the questions that the better one
    answers best go first, just as many as bring its score to chance (iterative bias pruning).
    """
    groups = defaultdict(list)
    for item in items:
        groups[item.task, bool(item.options)].append(item)
    return {key for group in groups.values() for key in _prune(group)}


def _prune(items: list[Item]) -> list[str]:
    kept = items
    budget = int((1 - LEAST_KEPT) * len(items))
    for _ in range(ROUNDS):
        excess = max(guesses(kept), key=np.sum) - np.array(chance_scores(kept))
        order = np.argsort(-excess, kind="stable")
        # Leaving out the best-guessed so many brings the mean of the rest to chance.
        left = excess.sum() - np.cumsum(excess[order])
        enough = np.flatnonzero(left <= 0)
        count = min(int(enough[0]) + 1 if len(enough) else len(kept), budget - (len(items) - len(kept)))
        if excess.sum() <= 0 or count <= 0:
            break
        dropped = set(order[:count].tolist())
        kept = [item for place, item in enumerate(kept) if place not in dropped]
    return list({item.key for item in items} - {item.key for item in kept})
