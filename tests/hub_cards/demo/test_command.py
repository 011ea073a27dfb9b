"""The commands of docs/demo.md, and bad input to them."""

import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from hub_cards.__main__ import main

PAGE = Path(__file__).parents[3] / "docs" / "demo.md"


def documented(folders: dict[str, str]) -> list[list[str]]:
    """Return the arguments of the documented commands, with other folders in them."""
    text = PAGE.read_text(encoding="utf-8")
    for name, folder in folders.items():
        text = text.replace(name, folder)
    lines = re.findall(r"^python -m hub_cards (.*)$", text, re.MULTILINE)
    return [shlex.split(line) for line in lines]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def fetch(url: str, running: subprocess.Popen) -> str:
    deadline = time.monotonic() + 120
    while running.poll() is None and time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(url, timeout=5) as response:
                return response.read().decode()
        except (urllib.error.URLError, ConnectionError):
            time.sleep(0.3)
    raise AssertionError(f"the page does not answer: {running.communicate()}")


@pytest.mark.slow
def test_the_documented_page_is_served_until_it_is_interrupted(scenes_dir, model_dir):
    serve, *_ = documented({"build/demo/model": str(model_dir), "build/demo/dataset": str(scenes_dir)})
    port = free_port()
    command = [sys.executable, "-m", "hub_cards", *serve, "--port", str(port)]
    environment = os.environ | {"HF_HUB_OFFLINE": "1"}
    running = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        assert "Ask tiny-spacevista about space" in fetch(f"http://127.0.0.1:{port}/", running)
        assert main(["demo", "--model", str(model_dir), "--port", str(port)]) == 2
    finally:
        running.send_signal(signal.SIGINT)
        out, err = running.communicate(timeout=30)
    assert f"http://127.0.0.1:{port}" in out and "Traceback" not in err


def test_the_documented_space_passes_the_publisher(scenes_dir, tmp_path, capsys):
    _, export, publish = documented({"build/demo/dataset": str(scenes_dir), "build/space": str(tmp_path / "space")})
    assert main(export) == 0
    assert capsys.readouterr().out == f"{tmp_path / 'space'}\n"
    assert publish[:2] == ["publish", "space"] and publish[-1] == "--dry-run"
    assert main(publish) == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--model", "MODEL", "--num-frames", "0"], "demo: num_frames: is 0; give a number above 0"),
        (["--model", "nowhere"], "holds no config.json"),
        (["--model", "MODEL", "--dataset", "nowhere"], "nowhere: DIR: is not a folder"),
        (["--model", "nowhere", "--export", "space"], "--model: is not a Hub id"),
        ([], "the following arguments are required: --model"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(arguments, message, model_dir, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    given = [str(model_dir) if one == "MODEL" else one for one in arguments]
    try:
        code = main(["demo", *given])
    except SystemExit as error:
        code = error.code
    err = capsys.readouterr().err.splitlines()
    assert code == 2 and len([line for line in err if line.startswith("error: ")]) == 1
    assert message in err[-1]
    assert not (tmp_path / "space").exists()
