"""How long the two commands of the README take on a fresh clone: `python benchmarks/demo.py`.

Clones the last commit into a temporary folder (some 8 GB with what is installed there; TMPDIR moves it), installs
with empty download caches, and runs the two commands. Each of them takes the installation and its own time where it
is the first. Test data in a folder `shared` beside the project is linked beside the clone.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from machine import describe_machine

PROJECT = Path(__file__).resolve().parent.parent
STEPS = {"installation": "install", "demo": "demo", "test": "test"}
# What a surrounding `make` hands down, the number of scenes, and caches that a newcomer does not have.
LEFT_OUT = {
    *("MAKEFLAGS", "MFLAGS", "MAKELEVEL", "MAKEOVERRIDES", "GNUMAKEFLAGS", "SCENES"),
    *("PIP_CACHE_DIR", "HF_HOME", "HF_HUB_CACHE", "HF_DATASETS_CACHE", "VIRTUAL_ENV"),
}


class StepError(RuntimeError):
    """A command of the README failed, so there is nothing to measure."""


def clone(folder: Path) -> Path:
    """Clone the last commit below `folder`, link the test data beside it, and return where it lies."""
    target = folder / "project"
    subprocess.run(["git", "clone", "--quiet", "--no-hardlinks", str(PROJECT), str(target)], check=True)
    shared = PROJECT.parent / "shared"
    if shared.is_dir():
        (folder / "shared").symlink_to(shared, target_is_directory=True)
    return target


def measure(project: Path, cache: Path) -> dict[str, float]:
    """Run the steps one after the other and return the wall seconds of each.

    Raises:
        StepError: if one of them fails.
    """
    environment = {name: value for name, value in os.environ.items() if name not in LEFT_OUT}
    environment["XDG_CACHE_HOME"] = str(cache)
    seconds = {}
    for step, target in STEPS.items():
        started = time.perf_counter()
        code = subprocess.run(["make", target], cwd=project, env=environment).returncode
        seconds[step] = round(time.perf_counter() - started, 1)
        if code:
            raise StepError(f"`make {target}` ({step}) ended with code {code} after {seconds[step]} s")
    return seconds


def _git(*words: str) -> str:
    return subprocess.run(["git", "-C", str(PROJECT), *words], check=True, capture_output=True, text=True).stdout


def _table(seconds: dict[str, float]) -> str:
    rows = [f"{step:<24}{'make ' + STEPS[step]:<12}{taken:>8.1f} s" for step, taken in seconds.items()]
    return "\n".join(rows)


def main() -> int:
    """Measure, write `demo.json` beside this file and print a table; code 1 where a command fails."""
    parser = argparse.ArgumentParser(
        description="Measure `make demo` and `make test` on a fresh clone of the last commit, and write the wall "
        "seconds, the machine and the demo's overall scores to benchmarks/demo.json.",
    )
    parser.parse_args()
    commit = _git("rev-parse", "HEAD").strip()
    if _git("status", "--porcelain").strip():
        sys.stderr.write(f"warning: measuring commit {commit[:7]}; changes that are not committed are left out\n")
    with tempfile.TemporaryDirectory(prefix="spacevista-demo-") as name:
        project = clone(Path(name))
        try:
            seconds = measure(project, Path(name) / "cache")
        except StepError as error:
            sys.stderr.write(f"error: {error}; nothing was written\n")
            return 1
        results = json.loads((project / "build/demo/results/results.json").read_text(encoding="utf-8"))
    report = {
        "machine": describe_machine(),
        "date": datetime.now(UTC).date().isoformat(),
        "commit": commit,
        "seconds": seconds,
        "results": results["overall"],
    }
    Path(__file__).with_suffix(".json").write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    sys.stdout.write(f"\n{_table(seconds)}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
