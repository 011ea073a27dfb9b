import json
import subprocess
import sys

import pyarrow.parquet as pq

from dataset_builders.cli import main


def build(tmp_path, *argv) -> int:
    return main(["build", "--output", str(tmp_path / "dataset"), *map(str, argv)])


def arguments(tmp_path) -> dict:
    return json.loads((tmp_path / "dataset" / "build_report.json").read_text())["arguments"]


def test_the_command_ends_with_a_table_the_skipped_tasks_and_the_path(tmp_path, capsys, write_rooms):
    assert (
        build(
            tmp_path, "--source", "vsi-meta", "--input", write_rooms(3), "--tasks", "room_size", "--max-per-scene", 4
        )
        == 0
    )
    captured = capsys.readouterr()
    assert captured.err == ""
    lines = captured.out.splitlines()
    assert lines[-1] == str(tmp_path / "dataset")
    assert lines[:7] == [
        "task       indoor  all   share",
        "------------------------------",
        "room_size      12   12  100.0%",
        "all            12   12  100.0%",
        "",
        "3 scenes, 0 quarantined",
        "identical (scene, question) pairs: 0 of 12 (0.0000%)",
    ]
    assert any(line.startswith("room_size (numbers)") for line in lines)


def test_tasks_are_separated_by_commas_or_spaces(tmp_path, write_rooms):
    tasks = ["--tasks", "object_size,room_size", "object_counting"]
    assert build(tmp_path, "--source", "vsi-meta", "--input", write_rooms(2), *tasks) == 0
    assert arguments(tmp_path)["tasks"] == ["object_size", "room_size", "object_counting"]


def test_num_scenes_limits_a_real_source_and_max_per_scene_its_questions(tmp_path, write_rooms):
    limits = ["--num-scenes", 2, "--max-per-scene", 3]
    assert build(tmp_path, "--source", "vsi-meta", "--input", write_rooms(5), *limits) == 0
    report = json.loads((tmp_path / "dataset" / "build_report.json").read_text())
    assert (report["num_scenes"], report["num_questions"]) == (2, 6)


def test_frames_are_chosen_by_number(tmp_path, write_rgbd):
    folder = write_rgbd(tmp_path / "kitchen", num_frames=5, size=(320, 240))
    assert build(tmp_path, "--source", "rgbd", "--input", folder, "--num-frames", 3) == 0
    (path,) = (tmp_path / "dataset" / "scenes").iterdir()
    assert len(pq.read_table(path).to_pylist()[0]["frames"]) == 3
    assert arguments(tmp_path)["num_frames"] == 3


def test_the_module_runs_and_synthetic_needs_no_input(tmp_path):
    command = "-m dataset_builders build --source synthetic --num-scenes 2 --num-frames 2 --frame-size 64x48"
    command += " --tasks object_size --output"
    argv = [sys.executable, *command.split(), str(tmp_path / "dataset")]
    result = subprocess.run(argv, capture_output=True, text=True, cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    assert result.stdout.splitlines()[-1] == str(tmp_path / "dataset")
    recorded = arguments(tmp_path)
    assert (recorded["source"], recorded["num_frames"], recorded["frame_size"]) == ("synthetic", 2, "64x48")


def test_the_module_refuses_bad_input_with_code_2(tmp_path):
    argv = [sys.executable, "-m", "dataset_builders", "build", "--source", "rgbd", "--input", "nowhere"]
    result = subprocess.run([*argv, "--output", "dataset"], capture_output=True, text=True, cwd=tmp_path)
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr == "error: nowhere: --input: is not a folder; give a folder of RGB-D frames\n"
    assert list(tmp_path.iterdir()) == []


def audited(tmp_path, write_rooms, *argv) -> int:
    row = {
        "problem_id": 7,
        "problem": "How many chair(s) are in this room?",
        "original_question_type": "object_counting",
        "options": None,
        "solution": "<answer>2</answer>",
        "path": "./scannet/room00.mp4",
    }
    (tmp_path / "questions.json").write_text(json.dumps([row]))
    folder = write_rooms(1)
    return main(["audit", "--scenes", str(folder), "--questions", str(tmp_path / "questions.json"), *argv])


def test_an_audit_prints_a_table_and_writes_json(tmp_path, capsys, write_rooms):
    assert audited(tmp_path, write_rooms, "--json", str(tmp_path / "audit.json")) == 0
    counting = json.loads((tmp_path / "audit.json").read_text())["object_counting"]
    assert {key: counting[key] for key in ("total", "answered", "agree", "mra")} == {
        "total": 1,
        "answered": 1,
        "agree": 1,
        "mra": 1.0,
    }
    assert "object_counting" in capsys.readouterr().out


def test_an_audit_that_cannot_be_written_is_refused(tmp_path, capsys, write_rooms):
    target = tmp_path / "nowhere" / "audit.json"
    assert audited(tmp_path, write_rooms, "--json", str(target)) == 2
    assert f"error: {target}: --json: cannot be written" in capsys.readouterr().err
