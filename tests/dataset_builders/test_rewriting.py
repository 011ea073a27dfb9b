"""Rewriting against a real HTTP server on loopback that also misbehaves."""

import json
import socket
import sqlite3
import threading
import time

import chat_server
import pyarrow.parquet as pq
import pytest
from chat_server import completion

from dataset_builders.build import build_dataset
from dataset_builders.chat import client as client_module
from dataset_builders.chat.cache import ReplyCache
from dataset_builders.chat.client import ChatSettings
from dataset_builders.chat.replies import Words
from dataset_builders.errors import CommandParser, InputError, run_command
from dataset_builders.inspection.files import DatasetFiles
from dataset_builders.rewriting.check import rejection
from dataset_builders.rewriting.command import add_arguments
from dataset_builders.rewriting.rewrite import rewrite_dataset
from dataset_builders.settings import BuildSettings
from dataset_builders.sources.synthetic import SyntheticSource

KEY = "sk-never-written-anywhere"
OPENING = "Look carefully at the scene. "


def honest(facts: dict) -> bytes:
    return completion(json.dumps({"question": OPENING + facts["question"], "rationale": facts["computation"]}))


def serving(behave):
    """Run a server that answers with `behave(facts of the prompt, times this was asked)`."""
    return chat_server.serving(behave, lambda body: json.loads(chat_server.last_text(body)))


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    folder = tmp_path_factory.mktemp("rewriting") / "dataset"
    source = SyntheticSource(3, 0, num_frames=2, frame_size=(64, 48))
    build_dataset(source, folder, BuildSettings(tasks=("object_size", "relative_distance"), max_per_scene=4))
    return folder


def settings(server, **changes) -> ChatSettings:
    return ChatSettings(server.url, "tiny", **{"timeout": 10.0, "backoff": 0.01, "concurrency": 4} | changes)


def rows_of(folder) -> list[dict]:
    return [row for path in sorted(folder.glob("questions/*")) for row in pq.read_table(path).to_pylist()]


def bytes_of(folder) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_only_the_words_change_and_the_origin_is_kept(dataset, tmp_path):
    with serving(lambda facts, _: honest(facts)) as server:
        report = rewrite_dataset(dataset, tmp_path / "out", settings(server))
    before, after = rows_of(dataset), rows_of(tmp_path / "out")
    assert report.kept == report.total == len(before) == 12
    changed = {"id", "question", "provenance", "rationale"}
    for old, new in zip(before, after, strict=True):
        assert {k: v for k, v in new.items() if k not in changed} == {k: v for k, v in old.items() if k not in changed}
        assert new["question"] == OPENING + old["question"]
        origin = {"rewritten_from": old["id"], "rewriter": "tiny"}
        assert json.loads(new["provenance"]) == json.loads(old["provenance"]) | origin
    assert len({row["id"] for row in before + after}) == 24
    files = DatasetFiles.open(tmp_path / "out")
    assert files.report["rewriting"] == {"model": "tiny", "kept": 12, "rejected": {}}
    assert "`tiny`, put 12 of the 12" in (tmp_path / "out" / "README.md").read_text()
    for path in dataset.glob("scenes/*"):
        assert (tmp_path / "out" / "scenes" / path.name).read_bytes() == path.read_bytes()
    assert report.usage.tokens_in == 1200
    assert "cost: 0.0048" in report.text(2.0, 10.0)


def test_the_second_run_asks_nothing_and_gives_the_same_bytes(dataset, tmp_path):
    with serving(lambda facts, _: honest(facts)) as server:
        rewrite_dataset(dataset, tmp_path / "one", settings(server), tmp_path / "cache")
        assert len(server.bodies) == 12
        again = rewrite_dataset(dataset, tmp_path / "two", settings(server, concurrency=1), tmp_path / "cache")
        assert len(server.bodies) == 12
    assert (again.usage.requests, again.usage.cached) == (0, 12)
    assert bytes_of(tmp_path / "one") == bytes_of(tmp_path / "two")
    # Without a server, too.
    rewrite_dataset(dataset, tmp_path / "three", settings(server), tmp_path / "cache")
    assert bytes_of(tmp_path / "one") == bytes_of(tmp_path / "three")


