"""Published rows, written here by hand in each layout, become rows of ours and come back as they were."""

import argparse
import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from datasets import load_dataset

from dataset_builders.errors import InputError
from dataset_builders.importers import FORMATS, export
from dataset_builders.importers.command import add_import, import_dataset
from dataset_builders.importers.reading import read_text
from dataset_builders.masks import decode_mask
from dataset_builders.record import QUESTION_FEATURES, named
from dataset_builders.taxonomy import TASK_NAMES
from dataset_builders.turns import turns_of

FRAMES = [f"DL3DV_frames/scene7/images_8/frame_{index:05d}.png" for index in (1, 2)]
BOX = {"x1": 1, "y1": 2, "x2": 30, "y2": 40.5}


def talk(question: str, answer: str) -> list[dict]:
    return [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]


def preview_row(**info) -> dict:
    base = {"task_type": "DEPTH", "input_type": "Image+text"}
    return {
        "problem_id": "p1",
        "messages": talk("<video>\nHow deep is the red point?", "<think>far</think><answer>2.5 meters</answer>"),
        "videos": [FRAMES],
        "extra_info": base | info,
    }


def full_row(**annotations) -> dict:
    return {
        "id": "uco3d__17",
        "input_type": "image_point_text",
        "messages": talk("<video>Which is taller? Options: A. red, B. blue", "B"),
        "videos": [["uco3d_frames/cup/9/f1.jpg", "uco3d_frames/cup/9/f2.jpg"]],
        "annotations": {"points": None, "bboxes": None, "masks": None, "dual_bbox": None} | annotations,
        "metadata": {"scene_source": None, "original_id": "COMPARISON_HEIGHT_17"},
    }


def bench_row(**change) -> dict:
    return {
        "id": 42,
        "input_type": "image_bbox_text",
        "question": "How many are there?",
        "answer": "3",
        "videos": [["a/1.jpg", "a/2.jpg"]],
        "annotations": {"bboxes": [{"coords": [1, 2, 3, 4], "image_index": 1, "color": None}], "points": None},
        "metadata": {"category": "TinyTabletop", "scale": "mm", "original_type": "OBJECT_COUNTING"},
        "answer_type": "numerical",
    } | change


def older_row(**change) -> dict:
    return {
        "Question Number": 5,
        "Scene Source": "wildrgbd",
        "Frames Path": "frames/all/s5",
        "Question": "What is the height of the cup in centimeters?",
        "Question Type": "regression",
        "options": None,
        "Answer": "9.5",
        "TaskType": "HEIGHT",
    } | change


def vsi_row(**change) -> dict:
    return {
        "id": 7,
        "dataset": "scannet",
        "scene_name": "scene0011_00",
        "question_type": "object_rel_distance",
        "question": "Which is closest to the tv?",
        "options": ["A. sofa", "B. stool"],
        "ground_truth": "B",
    } | change


def write_json(path, rows):
    path.write_text(json.dumps(rows, indent=1, ensure_ascii=False), encoding="utf-8")
    return path


def write_lines(path, rows):
    path.write_text("\n".join(map(json.dumps, rows)) + "\n\n", encoding="utf-8")
    return path


def imported(tmp_path, name, path, **options) -> list[dict]:
    """Import a file and return its rows, labels by name."""
    import_dataset(name, path, tmp_path / "out", **options)
    table = pq.read_table(tmp_path / "out" / "questions").to_pylist()
    return [named(row, QUESTION_FEATURES) for row in table]


def refused(tmp_path, name, path, **options) -> str:
    """Check that an import is refused without a trace, and return its line."""
    with pytest.raises(InputError) as caught:
        import_dataset(name, path, tmp_path / "out", **options)
    assert not (tmp_path / "out").exists() and not list(tmp_path.glob(".out*"))
    assert "\n" not in str(caught.value)
    return str(caught.value)


ROWS = {
    "preview": [preview_row(), preview_row(input_type="Image+point+text")],
    "full": [full_row(), full_row(points=[{"coords": [4, 3], "image_index": 0, "color": "red"}])],
    "bench": [bench_row(), bench_row(id=43, metadata={"category": "Outdoor", "original_type": "DEPTH_all"})],
    "vsibench": [vsi_row(), vsi_row(id=8, question_type="object_counting", options=None, ground_truth="4")],
    "older-bench": [
        older_row(),
        older_row(options=["yes", "no"], Answer="no", **{"Question Type": "multiple choice"}),
    ],
}


