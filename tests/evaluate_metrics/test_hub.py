import pytest

from dataset_builders.errors import InputError
from evaluate_metrics.hub import local_folder

COMMIT = "0123456789abcdef0123456789abcdef01234567"


def test_a_folder_stays_one_and_a_snapshot_tells_its_commit(tmp_path):
    snapshot = tmp_path / "snapshots" / COMMIT
    snapshot.mkdir(parents=True)
    assert local_folder(str(tmp_path), "model", "--model") == (tmp_path, None)
    assert local_folder(str(snapshot), "dataset", "--dataset") == (snapshot, COMMIT)


@pytest.mark.parametrize("name", ["nobody/nothing", "nobody/nothing@v1"])
def test_what_the_hub_does_not_give_is_one_line(monkeypatch, tmp_path, name):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(InputError, match=f"{name}: --model: is no folder here, and the Hub does not give it"):
        local_folder(name, "model", "--model")


def test_a_cached_snapshot_is_found_offline(monkeypatch, tmp_path):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    repository = tmp_path / "datasets--somebody--bench"
    (repository / "refs").mkdir(parents=True)
    (repository / "refs" / "main").write_text(COMMIT)
    (repository / "snapshots" / COMMIT).mkdir(parents=True)
    (repository / "snapshots" / COMMIT / "test.jsonl").write_text("")
    monkeypatch.setattr("huggingface_hub._snapshot_download.constants.HF_HUB_CACHE", str(tmp_path))
    assert local_folder("somebody/bench", "dataset", "--dataset") == (repository / "snapshots" / COMMIT, COMMIT)
