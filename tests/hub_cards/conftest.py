"""Small real folders in the formats of the other packages: what the cards read."""

import json
import re
import shutil
import sys
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pytest
from datasets import Dataset
from safetensors.numpy import save_file

from dataset_builders.frames import scene_row
from dataset_builders.question import Fact, Question, Region
from dataset_builders.record import QUESTION_FEATURES, SCENE_FEATURES, LetterBalance, to_record
from dataset_builders.scene import Camera, Frame, Scene, SceneObject
from dataset_builders.taxonomy import SCALE_NAMES
from evaluate_metrics.questions import dataset_files, fingerprint

sys.path.insert(0, str(Path(__file__).parent))  # the helpers beside the tests

HOSTILE = "How many <script>alert('x')</script> | cups & `bowls` are there?"
SPLITS = {"train": 2, "validation": 1, "test": 1}
CONFIGS = [
    {
        "config_name": name,
        **({"default": True} if name == "all" else {}),
        "data_files": [{"split": split, "path": f"{folder}/{split}-*.parquet"} for split in SPLITS],
    }
    for name, folder in (("all", "questions"), ("scenes", "scenes"))
]


def make_scene(scale: str, number: int) -> Scene:
    rng = np.random.default_rng([SCALE_NAMES.index(scale), number])
    objects = tuple(
        SceneObject(index, name, rng.uniform(0, 2, 3), rng.uniform(0.1, 0.5, 3), np.eye(3))
        for index, name in enumerate(("cup", "cup", "bowl"), start=1)
    )
    camera = Camera(np.array([[50.0, 0, 31.5], [0, 50, 23.5], [0, 0, 1]]), np.eye(4), 64, 48)
    frames = tuple(Frame(camera, rng.integers(0, 255, (48, 64, 3), dtype=np.uint8)) for _ in range(6))
    frames = () if scale == "outdoor" else frames
    return Scene(f"{scale}-{number:03d}", "synthetic", "Apache-2.0", scale, objects, frames)


def make_questions(scene: Scene) -> list[Question]:
    counting = HOSTILE if scene.scale == "tabletop" else "How many cups are there?"
    common = {"rule": "test.rule", "prompt_type": "text", "semantics": ("cup",)}
    asked = {counting: Fact(task="object_counting", answer_type="regression", answer="2", **common)}
    if scene.frames:
        mark = Region(2, "point", "red", point=(20.0, 20.0))
        depth = common | {"prompt_type": "point", "regions": (mark,), "unit": "m", "needs_scale": True}
        asked["How far?"] = Fact(task="depth_estimation", answer_type="regression", answer="1.5", **depth)
    options = ("cup", "bowl", "jug", "pan")
    nearest = Fact(task="relative_distance", answer_type="multiple_choice", answer="cup", options=options, **common)
    asked["Which is nearest to the bowl?"] = nearest
    return [Question(fact, text, "I count 2 cups.", "test/0") for text, fact in asked.items()]


def _rows(scene: Scene) -> list[dict]:
    letters = LetterBalance(scene.scene_id)
    return [to_record(question, scene, letters) for question in make_questions(scene)]


def write_dataset(folder: Path) -> Path:
    """Five scales, four scenes each, outdoor without frames: 20 scenes, 56 questions."""
    (folder / "questions").mkdir(parents=True)
    (folder / "scenes").mkdir()
    start = 0
    for split, number in SPLITS.items():
        scenes = [make_scene(scale, start + index) for scale in SCALE_NAMES for index in range(number)]
        rows = [row for scene in scenes for row in _rows(scene)]
        name = f"{split}-00000-of-00001.parquet"
        Dataset.from_list(rows, features=QUESTION_FEATURES).to_parquet(folder / "questions" / name)
        Dataset.from_list([scene_row(s) for s in scenes], features=SCENE_FEATURES).to_parquet(folder / "scenes" / name)
        start += number
    report = {
        "source": "synthetic",
        "seed": 7,
        "engine": version("spacevista"),
        "num_scenes": 20,
        "num_questions": 56,
        "skipped": {"depth_estimation": {"no frames": 4}, "room_size": {"no room_size": 20}},
        "quarantined": 1,
        "licenses": {"synthetic": "Apache-2.0"},
        "arguments": {"source": "synthetic", "num_scenes": 20, "max_per_scene": 6, "seed": 7, "tasks": None},
    }
    broken = {"scene_id": "bad", "place": "bad", "field": "frame 0 pose", "problem": "is not rigid", "fix": "fix it"}
    (folder / "build_report.json").write_text(json.dumps(report))
    (folder / "quarantine.jsonl").write_text(json.dumps(broken) + "\n")
    (folder / "README.md").write_text(
        "---\nconfigs: " + json.dumps(CONFIGS) + "\n---\n\n# Spatial questions with computed answers\n"
    )
    return folder


def score(model: float, blind: float, chance: float, n: int = 14) -> dict:
    margins = {
        f"over_{name}": {"margin": model - other, "interval": [model - other - 5.5, model - other + 5.5]}
        for name, other in (("blind", blind), ("chance", chance))
    }
    return {"n": n, "model": model, "blind": blind, "chance": chance, "interval": [model - 4, model + 4], **margins}


