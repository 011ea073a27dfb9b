"""Asks a model behind any server with the OpenAI chat API; the key comes from `OPENAI_API_KEY` and stays in memory."""

import asyncio
import os
from collections.abc import Sequence
from contextlib import AsyncExitStack
from typing import Any

from dataset_builders.chat.cache import ReplyCache
from dataset_builders.chat.client import ChatClient, ChatSettings
from dataset_builders.errors import InputError
from evaluate_metrics.backends.base import BackendOptions, Completion
from evaluate_metrics.backends.encoding import need_codec, to_openai

SEED = 0


class OpenAIBackend:
    """A server that is asked for many replies at once and expected to misbehave; see `ChatClient`."""

    def __init__(self, options: BackendOptions):
        """Check the settings; nothing is asked yet.

        Raises:
            InputError: if there is no usable address.
        """
        if options.base_url is None:
            raise InputError("run", "--base-url", "is missing", "e.g. http://localhost:8000/v1")
        need_codec(options.media)
        self._options, self._key = options, os.environ.get("OPENAI_API_KEY", "").strip()
        settings = ChatSettings(
            options.base_url,
            options.model,
            options.concurrency,
            self._key,
            per_minute=options.requests_per_minute,
        )
        self._loop, self._opened = asyncio.Runner(), AsyncExitStack()
        self._client: ChatClient = self._loop.run(self._open(settings))

    def describe(self) -> dict[str, Any]:
        """Tell what of the backend moves a score; the weights behind a server are not known."""
        return {
            "model_sha256": None,
            "model_revision": None,
            "base_url": self._options.base_url,
            "media": self._options.media,
            "device": None,
            "dtype": None,
            "attention": None,
            "decoding": "temperature 0",
            "seed": SEED,
        }

    def prepare(self, conversations: Sequence[list[dict]]) -> list[dict]:
        """Write the bodies of the requests, frames and all."""
        return [
            {
                "model": self._options.model,
                "messages": to_openai(messages, self._options.media),
                "max_tokens": self._options.max_new_tokens,
                "temperature": 0,
                "seed": SEED,
            }
            for messages in conversations
        ]

    def complete(self, prepared: Sequence[dict]) -> list[Completion]:
        """Get the replies.

        Raises:
            InputError: if the server cannot be reached, refuses the key, or keeps failing.
        """
        replies = self._loop.run(self._client.ask_all(prepared, lambda: None))
        return [
            Completion("", reply.failure)
            if reply.content is None
            else Completion(self._without_key(reply.content), None, reply.tokens_in, reply.tokens_out)
            for reply in replies
        ]

    def close(self) -> None:
        """Close the connections."""
        self._loop.run(self._opened.aclose())
        self._loop.close()

    async def _open(self, settings: ChatSettings) -> ChatClient:
        cache = self._opened.enter_context(ReplyCache(self._options.replies))
        return await self._opened.enter_async_context(ChatClient.open(settings, cache))

    def _without_key(self, text: str) -> str:
        """Take out the key, should a server echo what it got."""
        return text.replace(self._key, "[key]") if self._key else text
