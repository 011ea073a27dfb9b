import pyarrow.parquet as pq
import pytest
from datasets import ClassLabel, Features, Value

from dataset_builders.writer import PartWriter

FEATURES = Features({"number": Value("int32"), "colour": ClassLabel(names=["red", "blue"])})


def write(path, rows):
    with PartWriter(path, FEATURES, rows_per_group=2) as part:
        for number in range(rows):
            part.write({"number": number, "colour": "blue"})


def test_rows_are_flushed_group_by_group_and_carry_their_features(tmp_path):
    path = tmp_path / "new folder" / "train.part"
    write(path, rows=5)
    file = pq.ParquetFile(path)
    groups = [file.metadata.row_group(index).num_rows for index in range(file.num_row_groups)]
    assert groups == [2, 2, 1]
    assert Features.from_arrow_schema(file.schema_arrow) == FEATURES
    assert file.read().to_pylist() == [{"number": number, "colour": 1} for number in range(5)]


def test_a_part_without_rows_is_no_file(tmp_path):
    write(tmp_path / "train.part", rows=0)
    assert list(tmp_path.iterdir()) == []


def test_a_part_that_is_not_complete_is_no_file(tmp_path):
    with pytest.raises(KeyboardInterrupt), PartWriter(tmp_path / "train.part", FEATURES, 1) as part:
        part.write({"number": 1, "colour": "red"})
        raise KeyboardInterrupt
    assert list(tmp_path.iterdir()) == []
