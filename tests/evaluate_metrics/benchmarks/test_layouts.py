"""Every benchmark from small files in its published layout."""

import base64
import csv
import json
import re
import shlex
import threading
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from dataset_builders.conversation import FORMAT
from dataset_builders.errors import InputError
from evaluate_metrics.__main__ import main
from evaluate_metrics.benchmarks import BENCHMARKS, open_benchmark, vsi_bench
from evaluate_metrics.controls import CONDITIONS
from evaluate_metrics.metrics.blink.blink import SPATIAL
from evaluate_metrics.runner import RunArguments, run
from evaluate_metrics.scoring import score

REAL = Path(__file__).resolve().parents[4] / "shared" / "data" / "vsibench_qa" / "eval_vsibench.json"


def opened(name, folder, num_frames=4):
    return open_benchmark(BENCHMARKS[name], str(folder), "test", num_frames)


def brightness(shown) -> list[int]:
    return [image.getpixel((60, 40))[0] for image in shown.images]


VSI = [
    {
        "id": 7,
        "dataset": "scannet",
        "scene_name": "scene0000_00",
        "question_type": "object_abs_distance",
        "question": "What is the distance between the bed and the sofa (in meters)?",
        "ground_truth": "2.5",
        "options": None,
    },
    {
        "id": 8,
        "dataset": "arkitscenes",
        "scene_name": "41069025",
        "question_type": "object_rel_direction_easy",
        "question": "If I stand by the stove and face the tv, is the sofa to my left or right?",
        "ground_truth": "B",
        "options": ["A. left", "B. right"],
    },
    {
        "id": 9,
        "dataset": "arkitscenes",
        "scene_name": "41069025",
        "question_type": "object_counting",
        "question": "How many chair(s) are in this room?",
        "ground_truth": "4",
        "options": None,
    },
]
SPACEVISTA = [
    {
        "id": 1,
        "input_type": "image_point_text",
        "question": "<image>Which is nearer? Options: A. cup, B. bowl",
        "answer": "B",
        "answer_type": "mc",
        "videos": [["DL3DV_frames/s1/images_8/0.png", "DL3DV_frames/s1/images_8/1.png"]],
        "annotations": {"points": [{"coords": [60, 40], "image_index": 1, "color": "red"}], "bboxes": None},
        "metadata": {"category": "Outdoor", "scale": "<km", "original_type": "OBJECT_RELATIVE_DISTANCE"},
    },
    {
        "id": 2,
        "input_type": "image_text",
        "question": "How tall is the cup?",
        "answer": "9 cm",
        "answer_type": "numerical",
        "videos": [["DL3DV_frames/s1/images_8/0.png"]],
        "annotations": None,
        "metadata": {"category": "Tabletop", "scale": "cm", "original_type": "HEIGHT"},
    },
    {
        "id": 3,
        "input_type": "image_text",
        "question": "What lies beside the cup?",
        "answer": "a spoon",
        "answer_type": "text",
        "videos": [["DL3DV_frames/s1/images_8/0.png"]],
        "annotations": None,
        "metadata": {"category": "Tabletop", "scale": "cm", "original_type": "SPATIAL_RELATION"},
    },
]


def vsi(folder, write_video, png):
    folder.mkdir(parents=True)
    (folder / "test.jsonl").write_text("".join(json.dumps(row) + "\n" for row in VSI))
    (folder / "pruned_ids.txt").write_text("8\n")
    write_video(folder / "scannet" / "scene0000_00.mp4", range(10, 110, 10))
    write_video(folder / "arkitscenes" / "41069025.mp4", range(100, 200, 10))


def spacevista(folder, write_video, png):
    frames = folder / "DL3DV_frames" / "s1" / "images_8"
    frames.mkdir(parents=True)
    for index in range(2):
        (frames / f"{index}.png").write_bytes(png(10 + 10 * index))
    (folder / "bench_final.json").write_text(json.dumps(SPACEVISTA))


