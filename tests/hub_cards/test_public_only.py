"""What is published, in an empty folder, loaded by a process that cannot import anything of this project."""

import json
import re
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest

import evaluate_metrics.metrics
from hub_cards import write_dataset_card, write_model_card
from hub_cards.metric_bundle import bundle_metric, imported
from hub_cards.publishing import planned

OUTSIDER = Path(__file__).with_name("outsider.py")
METRICS = sorted(path.parent for path in Path(evaluate_metrics.metrics.__file__).parent.glob("*/README.md"))


def outside(code: str, folder: Path, *arguments) -> dict:
    """Run code in a folder, away from this project; return the JSON that it prints last."""
    script = folder / "script.py"
    script.write_text(textwrap.dedent(code))
    environment = {"HF_HUB_OFFLINE": "1", "HF_HOME": str(folder / "cache"), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-I", str(OUTSIDER), str(script), *map(str, arguments)]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-4000:]
    return json.loads(done.stdout.splitlines()[-1])


def sent(kind: str, folder: Path, target: Path) -> Path:
    """Copy what the publisher would send, and nothing else, into an empty folder."""
    with planned(kind, folder) as plan:
        for file in plan.files:
            (target / file.name).parent.mkdir(parents=True, exist_ok=True)
            (target / file.name).write_bytes(file.path.read_bytes())
    return target


MODEL = """
    import json, sys
    import torch
    from transformers import AutoConfig, AutoModelForImageTextToText, AutoProcessor

    folder, video = sys.argv[1:]
    config = AutoConfig.from_pretrained(folder, trust_remote_code=True)
    processor = AutoProcessor.from_pretrained(folder, trust_remote_code=True)
    model = AutoModelForImageTextToText.from_pretrained(folder, trust_remote_code=True)
    seen = {"type": "video", "video": video, "num_frames": 4}
    asked = {"role": "user", "content": [seen, {"type": "text", "text": "How many chairs are there?"}]}
    told = {"role": "assistant", "content": [{"type": "text", "text": "There are 3 chairs in this room."}]}
    options = {"tokenize": True, "return_dict": True, "return_tensors": "pt"}
    inputs = processor.apply_chat_template([asked], add_generation_prompt=True, **options)
    written = model.generate(**inputs, max_new_tokens=6, min_new_tokens=6, do_sample=False)
    blind = {name: value for name, value in inputs.items()}
    blind["pixel_values_videos"] = torch.zeros_like(inputs["pixel_values_videos"])
    with torch.no_grad():
        difference = (model(**inputs).logits - model(**blind).logits).abs().max().item()

    batch = processor.apply_chat_template([asked, told], **options)
    model.train()
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(trained, lr=1e-3)
    losses = []
    for _ in range(2):
        loss = model(**batch, labels=batch["input_ids"]).loss
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        losses.append(loss.item())
    print(json.dumps({
        "classes": [type(part).__name__ for part in (config, processor, model)],
        "written": written.shape[1] - inputs["input_ids"].shape[1],
        "video": difference,
        "losses": losses,
    }))
"""


@pytest.fixture
def video(tmp_path):
    av = pytest.importorskip("av")
    path = tmp_path / "room.mp4"
    rng = np.random.default_rng(0)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=8)
        stream.width, stream.height, stream.pix_fmt = 112, 84, "yuv420p"
        for _ in range(12):
            picture = np.repeat(np.repeat(rng.integers(0, 255, (21, 28, 3), np.uint8), 4, 0), 4, 1)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())
    return path


def test_a_model_answers_about_a_video_and_trains(tmp_path, video):
    pytest.importorskip("torch")
    from modeling_spacevista import build_tiny_model

    model, processor = build_tiny_model(["How many chairs are there in this room? There are 3 chairs."])
    model.save_pretrained(tmp_path / "tiny")
    processor.save_pretrained(tmp_path / "tiny")
    (tmp_path / "tiny" / "training.json").write_text('{"stages": []}')
    write_model_card(tmp_path / "tiny")
    (tmp_path / "elsewhere").mkdir()
    folder = sent("model", tmp_path / "tiny", tmp_path / "elsewhere" / "model")
    found = outside(MODEL, tmp_path / "elsewhere", folder, video)
    assert found["classes"] == ["SpaceVistaConfig", "SpaceVistaProcessor", "SpaceVistaForConditionalGeneration"]
    assert found["written"] == 6
    assert found["video"] > 1e-4, "the answer depends on the video"
    assert found["losses"][1] < found["losses"][0]


