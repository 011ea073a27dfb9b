"""Batches of questions → rows of predictions: load, change, prepare, answer; a sample that fails fails alone.

The turns of a conversation are questions of their own, asked in rounds: the first ones of all conversations, then the
second ones behind the model's own replies to the first, as in use, and so on. Under a condition the whole conversation
is held; an earlier turn to which the condition does not apply is asked and answered as it is. A turn that follows a
failed one is not asked and fails with it, so that both are asked again by the next run.
"""

import hashlib
import json
from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from dataset_builders.errors import InputError
from dataset_builders.turns import conversation_id, earlier_turns
from evaluate_metrics.backends.base import Backend, Completion
from evaluate_metrics.benchmarks.base import Benchmark
from evaluate_metrics.benchmarks.media import Shown
from evaluate_metrics.controls import VIDEO, Condition
from evaluate_metrics.controls.unanswerable import ABSTAINED, abstains
from evaluate_metrics.parsing import extract_answer
from evaluate_metrics.predictions import Key
from evaluate_metrics.questions import first_line
from evaluate_metrics.scoring import score

SEED = 0
# Batches are cut from windows of this many batches, in the order of the dataset: long enough to put questions of one
# kind together, short enough for the frames of its scenes to stay decoded.
WINDOW = 16
SAMPLE_ERRORS = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    OSError,
    RuntimeError,
    TypeError,
    ValueError,
)
"""What a model, a processor or a broken file may raise on one sample; its row says so, and the run goes on."""
KEPT = ("id", "scene_id", "task", "scale", "source", "answer_type")


@dataclass(frozen=True)
class Batch:
    """Questions that are answered together.

    Attributes:
        condition: Under which.
        records: As published.
        missing: Ids of those that have no answer yet. The whole batch is answered again even if only a part is
            missing, because its padding decides the last digits.
    """

    condition: Condition
    records: list[dict]
    missing: frozenset[str]


@dataclass(frozen=True)
class Loaded:
    """A batch that is ready for the device.

    Attributes:
        batch: Of it.
        records: As asked under its condition, by id.
        conversations: By id, of those that could be loaded.
        failures: By id, of those that could not.
        prepared: Of all conversations, by the backend; None if that failed.
    """

    batch: Batch
    records: dict[str, dict]
    conversations: dict[str, list[dict]]
    failures: dict[str, str]
    prepared: Any


def rounds(records: Sequence[dict]) -> list[list[dict]]:
    """Group questions by how many come before them in their conversation.

    >>> rounds([{"id": "a"}, {"id": "b", "earlier": []}, {"id": "b.1", "earlier": [{}]}])[1]
    [{'id': 'b.1', 'earlier': [{}]}]
    """
    numbers = [len(record.get("earlier") or ()) for record in records]
    pairs = list(zip(numbers, records, strict=True))
    return [[record for other, record in pairs if other == number] for number in sorted(set(numbers))]


def history(record: dict, condition: Condition) -> list[tuple[dict, Condition]]:
    """List what is asked before a question of a conversation, in order, and under which condition."""
    return [(turn, condition if condition.applies(turn) else VIDEO) for turn in earlier_turns(record)]


def plan(
    records: Sequence[dict],
    conditions: Sequence[Condition],
    batch_size: int,
    answered: Container[tuple[str, str]],
    length: Callable[[dict], int],
) -> Iterator[Batch]:
    """Cut the questions into batches whose prompts and answers are of similar length, condition after condition.

    The plan depends on the questions only, so that a resumed run repeats the batches of the run it continues.

    Args:
        records: The questions.
        conditions: In order.
        batch_size: Questions per batch.
        answered: (id, condition) that need not be asked; batches of nothing else are left out.
        length: Of the prompt of a question.
    """
    for condition in conditions:
        asked = [record for record in records if condition.applies(record)]
        for start in range(0, len(asked), WINDOW * batch_size):
            window = asked[start : start + WINDOW * batch_size]
            window = sorted(window, key=lambda record: (record["task"], length(record), record["id"]))
            for place in range(0, len(window), batch_size):
                batch = window[place : place + batch_size]
                missing = {record["id"] for record in batch if (record["id"], condition.name) not in answered}
                if missing:
                    yield Batch(condition, batch, frozenset(missing))