def sti(folder, write_video, png):
    common = {"Source": "ScanNet", "Task": "Spatial Relation", "time_start": 0.0, "time_end": 4.5}
    rows = [
        common
        | {"Video": "v0.mp4", "ID": 3, "Question": "Where is the bed?", "Answer": "B"}
        | {"Candidates": {"A": "left", "B": "right", "C": "behind", "D": None, "E": None}},
        common
        | {"Video": "v0.mp4", "ID": 4, "Question": "How far?", "Answer": "A", "Task": "Dimensional Measurement"}
        | {"Candidates": {"A": "1 m", "B": "2 m", "C": "3 m", "D": "4 m", "E": "5 m"}},
    ]
    folder.mkdir(parents=True)
    pq.write_table(pa.Table.from_pylist(rows), folder / "qa.parquet")
    write_video(folder / "video" / "v0.mp4", range(10, 110, 10))


def mmsi(folder, write_video, png):
    rows = [
        {
            "id": index,
            "images": [png(10 + index), png(20 + index)],
            "question_type": "Positional Relationship (Cam.–Obj.)",
            "question": f"Seen from camera {index}, where is the lamp? Options: A: front, B: left, C: right, D: back",
            "answer": "BC"[index],
            "thought": "It is there.",
        }
        for index in range(2)
    ]
    folder.mkdir(parents=True)
    pq.write_table(pa.Table.from_pylist(rows), folder / "MMSI_Bench.parquet")


def spar(folder, write_video, png):
    def row(index, task, question, answer, views=1):
        images = [{"bytes": png(10 * view + index), "path": f"{view}.jpg"} for view in range(views)]
        return {"id": f"s{index}", "image": images, "question": question, "answer": answer, "task": task} | {
            "img_type": "single_view" if views == 1 else "multi_view",
            "source": "scannet",
        }

    rows = [
        row(0, "depth_prediction_oc", "How deep is the chair (red point) in meters?", "2.4"),
        row(1, "obj_spatial_relation_oo", "Where is the bed?\nA. left\nB. right\nC. above\nD. below", "B"),
        row(2, "position_matching", "Which box is the chair's? A. (1,2,3,4) B. (5,6,7,8)", "A", 2),
        row(3, "view_change_infer", "How did the camera move?", "move_right:0.5,rotate_up:10", 2),
        row(4, "distance_prediction_oo", "How far is the chair from the bed in meters?", "1.1"),
    ]
    (folder / "data").mkdir(parents=True)
    pq.write_table(pa.Table.from_pylist(rows), folder / "data" / "test-00000-of-00001.parquet")


def cv(folder, write_video, png):
    def row(index, kind, task, question, choices, answer):
        return {"idx": index, "type": kind, "task": task, "image": {"bytes": png(index), "path": None}} | {
            "question": question,
            "choices": choices,
            "answer": answer,
            "prompt": f"{question} Select from the following choices.\n"
            + "\n".join(f"({letter}) {choice}" for letter, choice in zip("ABCDEF", choices, strict=False)),
            "source": "COCO" if kind == "2D" else "Omni3D",
            "source_filename": f"{index}.jpg",
        }

    folder.mkdir(parents=True)
    two = [row(0, "2D", "Count", "How many cups are there?", ["0", "1", "2", "3"], "(C)")]
    two.append(row(1, "2D", "Relation", "Where is the cup?", ["above", "below"], "(B)"))
    three = [row(2, "3D", "Depth", "Which is closer?", ["cup", "bowl"], "(A)")]
    pq.write_table(pa.Table.from_pylist(two), folder / "test_2d.parquet")
    pq.write_table(pa.Table.from_pylist(three), folder / "test_3d.parquet")


def blink(folder, write_video, png):
    for task in (*SPATIAL, "IQ_Test"):
        rows = []
        for index in range(2):
            names = [f"image_{place}" for place in range(1, 5)]
            shown = 2 if task.startswith("Multi") else 1
            images = {n: {"bytes": png(50 + place), "path": None} for place, n in enumerate(names[:shown])}
            question = f"Look at picture {index}. Which one? Select from the following choices.\n(A) yes\n(B) no"
            rows.append(
                dict.fromkeys(names)
                | images
                | {"idx": f"val_{task}_{index + 1}", "sub_task": task, "question": "Which one?", "prompt": question}
                | {"choices": ["yes", "no"], "answer": "(AB"[index + 1 : index + 2].join("()"), "explanation": ""}
            )
        (folder / task).mkdir(parents=True)
        pq.write_table(pa.Table.from_pylist(rows), folder / task / "val-00000-of-00001.parquet")


