import hashlib
import io
import json
from collections import Counter

import pyarrow.parquet as pq
import pytest
from datasets import load_dataset
from huggingface_hub import DatasetCard
from PIL import Image

from dataset_builders.build import build_dataset
from dataset_builders.conversation import FrameStore
from dataset_builders.record import QUESTION_FEATURES, SCENE_FEATURES
from dataset_builders.settings import BuildSettings
from dataset_builders.sources.rgbd import RgbdSource
from dataset_builders.sources.synthetic import SyntheticSource
from dataset_builders.sources.vsi_meta import VsiMetaSource
from dataset_builders.tasks import TASKS


def rows(folder, config):
    return [row for path in sorted((folder / config).iterdir()) for row in pq.read_table(path).to_pylist()]


def digests(folder):
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def synthetic(num_scenes=5):
    return SyntheticSource(num_scenes, 0, num_frames=2, frame_size=(96, 72))


@pytest.fixture
def rooms(tmp_path, write_rooms):
    """A dataset of 20 small rooms: its folder and its report."""
    source = VsiMetaSource(write_rooms(20))
    report = build_dataset(source, tmp_path / "dataset", BuildSettings(max_per_scene=12))
    return tmp_path / "dataset", report.to_json()


def test_the_bytes_do_not_depend_on_the_number_of_workers(tmp_path):
    for num_proc in (1, 2):
        build_dataset(synthetic(), tmp_path / str(num_proc), BuildSettings(num_proc=num_proc))
    assert digests(tmp_path / "1") == digests(tmp_path / "2")


def test_another_seed_gives_other_questions(tmp_path, write_rooms):
    source = VsiMetaSource(write_rooms(2))
    for seed in (0, 1):
        build_dataset(source, tmp_path / str(seed), BuildSettings(seed=seed, max_per_scene=12))
    ids = [{row["id"] for row in rows(tmp_path / str(seed), "questions")} for seed in (0, 1)]
    assert ids[0] != ids[1]


def test_a_subset_of_tasks_asks_the_same_questions_of_them(tmp_path, write_rooms):
    source, few = VsiMetaSource(write_rooms(2)), ("object_counting", "room_size")
    build_dataset(source, tmp_path / "all", BuildSettings(max_per_scene=10_000, tasks=(*few, "object_size")))
    build_dataset(source, tmp_path / "few", BuildSettings(max_per_scene=10_000, tasks=few))
    tasks = QUESTION_FEATURES["task"]
    expected = {row["id"] for row in rows(tmp_path / "all", "questions") if tasks.int2str(row["task"]) in few}
    assert {row["id"] for row in rows(tmp_path / "few", "questions")} == expected


def test_the_report_counts_what_the_files_hold(rooms):
    folder, report = rooms
    questions, scenes = rows(folder, "questions"), rows(folder, "scenes")
    assert json.loads((folder / "build_report.json").read_text()) == report
    assert (report["num_scenes"], report["num_questions"]) == (len(scenes), len(questions)) == (20, 240)
    by_task = Counter(QUESTION_FEATURES["task"].int2str(row["task"]) for row in questions)
    assert report["by_task"] == by_task and report["by_scale"] == {"indoor": 240}
    assert report["scenes_by_split"] == {"test": 2, "train": 16, "validation": 2}
    assert report["by_split"] == {"test": 24, "train": 192, "validation": 24}
    assert report["skipped"]["depth_estimation"] == {"no depth and no frames": 20}
    assert report["quarantined"] == 0 and not (folder / "quarantine.jsonl").exists()
    assert str(folder.parent) not in (folder / "build_report.json").read_text() + (folder / "README.md").read_text()


