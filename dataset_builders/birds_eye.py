"""A picture of a scene from straight above, to look at or to send with a question (VST, section 3 and appendix C.1).

The way in which the first image looks points up, so that left and right in it are left and right in the picture; the
text does not say how its pictures are turned, and gives the teacher its objects in the axes of the first camera.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from dataset_builders.errors import InputError
from dataset_builders.geometry import Boxes, backproject
from dataset_builders.scene import Camera, Scene, SceneObject, has_intrinsics
from dataset_builders.top_view import MARGIN, Style, TopView, hull, top_view

SIDE = 840
"""Pixels, longest side without the names that stand at the right."""
FONT_SIZE = 17
PAD = 2  # pixels round a name
SMOOTH = 2  # lines are drawn so much larger and reduced, since Pillow draws them with steps
REACH = 0.15  # how far the drawn view of a camera reaches, as a part of the scene
LONGEST = 32  # letters of a name
PALETTE = ("#E69F00", "#56B4E9", "#009E73", "#F0E442", "#0072B2", "#CC79A7")
"""Fills, by category: Okabe and Ito's colours for all kinds of colour vision, https://jfly.uni-koeln.de/color/."""
CAMERA = "#D55E00"
"""Of the same set."""


@dataclass(frozen=True)
class Theme:
    """Colours of what is not an object.

    Attributes:
        ground: Behind everything.
        ink: Of text and outlines.
    """

    ground: str
    ink: str


LIGHT, DARK = Theme("#FFFFFF", "#1A1A1A"), Theme("#15171A", "#F2F2F2")


def birds_eye(
    scene: Scene, *, frames: Sequence[int] | None = None, objects: Sequence[int] | None = None, theme: Theme = LIGHT
) -> Image.Image:
    """Draw a scene from above: objects with their names, cameras with what they see, and a bar for the scale.

    The same scene always gives the same pixels with one version of Pillow, which brings the font.

    Args:
        scene: The scene.
        frames: Indices of the images to show, called `image 1`, … in this order; all by default.
        objects: Ids of the objects to show; all by default. Those listed first are named first, so nearest to their
            place. An object is called by its category, and by its id too (`chair #4`) where it shares that.
        theme: `LIGHT` or `DARK`.

    Returns:
        RGB, `SIDE` wide, or wider where names have no room beside their objects.

    Raises:
        InputError: if there is nothing to show, or no frame or object of a number.

    >>> box = SceneObject(1, "bed", np.zeros(3), np.array([2.0, 1, 1]), np.eye(3))
    >>> birds_eye(Scene("room", "test", "CC0-1.0", "indoor", (box,))).size
    (840, 448)
    """
    return draw_view(lay_out(scene, frames=frames, objects=objects), theme)


def lay_out(scene: Scene, *, frames: Sequence[int] | None = None, objects: Sequence[int] | None = None) -> TopView:
    """Decide where everything of a picture goes; see `birds_eye`."""
    known = {item.instance_id: item for item in scene.objects}
    ids = list(known) if objects is None else list(objects)
    indices = list(range(len(scene.frames))) if frames is None else list(frames)
    for name, wanted, having in (("objects", ids, known), ("frames", indices, range(len(scene.frames)))):
        if missing := [one for one in wanted if one not in having]:
            raise InputError(scene.scene_id, name, f"has no number {missing[0]}", f"give some of {list(having)}")
    items, cameras = [known[one] for one in ids], [scene.frames[one].camera for one in indices]
    if cameras:
        turn = turn_ahead(cameras[0])
        items, cameras = [_turned(item, turn) for item in items], [_turned_camera(one, turn) for one in cameras]
    corners, poses = Boxes.of(items).corners().reshape(-1, 3), [camera.camera_to_world for camera in cameras]
    points = np.concatenate([corners, *(pose[None, :3, 3] for pose in poses)])[:, :2]
    if not len(points) or not np.isfinite(points).all():
        raise InputError(scene.scene_id, "objects and frames", "have no place to draw", "give boxes or poses")
    return top_view(
        [vars(item) for item in items],
        poses,
        scene.scale,
        names=drawn_names(scene, items),
        camera_names=[f"image {number}" for number in range(1, len(cameras) + 1)],
        areas=view_areas(cameras, points),
        style=Style(SIDE, _measure),
    )


def turn_ahead(camera: Camera) -> np.ndarray:
    """(3, 3), about the vertical: takes the way in which a camera looks to +Y.

    Of a camera that looks straight down, or up, it takes there what its image has at the top.
    """
    ahead, top = camera.camera_to_world[:2, 2], -camera.camera_to_world[:2, 1]
    x, y = ahead if np.hypot(*ahead) > 1e-3 else top
    x, y = np.array([x, y]) / np.hypot(x, y)
    return np.array([[y, -x, 0], [x, y, 0], [0, 0, 1]])


