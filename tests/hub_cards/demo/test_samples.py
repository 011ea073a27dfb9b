import pytest

from dataset_builders.errors import InputError
from dataset_builders.taxonomy import SCALE_NAMES
from hub_cards.demo.samples import Samples


def test_scenes_of_every_scale_with_their_questions_and_geometry(samples):
    assert [entry.scale for entry in samples.entries] == [scale for scale in SCALE_NAMES for _ in range(2)]
    for place, entry in enumerate(samples.entries):
        sample = samples.open(place)
        assert sample.clip.name == entry.scene_id and sample.scale == entry.scale
        assert len(sample.clip.frames) == 6 and sample.clip.frames[0].size == (224, 168)
        assert {row["scene_id"] for row in sample.questions} <= {entry.scene_id}
        assert len(sample.questions) == entry.tasks.total()
        assert len(sample.view.cameras) == 6 and sample.view.outlines


def test_fewer_scenes_are_spread_over_the_scales(scenes_dir):
    assert [entry.scale for entry in Samples(scenes_dir, 5).entries] == SCALE_NAMES


def test_what_is_no_dataset_is_refused(tmp_path):
    with pytest.raises(InputError, match="has no Parquet files"):
        Samples(tmp_path)
