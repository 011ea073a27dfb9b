"""A build that is killed goes on where it was and ends with the same bytes."""

import hashlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from dataset_builders.build import build_dataset
from dataset_builders.cli import main
from dataset_builders.errors import InputError
from dataset_builders.pipeline import build_pipelines
from dataset_builders.settings import BuildSettings
from dataset_builders.sources.synthetic import SyntheticSource

ARGUMENTS = "--source synthetic --no-media --num-scenes 60 --max-per-scene 20 --tasks object_size,absolute_distance"
SOURCE = SyntheticSource(12, 0, rendered=False)
FEW = BuildSettings(tasks=("object_size", "room_size"), max_per_scene=6)


def digests(folder):
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def command(output, *more):
    return [sys.executable, "-m", "dataset_builders", "build", *ARGUMENTS.split(), "--output", str(output), *more]


def kill(process):
    """Kill a command and its workers at once, as a machine that stops would."""
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def wait_for(process, path: Path, count: int):
    while process.poll() is None and len(list(path.glob("*.json"))) < count:
        time.sleep(0.005)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """Digests of a build that was not stopped."""
    output = tmp_path_factory.mktemp("whole") / "dataset"
    assert main(command(output)[3:]) == 0
    return digests(output)


@pytest.mark.parametrize("shards", [0, 1, 4, 9])
def test_a_killed_build_resumes_to_the_same_bytes(tmp_path, whole, shards):
    killed = tmp_path / "killed"
    process = subprocess.Popen(
        command(killed, "--num-proc", "2"),
        start_new_session=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    wait_for(process, tmp_path / ".killed.building" / "shards", shards)
    if shards == 0:
        time.sleep(1.5)
    kill(process)
    kept = len(list((tmp_path / ".killed.building" / "shards").glob("*.json")))
    assert kept >= shards
    assert main(command(killed)[3:]) == 0
    assert digests(killed) == whole
    assert not list(tmp_path.glob(".*"))


def test_finished_shards_are_not_built_again(tmp_path, monkeypatch):
    def stop(self, ref):
        if ref.scene_id.endswith("9"):
            raise KeyboardInterrupt
        return load(self, ref)

    load = SyntheticSource.load
    monkeypatch.setattr(SyntheticSource, "load", stop)
    with pytest.raises(KeyboardInterrupt):
        build_dataset(SOURCE, tmp_path / "dataset", FEW)
    done = {path.name for path in (tmp_path / ".dataset.building" / "shards").iterdir()}
    assert done and not (tmp_path / "dataset").exists()
    loaded = []
    monkeypatch.setattr(SyntheticSource, "load", lambda self, ref: loaded.append(ref.scene_id) or load(self, ref))
    report = build_dataset(SOURCE, tmp_path / "dataset", FEW)
    # Two scenes are of the scale whose shard was stopped, the last.
    assert report.scenes.total() == 12 and loaded == ["synthetic-0-000004", "synthetic-0-000009"]


def test_killed_between_the_last_rename_and_cleaning_up(tmp_path, monkeypatch):
    monkeypatch.setattr("dataset_builders.workspace.shutil.rmtree", lambda *args, **more: None)
    first = build_dataset(SOURCE, tmp_path / "dataset", FEW)
    monkeypatch.undo()
    before = digests(tmp_path / "dataset")
    assert (tmp_path / ".dataset.building").exists()
    again = build_dataset(SOURCE, tmp_path / "dataset", FEW)
    assert again.text() == first.text() and digests(tmp_path / "dataset") == before
    assert not (tmp_path / ".dataset.building").exists()


def test_an_unfinished_build_with_other_arguments_is_not_lost(tmp_path, monkeypatch):
    load = SyntheticSource.load

    def stop(self, ref):
        if ref.scene_id.endswith("9"):
            raise KeyboardInterrupt
        return load(self, ref)

    monkeypatch.setattr(SyntheticSource, "load", stop)
    with pytest.raises(KeyboardInterrupt):
        build_dataset(SOURCE, tmp_path / "dataset", FEW)
    with pytest.raises(InputError, match="unfinished build with other arguments.*delete that folder"):
        build_dataset(SOURCE, tmp_path / "dataset", BuildSettings(tasks=("object_size",)))
    assert list((tmp_path / ".dataset.building" / "shards").iterdir())


def test_a_full_disk_is_one_line_and_the_same_command_goes_on(tmp_path, whole):
    limited = "import resource, signal, sys; signal.signal(signal.SIGXFSZ, signal.SIG_IGN); "
    limited += "resource.setrlimit(resource.RLIMIT_FSIZE, (15000, 15000)); "
    limited += "from dataset_builders.cli import main; sys.exit(main(sys.argv[1:]))"
    output = tmp_path / "dataset"
    result = subprocess.run([sys.executable, "-c", limited, *command(output)[3:]], capture_output=True, text=True)
    lines = [line for line in result.stderr.splitlines() if line.startswith("error: ")]
    assert result.returncode == 2 and len(lines) == 1, result.stderr
    assert "disk: is full" in lines[0] and "same command again" in lines[0]
    assert not output.exists()
    assert main(command(output)[3:]) == 0
    assert digests(output) == whole


def test_two_builds_of_one_output_do_not_meet(tmp_path):
    process = subprocess.Popen(
        command(tmp_path / "dataset"), start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    wait_for(process, tmp_path / ".dataset.building" / "shards", 1)
    with pytest.raises(InputError, match="being built by another process"):
        build_dataset(SOURCE, tmp_path / "dataset", FEW)
    process.wait()
    assert process.returncode == 0 and (tmp_path / "dataset" / "README.md").exists()


def test_datatrove_builds_the_same_bytes(tmp_path):
    from datatrove.executor import LocalPipelineExecutor

    build_dataset(SOURCE, tmp_path / "alone", FEW)
    build, finish = build_pipelines(SOURCE, tmp_path / "together", FEW)
    shards = LocalPipelineExecutor(build, tasks=3, workers=1, logging_dir=str(tmp_path / "logs" / "build"))
    last = LocalPipelineExecutor(finish, tasks=1, workers=1, logging_dir=str(tmp_path / "logs" / "finish"))
    shards.run()
    assert not (tmp_path / "together").exists()
    last.run()
    assert digests(tmp_path / "together") == digests(tmp_path / "alone")