@pytest.mark.parametrize("name", ROWS)
def test_rows_come_back_as_they_were(tmp_path, name):
    write = write_lines if name == "older-bench" else write_json
    rows = imported(tmp_path, name, write(tmp_path / "rows.json", ROWS[name]))
    assert len({row["id"] for row in rows}) == len(rows) == 2
    assert [json.dumps(row) for row in export(reversed(rows))] == [json.dumps(row) for row in ROWS[name]]
    assert [json.loads(row["provenance"])["rule"] for row in rows] == [f"import.{name}"] * 2


def test_the_raw_text_of_a_row_is_kept(tmp_path):
    text = json.dumps(vsi_row()).replace('"id": 7', '"id":7,  "note": 1.50e1')
    (tmp_path / "rows.json").write_text(f" [{text}\n,\t{text}] ")
    rows = imported(tmp_path, "vsibench", tmp_path / "rows.json")
    assert [json.loads(row["provenance"])["original"] for row in rows] == [text, text]
    assert rows[0]["id"] != rows[1]["id"]


def test_points_are_turned_in_the_preview_and_kept_in_the_full_release(tmp_path):
    alias = FRAMES[1].replace("/images_8/", "/images/")
    marks = {"input_point": {"image_path": alias, "points": [[10, 20.5], [3, 4]]}, "input_type": "Image+point+text"}
    (row,) = imported(tmp_path, "preview", write_json(tmp_path / "meta.json", [preview_row(**marks)]))
    points = [(region["frame_index"], region["colour"], region["point"]) for region in row["regions"]]
    assert points == [(1, "red", [20.5, 10]), (1, "blue", [4, 3])]
    assert (row["prompt_type"], row["key_frames"], row["scale"], row["source"]) == ("point", [1], "outdoor", "dl3dv")
    assert (row["question"], row["answer"], row["unit"]) == ("How deep is the red point?", "2.5", "m")
    assert (row["rationale"], row["task"], row["scene_id"]) == ("far", "depth_estimation", "scene7")

    full = full_row(points=[{"coords": [10, 20.5], "image_index": 1, "color": "green"}])
    (row,) = imported(tmp_path / "full", "full", write_json(tmp_path / "all.json", [full]))
    assert [(region["colour"], region["point"]) for region in row["regions"]] == [("green", [10, 20.5])]
    assert (row["scale"], row["task"], row["options"]) == ("tiny_tabletop", "size_comparison", ["red", "blue"])
    assert (row["answer"], row["answer_type"], row["scene_id"]) == ("B", "multiple_choice", "cup/9")


def test_flat_marks_of_the_preview_are_read_too(tmp_path):
    flat = {"bbox_image_path": FRAMES[0], "bbox_bboxes": json.dumps([BOX]), "input_type": "Image+bbox+text"}
    (row,) = imported(tmp_path, "preview", write_json(tmp_path / "meta.json", [preview_row(**flat)]))
    assert [region["bbox"] for region in row["regions"]] == [[1, 2, 30, 40.5]]


def test_pairs_of_boxes_take_their_colours_frame_by_frame(tmp_path):
    pair = {"image_path_1": FRAMES[0], "bbox_1": BOX, "image_path_2": FRAMES[1], "bboxes_2": [BOX] * 4}
    expected = [(0, "red"), (1, "red"), (1, "blue"), (1, "green"), (1, "yellow")]
    rows = [preview_row(input_bbox=pair, input_type="Image+bbox+text")]
    (row,) = imported(tmp_path, "preview", write_json(tmp_path / "meta.json", rows))
    assert [(region["frame_index"], region["colour"]) for region in row["regions"]] == expected

    full = full_row()
    first, second = full["videos"][0]
    full["annotations"]["dual_bbox"] = {
        "source_image": first,
        "source_bbox": [1, 2, 3, 4],
        "target_image": second,
        "target_bboxes": [[1, 2, 3, 4]] * 4,
    }
    (row,) = imported(tmp_path / "full", "full", write_json(tmp_path / "all.json", [full]))
    assert [(region["frame_index"], region["colour"]) for region in row["regions"]] == expected


IDS = np.array([[0, 1, 1], [2, 2, 0]])
MASKS = [
    (IDS > 0, [7], [IDS > 0]),
    (IDS, [1, 2], [IDS == 1, IDS == 2]),
    (IDS, None, [IDS > 0]),
    (np.stack([IDS == 1, IDS == 2]), [1], [IDS == 2]),
    (np.stack([IDS == 1, IDS == 2]), [False, True], [IDS == 2]),
]