DATASET = """
    import json, sys
    from datasets import get_dataset_config_names, load_dataset, load_dataset_builder

    folder = sys.argv[1]
    questions = load_dataset(folder)
    scenes = load_dataset(folder, "scenes", split="test")
    streamed = [row["id"] for row in load_dataset(folder, split="train", streaming=True)]
    first = next(iter(load_dataset(folder, "scenes", split="train", streaming=True)))
    print(json.dumps({
        "configs": get_dataset_config_names(folder),
        "rows": {name: len(rows) for name, rows in questions.items()},
        "labels": questions["test"].features["scale"].names,
        "same": streamed == questions["train"]["id"],
        "frame": scenes[0]["frames"][0].size,
        "streamed_frame": first["frames"][0].size,
        "types": {name: str(kind) for name, kind in load_dataset_builder(folder, "scenes").info.features.items()},
        "sizes": {n: s.num_examples for n, s in load_dataset_builder(folder, "scenes").info.splits.items()},
    }))
"""


def test_a_dataset_loads_and_streams_with_typed_columns(dataset, tmp_path):
    write_dataset_card(dataset)
    (tmp_path / "elsewhere").mkdir()
    folder = sent("dataset", dataset, tmp_path / "elsewhere" / "rows")
    found = outside(DATASET, tmp_path / "elsewhere", folder)
    assert found["configs"] == ["all", "scenes"]
    assert found["rows"] == {"train": 28, "validation": 14, "test": 14}
    assert found["labels"][0] == "tiny_tabletop" and found["same"]
    assert found["frame"] == found["streamed_frame"] == [64, 48]
    assert "Image" in found["types"]["frames"], "what the preview on the Hub shows pictures by"
    assert found["sizes"] == {"train": 10, "validation": 5, "test": 5}


METRIC = """
    import ast, json, re, runpy, sys
    from importlib import import_module
    from pathlib import Path

    results = {}
    for name in sys.argv[1:]:
        code = re.search(r"```python\\n(.*?)```", Path(name, "README.md").read_text(), re.DOTALL)[1]
        tree = ast.parse(code)
        last, names = ast.unparse(tree.body.pop()), {}
        exec(compile(tree, name, "exec"), names)
        results[name] = list(eval(last, names)) if "metric" in names else None
        runpy.run_path(f"{name}/app.py")
        answer = import_module("metric_parts.evaluate_metrics_widget").answer
        assert callable(answer)
        for part in [part for part in sys.modules if part.startswith("metric_parts")]:
            del sys.modules[part]
    print(json.dumps(results))
"""


def test_every_metric_loads_by_evaluate(tmp_path):
    for folder in METRICS:
        sent("metric", folder, tmp_path / folder.name)
    found = outside(METRIC, tmp_path, *(folder.name for folder in METRICS))
    assert set(found) == {folder.name for folder in METRICS}
    assert all(found.values()), "each example of a card gave a result"


@pytest.mark.parametrize("folder", METRICS, ids=lambda path: path.name)
def test_a_bundled_metric_imports_and_asks_for_public_packages_only(folder, tmp_path):
    bundle_metric(folder, tmp_path)
    tops = {module.split(".")[0] for path in tmp_path.glob("*.py") for module in imported(path)}
    assert not tops & {"dataset_builders", "evaluate_metrics", "hub_cards"}
    needed = (tmp_path / "requirements.txt").read_text().split()
    assert {"datasets", "evaluate", "numpy"} <= set(needed) and "spacevista" not in needed
    assert not re.search(r"version\(.spacevista", "".join(path.read_text() for path in tmp_path.glob("*.py")))
