"""A real HTTP server on loopback with the OpenAI chat API, which behaves as a test wants, or misbehaves."""

import json
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


def completion(content: str, tokens: tuple[int, int] = (100, 20)) -> bytes:
    """Return the body of a reply."""
    usage = {"prompt_tokens": tokens[0], "completion_tokens": tokens[1]}
    return json.dumps({"choices": [{"message": {"role": "assistant", "content": content}}], "usage": usage}).encode()


def last_text(body: dict) -> str:
    """Return the text that a request ends in."""
    content = body["messages"][-1]["content"]
    return content if isinstance(content, str) else content[-1]["text"]


class Server(ThreadingHTTPServer):
    """Answers with `behave(what read(body) gives, times this was asked)` → body or (status, headers, body)."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, behave: Callable, read: Callable[[dict], object] = last_text):
        super().__init__(("127.0.0.1", 0), Handler)
        self.behave, self.read, self.lock = behave, read, threading.Lock()
        self.asked, self.bodies, self.keys = Counter(), [], set()
        self.times, self.at = [], defaultdict(list)
        self.under_way = self.most = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/v1"


class Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        raw = self.rfile.read(int(self.headers["Content-Length"]))
        body, server = json.loads(raw), self.server
        with server.lock:
            server.asked[raw] += 1
            server.bodies.append(body)
            server.keys.add(self.headers["Authorization"])
            server.times.append(time.monotonic())
            server.at[raw].append(server.times[-1])
            server.under_way += 1
            server.most = max(server.most, server.under_way)
        answer = server.behave(server.read(body), server.asked[raw])
        with server.lock:
            server.under_way -= 1
        status, headers, content = answer if isinstance(answer, tuple) else (200, {}, answer)
        try:
            self.send_response(status if self.path == "/v1/chat/completions" else 404)
            for name, value in ({"Content-Length": str(len(content))} | headers).items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)
        except (BrokenPipeError, ConnectionResetError):
            pass  # the client gave up on a slow answer

    def log_message(self, *_):
        pass


@contextmanager
def serving(behave: Callable, read: Callable[[dict], object] = last_text) -> Iterator[Server]:
    """Run a server for the length of a block."""
    with Server(behave, read) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