def _turned(item: SceneObject, turn: np.ndarray) -> SceneObject:
    return replace(item, center=turn @ item.center, rotation=item.rotation @ turn.T)


def _turned_camera(camera: Camera, turn: np.ndarray) -> Camera:
    pose = np.eye(4)
    pose[:3] = turn @ camera.camera_to_world[:3]
    return replace(camera, camera_to_world=pose)


def drawn_names(scene: Scene, items: Sequence[SceneObject]) -> list[str]:
    """Return what a picture calls objects: categories, with their ids where several of the scene share one."""
    groups, names = scene.by_category(), []
    for item in items:
        name = item.category if len(item.category) <= LONGEST else f"{item.category[: LONGEST - 1]}…"
        names.append(f"{name} #{item.instance_id}" if len(groups[item.category]) > 1 else name)
    return names


def view_areas(cameras: Sequence[Camera], points: np.ndarray) -> list[np.ndarray]:
    """Return what lies in the pictures of cameras up to a distance, from above.

    Args:
        cameras: Those of unknown intrinsics are left out.
        points: (P, 2) metres, what is drawn: the distance is a part of its extent.

    Returns:
        For each camera corners, (K, 2) metres: of a triangle where it looks level.
    """
    # A single camera alone has nothing that its reach could be a part of.
    reach = (REACH * float(np.ptp(points, axis=0).max()) if len(points) else 0) or 1.0
    return [_seen(camera, reach) for camera in cameras if has_intrinsics(camera)]


def _seen(camera: Camera, reach: float) -> np.ndarray:
    right, bottom = camera.width - 0.5, camera.height - 0.5
    pixels = np.array([[-0.5, -0.5], [right, -0.5], [right, bottom], [-0.5, bottom]])
    rays = backproject(pixels, np.full(4, reach), camera.intrinsics) @ camera.camera_to_world[:3, :3].T
    return hull(np.vstack([np.zeros(3), rays])[:, :2] + camera.camera_to_world[:2, 3])


def draw_view(view: TopView, theme: Theme = LIGHT) -> Image.Image:
    """Draw what `lay_out` returns."""
    size = round(view.width), round(view.height)
    image = Image.new("RGB", (size[0] * SMOOTH, size[1] * SMOOTH), theme.ground)
    pen, tint = ImageDraw.Draw(image), ImageDraw.Draw(image, "RGBA")
    categories = sorted({outline.category for outline in view.outlines})
    for outline in view.outlines:
        fill = PALETTE[categories.index(outline.category) % len(PALETTE)]
        _shape(pen, outline.corners, fill, theme.ink, 2)
    for area in view.areas:
        _shape(tint, area, f"{CAMERA}38", CAMERA, 2)
    for number, (x, y, _, _) in enumerate(view.cameras):
        radius = SMOOTH * (6 if number == 0 else 4)
        x, y = SMOOTH * x, SMOOTH * y
        pen.ellipse((x - radius, y - radius, x + radius, y + radius), CAMERA, theme.ink, SMOOTH)
    for label in view.labels:
        if label.leader:
            pen.line(_scaled([label.leader[:2], label.leader[2:]]), theme.ink, SMOOTH)
    y = view.height - 10
    pen.line(_scaled([(MARGIN, y), (MARGIN + view.bar[0], y)]), theme.ink, 3 * SMOOTH)
    image = image.reduce(SMOOTH)
    pen, font = ImageDraw.Draw(image), _font()
    for label in view.labels:
        # A plate behind the name, so that it reads as well on any fill.
        x0, y0, x1, y1 = label.box
        pen.rounded_rectangle((x0, y0, x1 - 1, y1 - 1), 3, theme.ground)
        pen.text(((x0 + x1) / 2, (y0 + y1) / 2), label.text, theme.ink, font, "mm")
    pen.text((MARGIN, y - 4), view.bar[1], theme.ink, font, "ls")
    return image


def _shape(pen: ImageDraw.ImageDraw, corners: Sequence, fill: str, ink: str, width: int) -> None:
    """Draw a polygon; one without area, a box seen edge on, is a dot."""
    if len(corners) > 2:
        pen.polygon(_scaled(corners), fill, ink, width * SMOOTH)
    else:
        (x, y), radius = _scaled(corners)[0], 2 * SMOOTH
        pen.ellipse((x - radius, y - radius, x + radius, y + radius), ink)


def _scaled(points: Sequence) -> list[tuple[float, float]]:
    return [(SMOOTH * x, SMOOTH * y) for x, y in points]


def _font() -> ImageFont.FreeTypeFont:
    return ImageFont.load_default(FONT_SIZE)


def _measure(text: str) -> tuple[float, float]:
    """Width and height of a name with its plate, pixels."""
    font = _font()
    return float(np.ceil(font.getlength(text)) + 2 * PAD), float(sum(font.getmetrics()) + 2 * PAD)
