"""Conversations under evaluation: every turn is a question of its own, asked behind what the model said itself."""

import json
from collections import Counter

import pytest
from chat_server import completion, serving
from transformers import AutoTokenizer

from dataset_builders.ask import ask
from dataset_builders.conversation import prompt_text
from dataset_builders.record import LetterBalance, to_record
from dataset_builders.sources.synthetic import SyntheticSource
from dataset_builders.turns import turns_of
from dataset_builders.vst import VST_RULES
from evaluate_metrics import runner
from evaluate_metrics.backends import Completion
from evaluate_metrics.benchmarks import BENCHMARKS, open_benchmark
from evaluate_metrics.compare import compare
from evaluate_metrics.controls import CONTROLS, VIDEO
from evaluate_metrics.report.page import write_report
from evaluate_metrics.runner import RunArguments, run

TURNS = ("", ".1", ".2")


class Clerk:
    """Numbers its replies to first questions, and tells how long a conversation is; may be stopped or fail at will."""

    def __init__(self, stop_at=None, fails=lambda messages: False):
        self.stop_at, self.fails, self.asked = stop_at, fails, []

    def describe(self):
        return {"model_sha256": None, "device": "none"}

    def prepare(self, conversations):
        return conversations

    def complete(self, conversations):
        if len(self.asked) == self.stop_at:
            raise KeyboardInterrupt
        if any(map(self.fails, conversations)):
            raise RuntimeError("out of memory")
        self.asked.append(conversations)
        return [Completion(self.reply(messages), None, 10, 1) for messages in conversations]

    def reply(self, messages):
        """A text that no other conversation gets."""
        seen = "video" if messages[0]["content"][0]["type"] == "video" else "blind"
        return f"{seen}, {len(messages)} messages: {said(messages)[-1].splitlines()[0]} B"

    def close(self):
        pass


def said(messages) -> list[str]:
    return [message["content"][-1]["text"] for message in messages]


@pytest.fixture
def evaluate(monkeypatch, conversations_dir, tmp_path):
    def run_with(backend, output="out", **changed):
        monkeypatch.setattr(runner, "open_backend", lambda options: backend)
        arguments = {"model": tmp_path, "dataset": conversations_dir, "output": tmp_path / output, "batch_size": 4}
        return run(RunArguments(**{**arguments, **changed})), tmp_path / output

    return run_with


def lines(output) -> dict[tuple[str, str], dict]:
    rows = [json.loads(line) for line in (output / "predictions.jsonl").read_text().splitlines()]
    assert max(Counter((row["id"], row["condition"]) for row in rows).values()) == 1
    return {(row["id"], row["condition"]): row for row in rows}


@pytest.fixture(scope="module")
def turns(conversations) -> dict[str, dict]:
    return {turn["id"]: turn for row in conversations for turn in turns_of(row)}


def test_every_turn_is_asked_behind_the_models_own_replies_and_scored(evaluate, turns):
    clerk = Clerk()
    results, output = evaluate(clerk)
    rows, asked = lines(output), {said(messages)[-1]: messages for batch in clerk.asked for messages in batch}
    assert rows.keys() == {(name, condition) for name in turns for condition in ("video", "blind")}
    for condition in ("video", "blind"):
        for name, turn in turns.items():
            row = rows[name, condition]
            assert (row["reference"], row["task"]) == (turn["answer"], turn["task"])
            assert row.get("turn") == (1 + len(turn["earlier"]) if "earlier" in turn else None)
    assert results["num_questions"] == 18 and results["num_conversations"] == 5 and results["num_scenes"] == 6
    assert {name: figures["n"] for name, figures in results["by_turn"].items()} == {f"turn {n}": 5 for n in (1, 2, 3)}
    third = [turn for name, turn in turns.items() if name.endswith(".2")]
    right = sum(turn["answer"] == "B" for turn in third)
    assert results["by_turn"]["turn 3"]["model"] == 100 * right / len(third)
    # The last one asked under a prompt is the blind one.
    for name, turn in turns.items():
        messages = asked[prompt_text(turn)]
        assert [message["role"] for message in messages] == ["user", "assistant"] * len(turn.get("earlier", ())) + [
            "user"
        ]
        before = [f"{name.split('.')[0]}{suffix}" for suffix in ("", ".1")][: len(turn.get("earlier", ()))]
        replies = [rows[one, "blind"]["completion"] for one in before]
        assert said(messages)[1::2] == replies and said(messages)[::2] == [
            prompt_text(turns[one]) for one in (*before, name)
        ]


