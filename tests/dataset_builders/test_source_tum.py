import pickle
import shutil

import numpy as np
import pytest
from PIL import Image

from dataset_builders.errors import InputError
from dataset_builders.sources.tum import TumSource

TIMES = [100.00, 100.03, 100.06, 100.10]
HALF = np.sqrt(0.5)


def write(folder, size=(640, 480), intrinsics=False):
    """Write four images; depth of number i is 1 + i metres, 8 ms late; the pose turns by 90 degrees about Z."""
    for name in ("rgb", "depth"):
        (folder / name).mkdir(parents=True)
    color, depth, poses = ["# color images"], ["# depth maps"], ["# ground truth"]
    for index, time in enumerate(TIMES):
        Image.new("RGB", size, (10 * index, 0, 0)).save(folder / f"rgb/{time:.6f}.png")
        Image.fromarray(np.full(size[::-1], 5000 * (1 + index), np.uint16)).save(folder / f"depth/{index}.png")
        color.append(f"{time:.6f} rgb/{time:.6f}.png")
        depth.append(f"{time + 0.008:.6f} depth/{index}.png")
        poses.append(f"{time - 0.004:.4f} {index} 2 3 0 0 {HALF} {HALF}")
    (folder / "rgb.txt").write_text("\n".join(color))
    (folder / "depth.txt").write_text("\n".join(depth))
    (folder / "groundtruth.txt").write_text("\n".join(poses))
    if intrinsics:
        np.savetxt(folder / "camera-intrinsics.txt", [[500, 0, 40], [0, 500, 30], [0, 0, 1]])
    return folder


def load(folder, num_frames=None):
    source = pickle.loads(pickle.dumps(TumSource(folder, num_frames)))
    return source.load(source.refs()[0])


def test_images_poses_and_depths_are_joined_by_time(tmp_path):
    scene = load(write(tmp_path / "desk"), num_frames=2)
    assert (scene.scene_id, scene.source, scene.scale, scene.license) == ("desk", "tum", "indoor", "unknown")
    first, last = scene.frames
    assert (first.color[0, 0, 0], last.color[0, 0, 0]) == (0, 30)
    assert (first.depth == 1).all() and (last.depth == 4).all()
    turned = [[0, -1, 0, 3], [1, 0, 0, 2], [0, 0, 1, 3], [0, 0, 0, 1]]
    assert np.allclose(last.camera.camera_to_world, turned)
    assert first.camera.intrinsics.tolist() == [[525, 0, 319.5], [0, 525, 239.5], [0, 0, 1]]


def test_an_image_without_a_pose_near_in_time_is_left_out(tmp_path):
    folder = write(tmp_path / "desk", (80, 60), intrinsics=True)
    lines = (folder / "groundtruth.txt").read_text().splitlines()
    (folder / "groundtruth.txt").write_text("\n".join(lines[:-1]))
    assert [frame.color[0, 0, 0] for frame in load(folder).frames] == [0, 10, 20]


def test_a_folder_of_sequences_gives_one_scene_each(tmp_path):
    for name in ("b", "a"):
        write(tmp_path / name, (80, 60), intrinsics=True)
    assert [ref.scene_id for ref in TumSource(tmp_path).refs()] == ["a", "b"]


def test_a_real_frame_is_decoded(real_data, tmp_path):
    folder = write(tmp_path / "desk")
    shutil.copy(real_data("rgbd_formats") / "TUM_color.png", folder / "rgb/100.000000.png")
    shutil.copy(real_data("rgbd_formats") / "TUM_depth.png", folder / "depth/0.png")
    frame = load(folder).frames[0]
    assert frame.depth[frame.depth > 0].min() == pytest.approx(1.46, abs=0.01)
    assert frame.depth.max() == pytest.approx(9.33, abs=0.01)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("groundtruth.txt", "100 0 0 0 0 0 0 2", "groundtruth.txt: pose: is no translation and unit quaternion"),
        ("groundtruth.txt", "100 0 0 0 0 0 0 x", "groundtruth.txt: pose: is no translation and unit quaternion"),
        ("groundtruth.txt", "100 0 0 0", "groundtruth.txt: lines: do not all hold a timestamp and 7 more"),
        ("rgb.txt", "", "rgb.txt: lines: do not all hold"),
        ("rgb.txt", "soon rgb/100.000000.png", "rgb.txt: timestamp: is not a number"),
        ("rgb.txt", "nan rgb/100.000000.png", "rgb.txt: timestamp: is not finite"),
        ("rgb.txt", "900 rgb/100.000000.png", "rgb.txt: timestamps: none is within 0.02 s"),
        ("rgb.txt", "100 ../../outside.png", "outside.png: file: leads outside"),
        ("rgb.txt", "100 rgb/none.png", "rgb/none.png: file: is missing"),
        ("depth/0.png", "", "depth/0.png: image: is empty"),
    ],
)
def test_bad_files_are_named(tmp_path, name, content, message):
    folder = write(tmp_path / "desk", (80, 60), intrinsics=True)
    (folder / name).write_text(content)
    with pytest.raises(InputError, match=message):
        load(folder)


def test_sizes_without_intrinsics_are_refused(tmp_path):
    with pytest.raises(InputError, match="size: is 80x60.*add camera-intrinsics.txt"):
        load(write(tmp_path / "desk", (80, 60)))
    with pytest.raises(InputError, match="groundtruth.txt: is neither here nor one level below"):
        TumSource(tmp_path / "desk" / "rgb")
    with pytest.raises(InputError, match="--input: is not a folder"):
        TumSource(tmp_path / "nowhere")
