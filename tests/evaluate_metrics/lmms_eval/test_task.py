"""The task and the model inside the installed lmms-eval."""

import json
import os
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path

import pytest
from PIL import Image

pytest.importorskip("lmms_eval", reason="needs lmms-eval 0.7, which pins an older PyAV: an environment of its own")

ROOT = Path(__file__).resolve().parents[3]
TASKS = ROOT / "evaluate_metrics" / "lmms_eval" / "tasks"
FRAMES = [f"DL3DV_frames/s1/images_8/{index}.png" for index in range(3)]
KINDS = {
    "OBJECT_COUNTING": ("How many cups are there?", "3", "numerical", "Indoor", "m"),
    "OBJECT_RELATIVE_DISTANCE": ("Which is nearer? Options: A. cup, B. bowl", "B", "mc", "Tabletop", "cm"),
    "SPATIAL_RELATION": ("What lies beside the cup?", "a spoon", "text", "Outdoor", "<km"),
}


@pytest.fixture(scope="module")
def bench(tmp_path_factory):
    folder = tmp_path_factory.mktemp("lmms") / "SpaceVista-Bench"
    for number, name in enumerate(FRAMES):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (56, 56), (80 * number, 0, 0)).save(folder / name)
    rows = [
        {
            "id": number,
            "input_type": "image_text",
            "question": question,
            "answer": answer,
            "answer_type": kind,
            "videos": [FRAMES],
            "annotations": None,
            "metadata": {"category": category, "scale": scale, "original_type": task},
        }
        for number, (task, (question, answer, kind, category, scale)) in enumerate(KINDS.items())
    ]
    (folder / "bench_final.json").write_text(json.dumps(rows))
    return folder


@pytest.fixture
def task(bench, monkeypatch):
    from lmms_eval.tasks import TaskManager, get_task_dict

    monkeypatch.setenv("SPACEVISTA_BENCH", str(bench))
    manager = TaskManager("ERROR", include_path=str(TASKS), include_defaults=False)
    return get_task_dict(["spacevista_bench"], manager, "chat")["spacevista_bench"]


def test_the_task_asks_our_prompts_with_our_frames(task):
    docs = list(task.test_docs())
    assert [doc["answer"] for doc in docs] == ["3", "B", "a spoon"]
    (message,) = task.doc_to_messages(docs[0])
    assert [part["type"] for part in message["content"]] == ["image"] * 3 + ["text"]
    assert message["content"][1]["url"].getpixel((5, 5)) == (80, 0, 0)
    assert message["content"][-1]["text"].startswith("How many cups are there?\nAnswer with a number")


def test_right_answers_score_100_and_wrong_ones_0(task):
    docs = list(task.test_docs())
    rows = [task.process_results(doc, [f"<answer>{doc['answer']}</answer>"]) for doc in docs]
    figures = {name: task.aggregation()[name]([row[name] for row in rows]) for name in rows[0]}
    assert figures == {
        **{"micro": 100, "macro": 100, "published": 100},
        **{"tiny_tabletop": 0, "tabletop": 100, "indoor": 100, "outdoor": 100},
    }
    wrong = [task.process_results(doc, ["no idea"])["micro"] for doc in docs]
    assert task.aggregation()["micro"](wrong) == 0


def test_the_registry_finds_the_model():
    from lmms_eval.models.registry_v2 import ModelRegistryV2

    from evaluate_metrics.lmms_eval import manifest
    from evaluate_metrics.lmms_eval.model import SpaceVista

    registry = ModelRegistryV2()
    registry.register_manifest(manifest())
    assert registry.get_model_class("spacevista") is SpaceVista


@pytest.mark.skipif(
    not entry_points(group="lmms_eval.models", name="spacevista"),
    reason="spacevista is not installed with entry points",
)
def test_a_tiny_model_runs_through_the_command(bench, model_dir, tmp_path):
    words = ["--model", "spacevista", "--model_args", f"pretrained={model_dir}", "--tasks", "spacevista_bench"]
    words += ["--include_path", str(TASKS), "--batch_size", "2", "--output_path", str(tmp_path), "--log_samples"]
    words += ["--gen_kwargs", "max_new_tokens=4"]
    environment = os.environ | {"SPACEVISTA_BENCH": str(bench), "HF_HUB_OFFLINE": "1", "CUDA_VISIBLE_DEVICES": ""}
    command = [sys.executable, "-m", "lmms_eval", *words]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    (results,) = tmp_path.rglob("*results.json")
    figures = json.loads(results.read_text())["results"]["spacevista_bench"]
    assert 0 <= figures["micro,none"] <= 100
    (samples,) = tmp_path.rglob("*samples_spacevista_bench.jsonl")
    assert len(samples.read_text().splitlines()) == 3
