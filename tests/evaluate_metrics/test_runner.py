import json
from collections import Counter

import pytest

from dataset_builders.conversation import prompt_text
from dataset_builders.errors import InputError
from evaluate_metrics import runner
from evaluate_metrics.asking import plan
from evaluate_metrics.backends import Completion
from evaluate_metrics.controls import CONTROLS, VIDEO
from evaluate_metrics.runner import RunArguments, run


class Oracle:
    """Answers rightly when it sees a video and says nothing when it does not; may be stopped, or fail, at will."""

    def __init__(self, records, stop_at=None, fails=lambda prompt: False):
        self.answers = {prompt_text(record): record["answer"] for record in records}
        self.stop_at, self.fails = stop_at, fails
        self.asked = []

    def describe(self):
        return {"model_sha256": None, "device": "none"}

    def prepare(self, conversations):
        return conversations

    def complete(self, conversations):
        if len(self.asked) == self.stop_at:
            raise KeyboardInterrupt
        contents = [messages[0]["content"] for messages in conversations]
        if any(self.fails(parts[-1]["text"]) for parts in contents):
            raise RuntimeError("out of memory\nat some place")
        self.asked.append(conversations)
        texts = [self.answers[parts[-1]["text"]] if len(parts) == 2 else "" for parts in contents]
        return [Completion(text, None, 10, len(text)) for text in texts]

    def close(self):
        pass


@pytest.fixture
def evaluate(monkeypatch, dataset_dir, tmp_path):
    """Run with a given backend; returns the results and the output folder."""

    def run_with(backend, output="out", **changed):
        monkeypatch.setattr(runner, "open_backend", lambda options: backend)
        arguments = {"model": tmp_path, "dataset": dataset_dir, "split": "test", "output": tmp_path / output}
        return run(RunArguments(**{**arguments, "batch_size": 4, **changed})), tmp_path / output

    return run_with


def lines(output) -> list[dict]:
    return [json.loads(line) for line in (output / "predictions.jsonl").read_text().splitlines()]


def test_video_and_blind_are_scored_apart(evaluate, records):
    results, output = evaluate(Oracle(records))
    micro = results["overall"]["micro"]
    assert (micro["n"], micro["model"], micro["blind"]) == (18, 100, 0)
    assert micro["over_blind"] == {"margin": 100, "interval": [100, 100]}
    assert results["unparsed"] == {"video": 0, "blind": 18}
    assert results["coverage"]["video"] == {
        **{"questions": 18, "answered": 18},
        **{"empty": 0, "unreadable": 0, "failed": 0},
    }
    assert results["coverage"]["blind"]["empty"] == 18
    assert (results["num_questions"], results["num_scenes"], results["dataset"]) == (18, 6, "tiny-bench")
    assert list(results["by_task"]) == ["object_counting", "relative_distance", "depth_estimation"]
    assert results["run"]["tokens_in"] == 360
    assert results["run"]["tokens_out"] == sum(len(record["answer"]) for record in records)
    assert json.loads((output / "results.json").read_text()) == results


def test_every_question_is_written_once_per_condition(evaluate, records):
    _, output = evaluate(Oracle(records))
    rows = lines(output)
    assert sorted((row["id"], row["condition"]) for row in rows) == sorted(
        (record["id"], condition) for record in records for condition in ("video", "blind")
    )
    row = next(row for row in rows if row["id"] == "scene-4-1" and row["condition"] == "video")
    assert len(row.pop("prompt_sha256")) == 16
    assert row == {
        "id": "scene-4-1",
        "scene_id": "scene-4",
        "task": "depth_estimation",
        "category": "depth_estimation",
        "scale": "tabletop",
        "source": "synthetic",
        "answer_type": "regression",
        "condition": "video",
        "reference": "32",
        "unit": "cm",
        "completion": "32",
        "parsed": 32.0,
        "score": 1.0,
        "abstained": False,
        "tokens_in": 10,
        "tokens_out": 2,
        "error": None,
    }


def test_the_prompt_hash_tells_prompts_apart(evaluate, records):
    rows = lines(evaluate(Oracle(records))[1])
    assert len({row["prompt_sha256"] for row in rows}) == 36  # blind prompts lack the video


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
    with pytest.raises(KeyboardInterrupt):
        evaluate(Oracle(records, stop_at=3), "part")
    part = whole.with_name("part")
    log = part / "predictions.jsonl"
    assert len(log.read_bytes().splitlines()) == 12
    assert not (part / "results.json").exists()
    log.write_bytes(log.read_bytes()[:-150])  # killed while writing: a batch is there in part, its last line cut
    rest = Oracle(records)
    resumed, _ = evaluate(rest, "part")
    assert len(rest.asked) == 5 + 3  # of 5 + 5 batches two were complete
    for name in ("predictions.jsonl", "settings.json"):
        assert (part / name).read_bytes() == (whole / name).read_bytes()
    first = json.loads((whole / "results.json").read_text())
    assert without_times(resumed) == without_times(first)


def without_times(results: dict) -> dict:
    tokens = {name: count for name, count in results["run"].items() if name.startswith("tokens")}
    return results | {"run": tokens}


