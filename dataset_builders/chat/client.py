"""An OpenAI-compatible chat server, asked for many replies at once and expected to misbehave."""

import asyncio
import json
import random
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from urllib.parse import urlsplit

import aiohttp

from dataset_builders.chat.cache import ReplyCache, content_key
from dataset_builders.errors import InputError

BUSY = {408, 409, 425, 429}  # and all from 500: worth another try
MISCONFIGURED = {401, 403, 404, 405}
LONGEST_WAIT = 600.0
"""Seconds; a server that asks for more gets this much."""
MAX_BODY = 4 * 2**20
MAX_CONTENT = 64 * 1024
MOST_FAILURES = 10
"""Requests given up one after another, with no reply in between, before the run stops."""


@dataclass(frozen=True)
class ChatSettings:
    """How to reach a server.

    Attributes:
        base_url: Up to where `/chat/completions` follows, e.g. `http://localhost:8000/v1`.
        model: Its name there.
        concurrency: Requests under way at once.
        key: Sent as bearer token; kept out of every message.
        attempts: Of a request.
        timeout: Seconds per attempt.
        backoff: Seconds before the second attempt at most; doubles with every further one.
        per_minute: Requests begun per minute at most, where the server's owner asks for that; None for no limit.
    """

    base_url: str
    model: str
    concurrency: int = 16
    key: str = ""
    attempts: int = 6
    timeout: float = 300.0
    backoff: float = 1.0
    per_minute: int | None = None

    def __post_init__(self):
        """Refuse what cannot work before anything is asked."""
        try:
            parts = urlsplit(self.base_url)
            usable = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
        except ValueError:
            usable = False
        if not usable:
            raise InputError("server", "--base-url", "is not an HTTP address", "e.g. http://localhost:8000/v1")
        if parts.username or parts.password or parts.query:
            raise InputError("server", "--base-url", "holds more than an address", "give keys in OPENAI_API_KEY")
        if not self.key.isascii() or not self.key.isprintable():
            raise InputError("server", "OPENAI_API_KEY", "is not one line of ASCII", "set it to the key alone")

    @property
    def url(self) -> str:
        """Where to post."""
        return f"{self.base_url.rstrip('/')}/chat/completions"


@dataclass
class Usage:
    """What was asked of the server in this run.

    Attributes:
        requests: Sent, with repeated ones.
        retries: Of them, those sent again.
        cached: Replies that did not need one.
        tokens_in: Of prompts, as the server counts.
        tokens_out: Of replies.
    """

    requests: int = 0
    retries: int = 0
    cached: int = 0
    tokens_in: int = 0
    tokens_out: int = 0


@dataclass(frozen=True)
class Reply:
    """The text of a reply, or why there is none; its tokens as the server counts them, 0 where it does not."""

    content: str | None = None
    failure: str = ""
    tokens_in: int = 0
    tokens_out: int = 0


class _Retry(Exception):
    def __init__(self, reason: str, wait: float = 0.0):
        super().__init__(reason)
        self.reason, self.wait = reason, wait


