"""Every kind of bad input ends in one line that names file, field and fix, in code 2, and in no trace of an output."""

import json

import numpy as np
import pytest
from PIL import Image

from dataset_builders.cli import main
from dataset_builders.sources.vsi_meta import VsiMetaSource


def run(tmp_path, capsys, *argv) -> tuple[int, str, str]:
    """Run a build into tmp_path/out/dataset and return its code, its stdout and its stderr."""
    try:
        code = main(["build", "--output", str(tmp_path / "out" / "dataset"), *map(str, argv)])
    except SystemExit as stop:
        code = stop.code
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def refused(tmp_path, capsys, *argv) -> str:
    """Check that a build is refused without a trace and return its one line."""
    code, out, err = run(tmp_path, capsys, *argv)
    assert (code, out) == (2, "")
    assert err.startswith("error: ") and err.count("\n") == 1 and err.endswith("\n")
    assert not (tmp_path / "out").exists() or not list((tmp_path / "out").iterdir())
    return err


def broken_room(make_room, **change) -> dict:
    raw = make_room()
    raw["object_bbox"]["sofa"][0] |= change
    return raw


BOXES = [
    ({"axesLengths": [0.5, float("nan"), 0.5]}, "size: is [0.5, nan, 0.5]; give positive lengths"),
    ({"axesLengths": [0.5, -0.2, 0.5]}, "size: is [0.5, -0.2, 0.5]; give positive lengths"),
    ({"axesLengths": [0.5, 0.5]}, "object_bbox.sofa[0].axesLengths: is not 3 numbers; give 3 numbers"),
    ({"centroid": [0, None, 0]}, "center: is [0.0, nan, 0.0]; give finite metres"),
    ({"normalizedAxes": [2, 0, 0, 0, 1, 0, 0, 0, 1]}, "rotation: rows are not orthonormal; give unit axes as rows"),
]


@pytest.mark.parametrize(("change", "message"), BOXES)
def test_a_bad_box_is_refused(tmp_path, capsys, write_rooms, make_room, change, message):
    folder = write_rooms({"room00": broken_room(make_room, **change)})
    line = refused(tmp_path, capsys, "--source", "vsi-meta", "--input", folder)
    assert "scannet_meta_info_val.json room00: " in line and message in line


def test_a_scene_without_objects_is_refused(tmp_path, capsys, write_rooms, make_room):
    folder = write_rooms({"room00": make_room() | {"object_bbox": {}}})
    line = refused(tmp_path, capsys, "--source", "vsi-meta", "--input", folder)
    assert "room00: objects: the scene has no objects and no frames; remove it or annotate it" in line


def test_missing_json_is_refused(tmp_path, capsys):
    line = refused(tmp_path, capsys, "--source", "vsi-meta", "--input", tmp_path / "nowhere")
    assert f"{tmp_path}/nowhere: *_meta_info_val.json: no file with a scene in it; give the folder" in line


def test_truncated_json_is_refused(tmp_path, capsys, write_rooms):
    path = write_rooms(2) / "scannet_meta_info_val.json"
    path.write_text(path.read_text()[:-100])
    line = refused(tmp_path, capsys, "--source", "vsi-meta", "--input", path.parent)
    assert f"{path}: file: is not complete JSON" in line and "copy the file again" in line


def test_truncated_json_is_refused_although_another_file_is_good(tmp_path, capsys, write_rooms):
    path = write_rooms(2) / "other_meta_info_val.json"
    path.write_text("{")
    assert f"{path}: file" in refused(tmp_path, capsys, "--source", "vsi-meta", "--input", path.parent)