def test_a_complete_run_asks_nothing_again(evaluate, records):
    first, output = evaluate(Oracle(records))
    before = {path.name: path.read_bytes() for path in output.iterdir()}
    again = Oracle(records)
    assert evaluate(again)[0] == first
    assert again.asked == []
    assert {path.name: path.read_bytes() for path in output.iterdir()} == before


def test_controls_may_be_added_to_a_complete_run(evaluate, records):
    evaluate(Oracle(records))
    oracle = Oracle(records)
    results, _ = evaluate(oracle, controls=("shuffled", "repeated"))
    assert sum(len(batch) for batch in oracle.asked) == 18 + 6  # all have a video, six are counts
    assert list(results["controls"]) == ["blind", "shuffled", "repeated"]
    assert results["controls"]["shuffled"]["survives"] == 100
    assert results["controls"]["blind"]["survives"] == 0
    assert results["controls"]["repeated"] | {"change": None} == {
        **{"n": 6, "plain": 100, "score": 100, "survives": 100},
        **{"change": None, "unchanged": 100},
    }
    assert list(evaluate(Oracle(records))[0]["controls"]) == ["blind"]


@pytest.mark.parametrize("changed", [{"num_frames": 3}, {"batch_size": 5}, {"max_new_tokens": 7}])
def test_other_settings_need_another_output(evaluate, records, changed):
    evaluate(Oracle(records))
    with pytest.raises(InputError, match="choose another --output"):
        evaluate(Oracle(records), **changed)


def test_a_sample_that_crashes_the_model_costs_one_answer(evaluate, records):
    oracle = Oracle(records, fails=lambda prompt: "cups are in room 3" in prompt)
    results, output = evaluate(oracle)
    failed = [row for row in lines(output) if row["error"]]
    assert [(row["id"], row["condition"], row["completion"], row["score"]) for row in failed] == [
        ("scene-3-0", "video", "", 0.0),
        ("scene-3-0", "blind", "", 0.0),
    ]
    assert results["failures"][0] == {
        "id": "scene-3-0",
        "condition": "video",
        "error": "RuntimeError: out of memory",
    }
    assert results["coverage"]["video"]["answered"] == 17 and results["coverage"]["video"]["failed"] == 1
    assert results["overall"]["micro"]["model"] == pytest.approx(100 * 17 / 18, abs=1e-3)
    assert "2 failed, the first is scene-3-0 (video): RuntimeError: out of memory" in runner.format_coverage(results)


def test_failed_rows_are_asked_again_and_nothing_else_is_written_twice(evaluate, records):
    evaluate(Oracle(records, fails=lambda prompt: "room 3" in prompt))
    results, output = evaluate(Oracle(records))
    assert results["failures"] == [] and results["overall"]["micro"]["model"] == 100
    assert set(Counter((row["id"], row["condition"]) for row in lines(output)).values()) == {1}
    assert len(lines(output)) == 36


def test_an_unreadable_frame_fails_its_question_alone(evaluate, records, monkeypatch):
    from dataset_builders.conversation import FrameStore

    frames = FrameStore.frames

    def broken(self, record):
        if record["id"] == "scene-2-2":
            raise OSError("cannot identify image file")
        return frames(self, record)

    monkeypatch.setattr(FrameStore, "frames", broken)
    results, _ = evaluate(Oracle(records))
    reason = "has no usable frames (OSError: cannot identify image file)"
    assert results["failures"] == [{"id": "scene-2-2", "condition": "video", "error": reason}]
    assert results["coverage"]["blind"]["failed"] == 0


def test_a_backend_that_gives_up_ends_the_run_and_keeps_what_there_is(evaluate, records):
    class Unreachable(Oracle):
        def complete(self, conversations):
            if len(self.asked) == 2:
                raise InputError("http://nowhere", "--base-url", "keeps failing", "look at the server")
            return super().complete(conversations)

    with pytest.raises(InputError, match="keeps failing"):
        evaluate(Unreachable(records))
    results, output = evaluate(Oracle(records))
    assert len(lines(output)) == 36 and results["failures"] == []


def test_plan_asks_everything_once_and_keeps_kinds_together(records):
    conditions = [VIDEO, *CONTROLS["blind"]]
    batches = list(plan(records, conditions, 6, (), lambda record: len(prompt_text(record))))
    assert [batch.condition.name for batch in batches] == ["video"] * 3 + ["blind"] * 3
    assert all(len({record["task"] for record in batch.records}) == 1 for batch in batches)
    assert sum(len(batch.missing) for batch in batches) == 36


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"controls": ("upside-down",)}, "--controls: has no 'upside-down'; choose of all, blind, shuffled"),
        ({"benchmark": "imagenet"}, "--benchmark: has no 'imagenet'"),
        ({"requests_per_minute": 0}, "--requests-per-minute: is 0"),
    ],
)
def test_wrong_names_are_refused(tmp_path, changed, message):
    with pytest.raises(InputError, match=message):
        RunArguments("model", tmp_path, **changed)