def test_frames_with_all_marks_are_shown_once_with_the_first_question(evaluate):
    clerk = Clerk()
    evaluate(clerk, num_frames=2)
    talks = [messages for batch in clerk.asked for messages in batch if len(messages) == 5]
    assert len(talks) == 10
    for place, messages in enumerate(talks):
        kinds = [part["type"] for message in messages for part in message["content"]]
        assert kinds == (["video"] if place < 5 else []) + ["text"] * 5
        if place < 5:
            assert messages[0]["content"][0]["video"][0].getpixel((20, 20)) == (255, 0, 0)


@pytest.mark.parametrize("stop_at", [1, 4, 6, 9])
def test_an_interrupted_run_goes_on_to_the_same_bytes(evaluate, stop_at):
    _, whole = evaluate(Clerk(), "whole")
    with pytest.raises(KeyboardInterrupt):
        evaluate(Clerk(stop_at=stop_at), "part")
    log = whole.with_name("part") / "predictions.jsonl"
    log.write_bytes(log.read_bytes()[:-60])
    evaluate(Clerk(), "part")
    assert log.read_bytes() == (whole / "predictions.jsonl").read_bytes()
    again = Clerk()
    evaluate(again, "part")
    assert again.asked == []


def test_a_turn_behind_a_failed_one_is_not_asked_and_both_are_tried_again(evaluate):
    def fails(messages):
        return "cups are in room 3" in said(messages)[0] and messages[0]["content"][0]["type"] == "video"

    results, output = evaluate(Clerk(fails=fails))
    failed = {key: row["error"] for key, row in lines(output).items() if row["error"]}
    assert failed == {
        ("talk-3", "video"): "RuntimeError: out of memory",
        ("talk-3.1", "video"): "follows talk-3, which failed",
        ("talk-3.2", "video"): "follows talk-3, which failed",
    }
    assert results["coverage"]["video"]["failed"] == 3
    _, fresh = evaluate(Clerk(), "fresh")
    clerk = Clerk()
    results, _ = evaluate(clerk)
    assert results["failures"] == [] and lines(output) == lines(fresh)
    assert all(messages[0]["content"][0]["type"] == "video" for batch in clerk.asked for messages in batch)


def test_turns_whose_earlier_replies_are_gone_are_asked_again(evaluate):
    _, output = evaluate(Clerk())
    log, before = output / "predictions.jsonl", lines(output)
    kept = [line for line in log.read_text().splitlines() if '"talk-2"' not in line]
    log.write_text("\n".join([*kept, ""]))
    clerk = Clerk()
    evaluate(clerk)
    assert lines(output) == before
    order = [row["id"] for row in map(json.loads, log.read_text().splitlines()) if row["id"].startswith("talk-2")]
    assert order == ["talk-2"] * 2 + ["talk-2.1"] * 2 + ["talk-2.2"] * 2


def test_a_control_holds_for_the_whole_conversation_or_leaves_a_turn_as_it_was(evaluate, turns):
    clerk = Clerk()
    results, output = evaluate(clerk, controls=("all",))
    rows = lines(output)
    conditions = [VIDEO, *(condition for name in CONTROLS for condition in CONTROLS[name])]
    assert rows.keys() == runner.keys(_records(turns), conditions).keys()
    talks = [messages for batch in clerk.asked for messages in batch if len(messages) == 5]
    for name, condition in rows:
        if condition == "circular-1" and name.startswith("talk"):
            messages = next(one for one in talks if "A. plate" in said(one)[4] and _about(one, name))
            # Only the third turn has options; the others are asked and answered as without a control.
            base = name.removesuffix(".2")
            assert said(messages)[1::2] == [rows[f"{base}{turn}", "video"]["completion"] for turn in ("", ".1")]
            assert said(messages)[:3:2] == [prompt_text(turns[f"{base}{turn}"]) for turn in ("", ".1")]
    assert results["controls"]["shuffled"]["n"] == 18 and results["controls"]["circular"]["n"] == 6


def _about(messages, name) -> bool:
    return f"room {name.removeprefix('talk-').split('.')[0]}" in said(messages)[4]


def _records(turns) -> list[dict]:
    return [turn | {"shown_as": "video"} for turn in turns.values()]


