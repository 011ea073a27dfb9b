"""Names and options of the command line → a source."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from dataset_builders.errors import InputError
from dataset_builders.sources import Source
from dataset_builders.sources.chain import ChainSource
from dataset_builders.sources.drone import DroneSource
from dataset_builders.sources.kitti import KittiSource
from dataset_builders.sources.rgbd import RgbdSource
from dataset_builders.sources.scannet import ScannetSource
from dataset_builders.sources.sunrgbd import SunRgbdSource
from dataset_builders.sources.synthetic import SyntheticSource
from dataset_builders.sources.tabletop import TabletopSource
from dataset_builders.sources.tum import TumSource
from dataset_builders.sources.vsi_meta import VsiMetaSource

NUM_SCENES, NUM_FRAMES, FRAME_SIZE = 50, 16, (448, 336)
# Which options mean something for which source; the others are refused rather than ignored.
OPTIONS = {
    "synthetic": {"num_frames", "frame_size", "no_media", "gestures"},
    "vsi-meta": {"input"},
    "rgbd": {"input", "num_frames"},
    "tum": {"input", "num_frames"},
    "colmap": {"input", "num_frames"},
    "scannet": {"input"},
    "sunrgbd": {"input"},
    "tabletop": {"input"},
    "kitti": {"input"},
    "drone": {"input", "num_frames"},
}
# Sources that are no more than a folder, or a folder and a number of frames.
FOLDERS = {
    "vsi-meta": VsiMetaSource,
    "scannet": ScannetSource,
    "sunrgbd": SunRgbdSource,
    "tabletop": TabletopSource,
    "kitti": KittiSource,
}
VIDEOS = {"rgbd": RgbdSource, "tum": TumSource, "drone": DroneSource}


@dataclass(frozen=True)
class SourceOptions:
    """What the command line says about sources; None where it says nothing.

    Attributes:
        inputs: Folders, in the order of the sources that need one.
        num_scenes: How many scenes `synthetic` makes.
        seed: Of `synthetic`.
        num_frames: Frames per scene.
        frame_size: Width and height, pixels.
        no_media: Boxes only, nothing rendered.
        gestures: The camera of `synthetic` makes single turns and movements along its own axes.
    """

    inputs: Sequence[str] = ()
    num_scenes: int | None = None
    seed: int = 0
    num_frames: int | None = None
    frame_size: tuple[int, int] | None = None
    no_media: bool = False
    gestures: bool = False

    def recorded(self) -> dict:
        """Return what shapes the scenes, without paths, as JSON."""
        size = self.frame_size and f"{self.frame_size[0]}x{self.frame_size[1]}"
        made = {"num_frames": self.num_frames, "frame_size": size, "no_media": self.no_media}
        return made | ({"gestures": True} if self.gestures else {})


def open_sources(names: Sequence[str], options: SourceOptions) -> Source:
    """Open one source, or several as one.

    Raises:
        InputError: if an option is missing, or given where no source has a use for it.
    """
    meaningful = set().union(*(OPTIONS[name] for name in names))
    given = {
        "input": bool(options.inputs),
        "num_frames": options.num_frames is not None,
        "frame_size": options.frame_size is not None,
        "no_media": options.no_media,
        "gestures": options.gestures,
    }
    place = f"--source {' '.join(names)}"
    for option, is_given in given.items():
        if is_given and option not in meaningful:
            raise InputError(place, f"--{option.replace('_', '-')}", "has no use", "drop it")
    hungry = [name for name in names if "input" in OPTIONS[name]]
    if hungry and not options.inputs:
        raise InputError(place, "--input", "is missing", "name the folder with the scenes")
    if len(hungry) != len(options.inputs):
        problem = f"names {len(options.inputs)} folders for {len(hungry)} sources"
        raise InputError(place, "--input", problem, f"name one for each of {', '.join(hungry)}")
    folders: Mapping[str, str] = dict(zip(hungry, options.inputs, strict=True))
    sources = [_open(name, folders.get(name), options) for name in names]
    return sources[0] if len(sources) == 1 else ChainSource(tuple(sources))


def _open(name: str, folder: str | None, options: SourceOptions) -> Source:
    num_frames = options.num_frames or NUM_FRAMES
    if name in FOLDERS:
        return FOLDERS[name](folder)
    if name == "colmap":
        return _open_colmap(folder, num_frames)
    if name in VIDEOS:
        return VIDEOS[name](folder, num_frames)
    size, rendered = options.frame_size or FRAME_SIZE, not options.no_media
    num_scenes = options.num_scenes or NUM_SCENES
    return SyntheticSource(num_scenes, options.seed, num_frames, size, rendered, options.gestures)


def _open_colmap(folder: str, num_frames: int) -> Source:
    # Only this source needs pycolmap, which is large.
    try:
        from dataset_builders.sources.colmap import ColmapSource
    except ModuleNotFoundError as error:
        raise InputError(
            "--source colmap", error.name, "is not installed", "pip install 'spacevista[sources]'"
        ) from None
    return ColmapSource(folder, num_frames)