def three_dsr(folder, write_video, png):
    names = ["index", "question", "A", "B", "C", "D", "answer", "category", "image_source", "qid", "image"]
    image = base64.b64encode(png(77)).decode()
    rows = [
        ["0", "Which is higher?", "cup", "bowl", "", "", "A", "height_higher", "coco", "HZ8IDLPF", image],
        ["1", "Which is higher?", "bowl", "cup", "", "", "B", "height_higher", "coco", "HZ8IDLPF-1", "0"],
    ]
    folder.mkdir(parents=True)
    with (folder / "3dsrbench_v1_vlmevalkit_circular.tsv").open("w", newline="") as stream:
        csv.writer(stream, delimiter="\t").writerows([names, *rows])


LAYOUTS = {
    "spacevista-bench": spacevista,
    "vsi-bench": vsi,
    "vsi-bench-debiased": vsi,
    "sti-bench": sti,
    "mmsi-bench": mmsi,
    "spar-bench": spar,
    "cv-bench": cv,
    "blink": blink,
    "3dsr-bench": three_dsr,
}


@pytest.fixture
def layout(tmp_path, write_video, png):
    def write(name):
        LAYOUTS[name](tmp_path / name, write_video, png)
        return tmp_path / name

    return write


def test_every_published_benchmark_has_a_layout_here():
    # Those of detection are in `test_detection.py`.
    assert set(LAYOUTS) == set(BENCHMARKS) - {"spacevista", "sunrgbd-detection", "arkitscenes-detection"}


@pytest.mark.parametrize("name", LAYOUTS)
def test_questions_can_be_asked_and_their_own_answers_score(layout, name):
    benchmark = opened(name, layout(name))
    assert len({record["id"] for record in benchmark.records}) == len(benchmark.records)
    for record in benchmark.records:
        messages = benchmark.messages(record, benchmark.show(record))
        kinds = {part["type"] for part in messages[0]["content"]}
        assert kinds == {"text", "video" if record["shown_as"] == "video" else "image"}
        assert score(record, f"<answer>{record['answer']}</answer>").value == 1
    assert benchmark.definition.wording


# Public scorers that need a question of each source, or level of direction.
CRASHES = {"cv-bench": "KeyError: 'ADE20K'", "vsi-bench": "KeyError: 'object_rel_direction_medium_accuracy'"}


@pytest.mark.parametrize("name", LAYOUTS)
def test_right_answers_fill_the_columns_of_the_benchmark(layout, name):
    benchmark = opened(name, layout(name))
    brackets = "({})" if name in ("blink", "cv-bench") else "{}"
    scores = benchmark.scores({record["id"]: brackets.format(record["answer"]) for record in benchmark.records})
    robust = scores["robust"].get("overall") or scores["robust"].get("micro") or scores["robust"]["vanilla"]
    assert robust["score"] == 100
    coverage = scores["robust"]["coverage"]
    assert (coverage["questions"], coverage["answered"]) == (len(benchmark.records),) * 2
    assert len(benchmark.scores({})["robust"]["coverage"]["missing"]) == len(benchmark.records)
    assert scores["published"].get("error") == CRASHES.get(name)


@pytest.mark.parametrize("name", LAYOUTS)
def test_a_tiny_model_answers_every_benchmark(layout, model_dir, tmp_path, name):
    chosen = ("circular", "mirrored", "haze", "prior")
    arguments = RunArguments(str(model_dir), tmp_path / "out", str(layout(name)), name, controls=chosen)
    results = run(replace(arguments, max_new_tokens=2, batch_size=4, num_frames=2))
    assert results["failures"] == []
    assert results["coverage"]["video"]["questions"] == results["num_questions"] == results["overall"]["micro"]["n"]
    assert results["columns"]["robust"]["coverage"]["missing"] == []
    assert results["controls"]["haze"]["n"] == results["num_questions"]
    assert results["settings"]["prompt"] == BENCHMARKS[name].wording


@pytest.mark.skipif(not REAL.is_file(), reason="needs ../shared/data/vsibench_qa")
def test_published_questions_of_vsi_bench(tmp_path):
    (tmp_path / REAL.name).symlink_to(REAL)
    records, _ = vsi_bench.read(tmp_path, "test")
    assert len(records) == 3672
    assert all(score(record, record["answer"]).value == 1 for record in records)
    sides = [record for record in records if CONDITIONS["mirrored"].applies(record | {"shown_as": "video"})]
    assert {record["task"] for record in sides} == {"position_comparison", "route_planning"}


