"""Sequences in the layout of the TUM RGB-D benchmark, as a source of scenes.

One scene is a folder of
    rgb/, depth/            PNG, depth in 1/5000 m, registered to the colours
    rgb.txt, depth.txt      lines "timestamp file"; # begins a comment
    groundtruth.txt         lines "timestamp tx ty tz qx qy qz qw": camera to world, metres, OpenCV camera axes
    camera-intrinsics.txt   optional: 3 x 3, pixels; without it those that TUM recommends for its 640 x 480 images
    scene.json              optional: {"license": "..."}

Each colour image goes with the depth image and the pose nearest in time, at most 0.02 s away, as in TUM's own
associate.py; one that finds none is left out. The world is that of the motion capture, whose Z is up.
"""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from scipy.spatial.transform import Rotation

from dataset_builders.conversation import select_frames
from dataset_builders.errors import InputError
from dataset_builders.scene import Camera, Frame, Scene, validate_scene
from dataset_builders.sources import SceneRef
from dataset_builders.sources.files import scene_folders
from dataset_builders.sources.rgbd_files import SceneFolder

MARKER = "groundtruth.txt"
LONGEST_GAP = 0.02  # seconds
RECOMMENDED_INTRINSICS = np.array([[525.0, 0, 319.5], [0, 525.0, 239.5], [0, 0, 1]])
RECOMMENDED_SIZE = (640, 480)


@dataclass(frozen=True)
class TumSource:
    """A folder that is one sequence, or a folder of such folders.

    Attributes:
        folder: One sequence, or one sub-folder per sequence.
        num_frames: Frames per scene, evenly spread; None for all.
    """

    folder: Path | str
    num_frames: int | None = None

    name = "tum"

    def __post_init__(self):
        """Refuse a folder without sequences.

        Raises:
            InputError: if there is none.
        """
        scene_folders(self.folder, MARKER)

    def refs(self) -> list[SceneRef]:
        """List the sequences by the name of their folder, in alphabetical order."""
        return [SceneRef(scene_id, "indoor") for scene_id in self._folders]

    def load(self, ref: SceneRef) -> Scene:
        """Read one sequence.

        Raises:
            InputError: if a file is missing, unreadable or outside the folder, or its content cannot be right.
        """
        files = SceneFolder(self._folders[ref.scene_id], ref.scene_id)
        triples = _associate(files)
        chosen = select_frames(len(triples), self.num_frames or len(triples))
        scene = Scene(
            scene_id=ref.scene_id,
            source=self.name,
            license=files.about()["license"],
            scale=ref.scale,
            frames=tuple(_frame(files, *triples[index]) for index in chosen),
        )
        return validate_scene(scene, ref.scene_id)

    @cached_property
    def _folders(self) -> dict[str, Path]:
        return scene_folders(self.folder, MARKER)


def _associate(files: SceneFolder) -> list[tuple[str, str, np.ndarray]]:
    """List colour file, depth file and pose (7,) of the images that have all three, in order of time."""
    times, colors = _stamped(files, "rgb.txt", 1)
    depth_times, depths = _stamped(files, "depth.txt", 1)
    pose_times, poses = _stamped(files, MARKER, 7)
    depth_rows, depth_gaps = _nearest(times, depth_times)
    pose_rows, pose_gaps = _nearest(times, pose_times)
    kept = np.flatnonzero(np.maximum(depth_gaps, pose_gaps) <= LONGEST_GAP)
    if not len(kept):
        problem = f"none is within {LONGEST_GAP} s of a depth image and a pose"
        raise InputError(files.place("rgb.txt"), "timestamps", problem, "give files of one sequence")
    return [(colors[i][0], depths[depth_rows[i]][0], _pose(files, poses[pose_rows[i]])) for i in kept]


def _nearest(times: np.ndarray, others: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return for each time the row of the nearest of the `others`, which ascend, and how far it is, seconds."""
    after = np.clip(np.searchsorted(others, times), 1, max(len(others) - 1, 1))
    before = after - 1
    after = np.minimum(after, len(others) - 1)
    rows = np.where(np.abs(others[before] - times) <= np.abs(others[after] - times), before, after)
    return rows, np.abs(others[rows] - times)


def _stamped(files: SceneFolder, name: str, count: int) -> tuple[np.ndarray, list[list[str]]]:
    """Read lines of a timestamp and `count` words, in order of time: (N,) seconds and the words."""
    lines = [line.split() for line in files.text(name).splitlines() if line.strip() and not line.startswith("#")]
    place = files.place(name)
    try:
        stamped = sorted((float(line[0]), line[1:]) for line in lines)
    except ValueError:
        raise InputError(place, "timestamp", "is not a number in some line", "copy the file again") from None
    if not stamped or any(len(words) != count for _, words in stamped):
        raise InputError(place, "lines", f"do not all hold a timestamp and {count} more", "copy the file again")
    times = np.array([time for time, _ in stamped])
    if not np.isfinite(times).all():
        raise InputError(place, "timestamp", "is not finite in some line", "copy the file again")
    return times, [words for _, words in stamped]


def _pose(files: SceneFolder, words: list[str]) -> np.ndarray:
    """Turn tx ty tz qx qy qz qw into a (4, 4) camera-to-world."""
    try:
        values = np.array(words, dtype=np.float64)
    except ValueError:
        values = np.full(7, np.nan)
    length = np.linalg.norm(values[3:])
    if not np.isfinite(values).all() or abs(length - 1) > 0.01:
        problem = f"is no translation and unit quaternion ({' '.join(words)})"
        raise InputError(files.place(MARKER), "pose", problem, "give tx ty tz qx qy qz qw")
    pose = np.eye(4)
    pose[:3, :3] = Rotation.from_quat(values[3:]).as_matrix()
    pose[:3, 3] = values[:3]
    return pose


def _frame(files: SceneFolder, color_name: str, depth_name: str, pose: np.ndarray) -> Frame:
    color = files.color(color_name)
    height, width = color.shape[:2]
    depth = files.depth(depth_name, (height, width), "tum")
    if files.has("camera-intrinsics.txt"):
        intrinsics = files.intrinsics()
    elif (width, height) == RECOMMENDED_SIZE:
        intrinsics = RECOMMENDED_INTRINSICS
    else:
        problem = f"is {width}x{height}, which TUM's intrinsics are not for"
        raise InputError(files.place(color_name), "size", problem, "add camera-intrinsics.txt")
    return Frame(Camera(intrinsics, pose, width, height), color, depth)
