"""One focal length for all images (VST, Algorithm 1): what a pixel spans no longer depends on the camera.

Pixel (0, 0) is the centre of the top left pixel, as in `Camera`, so an image reaches from -0.5 to W - 0.5. Stretching
it by s leaves its left border, not the middle of its first pixel, where it was: u becomes s (u + 0.5) - 0.5.

The algorithm's W_new = 2 f_new tan(hfov / 2), with hfov = 2 atan(W / 2f), is W f_new / f. Where its text is silent:
- Pixels are whole. W_new and H_new are rounded down and the image is stretched by exactly f_new / f; what reaches over
  the last whole pixel, less than one pixel at the right and at the bottom, is cut off. The focal length is then exact.
- It has one f. Where fx and fy differ, each axis is stretched by its own, after which they are equal.
- It has no bounds: every image is resized, however large or small it becomes. So here, up to the size above which
  Pillow takes an image for an attack, and down to one pixel.
- The principal point stays where it is in the picture, off the middle too, and distortion is not considered.
- Which kernel: bicubic with antialiasing for colours; the nearest pixel for depth and masks, whose values do not mix.

A processor that resizes again, to a multiple of its patch or below a number of pixels, changes the focal length again.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from PIL import Image

from dataset_builders.errors import InputError
from dataset_builders.masks import decode_mask, encode_mask
from dataset_builders.question import Region
from dataset_builders.scene import Camera, Frame, ObjectBox, Scene, has_intrinsics

FOCAL = 696.0
"""Pixels. The text does not give its value. With any from 695.6 to 696.3, a Kinect v2 of SUN RGB-D (730 x 530,
f = 529.5) becomes the camera of Table 23: 69.16 and 53.17 degrees, 959 x 696."""


@dataclass(frozen=True)
class Unification:
    """How the pixels of one camera move.

    Attributes:
        scale: (2,), new pixels per old pixel, along x and y.
        old_size: (width, height), pixels.
        size: (width, height) afterwards, pixels.
    """

    scale: np.ndarray
    old_size: tuple[int, int]
    size: tuple[int, int]

    @classmethod
    def of(cls, camera: Camera, focal: float, place="camera") -> "Unification":
        """Plan the resizing of a camera's images.

        Args:
            camera: The camera.
            focal: The focal length afterwards, pixels.
            place: Named in the error.

        Raises:
            InputError: if either focal length is not positive, or the image would have no pixel or too many.

        >>> plan = Unification.of(Camera(np.diag([529.5, 529.5, 1]), np.eye(4), 730, 530), FOCAL)
        >>> plan.size
        (959, 696)
        """
        if not (np.isfinite(focal) and focal > 0):
            raise InputError(place, "unified focal length", f"is {focal}", "give a positive number of pixels")
        known = camera.intrinsics[[0, 1], [0, 1]]
        if not (np.isfinite(camera.intrinsics).all() and (known > 0).all()):
            raise InputError(place, "focal length", f"is {known.tolist()}", "give positive fx and fy in pixels")
        scale, old = focal / known, (camera.width, camera.height)
        # Rounded, so that a whole number that came out a little too small is not rounded down to the one before.
        wanted = (np.array(old) * scale).round(9)
        if not (wanted >= 1).all() or wanted.prod() > Image.MAX_IMAGE_PIXELS:
            problem = f"would make {wanted[0]:.0f}x{wanted[1]:.0f} of {old[0]}x{old[1]} with fx, fy {known.tolist()}"
            fix = f"give one between 1 pixel and {Image.MAX_IMAGE_PIXELS} in all, or leave the image out"
            raise InputError(place, f"unified focal length {focal:g}", problem, fix)
        return cls(scale, old, (int(wanted[0]), int(wanted[1])))

    @property
    def matrix(self) -> np.ndarray:
        """(3, 3), old homogeneous pixels to new ones; with it the intrinsics become `matrix @ intrinsics`."""
        matrix = np.diag([*self.scale, 1.0])
        matrix[:2, 2] = (self.scale - 1) / 2
        return matrix

    def points(self, points: Sequence) -> np.ndarray:
        """Move points, (P, 2) pixels; one on the outer half of a border pixel goes to the middle of that pixel."""
        moved = (np.asarray(points, float) + 0.5) * self.scale - 0.5
        return np.clip(moved, 0, np.array(self.size) - 1)

    def box(self, bbox: Sequence[float]) -> tuple[int, int, int, int]:
        """Move a box of whole pixels, x1, y1, x2, y2, inclusive: to the pixels whose centres it covers.

        This is the box round a mask of it resized by `nearest`; where that is empty, the one pixel nearest to it.
        """
        low, high = np.array(bbox[:2]) * self.scale, (np.array(bbox[2:]) + 1) * self.scale
        first, last = np.ceil(low - 0.5).astype(int), np.ceil(high - 0.5).astype(int) - 1
        middle = np.floor((low + high) / 2).astype(int)
        first, last = np.where(first <= last, (first, last), middle)
        (x1, y1), (x2, y2) = (np.clip(corner, 0, np.array(self.size) - 1).tolist() for corner in (first, last))
        return x1, y1, x2, y2

    def nearest(self, pixels: np.ndarray) -> np.ndarray:
        """Resize an array, (H, W, …), to the values that the centres of the new pixels fall on."""
        columns, rows = (
            np.minimum(((np.arange(new) + 0.5) / scale).astype(int), old - 1)
            for new, scale, old in zip(self.size, self.scale, self.old_size, strict=True)
        )
        return pixels[rows[:, None], columns]

    def color(self, color: np.ndarray) -> np.ndarray:
        """Resize colours, (H, W, 3) uint8."""
        # Rounding must not let the part of the image that is kept reach over its border, which Pillow refuses.
        kept = np.minimum(np.array(self.size) / self.scale, self.old_size)
        return np.asarray(Image.fromarray(color).resize(self.size, Image.Resampling.BICUBIC, (0, 0, *kept)))


def unify_frame(frame: Frame, focal: float = FOCAL, place="frame") -> Frame:
    """Return a frame as a camera with another focal length would have taken it from the same place.

    The pose, and depth along the optical axis, stay as they are; the frame that was given is not changed.

    Args:
        frame: The frame.
        focal: fx and fy afterwards, pixels.
        place: Named in the error.

    Raises:
        InputError: see `Unification.of`.

    >>> frame = Frame(Camera(np.diag([2.0, 2, 1]), np.eye(4), 4, 3), np.zeros((3, 4, 3), np.uint8))
    >>> unify_frame(frame, 6).camera.intrinsics.tolist(), unify_frame(frame, 6).color.shape
    ([[6.0, 0.0, 1.0], [0.0, 6.0, 1.0], [0.0, 0.0, 1.0]], (9, 12, 3))
    """
    plan = Unification.of(frame.camera, focal, place)
    intrinsics = plan.matrix @ frame.camera.intrinsics
    return replace(
        frame,
        camera=replace(frame.camera, intrinsics=intrinsics, width=plan.size[0], height=plan.size[1]),
        color=plan.color(frame.color),
        depth=None if frame.depth is None else plan.nearest(frame.depth),
        instances=None if frame.instances is None else plan.nearest(frame.instances),
        boxes={number: ObjectBox(plan.box(box.bbox), box.surface) for number, box in frame.boxes.items()},
    )


def unify_scene(scene: Scene, focal: float = FOCAL) -> Scene:
    """Return a scene whose frames all have one focal length; see `unify_frame`.

    A scene in which the intrinsics of a frame are unknown is returned as it is.

    Args:
        scene: The scene, which is not changed; its `metadata` gets, under `unified`, the focal length, and size and
            intrinsics of the original frames.
        focal: fx and fy afterwards, pixels.

    Raises:
        InputError: see `Unification.of`; also if frames of one size would differ in size, which no video can.
    """
    if not scene.frames or not all(has_intrinsics(frame.camera) for frame in scene.frames):
        return scene
    frames = tuple(unify_frame(frame, focal, f"{scene.scene_id}: frame {n}") for n, frame in enumerate(scene.frames))
    before, after = ({(one.camera.width, one.camera.height) for one in group} for group in (scene.frames, frames))
    if len(before) == 1 < len(after):
        (width, height), (other_width, other_height) = sorted(after)[:2]
        problem = f"would be {width}x{height} and {other_width}x{other_height} in one video"
        raise InputError(scene.scene_id, "frames", problem, "make one scene of the frames of each camera")
    unified = {"focal": focal, "originals": _originals(scene.frames)}
    return replace(scene, frames=frames, metadata=scene.metadata | {"unified": unified})


def _originals(frames: Sequence[Frame]) -> list[dict]:
    """Return the distinct cameras of frames as JSON: indices of the frames, size and intrinsics, pixels."""
    groups: dict[tuple, list[int]] = {}
    for index, frame in enumerate(frames):
        camera = frame.camera
        groups.setdefault((camera.width, camera.height, *camera.intrinsics.ravel().tolist()), []).append(index)
    return [
        {"frames": indices, "size": [width, height], "intrinsics": np.reshape(values, (3, 3)).tolist()}
        for (width, height, *values), indices in groups.items()
    ]


def unify_region(region: Region, camera: Camera, focal: float = FOCAL) -> Region:
    """Return a mark on a frame where the unified frame shows the same.

    Args:
        region: The mark.
        camera: That of the frame before it was unified.
        focal: As given to `unify_frame`.

    Raises:
        InputError: see `Unification.of`.
    """
    plan = Unification.of(camera, focal)
    if region.kind == "point":
        return replace(region, point=tuple(plan.points([region.point])[0].tolist()))
    if region.kind == "bbox":
        return replace(region, bbox=plan.box(region.bbox))
    if region.kind == "path":
        return replace(region, path=tuple(map(tuple, plan.points(region.path).tolist())))
    return replace(region, mask=_mask(region.mask, plan))


def _mask(encoded: dict, plan: Unification) -> dict:
    """Resize a mask; one that falls between the centres of all new pixels keeps the one nearest to its first pixel."""
    mask = decode_mask(encoded)
    resized = plan.nearest(mask)
    if mask.any() and not resized.any():
        x, y = plan.points([np.argwhere(mask)[0][::-1]])[0].round().astype(int)
        resized[y, x] = True
    return encode_mask(resized)
