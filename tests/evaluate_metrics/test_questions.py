import shutil

import pytest
from datasets import Dataset

from dataset_builders.errors import InputError
from dataset_builders.record import QUESTION_FEATURES
from evaluate_metrics.questions import dataset_files, fingerprint, load_questions, open_frames


def test_labels_come_by_name(dataset_dir, records):
    loaded = load_questions(dataset_dir, "test")
    assert [(row["id"], row["task"], row["scale"], row["answer_type"]) for row in loaded] == [
        (row["id"], row["task"], row["scale"], row["answer_type"]) for row in records
    ]


def test_missing_folder(tmp_path):
    with pytest.raises(InputError, match="--dataset: is not a folder"):
        load_questions(tmp_path / "nothing", "test")


def test_missing_split_names_those_that_exist(dataset_dir):
    with pytest.raises(InputError, match="no questions in split 'validation'; choose one of test"):
        load_questions(dataset_dir, "validation")


def test_a_folder_without_questions(tmp_path):
    with pytest.raises(InputError, match="build it with python -m dataset_builders build"):
        load_questions(tmp_path, "test")


@pytest.fixture
def changed_dataset(dataset_dir, tmp_path):
    """A copy of the dataset whose questions may be replaced."""
    folder = tmp_path / "changed"
    shutil.copytree(dataset_dir, folder)
    return folder, folder / "questions" / "test-00000-of-00001.parquet"


def test_empty_split(changed_dataset):
    folder, shard = changed_dataset
    Dataset.from_dict({name: [] for name in QUESTION_FEATURES}, features=QUESTION_FEATURES).to_parquet(shard)
    with pytest.raises(InputError, match="questions/test: is empty"):
        load_questions(folder, "test")


def test_truncated_shard(changed_dataset):
    folder, shard = changed_dataset
    shard.write_bytes(shard.read_bytes()[:200])
    with pytest.raises(InputError, match="questions/test: cannot be read"):
        load_questions(folder, "test")


def test_foreign_columns(changed_dataset):
    folder, shard = changed_dataset
    Dataset.from_dict({"text": ["x"]}).to_parquet(shard)
    with pytest.raises(InputError, match="lacks the columns anchors, answer"):
        load_questions(folder, "test")


def test_too_few_frames_for_the_marks_of_a_question(dataset_dir, records):
    records = [record | {"key_frames": [0, 3]} for record in records]
    with pytest.raises(InputError, match="--num-frames: is 1, but a question shows marks on 2; give 2 or more"):
        open_frames(dataset_dir, "test", 1, records)


def test_missing_scenes(changed_dataset, records):
    folder, _ = changed_dataset
    shutil.rmtree(folder / "scenes")
    with pytest.raises(InputError, match="scenes/test: is missing"):
        open_frames(folder, "test", 4, records)


def test_fingerprint_notices_contents_and_names_but_not_the_place(changed_dataset, dataset_dir):
    folder, shard = changed_dataset
    original = fingerprint(dataset_dir, dataset_files(dataset_dir, "test"))
    assert fingerprint(folder, dataset_files(folder, "test")) == original
    shard.rename(shard.with_name("test-00000-of-00002.parquet"))
    renamed = fingerprint(folder, dataset_files(folder, "test"))
    shutil.copy(folder / "README.md", shard.with_name("test-00000-of-00002.parquet"))
    assert len({original, renamed, fingerprint(folder, dataset_files(folder, "test"))}) == 3
