"""A coloured point cloud with the nadir photos of the flight over it, as a source of scenes.

One scene is a folder of
    X.laz or X.las          one file: coloured points in WGS 84 / UTM, metres
    *.jpg, */*.jpg          photos that look straight down, with GPS and focal length in their EXIF and the attitude of
                            the gimbal in their XMP, as DJI writes them; of two with the same name the first counts
    scene.json              optional: {"license": "..."}

The world has X east, Y north and Z up, its origin at the least easting and northing and at the median elevation of
the points. A photo's focal length is its EXIF's; its pose starts from GPS and gimbal and is then matched with the
cloud (see `photo_match`). Over level ground focal length and height trade off: on the flight over Brighton Beach that
this was made with, EXIF and the height by GPS agree with the cloud to 2 %, but heights 5 % off match about as well.

Depths are those of the cloud, where its colours agree with the photo's. Photos that do not match, or of which the
cloud covers little, are left out, and `metadata` lists them. A scene has no objects: nothing names any.
"""

from dataclasses import dataclass
from functools import cached_property
from itertools import product
from pathlib import Path

import numpy as np
from PIL import Image

from dataset_builders.conversation import select_frames
from dataset_builders.errors import InputError
from dataset_builders.scene import Camera, Frame, Scene, validate_scene
from dataset_builders.sources import SceneRef
from dataset_builders.sources.cloud_view import view_cloud
from dataset_builders.sources.photo_match import NadirPose, PhotoMatcher
from dataset_builders.sources.photo_tags import PhotoTags, read_tags
from dataset_builders.sources.point_cloud import PointCloud, read_point_cloud
from dataset_builders.sources.rgbd_files import SceneFolder
from dataset_builders.sources.utm import to_utm

CLOUD_ENDINGS, PHOTO_ENDINGS = (".laz", ".las"), (".jpg", ".jpeg")
FILM_WIDTH = 36.0  # millimetres, to which FocalLengthIn35mmFilm refers
LEAST_CORRELATION = 0.6
LEAST_COVERED = 0.3
"""Of the photo: a narrower strip at one side can be matched with a wrong height."""
MOST_TILT = 5.0  # degrees from straight down


