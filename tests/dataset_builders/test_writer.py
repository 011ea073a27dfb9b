import pyarrow.parquet as pq
import pytest
from datasets import ClassLabel, Features, Value

from dataset_builders import writer
from dataset_builders.writer import DatasetWriter, ShardWriter

FEATURES = Features({"number": Value("int32"), "colour": ClassLabel(names=["red", "blue"])})


def write(folder, rows):
    shards = ShardWriter(folder, "train", FEATURES, rows_per_group=2)
    for number in range(rows):
        shards.write({"number": number, "colour": "blue"})
    shards.close()
    return sorted(folder.iterdir())


def test_rows_are_flushed_group_by_group_and_carry_their_features(tmp_path):
    (path,) = write(tmp_path, rows=5)
    assert path.name == "train-00000-of-00001.parquet"
    file = pq.ParquetFile(path)
    groups = [file.metadata.row_group(index).num_rows for index in range(file.num_row_groups)]
    assert groups == [2, 2, 1]
    assert Features.from_arrow_schema(file.schema_arrow) == FEATURES
    assert file.read().to_pylist() == [{"number": number, "colour": 1} for number in range(5)]


def test_a_full_shard_is_followed_by_another_and_names_tell_how_many(tmp_path, monkeypatch):
    monkeypatch.setattr(writer, "SHARD_BYTES", 1)
    paths = write(tmp_path, rows=5)
    assert [path.name for path in paths] == [f"train-0000{index}-of-00003.parquet" for index in range(3)]
    assert [row["number"] for path in paths for row in pq.read_table(path).to_pylist()] == [0, 1, 2, 3, 4]


def test_only_what_was_written_to_exists(tmp_path):
    with pytest.raises(KeyboardInterrupt), DatasetWriter(tmp_path):
        raise KeyboardInterrupt
    assert list(tmp_path.iterdir()) == []
