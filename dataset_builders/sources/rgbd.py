"""Posed RGB-D frames in the layout of 7-Scenes, as a source of scenes.

One scene is a folder of
    camera-intrinsics.txt       3 x 3, pixels
    frame-XXXXXX.color.jpg|png  RGB; or instead of them all
    color.mp4                   a video; XXXXXX is the number of its frame, from 0, and may leave frames out
    frame-XXXXXX.depth.png      16 bit, same size and camera as the colours; 0 and 65535 mean unknown
    frame-XXXXXX.pose.txt       4 x 4 camera-to-world, metres, OpenCV camera axes
    scene.json                  optional: {"scale": "indoor", "license": "...", "room_size": 12.5,
                                           "registered": true, "depth": "millimetre"}
    objects.json                optional: [{"instance_id": 1, "category": "chair", "center": [x, y, z],
                                            "size": [x, y, z], "rotation": [[...], [...], [...]]}, ...]

Nothing in a depth image says what its values mean, so `depth` in scene.json names one of the `ENCODINGS` of
`depth_png`; without it they are millimetres, as in 7-Scenes.

7-Scenes itself publishes depths of another camera than the colours (see `registration`). Frames with its intrinsics
are therefore registered here, unless scene.json says that they are already.

The world of 7-Scenes is arbitrary: its Z is NOT up, and nothing in the files says where up is. That does no harm as
long as there are no objects, because only questions about objects refer to up. Whoever adds `objects.json` must give
boxes in a world with Z up, and turn the poses into the same world.
"""

import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from dataset_builders.conversation import select_frames
from dataset_builders.errors import InputError
from dataset_builders.scene import Frame, Scene, SceneObject, validate_scene
from dataset_builders.sources import SceneRef
from dataset_builders.sources.depth_png import ENCODINGS
from dataset_builders.sources.fields import numbers, positive_or_none, read_json, require
from dataset_builders.sources.registration import is_seven_scenes, register_to_color
from dataset_builders.sources.rgbd_files import SceneFolder
from dataset_builders.sources.video import video_frames
from dataset_builders.taxonomy import SCALES

COLOR_NAME = re.compile(r"(frame-\d+)\.color\.(?:jpg|png)")
POSE_NAME = re.compile(r"(frame-\d+)\.pose\.txt")
VIDEO = "color.mp4"


class RgbdSource:
    """A folder that is one scene, or a folder of such folders."""

    name = "rgbd"

    def __init__(self, folder: Path | str, num_frames: int | None = None):
        """Find the scenes.

        Args:
            folder: One scene, or a folder with one sub-folder per scene.
            num_frames: Frames per scene, evenly spread over those that exist; None for all.

        Raises:
            InputError: if no scene is there.
        """
        folder, self._num_frames = Path(folder), num_frames
        if not folder.is_dir():
            raise InputError(folder, "--input", "is not a folder", "give a folder of RGB-D frames")
        if _is_scene(folder):
            self._folders = {folder.resolve().name: folder}
        else:
            self._folders = {path.name: path for path in sorted(folder.iterdir()) if _is_scene(path)}
        if not self._folders:
            raise InputError(folder, "frame-*.color.jpg", "no such frames here or one level below", "see the layout")

    def refs(self) -> list[SceneRef]:
        """List the scenes by the name of their folder, in alphabetical order."""
        return [SceneRef(scene_id, _scale(path)) for scene_id, path in self._folders.items()]

    def load(self, ref: SceneRef) -> Scene:
        """Read one scene.

        Raises:
            InputError: if a file is missing, unreadable or outside the folder, or its content cannot be right.
        """
        folder = SceneFolder(self._folders[ref.scene_id], ref.scene_id)
        about = _about(folder)
        encoding = about.get("depth", "millimetre")
        names = _frame_names(folder)
        chosen = [names[index] for index in select_frames(len(names), self._num_frames or len(names))]
        intrinsics = folder.intrinsics() if names else None
        frames = (
            folder.frame(stem, color, intrinsics, encoding)
            for (stem, _), color in zip(chosen, _colors(folder, chosen), strict=True)
        )
        scene = Scene(
            scene_id=ref.scene_id,
            source=self.name,
            license=about["license"],
            scale=about.get("scale", "indoor"),
            objects=tuple(_objects(folder)),
            frames=tuple(_registered(frame, about) for frame in frames),
            room_size=positive_or_none(about.get("room_size"), folder.place("scene.json"), "room_size"),
        )
        return validate_scene(scene, ref.scene_id)


def _is_scene(path: Path) -> bool:
    return path.is_dir() and ((path / "camera-intrinsics.txt").exists() or any(path.glob("frame-*.color.*")))


def _scale(path: Path) -> str:
    """Read the scale ahead of loading; a scene.json that says no valid one is refused when the scene is loaded."""
    try:
        scale = json.loads((path / "scene.json").read_text(encoding="utf-8"))["scale"]
    except (OSError, ValueError, TypeError, KeyError):
        return "indoor"
    return scale if scale in SCALES else "indoor"


def _about(folder: SceneFolder) -> dict:
    about, place = folder.about(), folder.place("scene.json")
    for name, default, known in (("scale", "indoor", SCALES), ("depth", "millimetre", ENCODINGS)):
        if about.get(name, default) not in list(known):
            raise InputError(place, name, f"is {about[name]!r}", f"use one of {', '.join(known)}")
    return about


def _registered(frame: Frame, about: dict) -> Frame:
    if is_seven_scenes(frame.camera) and about.get("registered") is not True:
        return register_to_color(frame)
    return frame


def _frame_names(folder: SceneFolder) -> list[tuple[str, str]]:
    """List (stem, file of the colours) of each frame, in order."""
    names: dict[str, str] = {}
    for file_name in folder.listing():
        match = COLOR_NAME.fullmatch(file_name)
        if match is None:
            continue
        if match[1] in names:
            raise InputError(folder.place(file_name), "file", f"repeats {names[match[1]]}", "keep one of the two")
        names[match[1]] = file_name
    if folder.has(VIDEO):
        if names:
            problem = f"repeats {next(iter(names.values()))}"
            raise InputError(folder.place(VIDEO), "file", problem, "keep the video or the images")
        stems = [match[1] for match in map(POSE_NAME.fullmatch, folder.listing()) if match]
        return [(stem, VIDEO) for stem in sorted(stems, key=_number)]
    return list(names.items())


def _number(stem: str) -> int:
    return int(stem.removeprefix("frame-"))


def _colors(folder: SceneFolder, chosen: Sequence[tuple[str, str]]) -> Iterator[np.ndarray]:
    """Yield the colours of some frames, (H, W, 3) uint8 RGB."""
    if folder.has(VIDEO):
        return video_frames(folder.path(VIDEO), folder.place(VIDEO), [_number(stem) for stem, _ in chosen])
    return (folder.color(name) for _, name in chosen)


def _objects(folder: SceneFolder) -> Iterator[SceneObject]:
    if not folder.has("objects.json"):
        return
    place = folder.place("objects.json")
    for index, item in enumerate(read_json(folder.path("objects.json"), place, list)):
        require(item, dict, place, f"[{index}]")
        yield SceneObject(
            instance_id=require(item.get("instance_id"), int, place, f"[{index}].instance_id"),
            category=require(item.get("category"), str, place, f"[{index}].category"),
            center=numbers(item.get("center"), (3,), place, f"[{index}].center"),
            size=numbers(item.get("size"), (3,), place, f"[{index}].size"),
            rotation=numbers(item.get("rotation"), (3, 3), place, f"[{index}].rotation"),
        )