@dataclass(frozen=True)
class DroneSource:
    """A folder that is one scene, or a folder of such folders.

    Attributes:
        folder: One scene, or one sub-folder per scene.
        num_frames: Photos that are matched per scene, evenly spread over those that exist; None for all.
        frame_width: Photos are resized to so many pixels.
    """

    folder: Path | str
    num_frames: int | None = None
    frame_width: int = 448

    name = "drone"

    def __post_init__(self):
        """Refuse a folder without scenes.

        Raises:
            InputError: if there is none.
        """
        if not Path(self.folder).is_dir():
            raise InputError(self.folder, "--input", "is not a folder", "give a folder with a LAZ file and photos")
        if not self._folders:
            raise InputError(self.folder, "*.laz", "is neither here nor one level below", "add the point cloud")

    def refs(self) -> list[SceneRef]:
        """List the scenes by the name of their folder, in alphabetical order."""
        return [SceneRef(scene_id, "drone") for scene_id in self._folders]

    def load(self, ref: SceneRef) -> Scene:
        """Read one scene.

        Raises:
            InputError: if a file is missing, unreadable or outside the folder, its content cannot be right, or no
                photo matches the cloud.
        """
        files = SceneFolder(self._folders[ref.scene_id], ref.scene_id)
        cloud_name = _cloud_name(files)
        cloud = read_point_cloud(files.path(cloud_name), files.place(cloud_name))
        matcher, photos = PhotoMatcher(cloud.points, cloud.colors), _photo_names(self._folders[ref.scene_id])
        frames, left_out = [], []
        for index in select_frames(len(photos), self.num_frames or len(photos)):
            frame = self._frame(files, photos[index], cloud, matcher)
            if frame is None:
                left_out.append(photos[index])
            else:
                frames.append(frame)
        if not frames:
            problem = f"none of {len(left_out)} agrees with {cloud_name}"
            raise InputError(ref.scene_id, "photos", problem, "give nadir photos that the point cloud covers")
        scene = Scene(
            scene_id=ref.scene_id,
            source=self.name,
            license=files.about()["license"],
            scale=ref.scale,
            frames=tuple(frames),
            metadata={"utm_zone": cloud.zone, "origin": cloud.origin.tolist(), "photos_left_out": left_out},
        )
        return validate_scene(scene, ref.scene_id)

    @cached_property
    def _folders(self) -> dict[str, Path]:
        folder = Path(self.folder)
        if _has_cloud(folder):
            return {folder.resolve().name: folder}
        return {path.name: path for path in sorted(folder.iterdir()) if path.is_dir() and _has_cloud(path)}

    def _frame(self, files: SceneFolder, name: str, cloud: PointCloud, matcher: PhotoMatcher) -> Frame | None:
        """Return the photo with its pose and depth, or None where it does not match the cloud."""
        image, place = files.image(name), files.place(name)
        tags = read_tags(image, place)
        if abs(tags.pitch + 90) > MOST_TILT:
            raise InputError(place, "GimbalPitchDegree", f"is {tags.pitch}", "leave out photos that do not look down")
        width, height = self.frame_width, max(1, round(self.frame_width * image.height / image.width))
        color = np.asarray(image.convert("RGB").resize((width, height), Image.Resampling.BOX))
        focal = tags.focal_35mm / FILM_WIDTH * width
        intrinsics = np.array([[focal, 0, (width - 1) / 2], [0, focal, (height - 1) / 2], [0, 0, 1]])
        pose, correlation = matcher.refine(_starts(tags, cloud), color.mean(axis=2), intrinsics)
        if correlation < LEAST_CORRELATION:
            return None
        camera = Camera(intrinsics, pose.camera_to_world(), width, height)
        view = view_cloud(cloud.points, cloud.colors, camera)
        covered = (view.depth > 0).mean() >= LEAST_COVERED
        return Frame(camera, color, view.agreeing_depth(color)) if covered else None


def _starts(tags: PhotoTags, cloud: PointCloud) -> list[NadirPose]:
    """List where a photo may have been taken.

    The elevations of the cloud can be those of GPS, and take-off can have been at the height of most points. Photos on
    the way back can be upside down against the gimbal's yaw: 6 of 18 are in the flight that this was made with.
    """
    east, north = to_utm(tags.latitude, tags.longitude, cloud.zone, cloud.southern)
    heights = (tags.altitude - cloud.origin[2], tags.relative_altitude)
    return [
        NadirPose(np.array([east - cloud.origin[0], north - cloud.origin[1], height]), np.radians(tags.yaw + turn))
        for height, turn in product(heights, (0, 180))
    ]


def _has_cloud(folder: Path) -> bool:
    return any(path.suffix.lower() in CLOUD_ENDINGS for path in folder.iterdir())


def _cloud_name(files: SceneFolder) -> str:
    names = [name for name in files.listing() if name.lower().endswith(CLOUD_ENDINGS)]
    if len(names) > 1:
        raise InputError(files.place(names[1]), "file", f"is a second point cloud beside {names[0]}", "keep one")
    return names[0]


def _photo_names(folder: Path) -> list[str]:
    """List the photos here and one level below by their path in the folder, in the order of their names."""
    found: dict[str, str] = {}
    for path in (*sorted(folder.glob("*")), *sorted(folder.glob("*/*"))):
        if path.suffix.lower() in PHOTO_ENDINGS:
            found.setdefault(path.stem, path.relative_to(folder).as_posix())
    if not found:
        raise InputError(folder.resolve().name, "*.jpg", "no photo here or one level below", "add the photos")
    return [found[stem] for stem in sorted(found)]
