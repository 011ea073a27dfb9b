import json
from pathlib import Path

import pytest

from dataset_builders.conversation import prompt_text
from dataset_builders.errors import InputError
from evaluate_metrics import runner
from evaluate_metrics.runner import RunArguments, plan, run


class Oracle:
    """Answers rightly when it sees a video and says nothing when it does not; may stop working at some batch."""

    def __init__(self, records, fail_at=None):
        self.answers = {prompt_text(record): record["answer"] for record in records}
        self.fail_at = fail_at
        self.asked = []

    def files(self):
        return []

    def describe(self):
        return {"device": "none"}

    def complete(self, conversations):
        if len(self.asked) == self.fail_at:
            raise RuntimeError("out of memory")
        self.asked.append(conversations)
        contents = [messages[0]["content"] for messages in conversations]
        return [self.answers[parts[-1]["text"]] if len(parts) == 2 else "" for parts in contents]


@pytest.fixture
def evaluate(monkeypatch, dataset_dir, tmp_path):
    """Run with a given backend; returns the results and the output folder."""

    def run_with(backend, output="out", **changed):
        monkeypatch.setattr(runner, "_open_backend", lambda arguments: backend)
        arguments = {"model": tmp_path, "dataset": dataset_dir, "split": "test", "output": tmp_path / output}
        return run(RunArguments(**{**arguments, "batch_size": 4, **changed})), tmp_path / output

    return run_with


def test_video_and_blind_are_scored_apart(evaluate, records):
    results, output = evaluate(Oracle(records))
    micro = results["overall"]["micro"]
    assert (micro["n"], micro["model"], micro["blind"]) == (18, 100, 0)
    assert micro["over_blind"] == {"margin": 100, "interval": [100, 100]}
    assert results["unparsed"] == {"video": 0, "blind": 18}
    assert (results["num_questions"], results["num_scenes"], results["dataset"]) == (18, 6, "tiny-bench")
    assert list(results["by_task"]) == ["object_counting", "relative_distance", "depth_estimation"]
    assert json.loads((output / "results.json").read_text()) == results


def test_every_question_is_written_once_per_condition(evaluate, records):
    _, output = evaluate(Oracle(records))
    rows = [json.loads(line) for line in (output / "predictions.jsonl").read_text().splitlines()]
    assert sorted((row["id"], row["condition"]) for row in rows) == sorted(
        (record["id"], condition) for record in records for condition in ("video", "blind")
    )
    assert next(row for row in rows if row["id"] == "scene-4-1" and row["condition"] == "video") == {
        "id": "scene-4-1",
        "scene_id": "scene-4",
        "task": "depth_estimation",
        "scale": "tabletop",
        "answer_type": "regression",
        "condition": "video",
        "reference": "32",
        "unit": "cm",
        "completion": "32",
        "parsed": 32.0,
        "score": 1.0,
    }


def test_the_model_sees_the_frames_asked_for_with_their_marks(evaluate, records):
    oracle = Oracle(records)
    evaluate(oracle, num_frames=2)
    conversations = [messages for batch in oracle.asked for messages in batch]
    by_prompt = {messages[0]["content"][-1]["text"]: messages[0]["content"] for messages in conversations[:18]}
    videos = {record["id"]: by_prompt[prompt_text(record)][0]["video"] for record in records}
    assert {len(video) for video in videos.values()} == {2}
    assert videos["scene-3-1"][0].getpixel((20, 20)) == (255, 0, 0)
    assert videos["scene-3-0"][0].getpixel((20, 20)) != (255, 0, 0)
    assert all(len(messages[0]["content"]) == 1 for messages in conversations[18:])


def test_an_interrupted_run_goes_on_to_the_same_bytes(evaluate, records):
    _, whole = evaluate(Oracle(records), "whole")
    with pytest.raises(RuntimeError):
        evaluate(Oracle(records, fail_at=3), "part")
    part = whole.with_name("part")
    log = part / "predictions.jsonl"
    assert len(log.read_bytes().splitlines()) == 12
    assert not (part / "results.json").exists()
    log.write_bytes(log.read_bytes()[:-150])  # killed while writing: a batch is there in part, its last line cut
    rest = Oracle(records)
    evaluate(rest, "part")
    assert len(rest.asked) == 5 + 3  # of 5 + 5 batches two were complete
    for name in ("predictions.jsonl", "results.json", "settings.json"):
        assert (part / name).read_bytes() == (whole / name).read_bytes()


def test_a_complete_run_asks_nothing_again(evaluate, records):
    first, output = evaluate(Oracle(records))
    before = {path.name: path.read_bytes() for path in output.iterdir()}
    again = Oracle(records)
    assert evaluate(again)[0] == first
    assert again.asked == []
    assert {path.name: path.read_bytes() for path in output.iterdir()} == before


@pytest.mark.parametrize("changed", [{"num_frames": 3}, {"batch_size": 5}, {"max_new_tokens": 7}])
def test_other_settings_need_another_output(evaluate, records, changed):
    evaluate(Oracle(records))
    with pytest.raises(InputError, match="choose another --output"):
        evaluate(Oracle(records), **changed)


def test_an_unreadable_frame_names_its_question(evaluate, records, monkeypatch):
    def broken(self, record):
        raise OSError("cannot identify image file")

    monkeypatch.setattr("dataset_builders.conversation.FrameStore.frames", broken)
    with pytest.raises(
        InputError, match=r"question scene-\d-\d, scene scene-\d: has no usable frames .*cannot identify"
    ):
        evaluate(Oracle(records))


def test_plan_asks_everything_once_and_keeps_kinds_together(records):
    batches = list(plan(records, 6))
    assert [condition for condition, _ in batches] == ["video"] * 3 + ["blind"] * 3
    assert all(len({record["task"] for record in batch}) == 1 for _, batch in batches)
    for condition in ("video", "blind"):
        asked = [record["id"] for other, batch in batches if other == condition for record in batch]
        assert sorted(asked) == sorted(record["id"] for record in records)


@pytest.mark.parametrize("name", ["num_frames", "batch_size", "max_new_tokens"])
def test_counts_below_one_are_refused(name):
    with pytest.raises(InputError, match=f"--{name.replace('_', '-')}: is 0"):
        RunArguments(Path("m"), Path("d"), "test", Path("o"), **{name: 0})
