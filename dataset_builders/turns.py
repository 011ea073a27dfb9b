"""Conversations: a row whose question is followed by others about the same frames, and each turn as a row of its own.

The frames are stored once, with the scene, and shown once, with the first question. What only a turn has is named by
`record.TURN_FEATURES`; marks and key frames belong to the row, so that every turn is about the same pictures.
"""

from collections.abc import Container

from dataset_builders.record import TURN_FEATURES, digest


def turns_of(record: dict) -> list[dict]:
    """Make an ordinary record of every turn; a row that is no conversation is its only one, as it is.

    Returns:
        In order. Turn k from 1 on has the id `<id>.<k>`, the first keeps that of the row. `turns` is empty, and
        `earlier` holds what was asked before, as `turns` of a row would.

    >>> texts = [{name: text for name in TURN_FEATURES} for text in ("one?", "two?")]
    >>> rows = turns_of(texts[0] | {"id": "q", "turns": texts[1:]})
    >>> [(row["id"], row["question"], len(row["earlier"])) for row in rows]
    [('q', 'one?', 0), ('q.1', 'two?', 1)]
    """
    if not record.get("turns"):
        return [record]
    spoken = _spoken(record)
    return [_alone(record, record["id"], spoken, place) for place in range(len(spoken))]


def earlier_turns(record: dict) -> list[dict]:
    """Make ordinary records of what was asked before a record of `turns_of`; empty for any other."""
    spoken = list(record.get("earlier") or ())
    return [_alone(record, conversation_id(record), spoken, place) for place in range(len(spoken))]


def conversation_id(record: dict) -> str:
    """Return the id of the row that a record of `turns_of` was made from.

    >>> conversation_id({"id": "q.1", "earlier": [{}]}), conversation_id({"id": "q"})
    ('q', 'q')
    """
    number = len(record.get("earlier") or ())
    return record["id"].removesuffix(f".{number}") if number else record["id"]


def transcript(record: dict) -> str:
    """Return the questions of a row, a line each."""
    return "\n".join(turn["question"] for turn in (record, *(record.get("turns") or ())))


def without_turns(record: dict, dropped: Container[str]) -> dict | None:
    """Take turns out of a conversation.

    Args:
        record: A row.
        dropped: Ids, as `turns_of` gives them.

    Returns:
        The row of the turns that are left, or None where none is. Its id tells that it is another conversation.
    """
    kept = [turn for turn in turns_of(record) if turn["id"] not in dropped]
    if len(kept) == 1 + len(record.get("turns") or ()):
        return record
    if not kept:
        return None
    first, *rest = ({name: turn[name] for name in TURN_FEATURES} for turn in kept)
    identity = digest(" ".join(turn["id"] for turn in kept))[:16]
    return record | first | {"id": identity, "turns": rest}


def _spoken(record: dict) -> list[dict]:
    return [{name: record[name] for name in TURN_FEATURES}, *record["turns"]]


def _alone(record: dict, identity: str, spoken: list[dict], place: int) -> dict:
    name = f"{identity}.{place}" if place else identity
    return record | spoken[place] | {"id": name, "turns": [], "earlier": spoken[:place]}
