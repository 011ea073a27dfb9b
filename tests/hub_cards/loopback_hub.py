"""A Hub on this machine: what huggingface_hub calls to publish, over real HTTP, with faults on demand."""

import base64
import hashlib
import json
import re
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit

import yaml

TOKEN = "hf_" + "loopback" * 5
USER = "tester"
KIND = r"(?P<kind>models|datasets|spaces)/(?P<id>[\w.-]+/[\w.-]+)"


@dataclass
class Repo:
    private: bool
    sdk: str | None = None
    files: dict[str, bytes] = field(default_factory=dict)
    commits: list[dict] = field(default_factory=list)
    tags: dict[str, str] = field(default_factory=dict)
    visible: list[bool] = field(default_factory=list)  # public or not, whenever the files changed

    @property
    def sha(self) -> str:
        return hashlib.sha1(str(len(self.commits)).encode()).hexdigest()


@dataclass
class Fault:
    """Answers the next `times` requests that match with a status, or hangs up where it is None."""

    method: str
    path: str
    status: int | None
    times: int = 1


class Hub:
    def __init__(self):
        self.repos: dict[tuple[str, str], Repo] = {}
        self.blobs: dict[str, bytes] = {}
        self.faults: list[Fault] = []
        self.requests: list[tuple[str, str]] = []
        self.lock = threading.Lock()
        self.url = ""

    def fault(self, method: str, path: str) -> Fault | None:
        for one in self.faults:
            if one.times and one.method == method and re.search(one.path, path):
                one.times -= 1
                return one
        return None

    def count(self, method: str, path: str) -> int:
        return sum(one == method and bool(re.search(path, where)) for one, where in self.requests)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    hub: Hub

    def log_message(self, *_):
        pass

    def handle_any(self):
        url = urlsplit(self.path)
        path = unquote(url.path)
        with self.hub.lock:
            self.hub.requests.append((self.command, path))
            fault = self.hub.fault(self.command, path)
        if fault and fault.status is None:
            self.rfile.read(min(100, int(self.headers.get("Content-Length") or 0)))  # then the line is cut
            self.close_connection = True
            self.connection.close()
            return
        body = self._body()
        if fault:
            self._reply(fault.status, {"error": "as the test asked"})
        elif not path.startswith("/storage/") and self.headers.get("Authorization") != f"Bearer {TOKEN}":
            self._reply(401, {"error": "Invalid credentials"})
        else:
            for method, pattern, answer in ROUTES:
                found = re.fullmatch(pattern, path)
                if found and method == self.command:
                    with self.hub.lock:
                        self._reply(*answer(self.hub, found, body, parse_qs(url.query)))
                    return
            self._reply(404, {"error": "not found"})

    do_GET = do_POST = do_PUT = do_DELETE = handle_any

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        parts = []
        while size := int(self.rfile.readline(), 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(parts)

    def _reply(self, status: int, content: dict):
        data = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


def _create(hub, _, body, __):
    asked = json.loads(body)
    kind = asked.get("type", "model") + "s"
    name = f"{asked.get('organization') or USER}/{asked['name']}"
    prefix = "" if kind == "models" else f"{kind}/"
    reply = {"url": f"{hub.url}/{prefix}{name}"}
    if (kind, name) in hub.repos:
        return 409, reply | {"error": "You already created this repo"}
    private = asked.get("visibility") == "private" or asked.get("private") is True
    hub.repos[kind, name] = Repo(private, asked.get("sdk"))
    return 200, reply


def _info(hub, found, _, query):
    repo = hub.repos.get((found["kind"], found["id"]))
    if repo is None:
        return 404, {"error": "Repository not found"}
    siblings = [
        {"rfilename": name, "size": len(data), "blobId": _oid(data)} if "blobs" in query else {"rfilename": name}
        for name, data in repo.files.items()
    ]
    info = {"id": found["id"], "sha": repo.sha, "private": repo.private, "siblings": siblings, "tags": []}
    return 200, info | {"downloads": 0, "likes": 0, "disabled": False, "gated": False}


def _oid(data: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()


def _is_large(name: str) -> bool:
    return name.endswith((".safetensors", ".parquet"))


def _preupload(hub, found, body, _):
    repo = hub.repos[found["kind"], found["id"]]
    files = []
    for one in json.loads(body)["files"]:
        here = repo.files.get(one["path"])
        large = _is_large(one["path"])
        known = None if here is None else hashlib.sha256(here).hexdigest() if large else _oid(here)
        files.append({"path": one["path"], "uploadMode": "lfs" if large else "regular", "shouldIgnore": False})
        files[-1]["oid"] = known
    return 200, {"files": files}


def _batch(hub, _, body, __):
    objects = []
    for one in json.loads(body)["objects"]:
        actions = {"upload": {"href": f"{hub.url}/storage/{one['oid']}"}}
        objects.append(one | ({} if one["oid"] in hub.blobs else {"actions": actions}))
    return 200, {"transfer": "basic", "objects": objects}


def _store(hub, found, body, _):
    if hashlib.sha256(body).hexdigest() != found["oid"]:
        return 400, {"error": "another content than announced"}
    hub.blobs[found["oid"]] = body
    return 200, {}


def _commit(hub, found, body, _):
    repo = hub.repos[found["kind"], found["id"]]
    lines = [json.loads(line) for line in body.splitlines()]
    files = dict(repo.files)
    for line in lines[1:]:
        value = line["value"]
        if line["key"] == "file":
            files[value["path"]] = base64.b64decode(value["content"])
        elif line["key"] == "lfsFile":
            if value["oid"] not in hub.blobs:
                return 400, {"error": f"{value['path']} was never uploaded"}
            files[value["path"]] = hub.blobs[value["oid"]]
        elif line["key"] == "deletedFile":
            del files[value["path"]]
        else:
            return 400, {"error": line["key"]}
    repo.files = files
    repo.visible.append(not repo.private)
    repo.commits.append(lines[0]["value"])
    return 200, {"success": True, "commitOid": repo.sha, "commitUrl": f"{hub.url}/{found['id']}/commit/{repo.sha}"}


def _tag(hub, found, body, _):
    repo, tag = hub.repos[found["kind"], found["id"]], json.loads(body)["tag"]
    if tag in repo.tags:
        return 409, {"error": "Tag exists"}
    repo.tags[tag] = found["revision"]
    return 200, {}


def _settings(hub, found, body, _):
    asked = json.loads(body)
    private = asked["private"] if "private" in asked else asked["visibility"] == "private"
    hub.repos[found["kind"], found["id"]].private = private
    return 200, {"private": private}


def _validate(_, __, body, ___):
    try:
        front = json.loads(body)["content"].split("---\n")[1]
        return (200 if yaml.safe_load(front) else 400), {"errors": [], "warnings": []}
    except (yaml.YAMLError, IndexError) as error:
        return 400, {"errors": [{"message": str(error)}], "warnings": []}


ROUTES = (
    ("GET", "/api/whoami-v2", lambda *_: (200, {"name": USER, "type": "user"})),
    ("POST", "/api/validate-yaml", _validate),
    ("POST", "/api/repos/create", _create),
    ("GET", rf"/api/{KIND}(/revision/(?P<revision>\w+))?", _info),
    ("POST", rf"/api/{KIND}/preupload/(?P<revision>\w+)", _preupload),
    ("POST", r"/((datasets|spaces)/)?(?P<id>[\w.-]+/[\w.-]+)\.git/info/lfs/objects/batch", _batch),
    ("PUT", r"/storage/(?P<oid>[0-9a-f]{64})", _store),
    ("POST", rf"/api/{KIND}/commit/(?P<revision>\w+)", _commit),
    ("POST", rf"/api/{KIND}/tag/(?P<revision>\w+)", _tag),
    ("PUT", rf"/api/{KIND}/settings", _settings),
)


@contextmanager
def running():
    """Serve a Hub on a free port of the loopback interface."""
    hub = Hub()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Bound", (Handler,), {"hub": hub}))
    hub.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
