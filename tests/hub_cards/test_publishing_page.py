"""The commands of docs/publishing.md, in order in one folder, against a Hub on the loopback interface."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from loopback_hub import TOKEN, running

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "publishing.md"


def commands() -> list[str]:
    blocks = re.findall(r"```bash\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    return [line for block in blocks for line in block.splitlines() if line]


def test_the_page_shows_every_kind_of_command():
    text = "\n".join(commands())
    for words in ("publish dataset", "publish model", "publish metric", "--dry-run", "withhold", "--private", "--tag"):
        assert words in text


@pytest.mark.slow
def test_every_command_runs(dataset, model, results, tmp_path):
    build = tmp_path / "build"
    build.mkdir()
    shutil.copytree(dataset, build / "dataset")  # the name that the model says it was trained on
    (build / "synthetic").symlink_to(build / "dataset")
    shutil.copytree(dataset, build / "mixed")
    shard = build / "mixed" / "scenes" / "train-00000-of-00001.parquet"
    table = pq.read_table(shard)
    place = table.column_names.index("license")
    terms = pa.array(["ScanNet Terms of Use"] * len(table))
    pq.write_table(table.set_column(place, table.schema.field("license"), terms), shard)
    shutil.copytree(model, build / "grpo")
    shutil.copytree(results, build / "evaluation")
    (tmp_path / "evaluate_metrics").symlink_to(ROOT / "evaluate_metrics")
    with running() as hub:
        environment = {name: value for name, value in os.environ.items() if not name.startswith("HF_")}
        environment |= {"HF_ENDPOINT": hub.url, "HF_TOKEN": TOKEN, "HF_HOME": str(tmp_path / "cache")}
        environment |= {"HF_HUB_DISABLE_XET": "1"}
        for command in commands():
            done = subprocess.run(
                [sys.executable, *shlex.split(command)[1:]],
                cwd=tmp_path,
                env=environment,
                capture_output=True,
                text=True,
                timeout=120,
            )
            assert done.returncode == 0, f"{command}\n{done.stderr}"
        assert {key: repo.private for key, repo in hub.repos.items()} == {
            ("datasets", "owner/spacevista-rooms"): True,
            ("models", "owner/spacevista-tiny"): False,
        }
        assert list(hub.repos["models", "owner/spacevista-tiny"].tags) == ["v1"]
