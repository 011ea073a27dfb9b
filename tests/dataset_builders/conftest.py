"""Small inputs in the published layouts, written on the fly, and the way to the real ones."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

DATA = Path(__file__).resolve().parents[2].parent / "shared" / "data"
CATEGORIES = ("chair", "table", "sofa", "lamp", "bed", "door")


@pytest.fixture
def real_data():
    """Find a folder of the real data beside the project, or skip."""

    def find(name: str) -> Path:
        if not (DATA / name).is_dir():
            pytest.skip(f"real data {name} is not beside the project (../shared/data)")
        return DATA / name

    return find


def room(seed: int = 0) -> dict:
    """One room as VSI-Bench publishes it: two chairs and one of each other category, in a row 1.5 m apart."""
    rng = np.random.default_rng(seed)
    boxes: dict[str, list] = {}
    for place, category in enumerate(("chair", *CATEGORIES)):
        box = {
            "centroid": [1.5 * place, float(rng.uniform(-1, 1)), 0.5],
            "axesLengths": rng.uniform(0.3, 0.8, 3).tolist(),
            "normalizedAxes": [0, 1, 0, -1, 0, 0, 0, 0, 1],
        }
        boxes.setdefault(category, []).append(box)
    counts = {category: len(group) for category, group in boxes.items()}
    return {"dataset": "scannet", "room_size": 20.5, "object_counts": counts, "object_bbox": boxes}


@pytest.fixture
def write_rooms(tmp_path):
    """Write rooms as one scannet_meta_info_val.json and return its folder."""

    def write(rooms: dict | int) -> Path:
        if isinstance(rooms, int):
            rooms = {f"room{index:02d}": room(index) for index in range(rooms)}
        folder = tmp_path / "rooms"
        folder.mkdir()
        (folder / "scannet_meta_info_val.json").write_text(json.dumps(rooms))
        return folder

    return write


@pytest.fixture
def make_room():
    return room


@pytest.fixture
def write_rgbd():
    """Write a scene in the 7-Scenes layout: a wall that recedes to the right, from 1 m to 3 m."""

    def write(folder: Path, num_frames: int = 2, size: tuple[int, int] = (96, 72)) -> Path:
        folder.mkdir(parents=True)
        width, height = size
        np.savetxt(folder / "camera-intrinsics.txt", [[90, 0, width / 2], [0, 90, height / 2], [0, 0, 1]])
        depth = np.tile(np.linspace(1000, 3000, width).astype(np.uint16), (height, 1))
        depth[0, 0], depth[0, 1] = 0, 65535
        for index in range(num_frames):
            stem, color = f"frame-{35 * index:06d}", np.random.default_rng(index).integers(0, 256, (height, width, 3))
            Image.fromarray(color.astype(np.uint8)).save(folder / f"{stem}.color.jpg")
            Image.fromarray(depth).save(folder / f"{stem}.depth.png")
            pose = np.eye(4)
            pose[0, 3] = 0.1 * index
            np.savetxt(folder / f"{stem}.pose.txt", pose)
        return folder

    return write
