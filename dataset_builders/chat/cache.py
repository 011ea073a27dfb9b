"""Replies on disk, by content: what was asked once is not paid for twice."""

import hashlib
import json
import sqlite3
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from dataset_builders.errors import InputError

FILE = "replies.sqlite"


def content_key(request: Mapping) -> str:
    """Hash all that decides a reply: the model, the messages and how to sample.

    >>> content_key({"model": "a", "seed": 0}) == content_key({"seed": 0, "model": "a"})
    True
    """
    return hashlib.sha256(json.dumps(request, sort_keys=True).encode()).hexdigest()


class ReplyCache:
    """Key → text of the reply, in one SQLite file whose every write is complete or absent.

    The folder is made by the first reply that is kept, so that a run that gets none leaves nothing behind.
    """

    def __init__(self, folder: Path | str):
        """Open the cache of `folder`, if it has one.

        Raises:
            InputError: if the file is not a cache.
        """
        self._folder = Path(folder)
        self._connection: sqlite3.Connection | None = None
        if (self._folder / FILE).exists():
            self._connect()

    def get(self, key: str) -> str | None:
        """Return the reply that is kept under a key."""
        if self._connection is None:
            return None
        found = self._connection.execute("SELECT content FROM replies WHERE key = ?", (key,)).fetchone()
        return None if found is None else found[0]

    def put(self, key: str, content: str) -> str:
        """Keep a reply and return what is kept: the first of several replies to the same request."""
        if self._connection is None:
            self._connect()
        with self._connection:
            self._connection.execute("INSERT OR IGNORE INTO replies VALUES (?, ?)", (key, content))
        return self.get(key)

    def __enter__(self) -> Self:
        """Use the cache."""
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Close the file."""
        if self._connection is not None:
            self._connection.close()

    def _connect(self) -> None:
        path = self._folder / FILE
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            self._connection = sqlite3.connect(path, timeout=60)
            # A write-ahead log needs no flush to the disk per reply.
            self._connection.execute("PRAGMA journal_mode = WAL")
            self._connection.execute("PRAGMA synchronous = NORMAL")
            with self._connection:
                self._connection.execute("CREATE TABLE IF NOT EXISTS replies (key TEXT PRIMARY KEY, content TEXT)")
        except (OSError, sqlite3.Error) as error:
            problem = f"cannot be used ({error})"
            raise InputError(path, "--cache", problem, "name a folder that you may write to, or delete it") from None
