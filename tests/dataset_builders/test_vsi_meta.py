import json

import numpy as np
import pytest

from dataset_builders.errors import InputError
from dataset_builders.sources import SceneRef
from dataset_builders.sources.vsi_meta import VsiMetaSource


def test_a_room_is_read_field_by_field(write_rooms, make_room):
    raw = make_room()
    raw["object_bbox"] = {"sofa": [{"centroid": [1, 2, 3], "axesLengths": [4, 5, 6]}]}
    raw["object_bbox"]["sofa"][0]["normalizedAxes"] = [0, 1, 0, -1, 0, 0, 0, 0, 1]
    source = VsiMetaSource(write_rooms({"scene0000_00": raw}))
    assert source.refs() == [SceneRef("scene0000_00", "indoor")]
    scene = source.load(source.refs()[0])
    (sofa,) = scene.objects
    assert (sofa.instance_id, sofa.category) == (1, "sofa")
    assert sofa.center.tolist() == [1, 2, 3] and sofa.size.tolist() == [4, 5, 6]
    assert sofa.rotation[0].tolist() == [0, 1, 0]  # row 0 is the direction of the 4 m axis
    assert (scene.source, scene.scale, scene.room_size, scene.frames) == ("vsi-meta", "indoor", 20.5, ())
    assert scene.license.startswith("Apache-2.0") and "ScanNet" in scene.license
    assert scene.metadata == {"dataset": "scannet", "object_counts": raw["object_counts"]}


def test_files_are_read_in_a_fixed_order_and_ids_are_unique_over_them(write_rooms, make_room):
    folder = write_rooms({"b": make_room()})
    (folder / "arkitscenes_meta_info_val.json").write_text(json.dumps({"z": make_room()}))
    assert [ref.scene_id for ref in VsiMetaSource(folder).refs()] == ["z", "b"]
    (folder / "arkitscenes_meta_info_val.json").write_text(json.dumps({"b": make_room()}))
    with pytest.raises(InputError, match="b: is also in arkitscenes_meta_info_val.json"):
        VsiMetaSource(folder)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"dataset": "kitti"}, "dataset: is 'kitti'"),
        ({"room_size": -3}, "room_size: is -3"),
        ({"room_size": "large"}, "room_size: is 'large'"),
        ({"object_bbox": None}, "object_bbox: is missing"),
        ({"object_bbox": {"sofa": {}}}, "object_bbox.sofa: is a dict"),
        ({"object_bbox": {"sofa": [{}]}}, r"object_bbox.sofa\[0\].centroid: is missing"),
        ({"object_counts": []}, "object_counts: is a list"),
    ],
)
def test_a_wrong_field_is_named_with_its_file_and_scene(write_rooms, make_room, change, message):
    source = VsiMetaSource(write_rooms({"room00": make_room() | change}))
    with pytest.raises(InputError, match=f"scannet_meta_info_val.json room00: {message}"):
        source.load(source.refs()[0])


def test_a_box_that_is_repeated_in_its_category_is_one_object(write_rooms, make_room):
    raw = make_room()
    (sofa,), (bed,) = raw["object_bbox"]["sofa"], raw["object_bbox"]["bed"]
    nearly = {**sofa, "centroid": [sofa["centroid"][0] + 1e-9, *sofa["centroid"][1:]]}
    raw["object_bbox"] = {"sofa": [sofa, dict(sofa), nearly, sofa], "bed": [bed], "couch": [sofa]}
    source = VsiMetaSource(write_rooms({"room00": raw}))
    objects = source.load(source.refs()[0]).objects
    expected = [(1, "sofa", sofa), (2, "sofa", nearly), (3, "bed", bed), (4, "couch", sofa)]
    found = [(item.instance_id, item.category, item.center.tolist()) for item in objects]
    assert found == [(number, category, box["centroid"]) for number, category, box in expected]


def published_once(groups: dict[str, list[dict]]) -> list[dict]:
    """Return the boxes of a room without the exact repeats within a category, in order."""
    boxes = [(category, json.dumps(box, sort_keys=True), box) for category, group in groups.items() for box in group]
    return list({(category, text): box for category, text, box in boxes}.values())


def test_all_real_rooms_load_and_rows_are_axes(real_data):
    """The files also store the upright box round each box, which tells rows from columns."""
    folder = real_data("vsi_meta_info")
    source = VsiMetaSource(folder)
    scenes = [source.load(ref) for ref in source.refs()]
    assert len(scenes) == 238 and sum(len(scene.objects) for scene in scenes) == 2066
    assert all(scene.room_size > 0 for scene in scenes)
    raw = json.loads((folder / "scannet_meta_info_val.json").read_text())
    stored, computed, columns = [], [], []
    for scene in scenes[150:]:
        boxes = published_once(raw[scene.scene_id]["object_bbox"])
        stored += [np.subtract(box["max"], box["min"]) for box in boxes]
        computed += [item.size @ np.abs(item.rotation) for item in scene.objects]
        columns += [item.size @ np.abs(item.rotation.T) for item in scene.objects]
    np.testing.assert_allclose(computed, stored, atol=1e-6)
    assert np.abs(np.subtract(columns, stored)).max() > 0.1
