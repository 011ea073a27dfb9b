import json

import pytest

from dataset_builders.errors import InputError
from evaluate_metrics.predictions import PredictionLog

EXPECTED = {("q1", "video"): [], ("q1", "blind"): [], ("q2", "video"): []}
SETTINGS = {"settings": {"num_frames": 4}, "versions": {"torch": "2"}}


def row(identity, condition="video", **changed):
    read = {"completion": "é\n3", "parsed": 3.0, "score": 0.5, "error": None}
    return {"id": identity, "condition": condition} | read | changed


def test_rows_are_found_again(tmp_path):
    PredictionLog(tmp_path / "new" / "out", SETTINGS, EXPECTED).append([row("q1"), row("q2", parsed=None)])
    log = PredictionLog(tmp_path / "new" / "out", SETTINGS, EXPECTED)
    assert log.rows == {("q1", "video"): row("q1"), ("q2", "video"): row("q2", parsed=None)}


def test_a_line_cut_short_is_dropped_and_the_next_starts_clean(tmp_path):
    PredictionLog(tmp_path / "out", SETTINGS, EXPECTED).append([row("q1")])
    path = tmp_path / "out" / "predictions.jsonl"
    whole = path.read_bytes()
    path.write_bytes(whole + whole[: len(whole) // 2])
    log = PredictionLog(tmp_path / "out", SETTINGS, EXPECTED)
    assert list(log.rows) == [("q1", "video")]
    assert path.read_bytes() == whole
    log.append([row("q2")])
    assert [json.loads(line)["id"] for line in path.read_text().splitlines()] == ["q1", "q2"]


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("not json", "is not a prediction"),
        ("[]", "is not a prediction"),
        (json.dumps({"id": "q2"}), "is not a prediction"),
        (json.dumps(row("q9")), "is not a prediction"),
        (json.dumps(row("q2", "upside down")), "is not a prediction"),
        (json.dumps(row("q2", completion=None)), "is not a prediction"),
        (json.dumps(row("q2", score="1")), "is not a prediction"),
        (json.dumps(row("q1")), "repeats a question"),
    ],
)
def test_foreign_lines_are_named(tmp_path, line, problem):
    PredictionLog(tmp_path / "out", SETTINGS, EXPECTED).append([row("q1")])
    with (tmp_path / "out" / "predictions.jsonl").open("a") as stream:
        stream.write(line + "\n")
    with pytest.raises(InputError, match=f"predictions.jsonl: line 2: {problem}"):
        PredictionLog(tmp_path / "out", SETTINGS, EXPECTED)


def test_foreign_lines_are_counted(tmp_path):
    PredictionLog(tmp_path / "out", SETTINGS, EXPECTED).append([row("q1")])
    with (tmp_path / "out" / "predictions.jsonl").open("a") as stream:
        stream.write("".join(json.dumps(row(name)) + "\n" for name in ("q7", "q8", "q1")))
    with pytest.raises(InputError, match=r"line 2: is not a prediction for this dataset \(one of 3 such"):
        PredictionLog(tmp_path / "out", SETTINGS, EXPECTED)


def test_failed_rows_are_taken_out_to_be_asked_again(tmp_path):
    log = PredictionLog(tmp_path / "out", SETTINGS, EXPECTED)
    log.append([row("q1"), row("q2", error="RuntimeError: out of memory", completion="", score=0.0)])
    assert len(log.rows) == 2
    assert list(PredictionLog(tmp_path / "out", SETTINGS, EXPECTED).rows) == [("q1", "video")]
    assert (tmp_path / "out" / "predictions.jsonl").read_bytes().count(b"\n") == 1


def test_other_settings_are_refused_by_name(tmp_path):
    PredictionLog(tmp_path / "out", SETTINGS, EXPECTED)
    other = {"settings": {"num_frames": 8}, "versions": {"torch": "2"}}
    with pytest.raises(InputError, match=r"num_frames \(was 4, is 8\): differs .* choose another --output"):
        PredictionLog(tmp_path / "out", other, EXPECTED)


def test_settings_that_are_no_json_are_refused(tmp_path):
    (tmp_path / "settings.json").write_text("{")
    with pytest.raises(InputError, match="settings.json: content: is not JSON"):
        PredictionLog(tmp_path, SETTINGS, EXPECTED)


def test_a_folder_of_something_else_is_left_alone(tmp_path):
    (tmp_path / "thesis.tex").write_text("x")
    with pytest.raises(InputError, match="--output: exists and is not an empty folder"):
        PredictionLog(tmp_path, SETTINGS, EXPECTED)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]