def test_all_turns_see_the_frames_in_the_same_shuffled_order(evaluate):
    clerk = Clerk()
    evaluate(clerk, controls=("shuffled",))
    orders: dict[str, list] = {}
    for batch in clerk.asked:
        for messages in batch:
            first = messages[0]["content"]
            if first[0]["type"] == "video":
                greys = [frame.getpixel((50, 50))[1] for frame in first[0]["video"]]
                orders.setdefault(first[-1]["text"], []).append(tuple(greys))
    talks = [found for found in orders.values() if len(found) == 6]
    assert len(talks) == 5
    for found in talks:
        assert Counter(found)[0, 60, 120, 180] == 3 and len(set(found)) == 2


def test_the_report_and_comparisons_show_turns(evaluate, conversations_dir, tmp_path):
    _, output = evaluate(Clerk())
    write_report(output, tmp_path / "report", conversations_dir)
    page = (tmp_path / "report" / "report.html").read_text()
    assert "By turn of conversations" in page and "turn 2" in page and "talk-0.1 · turn 2" in page
    assert "turn 3" in (tmp_path / "report" / "report.md").read_text()
    found = compare(output, output)
    assert json.loads(json.dumps(found))["overall"]["n"] == 18


def test_a_prompt_is_the_one_that_was_trained_on(conversations_dir):
    """Whether a question itself says what to write is known without its answer."""
    benchmark = open_benchmark(BENCHMARKS["spacevista"], str(conversations_dir), "test", 2)
    source = SyntheticSource(num_scenes=3, seed=3, num_frames=2, frame_size=(224, 168))
    (scene,) = [source.load(ref) for ref in source.refs() if ref.scale == "indoor"]
    texts = []
    for rule in VST_RULES:
        for question in ask(scene, [rule], seed=0, limit=10).questions:
            for turn in turns_of(to_record(question, scene, LetterBalance(scene.scene_id))):
                assert benchmark.prompt(turn) == prompt_text(turn)
                texts.append(benchmark.prompt(turn))
    assert {"Answer in a few words." in text for text in texts} == {True, False}


def test_a_model_of_the_transformers_library_holds_a_conversation(conversations_dir, model_dir, tmp_path):
    options = {"dataset": str(conversations_dir), "batch_size": 4, "max_new_tokens": 4}
    results = run(RunArguments(str(model_dir), tmp_path / "out", **options))
    rows = lines(tmp_path / "out")
    assert results["failures"] == [] and len(rows) == 36
    tokenizer = AutoTokenizer.from_pretrained(model_dir)
    for scene in range(5):
        tokens = [rows[f"talk-{scene}{turn}", "video"]["tokens_in"] for turn in TURNS]
        blind = [rows[f"talk-{scene}{turn}", "blind"]["tokens_in"] for turn in TURNS]
        assert tokens == sorted(set(tokens))
        # What a reply takes in the next prompts differs with the reply; what the video takes does not.
        taken = {
            control: [len(tokenizer(rows[f"talk-{scene}{turn}", control]["completion"]).input_ids) for turn in TURNS]
            for control in ("video", "blind")
        }
        behind = [sum(taken["video"][:turn]) - sum(taken["blind"][:turn]) for turn in range(len(TURNS))]
        video = {one - other - more for one, other, more in zip(tokens, blind, behind, strict=True)}
        assert len(video) == 1 and min(video) > 0


def test_a_server_gets_the_whole_conversation_with_its_frames_once(conversations_dir, turns, tmp_path):
    def behave(body, _):
        texts = [message["content"][-1]["text"] for message in body["messages"]]
        return completion(f"reply {len(texts)}: {texts[-1].splitlines()[0]}")

    with serving(behave, read=lambda body: body) as server:
        options = {"backend": "openai", "base_url": server.url, "media": "images", "num_frames": 2, "batch_size": 4}
        results = run(RunArguments("clerk", tmp_path / "out", dataset=str(conversations_dir), **options))
    assert results["failures"] == [] and results["run"]["tokens_in"] == 36 * 100
    talks = [body["messages"] for body in server.bodies if len(body["messages"]) == 5]
    assert len(talks) == 10
    for messages in talks:
        assert [message["role"] for message in messages] == ["user", "assistant"] * 2 + ["user"]
        assert [message["content"][0]["text"].split(":")[0] for message in messages[1::2]] == ["reply 1", "reply 3"]
        kinds = [part["type"] for message in messages for part in message["content"]]
        assert kinds in (["image_url"] * 2 + ["text"] * 5, ["text"] * 5)
