import subprocess
import sys

import datasets
import pytest
from datasets import Dataset, load_dataset

from dataset_builders import packaged
from dataset_builders.build import build_dataset
from dataset_builders.record import QUESTION_FEATURES, SCENE_FEATURES
from dataset_builders.settings import BuildSettings
from dataset_builders.sources.synthetic import SyntheticSource
from dataset_builders.sources.vsi_meta import VsiMetaSource


@pytest.fixture
def folder(tmp_path, write_rooms):
    build_dataset(VsiMetaSource(write_rooms(10)), tmp_path / "dataset", BuildSettings(max_per_scene=4))
    return tmp_path / "dataset"


def test_the_private_table_is_still_there():
    """If this fails, a new version of `datasets` moved its table: see `dataset_builders.packaged`."""
    table = datasets.packaged_modules._PACKAGED_DATASETS_MODULES
    assert {name: table[name][0] for name in packaged.MODULES} == packaged.MODULES


def test_the_name_loads_what_the_folder_loads(folder, tmp_path):
    cache = str(tmp_path / "cache")
    by_name = load_dataset("spacevista-1m", data_dir=str(folder), split="train", cache_dir=cache)
    by_folder = load_dataset(str(folder), split="train", cache_dir=cache)
    assert by_name.features == QUESTION_FEATURES and by_name.to_list() == by_folder.to_list()
    assert set(load_dataset("spacevista-1m", data_dir=str(folder), cache_dir=cache)) == {"train", "validation", "test"}


def test_folders_of_one_name_give_their_own_rows(tmp_path):
    """`datasets` caches a folder by its name and the YAML of its card; the second had the rows of the first."""
    cache, loaded = str(tmp_path / "cache"), []
    for seed in (1, 2):
        folder = tmp_path / f"parent{seed}" / "dataset"
        source = SyntheticSource(num_scenes=2, seed=seed, num_frames=2, frame_size=(32, 24))
        build_dataset(source, folder, BuildSettings(seed=seed, max_per_scene=4))
        for config, inside in (("all", "questions"), ("scenes", "scenes")):
            rows = load_dataset(str(folder), config, split="train", cache_dir=cache)
            columns = [name for name in rows.column_names if name != "frames"]
            own = Dataset.from_parquet(
                str(folder / inside / "train-*.parquet"), cache_dir=str(tmp_path / f"own{seed}")
            )
            assert rows.select_columns(columns).to_list() == own.select_columns(columns).to_list()
            assert {name.split("-")[1] for name in rows["scene_id"]} == {str(seed)}
            loaded.append(set(rows["scene_id"]))
    assert loaded[0] and loaded[1] and not (loaded[0] | loaded[1]) & (loaded[2] | loaded[3])


def test_a_scale_is_a_config(tmp_path):
    source = SyntheticSource(num_scenes=5, seed=0, rendered=False)
    build_dataset(source, tmp_path / "dataset", BuildSettings(max_per_scene=4))
    cache, data_dir = str(tmp_path / "cache"), str(tmp_path / "dataset")
    for scale in ("tiny_tabletop", "tabletop", "drone"):
        by_name = load_dataset("spacevista-1m", scale, data_dir=data_dir, split="train", cache_dir=cache)
        by_folder = load_dataset(data_dir, scale, split="train", cache_dir=cache)
        assert by_name.to_list() == by_folder.to_list() and len(by_name) == 4
        assert {by_name.features["scale"].int2str(value) for value in by_name["scale"]} == {scale}


def test_the_name_has_the_scenes_and_streams(folder, tmp_path):
    scenes = load_dataset("spacevista-1m", name="scenes", data_dir=str(folder), cache_dir=str(tmp_path / "cache"))
    assert scenes["train"].features == SCENE_FEATURES and len(scenes["train"]) == 8
    stream = load_dataset("spacevista-1m", data_dir=str(folder), split="test", streaming=True)
    assert len(list(stream)) == 4


def test_the_benchmark_is_the_test_split_alone(folder, tmp_path):
    cache = str(tmp_path / "cache")
    bench = load_dataset("spacevista-bench", data_dir=str(folder), cache_dir=cache)
    assert set(bench) == {"test"}
    assert bench["test"].to_list() == load_dataset(str(folder), split="test", cache_dir=cache).to_list()
    assert len(load_dataset("spacevista-bench", "scenes", data_dir=str(folder), split="test", cache_dir=cache)) == 1


def test_a_folder_without_the_config_is_named(tmp_path):
    (tmp_path / "train.parquet").write_bytes(b"")
    with pytest.raises(ValueError, match=r"no questions/\*-\*\.parquet in data_dir"):
        load_dataset("spacevista-1m", data_dir=str(tmp_path), cache_dir=str(tmp_path / "cache"))


def test_a_version_of_datasets_without_the_table_only_warns(monkeypatch):
    monkeypatch.delattr(datasets.packaged_modules, "_PACKAGED_DATASETS_MODULES")
    with pytest.warns(UserWarning, match="use load_dataset\\(DIR\\)"):
        assert packaged.register() is False


def test_the_front_door_registers_and_needs_no_torch():
    code = (
        "import sys, dataset_builders, datasets; "
        "print('torch' in sys.modules, 'spacevista-1m' in datasets.packaged_modules._PACKAGED_DATASETS_MODULES)"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout == "False True\n"
