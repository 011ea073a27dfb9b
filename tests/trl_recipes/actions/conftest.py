"""Demonstrations of the toy world, a tiny base, and files in LIBERO's layout with chosen numbers."""

import json
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch

from trl_recipes.actions.__main__ import main as actions


@pytest.fixture(scope="session")
def demonstrations(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("actions") / "demonstrations"
    assert actions(["demonstrate", "--episodes", "12", "--output", str(folder)]) == 0
    return folder


@pytest.fixture(scope="session")
def base(tmp_path_factory) -> Path:
    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("actions") / "base"
    assert actions(["base", "--output", str(folder)]) == 0
    return folder


@pytest.fixture
def write_file():
    """write_file(path, demonstrations, **attributes): arrays by name for each demonstration."""
    return _write_file


def _write_file(path, demonstrations, instruction="open the drawer", **attributes):
    with h5py.File(path, "w") as file:
        data = file.create_group("data")
        data.attrs["problem_info"] = json.dumps({"problem_name": "toy", "language_instruction": instruction})
        data.attrs.update(attributes)
        for number, arrays in enumerate(demonstrations):
            steps = len(arrays["actions"])
            defaults = {
                "obs/agentview_rgb": np.full((steps, 8, 8, 3), number, np.uint8),
                "rewards": np.eye(1, steps, steps - 1, dtype=np.uint8)[0],
            }
            for name, values in (defaults | arrays).items():
                if values is not None:
                    data[f"demo_{number}/{name}"] = values
