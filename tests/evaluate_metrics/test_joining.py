import json

import pytest

from dataset_builders.errors import InputError
from evaluate_metrics.joining import join, read_run


def test_what_does_not_fit_is_named():
    joined = join(["a", "b", "c"], [("b", "2"), ("x", "?"), ("a", "1"), ("b", "3"), ("b", "4")])
    assert joined.predictions == ("1", "2", None)
    assert (joined.missing, joined.repeated, joined.unknown) == (("c",), ("b", "b"), ("x",))


@pytest.mark.parametrize(
    ("predictions", "problem"), [([], "are none"), ([("x", "1"), ("y", "2")], "are 2, and none is for a question")]
)
def test_predictions_of_nothing_are_refused(predictions, problem):
    with pytest.raises(InputError, match=problem):
        join(["a"], predictions)


ROW = {"id": "q", "condition": "video", "scene_id": "s", "task": "t", "score": 1.0}


def test_the_rows_of_one_condition_are_read(tmp_path):
    rows = [ROW, ROW | {"condition": "blind", "score": 0.0}]
    (tmp_path / "predictions.jsonl").write_text("\n".join(map(json.dumps, rows)) + "\n")
    assert read_run(tmp_path) == [ROW]
    assert read_run(tmp_path, "blind")[0]["score"] == 0


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (None, "cannot be read"),
        (b"\xff", "cannot be read"),
        (b"", "holds no predictions for 'video', but nothing"),
        (json.dumps(ROW | {"condition": "blind"}).encode(), "holds no predictions for 'video', but blind"),
        (json.dumps(ROW).encode() + b'\n{"id": ', "line 2: is no JSON object"),
        (b"[]", "line 1: is no JSON object"),
        (json.dumps(ROW | {"score": "1"}).encode(), "line 1: has score '1'"),
        (json.dumps({"id": "q"}).encode(), "line 1: has condition None"),
    ],
)
def test_a_run_without_usable_predictions_is_refused_by_name(tmp_path, content, problem):
    if content is not None:
        (tmp_path / "predictions.jsonl").write_bytes(content)
    with pytest.raises(InputError, match=problem):
        read_run(tmp_path)
