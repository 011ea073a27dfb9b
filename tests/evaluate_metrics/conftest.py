import uuid

import numpy as np
import pytest
from datasets import Dataset
from PIL import Image

from dataset_builders.conversation import completion_text, prompt_text
from dataset_builders.record import QUESTION_FEATURES, SCENE_FEATURES, TURN_FEATURES

NUM_SCENES, QUESTIONS_PER_SCENE, NUM_FRAMES = 6, 3, 4

# `load_dataset` keeps what it read by the folder's name and these lines: the description tells test runs apart.
README = f"""\
---
configs:
- config_name: all
  default: true
  data_files:
  - {{split: test, path: questions/test-*.parquet}}
- config_name: scenes
  description: {uuid.uuid4()}
  data_files:
  - {{split: test, path: scenes/test-*.parquet}}
---
"""
COMMON = {
    "source": "synthetic",
    "license": "CC0-1.0",
    "prompt_type": "text",
    "options": [],
    "unit": "",
    "regions": [],
    "anchors": {"semantics": ["cup"], "scale_value": 62.0, "scale_unit": "cm"},
    "rationale": "I look.",
    "key_frames": [],
    "provenance": "{}",
    "turns": [],
}


def question_rows(scene: int) -> list[dict]:
    """A count, a measure and a choice about one scene, with answers that differ between scenes."""
    scene_id = f"scene-{scene}"
    scale = ("tabletop", "indoor")[scene % 2]
    common = COMMON | {"scene_id": scene_id, "video": scene_id, "scale": scale}
    mark = {"frame_index": 1, "kind": "point", "colour": "red", "point": [20.0, 20.0], "bbox": None, "mask": None}
    rows = [
        {
            "task": "object_counting",
            "answer_type": "regression",
            "question": f"How many cups are in room {scene}?",
            "answer": f"{scene + 2}",
        },
        {
            "task": "depth_estimation",
            "answer_type": "regression",
            "prompt_type": "point",
            "question": f"How far away is the red point in room {scene}?",
            "answer": f"{20 + 3 * scene}",
            "unit": "cm",
            "regions": [mark],
            "key_frames": [1],
        },
        {
            "task": "relative_distance",
            "answer_type": "multiple_choice",
            "question": f"Which is nearest in room {scene}?",
            "options": ["cup", "bowl", "plate"],
            "answer": "ABC"[scene % 3],
        },
    ]
    return [common | row | {"id": f"{scene_id}-{place}"} for place, row in enumerate(rows)]


def scene_row(scene: int) -> dict:
    frames = [Image.new("RGB", (56, 56), (40 * scene, 60 * index, 90)) for index in range(NUM_FRAMES)]
    return {
        "scene_id": f"scene-{scene}",
        "source": "synthetic",
        "license": "CC0-1.0",
        "scale": ("tabletop", "indoor")[scene % 2],
        "room_size": None,
        "frames": frames,
        "intrinsics": [np.eye(3).tolist()] * NUM_FRAMES,
        "camera_to_world": [np.eye(4).tolist()] * NUM_FRAMES,
        "objects": [],
    }


@pytest.fixture(scope="session")
def records() -> list[dict]:
    return [row for scene in range(NUM_SCENES) for row in question_rows(scene)]


def write_dataset(folder, records):
    """Write a dataset folder in the layout that the builder writes, and return it."""
    scenes = [scene_row(scene) for scene in range(NUM_SCENES)]
    for name, rows, features in (("questions", records, QUESTION_FEATURES), ("scenes", scenes, SCENE_FEATURES)):
        (folder / name).mkdir(parents=True)
        Dataset.from_list(rows, features=features).to_parquet(folder / name / "test-00000-of-00001.parquet")
    (folder / "README.md").write_text(README)
    return folder


@pytest.fixture(scope="session")
def dataset_dir(tmp_path_factory, records):
    return write_dataset(tmp_path_factory.mktemp("data") / "tiny-bench", records)


@pytest.fixture(scope="session")
def conversations(records) -> list[dict]:
    """The three questions of each scene as one conversation, and those of the last scene as they are."""
    rows = []
    for scene in range(NUM_SCENES - 1):
        first, *rest = records[QUESTIONS_PER_SCENE * scene :][:QUESTIONS_PER_SCENE]
        turns = [{name: row[name] for name in TURN_FEATURES} for row in rest]
        shown = {"regions": rest[0]["regions"], "key_frames": rest[0]["key_frames"]}
        rows.append(first | shown | {"id": f"talk-{scene}", "turns": turns})
    return [*rows, *records[-QUESTIONS_PER_SCENE:]]


@pytest.fixture(scope="session")
def conversations_dir(tmp_path_factory, conversations):
    return write_dataset(tmp_path_factory.mktemp("data") / "tiny-talks", conversations)


@pytest.fixture(scope="session")
def model_dir(tmp_path_factory, records):
    """A tiny random model with its processor."""
    modeling_spacevista = pytest.importorskip("modeling_spacevista", reason="needs the model extra")
    texts = [text for record in records for text in (prompt_text(record), completion_text(record))]
    folder = tmp_path_factory.mktemp("models") / "tiny-model"
    for part in modeling_spacevista.build_tiny_model(texts):
        part.save_pretrained(folder)
    return folder