def truncate(folder, name):
    content = (folder / name).read_bytes()
    (folder / name).write_bytes(content[: len(content) // 2])


def empty(folder, name):
    (folder / name).write_bytes(b"")


def remove(folder, name):
    (folder / name).unlink()


def shrink(folder, name):
    Image.fromarray(np.full((36, 48), 1000, np.uint16)).save(folder / name)


def eight_bit(folder, name):
    Image.fromarray(np.full((72, 96), 100, np.uint8)).save(folder / name)


def stretch(folder, name):
    np.savetxt(folder / name, np.diag([1.1, 1, 1, 1]))


def mirror(folder, name):
    np.savetxt(folder / name, np.diag([-1, 1, 1, 1]))


def scribble(folder, name):
    (folder / name).write_text("[{")


FILES = [
    (truncate, "frame-000000.color.jpg", "image: cannot be decoded (OSError); copy the file again"),
    (empty, "frame-000000.color.jpg", "image: is empty; copy the file again"),
    (truncate, "frame-000000.depth.png", "image: cannot be decoded"),
    (empty, "frame-000000.depth.png", "image: is empty"),
    (remove, "frame-000000.depth.png", "file: is missing; add it or remove its frame"),
    (shrink, "frame-000000.depth.png", "size: is 48x36, the colour image 96x72; give depth registered"),
    (eight_bit, "frame-000000.depth.png", "pixels: are not 16 bit grey values; store millimetres in 16 bit"),
    (stretch, "frame-000035.pose.txt", "pose: is not rigid; give camera-to-world with a rotation"),
    (mirror, "frame-000035.pose.txt", "pose: is not rigid"),
    (scribble, "frame-000035.pose.txt", "matrix: is not 4 x 4 numbers; give 4 x 4 numbers"),
    (remove, "camera-intrinsics.txt", "file: is missing"),
    (scribble, "camera-intrinsics.txt", "matrix: is not 3 x 3 numbers"),
    (scribble, "objects.json", "file: is not complete JSON"),
    (scribble, "scene.json", "file: is not complete JSON"),
]


@pytest.mark.parametrize(("spoil", "name", "message"), FILES)
def test_a_bad_file_is_refused(tmp_path, capsys, write_rgbd, spoil, name, message):
    folder = write_rgbd(tmp_path / "kitchen")
    spoil(folder, name)
    line = refused(tmp_path, capsys, "--source", "rgbd", "--input", folder)
    assert line.startswith(f"error: kitchen/{name}: ") and message in line


def test_an_output_that_is_not_empty_is_left_alone(tmp_path, capsys, write_rooms):
    taken = tmp_path / "out" / "dataset"
    taken.mkdir(parents=True)
    (taken / "thesis.txt").write_text("years of work")
    code, out, err = run(tmp_path, capsys, "--source", "vsi-meta", "--input", write_rooms(2))
    assert (code, out) == (2, "")
    assert err == (
        f"error: {taken}: --output: exists and is not an empty folder; name another folder, or delete this one first\n"
    )
    assert [path.name for path in (tmp_path / "out").rglob("*")] == ["dataset", "thesis.txt"]


def test_an_empty_output_folder_is_filled(tmp_path, capsys, write_rooms):
    (tmp_path / "out" / "dataset").mkdir(parents=True)
    assert run(tmp_path, capsys, "--source", "vsi-meta", "--input", write_rooms(2))[0] == 0
    assert (tmp_path / "out" / "dataset" / "README.md").is_file()


def test_an_output_below_a_file_is_refused(tmp_path, capsys, write_rooms):
    (tmp_path / "out").write_text("a file")
    code, _, err = run(tmp_path, capsys, "--source", "vsi-meta", "--input", write_rooms(2))
    assert code == 2 and "--output: cannot be created" in err and err.count("\n") == 1


@pytest.mark.parametrize(
    ("argv", "parts"),
    [
        (
            ["--source", "vsi-meta", "--tasks", "object_counting,teleport"],
            ["teleport", "object_counting", "room_size"],
        ),
        (["--source", "kinect"], ["--source", "'kinect'", "synthetic", "vsi-meta", "rgbd"]),
        (["--source", "rgbd"], ["--input: is missing; name the folder"]),
        (["--source", "vsi-meta", "--input", ".", "--frame-size", "64x48"], ["--frame-size: has no use; drop it"]),
        (["--source", "synthetic", "--frame-size", "64"], ["'64' is not WIDTHxHEIGHT"]),
        (["--source", "synthetic", "--num-proc", "0"], ["--num-proc", "use at least 1"]),
        (["--source", "synthetic", "--seed", "-1"], ["--seed", "'-1' is not a whole number"]),
    ],
)
def test_an_unusable_argument_is_refused_with_what_is_valid(tmp_path, capsys, argv, parts):
    line = refused(tmp_path, capsys, *argv)
    assert all(part in line for part in parts), line


def three_rooms_one_broken(make_room) -> dict:
    return {
        "good0": make_room(0),
        "broken": broken_room(make_room, axesLengths=[1, -1, 1]),
        "good1": make_room(1),
    }


def test_a_broken_scene_among_good_ones_is_quarantined(tmp_path, capsys, write_rooms, make_room):
    folder = write_rooms(three_rooms_one_broken(make_room))
    code, out, err = run(tmp_path, capsys, "--source", "vsi-meta", "--input", folder)
    output = tmp_path / "out" / "dataset"
    assert code == 0 and "2 scenes, 1 quarantined" in out
    assert err == f"warning: 1 of 3 scenes are broken and left out, see {output / 'quarantine.jsonl'}\n"
    (row,) = map(json.loads, (output / "quarantine.jsonl").read_text().splitlines())
    assert row == {
        "scene_id": "broken",
        "place": "scannet_meta_info_val.json broken",
        "field": "object 4 (sofa) size",
        "problem": "is [1.0, -1.0, 1.0]",
        "fix": "give positive lengths in metres",
    }
    assert json.loads((output / "build_report.json").read_text())["quarantined"] == 1


def test_strict_refuses_a_broken_scene_among_good_ones(tmp_path, capsys, write_rooms, make_room):
    folder = write_rooms(three_rooms_one_broken(make_room))
    line = refused(tmp_path, capsys, "--source", "vsi-meta", "--input", folder, "--strict")
    assert "broken: object 4 (sofa) size: is [1.0, -1.0, 1.0]" in line


def test_a_source_without_a_good_scene_is_refused(tmp_path, capsys, write_rooms, make_room):
    rooms = {name: make_room() | {"object_bbox": {}} for name in ("a", "b")}
    line = refused(tmp_path, capsys, "--source", "vsi-meta", "--input", write_rooms(rooms))
    assert "none of the 2 scenes is usable" in line


def test_scenes_of_which_nothing_can_be_asked_are_refused(tmp_path, capsys, write_rgbd):
    folder = write_rgbd(tmp_path / "kitchen")
    line = refused(tmp_path, capsys, "--source", "rgbd", "--input", folder, "--tasks", "object_counting")
    assert "questions: none: object_counting (no boxes); add tasks, or what the scenes lack" in line


def test_an_interrupted_build_leaves_nothing(tmp_path, capsys, write_rooms, monkeypatch):
    def interrupted(self, ref):
        raise KeyboardInterrupt

    monkeypatch.setattr(VsiMetaSource, "load", interrupted)
    code, _, err = run(tmp_path, capsys, "--source", "vsi-meta", "--input", write_rooms(2))
    assert (code, err) == (130, "error: interrupted, give the same command again to go on\n")
    assert list((tmp_path / "out").iterdir()) == []