def test_an_interrupted_run_goes_on_without_paying_twice(dataset, tmp_path):
    broken = threading.Event()

    def die_half_way(facts, _):
        if len(server.bodies) > 6 and not broken.is_set():
            return 401, {}, b"{}"
        return honest(facts)

    with serving(die_half_way) as server:
        with pytest.raises(InputError, match="401 Unauthorized.*again"):
            rewrite_dataset(dataset, tmp_path / "out", settings(server, concurrency=1))
        assert not (tmp_path / "out").exists()
        assert [path.name for path in tmp_path.iterdir()] == ["out.replies"]
        broken.set()
        report = rewrite_dataset(dataset, tmp_path / "out", settings(server, concurrency=1))
    assert (report.usage.cached, report.usage.requests, report.kept) == (6, 6, 12)


@pytest.mark.parametrize(
    "first",
    [
        (500, {}, b"oops"),
        (503, {}, b""),
        b'{"choices": [{"message": {"content": "{\\"ques',
        b"[" * 100_000,
        b"[]",
        completion("x" * (client_module.MAX_BODY + 1)),
        (200, {"Content-Length": "999"}, b"{"),
    ],
    ids=["500", "503", "cut JSON", "deep JSON", "foreign JSON", "huge", "broken connection"],
)
def test_a_passing_failure_is_tried_again(dataset, tmp_path, first):
    with serving(lambda facts, times: first if times <= 2 else honest(facts)) as server:
        report = rewrite_dataset(dataset, tmp_path / "out", settings(server, timeout=1.0))
    assert (report.kept, report.usage.requests, report.usage.retries) == (12, 36, 24)


def test_a_slow_answer_is_tried_again(dataset, tmp_path):
    def slow_at_first(facts, times):
        time.sleep(0.8 if times == 1 else 0)
        return honest(facts)

    with serving(slow_at_first) as server:
        report = rewrite_dataset(dataset, tmp_path / "out", settings(server, timeout=0.4, concurrency=12))
    assert (report.kept, report.usage.retries) == (12, 12)


def test_retry_after_is_honoured(dataset, tmp_path):
    with serving(lambda facts, times: (429, {"Retry-After": "1"}, b"") if times == 1 else honest(facts)) as server:
        report = rewrite_dataset(dataset, tmp_path / "out", settings(server, concurrency=12))
    assert (report.kept, report.usage.retries) == (12, 12)
    assert all(second - first >= 1.0 for first, second in server.at.values())


def test_concurrency_is_used_and_bounded(dataset, tmp_path):
    def slow(facts, _):
        time.sleep(0.05)
        return honest(facts)

    with serving(slow) as server:
        rewrite_dataset(dataset, tmp_path / "out", settings(server, concurrency=3))
    assert 2 <= server.most <= 3


def test_a_request_that_always_fails_leaves_its_row_as_it_is(dataset, tmp_path):
    texts = [row["question"] for row in rows_of(dataset)]

    def behave(facts, _):
        refused = {texts[0]: 500, texts[1]: 400}.get(facts["question"])
        return (refused, {}, b"") if refused else honest(facts)

    with serving(behave) as server:
        report = rewrite_dataset(dataset, tmp_path / "out", settings(server, attempts=2))
    reasons = {"no reply (500 Internal Server Error)": 1, "refused by the server (400 Bad Request)": 1}
    assert report.rejected == reasons
    assert rows_of(tmp_path / "out")[:2] == rows_of(dataset)[:2]


def test_a_server_that_only_fails_ends_the_run(dataset, tmp_path):
    with serving(lambda *_: (500, {}, b"")) as server:
        with pytest.raises(InputError, match=r"keeps failing \(500 Internal Server Error\)"):
            rewrite_dataset(dataset, tmp_path / "out", settings(server, attempts=1))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda facts: "I would rather not.", "reply is not the JSON asked for"),
        (lambda facts: json.dumps({"question": facts["question"]}), "reply is not the JSON asked for"),
        (lambda facts: {"rationale": "So the answer is 12345 m."}, "rationale does not end in the answer"),
        (lambda facts: {"question": facts["question"] + " Give 2 numbers."}, "numbers of the question changed"),
        (lambda facts: {"rationale": "<script>1</script> " + facts["computation"]}, "rationale has markup"),
        (lambda facts: {"rationale": "</think>" + facts["computation"]}, "rationale has markup"),
        (lambda facts: {"question": facts["question"] + "\x1b[2J"}, "question has markup"),
        (lambda facts: {"question": facts["question"] + " really" * 400}, "question is too long"),
        (lambda facts: {"question": ""}, "question is empty"),
        (lambda facts: {"question": facts["question"] + " Look to the left."}, "directions of the question changed"),
        (lambda facts: {"rationale": "777777 it is. " + facts["computation"]}, "rationale has a number of its own"),
    ],
)
def test_a_wrong_rewrite_is_not_kept(dataset, tmp_path, change, reason):
    def behave(facts, _):
        changed = change(facts)
        if isinstance(changed, str):
            return completion(changed)
        whole = {"question": facts["question"], "rationale": facts["computation"]} | changed
        return completion(json.dumps(whole))

    with serving(behave) as server:
        report = rewrite_dataset(dataset, tmp_path / "out", settings(server))
    assert report.rejected == {reason: 12}
    assert rows_of(tmp_path / "out") == rows_of(dataset)
    assert report.usage.requests == 12


