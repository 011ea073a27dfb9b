"""Real rooms from the meta information of VSI-Bench: oriented boxes, counts and floor area, no images.

Lengths are metres, the world has Z up. `normalizedAxes` is row-major and its ROWS are the axes of the box; reading
columns gives wrong distances.
"""

from collections.abc import Iterator
from pathlib import Path

from dataset_builders.errors import InputError
from dataset_builders.scene import Scene, SceneObject, validate_scene
from dataset_builders.sources import SceneRef
from dataset_builders.sources.fields import numbers, positive_or_none, read_json, require

PATTERN = "*_meta_info_val.json"
LICENSES = {
    "scannet": "Apache-2.0 (VSI-Bench annotations), derived from ScanNet, which has its own terms of use",
    "scannetpp": "Apache-2.0 (VSI-Bench annotations), derived from ScanNet++, which has its own terms of use",
    "arkitscenes": "Apache-2.0 (VSI-Bench annotations), derived from ARKitScenes, which has its own terms of use",
}


class VsiMetaSource:
    """The rooms of every `*_meta_info_val.json` in a folder."""

    name = "vsi-meta"

    def __init__(self, folder: Path | str):
        """Read the files.

        Args:
            folder: Holds at least one `*_meta_info_val.json`.

        Raises:
            InputError: if there is none, one is truncated, or a scene is in two of them.
        """
        folder = Path(folder)
        self._raw: dict[str, tuple[str, object]] = {}
        for path in sorted(folder.glob(PATTERN)):
            for scene_id, raw in read_json(path, path, dict).items():
                if scene_id in self._raw:
                    raise InputError(path, scene_id, f"is also in {self._raw[scene_id][0]}", "keep it in one file")
                self._raw[scene_id] = (path.name, raw)
        if not self._raw:
            raise InputError(folder, PATTERN, "no file with a scene in it", "give the folder of the VSI meta info")

    def refs(self) -> list[SceneRef]:
        """List the rooms, in the order of the files."""
        return [SceneRef(scene_id, "indoor") for scene_id in self._raw]

    def load(self, ref: SceneRef) -> Scene:
        """Load one room; `metadata` keeps the published `object_counts`, which differ from the boxes in a few rooms.

        Raises:
            InputError: if a field is missing or a box is not finite, positive and orthonormal.
        """
        file_name, raw = self._raw[ref.scene_id]
        place = f"{file_name} {ref.scene_id}"
        require(raw, dict, place, "scene")
        dataset = raw.get("dataset")
        if dataset not in LICENSES:
            raise InputError(place, "dataset", f"is {dataset!r}", f"use one of {', '.join(LICENSES)}")
        scene = Scene(
            scene_id=ref.scene_id,
            source=self.name,
            license=LICENSES[dataset],
            scale=ref.scale,
            objects=tuple(_objects(raw, place)),
            room_size=positive_or_none(raw.get("room_size"), place, "room_size"),
            metadata={
                "dataset": dataset,
                "object_counts": require(raw.get("object_counts"), dict, place, "object_counts"),
            },
        )
        return validate_scene(scene, place)


def _objects(raw: dict, place: str) -> Iterator[SceneObject]:
    groups = require(raw.get("object_bbox"), dict, place, "object_bbox")
    boxes = [
        (category, f"object_bbox.{category}[{index}]", box)
        for category, group in groups.items()
        for index, box in enumerate(require(group, list, place, f"object_bbox.{category}"))
        # Nine published questions show that a box listed twice (every "printer" of some rooms) is one object.
        if box not in group[:index]
    ]
    for instance_id, (category, field, box) in enumerate(boxes, start=1):
        require(box, dict, place, field)
        yield SceneObject(
            instance_id=instance_id,
            category=category,
            center=numbers(box.get("centroid"), (3,), place, f"{field}.centroid"),
            size=numbers(box.get("axesLengths"), (3,), place, f"{field}.axesLengths"),
            rotation=numbers(box.get("normalizedAxes"), (9,), place, f"{field}.normalizedAxes").reshape(3, 3),
        )
