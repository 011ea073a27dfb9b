"""A small real dataset and a tiny model from it, made once."""

import sys
import warnings
from pathlib import Path

import datasets
import pytest
import torch
from datasets import load_dataset

from dataset_builders.cli import main as build_data
from dataset_builders.conversation import FrameStore, completion_text, prompt_text
from modeling_spacevista import build_tiny_model

NUM_FRAMES = 4

# Tests share code through modules beside them.
sys.path.insert(0, str(Path(__file__).parent))

warnings.filterwarnings("ignore", ".*gradient_checkpointing.* is deprecated", FutureWarning)


@pytest.fixture(scope="session", autouse=True)
def own_datasets_cache(tmp_path_factory):
    """Keep the user's cache out of the tests."""
    before, datasets.config.HF_DATASETS_CACHE = datasets.config.HF_DATASETS_CACHE, tmp_path_factory.mktemp("cache")
    yield
    datasets.config.HF_DATASETS_CACHE = before


@pytest.fixture(scope="session")
def data_dir(tmp_path_factory) -> Path:
    """Two scenes of each scale, six questions of each scene; so few scenes all go to the train split."""
    folder = tmp_path_factory.mktemp("data") / "spatial"
    argv = ["build", "--source", "synthetic", "--num-scenes", "10", "--max-per-scene", "6", "--seed", "0"]
    argv += ["--frame-size", "112x84", "--num-frames", str(NUM_FRAMES), "--output", str(folder)]
    assert build_data(argv) == 0
    return folder


@pytest.fixture(scope="session")
def questions(data_dir):
    return load_dataset(str(data_dir), "all", split="train")


@pytest.fixture(scope="session")
def store(data_dir):
    return FrameStore(str(data_dir), "train", NUM_FRAMES)


@pytest.fixture(scope="session")
def frames(store):
    return store.frames


@pytest.fixture(scope="session")
def tiny(questions):
    """Return (model, processor); copy the model before training it."""
    torch.set_num_threads(1)
    return build_tiny_model([text for row in questions for text in (prompt_text(row), completion_text(row))], seed=0)


@pytest.fixture(scope="session")
def model_dir(tiny, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("model")
    for part in tiny:
        part.save_pretrained(folder)
    return folder