QUESTION = "Is the red box 2.5 m left of the chairs in the first frame nearer than the trash bin? [fill in]"
ROW = {
    "question": QUESTION,
    "options": [],
    "answer": "2.5",
    "unit": "m",
    "anchors": {"semantics": ["chair", "trash bin"]},
    "rationale": "The gap is 3.71 m less 1.21 m, that is 2.5 m.",
    "provenance": json.dumps({"measured": {"gap_m": 3.7099, "parts": [1.2101]}}),
}


@pytest.mark.parametrize(
    ("old", "new", "kind"),
    [
        ("red", "blue", "colours"),
        ("first", "last", "frame words"),
        ("left", "right", "directions"),
        ("2.5", "2.6", "numbers"),
        ("2.5 m", "2.5 cm", "units"),
        ("chairs", "sofas", "objects or options"),
        ("trash bin", "bin", "objects or options"),
        ("chairs", "two chairs", "number words"),
        ("nearer", "farther", "comparison"),
        ("Is", "Isn't", "comparison"),
        ("[fill in]", "", "brackets"),
        ("Is the", "Near the table, is the", "objects or options"),
    ],
)
def test_what_a_question_says_must_not_change(old, new, kind):
    rewrite = Words(QUESTION.replace(old, new), ROW["rationale"])
    assert rejection(ROW, rewrite, ["table", "sofa"]) == f"{kind} of the question changed"


@pytest.mark.parametrize(
    ("question", "rationale"),
    [
        (QUESTION, "Take 1.21 m from 3.71 m: 2.5 m."),
        (QUESTION.replace("Is the red box", "Tell me: is the red box").replace("nearer", "closer"), "It is 2.5 m."),
        (QUESTION.replace("chairs", "chair").replace("2.5", "2.50"), "From 3.7 m take 1.2 m. This leaves 2.5 m."),
    ],
)
def test_other_words_for_the_same_are_fine(question, rationale):
    assert rejection(ROW, Words(question, rationale), ["table", "sofa"]) is None


def test_objects_must_keep_their_order():
    swapped = QUESTION.replace("chairs", "X").replace("trash bin", "chairs").replace("X", "trash bin")
    assert rejection(ROW, Words(swapped, ROW["rationale"])) == "objects or options of the question changed"


@pytest.mark.parametrize(
    ("rationale", "reason"),
    [
        ("It is 12.5 m.", "rationale does not end in the answer"),
        ("It is 2.5 m or more.", "rationale does not end in the answer"),
        ("It is not 2.5 m.", "rationale does not end in the answer"),
        ("It is -2.5 m.", "rationale does not end in the answer"),
        ("It is 2.5.", "rationale does not end in the answer"),
        ("The gap is 9.9 m, so it is 2.5 m.", "rationale has a number of its own"),
        ("Next to the table it is 2.5 m.", "rationale has an object of its own"),
        ("On the blue side it is 2.5 m.", "rationale has colours of its own"),
        ("On the right side it is 2.5 m.", "rationale has directions of its own"),
    ],
)
def test_a_rationale_ends_in_the_answer_and_invents_nothing(rationale, reason):
    assert rejection(ROW, Words(QUESTION, rationale), ["table"]) == reason


def test_the_right_option_counts_by_its_text():
    row = ROW | {"options": ["the chair", "the trash bin"], "answer": "B", "unit": ""}
    assert rejection(row, Words(QUESTION, "It is the trash bin.")) is None
    assert rejection(row, Words(QUESTION, "It is the chair.")) == "rationale does not end in the answer"
    assert rejection(row, Words(QUESTION, "It is B.")) == "rationale does not end in the answer"