OTHER = {"A": "B", "B": "A", "C": "A", "(A)": "(B)", "(B)": "(A)", "(C)": "(B)", "2.5": "3", "9 cm": "3 m"}


def permuted(value):
    """Give every answer of a published file another value of its kind."""
    if isinstance(value, list):
        return [permuted(item) for item in value]
    return {
        key: OTHER.get(item, f"1{item}") if key in ("answer", "Answer", "ground_truth") else item
        for key, item in value.items()
    }


@pytest.mark.parametrize("name", LAYOUTS)
def test_prompts_do_not_depend_on_the_answers(layout, name):
    folder = layout(name)
    before = [opened(name, folder).prompt(record) for record in opened(name, folder).records]
    answers = [record["answer"] for record in opened(name, folder).records]
    for path in folder.rglob("*"):
        if path.suffix == ".parquet":
            pq.write_table(pa.Table.from_pylist(permuted(pq.read_table(path).to_pylist())), path)
        elif path.suffix == ".json":
            path.write_text(json.dumps(permuted(json.loads(path.read_text()))))
        elif path.suffix == ".jsonl":
            rows = [permuted(json.loads(line)) for line in path.read_text().splitlines()]
            path.write_text("".join(json.dumps(row) + "\n" for row in rows))
        elif path.suffix == ".tsv":
            with path.open(newline="") as stream:
                rows = permuted(list(csv.DictReader(stream, delimiter="\t")))
            with path.open("w", newline="") as stream:
                writer = csv.DictWriter(stream, list(rows[0]), delimiter="\t")
                writer.writeheader()
                writer.writerows(rows)
    after = opened(name, folder)
    assert all(new != old for new, old in zip((row["answer"] for row in after.records), answers, strict=True))
    assert [after.prompt(record) for record in after.records] == before


@pytest.mark.parametrize("name", LAYOUTS)
def test_the_fingerprint_notices_questions_and_media(layout, name):
    folder = layout(name)
    before = opened(name, folder).sha256()
    assert opened(name, folder).sha256() == before
    media = sorted({path for record in opened(name, folder).records for path in record["media"].files()})
    if media and media[0].suffix in (".mp4", ".png"):
        media[0].write_bytes(media[0].read_bytes() + b"0")
        assert opened(name, folder).sha256() != before


def test_vsi_bench(layout):
    benchmark = opened("vsi-bench", layout("vsi-bench"))
    distance, direction, count = benchmark.records
    assert benchmark.prompt(distance) == (
        "These are frames of a video.\nWhat is the distance between the bed and the sofa (in meters)?\n"
        "Please answer the question using a single word or phrase."
    )
    assert benchmark.prompt(direction) == (
        "These are frames of a video.\nIf I stand by the stove and face the tv, is the sofa to my left or right?\n"
        "Options:\nA. left\nB. right\nAnswer with the option's letter from the given choices directly."
    )
    assert (distance["id"], distance["task"], distance["category"]) == (
        "7",
        "absolute_distance",
        "object_abs_distance",
    )
    assert (distance["unit"], distance["scale"], distance["scene_id"]) == ("m", "indoor", "scene0000_00")
    assert brightness(benchmark.show(count)) == pytest.approx([100, 130, 160, 190], abs=2)


