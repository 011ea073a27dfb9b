import numpy as np
import pytest
from PIL import Image

from dataset_builders.build import build_dataset
from dataset_builders.errors import InputError
from dataset_builders.leakage import excluded_scenes, frame_hashes, near_duplicates
from dataset_builders.scene import Camera, Frame, Scene
from dataset_builders.settings import BuildSettings
from dataset_builders.shards import plan_shards
from dataset_builders.sources import SceneRef
from dataset_builders.sources.synthetic import SyntheticSource
from dataset_builders.sources.vsi_meta import VsiMetaSource
from dataset_builders.splits import assign_splits


def photo(seed: int) -> np.ndarray:
    """A picture with large structure, as photos have it."""
    rng = np.random.default_rng(seed)
    return np.asarray(Image.fromarray(rng.integers(0, 255, (9, 12, 3), dtype=np.uint8)).resize((160, 120)))


def scene(scene_id: str, pictures) -> Scene:
    camera = Camera(np.array([[100.0, 0, 80], [0, 100, 60], [0, 0, 1]]), np.eye(4), 160, 120)
    return Scene(scene_id, "test", "CC0-1.0", "indoor", (), tuple(Frame(camera, picture) for picture in pictures))


def hashes(scenes) -> dict:
    return {one.scene_id: frame_hashes(one) for one in scenes}


def test_a_brighter_noisier_smaller_copy_is_a_near_duplicate_and_another_scene_is_not():
    pictures = [photo(seed) for seed in range(4)]
    noise = np.random.default_rng(0).normal(0, 6, pictures[0].shape)
    changed = [np.clip(picture * 0.9 + 12 + noise, 0, 255).astype(np.uint8) for picture in pictures]
    train = hashes(
        [scene("copy", changed), scene("half", [*changed[:2], photo(8), photo(9)]), scene("own", [photo(7)])]
    )
    assert near_duplicates(train, hashes([scene("held", pictures)])) == {"copy": "held", "half": "held"}


def test_synthetic_scenes_are_not_taken_for_each_other():
    source = SyntheticSource(30, 0, num_frames=4, frame_size=(112, 84))
    found = {ref.scene_id: frame_hashes(source.load(ref)) for ref in source.refs()}
    for scene_id, own in found.items():
        others = {other: values for other, values in found.items() if other != scene_id}
        assert near_duplicates({scene_id: own}, others) == {}


def test_listed_scenes_go_to_test_and_the_others_keep_their_splits():
    refs = [SceneRef(f"room{number}", "indoor") for number in range(40)]
    listed = {"room3", "room30"}
    splits = assign_splits(refs, 0, listed)
    assert {splits[name] for name in listed} == {"test"}
    rest = [ref for ref in refs if ref.scene_id not in listed]
    assert {name: split for name, split in splits.items() if name not in listed} == assign_splits(rest, 0)


def test_no_room_of_vsi_bench_is_left_to_train_on(tmp_path, real_data):
    source = VsiMetaSource(real_data("vsi_meta_info"))
    listed = excluded_scenes(["vsi-bench"])
    assert {ref.scene_id for ref in source.refs()} <= listed
    settings = BuildSettings(num_scenes=12, max_per_scene=3, excluded=listed)
    report = build_dataset(source, tmp_path / "dataset", settings)
    assert report.scenes == {"test": 12} and list((tmp_path / "dataset" / "questions").glob("train-*")) == []


def test_a_near_duplicate_of_a_held_out_scene_is_left_out_of_train(tmp_path, monkeypatch):
    source = SyntheticSource(20, 0, num_frames=2, frame_size=(112, 84))
    # Ten indoor scenes would be needed for a held-out one: all scenes count as one scale here.
    refs = [SceneRef(ref.scene_id, "indoor") for ref in source.refs()]
    splits = assign_splits(refs, 0)
    held = next(name for name, split in splits.items() if split == "test")
    copy = next(name for name, split in splits.items() if split == "train")
    load = SyntheticSource.load

    def twin(self, ref):
        original = SceneRef(held, self.refs()[int(held[-6:])].scale) if ref.scene_id == copy else None
        own = SceneRef(ref.scene_id, self.refs()[int(ref.scene_id[-6:])].scale)
        loaded = load(self, original or own)
        return Scene(**{**vars(loaded), "scene_id": ref.scene_id}) if original else loaded

    monkeypatch.setattr(SyntheticSource, "load", twin)
    monkeypatch.setattr("dataset_builders.build.plan", lambda source, settings: plan_shards(refs, 0))
    report = build_dataset(source, tmp_path / "dataset", BuildSettings(tasks=("object_size",), max_per_scene=2))
    (row,) = report.quarantine
    assert row["scene_id"] == copy and held in row["problem"] and report.scenes.total() == 19


@pytest.mark.parametrize(("content", "problem"), [(None, "cannot be read"), ("# nothing\n", "lists no scene")])
def test_a_list_that_is_missing_or_empty_is_refused(tmp_path, content, problem):
    path = tmp_path / "list.txt"
    if content is not None:
        path.write_text(content)
    with pytest.raises(InputError, match=problem):
        excluded_scenes([str(path)])


def test_a_list_may_name_the_dataset_of_a_scene(tmp_path):
    (tmp_path / "list.txt").write_text("# a comment\nscannet/scene0001_00\n\nscene0002_00\n")
    assert excluded_scenes([str(tmp_path / "list.txt")]) == {"scene0001_00", "scene0002_00"}