def test_questions_of_a_scene_stay_distinct(dataset, tmp_path):
    texts = {row["question"]: row["scene_id"] for row in rows_of(dataset)}

    def answer_with_a_neighbour(facts, _):
        scene = texts[facts["question"]]
        neighbour = next(text for text, other in texts.items() if other == scene and text != facts["question"])
        return completion(json.dumps({"question": neighbour, "rationale": facts["computation"]}))

    with serving(answer_with_a_neighbour) as server:
        report = rewrite_dataset(dataset, tmp_path / "out", settings(server))
    assert report.kept == 0
    assert rows_of(tmp_path / "out") == rows_of(dataset)


def command(*arguments) -> int:
    parser = CommandParser()
    add_arguments(parser)
    parsed = parser.parse_args([str(argument) for argument in arguments])
    return run_command(lambda: parsed.command(parsed), "")


def test_the_command_prints_counts_and_keeps_the_key_to_itself(dataset, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    with serving(lambda facts, _: honest(facts)) as server:
        words = ["--rewriter", "openai", "--base-url", server.url, "--model", "tiny", "--price-in", "2"]
        code = command(dataset, "--output", tmp_path / "out", *words, "--cache", tmp_path / "cache")
    printed = capsys.readouterr()
    assert code == 0
    assert printed.out.startswith("requests: 12 (0 of them retries), replies from the cache: 0\ntokens: 1200 in, 240")
    assert "cost: 0.0024\nkept: 12 of 12 (100.0%)" in printed.out
    assert server.keys == {f"Bearer {KEY}"}
    assert {(body["temperature"], body["seed"], body["model"]) for body in server.bodies} == {(0, 0, "tiny")}
    assert not any(KEY.encode() in content for content in bytes_of(tmp_path).values())
    assert KEY not in printed.out + printed.err


def test_a_refused_connection_is_one_line_and_writes_nothing(dataset, tmp_path, capsys):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/v1"
        code = command(
            dataset, "--output", tmp_path / "out", "--rewriter", "openai", "--base-url", url, "--model", "tiny"
        )
    line = capsys.readouterr().err
    assert code == 2
    assert line.startswith(f"error: {url}: --base-url: cannot be reached (") and line.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_a_redirect_is_not_followed(dataset, tmp_path):
    elsewhere = {"Location": "http://127.0.0.1:9/"}
    with serving(lambda *_: (307, elsewhere, b"")) as server:
        with pytest.raises(InputError, match="answers 307 Temporary Redirect"):
            rewrite_dataset(dataset, tmp_path / "out", settings(server))


def test_a_taken_output_costs_no_request(dataset, tmp_path):
    (tmp_path / "file").touch()
    with serving(lambda facts, _: honest(facts)) as server:
        with pytest.raises(InputError, match="not an empty folder"):
            rewrite_dataset(dataset, tmp_path, settings(server))
        with pytest.raises(InputError, match="has no Parquet files"):
            rewrite_dataset(tmp_path, tmp_path / "out", settings(server))
    assert server.bodies == []


def test_a_broken_cache_is_refused(dataset, tmp_path):
    (tmp_path / "replies.sqlite").write_bytes(b"not a data base" * 100)
    with serving(lambda facts, _: honest(facts)) as server:
        with pytest.raises(InputError, match="--cache: cannot be used"):
            rewrite_dataset(dataset, tmp_path / "out", settings(server), tmp_path)


def test_the_first_reply_is_the_one_that_counts(tmp_path):
    with ReplyCache(tmp_path / "cache") as one, ReplyCache(tmp_path / "cache") as two:
        assert one.get("key") is None
        assert [one.put("key", "first"), two.put("key", "second"), one.get("key")] == ["first"] * 3
    with sqlite3.connect(tmp_path / "cache" / "replies.sqlite") as stored:
        assert stored.execute("SELECT * FROM replies").fetchall() == [("key", "first")]


@pytest.mark.parametrize(
    "url", ["localhost:8000/v1", "file:///etc/passwd", "http://", "http://me:secret@host/v1", "http://[", "http://h:x"]
)
def test_an_address_that_is_none_is_refused(url):
    with pytest.raises(InputError, match="--base-url") as caught:
        ChatSettings(url, "tiny")
    assert "secret" not in str(caught.value)
