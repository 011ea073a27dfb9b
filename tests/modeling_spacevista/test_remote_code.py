"""What is written loads where this project cannot be imported: a fresh process that refuses the package's name."""

import json
import subprocess
import sys
import textwrap

import numpy as np
import pytest
import torch

FILES = {"configuration_spacevista.py", "experts.py", "frames.py", "fusion.py", "modeling_spacevista.py"}
PROCESSOR_FILES = {
    f"{name}.py"
    for name in ("processing_spacevista", "clips", "content", "decoding", "geometry", "regions", "selection")
}

CONSUMER = textwrap.dedent("""
    import importlib.abc, json, sys

    class Refuse(importlib.abc.MetaPathFinder):
        def find_spec(self, name, path=None, target=None):
            if name.split(".")[0] == "modeling_spacevista":
                raise ModuleNotFoundError(name)

    sys.meta_path.insert(0, Refuse())
    try:
        import modeling_spacevista
        raise SystemExit("the project can be imported, so this shows nothing")
    except ModuleNotFoundError:
        pass

    import torch
    from transformers import AutoConfig, AutoModelForImageTextToText, AutoProcessor

    *folders, tensors = sys.argv[1:]
    given = torch.load(tensors)
    for source, target in zip(folders, folders[1:]):
        config = AutoConfig.from_pretrained(source, trust_remote_code=True)
        model = AutoModelForImageTextToText.from_pretrained(source, trust_remote_code=True)
        processor = AutoProcessor.from_pretrained(source, trust_remote_code=True)
        batch = processor(text=given["text"], videos=given["videos"], padding=True, return_tensors="pt")
        with torch.no_grad():
            difference = (model(**batch).logits - given["logits"]).abs().max().item()
        written = model.generate(**batch, max_new_tokens=5, do_sample=False)[:, batch["input_ids"].shape[1] :]
        model.save_pretrained(target)
        processor.save_pretrained(target)
        classes = [type(part).__name__ for part in (config, model, processor)]
        print(json.dumps({"difference": difference, "classes": classes, "written": written.tolist()}))
""")


def _consume(folders, tensors, cache):
    """Load from each folder and save to the next; one result per folder but the last."""
    environment = {"HF_HUB_OFFLINE": "1", "HF_HOME": str(cache), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-I", "-c", CONSUMER, *map(str, folders), str(tensors)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=cache, env=environment, timeout=300)
    assert done.returncode == 0, done.stderr
    # DeepSpeed, where it is installed, has a line of its own about the accelerator.
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]


@pytest.fixture
def prompt(trained, processor, frames, tmp_path):
    """A batch of a video prompt and a blind one, with the logits and the answer expected for it."""
    videos = [torch.from_numpy(np.stack([np.array(picture) for picture in frames(4)]))]
    text = ["<|vision_start|><|video_pad|><|vision_end|>How far?", "How far, 12.5 cm?"]
    batch = processor(text=text, videos=videos, padding=True, return_tensors="pt")
    with torch.no_grad():
        given = {"text": text, "videos": videos, "logits": trained(**batch).logits}
    torch.save(given, tmp_path / "given.pt")
    return trained.generate(**batch, max_new_tokens=5, do_sample=False)[:, batch["input_ids"].shape[1] :].tolist()


def test_loads_generates_and_saves_again_where_the_project_is_absent(trained, processor, prompt, tmp_path):
    folders = [tmp_path / name for name in ("first", "second", "third")]
    trained.save_pretrained(folders[0])
    processor.save_pretrained(folders[0])
    results = _consume(folders, tmp_path / "given.pt", tmp_path)
    assert len(results) == 2
    for result in results:
        assert result["difference"] == 0.0
        assert result["written"] == prompt
        assert result["classes"] == ["SpaceVistaConfig", "SpaceVistaForConditionalGeneration", "SpaceVistaProcessor"]
    names = [{path.name for path in folder.iterdir()} for folder in folders]
    assert FILES | PROCESSOR_FILES <= names[0]
    assert names[0] == names[1] == names[2]


def test_auto_map_names_the_three_classes(trained, processor, tmp_path):
    trained.save_pretrained(tmp_path)
    processor.save_pretrained(tmp_path)
    assert json.loads((tmp_path / "config.json").read_text())["auto_map"] == {
        "AutoConfig": "configuration_spacevista.SpaceVistaConfig",
        "AutoModelForImageTextToText": "modeling_spacevista.SpaceVistaForConditionalGeneration",
    }
    assert json.loads((tmp_path / "processor_config.json").read_text())["auto_map"] == {
        "AutoProcessor": "processing_spacevista.SpaceVistaProcessor"
    }