def load(batch: Batch, benchmark: Benchmark, backend: Backend, rows: Mapping[Key, Mapping]) -> Loaded:
    """Load what is shown with the questions of a batch, and do all that needs no device.

    Args:
        batch: Of questions.
        benchmark: Of them.
        backend: To answer them.
        rows: Of predictions, with those of all earlier rounds.
    """
    records = {record["id"]: record for record in batch.records}
    conversations, failures = {}, {}
    for identity, record in list(records.items()):
        earlier = [(turn, under, rows[turn["id"], under.name]) for turn, under in history(record, batch.condition)]
        failed = next((row for *_, row in earlier if row["error"] is not None), None)
        if failed is not None:
            failures[identity] = f"follows {failed['id']}, which failed"
            continue
        try:
            seen = _shown(record, batch.condition, benchmark)
            records[identity], shown = _changed(record, batch.condition, seen)
            said = [(_changed(turn, under, seen)[0], row["completion"]) for turn, under, row in earlier]
            conversations[identity] = benchmark.messages(records[identity], shown, said)
        except SAMPLE_ERRORS as error:
            failures[identity] = f"has no usable frames ({_reason(error)})"
    return Loaded(batch, records, conversations, failures, _prepare(backend, list(conversations.values())))


def answer(loaded: Loaded, backend: Backend) -> list[dict]:
    """Return the rows of predictions that were missing.

    Raises:
        InputError: if the backend says that going on is of no use.
    """
    conversations = list(loaded.conversations.values())
    completions = dict(zip(loaded.conversations, complete(backend, conversations, loaded.prepared), strict=True))
    completions |= {identity: Completion("", reason) for identity, reason in loaded.failures.items()}
    return [
        _row(record, loaded, completions[record["id"]])
        for record in loaded.batch.records
        if record["id"] in loaded.batch.missing
    ]


def complete(backend: Backend, conversations: Sequence[list[dict]], prepared: Any = None) -> list[Completion]:
    """Answer conversations together; where that fails, one by one, so that one failure costs one answer.

    Args:
        backend: Answers.
        conversations: To answer.
        prepared: What the backend made of them; None to let it do so now.
    """
    if not conversations:
        return []
    try:
        return backend.complete(backend.prepare(conversations) if prepared is None else prepared)
    except InputError:
        raise
    except SAMPLE_ERRORS as error:
        if len(conversations) == 1:
            return [Completion("", _reason(error))]
    return [complete(backend, [conversation])[0] for conversation in conversations]


def _shown(record: dict, condition: Condition, benchmark: Benchmark) -> Shown | None:
    """Load what is shown, unless nobody looks."""
    return None if condition.name == "blind" else benchmark.show(record)


def _changed(record: dict, condition: Condition, shown: Shown | None) -> tuple[dict, Shown | None]:
    """Change a question; all turns of a conversation draw alike, because they are about the same video."""
    rng = np.random.default_rng([SEED, *hashlib.sha256(conversation_id(record).encode()).digest()])
    return condition.change(record, shown, rng)


def _prepare(backend: Backend, conversations: list[list[dict]]) -> Any:
    try:
        return backend.prepare(conversations) if conversations else None
    except InputError:
        raise
    except SAMPLE_ERRORS:
        return None  # one of them is at fault: `complete` finds out which


def _row(record: dict, loaded: Loaded, completion: Completion) -> dict:
    asked, condition = loaded.records[record["id"]], loaded.batch.condition
    conversation = loaded.conversations.get(record["id"])
    abstained = abstains(extract_answer(completion.text))
    if condition.abstain:
        parsed, value = (ABSTAINED, 1.0) if abstained else (None, 0.0)
    elif completion.error is None:
        scored = score(asked, completion.text)
        parsed, value = scored.parsed, float(scored.value)
    else:
        parsed, value = None, 0.0
    return {
        **{name: record.get(name) for name in KEPT},
        "category": record.get("category", record["task"]),
        "condition": condition.name,
        "reference": asked["answer"],
        "unit": asked["unit"],
        "prompt_sha256": None if conversation is None else _prompt_hash(conversation),
        "completion": completion.text,
        "parsed": parsed,
        "score": value,
        "abstained": abstained,
        "tokens_in": completion.tokens_in,
        "tokens_out": completion.tokens_out,
        "error": completion.error,
        **({} if completion.gates is None else {"gates": completion.gates}),
        **({"turn": 1 + len(record["earlier"])} if "earlier" in record else {}),
    }


def _prompt_hash(conversation: list[dict]) -> str:
    """Hash the texts of a conversation, and where between them something is shown."""
    parts = [part.get("text", part["type"]) for message in conversation for part in message["content"]]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]


def _reason(error: BaseException) -> str:
    return f"{type(error).__name__}: {first_line(error)}"