def test_scenes_are_in_one_split_ids_are_unique_and_the_limit_holds(rooms):
    folder, _ = rooms
    questions = rows(folder, "questions")
    assert len({row["id"] for row in questions}) == len(questions)
    assert max(Counter(row["scene_id"] for row in questions).values()) <= 12
    split_of = {}
    for config in ("questions", "scenes"):
        for path in (folder / config).iterdir():
            for scene_id in pq.read_table(path, columns=["scene_id"])["scene_id"].to_pylist():
                assert split_of.setdefault(scene_id, path.name.split("-")[0]) == path.name.split("-")[0]
    assert Counter(split_of.values()) == {"train": 16, "validation": 2, "test": 2}


def test_right_letters_are_balanced_within_each_scene_and_counted(rooms):
    folder, report = rooms
    counts, by_scene = {}, {}
    for row in rows(folder, "questions"):
        if row["options"]:
            number = len(row["options"])
            counts.setdefault(str(number), Counter())[row["answer"]] += 1
            by_scene.setdefault((row["scene_id"], number), Counter())[row["answer"]] += 1
    assert counts == report["letters"]
    for (_, number), letters in by_scene.items():
        assert max(letters.values()) - min(letters["ABCDEFGH"[place]] for place in range(number)) <= 1


def test_load_dataset_reads_the_folder_with_labels_lists_and_null_videos(rooms, tmp_path):
    folder, _ = rooms
    cache = str(tmp_path / "cache")
    questions = load_dataset(str(folder), split="train", cache_dir=cache)
    assert questions.features == QUESTION_FEATURES and len(questions) == 192
    assert set(questions["video"]) == {None}
    scenes = load_dataset(str(folder), "scenes", split="test", cache_dir=cache)
    assert scenes.features == SCENE_FEATURES and scenes[0]["frames"] == [] and scenes[0]["room_size"] == 20.5
    stream = load_dataset(str(folder), split="validation", streaming=True)
    assert stream.features == QUESTION_FEATURES and len(list(stream)) == 24


def test_the_card_is_read_by_the_hub(rooms):
    folder, _ = rooms
    card = DatasetCard.load(folder / "README.md")
    assert card.data.license == "other" and "derived from ScanNet" in card.text
    assert [config["config_name"] for config in card.data.configs] == ["all", "indoor", "scenes"]
    assert [item["split"] for item in card.data.configs[0]["data_files"]] == ["train", "validation", "test"]


def test_frames_are_stored_once_per_scene_and_found_from_the_question(tmp_path, write_rgbd):
    write_rgbd(tmp_path / "kitchen", num_frames=3, size=(320, 240))
    folder = tmp_path / "dataset"
    build_dataset(RgbdSource(tmp_path / "kitchen"), folder)
    (scene,) = rows(folder, "scenes")
    assert len(scene["frames"]) == 3 and len(scene["camera_to_world"]) == 3
    with Image.open(io.BytesIO(scene["frames"][0]["bytes"])) as image:
        assert (image.format, image.size) == ("JPEG", (320, 240))
    questions = load_dataset(str(folder), split="train", cache_dir=str(tmp_path / "cache"))
    assert set(questions["video"]) == {"kitchen"}
    frames = FrameStore(str(folder), "train", num_frames=3).frames(questions[0])
    assert [frame.size for frame in frames] == [(320, 240)] * 3


def test_one_scene_of_each_scale_answers_every_task(tmp_path):
    report = build_dataset(synthetic(), tmp_path / "dataset").to_json()
    assert list(report["by_scale"]) == ["tiny_tabletop", "tabletop", "indoor", "outdoor", "drone"]
    assert set(report["by_task"]) == set(TASKS)
    assert report["skipped"]["room_size"]["not asked at this scale"] == 4


def test_real_rooms_become_a_dataset(tmp_path, real_data):
    source = VsiMetaSource(real_data("vsi_meta_info"))
    report = build_dataset(source, tmp_path / "dataset", BuildSettings(num_scenes=40, max_per_scene=12)).to_json()
    assert (report["num_scenes"], report["quarantined"]) == (40, 0)
    assert report["by_task"]["room_size"] >= 40  # each room has one
    assert set(report["skipped"]["depth_estimation"]) == {"no depth and no frames"}
