"""The openai backend against a real HTTP server on loopback that misbehaves."""

import base64
import io
import json
import time
from contextlib import closing

import pytest
from chat_server import completion, serving
from PIL import Image

from dataset_builders.chat import client
from dataset_builders.errors import InputError
from evaluate_metrics.__main__ import main
from evaluate_metrics.backends import BackendOptions, open_backend

KEY = "sk-never-written-anywhere"


def reply(text, tokens=(100, 3)) -> bytes:
    return completion(text, tokens)


@pytest.fixture(autouse=True)
def hasty(monkeypatch):
    """Let the client wait for tenths of a second where it would for minutes."""
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    defaults = client.ChatSettings.__init__.__defaults__
    names = ("concurrency", "key", "attempts", "timeout", "backoff", "per_minute")
    changed = dict(zip(names, defaults, strict=True)) | {"attempts": 3, "timeout": 0.5, "backoff": 0.01}
    monkeypatch.setattr(client.ChatSettings.__init__, "__defaults__", tuple(changed.values()))


def options(server, folder, **changed) -> BackendOptions:
    return BackendOptions("openai", "tiny", 16, folder, **{"base_url": server.url, "media": "images"} | changed)


def ask(server, folder, texts, **changed):
    frames = [Image.new("RGB", (31, 20), (50 * index, 0, 0)) for index in range(3)]
    video = {"type": "video", "video": frames}
    conversations = [[{"role": "user", "content": [video, {"type": "text", "text": text}]}] for text in texts]
    with closing(open_backend(options(server, folder, **changed))) as backend:
        return backend.complete(backend.prepare(conversations))


def test_replies_come_in_order_with_their_tokens(tmp_path):
    with serving(lambda text, _: reply(text.upper(), (7, len(text)))) as server:
        completions = ask(server, tmp_path, ["a", "bb", "ccc"])
    assert [(one.text, one.error, one.tokens_in, one.tokens_out) for one in completions] == [
        ("A", None, 7, 1),
        ("BB", None, 7, 2),
        ("CCC", None, 7, 3),
    ]
    body = server.bodies[0]
    assert {name: body[name] for name in ("model", "temperature", "max_tokens", "seed")} == {
        **{"model": "tiny", "temperature": 0},
        **{"max_tokens": 16, "seed": 0},
    }
    assert server.keys == {f"Bearer {KEY}"}


def test_frames_are_sent_as_images(tmp_path):
    with serving(lambda *_: reply("")) as server:
        ask(server, tmp_path, ["a"])
    parts = server.bodies[0]["messages"][0]["content"]
    assert [part["type"] for part in parts] == ["image_url"] * 3 + ["text"]
    head, _, content = parts[2]["image_url"]["url"].partition(",")
    image = Image.open(io.BytesIO(base64.b64decode(content)))
    assert (head, image.size) == ("data:image/jpeg;base64", (31, 20))
    assert image.getpixel((5, 5))[0] == pytest.approx(100, abs=3)


def test_frames_are_sent_as_a_video_that_decodes_to_them(tmp_path):
    av = pytest.importorskip("av", reason="needs the model extra")
    with serving(lambda *_: reply("")) as server:
        ask(server, tmp_path, ["a"], media="video")
    parts = server.bodies[0]["messages"][0]["content"]
    assert [part["type"] for part in parts] == ["video_url", "text"]
    content = base64.b64decode(parts[0]["video_url"]["url"].removeprefix("data:video/mp4;base64,"))
    with av.open(io.BytesIO(content)) as container:
        frames = [frame.to_image() for frame in container.decode(video=0)]
    assert [frame.size for frame in frames] == [(30, 20)] * 3
    assert [frame.getpixel((5, 5))[0] for frame in frames] == pytest.approx([0, 50, 100], abs=6)


@pytest.mark.parametrize(
    "first",
    [
        (500, {}, b"oops"),
        (429, {"Retry-After": "0"}, b""),
        b'{"choices": [{"message": {"content": "cut',
        b"garbage",
        json.dumps({"choices": [{"message": {"content": None}}]}).encode(),
        (200, {"Content-Length": "999"}, b"{"),
    ],
    ids=["500", "429", "cut JSON", "garbage", "no text", "broken connection"],
)
def test_a_passing_failure_is_tried_again(tmp_path, first):
    with serving(lambda text, times: first if times == 1 else reply(text)) as server:
        completions = ask(server, tmp_path, ["a", "b"])
    assert [one.text for one in completions] == ["a", "b"]
    assert len(server.bodies) == 4


