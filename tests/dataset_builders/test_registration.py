import numpy as np

from dataset_builders.scene import Camera, Frame
from dataset_builders.sources.registration import DEPTH_INTRINSICS, is_seven_scenes, register_to_color


def frame(depth: np.ndarray) -> Frame:
    camera = Camera(DEPTH_INTRINSICS, np.diag([-1.0, -1.0, 1.0, 1.0]), 640, 480)
    return Frame(camera, np.zeros((480, 640, 3), np.uint8), depth)


def test_a_point_moves_by_the_ratio_of_focal_lengths_and_the_baseline():
    depth = np.zeros((480, 640), np.float32)
    depth[340, 437] = 2.0  # 117 right of and 100 below the centre: at (0.4, 0.342, 2) metres
    registered = register_to_color(frame(depth))
    # x: 525 * (0.4 - 0.025) / 2 = 98.4; y: 525 * 0.3419 / 2 = 89.7
    assert np.argwhere(registered.depth).tolist() == [[240 + 90, 320 + 98]]
    assert registered.depth[330, 418] == 2.0


def test_the_nearer_of_two_depths_hides_the_other():
    depth = np.zeros((480, 640), np.float32)
    # Both fall on colour column 320: 525 * (x - 0.025) / z = 0, that is x = 0.025.
    depth[240, 320 + 15], depth[240, 320 + 5] = 0.975, 2.925
    registered = register_to_color(frame(depth))
    assert np.argwhere(registered.depth).tolist() == [[240, 320]]
    assert registered.depth[240, 320] == np.float32(0.975)


def test_the_camera_becomes_that_of_the_colours():
    before = frame(np.ones((480, 640), np.float32))
    after = register_to_color(before)
    assert after.camera.intrinsics[0, 0] == 525 and after.color is before.color
    assert after.camera.camera_to_world[:3, 3].tolist() == [-0.025, 0, 0]  # the camera's x is the world's -x
    assert is_seven_scenes(before.camera) and not is_seven_scenes(after.camera)