@pytest.mark.parametrize(("array", "chosen", "expected"), MASKS)
def test_masks_are_read_from_files(tmp_path, array, chosen, expected):
    np.save(tmp_path / "mask.npy", array)
    mask = {"image_path": FRAMES[1], "mask_path": "mask.npy", "object_ids": chosen}
    rows = [preview_row(input_mask=mask, input_type="Image+mask+text")]
    (row,) = imported(tmp_path, "preview", write_json(tmp_path / "meta.json", rows))
    assert [region["colour"] for region in row["regions"]] == ["red", "blue"][: len(expected)]
    for region, mask in zip(row["regions"], expected, strict=True):
        assert np.array_equal(decode_mask(region["mask"]), mask)


def test_a_one_hot_mask_with_channels_last(tmp_path):
    last = np.zeros((20, 30, 2), bool)
    last[3:5, 4:9, 1] = True
    np.save(tmp_path / "mask.npy", last)
    mask = {"image_path": FRAMES[1], "mask_path": "mask.npy", "object_ids": [1]}
    rows = [preview_row(input_mask=mask, input_type="Image+mask+text")]
    (row,) = imported(tmp_path, "preview", write_json(tmp_path / "meta.json", rows))
    assert np.array_equal(decode_mask(row["regions"][0]["mask"]), last[:, :, 1])


def test_a_mask_that_is_not_there_stays_a_reference(tmp_path):
    mask = {"image_path": FRAMES[1], "mask_path": "DL3DV_masks/1.npy", "object_ids": [1]}
    rows = [preview_row(input_mask=mask, input_type="Image+mask+text")]
    (row,) = imported(tmp_path, "preview", write_json(tmp_path / "meta.json", rows))
    assert row["regions"] == [] and json.loads(row["provenance"])["masks"] == [mask]