def test_retry_after_is_waited_for(tmp_path):
    with serving(lambda text, times: (429, {"Retry-After": "1"}, b"") if times == 1 else reply(text)) as server:
        ask(server, tmp_path, ["a"])
    assert server.times[1] - server.times[0] >= 1


def test_a_slow_answer_is_tried_again(tmp_path):
    def slow_at_first(text, times):
        time.sleep(0.8 if times == 1 else 0)
        return reply(text)

    with serving(slow_at_first) as server:
        assert ask(server, tmp_path, ["a"])[0].text == "a"


def test_what_keeps_failing_says_why_and_fails_alone(tmp_path):
    with serving(lambda text, _: {"b": b"garbage", "c": (400, {}, b"")}.get(text) or reply(text)) as server:
        completions = ask(server, tmp_path, ["a", "b", "c"])
    assert [(one.text, one.error) for one in completions] == [
        ("a", None),
        ("", "no reply (cut or foreign JSON)"),
        ("", "refused by the server (400 Bad Request)"),
    ]


def test_replies_are_not_paid_for_twice(tmp_path):
    with serving(lambda text, _: reply(text, (7, len(text)))) as server:
        ask(server, tmp_path, ["a", "bb"])
        again = ask(server, tmp_path, ["bb", "c"])
    assert [(one.text, one.tokens_in, one.tokens_out) for one in again] == [("bb", 7, 2), ("c", 7, 1)]
    assert len(server.bodies) == 3


def test_concurrency_is_used_and_bounded(tmp_path):
    def slow(text, _):
        time.sleep(0.05)
        return reply(text)

    with serving(slow) as server:
        ask(server, tmp_path, [str(index) for index in range(9)], concurrency=3)
    assert 2 <= server.most <= 3


def test_the_rate_limit_is_kept(tmp_path):
    with serving(lambda text, _: reply(text)) as server:
        ask(server, tmp_path, [str(index) for index in range(4)], requests_per_minute=600)
    gaps = [later - earlier for earlier, later in zip(server.times, server.times[1:], strict=False)]
    assert server.times[-1] - server.times[0] >= 0.29 and min(gaps) > 0.05


def test_a_key_that_the_server_echoes_is_taken_out(tmp_path):
    with serving(lambda text, _: reply(f"you are {KEY}")) as server:
        assert ask(server, tmp_path, ["a"])[0].text == "you are [key]"


def test_an_address_is_needed(tmp_path):
    with pytest.raises(InputError, match="--base-url: is missing"):
        open_backend(BackendOptions("openai", "tiny", 16, tmp_path))


def command(server, dataset_dir, output):
    words = {"--model": "tiny", "--dataset": dataset_dir, "--output": output, "--base-url": server.url}
    words |= {"--backend": "openai", "--batch-size": 4, "--media": "images"}
    return ["run", *(str(word) for pair in words.items() for word in pair)]


def test_a_run_counts_garbage_and_asks_it_again(dataset_dir, tmp_path, capsys):
    garbage = {"yes": True}

    def behave(text, _):
        if "cups are in room 3" in text and garbage["yes"]:
            return b"<html>502</html>"
        return reply("" if "nearest" in text else "3")

    output = tmp_path / "out"
    with serving(behave) as server:
        assert main(command(server, dataset_dir, output)) == 0
        first = json.loads((output / "results.json").read_text())
        assert first["coverage"]["video"] == {
            **{"questions": 18, "answered": 11, "empty": 6},
            **{"unreadable": 0, "failed": 1},
        }
        assert "2 failed, the first is scene-3-0 (video): no reply (cut or foreign JSON)" in capsys.readouterr().out
        garbage["yes"], asked = False, len(server.bodies)
        assert main(command(server, dataset_dir, output)) == 0
        assert len(server.bodies) == asked + 2
    results = json.loads((output / "results.json").read_text())
    assert results["failures"] == [] and results["coverage"]["video"]["answered"] == 12
    assert results["settings"]["model"] == "tiny" and results["settings"]["base_url"] == server.url
    for path in output.rglob("*"):
        assert KEY.encode() not in path.read_bytes()


@pytest.mark.parametrize(("status", "problem"), [(401, "answers 401 Unauthorized"), (500, "keeps failing")])
def test_a_server_that_is_of_no_use_ends_the_run_in_one_line(dataset_dir, tmp_path, capsys, status, problem):
    with serving(lambda *_: (status, {}, b"")) as server:
        assert main(command(server, dataset_dir, tmp_path / "out")) == 2
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("error:")]
    assert len(lines) == 1 and problem in lines[0] and KEY not in lines[0]