def write_results(folder: Path, dataset: Path, model: Path) -> Path:
    """An evaluation of the 14 test questions; depth is not above blind."""
    folder.mkdir(parents=True)
    rows = Dataset.from_parquet(str(dataset / "questions" / "test-*.parquet"))
    with (folder / "predictions.jsonl").open("w") as stream:
        for row in rows:
            for condition in ("video", "blind"):
                right = condition == "video" or row["answer"] == "A"
                answer = row["answer"] if right else "<b>?</b>"
                prediction = {name: row[name] for name in ("id", "scene_id", "unit")}
                prediction |= {
                    name: rows.features[name].int2str(row[name]) for name in ("task", "scale", "answer_type")
                }
                prediction |= {"condition": condition, "reference": row["answer"], "score": float(right)}
                prediction |= {"completion": f"<think>hm</think><answer>{answer}</answer>", "parsed": answer}
                number = prediction["answer_type"] == "regression"
                prediction["parsed"] = None if not right else float(answer) if number else answer
                prediction["error"] = None
                stream.write(json.dumps(prediction) + "\n")
    results = {
        "model": model.name,
        "dataset": "dataset",
        "benchmark": "spacevista",
        "split": "test",
        "settings": {
            "model_sha256": fingerprint(model, [model / "config.json", model / "model.safetensors"]),
            "dataset_sha256": fingerprint(dataset, dataset_files(dataset, "test")),
            "num_frames": 4,
            "bootstrap": {"unit": "scene", "seed": 0},
        },
        "versions": {"transformers": "5.23.0", "spacevista": version("spacevista")},
        "num_questions": 14,
        "num_scenes": 5,
        "overall": {"micro": score(61.25, 40.0, 31.5), "macro": score(58.0, 41.0, 30.0)},
        "by_task": {
            "object_counting": score(80.0, 50.0, 33.0, 5),
            "depth_estimation": score(30.0, 28.0, 20.0, 4),
            "relative_distance": score(64.0, 45.0, 25.0, 5),
        },
        "by_scale": {name: score(50.0 + 3 * place, 40.0, 30.0, 3) for place, name in enumerate(SCALE_NAMES)},
        "columns": None,
        "unparsed": {"video": 0, "blind": 3},
        "coverage": {
            "video": {"questions": 14, "answered": 14, "empty": 0, "unreadable": 0, "failed": 0},
            "blind": {"questions": 14, "answered": 11, "empty": 0, "unreadable": 3, "failed": 0},
        },
        "failures": [],
        "controls": {
            "blind": {
                "n": 14,
                "plain": 61.25,
                "score": 40.0,
                "survives": 65.3061,
                "change": {"mean": -21.25, "interval": [-26.75, -15.75]},
            }
        },
    }
    (folder / "results.json").write_text(json.dumps(results))
    return folder


def write_model(folder: Path) -> Path:
    """A model folder with the tensor names of SpaceVista and two stages of training; no real weights."""
    folder.mkdir(parents=True)
    layer = "model.language_model.layers.0.self_attn.q_proj"
    tensors = {
        f"{layer}.weight": (8, 8),
        f"{layer}.expert_a": (4, 8),
        f"{layer}.expert_b": (8, 4),
        "model.language_model.layers.0.router.up.weight": (2, 8),
        "model.language_model.embed_tokens.weight": (50, 8),
        "model.visual.blocks.0.attn.qkv.weight": (24, 8),
        "model.dense_branch.encoder.layer.0.norm1.weight": (16,),
        "model.fusion.gate": (8,),
    }
    save_file({name: np.zeros(shape, np.float32) for name, shape in tensors.items()}, folder / "model.safetensors")
    config = {
        "architectures": ["SpaceVistaForConditionalGeneration"],
        "text_config": {"num_hidden_layers": 1, "hidden_size": 8},
        "dense_config": {"num_hidden_layers": 1, "hidden_size": 16},
        "num_experts": 2,
        "expert_rank": 2,
    }
    history = [{"step": step, "loss": 3.0 / step} for step in range(1, 41)]
    sft = {
        "stage": "sft",
        "dataset": "dataset",
        "base_model": None,
        "arguments": {"learning_rate": 0.002, "seed": 1},
        "num_samples": 28,
    }
    sft |= {"steps": 40, "seconds": 12.4, "final": {"loss": 0.075}, "history": history}
    rewards = [{"step": step, "reward": step / 10, "rewards/format_reward/mean": step / 20} for step in range(1, 11)]
    grpo = {
        "stage": "grpo",
        "dataset": "dataset",
        "base_model": "sft",
        "arguments": {"beta": 0.0},
        "num_samples": 10,
        "steps": 10,
    }
    grpo |= {"seconds": 8.0, "final": {"loss": 0.01, "reward": 1.0}, "history": rewards}
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "training.json").write_text(json.dumps({"stages": [sft, grpo]}))
    return folder


@pytest.fixture(scope="session")
def built_dataset(tmp_path_factory) -> Path:
    return write_dataset(tmp_path_factory.mktemp("cards") / "dataset")


@pytest.fixture(autouse=True)
def private_cache(tmp_path, monkeypatch):
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path / "datasets_cache")


@pytest.fixture
def dataset(built_dataset, tmp_path) -> Path:
    """A copy that a test may write to."""
    return Path(shutil.copytree(built_dataset, tmp_path / "dataset"))


@pytest.fixture
def model(tmp_path) -> Path:
    return write_model(tmp_path / "model")


@pytest.fixture
def results(tmp_path, built_dataset, model) -> Path:
    return write_results(tmp_path / "results", built_dataset, model)


@pytest.fixture
def placeholder() -> re.Pattern:
    """What a card must not contain: words of unfilled templates and values that are none."""
    return re.compile(r"TODO|FIXME|[Mm]ore [Ii]nformation [Nn]eeded|\{\{|\{%|[Ll]orem|\bNone\b|\bnan\b|[Uu]ndefined")