def test_a_mask_is_never_unpickled_nor_read_elsewhere(tmp_path):
    folder = tmp_path / "inner"
    folder.mkdir()
    np.save(folder / "evil.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)
    np.save(tmp_path / "mask.npy", IDS)
    (folder / "link.npy").symlink_to(tmp_path / "mask.npy")
    for name, problem in (
        ("evil.npy", "cannot be read"),
        ("../mask.npy", "outside the folder"),
        (str(tmp_path / "mask.npy"), "outside the folder"),
        ("link.npy", "outside the folder"),
        ("a\0b", "outside the folder"),
    ):
        mask = {"image_path": FRAMES[1], "mask_path": name, "object_ids": [1]}
        rows = [preview_row(input_mask=mask, input_type="Image+mask+text")]
        line = refused(tmp_path, "preview", write_json(folder / "meta.json", rows))
        assert "meta.json row 0: extra_info.input_mask[0].mask_path: " in line and problem in line


IMAGE = {"bytes": b"\x89PNG\x00\xff", "path": "a.png"}


def write_parquet(path, rows):
    pq.write_table(pa.Table.from_pylist(rows), path)
    return path


def vst_rl(**change) -> dict:
    return {
        "id": "r1",
        "images": [IMAGE],
        "question": "<image>Which way does the camera pan? Options: A. left, B. right",
        "thought": "It turns.",
        "answer_gt": "A",
        "answer": "A. left",
        "data_source": "ScanNet++",
        "meta_info": {"mode": "rl", "question_type": "camera_motion"},
    } | change


def vst_sft(**change) -> dict:
    turns = [("human", "<image>How high, in cm?"), ("gpt", "75"), ("human", "Which is near?"), ("gpt", "the cup")]
    return {
        "id": 3,
        "conversations": [{"from": speaker, "value": text} for speaker, text in turns],
        "data_source": "arkitscenes",
        "images": [IMAGE, {"bytes": None, "path": "b.png"}],
        "type": "measurement",
        "meta_info": '[{"width": 3}]',
    } | change


def test_vst_for_rl_with_its_images(tmp_path):
    published = [vst_rl(), vst_rl(id="r2", images=[])]
    path = write_parquet(tmp_path / "rl.parquet", published)
    rows = imported(tmp_path, "vst", path)
    scenes = pq.read_table(tmp_path / "out" / "scenes").to_pylist()
    assert (
        export(rows, scenes) == published and [list(row) for row in export(rows, scenes)] == [list(published[0])] * 2
    )
    assert (rows[0]["task"], rows[0]["answer"], rows[0]["rationale"]) == ("view_change_inference", "A", "It turns.")
    assert (rows[0]["scale"], rows[0]["video"], rows[1]["video"]) == ("indoor", scenes[0]["scene_id"], None)


def test_vst_for_sft_keeps_its_turns_in_one_row(tmp_path):
    published = [vst_sft(), vst_sft(id=4, type="mm_qa", data_source="Camera-Motion")]
    path = write_parquet(tmp_path / "sft.parquet", published)
    rows = imported(tmp_path, "vst", path, scale="outdoor", split="validation")
    scenes = pq.read_table(tmp_path / "out" / "scenes").to_pylist()
    assert export(rows, scenes) == published
    turns = [turn for row in rows for turn in turns_of(row)]
    assert [(turn["task"], turn["answer"], turn["unit"], turn["answer_type"], turn["scale"]) for turn in turns] == [
        ("object_size", "75", "cm", "regression", "indoor"),
        ("object_size", "the cup", "", "free_form", "indoor"),
        ("view_change_inference", "75", "cm", "regression", "outdoor"),
        ("view_change_inference", "the cup", "", "free_form", "outdoor"),
    ]
    assert [json.loads(turn["provenance"]).get("turn") for turn in turns] == [None, 1, None, 1]
    report = json.loads((tmp_path / "out" / "build_report.json").read_text())
    assert (report["num_questions"], report["conversations"]) == (2, {"import.vst": {"2": 2}})
    loaded = load_dataset(str(tmp_path / "out"), split="validation", cache_dir=str(tmp_path / "cache"))
    assert loaded.features == QUESTION_FEATURES and len(loaded) == 2


def test_kinds_of_vst_data_that_are_none_of_our_tasks_are_named(tmp_path):
    path = write_parquet(tmp_path / "sft.parquet", [vst_sft(), vst_sft(type="Scene Caption")])
    line = refused(tmp_path, "vst", path)
    assert "row 1: type: is 'Scene Caption', which describes a whole scene and is none of our tasks" in line


READINGS = [
    ("How many?", "3", ("How many?", (), "3", "", "regression")),
    ("How far (in meters)?", "It is 1,200.5.", ("How far (in meters)?", (), "1200.5", "m", "regression")),
    ("How far?", "It is 1,200.5 mm away.", ("How far?", (), "1200.5", "mm", "regression")),
    ("How big?", "26.4 m^2", ("How big?", (), "26.4", "m²", "regression")),
    ("How much, in degrees?", "-30", ("How much, in degrees?", (), "-30", "degrees", "regression")),
    ("Order? Options: A: x y\nB: z, w", "A: x y", ("Order?", ("x y", "z, w"), "A", "", "multiple_choice")),
    ("Sort A.sink, B.bowl by depth.", "A, B", ("Sort A.sink, B.bowl by depth.", (), "A, B", "", "free_form")),
    ("Is it <image> there?", "yes", ("Is it there?", (), "yes", "", "free_form")),
]


@pytest.mark.parametrize(("question", "reply", "expected"), READINGS)
def test_readings(question, reply, expected):
    reading = read_text(question, reply)
    found = (reading.question, reading.options, reading.answer, reading.unit, reading.answer_type)
    assert found == expected


BAD = [
    ("preview", [preview_row(task_type="ROUTE")], "row 0: extra_info.task_type: is 'ROUTE', which is none of the"),
    ("preview", [preview_row() | {"messages": []}], "row 0: messages: are spoken by nobody; give user and"),
    ("preview", [preview_row(), preview_row() | {"videos": None}], "row 1: videos: is missing; give a JSON array"),
    ("preview", [preview_row(input_type="text")], "row 0: extra_info.input_type: is 'text'; give one of Image+text"),
    ("preview", [preview_row(input_point={"image_path": "x", "points": []})], "input_point.image_path: is 'x', which"),
    (
        "preview",
        [preview_row(input_point={"image_path": FRAMES[0], "points": [[1, "a"]]})],
        "input_point.points[0]: is not 2 numbers",
    ),
    ("full", [full_row() | {"metadata": {}} | {"id": "x__1"}], "metadata.original_type: is missing; give one of"),
    (
        "full",
        [full_row(points=[{"coords": [1, 2], "image_index": 2}])],
        "annotations.points[0].image_index: is 2; give",
    ),
    ("full", [full_row(points=[{"coords": [1, 2], "image_index": 0, "color": "pink"}])], "color: is 'pink'; give one"),
    (
        "full",
        [full_row() | {"videos": [["x/1.png"]], "id": "x__1"}],
        "row 0: scale: is not stated (source x); name it",
    ),
    ("full", [full_row() | {"metadata": {"original_id": "RELATIVE_DEPTH_1"}}], "metadata.original_type: is missing"),
    ("bench", [bench_row(answer="many")], "row 0: answer: is 'many'; give a number"),
    (
        "bench",
        [bench_row(metadata={"category": "Sea", "original_type": "DEPTH"})],
        "metadata.category: is 'Sea'; give",
    ),
    ("bench", [bench_row(id=True)], "row 0: id: is a bool; give a text or a whole number"),
    ("vsibench", [vsi_row(ground_truth="C")], "row 0: ground_truth: is 'C'; give the letter or text of one of the 2"),
    ("vsibench", [vsi_row(question="\ud800")], "row 0: row: holds half a character"),
    ("vsibench", [], "file: has no rows; give a file with questions"),
    ("vsibench", [3], "row 0: row: is a int; give a JSON object"),
    ("vsibench", {"a": 1}, "row 0: file: has '{' where '[' should be; give one complete JSON array"),
]


@pytest.mark.parametrize(("name", "rows", "message"), BAD)
def test_bad_rows_are_refused_by_name(tmp_path, name, rows, message):
    (tmp_path / "rows.json").write_text(json.dumps(rows))
    line = refused(tmp_path, name, tmp_path / "rows.json")
    assert line.startswith(str(tmp_path / "rows.json")) and message in line


@pytest.mark.parametrize("cut", [1, 30, -1, -2])
def test_a_truncated_file_is_refused(tmp_path, cut):
    text = json.dumps([vsi_row()] * 3)
    (tmp_path / "rows.json").write_text(text[:cut])
    assert "rows.json row" in refused(tmp_path, "vsibench", tmp_path / "rows.json")


def test_other_files_are_refused(tmp_path):
    assert "file: cannot be read" in refused(tmp_path, "vsibench", tmp_path / "missing.json")
    (tmp_path / "rows.parquet").write_bytes(b"PAR1")
    assert "rows.parquet: file: is not complete Parquet" in refused(tmp_path, "vst", tmp_path / "rows.parquet")
    (tmp_path / "rows.json").write_text(json.dumps([vsi_row()]) + "x")
    assert "goes on after its JSON array" in refused(tmp_path, "vsibench", tmp_path / "rows.json")
    (tmp_path / "rows.jsonl").write_bytes(b"\xff\n")
    assert "is not complete JSON" in refused(tmp_path, "older-bench", tmp_path / "rows.jsonl")


def test_long_files_are_read_in_pieces(tmp_path, monkeypatch):
    monkeypatch.setattr("dataset_builders.importers.rows.CHUNK", 7)
    published = [vsi_row(id=index, question=f"Which? {'ü' * index}") for index in range(1, 30)]
    rows = imported(tmp_path, "vsibench", write_json(tmp_path / "rows.json", published))
    assert export(rows) == published


def test_the_command(tmp_path, capsys):
    parser = argparse.ArgumentParser()
    add_import(parser)
    path = write_lines(tmp_path / "bench.jsonl", ROWS["older-bench"])
    arguments = ["--format", "older-bench", "--input", str(path), "--output", str(tmp_path / "out")]
    parsed = parser.parse_args(arguments)
    parsed.command(parsed)
    assert "object_size" in capsys.readouterr().out
    report = json.loads((tmp_path / "out" / "build_report.json").read_text())
    assert report["by_split"] == {"test": 2} and report["by_scale"] == {"tabletop": 2}
    assert report["arguments"]["format"] == "older-bench" and report["num_scenes"] == 1
    assert "config_name: tabletop" in (tmp_path / "out" / "README.md").read_text()


def test_every_task_that_is_mapped_to_exists():
    from dataset_builders.importers import vocabulary, vsibench, vst

    for names in (vocabulary.SPACEVISTA_TASKS, vsibench.TASKS, vst.TASKS):
        assert set(names.values()) <= set(TASK_NAMES)
    assert not set(vst.TASKS) & set(vst.OTHERS) and list(FORMATS)[0] == "preview"


def test_all_published_questions_of_vsi_bench_come_back(tmp_path, real_data):
    path = real_data("vsibench_qa") / "eval_vsibench.json"
    rows = imported(tmp_path, "vsibench", path)
    published = json.loads(path.read_text(encoding="utf-8"))
    assert len(rows) == 3672 and [list(row.items()) for row in export(rows)] == [
        list(row.items()) for row in published
    ]
    units = {"object_size": "cm", "absolute_distance": "m", "room_size": "m²"}
    for row, original in zip(
        sorted(rows, key=lambda row: json.loads(row["provenance"])["row"]), published, strict=True
    ):
        assert f"<answer>{row['answer']}</answer>" == original["solution"]
        assert row["unit"] == units.get(row["task"], "") and row["scale"] == "indoor"
        assert (row["answer_type"] == "regression") == (original["problem_type"] == "regression")
        options = [f"{letter}. {text}" for letter, text in zip("ABCD", row["options"], strict=False)]
        assert options == (original["options"] or [])
