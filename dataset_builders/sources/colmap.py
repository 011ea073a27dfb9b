"""COLMAP reconstructions: a folder with `images/` and `sparse/0`, binary or text.

`scene.json` in the folder says what a reconstruction cannot know:
    {"scale": "outdoor", "license": "...", "metres_per_unit": 1.68}

`scale` is required. The unit of a reconstruction from images alone is arbitrary; without `metres_per_unit` lengths,
depths among them, stay in that unit, the scene is not `metric`, and no question that rests on a length is asked. GPS
in the images is no substitute: it is off by as much as such scenes are large.

The axes of the world are those of the reconstruction: nothing in its files says where up is. As there are no objects,
no question refers to up.

Frames are the registered images by name. Distorted images are undistorted by COLMAP and cut to where there are pixels.
Depths are those of the reconstructed points that several images fix well, at the pixels where they project; all other
depths are unknown. COLMAP puts (0.5, 0.5) at the centre of the first pixel, a `Camera` (0, 0).
"""

import os
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import ClassVar

import numpy as np
import pycolmap

from dataset_builders.conversation import select_frames
from dataset_builders.errors import InputError
from dataset_builders.scene import Camera, Frame, Scene, validate_scene
from dataset_builders.sources import SceneRef
from dataset_builders.sources.colmap_model import read_model
from dataset_builders.sources.fields import positive_or_none
from dataset_builders.sources.files import scene_folders
from dataset_builders.sources.rgbd_files import SceneFolder
from dataset_builders.sources.sparse import sparse_depth
from dataset_builders.taxonomy import SCALES

MODEL = "sparse/0"
MOST_PIXELS_OFF, LEAST_DEGREES = 2.0, 1.5
"""A point counts where it projects within so many pixels of what was seen, and its rays meet at such an angle."""

SANE = (0.1, 10.0, 1.0)
"""Least and largest focal length, in image widths, and largest distortion of a camera (COLMAP's own limits)."""


@dataclass(frozen=True)
class ColmapSource:
    """Reconstructions from images.

    Attributes:
        folder: One reconstruction, or a folder with one sub-folder per reconstruction.
        num_frames: Frames per scene, evenly spread over the registered images; None for all.
    """

    folder: Path | str
    num_frames: int | None = None
    name: ClassVar[str] = "colmap"

    def __post_init__(self):
        """Refuse a folder without a scene, or a scene of unknown scale."""
        self.refs()

    def refs(self) -> list[SceneRef]:
        """List the scenes by the name of their folder, in alphabetical order."""
        return list(self._refs)

    def load(self, ref: SceneRef) -> Scene:
        """Load one reconstruction.

        Raises:
            InputError: if the model or an image is missing, broken, outside the folder, or they disagree.
        """
        folder = self._folder(ref.scene_id)
        about = folder.about()
        metres = positive_or_none(about.get("metres_per_unit"), folder.place("scene.json"), "metres_per_unit")
        model = read_model(folder, MODEL)
        if metres is not None:
            model.transform(pycolmap.Sim3d(metres, pycolmap.Rotation3d(), np.zeros(3)))
        images = sorted((model.images[index] for index in model.reg_image_ids()), key=lambda image: image.name)
        if not images:
            raise InputError(folder.place(MODEL), "images", "none is registered", "give a model with poses")
        pycolmap.ObservationManager(model).filter_all_points3D(MOST_PIXELS_OFF, LEAST_DEGREES)
        chosen = select_frames(len(images), self.num_frames or len(images))
        scene = Scene(
            scene_id=ref.scene_id,
            source=self.name,
            license=about["license"],
            scale=ref.scale,
            frames=tuple(_frame(folder, model, images[index]) for index in chosen),
            metric=metres is not None,
        )
        return validate_scene(scene, ref.scene_id)

    def _folder(self, scene_id: str) -> SceneFolder:
        return SceneFolder(self._folders[scene_id], scene_id)

    @cached_property
    def _folders(self) -> dict[str, Path]:
        return scene_folders(self.folder, MODEL)

    @cached_property
    def _refs(self) -> tuple[SceneRef, ...]:
        return tuple(SceneRef(scene_id, _scale(self._folder(scene_id))) for scene_id in self._folders)


def _scale(folder: SceneFolder) -> str:
    scale = folder.about().get("scale")
    if scale not in list(SCALES):
        problem = "is missing" if scale is None else f"is {scale!r}"
        raise InputError(folder.place("scene.json"), "scale", problem, f"give one of {', '.join(SCALES)}")
    return scale


def _frame(folder: SceneFolder, model: pycolmap.Reconstruction, image: pycolmap.Image) -> Frame:
    camera, name = model.cameras[image.camera_id], os.path.join("images", image.name)
    if not np.isfinite(camera.params).all() or camera.is_spherical() or camera.has_bogus_params(*SANE):
        problem = f"{camera.model_name} {camera.params_to_string()} cannot become a pinhole camera"
        raise InputError(folder.place(MODEL), f"camera {camera.camera_id}", problem, "calibrate it again")
    color = folder.color(name)
    if color.shape[:2] != (camera.height, camera.width):
        problem = f"is {color.shape[1]}x{color.shape[0]}, its camera {camera.width}x{camera.height}"
        raise InputError(folder.place(name), "size", problem, "give the images that were reconstructed")
    color, camera = _undistorted(color, camera)
    intrinsics = camera.calibration_matrix()
    intrinsics[:2, 2] -= 0.5
    pose = np.eye(4)
    pose[:3] = image.cam_from_world().inverse().matrix()
    pinhole = Camera(intrinsics, pose, camera.width, camera.height)
    shown = {point.point3D_id for point in image.get_observation_points2D()}
    # An image may still refer to a point that was dropped, if the point did not refer to the image.
    points = [model.points3D[index].xyz for index in shown if model.exists_point3D(index)]
    return Frame(pinhole, color, sparse_depth(np.array(points).reshape(-1, 3), pinhole))


def _undistorted(color: np.ndarray, camera: pycolmap.Camera) -> tuple[np.ndarray, pycolmap.Camera]:
    if camera.is_undistorted():
        return color, camera
    options = pycolmap.UndistortCameraOptions()
    bitmap, pinhole = pycolmap.undistort_image(options, pycolmap.Bitmap.from_array(color), camera)
    return bitmap.to_array(), pinhole
