"""Which objects two images share, and which one of them alone shows, against masks and projected boxes."""

from dataclasses import replace

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from dataset_builders.scene import Camera, Frame, Scene
from dataset_builders.vst.image_pairs import image_pairs, indistinct

NORTH = (0, 0, 1.5)


def pairs(scene: Scene):
    return list(image_pairs(scene, np.random.default_rng(0)))


def test_a_pair_shares_an_object_and_one_image_has_one_of_its_own(by_hand):
    names = ("bed", "chair", "chair", "chair", "lamp", "sofa")
    objects = [by_hand.cube(place, name, (place, 3, 1)) for place, name in enumerate(names, start=1)]
    poses = [by_hand.level_pose(NORTH, 0)] * 2
    (pair,) = pairs(by_hand.masked(objects, poses, [(1, 2, 5), (1, 3, 4, 6)]))
    assert pair.shared == {1} and pair.own == ({2, 5}, {3, 4, 6}) and pair.indices == (0, 1)
    # The second image has two chairs, of which a name tells neither; the first has one.
    assert [anchor.name for anchor in pair.anchors] == [
        "chair in the first image",
        "lamp in the first image",
        "sofa in the second image",
    ]
    assert pair.told == "Here are two images of one place."
    assert indistinct(by_hand.masked(objects, poses, [(1, 2, 5), (1, 3, 4, 6)])) == 2
    assert not pairs(by_hand.masked(objects, poses, [(2, 5), (3, 6)]))  # nothing in common
    assert not pairs(by_hand.masked(objects, poses, [(1, 5), (1, 5)]))  # nothing of its own
    assert not pairs(by_hand.masked(objects, poses[:1], [(1, 5)]))


def test_a_trace_in_the_other_image_is_enough_to_be_in_both(by_hand):
    objects = [by_hand.cube(place, name, (place, 3, 1)) for place, name in enumerate(("bed", "lamp", "sofa"), 1)]
    scene = by_hand.masked(objects, [by_hand.level_pose(NORTH, 0)] * 2, [(1, 2), (1, 3)])
    scene.frames[1].instances[0, 0] = 2  # a single pixel of the lamp
    (pair,) = pairs(scene)
    assert [anchor.name for anchor in pair.anchors] == ["sofa in the second image"] and pair.shared == {1}


def test_where_labels_leave_objects_out_no_name_tells_one(by_hand):
    objects = [by_hand.cube(place, name, (place, 3, 1)) for place, name in enumerate(("bed", "lamp", "sofa"), 1)]
    scene = by_hand.masked(objects, [by_hand.level_pose(NORTH, 0)] * 2, [(1, 2), (1, 3)])
    (pair,) = pairs(replace(scene, complete=False))
    assert pair.anchors == () and pair.own == ({2}, {3})


def test_frames_are_told_by_their_place_or_by_a_mark(by_hand):
    seen = set()
    for scene in by_hand.rendered(count=4):
        for pair in pairs(scene):
            early, late = pair.indices
            present = [set(np.unique(scene.frames[index].instances)) - {0} for index in pair.indices]
            assert early < late and pair.shared <= present[0] & present[1]
            assert pair.own[0].isdisjoint(present[1]) and pair.own[1].isdisjoint(present[0])
            marks = [region.frame_index for region in pair.frames.regions]
            seen.add("ends" if not marks else "marked")
            assert marks == ([] if (early, late) == (0, 3) else [early, late])
            words = [f"{region.colour} point" for region in pair.frames.regions] or ["first frame", "last frame"]
            assert all(word in pair.told for word in words)
    assert seen == {"ends", "marked"}


@given(seed=st.integers(0, 10_000))
@settings(deadline=None, max_examples=60)
def test_without_masks_only_what_cannot_reach_into_the_other_picture_is_in_one_alone(by_hand, seed):
    """Of every box points are drawn; none of an image's own objects has one in the other picture."""
    rng = np.random.default_rng(seed)
    objects = [
        by_hand.cube(place, f"thing{place}", rng.uniform((-4, -4, 0), (4, 4, 2)), rng.uniform(0.2, 1.5))
        for place in range(1, 12)
    ]
    intrinsics, frames = np.array([[60.0, 0, 39.5], [0, 60, 29.5], [0, 0, 1]]), []
    for _ in range(2):
        pose = by_hand.level_pose(rng.uniform((-3, -3, 1), (3, 3, 2)), rng.uniform(0, 360))
        frames.append(Frame(Camera(intrinsics, pose, 80, 60), np.zeros((60, 80, 3), np.uint8)))
    for pair in pairs(Scene("place", "test", "none", "indoor", tuple(objects), tuple(frames))):
        for own, other in zip(pair.own, frames[::-1], strict=True):
            for item in (item for item in objects if item.instance_id in own):
                inside = item.center + rng.uniform(-0.5, 0.5, (400, 3)) * item.size
                local = by_hand.in_camera(inside, other.camera.camera_to_world)
                local = local[local[:, 2] > 0]
                pixels = (local / local[:, 2:]) @ intrinsics.T
                assert not ((pixels[:, :2] > -0.5) & (pixels[:, :2] < [79.5, 59.5])).all(1).any()


def test_images_without_intrinsics_and_masks_show_nothing(by_hand):
    objects = [by_hand.cube(place, name, (place, 3, 1)) for place, name in enumerate(("bed", "lamp"), 1)]
    camera = Camera(np.full((3, 3), np.nan), by_hand.level_pose(NORTH, 0), 80, 60)
    frame = Frame(camera, np.zeros((60, 80, 3), np.uint8))
    assert not pairs(Scene("place", "test", "none", "indoor", tuple(objects), (frame, frame)))