class ChatClient:
    """Asks a server, remembers its replies, and counts; use it from `open`."""

    def __init__(self, settings: ChatSettings, cache: ReplyCache, session: aiohttp.ClientSession):
        """Use an open session."""
        self.usage = Usage()
        self._settings, self._cache, self._session = settings, cache, session
        self._is_reached, self._failures, self._next_start = False, 0, 0.0

    @classmethod
    @asynccontextmanager
    async def open(cls, settings: ChatSettings, cache: ReplyCache) -> AsyncIterator["ChatClient"]:
        """Give a client whose connections are closed at the end."""
        headers = {"Authorization": f"Bearer {settings.key}"} if settings.key else {}
        limits = aiohttp.ClientTimeout(total=settings.timeout)
        connector = aiohttp.TCPConnector(limit=settings.concurrency)
        async with aiohttp.ClientSession(connector=connector, timeout=limits, headers=headers) as session:
            yield cls(settings, cache, session)

    async def ask_all(self, requests: Sequence[Mapping], done: Callable[[], object]) -> list[Reply]:
        """Return the replies, in order.

        Args:
            requests: Bodies of requests.
            done: Called after each.

        Raises:
            InputError: if the server cannot be reached, refuses this client, or keeps failing.
        """
        replies: list[Reply] = [Reply()] * len(requests)
        waiting = iter(range(len(requests)))

        async def work() -> None:
            for index in waiting:
                replies[index] = await self._ask(requests[index])
                done()

        workers = [asyncio.create_task(work()) for _ in range(min(self._settings.concurrency, len(requests)))]
        try:
            await asyncio.gather(*workers)
        finally:
            for worker in workers:
                worker.cancel()
            await asyncio.gather(*workers, return_exceptions=True)
        return replies

    async def _ask(self, request: Mapping) -> Reply:
        key = content_key(request)
        content = self._cache.get(key)
        if content is not None:
            self.usage.cached += 1
            return Reply(content, "", *map(int, (self._cache.get(f"{key}:tokens") or "0 0").split()))
        retry = _Retry("")
        for attempt in range(self._settings.attempts):
            if attempt:
                self.usage.retries += 1
                await asyncio.sleep(max(retry.wait, self._pause(attempt)))
            try:
                reply = await self._send(request)
            except _Retry as failed:
                retry = failed
                continue
            self._failures = 0
            if reply.content is None:
                return reply
            self._cache.put(f"{key}:tokens", f"{reply.tokens_in} {reply.tokens_out}")
            return replace(reply, content=self._cache.put(key, reply.content))
        self._failures += 1
        if self._failures >= MOST_FAILURES:
            self._stop(f"keeps failing ({retry.reason})", "look at the server")
        return Reply(failure=f"no reply ({retry.reason})")

    def _pause(self, attempt: int) -> float:
        """Draw a wait of up to twice that of the attempt before, so that clients do not come back all at once."""
        longest = min(self._settings.backoff * 2 ** (attempt - 1), LONGEST_WAIT)
        return random.uniform(longest / 2, longest)

    async def _take_turn(self) -> None:
        """Wait until the next request may begin."""
        if self._settings.per_minute is None:
            return
        now = asyncio.get_running_loop().time()
        start = max(now, self._next_start)
        self._next_start = start + 60 / self._settings.per_minute
        await asyncio.sleep(start - now)

    async def _send(self, request: Mapping) -> Reply:
        await self._take_turn()
        self.usage.requests += 1
        try:
            # A redirect could carry the prompt and the key to somebody else.
            async with self._session.post(self._settings.url, json=request, allow_redirects=False) as response:
                self._is_reached = True
                if response.status != HTTPStatus.OK:
                    return self._refused(response.status, response.headers.get("Retry-After"))
                return self._read(await _body(response))
        except aiohttp.ClientConnectorError as error:
            if not self._is_reached:
                reason = error.strerror or "no connection"
                self._stop(f"cannot be reached ({reason})", "start the server or name another")
            raise _Retry("no connection") from None
        except TimeoutError:
            raise _Retry("time-out") from None
        except aiohttp.ClientError:
            raise _Retry("broken connection") from None

    def _refused(self, status: int, retry_after: str | None) -> Reply:
        name = _status_name(status)
        if status in BUSY or status >= 500:
            raise _Retry(name, _seconds(retry_after))
        if status in MISCONFIGURED or status < 400:
            self._stop(f"answers {name}", "check --base-url, --model and OPENAI_API_KEY")
        return Reply(failure=f"refused by the server ({name})")

    def _read(self, body: bytes) -> Reply:
        try:
            reply = json.loads(body)
            content = reply["choices"][0]["message"]["content"]
        except (ValueError, LookupError, TypeError, RecursionError):
            raise _Retry("cut or foreign JSON") from None
        if not isinstance(content, str):
            raise _Retry("cut or foreign JSON")
        tokens = [_count(reply.get("usage"), name) for name in ("prompt_tokens", "completion_tokens")]
        self.usage.tokens_in += tokens[0]
        self.usage.tokens_out += tokens[1]
        # SQLite holds no lone surrogates, which JSON can spell.
        return Reply(content[:MAX_CONTENT].encode("utf-8", "replace").decode(), "", *tokens)

    def _stop(self, problem: str, fix: str) -> None:
        fix = f"{fix}, then give the same command again (replies so far are kept)"
        raise InputError(self._settings.base_url, "--base-url", problem, fix)


async def _body(response: aiohttp.ClientResponse) -> bytes:
    body = bytearray()
    async for chunk in response.content.iter_any():
        body += chunk
        if len(body) > MAX_BODY:
            raise _Retry("too long a body")
    return bytes(body)


def _status_name(status: int) -> str:
    try:
        return f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        return str(status)


def _seconds(retry_after: str | None) -> float:
    """Read the header Retry-After: seconds, or a date.

    >>> _seconds("7"), _seconds(None), _seconds("soon"), _seconds("Wed, 21 Oct 2015 07:28:00 GMT")
    (7.0, 0.0, 0.0, 0.0)
    """
    try:
        if retry_after is None or retry_after.isdecimal():
            wait = float(retry_after or 0)
        else:
            wait = (parsedate_to_datetime(retry_after).astimezone(UTC) - datetime.now(UTC)).total_seconds()
    except (ValueError, OverflowError):
        return 0.0
    return min(max(wait, 0.0), LONGEST_WAIT)


def _count(usage: object, name: str) -> int:
    value = usage.get(name) if isinstance(usage, dict) else None
    return value if isinstance(value, int) and value >= 0 else 0
