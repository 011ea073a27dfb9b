import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from importlib.metadata import version

import pyarrow.parquet as pq
import pytest
import yaml
from huggingface_hub import metadata_load
from packaging.requirements import Requirement

from dataset_builders.errors import InputError
from hub_cards.__main__ import main
from hub_cards.demo.limits import Limits
from hub_cards.demo.space import write_space
from hub_cards.demo.wheel import write_wheel
from hub_cards.purposes import list_files

# Tells where the packages come from before it does what a Space does, `python app.py`.
START = """
import runpy, sys
sys.argv = ["app.py"]
import app, dataset_builders, evaluate_metrics, hub_cards.demo, modeling_spacevista
for module in (dataset_builders, evaluate_metrics, hub_cards.demo, modeling_spacevista):
    print(module.__file__, flush=True)
runpy.run_path("app.py", run_name="__main__")
"""


@pytest.fixture(scope="module")
def space(tmp_path_factory, scenes_dir):
    folder = tmp_path_factory.mktemp("space") / "space"
    write_space(folder, "owner/spacevista-tiny@v1", scenes_dir, Limits(num_frames=4, max_new_tokens=192))
    return folder


def test_the_folder_is_a_space(space):
    card = metadata_load(space / "README.md")
    assert card["sdk"] == "gradio" and card["sdk_version"] == version("gradio") and card["app_file"] == "app.py"
    assert card["models"] == ["owner/spacevista-tiny"] and card["license"] == "apache-2.0"
    assert len(card["short_description"]) <= 60  # the Hub's limit
    requirements = {Requirement(line).name for line in (space / "requirements.txt").read_text().split("\n") if line}
    assert {"torch", "transformers", "av", "datasets", "matplotlib"} <= requirements
    assert requirements & {"gradio", "trl", "pytest", "spacevista"} == set()
    assert yaml.safe_load(yaml.safe_dump(card)) == card


def test_every_file_has_a_purpose_in_a_space(space):
    sent, left = list_files("space", space)
    assert left == [] and {file.purpose for file in sent} >= {"card", "code", "requirements", "sample", "wheel"}


def test_its_samples_are_whole_scenes_with_their_own_questions(space):
    scenes = pq.read_table(space / "samples" / "scenes" / "test-00000-of-00001.parquet")
    questions = pq.read_table(space / "samples" / "questions" / "test-00000-of-00001.parquet")
    assert scenes.num_rows == 10
    assert set(questions["scene_id"].to_pylist()) <= set(scenes["scene_id"].to_pylist())


def test_the_same_packages_give_the_same_wheel(tmp_path, space):
    assert write_wheel(tmp_path).read_bytes() == next(space.glob("*.whl")).read_bytes()


def test_frames_that_must_not_be_shared_stay_here(scenes_dir, tmp_path):
    folder = tmp_path / "restricted"
    for path in scenes_dir.rglob("*"):
        if path.is_file():
            target = folder / path.relative_to(scenes_dir)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(path.read_bytes())
    for path in folder.glob("scenes/*.parquet"):
        table = pq.read_table(path)
        place = table.column_names.index("license")
        terms = ["ScanNet Terms of Use"] * table.num_rows
        pq.write_table(table.set_column(place, table.schema.field(place), [terms]), path)
    with pytest.raises(InputError, match="allow no sharing of their frames"):
        write_space(tmp_path / "space", "owner/name", folder, Limits())
    assert not (tmp_path / "space").exists()


def test_a_folder_as_model_is_refused(model_dir, tmp_path, capsys):
    assert main(["demo", "--model", str(model_dir), "--export", str(tmp_path / "space")]) == 2
    assert "--model: is not a Hub id" in capsys.readouterr().err
    assert not (tmp_path / "space").exists()


@pytest.mark.slow
def test_it_runs_from_its_own_files(space, model_dir):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = os.environ | {"MODEL": str(model_dir), "GRADIO_SERVER_PORT": str(port), "HF_HUB_OFFLINE": "1"}
    running = subprocess.Popen(
        [sys.executable, "-c", START], cwd=space, env=environment, stdout=subprocess.PIPE, text=True
    )
    try:
        places = [running.stdout.readline() for _ in range(4)]
        assert all(".whl" in place for place in places), places
        page = _fetch(f"http://127.0.0.1:{port}/", running)
        assert "Ask tiny-spacevista about space" in page
    finally:
        running.terminate()
        running.communicate(timeout=20)


def _fetch(url: str, running: subprocess.Popen) -> str:
    deadline = time.monotonic() + 120
    while running.poll() is None and time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(url, timeout=5) as response:
                return response.read().decode()
        except (urllib.error.URLError, ConnectionError):
            time.sleep(0.3)
    raise AssertionError("the Space does not answer")