def test_debiased_vsi_bench_leaves_out_what_is_pruned(layout):
    folder = layout("vsi-bench-debiased")
    assert [record["id"] for record in opened("vsi-bench-debiased", folder).records] == ["7", "9"]
    (folder / "pruned_ids.txt").unlink()
    with pytest.raises(InputError, match="pruned_ids.txt: is missing"):
        opened("vsi-bench-debiased", folder)
    rows = [row | {"pruned": row["id"] != 9} for row in VSI]
    (folder / "test.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert [record["id"] for record in opened("vsi-bench-debiased", folder).records] == ["9"]


def test_spacevista_bench(layout):
    benchmark = opened("spacevista-bench", layout("spacevista-bench"), num_frames=1)
    choice, height, _ = benchmark.records
    assert benchmark.prompt(choice) == (
        "Which is nearer? Options: A. cup, B. bowl\nAnswer with the option's letter where options are given.\n"
        + FORMAT
    )
    assert (choice["scale"], choice["task"], choice["options"]) == ("outdoor", "relative_distance", ["cup", "bowl"])
    assert height["unit"] == "cm"
    shown = benchmark.show(choice)
    assert shown.indices == (1,)  # that of the mark, though one frame alone would be the first
    assert shown.images[0].getpixel((60, 40)) == (255, 0, 0)


def test_sti_bench(layout):
    benchmark = opened("sti-bench", layout("sti-bench"))
    assert benchmark.prompt(benchmark.records[0]) == (
        "Answer the question below based on the frames provided.\n"
        "Question: From 0.0 seconds to 4.5 seconds. Where is the bed?\nA left\nB right\nC behind\n"
        "Please output only the option you choose!"
    )
    assert benchmark.records[0]["id"] == "v0.mp4|3|0.0|4.5"


def test_sti_bench_tells_the_rate_of_the_frames_that_are_shown(layout):
    """The video has ten frames, ten per second; frames 0, 4 and 9 of it are 2.22 per second."""
    benchmark = opened("sti-bench", layout("sti-bench"), num_frames=3)
    record = benchmark.records[0]
    shown = benchmark.show(record)
    assert shown.frame_rate == 10
    expected = {"video": "2.22 FPS.", "shuffled": "2.22 FPS.", "haze-1": "2.22 FPS.", "one-frame": None, "blind": None}
    for name, rate in expected.items():
        asked, changed = CONDITIONS[name].change(record, shown, np.random.default_rng(0))
        first = benchmark.messages(asked, changed)[0]["content"][-1]["text"].splitlines()[0]
        told = f", which are sampled at about {rate}" if rate else "."
        assert first == f"Answer the question below based on the frames provided{told}"


def test_mmsi_bench(layout):
    benchmark = opened("mmsi-bench", layout("mmsi-bench"))
    record = benchmark.records[1]
    assert record["options"] == ["front", "left", "right", "back"]
    assert brightness(benchmark.show(record)) == [11, 21]
    assert benchmark.prompt(record).endswith(
        "D: back\nAnswer with the option's letter from the given choices directly. "
        "Enclose the option's letter within ``."
    )


def test_spar_bench(layout):
    benchmark = opened("spar-bench", layout("spar-bench"))
    kinds = [record["answer_type"] for record in benchmark.records]
    assert kinds == ["regression", "multiple_choice", "multiple_choice", "free_form", "regression"]
    assert "normalized to a 0-1000 scale" in benchmark.prompt(benchmark.records[2])
    assert benchmark.prompt(benchmark.records[3]) == "\nHow did the camera move?\n\n"
    assert benchmark.records[0]["unit"] == "m"


def test_cv_bench(layout):
    folder = layout("cv-bench")
    benchmark = opened("cv-bench", folder)
    published = [
        row["prompt"] for name in ("2d", "3d") for row in pq.read_table(folder / f"test_{name}.parquet").to_pylist()
    ]
    closing = "\nAnswer with the option's letter from the given choices directly."
    assert [benchmark.prompt(record) for record in benchmark.records] == [text + closing for text in published]
    assert [record["category"] for record in benchmark.records] == ["Count", "Relation", "Depth"]


def test_blink_takes_the_spatial_tasks(layout):
    benchmark = opened("blink", layout("blink"))
    assert {record["task"] for record in benchmark.records} == set(SPATIAL)
    several = [record for record in benchmark.records if record["task"] == "Multi-view_Reasoning"]
    assert brightness(benchmark.show(several[0])) == [50, 51]


def test_3dsr_bench_shares_images_between_shifts(layout):
    benchmark = opened("3dsr-bench", layout("3dsr-bench"))
    first, second = benchmark.records
    assert {first["scene_id"], second["scene_id"]} == {"HZ8IDLPF"}
    assert brightness(benchmark.show(second)) == [77]
    assert benchmark.prompt(second) == (
        "Question: Which is higher?\nOptions:\nA. bowl\nB. cup\n"
        "Please select the correct answer from the options above."
    )


def test_media_that_are_missing_are_counted_and_named(layout):
    folder = layout("vsi-bench")
    (folder / "scannet" / "scene0000_00.mp4").unlink()
    with pytest.raises(InputError, match="1 of 2 files are missing, the first is scannet/scene0000_00.mp4; unpack"):
        opened("vsi-bench", folder)


@pytest.mark.parametrize("name", ["../../etc/passwd", "/etc/passwd", "a/../../b.mp4"])
def test_names_that_lead_out_of_the_folder_are_refused(layout, name):
    folder = layout("sti-bench")
    rows = pq.read_table(folder / "qa.parquet").to_pylist()
    pq.write_table(pa.Table.from_pylist([rows[0] | {"Video": name}]), folder / "qa.parquet")
    with pytest.raises(InputError, match="give a path inside the folder"):
        opened("sti-bench", folder)


def test_an_id_that_is_there_twice_is_refused(layout):
    folder = layout("vsi-bench")
    (folder / "test.jsonl").write_text(2 * (json.dumps(VSI[0]) + "\n"))
    with pytest.raises(InputError, match="'7' is there twice"):
        opened("vsi-bench", folder)


@pytest.mark.parametrize("name", LAYOUTS)
def test_an_empty_folder_is_refused(tmp_path, name):
    with pytest.raises(InputError, match="--dataset: holds no"):
        opened(name, tmp_path)


@pytest.mark.parametrize("name", ["sti-bench", "mmsi-bench", "spar-bench", "cv-bench", "blink"])
def test_truncated_parquet_is_refused(layout, name):
    folder = layout(name)
    path = next(iter(folder.rglob("*.parquet")) if name != "blink" else (folder / "Relative_Depth").glob("*"))
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(InputError, match="is not complete Parquet"):
        opened(name, folder)


def test_a_letter_of_no_option_is_refused(layout):
    folder = layout("cv-bench")
    rows = pq.read_table(folder / "test_3d.parquet").to_pylist()
    pq.write_table(pa.Table.from_pylist([rows[0] | {"answer": "(C)"}]), folder / "test_3d.parquet")
    with pytest.raises(InputError, match=r"test_3d.parquet row 0: answer: is '\(C\)'"):
        opened("cv-bench", folder)


class OneLetter(BaseHTTPRequestHandler):
    """A server with the OpenAI chat API that always answers "A"."""

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        content = json.dumps({"choices": [{"message": {"content": "A"}}]}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_):
        pass


@pytest.mark.slow
def test_the_commands_of_the_page(model_dir, write_video, png, tmp_path, monkeypatch, capsys):
    """docs/evaluation.md, but for lmms-eval, which tests/evaluate_metrics/lmms_eval runs where it is installed."""
    page = (Path(__file__).parents[3] / "docs" / "evaluation.md").read_text(encoding="utf-8")
    commands = "\n".join(re.findall(r"```bash\n(.*?)```", page, re.DOTALL)).replace("\\\n", " ").splitlines()
    monkeypatch.chdir(tmp_path)
    vsi(tmp_path / "build" / "VSI-Bench", write_video, png)
    cv(tmp_path / "cv", write_video, png)
    view = {"calib": "1 0 0 0 1 0 0 0 1\n50 0 0 0 50 0 33 25 1\n", "label": "bed 1 1 9 9 0 3 0 1 1 1 1 0\n"}
    for part, text in view.items():
        path = tmp_path / "build" / "sunrgbd_trainval" / part / "000001.txt"
        path.parent.mkdir(parents=True)
        path.write_text(text)
    (path.parents[1] / "image").mkdir()
    (path.parents[1] / "image" / "000001.jpg").write_bytes(png(9))
    with ThreadingHTTPServer(("127.0.0.1", 0), OneLetter) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        here = {
            "Qwen/Qwen2.5-VL-3B-Instruct": str(model_dir),
            "--num-frames 16 --max-new-tokens 256": "--num-frames 4 --max-new-tokens 4",
            "--max-new-tokens 1024": "--max-new-tokens 4",
            "http://localhost:8000": f"http://127.0.0.1:{server.server_port}",
            "--benchmark cv-bench": "--benchmark cv-bench --dataset cv",  # not on the Hub, which is out of reach
        }
        for command in commands:
            for there, local in here.items():
                command = command.replace(there, local)
            if command.startswith("python -m evaluate_metrics"):
                assert main(shlex.split(command)[3:]) == 0, capsys.readouterr().err
        server.shutdown()
    results = [
        json.loads((tmp_path / "build" / name / "results.json").read_text()) for name in ("vsi", "cv", "sunrgbd")
    ]
    assert [result["benchmark"] for result in results] == ["vsi-bench", "cv-bench", "sunrgbd-detection"]
    assert not any(result["failures"] for result in results)
