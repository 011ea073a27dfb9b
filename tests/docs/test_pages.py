"""The pages for beginners, run as they stand: the quickstart, its notebook, and a dataset from one's own video."""

import json
import os
import re
import shlex
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import av
import nbformat
import numpy as np
import pytest
from nbclient import NotebookClient
from PIL import Image

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
BLOCK = re.compile(r"```(bash|python|json|text)\n(.*?)```", re.DOTALL)
# Few scenes of few questions and few steps: a page is to run, not to teach a model.
SMALLER = {"--num-scenes 50": "--num-scenes 50 --max-per-scene 2", "--max_steps 200": "--max_steps 2"}
SMALLER |= {"--max-new-tokens 48": "--max-new-tokens 8", "224x168": "112x84"}


def blocks(page: str) -> list[tuple[str, str]]:
    """Return (language, code) of a page, in order."""
    return BLOCK.findall((DOCS / page).read_text(encoding="utf-8"))


def environment(folder: Path) -> dict[str, str]:
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    return {**os.environ, "PATH": path, "HF_HUB_OFFLINE": "1", "HF_HOME": str(folder / "cache")}


def run(command: str, folder: Path) -> None:
    done = subprocess.run(
        shlex.split(command), cwd=folder, env=environment(folder), capture_output=True, text=True, timeout=900
    )
    assert done.returncode == 0, f"{command}\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}"


def commands(code: str) -> list[str]:
    lines = code.replace("\\\n", " ").splitlines()
    return [line for line in lines if line and not line.startswith(("#", "pip install"))]


def smaller(code: str) -> str:
    for long, short in SMALLER.items():
        code = code.replace(long, short)
    return code


@pytest.mark.slow
def test_the_quickstart_runs(tmp_path):
    (tmp_path / "trl_recipes").symlink_to(ROOT / "trl_recipes")
    python = []
    for language, code in blocks("index.md"):
        if language == "bash":
            for command in commands(smaller(code)):
                run(command, tmp_path)
        else:
            python.append(code)
    # One program: the last part uses names of the first.
    (tmp_path / "quickstart.py").write_text("\n".join(python))
    run(f"{sys.executable} quickstart.py", tmp_path)
    assert (tmp_path / "build" / "quickstart" / "pages" / "index.html").is_file()
    assert (tmp_path / "build" / "quickstart" / "report" / "report.html").is_file()


def test_the_notebook_is_the_quickstart():
    notebook = nbformat.read(DOCS / "quickstart.ipynb", as_version=4)
    nbformat.validate(notebook)
    cells = [cell.source.removeprefix("%%bash\n") for cell in notebook.cells if cell.cell_type == "code"]
    assert cells[1:] == [code.rstrip() for _, code in blocks("index.md")[1:]]
    assert all(not cell.outputs for cell in notebook.cells if cell.cell_type == "code")


@pytest.mark.slow
def test_the_notebook_runs_top_to_bottom(tmp_path, monkeypatch):
    (tmp_path / "trl_recipes").symlink_to(ROOT / "trl_recipes")
    for name, value in environment(tmp_path).items():
        monkeypatch.setenv(name, value)
    notebook = nbformat.read(DOCS / "quickstart.ipynb", as_version=4)
    for cell in notebook.cells:
        cell.source = smaller(cell.source)
    NotebookClient(notebook, timeout=900, resources={"metadata": {"path": str(tmp_path)}}).execute()
    texts = [output.get("text", "") for cell in notebook.cells for output in cell.get("outputs", ())]
    assert not any("error:" in text or "Traceback" in text for text in texts)
    assert (tmp_path / "build" / "quickstart" / "results" / "results.json").is_file()


@pytest.fixture
def kitchen(tmp_path) -> Path:
    """A scene as docs/own_data.md describes it: a flat wall two metres ahead of a camera that moves along it."""
    folder = tmp_path / "build" / "kitchen"
    folder.mkdir(parents=True)
    scene, objects = (json.loads(code) for language, code in blocks("own_data.md") if language == "json")
    (folder / "scene.json").write_text(json.dumps(scene))
    (folder / "objects.json").write_text(json.dumps(objects))
    np.savetxt(folder / "camera-intrinsics.txt", [[90, 0, 48], [0, 90, 36], [0, 0, 1]])
    with av.open(folder / "color.mp4", "w", options={"movflags": "faststart"}) as container:
        stream = container.add_stream("mpeg4", rate=Fraction(30), width=96, height=72, pix_fmt="yuv420p")
        noise = np.random.default_rng(0).integers(0, 256, (72, 160, 3), dtype=np.uint8)
        for number in range(61):
            view = np.ascontiguousarray(noise[:, number : number + 96])
            container.mux(stream.encode(av.VideoFrame.from_ndarray(view, format="rgb24")))
        container.mux(stream.encode())
    axes = np.array([[1, 0, 0], [0, 0, 1], [0, -1, 0]])  # columns: right, down and ahead of the camera, in the world
    for number in (0, 30, 60):
        Image.fromarray(np.full((72, 96), 2000, np.uint16)).save(folder / f"frame-{number:06}.depth.png")
        pose = np.eye(4)
        pose[:3, :3], pose[:3, 3] = axes, [number / 100, -2, 1.2]
        np.savetxt(folder / f"frame-{number:06}.pose.txt", pose)
    return folder


def test_your_own_video_becomes_a_dataset(kitchen, tmp_path):
    """The names of the page's folder are those of the files that a build reads, and its commands run."""
    tree = next(code for language, code in blocks("own_data.md") if language == "text")
    assert {path.name for path in kitchen.iterdir()} >= {
        line.split()[0]
        for line in tree.splitlines()
        if line.startswith("  ") and line.split()[0] not in ("frame-000030",)
    } - {"frame-000060.depth.png"}
    for language, code in blocks("own_data.md"):
        for command in commands(code) if language == "bash" else ():
            if "colmap" not in command:  # its models are in tests/dataset_builders/test_source_colmap.py
                run(command, tmp_path)
    report = json.loads((tmp_path / "build" / "kitchen-dataset" / "build_report.json").read_text())
    assert report["num_scenes"] == 1 and {"depth_estimation", "room_size", "object_size"} <= set(report["by_task"])
    assert report["licenses"] == {"rgbd": "CC-BY-4.0"}


@pytest.mark.slow
def test_the_dataset_of_many_machines_builds_on_one(tmp_path):
    """docs/cluster.md; without the executor of Slurm, which needs a cluster."""
    pytest.importorskip("datatrove", reason="needs the cluster extra")
    (tmp_path / "together.py").write_text(blocks("cluster.md")[0][1])
    run(f"{sys.executable} together.py", tmp_path)
    assert (tmp_path / "build" / "together" / "build_report.json").is_file()


def test_every_page_with_commands_is_run_by_a_test():
    tests = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob("test_*.py"))
    for path in DOCS.glob("*.md"):
        if blocks(path.name) and path.name != "architecture.md":  # whose blocks show layouts
            assert f'"{path.name}"' in tests, path.name
